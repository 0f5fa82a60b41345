"""What every verifier promises, as a suite to run against any of them.

Give `Case`s: a factory, a spec, answers that are right and answers that are wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import JsonValue

from modulo.protocols import Sandbox, Verifier, VerifierFactory
from modulo.types import Guarantee, Outcome, Problem, Verdict

PROBLEM = Problem(statement="whatever the specs say")

GARBAGE = [
    "",
    " ",
    "\0",
    "\x00\x01\xff\xfe" * 50,
    "\ud800",
    '"\\udfff"',
    "\ufeff{}",
    "null",
    "{}",
    "[]",
    "-1e999999999",
    "[" * 100_000,
    '{"a":' * 50_000,
    "(" * 50_000,
    "x" * 1_000_000,
    "9" * 1_000_000,
    '{"x": "' + "\\u0000" * 1000 + '"}',
    "%s%n{}{0}$(id)`id`; __import__('os')",
]
"""Answers that no sane spec accepts, and that a careless reader stumbles over."""


@dataclass(frozen=True)
class Case:
    """A spec of one verifier, with what it must accept and what it must refuse."""

    id: str
    factory: VerifierFactory
    spec: JsonValue
    good: list[str]
    bad: list[str]
    guarantee: Guarantee = Guarantee.PROOF
    garbage: list[str] = field(default_factory=lambda: list(GARBAGE))


class NoSandbox:
    """For verifiers that need none: any use of it is an error."""

    name = "none"

    async def run(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("this verifier runs no untrusted code")

    async def aclose(self) -> None:
        """Nothing to release."""


def build(case: Case, *, hard: bool = True, sandbox: Sandbox | None = None) -> Verifier:
    loaded = case.factory.load(case.spec, base=None)
    return case.factory.build(loaded, hard=hard, sandbox=sandbox or NoSandbox())


def well_formed(verdict: Verdict, verifier: Verifier) -> None:
    assert (verdict.verifier, verdict.version, verdict.hard) == (verifier.name, verifier.version, verifier.hard)
    order = list(Guarantee)
    assert order.index(verdict.guarantee) >= order.index(verifier.guarantee)
    assert verdict.seconds >= 0
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict
    assert (verdict.outcome is Outcome.PASS) == (not verdict.critiques)
    assert all(critique.message.strip() for critique in verdict.critiques)
    assert all(len(critique.message) < 2000 for critique in verdict.critiques)


class VerifierContract:
    """Subclass with a parametrised `case` fixture; see `test_contract.py`."""

    def test_loading_twice_is_loading_once(self, case: Case) -> None:
        loaded = case.factory.load(case.spec, base=None)
        assert case.factory.load(loaded, base=None) == loaded

    @pytest.mark.parametrize("hard", [True, False])
    def test_it_says_who_it_is(self, case: Case, hard: bool) -> None:
        verifier = build(case, hard=hard)
        assert isinstance(verifier, Verifier)
        assert verifier.name == case.factory.name
        assert verifier.version
        assert verifier.guarantee is case.guarantee
        assert verifier.hard is hard

    async def test_right_answers_pass(self, case: Case) -> None:
        verifier = build(case)
        for candidate in case.good:
            verdict = await verifier.verify(PROBLEM, candidate)
            assert verdict.outcome is Outcome.PASS, (candidate, verdict.critiques)
            well_formed(verdict, verifier)

    async def test_wrong_answers_fail_and_say_why(self, case: Case) -> None:
        verifier = build(case, hard=False)
        for candidate in case.bad:
            verdict = await verifier.verify(PROBLEM, candidate)
            assert verdict.outcome is Outcome.FAIL, candidate
            well_formed(verdict, verifier)

    async def test_garbage_is_a_fail_and_never_an_error(self, case: Case) -> None:
        verifier = build(case)
        for candidate in case.garbage:
            verdict = await verifier.verify(PROBLEM, candidate)
            assert verdict.outcome is Outcome.FAIL, candidate[:60]
            well_formed(verdict, verifier)
