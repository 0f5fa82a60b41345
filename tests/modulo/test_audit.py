"""Checking traces again: each way in which a stored trace can say what is not so."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.doubles import Echo, Equals

from modulo import Problem, asolve, recheck
from modulo.api import StoredTrace
from modulo.audit import Difference, Recheck, arecheck
from modulo.bank import EXTRACTOR
from modulo.traces import Trace, TraceStore
from modulo.types import Guarantee, Outcome

Row = dict[str, Any]

PROBLEM = Problem(
    id="two",
    statement="Give x and y.",
    answer="json",
    verifiers=[
        {"smt": {"variables": {"x": "int", "y": "int"}, "constraints": {"big": "x > 3"}}},
        {"smt": {"variables": {"x": "int", "y": "int"}, "constraints": {"even": "y % 2 == 0", "small": "y < 9"}}},
        {"schema": {"type": "object", "maxProperties": 2, "hard": False}},
    ],
)
WRONG, RIGHT = '{"x": 4, "y": 3}', '{"x": 4, "y": 2}'


@pytest.fixture(scope="module")
def stored() -> str:
    """A solve whose attempts are no answer, a wrong one and a right one."""
    solution = asyncio.run(
        asolve(PROBLEM, model=Echo(["I cannot.", WRONG, f"```json\n{RIGHT}\n```"]), strategy="critique_retry", rounds=3)
    )
    assert solution.verified
    return solution.trace.model_dump_json()


@pytest.fixture
def row(stored: str) -> Row:
    found: Row = json.loads(stored)
    return found


async def checked(*rows: Row, **options: Any) -> Recheck:
    return await arecheck([Trace.model_validate(row) for row in rows], **options)


async def test_an_honest_trace_is_the_same(row: Row) -> None:
    result = await checked(row, row)
    assert result.same
    assert result == Recheck(traces=2, verdicts=14)
    assert [len(a["verdicts"]) for a in row["attempts"]] == [1, 3, 3]


def put(*path: Any, to: Any) -> Callable[[Row], None]:
    def change(row: Row) -> None:
        at: Any = row
        for part in path[:-1]:
            at = at[part]
        at[path[-1]] = to

    return change


def both(*changes: Callable[[Row], None]) -> Callable[[Row], None]:
    def change(row: Row) -> None:
        for one in changes:
            one(row)

    return change


def drop(attempt: int, verdict: int) -> Callable[[Row], None]:
    def change(row: Row) -> None:
        del row["attempts"][attempt]["verdicts"][verdict]

    return change


def add(attempt: int, **fields: Any) -> Callable[[Row], None]:
    def change(row: Row) -> None:
        verdicts = row["attempts"][attempt]["verdicts"]
        verdicts.append({**copy.deepcopy(verdicts[0]), **fields})

    return change


def verdict(attempt: int, at: int, name: str, to: Any) -> Callable[[Row], None]:
    return put("attempts", attempt, "verdicts", at, name, to=to)


unsolved = both(
    put("status", to="unverified"),
    put("answer", to=None),
    put("guarantee", to=None),
    put("termination", to="exhausted"),
)
wrong_wins = both(
    put("best", to=1), put("answer", to=WRONG), lambda row: row["attempts"].pop(), lambda row: row["nodes"].pop()
)

DOCTORED: dict[str, tuple[Callable[[Row], None], set[tuple[str, int | None, str | None, Any, Any]]]] = {
    "a fail that became a pass": (
        verdict(1, 1, "outcome", "pass"),
        {("outcome", 1, "smt #2", "pass", "fail")},
    ),
    "a pass that became a fail": (
        both(verdict(2, 0, "outcome", "fail"), unsolved),
        {("outcome", 2, "smt", "fail", "pass")},
    ),
    "no answer that became one": (
        both(verdict(0, 0, "outcome", "pass")),
        {("outcome", 0, EXTRACTOR, "pass", "fail")},
    ),
    "a verified trace without its proof": (
        wrong_wins,
        {
            ("status", None, None, "verified", "unverified"),
            ("answer", None, None, WRONG, None),
            ("guarantee", None, None, "proof", None),
        },
    ),
    "a wrong attempt, forged through and through": (
        both(wrong_wins, verdict(1, 1, "outcome", "pass")),
        {("outcome", 1, "smt #2", "pass", "fail")},
    ),
    "the failing critic made soft": (
        both(wrong_wins, verdict(1, 1, "hard", False)),
        {("hard", 1, "smt #2", False, True)},
    ),
    "the failing critic left out": (
        both(wrong_wins, drop(1, 1)),
        {("verdict", 1, "smt #2", None, "fail")},
    ),
    "the failing critic undecided, and soft": (
        both(wrong_wins, verdict(1, 1, "outcome", "unknown"), verdict(1, 1, "hard", False)),
        {("hard", 1, "smt #2", False, True)},
    ),
    "a verdict too many": (
        add(2, verifier="mine"),
        {("verdict", 2, "mine", "pass", None)},
    ),
    "a third verdict of a name": (
        add(2),
        {("verdict", 2, "smt #3", "pass", None)},
    ),
    "an answer that nobody gave": (
        put("answer", to='{"x": 9, "y": 2}'),
        {("answer", None, None, '{"x": 9, "y": 2}', RIGHT)},
    ),
    "a candidate that its response does not hold": (
        both(put("attempts", 1, "candidate", to=RIGHT), verdict(1, 1, "outcome", "pass"), verdict(1, 1, "score", 1.0)),
        {("candidate", 1, None, RIGHT, WRONG)},
    ),
    "a candidate where there was none": (
        put("attempts", 0, "candidate", to=RIGHT),
        {
            ("candidate", 0, None, RIGHT, None),
            ("verdict", 0, EXTRACTOR, "fail", None),
            ("verdict", 0, "smt", None, "pass"),
            ("verdict", 0, "smt #2", None, "pass"),
            ("verdict", 0, "schema", None, "pass"),
        },
    ),
    "a response that is not in the conversation": (
        put("nodes", 3, "message", "content", to="Something else."),
        {("node", 1, None, "Something else.", WRONG)},
    ),
    "a solved problem that is called unsolved": (
        unsolved,
        {
            ("status", None, None, "unverified", "verified"),
            ("answer", None, None, None, RIGHT),
            ("guarantee", None, None, None, "proof"),
        },
    ),
    "another best": (
        put("best", to=1),
        {("answer", None, None, RIGHT, None), ("guarantee", None, None, "proof", None), ("best", None, None, 1, 2)},
    ),
    "a best that does not exist": (
        put("best", to=7),
        {("answer", None, None, RIGHT, None), ("guarantee", None, None, "proof", None), ("best", None, None, 7, 2)},
    ),
    "a weaker guarantee": (
        both(verdict(2, 0, "guarantee", "tests"), put("guarantee", to="tests")),
        {("guarantee", 2, "smt", "tests", "proof")},
    ),
    "a better score": (
        verdict(1, 1, "score", 0.9),
        {("score", 1, "smt #2", 0.9, 0.5)},
    ),
}


@pytest.mark.parametrize("case", DOCTORED)
async def test_a_doctored_trace_is_found_out(row: Row, case: str) -> None:
    doctor, expected = DOCTORED[case]
    doctor(row)
    result = await checked(row)
    assert {(d.field, d.attempt, d.verifier, d.stored, d.now) for d in result.differences} == expected
    assert result.differing == len(expected)
    assert not result.same


async def test_another_problem_than_the_one_that_was_solved(row: Row) -> None:
    spec = row["problem"]["verifiers"][1]["spec"]
    spec["constraints"]["small"] = "y < 2"
    result = await checked(row)
    fields = [(d.field, d.attempt) for d in result.differences]
    assert {("problem_hash", None), ("spec_hash", None), ("outcome", 2)} <= set(fields)


async def test_a_problem_that_cannot_be_built_is_no_reason_to_stop(row: Row) -> None:
    other = copy.deepcopy(row)
    other["problem"]["verifiers"][0]["name"] = "nonsuch"
    result = await checked(other, row)
    assert (result.traces, result.verdicts) == (2, 7)
    assert "no verifier is called 'nonsuch'" in str([d.now for d in result.differences if d.field == "problem"])


async def test_undecided_verdicts_are_left_out_and_counted(row: Row) -> None:
    for outcome, at in (("unknown", 0), ("error", 1)):
        row["attempts"][1]["verdicts"][at]["outcome"] = outcome
    row["attempts"][0]["verdicts"] = []
    row["attempts"][1]["verdicts"][2]["critiques"] = [{"message": "in other words"}]
    row["attempts"][2]["verdicts"][2].update(version="0.9", score=0.1)
    result = await checked(row)
    assert result.same
    assert (result.verdicts, result.undecided, result.unjudged, result.reworded) == (4, 2, 1, 1)
    ((change),) = result.versions
    assert (change.verifier, change.stored, change.verdicts) == ("schema", "0.9", 1)
    assert change.now != "0.9"


async def test_a_verifier_that_was_an_object_is_needed_again() -> None:
    verifiers = [Equals("42", name="mine"), Equals("42", name="mine")]
    solution = await asolve(Problem(statement="?"), model=Echo(["42"]), verifiers=verifiers)
    trace = solution.trace
    assert (await arecheck([trace], verifiers=verifiers)) == Recheck(traces=1, verdicts=2)
    other = await arecheck([trace], verifiers=[Equals("43", name="mine"), Equals("42", name="mine")])
    assert [(d.verifier, d.now) for d in other.differences] == [("mine", "fail")]
    without = await arecheck([trace])
    assert [(d.field, d.verifier) for d in without.differences] == [("problem", None)]
    assert not without.same
    assert "cannot be checked" in str(without.differences[0].now)


async def test_a_model_is_not_asked_again() -> None:
    opinion = Equals("42", name="judge", guarantee=Guarantee.OPINION, hard=False)
    verifiers = [Equals("42"), opinion]
    solution = await asolve(Problem(statement="?"), model=Echo(["42"]), verifiers=verifiers)
    opinion.calls.clear()
    result = await arecheck([solution.trace], verifiers=verifiers)
    assert (result.same, result.verdicts, result.opinions, opinion.calls) == (True, 1, 1, [])
    forged = json.loads(solution.trace.model_dump_json())
    forged["attempts"][0]["verdicts"][1]["hard"] = True
    result = await checked(forged, verifiers=verifiers)
    assert [(d.field, d.verifier) for d in result.differences] == [("guarantee", None), ("hard", "judge")]


async def test_the_cache_is_not_asked(row: Row) -> None:
    verifier = Equals("42")
    problem = Problem(statement="?")
    solution = await asolve(problem, model=Echo(["42"]), verifiers=[verifier])
    verifier.wanted = "43"
    assert (await arecheck([solution.trace], verifiers=[verifier])).differences[0].now == Outcome.FAIL


async def test_memory_does_not_grow_with_the_traces(row: Row) -> None:
    row["attempts"][1]["verdicts"][1]["outcome"] = "pass"
    made = 0
    told: list[Difference] = []

    def many() -> Iterator[Trace]:
        nonlocal made
        for i in range(1200):
            made += 1
            assert made - len(told) < 20
            yield Trace.model_validate({**row, "trace_id": str(i)})

    result = await arecheck(many(), differs=told.append)
    assert [d.trace_id for d in told] == [str(i) for i in range(1200)]
    assert (result.differing, len(result.differences)) == (1200, 1000)


def test_from_a_file_and_from_a_solution(stored: str, tmp_path: Path) -> None:
    trace = StoredTrace.model_validate_json(stored)
    assert trace.recheck().same
    TraceStore(tmp_path / "t.jsonl").append(trace)
    with (tmp_path / "t.jsonl").open("ab") as file:
        file.write(b'{"trace_id": "torn')
    said: list[str] = []
    assert recheck(tmp_path / "t.jsonl", report=said.append) == Recheck(traces=1, verdicts=7)
    assert len(said) == 1
