"""The contract suite, on every verifier that ships."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import Field, JsonValue

from modulo.adapters.sandboxes import open_sandbox
from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.types import Guarantee, Problem, Value
from modulo.verifiers.combine_spec import all_of_factory, any_of_factory, weighted_factory
from modulo.verifiers.contract import GARBAGE, Case, VerifierContract
from modulo.verifiers.finding import Finding
from modulo.verifiers.function import fail, ok, verifier
from modulo.verifiers.judge import factory as judge_factory
from modulo.verifiers.lint import factory as lint_factory
from modulo.verifiers.math import factory as math_factory
from modulo.verifiers.plan import factory as plan_factory
from modulo.verifiers.predicate import check
from modulo.verifiers.schema import factory as schema_factory
from modulo.verifiers.smt import factory as smt_factory
from modulo.verifiers.tests import factory as tests_factory


class Sorted(Value):
    key: str = Field(min_length=1)


@verifier(guarantee="proof", spec=Sorted, name="sorted", seconds=20)
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


@verifier(guarantee="tests", seconds=0.2)
def patient(problem: Problem, candidate: str) -> Finding:
    if candidate == "wait":
        time.sleep(2)
    return ok() if candidate == "now" else fail("say now")


short = check(
    lambda answer: 0 < len(answer.split()) <= 2 and answer.isascii(), "use one or two words", guarantee="proof"
)
DAY: dict[str, JsonValue] = {
    "type": "object",
    "required": ["day"],
    "properties": {"day": {"format": "date"}},
    "minProperties": 1,
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
        DAY,
        good=['{"day": "2024-02-29"}'],
        bad=['{"day": "2023-02-29"}', '{"day": "2024-02-29", "day": "2024-02-29"}', '{"day": "2024-02-29"} ok'],
        bad_specs=[({}, ""), ({"items": {"pattern": "("}}, "items.pattern"), ({"type": "objekt"}, "type")],
    ),
    Case(
        "function",
        sorted_by,
        {"key": "price"},
        good=['[{"price": 1}, {"price": 2}]'],
        bad=['[{"price": 2}, {"price": 1}]', "[]"],
        bad_specs=[({}, "key"), ({"keys": "price"}, "keys")],
    ),
    Case(
        "function-object",
        patient,
        None,
        good=["now"],
        bad=["later"],
        guarantee=Guarantee.TESTS,
        hard=(True,),
        endless=(None, "wait"),
        bad_specs=[({"spec": 1}, "")],
    ),
    Case(
        "predicate",
        short,
        None,
        good=["yes", "oh yes"],
        bad=["one two three"],
        hard=(True,),
        garbage=["", " ", "\ud800", "(" * 50_000 + " a b", "a b " * 100_000],
    ),
    Case(
        "lint",
        lint_factory,
        {},
        good=["def f(x: int) -> int:\n    return x + 1\n", "import math\nprint(math.pi)"],
        bad=["def f(x: int) -> str:\n    return x + 1\n", "def f(:", "print(nowhere)", "x: int = ''  # type: ignore"],
        guarantee=Guarantee.OPINION,
        hard=(False,),
        garbage=[
            text for text in GARBAGE if text not in ("{}", "[]", "-1e999999999", '"\\udfff"') and '"x"' not in text
        ],
        bad_specs=[({"typos": True}, "typos"), ({"types": 1}, "types")],
        endless=({"seconds": 0.3}, "def f():\n" + " x = f()()()()()()()()()\n" * 7000),
    ),
    Case(
        "all_of",
        all_of_factory,
        {
            "verifiers": [
                {"smt": {"variables": {"n": "int"}, "constraints": ["n > 2"]}},
                {"schema": {"maxProperties": 1}},
            ]
        },
        good=['{"n": 3}'],
        bad=['{"n": 2}', '{"n": 3, "m": 1}', "[]"],
        bad_specs=[
            ({"verifiers": []}, "verifiers"),
            ({"verifiers": [{"schema": {"type": "objekt"}}]}, "verifiers[0].schema.type"),
            (
                {"verifiers": [{"schema": DAY}, {"all_of": {"verifiers": [{"nope": {}}]}}]},
                "verifiers[1].all_of.verifiers[0]",
            ),
            ({"verifiers": [{"schema": DAY}], "stop": "late"}, "stop"),
        ],
    ),
    Case(
        "any_of",
        any_of_factory,
        {
            "verifiers": [{"schema": {"const": 1}}, {"all_of": {"verifiers": [{"schema": {"const": [2]}}]}}],
            "stop": "never",
        },
        good=["1", "1.0", "[2]"],
        bad=["2", "[1]"],
        bad_specs=[({}, "verifiers"), ({"verifiers": [{"judge": {}}]}, "verifiers[0].judge.rubric")],
    ),
    Case(
        "weighted",
        weighted_factory,
        {
            "verifiers": [{"schema": {**DAY, "hard": False}}, {"schema": {"maxProperties": 1, "type": "object"}}],
            "weights": [3, 1],
        },
        good=['{"day": "2024-02-29"}'],
        bad=['{"dya": "2024-02-29"}', '{"day": "2024-02-29", "and": 1}'],
        hard=(False,),
        bad_specs=[
            ({"verifiers": [{"schema": DAY}], "weights": [1, 2]}, ""),
            ({"verifiers": [{"schema": DAY}], "weights": [0]}, ""),
            ({"verifiers": [{"schema": DAY}], "threshold": 0}, "threshold"),
        ],
    ),
    Case("math", math_factory, {"equals": "1/3"}, good=["1/3", "\\frac{2}{6}"], bad=["0.33", "3", "1/3 + 1"]),
    Case("plan", plan_factory, PLAN, good=["(flip)"], bad=["(flip) (flip)", "(flop)"]),
]


MARKS = {"good": '{"remarks": [], "mark": 9}', "bad": '{"remarks": ["say more"], "mark": 2}'}
JUDGE = Case(
    "judge",
    judge_factory,
    {"rubric": "Is it good?"},
    good=["a good answer"],
    bad=["a bad answer"],
    guarantee=Guarantee.OPINION,
    hard=(False,),
    garbage=[f"bad {text}" for text in GARBAGE if len(text) < 50_000],
    bad_specs=[
        ({}, "rubric"),
        ({"rubric": " "}, "rubric"),
        ({"rubric": "r", "threshold": 11}, ""),
        ({"rubric": "r", "scale": 0}, "scale"),
    ],
)
TESTS = Case(
    "tests",
    tests_factory,
    {"entry": "square", "cases": [{"args": [3], "expect": 9}], "hidden": [{"args": [-4], "expect": 16}]},
    good=["def square(x):\n    return x * x"],
    bad=["def square(x):\n    return 9", "def square(x): return 3 *", "def cube(x): return x"],
    guarantee=Guarantee.TESTS,
    bad_specs=[({"entry": "square"}, "cases"), ({"entry": "a b", "cases": [{"args": [1], "expect": 1}]}, "entry")],
    endless=(
        {"entry": "square", "cases": [{"args": [3], "expect": 9}], "call_seconds": 0.5},
        "def square(x):\n    while True: pass",
    ),
)


@pytest.fixture(params=CASES, ids=lambda case: case.id)
def case(request: pytest.FixtureRequest) -> Case:
    chosen: Case = request.param
    return chosen


class TestContract(VerifierContract):
    pass


class TestJudgeContract(VerifierContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        script = tmp_path / "marks.json"
        script.write_text(
            json.dumps({f"a {key} answer": [mark] * 40 for key, mark in MARKS.items()} | {"": [MARKS["bad"]] * 40})
        )
        slow = tmp_path / "slow.json"
        slow.write_text(json.dumps([{"text": MARKS["good"], "delay": 600}]))
        spec: JsonValue = {"rubric": "Is it good?", "model": f"scripted:{script}"}
        endless: JsonValue = {"rubric": "Is it good?", "model": f"scripted:{slow}", "seconds": 0.3}
        return replace(JUDGE, spec=spec, endless=(endless, "a good answer"))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ThreadedSandbox]:
    opened = open_sandbox("bubblewrap")
    assert isinstance(opened, ThreadedSandbox)
    yield opened
    opened.close()


class TestTestsContract(VerifierContract):
    @pytest.fixture
    def case(self, sandbox: ThreadedSandbox) -> Case:
        return replace(TESTS, sandbox=sandbox)


def test_files_beside_the_problem_are_read_into_the_spec(tmp_path: Path) -> None:
    (tmp_path / "spec.smt2").write_text(SMTLIB, encoding="utf-8")
    assert smt_factory.load({"smtlib_file": "spec.smt2"}, base=tmp_path) == {"smtlib": SMTLIB}
