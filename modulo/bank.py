"""The bank of critics: every verifier of a problem on one candidate. The one place where errors become data.

A verifier that could not run gives an `error` verdict, which never accepts. Equal candidates are judged once; the
verdict is reused, never the judging skipped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Final

from pydantic import JsonValue

from modulo.errors import ModuloError, UnavailableError
from modulo.extract import expected_form, extract
from modulo.protocols import Verifier
from modulo.types import AnswerFormat, Critique, Guarantee, Outcome, Problem, Verdict, digest

__all__ = ["EXTRACTOR", "Bank", "down", "error_verdict"]

EXTRACTOR: Final = "extractor"
"""Name of the verdict on a response that holds no candidate."""

_RETRIES: Final = 1


class Bank:
    """The verifiers of one problem, with a memory of what they have judged.

    Args:
        problem: the problem all candidates are for.
        verifiers: in the order of the problem's specs.
        cache_size: verdict sets kept, oldest dropped first.
    """

    def __init__(self, problem: Problem, verifiers: Sequence[Verifier], *, cache_size: int = 4096) -> None:
        self.problem = problem
        self.verifiers = tuple(verifiers)
        self._prefix = digest([problem.spec_hash, [[v.name, v.version, v.hard] for v in self.verifiers]])
        self._cache_size = cache_size
        self._cache: dict[str, tuple[Verdict, ...]] = {}
        self._running: dict[tuple[int, str], asyncio.Task[tuple[Verdict, ...]]] = {}

    @cached_property
    def answer_schema(self) -> dict[str, JsonValue] | None:
        """JSON Schema that every acceptable answer meets, if a hard verifier knows one: for constrained decoding.

        May wait for a worker the first time.
        """
        if self.problem.answer is not AnswerFormat.JSON:
            return None
        known = (getattr(v, "answer_schema", None) for v in self.verifiers if v.hard)
        return next((schema for schema in known if schema), None)

    async def judge_text(self, text: str) -> tuple[str | None, tuple[Verdict, ...]]:
        """Extract the candidate of a whole response and judge it; a response without one fails."""
        candidate = extract(text, self.problem)
        if candidate is None:
            return None, (_nothing_extracted(self.problem),)
        return candidate, await self.judge(candidate)

    async def judge(self, candidate: str) -> tuple[Verdict, ...]:
        """All verdicts on one candidate, in the order of the verifiers."""
        key = digest([self._prefix, candidate])
        if (known := self._cache.get(key)) is not None:
            return tuple(v.model_copy(update={"cached": True, "seconds": 0.0}) for v in known)
        slot = (id(asyncio.get_running_loop()), key)
        task, owner = self._running.get(slot), False
        if task is None:
            task, owner = asyncio.ensure_future(self._judge_afresh(candidate)), True
            self._running[slot] = task
            task.add_done_callback(lambda _: self._running.pop(slot, None))
        try:
            verdicts = await asyncio.shield(task)
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if not owner and task.cancelled() and not (me and me.cancelling()):
                return await self.judge(candidate)  # the solve that was judging it was cancelled, this one was not
            if owner:
                task.cancel()
            raise
        if all(v.outcome in (Outcome.PASS, Outcome.FAIL) for v in verdicts):
            if len(self._cache) >= self._cache_size:
                self._cache.pop(next(iter(self._cache)))
            self._cache[key] = verdicts
        return verdicts if owner else tuple(v.model_copy(update={"cached": True, "seconds": 0.0}) for v in verdicts)

    async def _judge_afresh(self, candidate: str) -> tuple[Verdict, ...]:
        if len(self.verifiers) == 1:
            return (await self._verdict(self.verifiers[0], candidate),)
        return tuple(await asyncio.gather(*(self._verdict(v, candidate) for v in self.verifiers)))

    async def _verdict(self, verifier: Verifier, candidate: str) -> Verdict:
        started = time.perf_counter()
        for attempt in range(_RETRIES + 1):
            try:
                return await verifier.verify(self.problem, candidate)
            except Exception as error:  # noqa: BLE001 - a broken critic is an `error` verdict, whatever broke it
                if attempt == _RETRIES or isinstance(error, UnavailableError) or not isinstance(error, ModuloError):
                    return error_verdict(
                        verifier.name,
                        verifier.version,
                        error,
                        hard=verifier.hard,
                        guarantee=verifier.guarantee,
                        seconds=time.perf_counter() - started,
                    )
        raise AssertionError("unreachable")


def down(verdicts: Sequence[Verdict]) -> str | None:
    """Why a hard verifier cannot run at all on this machine now, or `None`: more candidates would not help."""
    for verdict in verdicts:
        if verdict.hard and verdict.outcome is Outcome.ERROR and verdict.evidence.get("unavailable"):
            return f"{verdict.verifier}: {verdict.critiques[0].message}"
    return None


def error_verdict(
    verifier: str, version: str, error: Exception, *, hard: bool, guarantee: Guarantee, seconds: float
) -> Verdict:
    """The verdict of a verifier that could not run."""
    message = str(error) if isinstance(error, ModuloError) else f"{type(error).__name__}: {error}"
    return Verdict(
        verifier=verifier,
        version=version,
        outcome=Outcome.ERROR,
        hard=hard,
        guarantee=guarantee,
        critiques=(Critique(message=f"the verifier did not run: {message}"),),
        evidence={"unavailable": isinstance(error, UnavailableError), "error": type(error).__name__},
        seconds=seconds,
    )


def _nothing_extracted(problem: Problem) -> Verdict:
    message = f"no {problem.answer.value} answer was found in the response. {expected_form(problem.answer)}"
    return Verdict(
        verifier=EXTRACTOR,
        version="1",
        outcome=Outcome.FAIL,
        guarantee=Guarantee.PROOF,
        critiques=(Critique(message=message, locus="response"),),
        score=0.0,
    )
