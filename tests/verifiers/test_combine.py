"""Verifiers made of verifiers: every outcome of every combination, and nothing that passes without a reason."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from modulo import all_of, any_of, check, verify, weighted
from modulo.bank import Bank, down
from modulo.errors import ProblemError, UnavailableError, WorkerError
from modulo.extract import extract
from modulo.problems import parse_problem
from modulo.types import AnswerFormat, Critique, Guarantee, Outcome, Problem, Verdict, accepted
from modulo.verifiers.combine_spec import weighted_factory
from modulo.verifiers.combined import Combined, cost
from modulo.verifiers.contract import NoSandbox

PROBLEM = Problem(statement="say it", answer=AnswerFormat.JSON)
PASS, FAIL, UNKNOWN, ERROR = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR
G = Guarantee


@dataclass(eq=False)
class Says:
    """Says one thing about every candidate; `ERROR` raises."""

    outcome: Outcome
    name: str = "says"
    guarantee: Guarantee = Guarantee.PROOF
    hard: bool = True
    version: str = "7"
    score: float | None = None
    error: Exception = field(default_factory=lambda: WorkerError("broken"))
    answer_schema: Any = None
    asked: list[str] = field(default_factory=list)
    verdict_hard: bool | None = None

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        self.asked.append(candidate)
        await asyncio.sleep(0)
        if self.outcome is ERROR:
            raise self.error
        return Verdict(
            verifier=self.name,
            version=self.version,
            outcome=self.outcome,
            hard=self.hard if self.verdict_hard is None else self.verdict_hard,
            guarantee=self.guarantee,
            critiques=() if self.outcome is PASS else (Critique(message=f"it is {self.outcome.value}", locus="here"),),
            evidence={"said": self.outcome.value},
            score=1.0 if self.outcome is PASS else self.score,
        )


def soft(outcome: Outcome, **more: Any) -> Says:
    return Says(outcome, hard=False, **more)


async def ask(verifier: Combined, candidate: str = "x") -> Verdict:
    verdict = await verifier.verify(PROBLEM, candidate)
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict
    assert verdict.outcome is PASS or verdict.critiques
    return verdict


def expected_all(outcomes: Sequence[Outcome]) -> Outcome:
    return next((o for o in (FAIL, ERROR, UNKNOWN) if o in outcomes), PASS)


def expected_any(outcomes: Sequence[Outcome]) -> Outcome:
    return next((o for o in (PASS, ERROR, UNKNOWN) if o in outcomes), FAIL)


MIXES = [list(mix) for size in (1, 2, 3) for mix in itertools.product(Outcome, repeat=size)]


@pytest.mark.parametrize("stop", ["first", "never"])
@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: "-".join(o.value for o in mix))
async def test_outcomes_are_exact(mix: list[Outcome], stop: Any) -> None:
    """Over all mixes of one to three hard members, with a soft one of each outcome beside them that changes nothing."""
    for adviser in (None, *Outcome):
        advisers = [] if adviser is None else [soft(adviser)]
        gates = [Says(outcome) for outcome in mix]
        assert (await ask(all_of(*advisers, *gates, stop=stop))).outcome is expected_all(mix)
        gates = [Says(outcome) for outcome in mix]
        assert (await ask(any_of(*advisers, *gates, stop=stop))).outcome is expected_any(mix)


@pytest.mark.parametrize("stop", ["first", "never"])
@pytest.mark.parametrize("outcome", list(Outcome))
async def test_soft_members_alone_never_pass(outcome: Outcome, stop: Any) -> None:
    for combined in (all_of(soft(outcome), stop=stop), any_of(soft(outcome), stop=stop)):
        verdict = await ask(combined)
        assert verdict.outcome is UNKNOWN
        assert "has no hard member" in verdict.critiques[0].message
        assert not accepted([verdict])
        assert combined.guarantee is G.OPINION


def test_nothing_to_ask_is_an_error() -> None:
    for make in (all_of, any_of):
        with pytest.raises(ValueError, match="at least one verifier"):
            make()
    with pytest.raises(ValueError, match="at least one verifier"):
        weighted({})
    with pytest.raises(TypeError, match="is not a verifier"):
        all_of(lambda problem, candidate: True)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="first or never"):
        all_of(Says(PASS), stop="soon")  # type: ignore[arg-type]


async def test_the_cheap_go_first_and_the_dear_are_spared() -> None:
    schema, tests = Says(FAIL, name="schema", score=0.5), Says(PASS, name="tests")
    verdict = await ask(all_of(tests, schema))
    assert (schema.asked, tests.asked) == (["x"], [])
    assert [c.message for c in verdict.critiques] == ["schema: it is fail"]
    assert verdict.critiques[0].locus == "here"
    assert verdict.score == 0.25
    assert verdict.evidence["members"] == [
        {"verifier": "tests", "version": "7", "hard": True, "outcome": None},
        {
            "verifier": "schema",
            "version": "7",
            "outcome": "fail",
            "hard": True,
            "guarantee": "proof",
            "evidence": {"said": "fail"},
            "score": 0.5,
        },
    ]
    await ask(all_of(tests, schema, stop="never"))
    assert tests.asked == ["x"]
    judge, math = Says(PASS, name="judge", hard=False), Says(PASS, name="math")
    await ask(any_of(judge, tests, math))
    assert (len(math.asked), len(tests.asked), judge.asked) == (1, 1, [])
    names = ["judge", "tests", "lint", "mine", "schema"]
    assert sorted(names, key=lambda name: cost(Says(PASS, name=name))) == ["schema", "mine", "lint", "tests", "judge"]
    assert cost(all_of(math, tests)) == cost(tests)


async def test_an_unknown_does_not_stop_the_search_for_a_failure() -> None:
    first, second = Says(UNKNOWN, name="schema"), Says(FAIL, name="tests")
    assert (await ask(all_of(first, second))).outcome is FAIL
    assert second.asked == ["x"]


async def test_a_pass_means_what_its_members_mean() -> None:
    proof, tests, opinion = Says(PASS), Says(PASS, guarantee=G.TESTS), soft(PASS, guarantee=G.OPINION)
    strict = all_of(proof, tests, opinion)
    assert strict.guarantee is G.TESTS
    assert (await ask(strict)).guarantee is G.TESTS
    loose = any_of(Says(FAIL), tests, opinion)
    assert loose.guarantee is G.PROOF
    assert (await ask(loose)).guarantee is G.TESTS
    assert (await ask(any_of(tests, proof, stop="never"))).guarantee is G.PROOF
    assert (await ask(any_of(all_of(tests), Says(FAIL)))).guarantee is G.TESTS


async def test_a_member_gates_though_its_verdicts_deny_it() -> None:
    liar = Says(FAIL, verdict_hard=False)
    assert (await ask(all_of(Says(PASS), liar))).outcome is FAIL
    assert (await ask(any_of(Says(PASS, hard=False, verdict_hard=True), Says(FAIL)))).outcome is FAIL


async def test_critiques_carry_names_and_alternatives_that_failed_are_dropped_on_a_pass() -> None:
    verdict = await ask(
        any_of(Says(FAIL, name="schema"), Says(PASS, name="smt"), soft(FAIL, name="lint"), stop="never")
    )
    assert [c.message for c in verdict.critiques] == ["lint: it is fail"]
    verdict = await ask(all_of(soft(FAIL, name="lint"), Says(FAIL, name="smt"), Says(FAIL, name="smt"), stop="never"))
    assert [c.message for c in verdict.critiques] == ["smt 1: it is fail", "smt 2: it is fail", "lint: it is fail"]


async def test_what_is_down_is_told_to_the_solve() -> None:
    gone = UnavailableError("the referee is out")
    for combined in (all_of(Says(PASS), Says(ERROR, error=gone)), any_of(Says(ERROR, error=gone))):
        (verdict,) = await Bank(PROBLEM, [combined]).judge("x")
        assert verdict.outcome is ERROR
        assert "the referee is out" in (down([verdict]) or "")
    (verdict,) = await Bank(PROBLEM, [any_of(Says(FAIL), Says(ERROR, error=gone))]).judge("x")
    assert verdict.outcome is ERROR
    assert down([verdict]) is None  # another candidate may pass by the other way
    (verdict,) = await Bank(PROBLEM, [all_of(Says(ERROR))]).judge("x")
    assert down([verdict]) is None


async def test_a_batch_is_asked_in_stages() -> None:
    even = check(lambda text: int(text) % 2 == 0, "not even", guarantee="proof", name="schema")
    dear = Says(PASS, name="tests")
    verdicts = await all_of(dear, even).verify_many(PROBLEM, [str(n) for n in range(20)])
    assert [v.outcome is PASS for v in verdicts] == [n % 2 == 0 for n in range(20)]
    assert sorted(dear.asked, key=int) == [str(n) for n in range(0, 20, 2)]


def test_the_form_of_an_answer_is_passed_through() -> None:
    a, b = {"type": "object"}, {"type": "array"}
    one, two, none = Says(PASS, answer_schema=a), Says(PASS, answer_schema=b), Says(PASS)
    assert all_of(none, one, two).answer_schema == a
    assert all_of(none, soft(PASS, answer_schema=a)).answer_schema is None
    assert any_of(one, two).answer_schema == {"anyOf": [a, b]}
    assert any_of(one, none).answer_schema is None
    assert any_of(one, soft(PASS)).answer_schema == {"anyOf": [a]}
    assert Bank(PROBLEM, [all_of(any_of(one, two))]).answer_schema == {"anyOf": [a, b]}


def test_a_new_version_of_a_member_is_a_new_version() -> None:
    assert all_of(Says(PASS)).version != all_of(Says(PASS, version="8")).version
    assert all_of(all_of(Says(PASS))).version != all_of(all_of(Says(PASS, version="8"))).version


@pytest.mark.parametrize(
    ("members", "outcome", "score"),
    [
        ([(Says(PASS), 1), (Says(PASS), 3)], PASS, 1.0),
        ([(soft(FAIL, score=0.2), 1), (soft(PASS), 3)], PASS, 0.8),
        ([(soft(FAIL, score=0.2), 3), (soft(PASS), 1)], FAIL, 0.4),
        ([(Says(FAIL, score=0.9), 1), (soft(PASS), 99)], FAIL, 0.999),
        ([(Says(FAIL), 1), (Says(ERROR), 99)], FAIL, 0.0),
        ([(Says(UNKNOWN), 1), (soft(PASS), 99)], UNKNOWN, 0.99),
        ([(soft(UNKNOWN), 1), (soft(PASS), 1)], PASS, 0.5),
        ([(soft(UNKNOWN), 2), (soft(PASS), 1)], UNKNOWN, 1 / 3),
        ([(soft(ERROR), 2), (soft(PASS), 1)], ERROR, 1 / 3),
        ([(soft(ERROR), 1), (soft(FAIL), 2)], FAIL, 0.0),
    ],
)
async def test_a_mark_is_a_weighted_mean_and_never_gates(
    members: list[tuple[Says, float]], outcome: Outcome, score: float
) -> None:
    verdict = await ask(weighted(dict(members)))
    assert verdict.outcome is outcome
    assert verdict.score == pytest.approx(score)
    assert not verdict.hard
    assert not accepted([verdict])


def test_weights_and_thresholds_that_make_no_mark() -> None:
    for weight in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="one weight over 0"):
            weighted({Says(PASS): weight})
    for threshold in (0.0, 1.1, float("nan")):
        with pytest.raises(ValueError, match="threshold"):
            weighted({Says(PASS): 1}, threshold=threshold)
    spec: Any = {"verifiers": [{"schema": {"type": "null"}}]}
    with pytest.raises(ProblemError, match="hard: false") as caught:
        weighted_factory.build(weighted_factory.load(spec, base=None), hard=True, sandbox=NoSandbox())
    assert caught.value.field == "hard"


NESTED: dict[str, Any] = {
    "statement": "Give n.",
    "answer": "json",
    "verifiers": [
        {
            "all_of": {
                "stop": "never",
                "verifiers": [
                    {"schema": {"type": "object", "required": ["n"]}},
                    {"any_of": {"verifiers": [{"smt": {"variables": {"n": "int"}, "constraints": {"big": "n > 9"}}}]}},
                    {"weighted": {"verifiers": [{"schema": {"maxProperties": 1, "hard": False}}], "hard": False}},
                ],
            }
        }
    ],
}


def test_they_nest_in_problem_files() -> None:
    problem = parse_problem(NESTED)
    assert parse_problem(problem.to_json()) == problem
    (good,) = verify(problem, '{"n": 10}')
    assert good.outcome is PASS
    (bad,) = verify(problem, '{"n": 1}')
    assert (bad.outcome, bad.guarantee) == (FAIL, G.PROOF)
    assert bad.critiques[0].message.startswith("any_of: smt: violated: big")
    assert bad.critiques[0].locus == "big"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"all_of": {"verifiers": [{"schema": {"type": "x"}}]}}, "verifiers[0].all_of.verifiers[0].schema.type: "),
        ({"all_of": {"verifiers": ["schema"]}}, "verifiers[0].all_of.verifiers[0]: "),
        ({"any_of": {"verifiers": [{"nope": {}}]}}, "verifiers[0].any_of.verifiers[0]: no verifier is called 'nope'"),
        ({"any_of": {"verifiers": []}}, "verifiers[0].any_of.verifiers: "),
        ({"any_of": None}, "verifiers[0].any_of: expected a mapping"),
        ({"all_of": {"verifier": []}}, "verifiers[0].all_of.verifier: no such field"),
        ({"weighted": {"verifiers": [{"schema": {"type": "null"}}], "weights": [1, 1]}}, "one weight over 0 for each"),
    ],
)
def test_what_is_wrong_inside_is_named_from_the_top(spec: dict[str, Any], words: str) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_problem({"statement": "s", "verifiers": [spec]})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_hard_opinion_inside_is_refused_with_its_place() -> None:
    problem = parse_problem({"statement": "s", "verifiers": [{"all_of": {"verifiers": [{"lint": {}}]}}]})
    with pytest.raises(ProblemError, match=r"verifiers\[0\]\.lint\.hard: .*add hard: false"):
        verify(problem, "x = 1")


def test_hidden_tests_stay_hidden() -> None:
    tests = {"entry": "f", "cases": [{"args": [1], "expect": 1}], "hidden": [{"args": [424242], "expect": 171717}]}
    problem = parse_problem(
        {"statement": "s", "answer": "python", "verifiers": [{"all_of": {"verifiers": [{"tests": tests}]}}]}
    )
    (verdict,) = verify(problem, "def f(x):\n    return 1", sandbox="bubblewrap")
    assert verdict.outcome is FAIL
    assert "hidden" in verdict.critiques[0].message
    assert "171717" not in verdict.model_dump_json()
    assert "424242" not in verdict.model_dump_json()


def test_members_tell_the_extractor_what_is_looked_for() -> None:
    tests = {"entry": "square", "cases": [{"args": [2], "expect": 4}]}
    spec = {"any_of": {"verifiers": [{"all_of": {"verifiers": [{"tests": tests}, {"lint": {"hard": False}}]}}]}}
    problem = parse_problem({"statement": "s", "answer": "python", "verifiers": [spec]})
    assert [s.name for s in problem.specs] == ["any_of", "all_of", "tests", "lint"]
    response = "```python\ndef square(x):\n    return x * x\n```\nUse it so:\n```python\nprint(square(2))\n```\n"
    assert extract(response, problem) == "def square(x):\n    return x * x"
