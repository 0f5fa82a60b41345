"""Optimality: what is asked, what is believed, and what becomes of processes, time and files."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modulo.errors import MissingExtraError, ProblemError, WorkerError
from modulo.types import Outcome, Problem, Verdict
from modulo.verifiers import plan, plan_optimal
from modulo.verifiers.pddl import parsed_task
from modulo.verifiers.plan import PlanVerifier, factory
from modulo.verifiers.plan_best import appraise, prepare
from modulo.verifiers.plan_encode import UnsuitableError, decode, encode

PROBLEM = Problem(statement="Plan.")

GRID = """
(define (domain grid) (:requirements :strips :typing :action-costs)
 (:types place) (:predicates (at ?p - place) (road ?a ?b - place) (toll-free))
 (:functions (total-cost) - number (toll ?a ?b - place) - number)
 (:action walk :parameters (?a ?b - place) :precondition (and (at ?a) (road ?a ?b))
  :effect (and (not (at ?a)) (at ?b) (increase (total-cost) (toll ?a ?b)) (increase (total-cost) 0.5)))
 (:action sing :parameters () :effect (toll-free))
 (:action fly :parameters (?a ?b - place) :precondition (at ?a)
  :effect (and (not (at ?a)) (at ?b) (increase (total-cost) 9))))
"""
TRIP = """
(define (problem trip) (:domain grid) (:objects a b c d - place)
 (:init (at a) (road a b) (road b c) (road c d) (road a d) (= (toll a b) 1) (= (toll b c) 0.25) (= (toll c d) 1))
 (:goal (at d)) (:metric minimize (total-cost)))
"""
CHEAP, SHORT = "(walk a b)(walk b c)(walk c d)", "(fly a d)"


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    plan_optimal._optima.clear()
    yield
    plan_optimal._optima.clear()


def build(domain: str = GRID, problem: str = TRIP, **bounds: Any) -> PlanVerifier:
    spec = factory.load({"domain": domain, "problem": problem, "seconds": 60, **bounds}, base=None)
    return factory.build(spec, hard=True, sandbox=None)  # type: ignore[arg-type]


async def judge(text: str, **bounds: Any) -> Verdict:
    return await build(**bounds).verify(PROBLEM, text)


async def test_cost_and_length_are_different_questions() -> None:
    """`walk a d` has a road and no toll, so its cost is undefined: it cannot be taken, here as there."""
    cheap, short = await judge(CHEAP, optimal=True), await judge(SHORT, optimal="length")
    assert (cheap.outcome, cheap.evidence["optimal"], cheap.evidence["cost"]) == (Outcome.PASS, "cost", "3.75")
    assert (short.outcome, short.evidence["optimal"]) == (Outcome.PASS, "length")
    assert cheap.evidence["optimum_by"] == "Fast Downward"
    for text, best, message in (
        (SHORT, "cost", "the plan reaches the goal, but a cheaper plan exists"),
        (CHEAP, "length", "the plan reaches the goal, but a shorter plan exists"),
    ):
        worse = await judge(text, optimal=best)
        assert (worse.outcome, worse.critiques[0].message, worse.critiques[0].locus) == (Outcome.FAIL, message, best)
        assert worse.critiques[0].counterexample is None
        assert worse.evidence.keys() == {"steps", "executed", "goals", "goals_met", "cost"}  # of the plan itself
    assert (await judge("(walk a d)", optimal=True)).critiques[0].locus == "step 1"


async def test_steps_that_cost_nothing_matter_for_length_alone() -> None:
    padded = "(sing)(sing)" + CHEAP
    assert (await judge(padded, optimal="cost")).outcome is Outcome.PASS
    assert (await judge("(sing)" + SHORT, optimal="length")).outcome is Outcome.FAIL


def objective(domain: str, problem: str, asked: Any) -> str:
    loaded = factory.load({"domain": domain, "problem": problem, "optimal": asked}, base=None)
    assert isinstance(loaded, dict)
    return str(loaded["optimal"])


def test_what_true_means() -> None:
    assert objective(GRID, TRIP, True) == "cost"
    assert objective(GRID, TRIP.replace("(:metric minimize (total-cost))", ""), True) == "length"
    assert objective(GRID, TRIP.replace("(total-cost)))", "(total-time)))"), True) == "length"
    free = GRID.replace("(increase (total-cost) (toll ?a ?b)) (increase (total-cost) 0.5)", "")
    free = free.replace("(increase (total-cost) 9)", "")
    assert objective(free, TRIP, True) == "length"
    with pytest.raises(ProblemError, match="optimal: no action has a cost; write `optimal: length`"):
        objective(free, TRIP, "cost")
    assert "optimal" not in factory.load({"domain": GRID, "problem": TRIP, "optimal": False}, base=None)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("(increase (total-cost) 9)", "(increase (total-cost) 9.1234567)", "more than six digits"),
        ("(increase (total-cost) 9)", "(increase (total-cost) -1)", "costs are negative"),
        ("(increase (total-cost) 9)", "(increase (total-cost) (+ 1 (toll ?a ?b)))", "not a number or one (function …)"),
        ("(increase (total-cost) 9)", "(increase (total-cost) (/ 1 (toll ?a ?b)))", "is a quotient"),
        ("(increase (total-cost) 0.5)", "(increase (total-cost) (toll ?b ?a))", "not a number or one (function …)"),
        ("(increase (total-cost) 9)", "(when (toll-free) (increase (total-cost) 9))", "without a condition"),
        ("(increase (total-cost) 9)", "(assign (total-cost) 9)", "changes (total-cost)"),
        (":precondition (at ?a)", ":precondition (> (total-cost) 2)", "compares numbers"),
    ],
)
def test_what_fast_downward_cannot_confirm_is_an_error_of_the_spec(old: str, new: str, words: str) -> None:
    assert old in GRID
    with pytest.raises(ProblemError) as caught:
        factory.load({"domain": GRID.replace(old, new), "problem": TRIP, "optimal": "cost"}, base=None)
    assert words in str(caught.value)
    assert caught.value.field == "optimal"


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "find_spec", lambda name: None)
    factory.load({"domain": GRID, "problem": TRIP}, base=None)
    with pytest.raises(MissingExtraError, match=r'Fast Downward, an extra: pip install "llm-modulo\[planning\]"'):
        factory.load({"domain": GRID, "problem": TRIP, "optimal": True}, base=None)


async def test_the_optimum_is_sought_once_and_many_are_judged_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    search = plan_optimal._downward

    async def counted(job: dict[str, Any]) -> tuple[int, str]:
        calls.append(1)
        return await search(job)

    monkeypatch.setattr(plan_optimal, "_downward", counted)
    verifier = build(optimal=True)
    at_once = await asyncio.gather(*(verifier.verify(PROBLEM, text) for text in (CHEAP, SHORT, CHEAP, "(sing)")))
    many = await build(optimal=True).verify_many(PROBLEM, [CHEAP, SHORT, CHEAP, "(sing)"])
    assert [v.outcome.value for v in at_once] == [v.outcome.value for v in many] == ["pass", "fail", "pass", "fail"]
    assert [v.critiques for v in at_once] == [v.critiques for v in many]
    assert len(calls) == 1


HARD_DOMAIN = """
(define (domain slide) (:requirements :strips) (:predicates (in ?t ?x ?y) (empty ?x ?y) (next ?a ?b))
 (:action across :parameters (?t ?x ?y ?z) :precondition (and (in ?t ?x ?y) (empty ?z ?y) (next ?x ?z))
  :effect (and (not (in ?t ?x ?y)) (in ?t ?z ?y) (not (empty ?z ?y)) (empty ?x ?y)))
 (:action along :parameters (?t ?x ?y ?z) :precondition (and (in ?t ?x ?y) (empty ?x ?z) (next ?y ?z))
  :effect (and (not (in ?t ?x ?y)) (in ?t ?x ?z) (not (empty ?x ?z)) (empty ?x ?y))))
"""


def hard() -> tuple[str, str]:
    """A shuffled 24-puzzle, which no optimal planner solves soon, and a plan for it: the shuffling undone."""
    side, rng = 5, random.Random(3)
    cells = list(itertools.product(range(side), repeat=2))
    place = {cell: f"t{i}" for i, cell in enumerate(cells[1:])}
    goal, gap, moves = dict(place), (0, 0), []
    for _ in range(300):
        x, y = rng.choice([(a, b) for a, b in cells if abs(a - gap[0]) + abs(b - gap[1]) == 1])
        tile = place.pop((x, y))
        place[gap] = tile
        if x != gap[0]:
            moves.append(f"(across {tile} n{gap[0]} n{gap[1]} n{x})")
        else:
            moves.append(f"(along {tile} n{gap[0]} n{gap[1]} n{y})")
        gap = (x, y)
    near = " ".join(f"(next n{i} n{i + 1}) (next n{i + 1} n{i})" for i in range(side - 1))
    names = " ".join([*goal.values(), *(f"n{i}" for i in range(side))])

    def spread(cells: dict[Any, str]) -> str:
        return " ".join(f"(in {tile} n{x} n{y})" for (x, y), tile in cells.items())

    problem = (
        f"(define (problem s) (:domain slide) (:objects {names})"
        f" (:init {spread(place)} (empty n{gap[0]} n{gap[1]}) {near}) (:goal (and {spread(goal)})))"
    )
    return problem, "\n".join(reversed(moves))


def children(below: int | None = None) -> set[str]:
    """Running processes below this one, or another, that are Fast Downward."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if int(parent) == (below or os.getpid()) and (b"downward" in command):
                found.add(entry.name)
    return found


async def test_running_out_of_time_is_unknown_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, solution = hard()
    before = set(os.listdir(tempfile.gettempdir()))
    verifier = build(HARD_DOMAIN, problem, optimal=True, seconds=4)
    seen = asyncio.create_task(watch())
    verdict = await verifier.verify(PROBLEM, solution)
    assert await seen  # it did run
    assert verdict.outcome is Outcome.UNKNOWN
    assert "Fast Downward did not find the optimum within 4 s" in verdict.critiques[0].message
    assert verdict.seconds < 6
    assert not children()
    assert not {
        name for name in set(os.listdir(tempfile.gettempdir())) - before if "downward" in name or ".sas" in name
    }
    monkeypatch.setattr(plan_optimal, "_downward", None)  # it is not tried again
    assert (await verifier.verify(PROBLEM, solution)).outcome is Outcome.UNKNOWN


async def watch() -> bool:
    for _ in range(60):
        if children():
            return True
        await asyncio.sleep(0.05)
    return False


async def test_cancelling_kills_the_search() -> None:
    problem, solution = hard()
    task = asyncio.create_task(build(HARD_DOMAIN, problem, optimal=True).verify(PROBLEM, solution))
    assert await watch()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not children()
    assert not plan_optimal._optima


def test_it_ends_with_the_process_that_asked(tmp_path: Path) -> None:
    """Killed, the process cannot clean up: the kernel does."""
    problem, solution = hard()
    (tmp_path / "job.json").write_text(json.dumps([HARD_DOMAIN, problem, solution]))
    program = (
        "import asyncio, json, sys; from modulo.types import Problem; from modulo.verifiers.plan import factory\n"
        "domain, problem, solution = json.load(open(sys.argv[1]))\n"
        "spec = factory.load({'domain': domain, 'problem': problem, 'optimal': True, 'seconds': 60}, base=None)\n"
        "verifier = factory.build(spec, hard=True, sandbox=None)\n"
        "asyncio.run(verifier.verify(Problem(statement='x'), solution))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "job.json")])
    try:
        found: set[str] = set()
        deadline = time.monotonic() + 60
        while not found and time.monotonic() < deadline:
            found = children(process.pid)
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    assert found
    while any(Path("/proc", pid).exists() for pid in found) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(Path("/proc", pid).exists() for pid in found)


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    search = plan_optimal._downward

    async def blind(job: dict[str, Any]) -> tuple[int, str]:
        return await search({**job, "search": "astar(blind())", "memory_mb": 100})

    monkeypatch.setattr(plan_optimal, "_downward", blind)
    problem, solution = hard()
    verdict = await build(HARD_DOMAIN, problem, optimal=True).verify(PROBLEM, solution)
    assert verdict.outcome is Outcome.UNKNOWN
    assert "Fast Downward needs more than" in verdict.critiques[0].message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((0, "(a0 o0 o1)\n(a0 o1 o2)\n(a0 o2 o3)\n(a1)\n; cost = 15"), None),
        ((0, "(a2 o0 o3)\n; cost = 36"), "the plan beats Fast Downward's optimum"),
        ((0, "(a1)\n; cost = 0"), "Fast Downward's plan is none"),
        ((0, "(a9)"), "Fast Downward's plan is none"),
        ((0, "nonsense"), "Fast Downward's plan is none"),
        ((12, ""), "Fast Downward says that there is no plan"),
        ((22, ""), "needs more than"),
    ],
)
async def test_what_fast_downward_says_is_checked(
    answer: tuple[int, str], words: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answers(job: dict[str, Any]) -> tuple[int, str]:
        return answer

    monkeypatch.setattr(plan_optimal, "_downward", answers)
    verdict = await judge(CHEAP, optimal=True)
    assert verdict.outcome is (Outcome.PASS if words is None else Outcome.UNKNOWN)
    assert words is None or words in verdict.critiques[0].message


async def test_a_broken_fast_downward_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answers(job: dict[str, Any]) -> tuple[int, str]:
        return 1, ""

    monkeypatch.setattr(plan_optimal, "_downward", answers)
    with pytest.raises(WorkerError, match="failed with exit status 1"):
        await judge(CHEAP, optimal=True)


def test_the_task_as_written_for_fast_downward() -> None:
    task = parsed_task(GRID, TRIP)
    encoded = encode(task, "cost")
    assert encoded.search == "astar(lmcut())"
    for name in ("walk", "toll", "road", "place", "(at "):
        assert name not in encoded.domain + encoded.problem
    assert "(= (f0 o1 o2) 3)" in encoded.problem  # (0.25 + 0.5) × 4
    assert "total-cost" not in encode(task, "length").domain
    assert decode(task, "(a0 o0 o1)\n(a1 )\n; cost = 1 (unit cost)\n") == [("walk", "a", "b"), ("sing",)]
    with pytest.raises(ValueError, match="not a step"):
        decode(task, "(walk a b)")
    with pytest.raises(UnsuitableError):
        prepare({"domain": GRID.replace("(toll ?a ?b)) (", "(total-cost)) ("), "problem": TRIP, "optimal": "cost"})
    assert appraise({"domain": GRID, "problem": TRIP, "plan": "(a2 o0 o3)", "goal": "cost"}) == "9"


def test_time_spent_is_counted() -> None:
    started = time.monotonic()
    verdict = asyncio.run(judge(CHEAP, optimal=True))
    assert 0 < verdict.seconds <= time.monotonic() - started
