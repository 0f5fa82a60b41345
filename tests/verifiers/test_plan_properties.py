"""Random tasks: our simulators, a plain interpreter and unified-planning's simulator have to agree on every plan."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.verifiers.plan_reference import ARITY, OBJECTS, Maker, SkipTask, Task, pddl, run

from modulo.verifiers.pddl import parsed_task
from modulo.verifiers.plan_check import check, start
from modulo.verifiers.plan_logic import World
from modulo.verifiers.plan_run import PlanRun
from modulo.verifiers.plan_task import StepFault
from modulo.verifiers.plan_up import disagreement
from modulo.verifiers.strips import StripsRun, compiled

SEEDS = st.integers(0, 2**48)


def make(seed: int, *, rich: bool) -> Task:
    try:
        return Maker(seed, rich=rich).task()
    except SkipTask:
        assume(False)
        raise


def judge(task: Task) -> dict[str, Any]:
    return check({"domain": task.domain(), "problem": task.problem(), "candidate": task.text()})


def agrees(task: Task) -> None:
    """The verdict, the step, and the unmet facts are those of the plain interpreter."""
    try:
        failing, unmet, state = run(task)
    except SkipTask:
        assume(False)
    found = judge(task)
    if failing is None and not unmet:
        if found["outcome"] == "unknown":  # what unified-planning does not calculate, it cannot confirm
            assert re.search("could not confirm it: (Assert|ZeroDiv|Key)|refuses", found["critiques"][0]["message"]), (
                found,
                task,
            )
            return
        assert found["outcome"] == "pass", (found, task)
        return
    assert found["outcome"] == "fail"
    critique = found["critiques"][0]
    assert critique["locus"] == ("goal" if failing is None else f"step {failing}")
    assert sorted(critique["counterexample"]["unmet"]) == sorted(map(spelled, unmet))
    assert state is not None


def spelled(tree: Any) -> str:
    """As critiques have it: a double negation is none, and numbers are exact decimals."""
    return pddl(_single(tree))


def _single(tree: Any) -> Any:
    if isinstance(tree, str):
        return tree
    parts = tuple(map(_single, tree))
    if parts[0] != "not" or parts[1][0] != "not":
        return parts
    head, *rest = parts[1][1]
    compares_objects = head == "=" and all(isinstance(part, str) and part[0] in "?abc" for part in rest)
    return parts[1][1] if head in ARITY or compares_objects else parts


@given(SEEDS)
@settings(max_examples=400, deadline=None)
def test_strips_agrees_with_a_plain_interpreter(seed: int) -> None:
    task = make(seed, rich=False)
    assert isinstance(start(task.domain(), task.problem()), StripsRun)
    agrees(task)


@given(SEEDS)
@settings(max_examples=400, deadline=None)
def test_adl_and_numbers_agree_with_a_plain_interpreter_and_with_unified_planning(seed: int) -> None:
    """A pass here includes that unified-planning confirms plan, goal and final state: else it were `unknown`."""
    agrees(make(seed, rich=True))


@given(SEEDS)
@settings(max_examples=150, deadline=None)
def test_strips_agrees_with_unified_planning(seed: int) -> None:
    task = make(seed, rich=False)
    failing, unmet, state = run(task)
    domain, problem = task.domain(), task.problem()
    atoms = {key for key, holds in state.items() if holds is True}
    world = World(atoms, {}, parsed_task(domain, problem).objects)
    why = disagreement(domain, problem, task.plan, world)
    if failing is not None:
        assert why == f"unified-planning refuses step {failing}"
    else:
        assert why == ("unified-planning finds the goal not reached" if unmet else None)


@given(SEEDS)
@settings(max_examples=150, deadline=None)
def test_the_two_simulators_agree(seed: int) -> None:
    task = make(seed, rich=False)
    declared = parsed_task(task.domain(), task.problem())
    strips = compiled(declared)
    assert strips is not None
    runs = StripsRun(strips), PlanRun(declared)
    outcomes = []
    for simulator in runs:
        try:
            for step in task.plan:
                simulator.take(step)
            outcomes.append(str(simulator.unmet_goals()))
        except StepFault as fault:
            outcomes.append(str(fault))
    assert outcomes[0] == outcomes[1]


@given(SEEDS, st.data())
@settings(max_examples=150, deadline=None)
def test_breaking_a_plan_changes_the_verdict_exactly_where_it_breaks_the_plan(seed: int, data: st.DataObject) -> None:
    task = make(seed, rich=True)
    assume(len(task.plan) >= 2)
    position = data.draw(st.integers(0, len(task.plan) - 2))
    if data.draw(st.booleans()):
        del task.plan[position]
    else:
        task.plan[position : position + 2] = reversed(task.plan[position : position + 2])
    agrees(task)


@given(SEEDS, st.sampled_from(sorted(OBJECTS)))
@settings(max_examples=50, deadline=None)
def test_an_argument_too_many_or_too_few_is_never_accepted(seed: int, extra: str) -> None:
    task = make(seed, rich=True)
    assume(task.plan)
    name, *arguments = task.plan[-1]
    for wrong in ((name, *arguments, extra), (name, *arguments[1:]) if arguments else (name, extra)):
        task.plan[-1] = wrong
        found = judge(task)
        assert found["outcome"] in ("fail", "unknown")
        assert found["outcome"] == "unknown" or len(task.plan) > 1 or "arguments where" in str(found["critiques"])


def test_the_plain_interpreter_is_not_always_of_one_mind() -> None:
    """So that an agreement means something."""
    task = Task(
        {"go": (("?x",), [("p", "?x")], [("not", ("p", "?x")), ("r",)])}, [("p", "a")], {}, [("r",)], [("go", "a")]
    )
    assert run(task)[:2] == (None, [])
    task.plan = [("go", "b")]
    assert run(task)[:2] == (1, [("p", "b")])
    task.plan = []
    assert run(task)[:2] == (None, [("r",)])
