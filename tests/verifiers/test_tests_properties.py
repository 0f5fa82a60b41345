"""`tests` with properties: inputs are drawn outside, failing ones are shrunk, and a verdict is the same every time."""

from __future__ import annotations

from typing import Any

import pytest
from tests.verifiers.tests_support import judge, messages

from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.errors import ProblemError
from modulo.types import Outcome
from modulo.verifiers.pool import Pool

SORTED: dict[str, Any] = {"name": "sorts", "given": {"xs": "lists(integers())"}, "holds": "result == sorted(xs)"}
SORT = "def sort(xs):\n    return sorted(xs)\n"


async def test_a_property_that_holds(sandbox: ThreadedSandbox) -> None:
    verdict = await judge(sandbox, SORT, entry="sort", properties=[SORTED], examples=50)
    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["kind"] == "properties"
    assert verdict.evidence["public_total"] == 1


@pytest.mark.parametrize(
    ("program", "example", "what"),
    [
        ("def sort(xs):\n    return sorted(set(xs))\n", "xs=[0, 0]", "sort([0, 0]) returned [0]"),
        ("def sort(xs):\n    return xs\n", "xs=[1, 0]", "sort([1, 0]) returned [1, 0]"),
        ("def sort(xs):\n    xs.clear()\n    return xs\n", "xs=[0]", "returned []"),
        (
            "def sort(xs):\n    return sorted(xs) if len(xs) < 3 else 1 // 0\n",
            "xs=[0, 0, 0]",
            "raised ZeroDivisionError: integer division or modulo by zero on line 2",
        ),
    ],
)
async def test_the_smallest_counterexample_is_handed_back(
    sandbox: ThreadedSandbox, program: str, example: str, what: str
) -> None:
    verdict = await judge(sandbox, program, entry="sort", properties=[SORTED])
    (critique,) = verdict.critiques
    assert verdict.outcome is Outcome.FAIL
    assert what in critique.message
    assert critique.message.endswith(f"smallest failing example: {example}")
    assert critique.locus == "sorts"
    assert isinstance(critique.counterexample, dict)
    assert critique.counterexample["example"] == example


async def test_a_verdict_is_the_same_every_time(sandbox: ThreadedSandbox) -> None:
    program = "def f(x, s):\n    return x % 1013 != 7 and 'b' not in s\n"
    prop = {"name": "p", "given": {"x": "integers()", "s": "text()"}, "holds": "result"}
    first = await judge(sandbox, program, entry="f", properties=[prop], examples=200)
    second = await judge(sandbox, program, entry="f", properties=[prop], examples=200)
    assert first.model_copy(update={"seconds": 0}) == second.model_copy(update={"seconds": 0})


async def test_the_same_inputs_are_tried_in_every_process(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = """
import hashlib
seen = hashlib.sha256()
def f(*args):
    seen.update(repr(args).encode("utf-8", "surrogatepass"))
def told():
    return seen.hexdigest()
"""
    code = """
import solution
from hypothesis import given, strategies as st
@given(st.integers(), st.text(), st.dictionaries(st.text(), st.floats()))
def test_a(x, s, d):
    solution.f(x, s, d)
def test_b():
    assert solution.told() == 1
"""
    said = []
    for _ in range(2):
        pool = Pool(("modulo.verifiers.tests_pytest", "modulo.verifiers.tests_properties"))  # of another hash seed
        monkeypatch.setattr("modulo.verifiers.tests_free.shared", lambda preload, pool=pool: pool)
        said += messages(await judge(sandbox, program, code=code))
        pool.close()
    assert said[0].startswith("test_b: ")
    assert said[0] == said[1]


async def test_a_hidden_property_is_only_counted(sandbox: ThreadedSandbox) -> None:
    hidden = [{"name": "swordfish", "given": {"xs": "lists(just(777001))"}, "holds": "result == xs"}]
    program = "def sort(xs):\n    return sorted(set(xs))\n"
    verdict = await judge(sandbox, program, entry="sort", hidden_properties=hidden)
    assert messages(verdict) == ["a hidden test fails (1 of 1 hidden tests)"]
    assert not any(secret in verdict.model_dump_json() for secret in ("swordfish", "777001", "smallest"))


async def test_assumptions_arguments_and_the_function_itself(sandbox: ThreadedSandbox) -> None:
    program = "def push(xs, x):\n    xs.append(x)\n    return len(xs)\n"
    properties = [
        {"name": "grows", "given": {"xs": "lists(integers())", "x": "integers()"}, "holds": "args[0] == xs + [x]"},
        {"name": "counts", "given": {"xs": "lists(none())", "x": "none()"}, "holds": "result == len(xs) + 1"},
        {
            "name": "from one",
            "given": {"xs": "lists(integers(), max_size=3)", "x": "integers()"},
            "assume": "xs and x not in xs",
            "holds": "result > 1 and push([], x) == 1",
        },
    ]
    verdict = await judge(sandbox, program, entry="push", properties=properties, examples=30)
    assert verdict.outcome is Outcome.PASS, messages(verdict)
    program = program.replace("append(x)", "insert(0, x)")
    verdict = await judge(sandbox, program, entry="push", properties=properties, examples=30)
    assert [critique.locus for critique in verdict.critiques] == ["grows"]


async def test_given_in_free_form_tests(sandbox: ThreadedSandbox) -> None:
    code = """
from hypothesis import given, strategies as st
from solution import sort
@given(st.lists(st.integers()))
def test_sorts(xs):
    assert sort(xs) == sorted(xs)
"""
    assert (await judge(sandbox, SORT, code=code, examples=30)).outcome is Outcome.PASS
    verdict = await judge(sandbox, "def sort(xs):\n    return sorted(set(xs))\n", code=code)
    (critique,) = verdict.critiques
    assert critique.message.endswith("smallest failing example: xs=[0, 0]")
    assert "`assert sort(xs) == sorted(xs)` fails: [0] == [0, 0]" in critique.message


async def test_a_hang_is_told_with_the_call_that_hangs(sandbox: ThreadedSandbox) -> None:
    program = "def sort(xs):\n    while len(xs) > 2: pass\n    return sorted(xs)\n"
    verdict = await judge(sandbox, program, entry="sort", properties=[SORTED], call_seconds=0.5)
    (critique,) = verdict.critiques
    assert "did not return in time (over call_seconds = 0.5 s)" in critique.message
    code = (
        "from hypothesis import given, strategies as st\nfrom solution import sort\n@given(st.lists(st.integers()))\n"
    )
    code += "def test_sorts(xs):\n    assert sort(xs) == sorted(xs)\ndef test_more():\n    assert sort([]) == []\n"
    verdict = await judge(sandbox, program, code=code, call_seconds=0.5)
    assert [critique.locus for critique in verdict.critiques] == ["test_sorts", "test_more"]
    assert "did not return in time" in messages(verdict)[0]


async def test_a_program_that_changes_its_mind_fails(sandbox: ThreadedSandbox) -> None:
    program = "seen = []\ndef sort(xs):\n    seen.append(1)\n    return [] if len(seen) == 20 else sorted(xs)\n"
    prop = {**SORTED, "given": {"xs": "lists(integers(), min_size=1)"}}
    verdict = await judge(sandbox, program, entry="sort", properties=[prop])
    assert verdict.outcome is Outcome.FAIL


async def test_a_strategy_that_is_none_is_the_specs_fault(sandbox: ThreadedSandbox) -> None:
    with pytest.raises(ProblemError, match="not a strategy"):
        await judge(sandbox, SORT, entry="sort", properties=[{**SORTED, "given": {"xs": "sorted([1])"}}])
    with pytest.raises(ProblemError, match="max_value='x' must be a real number"):
        await judge(sandbox, SORT, entry="sort", properties=[{**SORTED, "given": {"xs": "integers(max_value='x')"}}])


async def test_a_property_that_can_try_nothing_passes_nothing(sandbox: ThreadedSandbox) -> None:
    with pytest.raises(ProblemError):
        await judge(sandbox, SORT, entry="sort", properties=[{**SORTED, "assume": "False"}])
