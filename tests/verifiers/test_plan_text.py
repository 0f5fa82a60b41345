from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modulo.verifiers.plan_check import check
from modulo.verifiers.plan_text import NoStep, read_steps

ACTIONS = {"pick-up", "stack", "noop", "go_to", "go-to"}
STEPS: list[Any] = [("pick-up", "a"), ("stack", "a", "b")]


@pytest.mark.parametrize(
    "text",
    [
        "(pick-up a)\n(stack a b)",
        "(pick-up a)\r\n(stack a b)\r",
        "(PICK-UP A) (Stack a B)",
        "\n  ( pick-up\ta )\n; (noop)\n(stack a b) ; done",
        "```pddl\n(pick-up a)\n(stack a b)\n```",
        "1. (pick-up a)\n2. (stack a b)",
        "1) (pick-up a)\n1) (stack a b)",
        "Step 1: (pick-up a)\nStep 2: (stack a b)",
        "Action 1. pick-up a\nAction 2. stack a b",
        "- (pick-up a)\n* (stack a b)",
        "0.000: (pick-up a) [1.000]\n1.000: (stack a b) [1]",
        "0: (pick-up a)\n1: (stack a b)",
        "pick-up a\nstack a b",
        "pick-up(a)\nstack(a, b)",
        "1. pick_up( a )\n2. STACK(a,b)",
        '["(pick-up a)", "(stack a b)"]',
        '["pick-up a", "stack(a, b)"]',
        '[["pick-up", "a"], ["stack", "a", "b"]]',
        '{"plan": ["(pick-up a)", ["stack", "a", "b"]]}',
        '{"steps": [{"action": "(pick-up a)"}, {"name": "STACK", "parameters": ["a", "B"]}]}',
        '[{"step": 1, "action": "pick-up", "args": ["a"]}, {"step": 2, "action": "stack", "args": ["a", "b"]}]',
        '[{"step": 0, "action": "pick_up", "arguments": ["a"]}, {"step": 1, "action": "stack a b"}]',
        '{"actions": ["(pick-up a) [1]", "\\u0028stack a b)"]}',
    ],
)
def test_every_notation(text: str) -> None:
    assert read_steps(text, ACTIONS) == STEPS


@pytest.mark.parametrize("text", ["", " \n\t", "; (pick-up a)", "```\n```", "[]", ' { "plan" : [ ] } '])
def test_no_steps(text: str) -> None:
    assert read_steps(text, ACTIONS) == []


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("(pick-up a)\n(stack a b", 2, "not an action"),
        ("(pick-up a))\n(stack a b)", 2, "not an action"),
        ("(pick-up (stack a b))", 1, "not an action"),
        ("((pick-up a)(stack a b))", 1, "not an action"),
        ("(pick-up a) and (stack a b)", 2, "not an action"),
        ("(pick-up a)\n()", 2, "not an action"),
        ("(pick-up a ; b)\n(stack a b)", 1, "not an action"),
        ("(pick-up a)\nThen stack it.", 2, "not an action"),
        ("(pick-up a)\nfly b", 2, "not an action"),
        ("pick-up a (stack a b)", 1, "not an action"),
        ("pick-up(a", 1, "not an action"),
        ("pick-up(a b)", 1, "not an action"),
        ("pick-up(a,)", 1, "not an action"),
        ("stack(pick-up(a), b)", 1, "not an action"),
        ("(pick-up a) [one]", 2, "not an action"),
        ("1.000: (pick-up a)\n0.000: (stack a b)", 2, "its number 0.000 does not come after 1"),
        ("0: (pick-up a)\n0: (stack a b)", 2, "its number 0 does not come after 0"),
        ("Step 2: (pick-up a)\nStep 1: (stack a b)", 2, "does not come after 2"),
        ("(pick-up\u00a0a)\u2028(stack a b)", 2, "not an action"),
        ("\uff08pick-up a\uff09", 1, "not an action"),
        ("\u200b(pick-up a)", 1, "not an action"),
        ("\ufeff(pick-up a)", 1, "not an action"),
        ('["(pick-up a)", 3]', 2, "not an action"),
        ('["(pick-up a)", null]', 2, "not an action"),
        ('["(pick-up a) (stack a b)"]', 1, "not an action"),
        ('["(pick-up a) ; (stack a b)"]', 1, "not an action"),
        ('[["pick-up", ["a"]]]', 1, "not an action"),
        ('[["pick-up", 3]]', 1, "not an action"),
        ("[[]]", 1, "not an action"),
        ('[{"action": "pick-up", "args": "a"}]', 1, "not an action"),
        ('[{"action": "pick-up", "args": ["a b"]}]', 1, "not an action"),
        ('[{"action": "pick-up", "args": ["a"], "then": "stack a b"}]', 1, 'write {"action"'),
        ('[{"args": ["a"]}]', 1, "not an action"),
        ('[{"step": 2, "action": "pick-up", "args": ["a"]}]', 1, "it is step 1 and is numbered otherwise"),
        ('[{"step": 1, "action": "noop"}, {"step": 1, "action": "noop"}]', 2, "it is step 2 and is numbered otherwise"),
        ('[{"step": 0, "action": "noop"}, {"number": 2, "action": "noop"}]', 2, "it is step 1 and is numbered"),
        ('["noop", {"step": "2", "action": "noop"}]', 2, "numbered otherwise"),
        ('{"plan": ["(pick-up a)"], "steps": []}', 1, 'write {"plan"'),
        ('{"plan": "(pick-up a)"}', 1, 'write {"plan"'),
        ('{"solution": ["(pick-up a)"]}', 1, 'write {"plan"'),
        ('["(pick-up a)"', 1, "not one JSON value"),
        ('["(pick-up a)"] ["(stack a b)"]', 1, "not one JSON value"),
        ('{"plan": [], "plan": ["(pick-up a)"]}', 1, "occurs twice"),
    ],
)
def test_what_is_no_step_is_a_fault_in_its_place(text: str, place: int, why: str) -> None:
    steps = read_steps(text, ACTIONS)
    step = steps[place - 1]
    assert isinstance(step, NoStep)
    assert why in step.why
    assert not any(isinstance(before, NoStep) for before in steps[: place - 1])


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("(pic\u212a-up a)", ("pic\u212a-up", "a")),  # the Kelvin sign, which str.lower makes a k
        ("(pick-up \u0430)", ("pick-up", "\u0430")),  # a Cyrillic а
        ("(pick-up a\u200b)", ("pick-up", "a\u200b")),
        ("(pick\u2011up a)", ("pick\u2011up", "a")),
        ("(pick-up\u00a0a)", ("pick-up\u00a0a",)),
        ("(pick-up\x1fa)", ("pick-up\x1fa",)),
        ('["(pic\\u212a-up a)"]', ("pic\u212a-up", "a")),
        ("go-to(a)", ("go-to", "a")),
        ("go_to(a)", ("go_to", "a")),  # is an action of its own
        ("(pick_up a)", ("pick_up", "a")),  # in PDDL the two are different names
        ("fly(a)", ("fly", "a")),
        ("noop()", ("noop",)),
        ("3. noop", ("noop",)),
    ],
)
def test_names_are_taken_as_they_are(text: str, step: tuple[str, ...]) -> None:
    assert read_steps(text, ACTIONS) == [step]


def test_a_name_that_could_mean_two_actions_means_neither() -> None:
    assert read_steps("a_b_c(x)", {"a-b_c", "a_b-c"}) == [("a_b_c", "x")]


@given(st.lists(st.sampled_from(["pick-up a", "stack a b", "noop", "fly x"]), max_size=6), st.integers(0, 4))
@settings(max_examples=200, deadline=None)
def test_the_notations_agree(plan: list[str], notation: int) -> None:
    text = [
        "\n".join(f"({step})" for step in plan),
        "\n".join(f"{i}. ({step})" for i, step in enumerate(plan, 1)),
        json.dumps([f"({step})" for step in plan]),
        json.dumps({"plan": [step.split() for step in plan]}),
        json.dumps([{"action": step.split()[0], "args": step.split()[1:]} for step in plan]),
    ][notation]
    assert read_steps(text, ACTIONS) == [tuple(step.split()) for step in plan]


HOSTILE = [
    "(" * 1_000_000,
    ")" * 1_000_000,
    "(pick-up a)" * 90_000,
    "(" + " a" * 499_000 + ")",
    "a" * 1_000_000,
    " " * 999_999 + "(",
    "1." * 500_000,
    "-" * 1_000_000,
    "- " * 500_000,
    "[" * 1_000_000,
    "[" * 400 + "]" * 400,
    '["' + "(a) " * 200_000 + '"]',
    '{"plan": ' * 100_000,
    "1" * 1_000_000 + ": (pick-up a)",
    "step " * 200_000,
    "(a" + "\t" * 999_990 + "b",
    "a(" + "," * 999_990 + ")",
    "a(" + " ," * 499_990 + ")",
    "`" * 1_000_000,
    "(a) [" + "1" * 999_990,
    "(a) [" + " " * 999_990,
    ";" * 1_000_000,
    "\n" * 1_000_000,
    "0." + "0" * 17 + ": (a)\n",
    '[{"action": "a", "args": [' + '"b",' * 200_000 + '"b"]}]',
    json.dumps([[f"a{i}", "b"] for i in range(60_000)]),
    "\ud800(pick-up a)",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: f"{text[:6]!r}-{len(text)}")
def test_a_hostile_text_is_refused_in_time(text: str) -> None:
    """`pytest-timeout` bounds it; quadratic reading of a million characters would take hours."""
    domain = "(define (domain d) (:predicates (p ?x)) (:action pick-up :parameters (?x) :effect (p ?x)))"
    problem = "(define (problem q) (:domain d) (:objects a b) (:init) (:goal (p b)))"
    found = check({"domain": domain, "problem": problem, "candidate": text})
    assert found["outcome"] == "fail"
    assert sum(len(critique["message"]) for critique in found["critiques"]) < 20_000
