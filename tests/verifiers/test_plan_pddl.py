"""The PDDL reader: what published files do, and texts that were damaged or made to hurt."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.verifiers.test_plan import BLOCKS, SOLUTION, TOWER, TRIP, TYPED
from tests.verifiers.test_plan_adl import DELIVERY, ROUTE, TWO_ROADS

from modulo.errors import ProblemError
from modulo.verifiers.plan import factory
from modulo.verifiers.plan_check import check
from modulo.verifiers.sexpr import SyntaxFault, read_one


def judge(text: str, domain: str = BLOCKS, problem: str = TOWER) -> dict[str, Any]:
    factory.load({"domain": domain, "problem": problem}, base=None)
    return check({"domain": domain, "problem": problem, "candidate": text})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (BLOCKS, BLOCKS.upper()),
        (":strips", ":strips :typing :fluents"),
        ("(:requirements :strips)", ""),
        ("(clear ?x) (ontable ?x)", "(clear ?x) (ontable ?x) (clear ?y)"),  # said twice, the same
        ("(:predicates", "(:types block - object)(:predicates"),
        ("(:predicates", "(:types block object)(:predicates"),
        ("(:predicates", "(:constants)(:functions)(:predicates"),
        (":precondition (holding ?b)", ":precondition (and (and) (and (holding ?b)) ())"),
        (":precondition (holding ?b)", ":precondition (not (not (holding ?b)))"),
        ("(:action put-down :parameters (?b)", "(:action put-down ; why\n :parameters\t(\n?b - object )\r\n"),
    ],
)
def test_the_same_domain_in_other_words(old: str, new: str) -> None:
    assert old in BLOCKS
    assert judge(SOLUTION, BLOCKS.replace(old, new, 1))["outcome"] == "pass"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (TOWER, TOWER.upper()),
        ("(:init", "(:requirements :strips)(:init"),
        ("(:objects a b c)", "(:objects a b - object c a)"),
        ("(clear b))", "(clear b) (clear b) (not (on a b)))"),
        ("(:goal", "(:metric minimize (total-time))(:goal"),
        ("(:domain blocks)", "(:domain Blocks)"),
    ],
)
def test_the_same_problem_in_other_words(old: str, new: str) -> None:
    assert old in TOWER
    assert judge(SOLUTION, problem=TOWER.replace(old, new, 1))["outcome"] == "pass"


def test_sections_in_any_order_and_actions_without_parameters() -> None:
    domain = """(define (domain d) (:action go :effect (at) :precondition (and)) (:predicates (at)))"""
    problem = "(define (problem p) (:goal (at)) (:init) (:domain d))"
    assert judge("(go)", domain, problem)["outcome"] == "pass"
    assert judge("go()", domain, problem)["outcome"] == "pass"


def test_what_is_odd_is_a_warning() -> None:
    found = judge(SOLUTION, BLOCKS + ")", TOWER.replace("(:domain blocks)", "(:domain stones)") + "))")
    assert found["outcome"] == "pass"
    assert found["evidence"]["warnings"] == [
        "1 closing parenthesis too many at the end",
        "2 closing parenthesis too many at the end",
        "the problem is for (:domain stones), the domain is called blocks",
    ]


def test_only_ascii_is_folded() -> None:
    """`K` is the Kelvin sign: no predicate of the domain, though `str.lower` makes a k of it."""
    with pytest.raises(ProblemError, match="predicate 'bloc\u212aed' is not declared"):
        judge("", "(define (domain d) (:predicates (blocked)) (:action a :effect (bloc\u212aed)))")


TEXTS = [(BLOCKS, TOWER, SOLUTION), (TYPED, TRIP, "(go t home p)"), (DELIVERY, TWO_ROADS, ROUTE)]


@given(st.integers(0, 2**48))
@settings(max_examples=300, deadline=None)
def test_a_damaged_text_is_refused_or_means_something_else(seed: int) -> None:
    """Whatever is dropped, doubled, swapped or put in: an error of the spec in one line, or a verdict."""
    rng = random.Random(seed)
    *spec, text = rng.choice(TEXTS)
    which = rng.randrange(2)
    tokens = spec[which].replace("(", " ( ").replace(")", " ) ").split()
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(tokens))
        how = rng.randrange(4)
        if how == 0:
            del tokens[at]
        elif how == 1:
            tokens.insert(at, rng.choice(tokens))
        elif how == 2:
            other = rng.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        else:
            tokens[at] = rng.choice(["()", "?", "-", "either", "not", "=", "forall", "when", "3", ":goal", "\u00e9"])
    spec[which] = " ".join(tokens)
    error = refused(spec)
    if error is None:
        assert judge(text, *spec)["outcome"] in ("pass", "fail", "unknown")
    else:
        assert error.field in ("domain", "problem")
        assert "\n" not in str(error)
        assert len(str(error)) < 3000


def refused(spec: list[str]) -> ProblemError | None:
    try:
        factory.load({"domain": spec[0], "problem": spec[1]}, base=None)
    except ProblemError as error:
        return error
    return None


WIDE = 150_000


@pytest.mark.parametrize(
    "text",
    [
        "(" * 2_000_000,
        ")" * 2_000_000,
        "(a)" + ")" * 1_999_000,
        "(a " * 59 + ")" * 59 + "(" * 1_000_000,
        ";" * 2_000_000,
        "\n" * 2_000_000,
        "(define (domain d) (:predicates " + "(p)" * 600_000,
        f"(define (domain d) (:types {' '.join(f't{i} - t{i + 1}' for i in range(WIDE))}) (:action a))",
        f"(define (domain d) (:types {' '.join(f't{i}' for i in range(WIDE))} - t0) (:action a))",
        f"(define (domain d) (:constants {' '.join(f'c{i}' for i in range(WIDE))} - t) (:action a))",
        f"(define (domain d) (:action a :parameters ({' '.join(f'?x{i} - t' for i in range(WIDE))})))",
        f"(define (domain d) (:action a :precondition (and {'(or) ' * WIDE} (x))))",
        "(define (domain d) (:predicates (p)) (:action a :effect " + "(forall (?x) " * 30 + "(q)" + ")" * 32,
        "(define (domain d) (:functions (n)) (:action a :effect (increase (n) "
        + "(+ " * 50
        + "1"
        + " 1)" * 50
        + "))) x",
        "(define (domain d) (:action a :effect (increase (total-cost) " + "9" * 1_000_000 + ")))",
    ],
    ids=lambda text: f"{text[:30]!r}-{len(text)}",
)
def test_a_domain_made_to_hurt_is_refused_in_time(text: str) -> None:
    """`pytest-timeout` bounds it."""
    with pytest.raises(ProblemError) as caught:
        factory.load({"domain": text, "problem": "(define (problem p) (:init) (:goal ()))"}, base=None)
    assert len(str(caught.value)) < 3000


def test_a_reader_fault_has_its_line() -> None:
    with pytest.raises(SyntaxFault, match="line 3: 2 parentheses are not closed"):
        read_one("(a\n(b\n")
    with pytest.raises(SyntaxFault, match="longer than"):
        read_one(" " * 2_000_001)
