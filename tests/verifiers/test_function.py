"""Verifiers made of functions: what they return, raise and how they are named."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from pydantic import Field

from modulo.errors import ProblemError, UnavailableError, WorkerError
from modulo.protocols import Verifier, VerifierFactory
from modulo.types import Critique, Guarantee, Outcome, Problem, Value
from modulo.verifiers.contract import NoSandbox
from modulo.verifiers.finding import Finding
from modulo.verifiers.function import FunctionVerifier, fail, ok, unknown, verifier

PROBLEM = Problem(statement="say yes")


@verifier(guarantee="proof")
def says_yes(problem: Problem, candidate: str) -> Finding:
    """The answer is yes."""
    return ok(evidence={"length": len(candidate)}) if candidate == "yes" else fail("say yes", locus="all", score=0.5)


class AtMost(Value):
    words: int = Field(ge=1)


@verifier(guarantee="proof", spec=AtMost, version="3")
async def at_most(problem: Problem, candidate: str, spec: AtMost) -> Finding:
    await asyncio.sleep(0)
    return ok() if len(candidate.split()) <= spec.words else fail(f"more than {spec.words} words")


async def test_a_plain_function_is_a_verifier() -> None:
    assert isinstance(says_yes, Verifier)
    assert (says_yes.name, says_yes.version, says_yes.guarantee, says_yes.hard) == ("says_yes", "1", "proof", True)
    assert says_yes.__doc__ == "The answer is yes."
    good = await says_yes.verify(PROBLEM, "yes")
    assert (good.outcome, good.evidence, good.score, good.critiques) == (Outcome.PASS, {"length": 3}, 1.0, ())
    bad = await says_yes.verify(PROBLEM, "no")
    assert (bad.outcome, bad.score) == (Outcome.FAIL, 0.5)
    assert bad.critiques == (Critique(message="say yes", locus="all"),)
    assert says_yes(PROBLEM, "no").critiques == bad.critiques


async def test_a_spec_makes_a_factory() -> None:
    factory: VerifierFactory = at_most
    assert factory.name == "at_most"
    assert factory.load({"words": 2}, base=None) == {"words": 2}
    with pytest.raises(ProblemError, match="words: Input should be greater than or equal to 1"):
        factory.load({"words": 0}, base=None)
    with pytest.raises(ProblemError, match="word: no such field"):
        factory.load({"word": 2}, base=None)
    with pytest.raises(ProblemError, match="words: Field required"):
        factory.load(None, base=None)
    with pytest.raises(ProblemError, match="words"):
        at_most(words="many")
    built = factory.build({"words": 2}, hard=False, sandbox=NoSandbox())
    assert (built.name, built.version, built.hard) == ("at_most", "3", False)
    assert (await built.verify(PROBLEM, "a b c")).outcome is Outcome.FAIL
    assert (await at_most(words=3).verify(PROBLEM, "a b c")).outcome is Outcome.PASS
    assert at_most(words=3).hard is True


@pytest.mark.parametrize("value", [True, False, None, 1, "pass", {"outcome": "pass"}, Outcome.PASS, (), []])
async def test_only_a_finding_counts(value: Any) -> None:
    def returns(problem: Problem, candidate: str) -> Any:
        return value

    async def returns_async(problem: Problem, candidate: str) -> Any:
        return value

    for function in (returns, returns_async):
        with pytest.raises(WorkerError, match=r"returned .*; return ok\(\), fail\("):
            await verifier(guarantee="tests")(function).verify(PROBLEM, "x")


async def test_what_it_raises_is_an_error_and_names_the_verifier() -> None:
    @verifier(guarantee="tests")
    def broken(problem: Problem, candidate: str) -> Finding:
        raise KeyError(candidate)

    @verifier(guarantee="tests")
    def stops(problem: Problem, candidate: str) -> Finding:
        raise StopIteration

    @verifier(guarantee="tests")
    def leaves(problem: Problem, candidate: str) -> Finding:
        raise SystemExit(0)

    @verifier(guarantee="tests")
    def offline(problem: Problem, candidate: str) -> Finding:
        raise UnavailableError("the referee is out")

    with pytest.raises(WorkerError, match="the verifier broken raised KeyError: 'x'"):
        await broken.verify(PROBLEM, "x")
    with pytest.raises(WorkerError, match="StopIteration"):
        await stops.verify(PROBLEM, "x")
    with pytest.raises(WorkerError, match="SystemExit"):
        await leaves.verify(PROBLEM, "x")
    with pytest.raises(UnavailableError, match="the referee is out"):
        await offline.verify(PROBLEM, "x")


async def test_a_plain_function_does_not_hold_up_the_event_loop() -> None:
    release = threading.Event()

    @verifier(guarantee="tests")
    def slow(problem: Problem, candidate: str) -> Finding:
        return ok() if release.wait(60) else fail("nobody let me go")

    task = asyncio.create_task(slow.verify(PROBLEM, "x"))
    await asyncio.sleep(0.05)
    release.set()
    assert (await task).outcome is Outcome.PASS


async def test_over_its_deadline_it_is_unknown() -> None:
    release = threading.Event()

    @verifier(guarantee="tests", seconds=0.05)
    def slow(problem: Problem, candidate: str) -> Finding:
        release.wait(60)
        return ok()

    verdict = await slow.verify(PROBLEM, "x")
    release.set()
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.critiques[0].message == "could not be decided within 0.05 s"


async def test_a_pass_may_mean_less_but_never_more() -> None:
    @verifier(guarantee="evidence")
    def judge(problem: Problem, candidate: str) -> Finding:
        return ok(guarantee=candidate)

    assert (await judge.verify(PROBLEM, "tests")).guarantee is Guarantee.TESTS
    assert (await judge.verify(PROBLEM, "proof")).guarantee is Guarantee.EVIDENCE


async def test_several_faults_and_odd_text() -> None:
    @verifier(guarantee="tests", name="odd", hard=False)
    def faults(problem: Problem, candidate: str) -> Finding:
        return fail("first \ud800", Critique(message="second", locus="there"), counterexample={"\udfff": 1})

    verdict = await faults.verify(PROBLEM, "x")
    assert [(c.message, c.locus, c.counterexample) for c in verdict.critiques] == [
        ("first ?", None, {"?": 1}),
        ("second", "there", None),
    ]
    assert verdict.verifier == "odd"
    assert not verdict.hard
    verdict.model_dump_json()


def test_what_cannot_be_decorated() -> None:
    def function(problem: Problem, candidate: str) -> Finding:
        return unknown("who knows")

    with pytest.raises(ValueError, match="opinion cannot gate acceptance"):
        verifier(guarantee="opinion")(function)
    with pytest.raises(ValueError, match="opinion cannot gate acceptance"):
        verifier(guarantee="opinion", spec=AtMost)(lambda problem, candidate, spec: ok())
    with pytest.raises(ValueError, match="certainty"):
        verifier(guarantee="certainty")(function)
    assert isinstance(verifier(guarantee="opinion", hard=False)(function), FunctionVerifier)
    with pytest.raises(TypeError, match="needs a message"):
        fail()


def test_a_hard_opinion_in_a_problem_file_is_refused() -> None:
    factory = verifier(guarantee="opinion", spec=AtMost, hard=False)(lambda problem, candidate, spec: ok())
    assert factory.build({"words": 1}, hard=False, sandbox=NoSandbox()).hard is False
    with pytest.raises(ProblemError, match="hard: false"):
        factory.build({"words": 1}, hard=True, sandbox=NoSandbox())
