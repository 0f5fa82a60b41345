"""Killable workers that run checks: warm, limited in memory, and dead at their deadline.

A check is a module-level function of one JSON value that returns a JSON value. It runs in a worker process forked from
a zygote (`verifiers/zygote.py`) that has already imported what it needs, so a job costs a fraction of a millisecond and
replacing a killed worker a few milliseconds. Solvers ignore their own time limits (a numeral of millions of digits, a
divergent recursive function), so the deadline is kept from outside, with SIGKILL.

Works from any thread and across any number of event loops, because the sockets are blocking and used from private
threads, one for each worker. No worker outlives this process, however it ends.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar
from weakref import WeakSet

from pydantic import JsonValue

from modulo.errors import WorkerError
from modulo.verifiers.batches import Batch
from modulo.verifiers.crew import Crew
from modulo.verifiers.jobs import Call, DeadlineError, MemoryLimitError, PayloadSizeError
from modulo.verifiers.lanes import Lanes

__all__ = ["DeadlineError", "MemoryLimitError", "PayloadSizeError", "Pool", "shared"]

T = TypeVar("T")

_QUANTUM = 0.1
_SLOW_PER_WORKER, _SLOW = 8, 64


class Pool:
    """Runs JSON functions in processes of at most `memory_mb` MiB of address space each, `workers` of them at a time.

    Nothing is started before the first job. Jobs wait their turn in order; waiting does not count against a deadline,
    and nothing is copied of a job that waits. A job that takes longer than 0.1 s while others wait goes on beside them,
    at a lower priority, until its own deadline. There may be eight of those for each worker, and at most 64; with more,
    the others wait.

    Args:
        preload: modules that a worker has imported when it starts.
        workers: as many as there are processors to use, and at least two, unless given.
        memory_mb: MiB.
    """

    def __init__(self, preload: tuple[str, ...] = (), *, workers: int | None = None, memory_mb: int = 2048) -> None:
        self._workers = workers or max(2, len(os.sched_getaffinity(0)))
        self._crew = Crew(preload, memory_mb)
        self.lanes = self._new_lanes()
        _every.add(self)

    def _new_lanes(self) -> Lanes:
        return Lanes(self._workers, slow=min(_SLOW_PER_WORKER * self._workers, _SLOW), quantum=_QUANTUM)

    def begin_again(self) -> None:
        """In a forked child, which has none of the threads and must not talk to the parent's workers."""
        self._crew.begin_again()
        self.lanes = self._new_lanes()

    async def run(self, function: str, payload: JsonValue, *, seconds: float) -> JsonValue:
        """Call `function` ("package.module:name") with `payload` in a worker and return what it returns.

        `seconds` are counted from the moment the job is sent to its worker. Cancelling the call kills the worker.

        Raises:
            DeadlineError: no answer within `seconds`.
            MemoryLimitError: it ran into the memory limit.
            PayloadSizeError: the job is over 16 MB.
            WorkerError: the function raised, or the worker died twice.
        """
        call = Call(self._crew, function, payload, seconds)
        self.lanes.submit(call)
        try:
            return await asyncio.wrap_future(call.future)
        except BaseException:
            self._drop(call)
            raise

    def run_sync(
        self,
        function: str,
        payload: JsonValue,
        *,
        seconds: float,
        answer: Callable[[JsonValue], JsonValue] | None = None,
    ) -> JsonValue:
        """`run`, blocking.

        `answer` answers what the job asks (`modulo.verifiers.zygote.ask`); it is called in the pool's thread, its time
        counts against `seconds`, and what it raises kills the worker and is raised here. Such a job is never repeated.
        """
        call = Call(self._crew, function, payload, seconds, answer)
        self.lanes.submit(call)
        try:
            return call.future.result()
        except BaseException:
            self._drop(call)
            raise

    async def run_many(
        self,
        function: str,
        payload: dict[str, JsonValue],
        items: Sequence[str],
        *,
        seconds: float,
        convert: Callable[[bytes, float], T],
    ) -> list[T | WorkerError]:
        """Call a generator function with `{**payload, "candidates": items}`, a chunk of the items at a time.

        It yields one JSON value for each of its candidates, in order. Each item has `seconds` of its own. The result
        has, in order, what `convert` makes of each value's JSON and the seconds it took, or the error of that item, as
        `run` raises it. `convert` is called in the pool's threads and may raise `WorkerError`, for one item.

        Raises:
            WorkerError: the pool is closed.
        """
        batch = Batch(self._crew, self.lanes, function, payload, items, seconds, convert)
        batch.start()
        try:
            return await asyncio.wrap_future(batch.future)
        except BaseException:
            batch.cancel()
            raise

    def close(self) -> None:
        """Kill all workers and end running jobs with an error. Idempotent."""
        self.lanes.close()
        self._crew.close()

    def _drop(self, call: Call) -> None:
        self.lanes.withdraw(call)
        call.cancel()


_every: WeakSet[Pool] = WeakSet()
_pools: dict[tuple[str, ...], Pool] = {}
_pools_lock = threading.Lock()


def shared(preload: tuple[str, ...] = ()) -> Pool:
    """The process's pool for these preloaded modules, made at the first call and closed at exit."""
    with _pools_lock:
        pool = _pools.get(preload)
        if pool is None:
            if not _pools:
                atexit.register(_close_all)
            pool = _pools[preload] = Pool(preload)
        return pool


def _forked() -> None:
    global _pools_lock
    _pools_lock = threading.Lock()
    for pool in list(_every):
        pool.begin_again()


os.register_at_fork(after_in_child=_forked)


def _close_all() -> None:
    with _pools_lock:
        for pool in _pools.values():
            pool.close()
        _pools.clear()
