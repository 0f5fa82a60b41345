"""The contract suite itself: each promise that a verifier breaks is noticed by the test that is about it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from modulo.errors import ProblemError, WorkerError
from modulo.protocols import Sandbox
from modulo.types import Critique, Guarantee, Outcome, Problem, Verdict
from modulo.verifiers.contract import Case, VerifierContract


class Yes:
    """Keeps every promise: passes `yes`."""

    name, version, guarantee = "yes", "1", Guarantee.PROOF

    def __init__(self, hard: bool = True) -> None:
        self.hard = hard

    def said(self, candidate: str, **changes: Any) -> Verdict:
        passed = candidate.startswith("yes")
        return Verdict(
            verifier=self.name,
            version=self.version,
            outcome=Outcome.PASS if passed else Outcome.FAIL,
            hard=self.hard,
            critiques=() if passed else (Critique(message="say yes"),),
        ).model_copy(update=changes)

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        if candidate == "wait":
            await asyncio.sleep(0.1)
        return self.said(candidate)

    async def verify_many(self, problem: Problem, candidates: Sequence[str]) -> list[Verdict]:
        return [await self.verify(problem, candidate) for candidate in candidates]


class Factory:
    name = "yes"

    def __init__(self, made: type[Yes]) -> None:
        self.made = made

    def load(self, spec: JsonValue, *, base: Path | None) -> JsonValue:
        if spec == "bad":
            raise ProblemError("it is bad", field="all")
        return spec

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> Yes:
        return self.made(hard)


def case(made: type[Yes] = Yes, **changes: Any) -> Case:
    given: dict[str, Any] = {
        "good": ["yes"],
        "bad": ["no", "wait"],
        "endless": ({}, "wait"),
        "bad_specs": [("bad", "all")],
        "patience": 5.0,
        **changes,
    }
    return Case("yes", given.pop("factory", Factory(made)), {}, **given)


def promises() -> list[str]:
    return [name for name in dir(VerifierContract) if name.startswith("test_")]


@pytest.mark.parametrize("name", promises())
def test_what_keeps_its_promises_passes(name: str) -> None:
    getattr(VerifierContract(), name)(case())


class Raises(Yes):
    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        if candidate == "null":
            raise WorkerError("a null")
        return self.said(candidate)


class Accepts(Yes):
    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        return self.said("yes" if candidate == "[]" else candidate)


class Silent(Yes):
    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        return self.said(candidate, critiques=())


class Garbled(Yes):
    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        return self.said(candidate, critiques=(Critique(message=f"\x1b[2J {candidate}"),))


class Boastful(Yes):
    guarantee = Guarantee.TESTS

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        return self.said(candidate, guarantee=Guarantee.PROOF)


class Anonymous(Yes):
    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        return self.said(candidate, version="2")


class Hardened(Yes):
    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        return self.said(candidate, hard=True)


class Errs(Yes):
    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        return self.said(candidate, outcome=Outcome.ERROR)


class Moody(Yes):
    moods = itertools.count()

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        return self.said(candidate, evidence={"mood": next(self.moods)})


class Confused(Yes):
    """Mixes up what is judged at the same time."""

    last = ""

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        self.last = candidate
        await asyncio.sleep(0)
        return self.said(self.last)


class Reversed(Yes):
    async def verify_many(self, problem: Problem, candidates: Sequence[str]) -> list[Verdict]:
        return [self.said(candidate) for candidate in reversed(candidates[:-1])] + [self.said("yes")]


class Lazy(Yes):
    async def verify_many(self, problem: Problem, candidates: Sequence[str]) -> list[Verdict]:
        return [self.said(candidate) for candidate in candidates[:1]]


class Blocks(Yes):
    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        if candidate == "wait":
            time.sleep(0.2)  # noqa: ASYNC251 - that is what it does wrong
        return self.said(candidate)


class Hangs(Yes):
    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        if candidate == "wait":
            await asyncio.sleep(600)
        return self.said(candidate)


class Litters(Yes):
    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        self.left = asyncio.ensure_future(asyncio.sleep(600))
        await asyncio.sleep(0.2)
        return self.said(candidate)


class Undying(Yes):
    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.2)
        return self.said(candidate)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (case(Raises), "test_garbage_is_a_fail_and_never_an_error"),
        (case(Accepts), "test_garbage_is_a_fail_and_never_an_error"),
        (case(Silent), "test_wrong_answers_fail_and_say_why"),
        (case(Garbled), "test_wrong_answers_fail_and_say_why"),
        (case(Boastful, guarantee=Guarantee.TESTS), "test_right_answers_pass"),
        (case(Anonymous), "test_right_answers_pass"),
        (case(Hardened), "test_wrong_answers_fail_and_say_why"),
        (case(Errs), "test_wrong_answers_fail_and_say_why"),
        (case(Moody), "test_the_same_answer_gets_the_same_verdict"),
        (case(Confused), "test_answers_judged_at_once_are_judged_as_one_by_one"),
        (case(Reversed), "test_a_batch_is_judged_as_one_by_one"),
        (case(Lazy), "test_a_batch_is_judged_as_one_by_one"),
        (case(Blocks), "test_what_takes_forever_ends_and_holds_nobody_up"),
        (case(Hangs, patience=0.5), "test_what_takes_forever_ends_and_holds_nobody_up"),
        (case(Litters), "test_a_cancelled_verdict_leaves_nothing_behind"),
        (case(Undying), "test_a_cancelled_verdict_leaves_nothing_behind"),
        (case(bad=["yes please"]), "test_wrong_answers_fail_and_say_why"),
        (case(good=["no"]), "test_right_answers_pass"),
        (case(bad_specs=[({}, "all")]), "test_a_bad_spec_is_refused_in_one_line_that_names_the_field"),
        (case(bad_specs=[("bad", "other")]), "test_a_bad_spec_is_refused_in_one_line_that_names_the_field"),
        (case(guarantee=Guarantee.TESTS), "test_it_says_who_it_is"),
        (case(factory=Yes(hard=False), hard=(True,)), "test_it_says_who_it_is"),
        (case(guarantee=Guarantee.OPINION), "test_an_opinion_never_gates"),
    ],
)
def test_a_broken_promise_is_noticed(broken: Case, test: str) -> None:
    with pytest.raises((AssertionError, TimeoutError, WorkerError, pytest.fail.Exception)):
        getattr(VerifierContract(), test)(broken)
