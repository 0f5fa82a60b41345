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
import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from pydantic import JsonValue

from modulo.errors import WorkerError
from modulo.verifiers.workers import Worker, WorkerDiedError, Zygote
from modulo.verifiers.zygote import MAX_ANSWER, MAX_PAYLOAD, receive_frame, send_frame

__all__ = ["DeadlineError", "MemoryLimitError", "PayloadSizeError", "Pool", "shared"]

_MAX_JOBS = 2000
_Z3_OUT_OF_MEMORY = 101


class DeadlineError(WorkerError):
    """The job did not answer in time; its worker was killed."""


class MemoryLimitError(WorkerError):
    """The job needed more memory than a worker may have."""


class PayloadSizeError(WorkerError):
    """The job is too large, or nested too deeply, to be sent to a worker."""


class _AnswerError(Exception):
    """What the job asked could not be answered."""

    def __init__(self, why: Exception) -> None:
        self.why = why
        super().__init__(str(why))


class _Job:
    """One job, cancellable from any thread without blocking."""

    def __init__(self, answer: Callable[[JsonValue], JsonValue] | None) -> None:
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self.answer = answer
        self.cancelled = False

    def check(self) -> None:
        if self.cancelled:
            raise WorkerError("the job was cancelled")

    def attach(self, sock: socket.socket) -> None:
        with self._lock:
            self.check()
            self._sock = sock

    def detach(self) -> None:
        with self._lock:
            self._sock = None

    def cancel(self) -> None:
        """The thread that waits for the answer sees the end of the stream, and ends the worker."""
        with self._lock:
            self.cancelled = True
            if self._sock is not None:
                with contextlib.suppress(OSError):
                    self._sock.shutdown(socket.SHUT_RDWR)


class Pool:
    """Runs JSON functions in at most `workers` processes of at most `memory_mb` MiB of address space each.

    Nothing is started before the first job. Jobs wait their turn in order; waiting does not count against a deadline.
    """

    def __init__(self, preload: tuple[str, ...] = (), *, workers: int = 2, memory_mb: int = 2048) -> None:
        self.preload, self.memory_mb = preload, memory_mb
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="modulo-verifier")
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._zygote: Zygote | None = None
        self._idle: list[Worker] = []
        self._jobs: set[_Job] = set()
        self._closed = False

    async def run(self, function: str, payload: JsonValue, *, seconds: float) -> JsonValue:
        """Call `function` ("package.module:name") with `payload` in a worker and return what it returns.

        `seconds` are counted from the moment the job is sent to its worker. Cancelling the call kills the worker.

        Raises:
            DeadlineError: no answer within `seconds`.
            MemoryLimitError: it ran into the memory limit.
            PayloadSizeError: the job is over 16 MB.
            WorkerError: the function raised, or the worker died twice.
        """
        job, future = self._submit(function, payload, seconds)
        try:
            return await asyncio.wrap_future(future)
        except BaseException:
            job.cancel()
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
        job, future = self._submit(function, payload, seconds, answer)
        try:
            return future.result()
        except BaseException:
            job.cancel()
            raise

    def close(self) -> None:
        """Kill all workers and end running jobs with an error. Idempotent."""
        with self._lock:
            self._closed = True
            jobs = list(self._jobs)
        for job in jobs:
            job.cancel()
        self._executor.shutdown(wait=True)
        for worker in self._idle:
            worker.sock.close()
        self._idle.clear()
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def _submit(
        self,
        function: str,
        payload: JsonValue,
        seconds: float,
        answer: Callable[[JsonValue], JsonValue] | None = None,
    ) -> tuple[_Job, Future[JsonValue]]:
        try:
            request = json.dumps([function, payload]).encode("ascii")
        except RecursionError:
            raise PayloadSizeError("the job is nested too deeply") from None
        if len(request) > MAX_PAYLOAD:
            raise PayloadSizeError(f"{len(request)} bytes to check; the limit is {MAX_PAYLOAD}")
        job = _Job(answer)
        with self._lock:
            if self._closed:
                raise WorkerError("the pool of verifier workers is closed")
            self._jobs.add(job)
            future = self._executor.submit(self._perform, job, function, request, seconds)
        future.add_done_callback(lambda _: self._jobs.discard(job))
        return job, future

    def _perform(self, job: _Job, function: str, request: bytes, seconds: float) -> JsonValue:
        """Run one job, a second time on a fresh worker where the first may have suffered from what ran before."""
        worker = None
        try:
            worker = self._take(job)
            return self._exchange(job, worker, function, request, seconds)
        except (WorkerDiedError, MemoryLimitError) as error:
            fresh = worker is not None and worker.jobs == 0
            if job.cancelled or job.answer is not None or (fresh and isinstance(error, MemoryLimitError)):
                raise
        return self._exchange(job, self._take(job, fresh=True), function, request, seconds)

    def _take(self, job: _Job, *, fresh: bool = False) -> Worker:
        """An idle worker, or a new one; a `fresh` one has served nobody."""
        job.check()
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is not None and (fresh or worker.zygote.broken):
            worker.zygote.end(worker)
            worker = None
        if worker is None:
            worker = self._living_zygote().fork()
        try:
            job.attach(worker.sock)
        except WorkerError:
            self._retire(worker)
            raise
        return worker

    def _living_zygote(self) -> Zygote:
        with self._starting:
            if self._zygote is not None and self._zygote.broken:
                self._zygote.close()
                self._zygote = None
            if self._zygote is None:
                self._zygote = Zygote(self.preload, self.memory_mb)
            return self._zygote

    def _exchange(self, job: _Job, worker: Worker, function: str, request: bytes, seconds: float) -> JsonValue:
        deadline = time.monotonic() + seconds
        try:
            worker.sock.settimeout(seconds)
            send_frame(worker.sock, request)
            answer = json.loads(receive_frame(worker.sock, MAX_ANSWER, deadline))
            while "ask" in answer:
                reply = self._answered(job, worker, answer["ask"])
                worker.sock.settimeout(max(deadline - time.monotonic(), 1e-6))
                send_frame(worker.sock, json.dumps(reply).encode("ascii"))
                answer = json.loads(receive_frame(worker.sock, MAX_ANSWER, deadline))
        except _AnswerError as error:
            raise error.why from None
        except TimeoutError:
            self._retire(worker)
            raise DeadlineError(f"no answer within {seconds:g} s") from None
        except (EOFError, OSError, ValueError) as error:
            status, peak = self._retire(worker)
            if job.cancelled:
                raise WorkerError("the job was cancelled") from None
            if self._ran_out_of_memory(status, peak):
                raise MemoryLimitError(f"more than {self.memory_mb} MiB needed") from None
            raise WorkerDiedError(f"the worker of {function} died ({_cause(status, error)})") from None
        finally:
            job.detach()
        if "memory" in answer:
            self._retire(worker)
            raise MemoryLimitError(f"more than {self.memory_mb} MiB needed")
        worker.jobs += 1
        if job.cancelled or worker.jobs >= _MAX_JOBS:
            self._retire(worker)
        else:
            with self._lock:
                self._idle.append(worker)
        if "error" in answer:
            raise WorkerError(f"{function}: {answer['error']}")
        value: JsonValue = answer["ok"]
        return value

    def _answered(self, job: _Job, worker: Worker, question: JsonValue) -> JsonValue:
        if job.answer is None:
            self._retire(worker)
            raise WorkerError("the job asks, and nobody is there to answer")
        try:
            return job.answer(question)
        except Exception as error:
            self._retire(worker)
            raise _AnswerError(error) from error

    def _retire(self, worker: Worker) -> tuple[int, int]:
        return worker.zygote.end(worker)

    def _ran_out_of_memory(self, status: int, peak: int) -> bool:
        """Native code at its limit exits in its own way, or aborts while it is large."""
        if os.WIFEXITED(status):
            return os.WEXITSTATUS(status) == _Z3_OUT_OF_MEMORY
        crashed = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGABRT, signal.SIGSEGV)
        return crashed and peak >= self.memory_mb * 1024 // 2


def _cause(status: int, error: Exception) -> str:
    if os.WIFSIGNALED(status) and os.WTERMSIG(status):
        return signal.Signals(os.WTERMSIG(status)).name
    if isinstance(error, ValueError):
        return f"malformed answer: {error}"
    return f"exit status {os.waitstatus_to_exitcode(status)}"


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


def _close_all() -> None:
    with _pools_lock:
        for pool in _pools.values():
            pool.close()
        _pools.clear()
