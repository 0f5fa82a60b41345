"""The bank of critics: every verifier of a problem on its candidates. The one place where errors become data.

A verifier that could not run gives an `error` verdict, which never accepts. Equal candidates are judged once; the
verdict is reused, never the judging skipped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Final
from weakref import WeakKeyDictionary

from pydantic import JsonValue

from modulo.cache import Shelf, VerdictCache
from modulo.errors import ModuloError, UnavailableError, WorkerError
from modulo.extract import expected_form, extract
from modulo.protocols import Verifier
from modulo.types import AnswerFormat, Critique, Guarantee, Outcome, Problem, Verdict

__all__ = ["EXTRACTOR", "Bank", "Judged", "down", "error_verdict", "nothing_extracted", "offline"]

EXTRACTOR: Final = "extractor"
"""Name of the verdict on a response that holds no candidate."""

Judged = tuple[str | None, tuple[Verdict, ...]]
"""The candidate of a response, and the verdicts on it."""

_RETRIES: Final = 1
_AT_ONCE: Final = 32
"""Candidates that verifiers without `verify_many` have at once: enough to keep what is behind them busy."""
_SLICE, _SLICES = 1024, 3


class Bank:
    """The verifiers of one problem.

    Args:
        problem: the problem all candidates are for.
        verifiers: in the order of the problem's specs.
        scopes: for each verifier what its verdicts may be kept under (`modulo.cache.Shelf`); none are known by default.
        cache: where verdicts are kept; `None` judges everything afresh.
    """

    def __init__(
        self,
        problem: Problem,
        verifiers: Sequence[Verifier],
        *,
        scopes: Sequence[str | None] = (),
        cache: VerdictCache | None = None,
    ) -> None:
        self.problem = problem
        self.verifiers = tuple(verifiers)
        known = [*scopes, *[None] * (len(self.verifiers) - len(scopes))]
        self._critics = [
            _Critic(problem, verifier, None if cache is None else Shelf(cache, verifier, problem, scope))
            for verifier, scope in zip(self.verifiers, known, strict=True)
        ]

    @cached_property
    def answer_schema(self) -> dict[str, JsonValue] | None:
        """JSON Schema that every acceptable answer meets, if a hard verifier knows one: for constrained decoding.

        May wait for a worker the first time.
        """
        if self.problem.answer is not AnswerFormat.JSON:
            return None
        known = (getattr(v, "answer_schema", None) for v in self.verifiers if v.hard)
        return next((schema for schema in known if schema), None)

    async def judge_text(self, text: str) -> Judged:
        """Extract the candidate of a whole response and judge it; a response without one fails."""
        candidate = extract(text, self.problem)
        if candidate is None:
            return None, (nothing_extracted(self.problem),)
        return candidate, await self.judge(candidate)

    async def judge_texts(self, texts: Sequence[str]) -> list[Judged]:
        """`judge_text` on many responses, in order: some thousand at a time, while the next are prepared."""
        slots = asyncio.Semaphore(_SLICES)

        async def some(start: int) -> list[Judged]:
            async with slots:
                candidates = []
                for at, text in enumerate(texts[start : start + _SLICE]):
                    candidates.append(extract(text, self.problem))
                    if at % 64 == 0:
                        await asyncio.sleep(0)  # others have a turn
                found = iter(await self.judge_many([c for c in candidates if c is not None]))
                nothing = (nothing_extracted(self.problem),)
                return [(None, nothing) if c is None else (c, next(found)) for c in candidates]

        async with asyncio.TaskGroup() as tasks:
            parts = [tasks.create_task(some(start)) for start in range(0, len(texts), _SLICE)]
        return [judged for part in parts for judged in part.result()]

    async def judge(self, candidate: str) -> tuple[Verdict, ...]:
        """All verdicts on one candidate, in the order of the verifiers."""
        if len(self._critics) == 1:
            return (await self._critics[0].judge(candidate),)
        return tuple(await asyncio.gather(*(critic.judge(candidate) for critic in self._critics)))

    async def judge_many(self, candidates: Sequence[str]) -> list[tuple[Verdict, ...]]:
        """`judge` on many candidates, in order; verifiers that take batches get them all at once."""
        columns = await asyncio.gather(*(critic.judge_many(candidates) for critic in self._critics))
        return list(zip(*columns, strict=True)) if columns else [()] * len(candidates)


class _Critic:
    """A verifier with what is known of its verdicts."""

    def __init__(self, problem: Problem, verifier: Verifier, shelf: Shelf | None) -> None:
        self.problem, self.verifier, self.shelf = problem, verifier, shelf
        self._running: dict[tuple[int, str], asyncio.Task[Verdict]] = {}

    async def judge(self, candidate: str) -> Verdict:
        """The verdict on one candidate: a known one, the one somebody is waiting for, or a new one."""
        key = None if self.shelf is None else self.shelf.key(candidate)
        if self.shelf is not None and key is not None and (known := self.shelf.get(key)) is not None:
            return known
        slot = (id(asyncio.get_running_loop()), candidate)
        task, owner = self._running.get(slot), False
        if task is None:
            task, owner = asyncio.ensure_future(self._judge_afresh(candidate, key)), True
            self._running[slot] = task
            task.add_done_callback(lambda _: self._running.pop(slot, None))
        try:
            verdict = await asyncio.shield(task)
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if not owner and task.cancelled() and not (me and me.cancelling()):
                return await self.judge(candidate)  # the solve that was judging it was cancelled, this one was not
            if owner:
                task.cancel()
            raise
        return verdict if owner else _again(verdict)

    async def judge_many(self, candidates: Sequence[str]) -> list[Verdict]:
        """Verdicts on many candidates, in order. Equal ones are judged once."""
        if self.shelf is None:
            return await self._verdicts(candidates)
        keys = [self.shelf.key(candidate) for candidate in candidates]
        found = {key: known for key in keys if (known := self.shelf.get(key)) is not None}
        missing = dict(zip(keys, candidates, strict=True))
        found.update(await self.shelf.find([key for key in missing if key not in found]))
        missing = {key: candidate for key, candidate in missing.items() if key not in found}
        new = dict(zip(missing, await self._verdicts(list(missing.values())), strict=True))
        for key, verdict in new.items():
            self.shelf.put(key, verdict)
        # A new verdict is new once; the candidates that are equal get it as a known one.
        verdicts = []
        for key in keys:
            if key in new:
                verdicts.append(new.pop(key))
                found[key] = verdicts[-1]
            else:
                verdicts.append(found[key] if found[key].cached else _again(found[key]))
        return verdicts

    async def _judge_afresh(self, candidate: str, key: bytes | None) -> Verdict:
        if self.shelf is None or key is None:
            return await self._verdict(candidate)
        if (known := (await self.shelf.find([key])).get(key)) is not None:
            return known
        verdict = await self._verdict(candidate)
        self.shelf.put(key, verdict)
        return verdict

    async def _verdict(self, candidate: str) -> Verdict:
        started = time.perf_counter()
        for attempt in range(_RETRIES + 1):
            try:
                return await self.verifier.verify(self.problem, candidate)
            except Exception as error:  # noqa: BLE001 - a broken critic is an `error` verdict, whatever broke it
                if attempt == _RETRIES or isinstance(error, UnavailableError) or not isinstance(error, ModuloError):
                    return self._error(error, time.perf_counter() - started)
        raise AssertionError("unreachable")

    async def _verdicts(self, candidates: Sequence[str]) -> list[Verdict]:
        many = getattr(self.verifier, "verify_many", None)
        if many is not None and candidates:
            try:
                verdicts = list(await many(self.problem, candidates))
                if len(verdicts) != len(candidates):
                    raise WorkerError(f"{len(verdicts)} verdicts on {len(candidates)} candidates")
                return verdicts
            except UnavailableError as error:
                return [self._error(error, 0.0)] * len(candidates)
            except Exception:  # noqa: BLE001 - one at a time, where a fault stays with its own candidate
                pass
        verdicts_of: list[Verdict | None] = [None] * len(candidates)
        places = iter(range(len(candidates)))
        slots = _slots.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE))

        async def some() -> None:
            for place in places:
                async with slots:
                    verdicts_of[place] = await self._verdict(candidates[place])

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(_AT_ONCE, len(candidates))):
                tasks.create_task(some())
        return [verdict for verdict in verdicts_of if verdict is not None]

    def _error(self, error: Exception, seconds: float) -> Verdict:
        verifier = self.verifier
        return error_verdict(
            verifier.name,
            verifier.version,
            error,
            hard=verifier.hard,
            guarantee=verifier.guarantee,
            seconds=seconds,
        )


_slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _again(verdict: Verdict) -> Verdict:
    return verdict.model_copy(update={"cached": True, "seconds": 0.0})


def offline(verifier: Verifier) -> bool:
    """Whether a verifier can be asked again with no model and no network: it says so, or it gives no opinions."""
    return bool(getattr(verifier, "offline", verifier.guarantee is not Guarantee.OPINION))


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


def nothing_extracted(problem: Problem) -> Verdict:
    """The verdict on a response that holds no candidate."""
    message = f"no {problem.answer.value} answer was found in the response. {expected_form(problem.answer)}"
    return Verdict(
        verifier=EXTRACTOR,
        version="1",
        outcome=Outcome.FAIL,
        guarantee=Guarantee.PROOF,
        critiques=(Critique(message=message, locus="response"),),
        score=0.0,
    )
