"""What every verifier promises, as a pytest suite to run against any of them, a plugin's own included.

    from modulo.verifiers.contract import Case, VerifierContract

    @pytest.fixture(params=[Case("at-most", at_most, {"words": 3}, good=["one two"], bad=["one two three four"])],
                    ids=lambda case: case.id)
    def case(request):
        return request.param

    class TestContract(VerifierContract):
        pass

Say `pytest.register_assert_rewrite("modulo.verifiers.contract")` in `conftest.py` for failures that show their values.
Nothing else of the package imports this module, and so pytest.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

import pytest
from pydantic import JsonValue

from modulo.errors import ProblemError
from modulo.plugins import as_factory
from modulo.protocols import Sandbox, Verifier, VerifierFactory
from modulo.types import Guarantee, Outcome, Problem, Verdict

__all__ = ["GARBAGE", "PROBLEM", "Case", "NoSandbox", "VerifierContract", "build", "well_formed"]

_T = TypeVar("_T")

PROBLEM = Problem(statement="whatever the specs say")

GARBAGE = (
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
)
"""Answers that no sane spec accepts, and that a careless reader stumbles over."""


class NoSandbox:
    """For verifiers that need none: any use of it is an error."""

    name = "none"

    async def run(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        raise AssertionError("this verifier runs no untrusted code")

    async def interact(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        raise AssertionError("this verifier runs no untrusted code")

    async def aclose(self) -> None:
        """Nothing to release."""


@dataclass(frozen=True)
class Case:
    """A spec of one verifier, with what it must accept and what it must refuse.

    Attributes:
        id: name in the test's report.
        factory: the verifier's factory, or a verifier object that takes no spec: what an entry point names.
        spec: a good spec.
        good: candidates that must pass.
        bad: candidates that must fail.
        guarantee: what the verifier says a pass of it means at best.
        hard: whether it is built as a hard verifier, a soft one, or either.
        garbage: candidates that must fail as well, and never raise.
        bad_specs: specs that must be refused, each with the field that the error names.
        endless: a spec and a candidate that would take forever: the verdict is then `fail` or `unknown`, in time.
        patience: seconds after which a verdict on anything is overdue; keep it well above the deadlines of the specs.
        sandbox: for verifiers that run code.
        problem: what `verify` is given.
    """

    id: str
    factory: VerifierFactory | Verifier
    spec: JsonValue
    good: Sequence[str]
    bad: Sequence[str]
    guarantee: Guarantee = Guarantee.PROOF
    hard: Sequence[bool] = (True, False)
    garbage: Sequence[str] = GARBAGE
    bad_specs: Sequence[tuple[JsonValue, str]] = ()
    endless: tuple[JsonValue, str] | None = None
    patience: float = 60.0
    sandbox: Sandbox = field(default_factory=NoSandbox)
    problem: Problem = PROBLEM

    @property
    def made(self) -> VerifierFactory:
        """The factory, also of a bare verifier object."""
        return as_factory(self.factory)


def build(case: Case, *, hard: bool | None = None, spec: JsonValue = None) -> Verifier:
    """A verifier for the case's spec, or for another."""
    loaded = case.made.load(case.spec if spec is None else spec, base=None)
    return case.made.build(loaded, hard=case.hard[0] if hard is None else hard, sandbox=case.sandbox)


def well_formed(verdict: Verdict, verifier: Verifier) -> None:
    """Assert what holds of every verdict."""
    assert (verdict.verifier, verdict.version, verdict.hard) == (verifier.name, verifier.version, verifier.hard)
    order = list(Guarantee)
    assert order.index(verdict.guarantee) >= order.index(verifier.guarantee)
    assert verdict.outcome is not Outcome.ERROR, "a verifier that cannot run raises; it does not return an error"
    assert verdict.seconds >= 0
    assert not verdict.cached
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict
    assert verdict.outcome is Outcome.PASS or verdict.critiques, "a verdict that is no pass says why"
    for critique in verdict.critiques:
        assert critique.message.strip(), "a critique says something"
        assert len(critique.message) < 2000, "a critique fits into a prompt"
        assert all(char.isprintable() or char in "\n\t" for char in critique.message), "a critique can be printed"


def told(verdict: Verdict) -> dict[str, Any]:
    """A verdict without what may differ from one run to the next."""
    return verdict.model_dump(mode="json", exclude={"seconds", "cached"})


class VerifierContract:
    """Subclass with a parametrised `case` fixture; see the module's text."""

    def judged(self, case: Case, verifier: Verifier, candidate: str) -> Verdict:
        """One verdict, well formed and in time."""
        (verdict,) = self.all_judged(case, verifier, [candidate])
        return verdict

    def all_judged(self, case: Case, verifier: Verifier, candidates: Sequence[str]) -> list[Verdict]:
        """Verdicts on candidates one after the other."""

        async def run() -> list[Verdict]:
            return [
                await asyncio.wait_for(verifier.verify(case.problem, candidate), case.patience)
                for candidate in candidates
            ]

        verdicts = asyncio.run(run())
        for verdict in verdicts:
            well_formed(verdict, verifier)
        return verdicts

    def test_loading_twice_is_loading_once(self, case: Case) -> None:
        loaded = case.made.load(case.spec, base=None)
        assert case.made.load(loaded, base=None) == loaded

    def test_a_bad_spec_is_refused_in_one_line_that_names_the_field(self, case: Case) -> None:
        for spec, named in case.bad_specs:
            with pytest.raises(ProblemError) as caught:
                loaded = case.made.load(spec, base=None)
                case.made.build(loaded, hard=case.hard[0], sandbox=case.sandbox)
            assert caught.value.field == named
            assert "\n" not in str(caught.value)

    def test_it_says_who_it_is(self, case: Case) -> None:
        for hard in case.hard:
            verifier = build(case, hard=hard)
            assert isinstance(verifier, Verifier)
            assert verifier.name == case.made.name
            assert verifier.version
            assert verifier.guarantee is case.guarantee
            assert verifier.hard is hard
            schema = getattr(verifier, "answer_schema", None)
            assert schema is None or json.loads(json.dumps(schema)) == schema

    def test_an_opinion_never_gates(self, case: Case) -> None:
        assert case.guarantee is not Guarantee.OPINION or not any(case.hard)

    def test_right_answers_pass(self, case: Case) -> None:
        for hard in case.hard:
            for verdict in self.all_judged(case, build(case, hard=hard), case.good):
                assert verdict.outcome is Outcome.PASS, verdict.critiques

    def test_wrong_answers_fail_and_say_why(self, case: Case) -> None:
        for hard in case.hard:
            for candidate, verdict in zip(
                case.bad, self.all_judged(case, build(case, hard=hard), case.bad), strict=True
            ):
                assert verdict.outcome is Outcome.FAIL, candidate

    def test_garbage_is_a_fail_and_never_an_error(self, case: Case) -> None:
        for candidate, verdict in zip(case.garbage, self.all_judged(case, build(case), case.garbage), strict=True):
            assert verdict.outcome is Outcome.FAIL, candidate[:60]

    def test_the_same_answer_gets_the_same_verdict(self, case: Case) -> None:
        verifier = build(case)
        candidates = [*case.good, *case.bad]
        assert list(map(told, self.all_judged(case, verifier, candidates))) == list(
            map(told, self.all_judged(case, verifier, candidates))
        )

    def test_answers_judged_at_once_are_judged_as_one_by_one(self, case: Case) -> None:
        verifier = build(case)
        candidates = [*case.good, *case.bad] * 3

        async def run() -> list[Verdict]:
            return await asyncio.gather(*(verifier.verify(case.problem, candidate) for candidate in candidates))

        together = _in_time(run(), case.patience)
        assert list(map(told, together)) == list(map(told, self.all_judged(case, verifier, candidates)))

    def test_a_batch_is_judged_as_one_by_one(self, case: Case) -> None:
        verifier = build(case)
        many = getattr(verifier, "verify_many", None)
        if many is None:
            pytest.skip(f"{verifier.name} has no verify_many")
        candidates = [*case.good, *case.bad, *case.garbage[:4], *case.good]
        batch: list[Verdict] = _in_time(many(case.problem, candidates), case.patience)
        for verdict in batch:
            well_formed(verdict, verifier)
        assert list(map(told, batch)) == list(map(told, self.all_judged(case, verifier, candidates)))
        assert _in_time(many(case.problem, []), case.patience) == []

    def test_what_takes_forever_ends_and_holds_nobody_up(self, case: Case) -> None:
        if case.endless is None:
            pytest.skip("no candidate is known that takes forever")
        spec, candidate = case.endless
        verifier = build(case, spec=spec)
        beats = 0

        async def heart() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0.01)
                beats += 1

        async def run() -> Verdict:
            beating = asyncio.create_task(heart())
            try:
                return await verifier.verify(case.problem, candidate)
            finally:
                beating.cancel()

        verdict = _in_time(run(), case.patience)
        well_formed(verdict, verifier)
        assert verdict.outcome in (Outcome.FAIL, Outcome.UNKNOWN)
        assert beats >= 3, "the event loop stood still"
        assert self.judged(case, build(case), case.good[0]).outcome is Outcome.PASS

    def test_a_cancelled_verdict_leaves_nothing_behind(self, case: Case) -> None:
        spec, candidate = case.endless or (case.spec, case.good[0])
        verifier = build(case, spec=spec)

        async def run() -> set[asyncio.Task[Any]]:
            before = asyncio.all_tasks()
            task = asyncio.ensure_future(verifier.verify(case.problem, candidate))
            await asyncio.sleep(0.05 if case.endless else 0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0)
            return asyncio.all_tasks() - before

        assert _in_time(run(), case.patience) == set()
        assert self.judged(case, build(case), case.good[0]).outcome is Outcome.PASS


def _in_time(awaited: Coroutine[Any, Any, _T], seconds: float) -> _T:
    async def run() -> _T:
        return await asyncio.wait_for(awaited, seconds)

    return asyncio.run(run())
