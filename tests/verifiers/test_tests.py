"""`tests`: specs, verdicts and critiques. The programs run in a sandbox under `tests/attacks` and `tests/adapters`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from modulo.errors import ProblemError, SandboxUnavailableError
from modulo.protocols import (
    Call,
    CallReply,
    ImageName,
    Limits,
    ProgramKind,
    RunReport,
    Sandbox,
    Session,
    Verifier,
)
from modulo.types import Guarantee, Outcome, Problem, Verdict
from modulo.verifiers.tests import TestsVerifier, factory

T = TypeVar("T")
PROBLEM = Problem(statement="Write square.")
SPEC: dict[str, Any] = {
    "entry": "square",
    "cases": [{"args": [3], "expect": 9}, {"args": [0], "expect": 0}],
    "hidden": [{"args": [-424242], "expect": 179981274564}],
}
PROGRAM = "import math\ndef square(x):\n    return x * x  # right\n"


class Canned:
    """A sandbox that answers with prepared replies and keeps what it was asked."""

    name = "canned"

    def __init__(self, *replies: CallReply, load: CallReply | None = None) -> None:
        self.replies, self.load = replies, load
        self.calls: Sequence[Call] = ()
        self.limits: Limits | None = None
        self.image: ImageName | None = None

    async def run(
        self, program: str, *, entry: str, calls: Sequence[Call], limits: Limits, image: ImageName = "base"
    ) -> RunReport:
        self.calls, self.limits, self.image = calls, limits, image
        skipped = [CallReply(kind="skipped")] * (len(calls) - len(self.replies))
        return RunReport(load=self.load, replies=(*self.replies, *skipped), backend="canned", image="sha256:1")

    async def interact(
        self,
        program: str,
        drive: Callable[[Session], T],
        *,
        kind: ProgramKind,
        limits: Limits,
        image: ImageName = "base",
    ) -> tuple[T, str | None]:
        raise AssertionError("call cases need no conversation")

    async def aclose(self) -> None:
        pass


class Down(Canned):
    async def run(
        self, program: str, *, entry: str, calls: Sequence[Call], limits: Limits, image: ImageName = "base"
    ) -> RunReport:
        raise SandboxUnavailableError("no sandbox")


def value(of: Any) -> CallReply:
    return CallReply(kind="value", value=of)


def build(sandbox: Sandbox, spec: Any = None, *, hard: bool = True) -> TestsVerifier:
    return factory.build(factory.load(spec or SPEC, base=None), hard=hard, sandbox=sandbox)


async def judge(*replies: CallReply, load: CallReply | None = None, spec: Any = None) -> Verdict:
    return await build(Canned(*replies, load=load), spec).verify(PROBLEM, PROGRAM)


async def test_all_right_is_a_pass_of_guarantee_tests() -> None:
    verdict = await judge(value(9), value(0), value(179981274564))
    assert verdict.outcome is Outcome.PASS
    assert verdict.guarantee is Guarantee.TESTS
    assert verdict.critiques == ()
    assert verdict.score == 1.0
    assert verdict.evidence == {
        "kind": "calls",
        "backend": "canned",
        "image": "sha256:1",
        "public_passed": 2,
        "public_total": 2,
        "hidden_passed": 1,
        "hidden_total": 1,
    }


async def test_a_wrong_value_is_shown_with_its_call() -> None:
    verdict = await judge(value(8), value(0), value(179981274564))
    (critique,) = verdict.critiques
    assert critique.message == "square(3) returned 8, expected 9"
    assert critique.locus == "square(3)"
    assert critique.counterexample == {"call": "square(3)", "returned": "8", "expected": "9"}
    assert verdict.outcome is Outcome.FAIL
    assert verdict.score == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            CallReply(kind="raised", error="TypeError: no\x1b[2J way", line=3),
            "square(0) raised TypeError: no [2J way on line 3: `return x * x  # right`; expected 0",
        ),
        (
            CallReply(kind="timeout", error="over call_seconds = 2 s"),
            "square(0) did not return in time (over call_seconds = 2 s); expected 0",
        ),
        (CallReply(kind="memory"), "square(0) used more than 512 MiB of memory; expected 0"),
        (
            CallReply(kind="crash", error="ended with exit code 0"),
            "square(0) ended the whole process (ended with exit code 0); expected 0",
        ),
        (
            CallReply(kind="output", error="a value of type X is not a plain Python value"),
            "square(0) returned something that cannot be checked "
            "(a value of type X is not a plain Python value); expected 0",
        ),
        (
            CallReply(kind="protocol", error="a reply has the wrong index"),
            "square(0) did not answer as a function does (a reply has the wrong index); expected 0",
        ),
    ],
)
async def test_what_else_can_become_of_a_public_call(reply: CallReply, message: str) -> None:
    verdict = await judge(value(9), reply)
    assert verdict.outcome is Outcome.FAIL
    assert [c.message for c in verdict.critiques] == [message]
    assert verdict.score == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "reply",
    [
        value("swordfish"),
        CallReply(kind="raised", error="Swordfish: swordfish", line=3),
        CallReply(kind="timeout", error="swordfish"),
        CallReply(kind="crash", error="swordfish"),
        CallReply(kind="memory", error="swordfish"),
        CallReply(kind="output", error="swordfish"),
        CallReply(kind="protocol", error="swordfish"),
    ],
)
async def test_a_hidden_test_is_only_counted(reply: CallReply) -> None:
    spec = {**SPEC, "hidden": [*SPEC["hidden"], {"args": [77], "expect": 5929}, {"args": ["s3cret"], "raises": "E"}]}
    verdict = await judge(value(9), value(0), value(179981274564), value(5929), reply, spec=spec)
    (critique,) = verdict.critiques
    assert verdict.outcome is Outcome.FAIL
    assert critique.message == "a hidden test fails (1 of 3 hidden tests)"
    assert (critique.locus, critique.counterexample) == (None, None)
    told = verdict.model_dump_json().lower()
    assert not any(secret in told for secret in ("swordfish", "424242", "179981274564", "5929", "s3cret"))


async def test_skipped_hidden_tests_say_nothing_but_never_pass() -> None:
    verdict = await judge(value(9), CallReply(kind="timeout"))
    assert len(verdict.critiques) == 1
    assert verdict.evidence["hidden_passed"] == 0
    only = {"entry": "f", "hidden": [{"expect": None}]}
    assert (await judge(CallReply(kind="skipped"), spec=only)).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("load", "message", "locus"),
    [
        (
            CallReply(kind="raised", error="SyntaxError: invalid syntax", line=2),
            "the program does not compile: SyntaxError: invalid syntax on line 2: `def square(x):`",
            "line 2",
        ),
        (
            CallReply(kind="raised", error="ModuleNotFoundError: No module named 'numpy'", line=1),
            "an import fails: ModuleNotFoundError: No module named 'numpy' on line 1: `import math`; "
            "only Python's standard library is installed",
            "line 1",
        ),
        (
            CallReply(kind="raised", error="NameError: the program does not define a function square"),
            "the program does not define a function square",
            None,
        ),
        (
            CallReply(kind="raised", error="ValueError: x", line=2),
            "loading the program raised ValueError: x on line 2: `def square(x):`",
            "line 2",
        ),
        (
            CallReply(kind="timeout", error="over call_seconds = 2 s"),
            "loading the program did not return in time (over call_seconds = 2 s)",
            None,
        ),
    ],
)
async def test_a_program_that_does_not_load(load: CallReply, message: str, locus: str | None) -> None:
    verdict = await judge(load=load)
    assert verdict.outcome is Outcome.FAIL
    assert [(c.message, c.locus) for c in verdict.critiques] == [(message, locus)]
    assert verdict.score == 0


async def test_a_load_fault_decides_even_beside_right_replies() -> None:
    verdict = await judge(value(9), value(0), value(179981274564), load=CallReply(kind="crash"))
    assert verdict.outcome is Outcome.FAIL


async def test_exceptions_are_matched_by_exact_name() -> None:
    spec = {"entry": "f", "cases": [{"args": [1], "raises": "ValueError"}]}
    for error, outcome in {
        "ValueError: x": Outcome.PASS,
        "ValueError": Outcome.PASS,
        "ValueErrors: x": Outcome.FAIL,
        "UnicodeError: ValueError": Outcome.FAIL,
        "": Outcome.FAIL,
    }.items():
        assert (await judge(CallReply(kind="raised", error=error), spec=spec)).outcome is outcome
    for kind in ("value", "timeout", "memory", "crash", "output", "protocol", "skipped"):
        reply = CallReply(kind=kind, error="ValueError: x")
        assert (await judge(reply, spec=spec)).outcome is Outcome.FAIL
    verdict = await judge(value(3), spec=spec)
    assert verdict.critiques[0].message == "f(1) returned 3, expected it to raise ValueError"


async def test_a_message_may_have_to_match() -> None:
    spec = {"entry": "f", "cases": [{"args": [1], "raises": "ValueError", "match": "neg.*: 1$"}]}
    for error, outcome in {
        "ValueError: negative: 1": Outcome.PASS,
        "ValueError: it is negative: 1": Outcome.PASS,
        "ValueError: negative: 10": Outcome.FAIL,
        "ValueError": Outcome.FAIL,
        "TypeError: negative: 1": Outcome.FAIL,
    }.items():
        assert (await judge(CallReply(kind="raised", error=error), spec=spec)).outcome is outcome
    verdict = await judge(CallReply(kind="raised", error="ValueError: no", line=2), spec=spec)
    assert verdict.critiques[0].message == (
        "f(1) raised ValueError: no on line 2: `def square(x):`; "
        "expected it to raise ValueError with a message matching neg.*: 1$"
    )


async def test_tolerance_order_and_time_of_one_case_or_of_all() -> None:
    cases: list[dict[str, Any]] = [
        {"args": [1], "expect": 0.5},
        {"args": [2], "expect": [1.0, 2.0], "unordered": True},
        {"args": [3], "expect": 0.5, "tolerance": {"absolute": 0.2}, "seconds": 7},
        {"args": [4], "expect": {"$tuple": ["b", "a", "a"]}, "unordered": True},
    ]
    spec = {"entry": "f", "cases": cases, "tolerance": 1e-3}
    right = (value(0.5001), value([2.0001, 1.0]), value(0.65), value({"$tuple": ["a", "b", "a"]}))
    assert (await judge(*right, spec=spec)).outcome is Outcome.PASS
    for place, wrong in enumerate((value(0.502), value([2.0, 2.0]), value(0.75), value(["a", "b", "a"]))):
        verdict = await judge(*right[:place], wrong, *right[place + 1 :], spec=spec)
        assert verdict.evidence["public_passed"] == 3
        assert len(verdict.critiques) == 1
    assert verdict.critiques[0].message == "f(4) returned ['a', 'b', 'a'], expected ('b', 'a', 'a'), in any order"
    sandbox = Canned(*right)
    await build(sandbox, spec).verify(PROBLEM, PROGRAM)
    assert [call.seconds for call in sandbox.calls] == [None, None, 7, None]


async def test_packages_select_the_image() -> None:
    for packages, image in (([], "base"), (["numpy"], "science"), (["sympy", "numpy"], "science")):
        sandbox = Canned(value(9), value(0), value(179981274564))
        await build(sandbox, {**SPEC, "packages": packages}).verify(PROBLEM, PROGRAM)
        assert sandbox.image == image
    missing = CallReply(kind="raised", error="ModuleNotFoundError: No module named 'scipy'", line=1)
    verdict = await judge(load=missing, spec={**SPEC, "packages": ["numpy", "sympy"]})
    assert verdict.critiques[0].message.endswith("only Python's standard library and numpy and sympy are installed")


async def test_none_is_a_value_to_expect() -> None:
    spec = {"entry": "f", "cases": [{"args": [1], "expect": None}]}
    assert (await judge(value(None), spec=spec)).outcome is Outcome.PASS
    assert (await judge(value(0), spec=spec)).outcome is Outcome.FAIL
    assert (await judge(CallReply(kind="raised", error="E"), spec=spec)).outcome is Outcome.FAIL


async def test_the_sandbox_is_told_arguments_and_never_an_expectation() -> None:
    sandbox = Canned(value(9), value(0), value(0))
    spec = {**SPEC, "call_seconds": 1, "total_seconds": 4, "memory_mb": 100}
    await build(sandbox, spec).verify(PROBLEM, PROGRAM)
    assert [list(call.args) for call in sandbox.calls] == [[3], [0], [-424242]]
    assert not any("179981274564" in call.model_dump_json() for call in sandbox.calls)
    assert sandbox.limits is not None
    assert (sandbox.limits.call_seconds, sandbox.limits.total_seconds, sandbox.limits.memory_mb) == (1, 4, 100)


@pytest.mark.parametrize("program", ["", " \n\t ", "x" * 1_000_001])
async def test_an_empty_or_huge_program_fails_without_running(program: str) -> None:
    verdict = await build(Down()).verify(PROBLEM, program)
    assert verdict.outcome is Outcome.FAIL
    assert len(verdict.critiques) == 1


async def test_a_sandbox_that_is_down_is_no_verdict() -> None:
    with pytest.raises(SandboxUnavailableError):
        await build(Down()).verify(PROBLEM, PROGRAM)


async def test_long_and_many_faults_are_cut() -> None:
    spec = {"entry": "f", "cases": [{"args": ["y" * 5000, n], "expect": "z" * 5000} for n in range(40)]}
    verdict = await judge(*[value("w" * 5000)] * 40, spec=spec)
    assert len(verdict.critiques) == 10
    assert all(len(c.message) < 800 for c in verdict.critiques)
    spec = {"entry": "f", "cases": [{"expect": "z" * 5000}]}
    verdict = await judge(value("z" * 5001), spec=spec)
    assert verdict.critiques[0].message.endswith("(they differ beyond what is shown)")


def test_it_is_a_verifier_and_carries_hardness() -> None:
    verifier = build(Canned(), hard=False)
    assert isinstance(verifier, Verifier)
    assert verifier.hard is False
    assert (verifier.name, factory.name) == ("tests", "tests")


def test_load_is_idempotent_and_canonical() -> None:
    spec: dict[str, Any] = {
        "entry": "f",
        "cases": [
            {"args": [{"$set": [2, 1]}], "kwargs": {"k": 2**80}, "expect": {"$tuple": [1.0, -0.0]}},
            {"raises": "KeyError"},
            {"expect": None},
        ],
        "memory_mb": 64,
    }
    once = factory.load(spec, base=None)
    assert factory.load(once, base=None) == once
    assert once == {
        "entry": "f",
        "memory_mb": 64,
        "cases": [
            {
                "args": [{"$set": [1, 2]}],
                "kwargs": {"k": {"$int": str(2**80)}},
                "expect": {"$tuple": [1.0, 0.0]},
            },
            {"raises": "KeyError"},
            {"expect": None},
        ],
    }


TESTS = "def test_a():\n    assert square(3) == 9\n"
FULL: dict[str, Any] = {
    "entry": "f",
    "cases": [
        {"args": [1], "expect": [1.5], "unordered": True, "tolerance": 1, "seconds": 2},
        {"raises": "ValueError", "match": "no"},
    ],
    "code": TESTS,
    "hidden_code": "def check(candidate):\n    pass\n",
    "module": "answer",
    "properties": [{"name": "p", "given": {"x": "lists(integers())"}, "holds": "result == [y for y in x]"}],
    "hidden_properties": [{"name": "q", "given": {"x": "text()"}, "holds": "f(result) == x", "assume": "len(x) > 1"}],
    "examples": 5,
    "tolerance": {"relative": 0.1},
    "packages": ["numpy"],
    "total_seconds": 3,
}


def test_all_fields_load_and_load_again() -> None:
    once: Any = factory.load(FULL, base=None)
    assert factory.load(once, base=None) == once
    assert once["cases"][0]["tolerance"] == {"absolute": 1.0, "relative": 1.0}
    assert once["tolerance"] == {"relative": 0.1}
    scripts: Any = {"cases": [{"stdin": "1", "stdout": "1\n"}, {"stdout": "2", "exit": 3}], "hidden": []}
    once = factory.load(scripts, base=None)
    assert once == {"cases": [{"stdin": "1", "stdout": "1\n"}, {"stdin": "", "stdout": "2", "exit": 3}]}
    assert factory.load(once, base=None) == once


def test_files_of_tests_are_read_into_the_spec(tmp_path: Path) -> None:
    (tmp_path / "public.py").write_text(TESTS, encoding="utf-8")
    spec: Any = {"code_file": "public.py", "hidden_code": TESTS}
    assert factory.load(spec, base=tmp_path) == {"code": TESTS, "hidden_code": TESTS}
    faults: list[Any] = [{"code_file": "none.py"}, {"code_file": "public.py", "code": TESTS}, {"code_file": 3}]
    for broken in faults:
        with pytest.raises(ProblemError) as error:
            factory.load(broken, base=tmp_path)
        assert error.value.field == "code_file"


CASE: dict[str, Any] = {"args": [3], "expect": 9}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (None, ""),
        ([], ""),
        ({}, "cases"),
        ({"cases": [CASE]}, "entry"),
        ({"entry": "f"}, "cases"),
        ({"entry": "f", "cases": []}, "cases"),
        ({"entry": "f", "cases": CASE}, "cases"),
        ({"entry": "f()", "cases": [CASE]}, "entry"),
        ({"entry": "a.b", "cases": [CASE]}, "entry"),
        ({"entry": "class", "cases": [CASE]}, "entry"),
        ({"entry": 3, "cases": [CASE]}, "entry"),
        ({"entry": "f", "case": [CASE]}, "case"),
        ({"entry": "f", "cases": [CASE, 3]}, "cases[1]"),
        ({"entry": "f", "cases": [CASE, {"args": [3]}]}, "cases[1].expect"),
        ({"entry": "f", "cases": [{**CASE, "raises": "E"}]}, "cases[0].expect"),
        ({"entry": "f", "cases": [{**CASE, "expects": 9}]}, "cases[0].expects"),
        ({"entry": "f", "cases": [{**CASE, "args": 3}]}, "cases[0].args"),
        ({"entry": "f", "cases": [{**CASE, "kwargs": [3]}]}, "cases[0].kwargs"),
        ({"entry": "f", "cases": [{"raises": "not a name"}]}, "cases[0].raises"),
        ({"entry": "f", "cases": [{"raises": None}]}, "cases[0].expect"),
        ({"entry": "f", "hidden": [CASE, CASE, {"args": [], "expect": {"$tupel": [1]}}]}, "hidden[2].expect"),
        ({"entry": "f", "cases": [{"args": [1, {"$set": [[1]]}], "expect": 1}]}, "cases[0].args[1]"),
        ({"entry": "f", "cases": [{"kwargs": {"k": {"$int": "x"}}, "expect": 1}]}, "cases[0].kwargs.k"),
        ({"entry": "f", "cases": [CASE], "call_seconds": 0}, "call_seconds"),
        ({"entry": "f", "cases": [CASE], "memory_mb": 1}, "memory_mb"),
        ({"entry": "f", "cases": [CASE], "total_seconds": "soon"}, "total_seconds"),
        ({"entry": "f", "cases": [{**CASE, "tolerance": -1}]}, "cases[0].tolerance.absolute"),
        ({"entry": "f", "cases": [{**CASE, "tolerance": "x"}]}, "cases[0].tolerance"),
        ({"entry": "f", "cases": [{**CASE, "tolerance": True}]}, "cases[0].tolerance"),
        ({"entry": "f", "cases": [{**CASE, "unordered": True}]}, "cases[0].unordered"),
        ({"entry": "f", "cases": [{**CASE, "unordered": 1}]}, "cases[0].unordered"),
        ({"entry": "f", "cases": [{**CASE, "match": "x"}]}, "cases[0].match"),
        ({"entry": "f", "cases": [{"raises": "E", "match": "("}]}, "cases[0].match"),
        ({"entry": "f", "cases": [{"raises": "E", "match": "(?=x)"}]}, "cases[0].match"),
        ({"entry": "f", "cases": [{**CASE, "seconds": 0}]}, "cases[0].seconds"),
        ({"cases": [{"stdin": "1"}]}, "cases[0].stdout"),
        ({"cases": [{"stdin": 1, "stdout": "1"}]}, "cases[0].stdin"),
        ({"cases": [{"stdout": "1", "exit": 256}]}, "cases[0].exit"),
        ({"cases": [{"stdout": "1", "expect": 1}]}, "cases[0].expect"),
        ({"entry": "f", "cases": [CASE], "hidden": [{"stdout": "1"}]}, "cases"),
        ({"entry": "f", "cases": [CASE], "packages": ["torch"]}, "packages[0]"),
        ({"code": "def test_a(:"}, "code"),
        ({"code": "x = 1\0"}, "code"),
        ({"code": "def helper(): pass"}, "code"),
        ({"code": "def check(): pass"}, "code"),
        ({"code": "def check(candidate): pass"}, "entry"),
        ({"entry": "f", "code": "import pytest\ndef check(candidate): pass\ndef test_a(): pass"}, "code"),
        ({"hidden_code": ""}, "hidden_code"),
        ({"code": TESTS, "module": "a.b"}, "module"),
        ({"code": TESTS, "examples": 0}, "examples"),
        ({"properties": FULL["properties"]}, "entry"),
        ({**FULL, "properties": [{"name": "p", "given": {}, "holds": "True"}]}, "properties[0].given"),
        ({**FULL, "properties": [{"name": "p", "given": {"x": "list("}, "holds": "True"}]}, "properties[0].given.x"),
        ({**FULL, "properties": [{"name": "p", "given": {"x": "intergers()"}, "holds": "x"}]}, "properties[0].given.x"),
        ({**FULL, "properties": [{"name": "p", "given": {"f": "text()"}, "holds": "f"}]}, "properties[0].given.f"),
        ({**FULL, "properties": [{"name": "p", "given": {"x": "text()"}, "holds": "y"}]}, "properties[0].holds"),
        ({**FULL, "properties": [{"name": "p", "given": {"x": "text()"}, "holds": "x = 1"}]}, "properties[0].holds"),
        (
            {**FULL, "hidden_properties": [{"name": "p", "given": {"x": "text()"}, "holds": "x", "assume": "result"}]},
            "hidden_properties[0].assume",
        ),
    ],
)
def test_a_malformed_spec_names_its_field(spec: Any, field: str) -> None:
    with pytest.raises(ProblemError) as error:
        factory.load(spec, base=None)
    assert error.value.field == field
    assert "\n" not in str(error.value)
