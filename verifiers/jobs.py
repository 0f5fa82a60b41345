"""What a worker is given to do, as a turn of the pool's lanes: the dealings with a worker, and a single call."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from pydantic import JsonValue

from modulo.errors import WorkerError
from modulo.verifiers.crew import Crew
from modulo.verifiers.lanes import Turn
from modulo.verifiers.workers import Worker, WorkerDiedError
from modulo.verifiers.zygote import MAX_ANSWER, MAX_PAYLOAD, receive_frame, send_frame

__all__ = ["Call", "DeadlineError", "Job", "MemoryLimitError", "PayloadSizeError"]


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


class Job(Turn):
    """A turn that talks to a worker, cancellable from any thread without blocking."""

    def __init__(self, crew: Crew, function: str, seconds: float) -> None:
        self.crew, self.function, self.seconds = crew, function, seconds
        self.lock = threading.Lock()
        self.cancelled = False
        self.first = False
        """Whether the present worker had served nothing before."""
        self._worker: Worker | None = None

    @property
    def blocks(self) -> bool:
        """A single call has nothing behind it."""
        return False

    @contextlib.contextmanager
    def worker(self, *, fresh: bool) -> Iterator[Worker]:
        """A worker for one exchange, a `fresh` one if it must not have served before. Ended if the exchange breaks.

        Raises:
            WorkerError: it broke, and how; or there is none; or nobody wants the result any more.
        """
        self.first = False
        self.check()
        worker = self.crew.take(fresh=fresh)
        self.first = worker.jobs == 0
        try:
            self._attach(worker)
            yield worker
            self.check()
        except TimeoutError:
            self._detach()
            self.crew.retire(worker)
            raise DeadlineError(f"no answer within {self.seconds:g} s") from None
        except (EOFError, OSError, ValueError) as error:
            self._detach()
            status, peak = worker.zygote.end(worker)
            self.check()
            if self.crew.ran_out_of_memory(status, peak):
                raise MemoryLimitError(f"more than {self.crew.memory_mb} MiB needed") from None
            raise WorkerDiedError(f"the worker of {self.function} died ({_cause(status, error)})") from None
        except BaseException:
            self._detach()
            self.crew.retire(worker)
            raise
        self._detach()
        if self.aside:
            self.crew.retire(worker)  # its priority cannot be raised again
        else:
            self.crew.give_back(worker)

    def check(self) -> None:
        """Raise `WorkerError` if nobody wants the result any more."""
        if self.cancelled:
            raise WorkerError("the job was cancelled")

    def _attach(self, worker: Worker) -> None:
        with self.lock:
            self.check()
            self._worker, self.since = worker, time.monotonic()
            worker.number = (worker.number + 1) % 2**32
        if self.aside:
            worker.zygote.make_way(worker)

    def _detach(self) -> None:
        """From now on this turn does not step aside, so that its worker can go to another."""
        with self.lock:
            self._worker = self.since = None

    def step_aside(self) -> Turn | None:
        """Go on beside the others, if there still is something to go on with."""
        with self.lock:
            self.aside = self._worker is not None
        return None

    def make_way(self) -> None:
        """Lower the worker's priority."""
        worker = self._worker
        if worker is not None:
            worker.zygote.make_way(worker)

    def cancel(self) -> None:
        """The thread that waits for the answer sees the end of the stream, and ends the worker."""
        with self.lock:
            self.cancelled = True
            if self._worker is not None:
                with contextlib.suppress(OSError):
                    self._worker.sock.shutdown(socket.SHUT_RDWR)


class Call(Job):
    """One call of a function, whose result is that of `future`. What it sends is made when its turn comes."""

    def __init__(
        self,
        crew: Crew,
        function: str,
        payload: JsonValue,
        seconds: float,
        answer: Callable[[JsonValue], JsonValue] | None = None,
    ) -> None:
        super().__init__(crew, function, seconds)
        self.future: Future[JsonValue] = Future()
        self._payload, self._answer = payload, answer

    def run(self) -> None:
        """Make the call, a second time on a fresh worker where the first may have suffered from what ran before."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            answer = self._perform(_encoded([self.function, self._payload]))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever waits
            self.future.set_exception(error)
        else:
            self.future.set_result(answer)

    def _perform(self, request: bytes) -> JsonValue:
        if len(request) > MAX_PAYLOAD:
            raise PayloadSizeError(f"{len(request)} bytes to check; the limit is {MAX_PAYLOAD}")
        try:
            answer = self._exchange(request, fresh=False)
        except (WorkerDiedError, MemoryLimitError) as error:
            hopeless = self.first and isinstance(error, MemoryLimitError)
            if self.cancelled or self._answer is not None or hopeless:
                raise
            answer = self._exchange(request, fresh=True)
        if "error" in answer:
            raise WorkerError(f"{self.function}: {answer['error']}")
        value: JsonValue = answer["ok"]
        return value

    def _exchange(self, request: bytes, *, fresh: bool) -> dict[str, Any]:
        try:
            with self.worker(fresh=fresh) as worker:
                deadline = time.monotonic() + self.seconds
                worker.sock.settimeout(self.seconds)
                send_frame(worker.sock, worker.number, request)
                answer = _received(worker, deadline)
                while "ask" in answer:
                    reply = self._answered(answer["ask"])
                    worker.sock.settimeout(max(deadline - time.monotonic(), 1e-6))
                    send_frame(worker.sock, worker.number, reply)
                    answer = _received(worker, deadline)
                if "memory" in answer:
                    raise MemoryLimitError(f"more than {self.crew.memory_mb} MiB needed")
                return answer
        except _AnswerError as error:
            raise error.why from None

    def _answered(self, question: JsonValue) -> bytes:
        if self._answer is None:
            raise WorkerError("the job asks, and nobody is there to answer")
        try:
            return _encoded(self._answer(question))
        except Exception as error:
            raise _AnswerError(error) from error


def _encoded(value: JsonValue) -> bytes:
    try:
        return json.dumps(value).encode("ascii")
    except RecursionError:
        raise PayloadSizeError("the job is nested too deeply") from None


def _received(worker: Worker, deadline: float) -> dict[str, Any]:
    number, frame = receive_frame(worker.sock, MAX_ANSWER, deadline)
    answer = json.loads(frame)
    if number != worker.number:
        raise ValueError("an answer to another job")
    if not isinstance(answer, dict) or not answer.keys() & {"ok", "error", "memory", "ask"}:
        raise ValueError("not an answer")
    return answer


def _cause(status: int, error: Exception) -> str:
    if isinstance(error, ValueError):  # for which it was killed
        return f"malformed answer: {error}"
    if os.WIFSIGNALED(status) and os.WTERMSIG(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit status {os.waitstatus_to_exitcode(status)}"
