"""The contract suite, on every verifier whose answers are data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import Field, JsonValue
from tests.verifiers.contract import Case, VerifierContract

from modulo.types import Problem, Value
from modulo.verifiers.finding import Finding
from modulo.verifiers.function import fail, ok, verifier
from modulo.verifiers.math import factory as math_factory
from modulo.verifiers.plan import factory as plan_factory
from modulo.verifiers.schema import factory as schema_factory
from modulo.verifiers.smt import factory as smt_factory


class Sorted(Value):
    key: str = Field(min_length=1)


@verifier(guarantee="proof", spec=Sorted, name="sorted")
def sorted_by(problem: Problem, candidate: str, spec: Sorted) -> Finding:
    try:
        values = [row[spec.key] for row in json.loads(candidate)]
        if not values or values != sorted(values):
            return fail(f"the rows are not sorted by {spec.key}", locus=spec.key)
    except (ValueError, TypeError, KeyError, RecursionError):
        return fail(f"expected a JSON list of objects with the key {spec.key}")
    return ok()


SMTLIB = """
(declare-datatypes ((Colour 0)) (((red) (|light blue|))))
(declare-const x Int) (declare-fun y () Real) (declare-const c Colour) (declare-const v (_ BitVec 12))
(assert (! (> x 3) :named big_enough))
(assert (! (= (* 3.0 y) (to_real x)) :named third))
(assert (not (= c red)))
(assert (bvult v #x0ff))
"""
PLAN: dict[str, JsonValue] = {
    "domain": "(define (domain d) (:predicates (on) (off)) (:action flip :parameters () :precondition (off)"
    " :effect (and (on) (not (off)))))",
    "problem": "(define (problem p) (:domain d) (:objects) (:init (off)) (:goal (on)))",
}

CASES = [
    Case(
        "smt-smtlib",
        smt_factory,
        {"smtlib": SMTLIB},
        good=[
            '{"x": 4, "y": "4/3", "c": "light blue", "v": 3}',
            ' {"v": "#x0Fe", "c": "light blue", "y": 2.0, "x": 6}\n',
        ],
        bad=[
            '{"x": 4, "y": 1.3333333333333333, "c": "light blue", "v": 3}',
            '{"x": 4, "y": "4/3", "c": "|light blue|", "v": 3}',
            '{"x": 4, "y": "4/3", "c": "light blue", "v": "#xfe"}',
            '{"x": 4, "y": "4/3", "c": "light blue"}',
        ],
    ),
    Case(
        "smt-expressions",
        smt_factory,
        {
            "variables": {"A": ["red", "green"], "B": ["red", "green"], "n": "int"},
            "constraints": ["A != B", "n % 2 == 1"],
        },
        good=['{"A": "red", "B": "green", "n": -3}'],
        bad=[
            '{"A": "red", "B": "red", "n": 3}',
            '{"A": "red", "B": "green", "n": 3.0}',
            '{"A": "red", "B": "green", "n": true}',
            '{"A": "red", "B": "green", "n": 3, "n": 3}',
            '{"A": "red", "B": "green", "n": 3, "m": 3}',
            '{"A": "Red", "B": "green", "n": 3}',
        ],
    ),
    Case(
        "schema",
        schema_factory,
        {"type": "object", "required": ["day"], "properties": {"day": {"format": "date"}}, "minProperties": 1},
        good=['{"day": "2024-02-29"}'],
        bad=['{"day": "2023-02-29"}', '{"day": "2024-02-29", "day": "2024-02-29"}', '{"day": "2024-02-29"} ok'],
    ),
    Case(
        "function",
        sorted_by,
        {"key": "price"},
        good=['[{"price": 1}, {"price": 2}]'],
        bad=['[{"price": 2}, {"price": 1}]', "[]"],
    ),
    Case("math", math_factory, {"equals": "1/3"}, good=["1/3", "\\frac{2}{6}"], bad=["0.33", "3", "1/3 + 1"]),
    Case("plan", plan_factory, PLAN, good=["(flip)"], bad=["(flip) (flip)", "(flop)"]),
]


@pytest.fixture(params=CASES, ids=lambda case: case.id)
def case(request: pytest.FixtureRequest) -> Case:
    chosen: Case = request.param
    return chosen


class TestContract(VerifierContract):
    pass


def test_files_beside_the_problem_are_read_into_the_spec(tmp_path: Path) -> None:
    (tmp_path / "spec.smt2").write_text(SMTLIB, encoding="utf-8")
    assert smt_factory.load({"smtlib_file": "spec.smt2"}, base=tmp_path) == {"smtlib": SMTLIB}
