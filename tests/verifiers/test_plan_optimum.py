"""Fast Downward's optimum against a search of our own, on small random tasks."""

from __future__ import annotations

import heapq
import itertools
import random
from fractions import Fraction

import pytest

from modulo.verifiers import plan_optimal
from modulo.verifiers.pddl import parsed_task
from modulo.verifiers.plan_check import start
from modulo.verifiers.plan_logic import Atom
from modulo.verifiers.plan_run import PlanRun
from modulo.verifiers.plan_task import StepFault
from modulo.verifiers.strips import StripsRun


def dijkstra(domain: str, problem: str, goal: str) -> Fraction | None:
    """The optimum by trying every step in every state; no code of the product but its simulator's."""
    task, run = parsed_task(domain, problem), start(domain, problem)
    steps = [
        (name, *objects)
        for name, action in task.actions.items()
        for objects in itertools.product(task.objects, repeat=len(action.parameters))
    ]
    order, done = itertools.count(), set()
    queue = [(Fraction(0), next(order), task.init)]
    while queue:
        spent, _, atoms = heapq.heappop(queue)
        if atoms in done:
            continue
        done.add(atoms)
        put(run, atoms)
        if not run.unmet_goals():
            return spent
        for step in steps:
            put(run, atoms)
            before = run.cost or Fraction(0)
            try:
                run.take(step)
            except StepFault:
                continue
            price = (run.cost or Fraction(0)) - before if goal == "cost" else Fraction(1)
            heapq.heappush(queue, (spent + price, next(order), taken(run)))
    return None


def put(run: StripsRun | PlanRun, atoms: frozenset[Atom]) -> None:
    if isinstance(run, StripsRun):
        run._state = set(atoms)
    else:
        run.world.atoms = set(atoms)


def taken(run: StripsRun | PlanRun) -> frozenset[Atom]:
    return frozenset(run._state if isinstance(run, StripsRun) else run.world.atoms)


def random_task(seed: int, *, rich: bool) -> tuple[str, str]:
    """A walk over a random graph with keys, tolls and, if `rich`, doors that open for all at once."""
    rng = random.Random(seed)
    places = ["a", "b", "c", "d"]
    roads = [(x, y) for x in places for y in places if x != y and rng.random() < 0.5]
    tolls = " ".join(f"(= (toll {x} {y}) {rng.choice([0, 1, 2, 2.5])})" for x, y in roads if rng.random() < 0.9)
    needs = "(or (lit ?a) (not (dark ?b)))" if rich else "(not (dark ?b))"
    opens = "(forall (?x - (either place thing)) (when (dark ?x) (not (dark ?x))))" if rich else "(not (dark ?p))"
    domain = f"""(define (domain r) (:requirements :adl :action-costs) (:types place thing)
     (:constants a b c d - place z - thing)
     (:predicates (at ?p) (road ?a ?b) (dark ?p) (lit ?p)) (:functions (total-cost) (toll ?a ?b))
     (:action walk :parameters (?a ?b - place) :precondition (and (at ?a) (road ?a ?b) {needs} (not (= ?a ?b)))
      :effect (and (not (at ?a)) (at ?b) (increase (total-cost) (toll ?a ?b))))
     (:action light :parameters (?p - place) :precondition (at ?p)
      :effect (and (lit ?p) {opens} (increase (total-cost) {rng.choice([0, 1, "0.5"])})))
     (:action jump :parameters (?p - place) :precondition (lit ?p) :effect (and (not (at ?p)) (at {rng.choice(places)})
      (not (lit ?p)) (increase (total-cost) 3))))"""
    init = [f"(road {x} {y})" for x, y in roads] + [f"(dark {p})" for p in places[1:] if rng.random() < 0.6]
    goal = f"(and (at {rng.choice(places[1:])}) {rng.choice(['', '(lit a)', '(not (lit a))', '(not (dark c))'])})"
    problem = f"""(define (problem r1) (:domain r)
     (:init (at a) {" ".join(init)} {tolls}) (:goal {goal}) (:metric minimize (total-cost)))"""
    return domain, problem


@pytest.mark.parametrize("rich", [False, True])
@pytest.mark.parametrize("goal", ["cost", "length"])
async def test_the_optimum_is_that_of_a_search_of_our_own(goal: str, rich: bool) -> None:
    solved = 0
    for seed in range(8):
        domain, problem = random_task(seed, rich=rich)
        task = {"domain": domain, "problem": problem, "optimal": goal}
        best = dijkstra(domain, problem, goal)
        found = await plan_optimal._optimum(task, 60, 60)
        assert found == ("Fast Downward says that there is no plan" if best is None else best), (seed, problem)
        solved += best is not None
    assert solved >= 3
