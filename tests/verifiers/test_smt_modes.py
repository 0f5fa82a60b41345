"""`smt` beyond assignments: optima, claims of infeasibility, formulas, and help with unfinished answers."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import pytest

from modulo.errors import ProblemError
from modulo.types import AnswerFormat, Outcome, Problem
from modulo.verifiers.contract import NoSandbox
from modulo.verifiers.smt import factory
from modulo.verifiers.smt_check import check

XY: dict[str, Any] = {"x": "int", "y": "int"}


def said(spec: dict[str, Any], candidate: Any, *, as_json: bool = True) -> dict[str, Any]:
    text = candidate if isinstance(candidate, str) else json.dumps(candidate)
    payload = {"spec": json.dumps(factory.load(spec, base=None)), "candidate": text, "seconds": 20, "as_json": as_json}
    return check(payload)


def message(finding: dict[str, Any]) -> str:
    text: str = finding["critiques"][0]["message"]
    return text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"mode": "maximise"}, "mode"),
        ({"minimize": "x", "maximize": "x"}, "one of minimize and maximize"),
        ({"minimize": "x", "mode": "infeasible"}, "minimize belongs to the mode satisfy"),
        ({"minimize": "x > 1"}, "minimize: expected a number"),
        ({"maximize": "z"}, "maximize: 'z' is not declared"),
        ({"core": "minimal"}, "core belongs to the modes"),
        ({"partial": True, "mode": "entails"}, "partial belongs to the modes"),
        ({"status": "sat"}, "belong to the mode formalise"),
        ({"rlimit": 1}, "rlimit"),
        ({"rlimit": True}, "rlimit"),
        ({"mode": "entails", "constraints": ["x > y", "y > x"]}, "contradict each other"),
        ({"mode": "decide", "variables": {**XY, "status": "int"}}, "status"),
    ],
)
def test_modes_that_do_not_fit_are_refused(fields: dict[str, Any], says: str) -> None:
    spec: Any = {"variables": XY, "constraints": ["x > y"], **fields}
    with pytest.raises(ProblemError) as caught:
        factory.load(spec, base=None)
    assert says in str(caught.value)


KNAPSACK = {
    "variables": {"a": {"int": [0, 5]}, "b": {"int": [0, 5]}},
    "constraints": {"weight": "3*a + 4*b <= 17", "different": "a != b"},
    "maximize": "5*a + 6*b",
}


def test_only_the_optimum_passes_and_it_is_not_given_away() -> None:
    feasible = {(a, b): 5 * a + 6 * b for a in range(6) for b in range(6) if 3 * a + 4 * b <= 17 and a != b}
    best = max(feasible.values())
    for (a, b), value in feasible.items():
        finding = said(KNAPSACK, {"a": a, "b": b})
        assert finding["outcome"] == ("pass" if value == best else "fail")
        if value == best:
            assert finding["evidence"]["proved_by"] == {"z3": "unsat", "cvc5": "unsat"}
        else:
            assert finding["critiques"] == [
                {
                    "message": f"every constraint holds, but a better value than {value} exists (maximize 5*a + 6*b)",
                    "locus": "maximize",
                    "counterexample": None,
                }
            ]
            assert str(best) not in message(finding).replace("17", "")
    assert message(said(KNAPSACK, {"a": 5, "b": 5})).startswith("violated: weight")


def test_an_optimum_that_is_not_attained_or_not_defined() -> None:
    no_greatest = {"variables": {"r": "real"}, "constraints": ["r < 3"], "maximize": "r"}
    assert "a better value than 299/100 exists" in message(said(no_greatest, {"r": 2.99}))
    unbounded = {"smtlib": "(declare-const x Int)(assert (> x 3))", "minimize": "(- x)"}
    assert "a better value" in message(said(unbounded, {"x": 10**20}))
    partial = {"variables": XY, "constraints": ["x >= 0", "x < 9"], "minimize": "1 / (x - 1) + y"}
    assert "division by zero" in message(said(partial, {"x": 1, "y": 0}))


def test_what_the_solver_cannot_decide_within_its_steps_is_unknown() -> None:
    hard = {
        "variables": {"p": "int", "q": "int", "n": "int"},
        "constraints": ["p > 1", "q > 1", "p * q == 1000000016000000063 + n", "n >= 0", "n <= 3"],
        "minimize": "n",
        "rlimit": 20_000,
    }
    found = said(hard, {"p": 2, "q": 500000008000000032, "n": 1})
    again = said(hard, {"p": 2, "q": 500000008000000032, "n": 1})
    assert found["outcome"] == again["outcome"] == "unknown"


CONFLICT = {
    "variables": XY,
    "constraints": {"c1": "x > y", "c2": "y > x", "c3": "x > 3"},
    "mode": "infeasible",
}


@pytest.mark.parametrize(
    ("fields", "claim", "outcome", "says"),
    [
        ({}, {"status": "unsat"}, "pass", ""),
        ({}, {"status": "unsat", "core": ["c2", "c1"]}, "pass", ""),
        ({}, {"status": "unsat", "core": ["c1", "c2", "c3"]}, "pass", ""),
        ({"core": "minimal"}, {"status": "unsat", "core": ["c2", "c1"]}, "pass", ""),
        ({"core": "minimal"}, {"status": "unsat", "core": ["c1", "c2", "c3"]}, "fail", "without c3 the others"),
        ({"core": "required"}, {"status": "unsat"}, "fail", "name the constraints"),
        ({}, {"status": "unsat", "core": ["c1", "c3"]}, "fail", "not in conflict by themselves: c1, c3"),
        ({}, {"status": "unsat", "core": ["c1", "c4"]}, "fail", "no constraint is named 'c4'"),
        ({}, {"status": "unsat", "core": ["c1", "c1", "c2"]}, "fail", "twice"),
        ({}, {"status": "unsat", "core": []}, "fail", "name the constraints"),
        ({}, {"status": "unsat", "core": "c1"}, "fail", "name the constraints"),
        ({}, {"status": "unsat", "why": "c1"}, "fail", "to claim that nothing"),
        ({}, {"status": "sat"}, "fail", "to claim that nothing"),
        ({}, {"x": 1, "y": 2}, "fail", "to claim that nothing"),
        ({}, "[]", "fail", "to claim that nothing"),
        ({}, "unsat", "fail", "not one JSON value"),
        ({"constraints": {"c1": "x > y"}}, {"status": "unsat"}, "fail", "the claim is false"),
        ({"variables": {"x": {"int": [0, 3]}}, "constraints": {"big": "x > 3"}}, {"status": "unsat"}, "pass", ""),
        ({"variables": {"c": ["r", "g"]}, "constraints": ["c != r", "c != g"]}, {"status": "unsat"}, "pass", ""),
        ({"variables": {"x": "real"}, "constraints": ["1 / x == 2", "x == 0"]}, {"status": "unsat"}, "pass", ""),
    ],
)  # fmt: skip
def test_claims_that_nothing_satisfies(fields: dict[str, Any], claim: Any, outcome: str, says: str) -> None:
    finding = said({**CONFLICT, **fields}, claim)
    assert finding["outcome"] == outcome
    if outcome == "pass":
        assert finding["evidence"]["proved_by"] == {"z3": "unsat", "cvc5": "unsat"}
    else:
        assert says in message(finding)


def test_the_counterexample_of_a_false_claim_satisfies_the_constraints() -> None:
    spec = {**CONFLICT, "constraints": {"c1": "x > y", "c2": "y % 7 == 3", "c3": "x < 3"}}
    finding = said(spec, {"status": "unsat"})
    example = finding["critiques"][0]["counterexample"]
    assert said({**spec, "mode": "satisfy"}, example)["outcome"] == "pass"


def test_a_second_solver_that_disagrees_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modulo.verifiers.smt_claims.confirmed", lambda *_: "sat")
    assert said(CONFLICT, {"status": "unsat"})["outcome"] == "unknown"


def test_without_cvc5_the_evidence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modulo.verifiers.smt_prove.find_spec", lambda _: None)
    finding = said(CONFLICT, {"status": "unsat"})
    assert finding["outcome"] == "pass"
    assert finding["evidence"]["proved_by"] == {"z3": "unsat", "cvc5": "not installed"}


def test_to_decide_is_to_give_values_or_a_claim() -> None:
    possible = {"variables": XY, "constraints": {"c1": "x > y"}, "mode": "decide"}
    assert said(possible, {"x": 2, "y": 1})["outcome"] == "pass"
    false = said(possible, {"status": "unsat"})
    assert false["outcome"] == "fail"
    assert false["critiques"][0]["counterexample"] is None  # it would be the answer
    impossible = {**CONFLICT, "mode": "decide"}
    assert said(impossible, {"status": "unsat"})["outcome"] == "pass"
    assert said(impossible, {"x": 2, "y": 1})["outcome"] == "fail"


REFERENCE: dict[str, Any] = {"variables": XY, "constraints": {"c1": "x > y", "c2": "y > 3"}}
SCRIPT = {
    "smtlib": "(declare-datatype C ((r) (g)))(declare-const c C)(declare-const x Int)"
    "(define-fun goal () Bool (> x 3))(assert (! (and goal (= c r)) :named both))"
}


@pytest.mark.parametrize(
    ("mode", "formula", "outcome", "says"),
    [
        ("entailed", "x > 4", "pass", ""),
        ("entailed", "x > 5", "fail", "the constraints hold, but your formula does not"),
        ("entailed", "x == x", "fail", "always holds"),
        ("entailed", "x > 4 and 1 / (x - x) == 1 / (x - x)", "fail", "the constraints hold"),
        ("entails", "x > 9 and y == 8", "pass", ""),
        ("entails", "x > y", "fail", "your formula holds, but not every constraint does"),
        ("entails", "x != x", "fail", "never holds"),
        ("entails", "x > y and y > x", "fail", "never holds"),
        ("equivalent", "y >= 4 and y < x", "pass", ""),
        ("equivalent", "y >= 4 and y <= x", "fail", "your formula holds, but"),
        ("equivalent", "y >= 5 and y < x", "fail", "the constraints hold, but"),
        ("equivalent", "", "fail", ""),
        ("equivalent", "__import__('os').system('x')", "fail", "is not allowed"),
        ("equivalent", "c1 and c2", "fail", "'c1' is not declared"),
        ("equivalent", "x + 1", "fail", "must be true or false"),
        ("equivalent", "(" * 150 + "x" + ")" * 150 + " > y", "fail", "your formula holds, but"),
        ("equivalent", "not " * 3000 + "x > y", "fail", "too deeply"),
        ("equivalent", "x > y or " * 4000 + "x > y", "fail", "at most 20000"),
    ],
)
def test_formulas_as_expressions(mode: str, formula: str, outcome: str, says: str) -> None:
    for finding in (
        said({**REFERENCE, "mode": mode}, {"formula": formula}),
        said({**REFERENCE, "mode": mode}, formula, as_json=False),
    ):
        assert finding["outcome"] == outcome, finding
        if says:
            assert says in message(finding)


@pytest.mark.parametrize(
    ("formula", "outcome", "says"),
    [
        ("(and (>= x 4) (= c r))", "pass", ""),
        ("(assert (>= x 4))\n(assert (not (= c g)))", "pass", ""),
        ("(= c r)", "fail", "your formula holds, but"),
        ("goal", "fail", "unknown constant goal"),
        ("both", "fail", "unknown constant both"),
        ("(! (> x 3) :named q)", "fail", "annotations"),
        ("(and (> x 3) (= c r)) (exit)", "fail", "expected one formula"),
        ('(include "/etc/passwd")', "fail", "unknown constant include"),
        ("(assert true)(check-sat)", "fail", "expected one formula"),
        ("(assert)", "fail", ""),
        ("", "fail", "expected one formula"),
        ("((_ as-array f) x)", "fail", ""),
        ("(= (f x) 1)", "fail", "unknown constant f"),
        ("(> x 3", "fail", "missing"),
        ("(let ((x 4) (c r)) (and (> x 3) (= c r)))", "fail", "your formula holds, but"),
        ("(forall ((x Int)) (> x 3))", "fail", "the constraints hold, but"),
        ("(= ((_ repeat 4096) ((_ repeat 4096) #b1)) ((_ repeat 4096) ((_ repeat 4096) #b1)))", "fail", "bits"),
    ],
)
def test_formulas_in_smtlib(formula: str, outcome: str, says: str) -> None:
    finding = said({**SCRIPT, "mode": "equivalent"}, formula, as_json=False)
    assert finding["outcome"] == outcome, finding
    if outcome == "fail":
        assert says in message(finding)


def test_the_counterexample_to_a_formula_tells_it_from_the_constraints() -> None:
    for formula in ("x > y", "x > y and y > 4", "x == 7 and y == 5 or y > 5"):
        finding = said({**REFERENCE, "mode": "equivalent"}, {"formula": formula})
        values = finding["critiques"][0]["counterexample"]
        holds = eval(formula, {"__builtins__": {}}, values)
        assert holds != (values["x"] > values["y"] > 3)


async def test_modes_go_through_the_verifier() -> None:
    loaded = factory.load({**REFERENCE, "mode": "equivalent"}, base=None)
    verifier = factory.build(loaded, hard=True, sandbox=NoSandbox())
    for answer, candidate in ((AnswerFormat.JSON, '{"formula": "x > y > 3"}'), (AnswerFormat.TEXT, "x > y > 3")):
        problem = Problem(statement="find it", answer=answer)
        assert (await verifier.verify(problem, candidate)).outcome is Outcome.PASS
        (verdict,) = await verifier.verify_many(problem, [candidate])
        assert verdict.outcome is Outcome.PASS
    assert verifier.answer_schema is None


COLOURS = ["red", "green"]


def completable(values: dict[str, str], edges: list[tuple[str, str]]) -> bool:
    free = [n for n in "abcde" if n not in values]
    return any(
        all(full[p] != full[q] for p, q in edges)
        for colours in itertools.product(COLOURS, repeat=len(free))
        for full in [values | dict(zip(free, colours, strict=True))]
    )


@pytest.mark.parametrize("seed", range(12))
def test_conflicts_and_corrections_of_partial_answers_are_minimal(seed: int) -> None:
    rng = random.Random(seed)
    edges = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")]
    values = {n: rng.choice(COLOURS) for n in rng.sample("abcde", 4)}
    spec = {
        "variables": dict.fromkeys("abcde", COLOURS),
        "constraints": {f"{p}{q}": f"{p} != {q}" for p, q in edges},
        "partial": True,
    }
    finding = said(spec, values)
    assert finding["outcome"] == "fail"
    assert "is missing" in finding["critiques"][-1]["message"]
    evidence = finding["evidence"]
    assert evidence["completable"] is completable(values, edges)
    if not evidence["completable"]:
        rules = [edge for edge in edges if "".join(edge) in evidence["constraints_in_conflict"]]
        given = {n: values[n] for n in evidence["values_in_conflict"]}
        assert not completable(given, rules)
        for name in given:
            assert completable({n: v for n, v in given.items() if n != name}, rules)
        for rule in rules:
            assert completable(given, [edge for edge in rules if edge != rule])
        kept = {n: v for n, v in values.items() if n not in evidence["change"]}
        assert completable(kept, edges)
        for name in evidence["change"]:
            assert not completable(kept | {name: values[name]}, edges)
        assert said(spec, values) == finding  # the same every time


def test_a_partial_answer_never_passes_and_is_told_less_without_being_asked() -> None:
    spec = {"variables": XY, "constraints": {"c": "x > y"}}
    for candidate in ({}, {"x": 1}, {"y": 2}):
        assert said(spec, candidate)["outcome"] == "fail"
        assert said({**spec, "partial": True}, candidate)["outcome"] == "fail"
    hopeless = {"variables": XY, "constraints": {"c": "x > y", "d": "y > x"}, "partial": True}
    assert "no answer is possible: c and d" in message(said(hopeless, {"x": 1}))
