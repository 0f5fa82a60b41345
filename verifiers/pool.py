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
import signal
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar
from weakref import WeakSet

from pydantic import JsonValue

from modulo.errors import WorkerError
from modulo.verifiers.batches import Batch
from modulo.verifiers.jobs import Call, DeadlineError, MemoryLimitError, PayloadSizeError
from modulo.verifiers.lanes import Lanes
from modulo.verifiers.workers import Worker, Zygote

__all__ = ["DeadlineError", "MemoryLimitError", "PayloadSizeError", "Pool", "shared"]

T = TypeVar("T")

_MAX_JOBS = 2000
_Z3_OUT_OF_MEMORY = 101
_QUANTUM = 0.1
_SLOW_PER_WORKER = 8


class Pool:
    """Runs JSON functions in processes of at most `memory_mb` MiB of address space each, `workers` of them at a time.

    Nothing is started before the first job. Jobs wait their turn in order; waiting does not count against a deadline.
    A job that takes longer than 0.1 s while others wait goes on beside them, at a lower priority, until its own
    deadline. There may be `8 * workers` of those; with more, the others wait.
    """

    def __init__(self, preload: tuple[str, ...] = (), *, workers: int = 2, memory_mb: int = 2048) -> None:
        self.preload, self.workers, self.memory_mb = preload, workers, memory_mb
        self._zygote: Zygote | None = None
        self._begin()
        _every.add(self)

    def _begin(self) -> None:
        self.lanes = Lanes(self.workers, slow=_SLOW_PER_WORKER * self.workers, quantum=_QUANTUM)
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._idle: list[Worker] = []

    def begin_again(self) -> None:
        """In a forked child, which has none of the threads and must not talk to the parent's workers."""
        if self._zygote is not None:
            self._zygote.disown()
            self._zygote = None
        self._begin()

    async def run(self, function: str, payload: JsonValue, *, seconds: float) -> JsonValue:
        """Call `function` ("package.module:name") with `payload` in a worker and return what it returns.

        `seconds` are counted from the moment the job is sent to its worker. Cancelling the call kills the worker.

        Raises:
            DeadlineError: no answer within `seconds`.
            MemoryLimitError: it ran into the memory limit.
            PayloadSizeError: the job is over 16 MB.
            WorkerError: the function raised, or the worker died twice.
        """
        call = Call(self, function, payload, seconds)
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
        call = Call(self, function, payload, seconds, answer)
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
        batch = Batch(self, function, payload, items, seconds, convert)
        batch.start()
        try:
            return await asyncio.wrap_future(batch.future)
        except BaseException:
            batch.cancel()
            raise

    def close(self) -> None:
        """Kill all workers and end running jobs with an error. Idempotent."""
        self.lanes.close()
        self._idle.clear()
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def _drop(self, call: Call) -> None:
        self.lanes.withdraw(call)
        call.cancel()

    def take(self, *, fresh: bool = False) -> Worker:
        """For a job: an idle worker, or a new one; a `fresh` one has served nobody.

        Raises:
            WorkerError: none can be started.
        """
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return self._living_zygote().fork()
            if not fresh and not worker.zygote.broken and worker.quiet():
                return worker
            self.retire(worker)

    def give_back(self, worker: Worker) -> None:
        """For a job that has ended well: its worker may serve another."""
        worker.jobs += 1
        if worker.jobs >= _MAX_JOBS:
            self.retire(worker)
        else:
            with self._lock:
                self._idle.append(worker)

    def retire(self, worker: Worker) -> None:
        """Kill a worker."""
        worker.zygote.kill(worker)

    def ran_out_of_memory(self, status: int, peak: int) -> bool:
        """Whether a worker ended as native code does at its limit: in its own way, or aborting while it is large.

        Args:
            status: its wait status.
            peak: its largest resident size in KiB.
        """
        if os.WIFEXITED(status):
            return os.WEXITSTATUS(status) == _Z3_OUT_OF_MEMORY
        crashed = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGABRT, signal.SIGSEGV)
        return crashed and peak >= self.memory_mb * 1024 // 2

    def _living_zygote(self) -> Zygote:
        with self._starting:
            if self._zygote is not None and self._zygote.broken:
                self._zygote.close()
                self._zygote = None
            if self._zygote is None:
                self._zygote = Zygote(self.preload, self.memory_mb)
            return self._zygote


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
