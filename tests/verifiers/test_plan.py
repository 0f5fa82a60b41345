from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modulo.errors import ProblemError
from modulo.types import Guarantee, Outcome, Problem
from modulo.verifiers.plan import factory
from modulo.verifiers.plan_check import check

BLOCKS = """
(define (domain blocks) (:requirements :strips)
 (:predicates (clear ?x) (ontable ?x) (handempty) (holding ?x) (on ?x ?y))
 (:action pick-up :parameters (?b) :precondition (and (clear ?b) (ontable ?b) (handempty))
  :effect (and (holding ?b) (not (clear ?b)) (not (ontable ?b)) (not (handempty))))
 (:action put-down :parameters (?b) :precondition (holding ?b)
  :effect (and (clear ?b) (handempty) (ontable ?b) (not (holding ?b))))
 (:action stack :parameters (?b ?under) :precondition (and (clear ?under) (holding ?b))
  :effect (and (handempty) (clear ?b) (on ?b ?under) (not (clear ?under)) (not (holding ?b))))
 (:action unstack :parameters (?b ?under) :precondition (and (on ?b ?under) (clear ?b) (handempty))
  :effect (and (holding ?b) (clear ?under) (not (on ?b ?under)) (not (clear ?b)) (not (handempty)))))
"""
TOWER = """
(define (problem tower) (:domain blocks) (:objects a b c)
 (:init (handempty) (ontable a) (ontable b) (on c a) (clear c) (clear b))
 (:goal (and (on a b) (on b c))))
"""
SOLUTION = "(unstack c a)\n(put-down c)\n(pick-up b)\n(stack b c)\n(pick-up a)\n(stack a b)"

TYPED = """
(define (domain trucks) (:requirements :strips :typing :equality :negative-preconditions :action-costs)
 (:types truck boat - vehicle vehicle place - object depot - place)
 (:constants home - depot)
 (:predicates (at ?v - vehicle ?p - place) (closed ?p - (either place depot)) (seen ?x))
 (:functions (total-cost) - number (toll ?from ?to - place) - number)
 (:action go :parameters (?v - truck ?from ?to - place)
  :precondition (and (at ?v ?from) (not (closed ?to)) (not (= ?from ?to)))
  :effect (and (not (at ?v ?from)) (at ?v ?to) (increase (total-cost) (toll ?from ?to))))
 (:action wait :parameters (?v - (either truck boat)) :precondition ()
  :effect (and (seen ?v) (increase (total-cost) 2)))
 (:action blink :parameters (?v - vehicle) :effect (and (not (seen ?v)) (seen ?v))))
"""
TRIP = """
(define (problem trip) (:domain trucks) (:objects t - truck s - boat p q - place)
 (:init (at t home) (closed q) (= (total-cost) 0) (= (toll home p) 2.5) (= (toll p home) 1))
 (:goal (and (at t p) (not (closed p)))) (:metric minimize (total-cost)))
"""


def judge(plan: str, domain: str = BLOCKS, problem: str = TOWER) -> dict[str, Any]:
    return check({"domain": domain, "problem": problem, "candidate": plan})


@pytest.mark.parametrize(
    "plan",
    [
        SOLUTION,
        SOLUTION.upper(),
        SOLUTION.replace("\n", " "),
        "; a comment\n" + SOLUTION.replace("\n", " ; why\n"),
        "\n".join(f"{n}. {line}" for n, line in enumerate(SOLUTION.splitlines(), 1)),
        "\n".join(f"Step {n}: {line}" for n, line in enumerate(SOLUTION.splitlines())),
        SOLUTION.replace("(", "( ").replace(" ", "\t"),
    ],
)
def test_accepts_a_plan_in_every_notation(plan: str) -> None:
    found = judge(plan)
    assert found["outcome"] == "pass", found
    assert found["score"] == 1.0
    assert found["evidence"] == {"steps": 6, "executed": 6, "goals": 2, "goals_met": 2}


@pytest.mark.parametrize(
    ("plan", "locus", "words"),
    [
        (SOLUTION.replace("(put-down c)\n", ""), "step 2", ["(pick-up b)", "precondition not met: (handempty)"]),
        ("(stack a b)", "step 1", ["(holding a)"]),
        ("(pick-up b)\n(stack b c)", "goal", ["after all 2 steps", "(on a b)"]),
        ("", "goal", ["the plan is empty", "(on a b)", "(on b c)"]),
        ("(fly a b)", "step 1", ["no action 'fly'", "pick-up, put-down, stack, unstack"]),
        ("(pick-up z)", "step 1", ["'z', is not an object"]),
        ("(pick-up b c)", "step 1", ["2 arguments", "(pick-up ?b) has 1"]),
        ("(pick-up)", "step 1", ["0 arguments"]),
        ("(pick-up b", "step 1", ["not an action"]),
        ("pick-up b)", "step 1", ["not an action"]),
        ("()", "step 1", ["not an action"]),
        ("(pick-up (b))", "step 1", ["not an action"]),
        ("(pick-up ?b)", "step 1", ["not an object"]),
        ("pick up b", "step 1", ["not an action"]),
        ('["(pick-up b)", "win"]', "step 2", ["not an action"]),
        ("(pick-up b) and then", "step 2", ["not an action"]),
        (SOLUTION + "\n(win)", "step 7", ["no action 'win'"]),
        (SOLUTION + "\n(unstack a b)", "goal", ["(on a b)"]),
    ],
)
def test_refuses_with_a_critique_at_the_step(plan: str, locus: str, words: list[str]) -> None:
    found = judge(plan)
    assert found["outcome"] == "fail"
    assert found["critiques"][0]["locus"] == locus
    assert 0 <= found["score"] < 1
    for word in words:
        assert word in found["critiques"][0]["message"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("(pick-up b)\u200b", "step 2, \\u200b: "),
        ("(pick-up\u00a0b)", "step 1, (pick-up\\xa0b): there is no action 'pick-up\\xa0b'"),
        ("\x00(pick-up b)", "step 1, \\x00(pick-up b): "),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, shown: str) -> None:
    assert judge(text)["critiques"][0]["message"].startswith(shown)


def test_types_constants_equality_negation_costs_and_deletes_before_adds() -> None:
    found = judge("(wait t)(blink t)(go t home p)(go t p home)(go t home p)", TYPED, TRIP)
    assert found["outcome"] == "pass"
    assert found["evidence"]["cost"] == "8"
    for plan, words in {
        "(go s home p)": "'s', is not of type truck (?v)",
        "(wait p)": "'p', is not of type boat or truck (?v)",
        "(go t home q)": "precondition not met: (not (closed q))",
        "(go t home home)": "precondition not met: (not (= home home))",
        "(go t p q)": "precondition not met: (at t p), (not (closed q))",
    }.items():
        assert words in judge(plan, TYPED, TRIP)["critiques"][0]["message"]
    gap = TRIP.replace("(= (toll home p) 2.5)", "")
    assert "cost (toll home p) is not defined" in judge("(go t home p)", TYPED, gap)["critiques"][0]["message"]


def test_an_empty_plan_passes_only_where_the_goal_already_holds() -> None:
    done = TOWER.replace("(and (on a b) (on b c))", "(on c a)")
    assert judge("", problem=done)["outcome"] == "pass"
    assert judge(" ; nothing to do\n", problem=done)["outcome"] == "pass"
    assert judge("")["outcome"] == "fail"


def test_one_closing_parenthesis_too_many_is_a_warning() -> None:
    found = judge(SOLUTION, problem=TOWER + ")")
    assert found["outcome"] == "pass"
    assert found["evidence"]["warnings"] == ["1 closing parenthesis too many at the end"]
    with pytest.raises(ProblemError, match=r"unexpected '\('"):
        factory.load({"domain": BLOCKS, "problem": TOWER + ") (x)"}, base=None)


def swap(old: str, new: str) -> tuple[str, str]:
    assert old in BLOCKS
    return BLOCKS.replace(old, new, 1), TOWER


def swap_problem(old: str, new: str) -> tuple[str, str]:
    assert old in TOWER
    return BLOCKS, TOWER.replace(old, new, 1)


BAD = [
    (swap("(not (handempty))", "(increase (fuel) 1)"), "domain", "function 'fuel' is not declared (declared: none)"),
    (swap("(not (handempty))", "(increase 3 1)"), "domain", "increase changes a (function …), not 3"),
    (swap("(not (handempty))", "(when (clear ?b) (when (clear ?b) (handempty)))"), "domain", "when or forall inside"),
    (swap("(not (handempty))", "(when (handempty))"), "domain", "(when …) has 1 parts, it takes 2"),
    (swap("(not (handempty))", "(oneof (handempty))"), "domain", "not supported: oneof in an effect"),
    (swap("(holding ?b)\n", "(preference x (holding ?b))\n"), "domain", "not supported: preference in a condition"),
    (swap("(holding ?b)\n", "(forall (?x) (clear ?y))\n"), "domain", "variable ?y is not declared"),
    (swap("(holding ?b)\n", "(> (+ 1) 2)\n"), "domain", "function '+' is not declared"),
    (swap("(holding ?b)\n", "(> 1 ?b)\n"), "domain", "expected a number or a (function …), found ?b"),
    (swap("(:action pick-up", "(:derived (x) (handempty)) (:action pick-up"), "domain", "not supported: (:derived"),
    (swap("(:action pick-up", "(:durative-action pick-up"), "domain", "not supported: (:durative-action"),
    (swap(":strips", ":strips :magic"), "domain", "not supported: requirement :magic"),
    (swap("(handempty) (holding ?x)", "(holding ?x)"), "domain", "predicate 'handempty' is not declared"),
    (swap("(clear ?b) (ontable ?b)", "(clear ?b ?b) (ontable ?b)"), "domain", "clear takes 1"),
    (swap("(clear ?b) (ontable ?b)", "(clear ?z) (ontable ?b)"), "domain", "variable ?z is not declared"),
    (swap("?b ?under", "?b ?b"), "domain", "variable ?b is declared twice"),
    (swap("put-down :parameters", "pick-up :parameters"), "domain", "action pick-up is declared twice"),
    (swap("(ontable ?x)", "(ontable ?x) (clear ?x ?y)"), "domain", "predicate clear is declared twice"),
    (swap("(ontable ?x)", "(ontable ?x) (imply)"), "domain", "predicate imply is declared twice or reserved"),
    (
        swap("(:action pick-up :parameters (?b)", "(:action pick-up :parameters (?b - block)"),
        "domain",
        "type block is not",
    ),
    (swap("(define (domain blocks)", "(define (problem blocks)"), "domain", "expected (define (domain NAME)"),
    (swap("(:action pick-up", "(:types a - b b - a) (:action pick-up"), "domain", "is below itself"),
    (swap("(:action pick-up", "(:types a - (either b c)) (:action pick-up"), "domain", "not supported: either"),
    (swap(":parameters (?b)", ":parameters (?b) :cost 3"), "domain", "not supported: :cost"),
    (("(define", TOWER), "domain", "not closed"),
    (("(" * 1000, TOWER), "domain", "nested deeper"),
    ((BLOCKS + "(x)", TOWER), "domain", "after the end"),
    (swap_problem("(on a b) (on b c)", "(on a d)"), "problem", "object d is not declared"),
    (swap_problem("(on a b) (on b c)", "(over a b)"), "problem", "predicate 'over' is not declared"),
    (swap_problem("(on a b) (on b c)", "(on a)"), "problem", "on takes 2"),
    (swap_problem("(on a b) (on b c)", "(or (on a b z))"), "problem", "on takes 2"),
    (swap_problem("(:objects a b c)", "(:objects a b c -block)"), "problem", "expected a name, found -block"),
    (swap_problem("(:goal", "(:metric best) (:goal"), "problem", "expected (:metric minimize …)"),
    (swap_problem("(handempty)", "(at 5 (handempty))"), "problem", "not supported: a timed initial literal"),
    (swap_problem("(handempty)", "(= (fuel) 5)"), "problem", "(= (function …) number)"),
    (swap_problem("(handempty)", "(handempty) (not (handempty))"), "problem", "both that handempty holds"),
    (swap_problem("(:goal (and (on a b) (on b c)))", ""), "problem", "no :goal"),
    (swap_problem("(:objects a b c)", "(:objects a b c - block)"), "problem", "type block is not declared"),
    (
        swap_problem("(:domain blocks)", "(:domain blocks) (:constraints (x))"),
        "problem",
        "not supported: (:constraints",
    ),
    ((TYPED, TRIP.replace("p q - place", "p q - place p - boat")), "problem", "object p is declared twice"),
    ((TYPED, TRIP.replace("(closed q)", "(at q p)")), "problem", "q is not of type vehicle"),
]


@pytest.mark.parametrize(("texts", "field", "words"), BAD)
def test_bad_pddl_is_a_problem_error_that_names_field_and_line(texts: tuple[str, str], field: str, words: str) -> None:
    with pytest.raises(ProblemError) as caught:
        factory.load({"domain": texts[0], "problem": texts[1]}, base=None)
    assert caught.value.field == field
    assert words in str(caught.value)
    assert re.search(r"line \d+", str(caught.value))
    assert "\n" not in str(caught.value)


def test_load_reads_files_beside_the_problem_file(tmp_path: Path) -> None:
    (tmp_path / "d.pddl").write_text(BLOCKS)
    (tmp_path / "p.pddl").write_text(TOWER)
    loaded = factory.load({"domain": "d.pddl", "problem": "p.pddl"}, base=tmp_path)
    assert loaded == {"domain": BLOCKS, "problem": TOWER, "seconds": 10.0}
    assert factory.load(loaded, base=None) == loaded
    (tmp_path / "p.pddl").write_text(TOWER.replace("(on a b)", "\n(on a z)"))
    with pytest.raises(ProblemError, match=r"problem: .*p\.pddl:5: .*object z"):
        factory.load({"domain": "d.pddl", "problem": "p.pddl"}, base=tmp_path)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"domain": "nowhere.pddl", "problem": TOWER}, "domain: cannot read"),
        ({"domain": BLOCKS}, "problem: Field required"),
        ({"domain": BLOCKS, "problem": TOWER, "strict": 1}, "strict: "),
        ({"domain": BLOCKS, "problem": TOWER, "seconds": 0}, "seconds: "),
        ({"domain": 3, "problem": TOWER}, "domain: "),
        ({"domain": " ", "problem": TOWER}, "domain: give PDDL text or the path of a file"),
        ("text", "expected a mapping"),
    ],
)
def test_a_bad_spec_names_the_field(spec: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=re.escape(words)):
        factory.load(spec, base=tmp_path)


def test_a_path_needs_a_problem_file() -> None:
    with pytest.raises(ProblemError, match="does not come from a file"):
        factory.load({"domain": "d.pddl", "problem": TOWER}, base=None)


@given(st.text(max_size=200) | st.text(alphabet="(abc) ;\n1.stackpiu-", max_size=200))
@settings(max_examples=200, deadline=None)
def test_garbage_never_raises_and_never_passes(text: str) -> None:
    assert judge(text)["outcome"] == "fail"


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_breaking_a_solution_flips_the_verdict(data: st.DataObject) -> None:
    steps = SOLUTION.splitlines()
    position = data.draw(st.integers(0, len(steps) - 1))
    how = data.draw(st.sampled_from(["drop", "double", "swap", "rename"]))
    if how == "drop":
        broken = steps[:position] + steps[position + 1 :]
    elif how == "double":
        broken = [*steps[: position + 1], *steps[position:]]
    elif how == "swap" and position:
        broken = [*steps[: position - 1], steps[position], steps[position - 1], *steps[position + 1 :]]
    else:
        old = data.draw(st.sampled_from("abc"))
        new = data.draw(st.sampled_from([n for n in "abc" if n != old]))
        line = re.sub(rf"(?<= ){old}(?=[ )])", new, steps[position])
        broken = [*steps[:position], line, *steps[position + 1 :]]
    found = judge("\n".join(broken))
    assert (found["outcome"] == "pass") == (broken == steps)


def test_a_plan_of_many_steps() -> None:
    assert judge("(pick-up b)(put-down b)" * 20_000 + SOLUTION)["outcome"] == "pass"
    assert "longer than" in judge("(pick-up b)" * 100_000)["critiques"][0]["message"]


async def test_through_a_worker() -> None:
    verifier = factory.build(
        factory.load({"domain": BLOCKS, "problem": TOWER}, base=None),
        hard=True,
        sandbox=None,  # type: ignore[arg-type]
    )
    problem = Problem(statement="Build the tower.")
    good, bad, odd = [await verifier.verify(problem, text) for text in (SOLUTION, "(stack a b)", "\udcff\x00(")]
    assert (good.outcome, good.guarantee, good.critiques) == (Outcome.PASS, Guarantee.PROOF, ())
    assert (bad.outcome, bad.critiques[0].locus) == (Outcome.FAIL, "step 1")
    assert odd.outcome is Outcome.FAIL
    assert json.loads(good.model_dump_json())["verifier"] == "plan"
