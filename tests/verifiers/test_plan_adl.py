"""Conditional and quantified parts and numbers: expectations derived by hand from PDDL 2.1."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from modulo.errors import MissingExtraError, ProblemError
from modulo.verifiers import plan, plan_up
from modulo.verifiers.plan import factory
from modulo.verifiers.plan_check import check

DELIVERY = """
(define (domain delivery) (:requirements :adl :numeric-fluents :typing)
 (:types truck box - thing place)
 (:predicates (at ?x - thing ?p - place) (in ?b - box ?t - truck) (road ?a ?b - place) (seen ?p - place))
 (:functions (fuel ?t - truck) (dist ?a ?b - place) (total-cost))
 (:action drive :parameters (?t - truck ?a ?b - place)
  :precondition (and (at ?t ?a) (or (road ?a ?b) (road ?b ?a)) (>= (fuel ?t) (/ (dist ?a ?b) 2)))
  :effect (and (not (at ?t ?a)) (at ?t ?b) (seen ?b)
   (decrease (fuel ?t) (/ (dist ?a ?b) 2)) (increase (total-cost) (dist ?a ?b))
   (forall (?x - box) (when (in ?x ?t) (and (not (at ?x ?a)) (at ?x ?b))))))
 (:action load :parameters (?x - box ?t - truck ?p - place)
  :precondition (and (at ?x ?p) (at ?t ?p) (not (exists (?y - box) (in ?y ?t)))) :effect (in ?x ?t))
 (:action refuel :parameters (?t - truck)
  :precondition (forall (?p - place) (imply (at ?t ?p) (seen ?p))) :effect (scale-up (fuel ?t) 2))
 (:action noop :parameters ()))
"""
TWO_ROADS = """
(define (problem two-roads) (:domain delivery) (:objects t - truck b c - box x y z - place)
 (:init (at t x) (at b x) (at c y) (road x y) (road z y)
  (= (fuel t) 3.5) (= (dist x y) 5) (= (dist y z) 3) (= (total-cost) 0))
 (:goal (and (at b z) (seen y))) (:metric minimize (+ (total-cost) (fuel t))))
"""
ROUTE = "(load b t x)(drive t x y)(refuel t)(drive t y z)"


def judge(text: str, domain: str = DELIVERY, problem: str = TWO_ROADS, **bounds: Any) -> dict[str, Any]:
    return check({"domain": domain, "problem": problem, "candidate": text, **bounds})


def test_a_plan_passes_with_the_value_of_the_metric_as_its_cost() -> None:
    found = judge(ROUTE)
    assert found["outcome"] == "pass", found
    assert found["evidence"]["cost"] == "8.5"  # 5 + 3 driven; (3.5 - 2.5) * 2 - 1.5 = 0.5 left
    assert found["evidence"]["confirmed_by"] == "unified-planning"
    assert judge(ROUTE + "(noop)")["outcome"] == "pass"


@pytest.mark.parametrize(
    ("text", "locus", "message", "unmet"),
    [
        (
            "(load b t x)(drive t x y)(drive t y z)",
            "step 3",
            "(>= (fuel t) (/ (dist y z) 2)), where (fuel t) is 1 and (dist y z) is 3",
            ["(>= (fuel t) (/ (dist y z) 2))"],
        ),
        (
            "(refuel t)",
            "step 1",
            "(forall (?p - place) (imply (at t ?p) (seen ?p))), which fails for ?p = x",
            ["(forall (?p - place) (imply (at t ?p) (seen ?p)))"],
        ),
        (
            "(load b t x)(load c t x)",
            "step 2",
            "(at c x), (not (exists (?y - box) (in ?y t)))",
            ["(at c x)", "(not (exists (?y - box) (in ?y t)))"],
        ),
        (
            "(drive t x z)",
            "step 1",
            "(road z x)), (>= (fuel t) (/ (dist x z) 2)), where (fuel t) is 3.5 and (dist x z) is undefined",
            ["(or (road x z) (road z x))", "(>= (fuel t) (/ (dist x z) 2))"],
        ),
        ("(drive t x y)(refuel t)(drive t y z)", "goal", "still to do: (at b z)", ["(at b z)"]),
        ("", "goal", "(at b z), (seen y)", ["(at b z)", "(seen y)"]),
    ],
)
def test_a_fail_names_the_step_what_is_unmet_and_the_numbers(
    text: str, locus: str, message: str, unmet: list[str]
) -> None:
    critique = judge(text)["critiques"][0]
    assert critique["locus"] == locus
    assert message in critique["message"]
    assert critique["counterexample"]["unmet"] == unmet


def test_bounds() -> None:
    assert judge(ROUTE, max_cost="17/2", max_steps=4)["outcome"] == "pass"
    assert judge(ROUTE, max_cost="8.4")["critiques"][0]["message"] == "the plan costs 8.5; at most 8.4 is allowed"
    found = judge(ROUTE, max_steps=3)
    assert found["critiques"][0]["message"] == "the plan has 4 steps; at most 3 are allowed"
    assert (found["outcome"], found["critiques"][0]["locus"]) == ("fail", "length")


HEAD = (
    "(define (domain d) (:requirements :adl :numeric-fluents) (:constants a b)"
    " (:predicates (p ?x) (q ?x) (r)) (:functions (n) (m ?x))"
)


def one(effect: str, goal: str, init: str = "", precondition: str = "()", plan: str = "(go a)") -> dict[str, Any]:
    """One action `go ?x` on the objects a and b."""
    domain = f"{HEAD} (:action go :parameters (?x) :precondition {precondition} :effect {effect}))"
    problem = f"(define (problem x) (:domain d) (:init {init}) (:goal {goal}))"
    return judge(plan, domain, problem)


ALWAYS = "(imply (r) (r))"  # makes it more than STRIPS


@pytest.mark.parametrize(
    ("effect", "init", "goal"),
    [
        # Deletes before adds, whatever the order, also where only the instance is the same.
        ("(and (p ?x) (not (p ?x)))", "", "(p a)"),
        ("(and (not (p ?x)) (p ?x))", "(p a)", "(p a)"),
        ("(and (p ?x) (forall (?y) (not (p ?y))))", "(p a) (p b)", "(and (p a) (not (p b)))"),
        ("(and (when (r) (not (p ?x))) (when (r) (p ?x)))", "(r)", "(p a)"),
        # Conditions are read in the state before.
        ("(and (when (p a) (q a)) (not (p a)))", "(p a)", "(and (q a) (not (p a)))"),
        ("(and (p a) (when (p a) (q a)))", "", "(and (p a) (not (q a)))"),
        ("(and (when (p a) (p b)) (when (p b) (p a)) (when (p a) (not (p a))))", "(p a)", "(and (p b) (not (p a)))"),
        ("(and (when (not (r)) (r)) (when (r) (not (r))))", "", "(r)"),
        # So are numbers.
        ("(and (assign (n) (m a)) (assign (m a) (n)))", "(= (n) 1) (= (m a) 2)", "(and (= (n) 2) (= (m a) 1))"),
        ("(and (increase (n) 1) (increase (m a) (n)))", "(= (n) 1) (= (m a) 0)", "(and (= (n) 2) (= (m a) 1))"),
        # Increases and decreases add up; those of a forall too.
        ("(and (increase (n) 5) (decrease (n) 2))", "(= (n) 1)", "(= (n) 4)"),
        ("(forall (?y) (increase (n) (m ?y)))", "(= (n) 0) (= (m a) 2) (= (m b) 3)", "(= (n) 5)"),
        ("(forall (?y) (when (p ?y) (increase (n) 1)))", "(= (n) 0) (p b)", "(= (n) 1)"),
        # Exact: a tenth three times is three tenths, and a third three times is one.
        ("(increase (n) (+ 0.1 (+ 0.1 0.1)))", "(= (n) 0)", "(= (n) 0.3)"),
        ("(assign (n) (* 3 (/ 1 3)))", "", "(= (n) 1)"),
        ("(scale-down (n) 3)", "(= (n) -1)", "(= (* 3 (n)) (- 1))"),
        ("(assign (n) (- (n) 0.5))", "(= (n) .5)", "(= (n) 0)"),
        # An undefined number that nothing hangs on is none of a plan's business.
        ("(assign (n) 1)", "", "(= (n) 1)"),
        ("(q ?x)", "", "(or (q a) (> (n) 0))"),
        ("(q ?x)", "", "(imply (not (q a)) (> (n) 0))"),
        ("(when (and (p ?x) (> (n) 0)) (r))", "", "(not (r))"),
        ("(forall (?y) (when (p ?y) (increase (m ?y) 1)))", "(p a) (= (m a) 0)", "(= (m a) 1)"),
        # Over no objects, all and none.
        ("()", "", "(forall (?y) (or (= ?y a) (= ?y b)))"),
        ("()", "", "(exists (?y ?z) (not (= ?y ?z)))"),
        ("(forall (?x) (p ?x))", "", "(and (p a) (p b))"),  # a variable that hides the parameter
    ],
)
def test_meaning(effect: str, init: str, goal: str) -> None:
    found = one(effect, f"(and {goal} {ALWAYS})", init)
    assert found["outcome"] == "pass", found
    opposite = one(effect, f"(not {goal})", init)
    assert opposite["outcome"] == "fail", opposite


@pytest.mark.parametrize(
    ("effect", "init", "precondition", "message"),
    [
        ("(assign (n) (m ?x))", "", "()", "the number (m a) of its effect on (n) is undefined"),
        ("(assign (n) (/ 1 (m ?x)))", "(= (m a) 0)", "()", "the number (/ 1 (m a)) of its effect on (n) is undefined"),
        ("(scale-down (n) 0)", "(= (n) 1)", "()", "the number 0 of its effect on (n) is undefined"),
        ("(increase (n) 1)", "", "()", "(n), which it is to increase, is undefined"),
        ("(when (> (n) 0) (r))", "", "()", "the condition (> (n) 0) of an effect is undefined"),
        ("(and (assign (n) 1) (increase (n) 1))", "(= (n) 0)", "()", "two of its effects on (n) conflict"),
        ("(and (assign (n) 1) (assign (n) 2))", "", "()", "two of its effects on (n) conflict"),
        ("(and (increase (n) 1) (scale-up (n) 2))", "(= (n) 0)", "()", "two of its effects on (n) conflict"),
        ("(r)", "", "(> (n) 0)", "precondition not met: (> (n) 0), where (n) is undefined"),
        ("(r)", "(= (n) 1)", "(not (= (n) 1))", "precondition not met: (not (= (n) 1)), where (n) is 1"),
        ("(r)", "(= (n) 0.5)", "(= (n) (/ 1 3))", "(= (n) (/ 1 3)), where (n) is 0.5"),
    ],
)
def test_a_step_that_has_no_meaning_cannot_be_taken(effect: str, init: str, precondition: str, message: str) -> None:
    found = one(effect, "(forall (?y) (= ?y ?y))", init, precondition)
    assert found["outcome"] == "fail", found
    assert message in found["critiques"][0]["message"]


@pytest.mark.parametrize(
    ("effect", "init", "steps", "message"),
    [
        ("(assign (n) (* (n) (n)))", "(= (n) 3)", 60, "a number of more than 10,000 bits"),
        ("(forall (?y) (assign (n) 1))", "", 1, "two effects assign (n) the same value"),
        # unified-planning 1.3 divides integers as floats, so 2⁵³ + 1 becomes 2⁵³.
        ("(assign (n) (/ (n) (m a)))", "(= (n) 9007199254740993) (= (m a) 1)", 1, "disagrees on (n) at the end"),
        ("(and (scale-up (n) 2) (scale-up (n) 3))", "(= (n) 1)", 1, "unified-planning refuses step 1"),
    ],
)
def test_what_is_not_sure_is_unknown(effect: str, init: str, steps: int, message: str) -> None:
    found = one(effect, "(> (n) 0)", init, plan="(go a)" * steps)
    assert found["outcome"] == "unknown", found
    assert message in found["critiques"][0]["message"]


def test_a_pass_needs_unified_planning_to_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_up, "disagreement", lambda *_: "it says no")
    found = judge(ROUTE)
    assert found["outcome"] == "unknown"
    assert found["critiques"][0]["message"] == "cannot be judged: it says no"


def test_types_either_and_hierarchies_in_quantifiers() -> None:
    domain = """(define (domain d) (:requirements :adl) (:types cat dog - pet pet rock)
     (:predicates (fed ?x))
     (:action feed :parameters (?x - (either cat dog rock)) :effect (fed ?x))
     (:action feed-all :parameters () :effect (forall (?x - (either cat rock)) (fed ?x))))"""
    problem = """(define (problem p) (:domain d) (:objects tom - cat rex - dog kit - pet pebble - rock)
     (:init) (:goal (and (forall (?x - (either cat dog)) (fed ?x)) (not (exists (?x - rock) (fed ?x))))))"""
    assert judge("(feed tom)(feed rex)", domain, problem)["outcome"] == "pass"
    found = judge("(feed tom)", domain, problem)["critiques"][0]
    assert found["counterexample"]["unmet"] == ["(forall (?x - (either cat dog)) (fed ?x))"]
    assert "'kit', is not of type cat or dog or rock" in judge("(feed kit)", domain, problem)["critiques"][0]["message"]
    assert judge("(feed rex)(feed-all)", domain, problem)["critiques"][0]["counterexample"]["unmet"] == [
        "(not (exists (?x - rock) (fed ?x)))"
    ]


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "llm-modulo\[planning\]"'):
        factory.load({"domain": DELIVERY, "problem": TWO_ROADS}, base=None)
    assert importlib.util.find_spec("unified_planning") is not None


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("max_steps", -1, "max_steps: "),
        ("max_steps", True, "max_steps: "),
        ("max_cost", "much", 'max_cost: expected a number, such as 12, 2.5 or "5/2"'),
        ("max_cost", True, "max_cost: expected a number"),
        ("optimal", "fuel", "optimal: expected true, cost or length"),
        ("optimal", True, "optimal: the metric is not (minimize (total-cost)); write `optimal: length`"),
        ("optimal", "cost", "optimal: the metric is not"),
        ("optimal", "length", "optimal: action drive changes (fuel ?t); optimality can be confirmed only where"),
    ],
)
def test_a_bad_bound_names_its_field(field: str, value: Any, words: str) -> None:
    with pytest.raises(ProblemError) as caught:
        factory.load({"domain": DELIVERY, "problem": TWO_ROADS, field: value}, base=None)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("metric", "words"),
    [("maximize (fuel t)", "no cost to minimize"), ("minimize (total-time)", "no cost to minimize")],
)
def test_a_cost_bound_needs_a_cost(metric: str, words: str) -> None:
    problem = TWO_ROADS.replace("minimize (+ (total-cost) (fuel t))", metric)
    with pytest.raises(ProblemError, match=words):
        factory.load({"domain": DELIVERY, "problem": problem, "max_cost": 5}, base=None)
    assert "cost" not in judge(ROUTE, problem=problem)["evidence"]


def test_the_loaded_spec_is_exact_and_stays_as_it_is() -> None:
    loaded = factory.load({"domain": DELIVERY, "problem": TWO_ROADS, "max_cost": 2.5, "max_steps": 4}, base=None)
    assert isinstance(loaded, dict)
    assert (loaded["max_cost"], loaded["max_steps"]) == ("5/2", 4)
    assert factory.load(loaded, base=None) == loaded
