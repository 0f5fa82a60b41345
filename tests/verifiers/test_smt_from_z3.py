"""Specs as Python functions that build Z3 constraints."""

from __future__ import annotations

import json
from typing import Any

import pytest
import z3

from modulo import Problem, verify
from modulo.errors import ProblemError
from modulo.types import Outcome
from modulo.verifiers.smt_from_z3 import from_z3

GOOD = {
    "x": 7,
    "y": 3,
    "r": 3.75,
    "b b": 4,
    "s": "aé",
    "c": "light green",
    "a": {"entries": [[7, 3]], "default": 0},
}


def rules() -> dict[str, Any]:
    colour, (red, _) = z3.EnumSort("my colour", ["red", "light green"])
    x, y = z3.Ints("x y")
    table = z3.Array("a", z3.IntSort(), z3.IntSort())
    return {
        "the sum": x + y == 10,
        "power": x**2 < 50,
        "half": 2 * z3.Real("r") == z3.ToReal(x) + z3.Q(1, 2),
        "bits": z3.ULT(z3.BitVec("b b", 8), 5),
        "text": z3.InRe(z3.String("s"), z3.Plus(z3.Range("a", "é"))),
        "colour": z3.Const("c", colour) != red,
        "table": z3.Store(table, 1, 2)[x] > 1,
        "choice": z3.If(x > 3, y > 2, y > 100),
        "count": z3.AtMost(x > 1, y > 1, 2),
        "bound": z3.ForAll([z3.Int("k")], z3.Implies(z3.Int("k") > x, z3.Int("k") > -1)),
    }


def test_a_function_becomes_a_spec_that_needs_it_no_more() -> None:
    entry = from_z3(rules, maximize=lambda: z3.Int("x"), seconds=20)
    problem = Problem.model_validate({"statement": "find it", "answer": "json", "verifiers": [entry]})
    stored = Problem.model_validate_json(json.dumps(problem.to_json()))
    (verdict,) = verify(stored, json.dumps(GOOD))
    assert verdict.outcome is Outcome.PASS
    for name, value in {"x": 6, "r": 3.5, "b b": 5, "s": "", "c": "red"}.items():
        (verdict,) = verify(stored, json.dumps({**GOOD, name: value}))
        assert verdict.outcome is Outcome.FAIL
    (verdict,) = verify(stored, json.dumps({**GOOD, "b b": 5}))
    assert [critique.message for critique in verdict.critiques] == ["violated: bits (bvult |b b| #x05) with b b = 5"]


def test_a_list_has_no_names() -> None:
    entry = from_z3(lambda: [z3.Int("x") > 3, z3.Int("x") < 5])
    problem = Problem.model_validate({"statement": "find it", "answer": "json", "verifiers": [entry]})
    (verdict,) = verify(problem, '{"x": 5}')
    assert [critique.locus for critique in verdict.critiques] == ["assertion 2"]


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: {"a": True}, "constraint a is no Z3 formula"),
        (lambda: [z3.Int("x")], "is no Z3 formula"),
        (lambda: {"a|b": z3.Int("x") > 1}, "cannot be written in SMT-LIB"),
        (lambda: [z3.Int("x\\y") > 1], "cannot be written in SMT-LIB"),
        (lambda: {" \n": z3.Int("x") > 1}, "cannot be written in SMT-LIB"),
    ],
)
def test_what_is_no_spec_is_refused(build: Any, says: str) -> None:
    with pytest.raises(ProblemError, match="smt") as caught:
        from_z3(build)
    assert says in str(caught.value)


def test_values_that_no_answer_can_spell_are_refused() -> None:
    pair, make, _ = z3.TupleSort("pair", [z3.IntSort(), z3.IntSort()])
    with pytest.raises(ProblemError, match="no enumeration"):
        from_z3(lambda: [z3.Const("p", pair) == make(1, 2)])
