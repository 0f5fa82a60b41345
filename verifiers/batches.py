"""A batch: many items for one generator function, in chunks that are spread over the workers.

The deadline is each item's own. What ends a worker is charged to the item whose turn it was, and only once it has
ended one that had served nothing before; the rest goes on in another worker. An item that takes long does so beside
the others, and what stood behind it in its chunk goes elsewhere.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Generic, NamedTuple, TypeVar

from pydantic import JsonValue

from modulo.errors import WorkerError
from modulo.verifiers.crew import Crew
from modulo.verifiers.jobs import DeadlineError, Job, MemoryLimitError, PayloadSizeError
from modulo.verifiers.lanes import Lanes, Turn
from modulo.verifiers.workers import Worker, WorkerDiedError
from modulo.verifiers.zygote import HEADER, MAX_ANSWER, MAX_PAYLOAD, READY, send_frame

__all__ = ["Batch"]

T = TypeVar("T")

_FIRST_ITEMS = 8
_CHUNK_ITEMS, _CHUNK_BYTES, _CHUNK_SECONDS = 1024, 1_000_000, 0.1
_PATIENCE = 1.0
"""Seconds after which a chunk that was thought short gives its slot to whoever waits."""
_PAUSE = 0.005
"""Seconds between two looks at what a worker has sent: waking up for every item would cost more than most items do."""


class _Item(NamedTuple):
    place: int
    encoded: bytes


class Batch(Generic[T]):
    """Items on their way through a pool. `future` gives what `convert` made of each answer, or its error, in order.

    Args:
        convert: called in the pool's threads with the JSON of one answer and the seconds it took. Raises nothing but
            `WorkerError`.
    """

    def __init__(
        self,
        crew: Crew,
        lanes: Lanes,
        function: str,
        payload: dict[str, JsonValue],
        items: Sequence[str],
        seconds: float,
        convert: Callable[[bytes, float], T],
    ) -> None:
        self.crew, self.lanes, self.function, self.seconds = crew, lanes, function, seconds
        self.future: Future[list[T | WorkerError]] = Future()
        self._items, self._convert = items, convert
        self._results: list[T | WorkerError | None] = [None] * len(items)
        self._left, self._next = len(items), 0
        self._mean: float | None = None
        self._lock = threading.Lock()
        self._chunks: set[_Chunk[T]] = set()
        self._cancelled = False
        self.head = b""
        try:
            self.head = json.dumps([function, payload])[:-1].encode("ascii") + b", ["
            self._oversize = PayloadSizeError(f"an item is too long; the limit of a job is {MAX_PAYLOAD} bytes")
        except RecursionError:
            self._oversize = PayloadSizeError("the job is nested too deeply")

    def start(self) -> None:
        """Queue the first chunks."""
        self.future.set_running_or_notify_cancel()
        if not self._items:
            self.future.set_result([])
        for _ in range(self.lanes.slots):
            self.submit(self._next_chunk())

    def cancel(self) -> None:
        """End it soon, since nobody waits for `future` any more."""
        with self._lock:
            self._cancelled = True
            chunks = list(self._chunks)
        for chunk in chunks:
            self.lanes.withdraw(chunk)
            chunk.cancel()

    def settle(self, item: _Item, result: T | WorkerError) -> None:
        """Note the result of one item."""
        with self._lock:
            self._results[item.place] = result
            self._left -= 1
            over = self._left == 0  # and not below, where it has failed
        if over:
            self.future.set_result(self._results)  # type: ignore[arg-type]  # none is missing

    def converted(self, body: bytes, seconds: float) -> T | WorkerError:
        """What an answer amounts to."""
        try:
            return self._convert(body, seconds)
        except WorkerError as error:
            return error

    def learn(self, mean: float) -> None:
        """Seconds that the items of a chunk took on average: decides the size of the next."""
        self._mean = mean

    @property
    def more(self) -> bool:
        """Whether there are items that no chunk has."""
        return self._next < len(self._items)

    def after(self, rest: list[_Item]) -> _Chunk[T] | None:
        """What goes on in place of a chunk that does not: the rest of its items, or else the next chunk."""
        if not rest:
            return self._next_chunk()
        chunk = _Chunk(self, rest)
        with self._lock:
            chunk.cancelled = self._cancelled
            self._chunks.add(chunk)
        return chunk

    def ended(self, chunk: _Chunk[T]) -> None:
        """A chunk has ended: on to the next, unless another has taken its place."""
        with self._lock:
            self._chunks.discard(chunk)
        if chunk.cancelled:
            self._fail(WorkerError("the job was cancelled"))
        elif not chunk.replaced:
            self.submit(self._next_chunk())

    def submit(self, chunk: _Chunk[T] | None) -> None:
        """Queue a chunk."""
        try:
            if chunk is not None:
                self.lanes.submit(chunk)
        except WorkerError as error:
            self._fail(error)

    def _fail(self, error: WorkerError) -> None:
        with self._lock:
            self._cancelled, failed = True, self._left > 0
            self._left = 0
        if failed:
            self.future.set_exception(error)

    def _next_chunk(self) -> _Chunk[T] | None:
        chunk, oversized = self._take()
        for item in oversized:
            self.settle(item, self._oversize)
        return chunk

    def _take(self) -> tuple[_Chunk[T] | None, list[_Item]]:
        """The next chunk, and items that are too long to be sent."""
        items: list[_Item] = []
        oversized: list[_Item] = []
        with self._lock:
            share = -(-(len(self._items) - self._next) // self.lanes.slots)
            wanted = _FIRST_ITEMS if self._mean is None else int(_CHUNK_SECONDS / max(self._mean, 1e-6))
            room = min(_CHUNK_BYTES, MAX_PAYLOAD - len(self.head) - 16)
            while self._next < len(self._items) and len(items) < max(1, min(wanted, share, _CHUNK_ITEMS)):
                item = _Item(self._next, json.dumps(self._items[self._next]).encode("ascii"))
                if not self.head or len(self.head) + len(item.encoded) + 16 > MAX_PAYLOAD:
                    oversized.append(item)
                elif items and len(item.encoded) > room:
                    break
                else:
                    items.append(item)
                    room -= len(item.encoded) + 2
                self._next += 1
            if not items:
                return None, oversized
            chunk = _Chunk(self, items)
            chunk.cancelled = self._cancelled
            self._chunks.add(chunk)
        return chunk, oversized


class _CutError(Exception):
    """Others wait, and this chunk has run for long enough."""


class _Chunk(Job, Generic[T]):
    """Items that go to one worker. Those before `at` are settled."""

    def __init__(self, batch: Batch[T], items: list[_Item]) -> None:
        super().__init__(batch.crew, batch.function, batch.seconds)
        self.batch, self.items, self.at = batch, items, 0
        self.replaced = False
        """Whether another chunk has been made of what it does not come to."""

    @property
    def blocks(self) -> bool:
        """Whether items stand behind the present one."""
        return self.at + 1 < len(self.items) or self.batch.more

    def step_aside(self) -> Turn | None:
        """Go on with the present item alone; the others go elsewhere."""
        with self.lock:
            if self._worker is None or self.at >= len(self.items):
                return None
            self.aside = self.replaced = True
            rest, self.items = self.items[self.at + 1 :], self.items[: self.at + 1]
        return self.batch.after(rest)

    def run(self) -> None:
        """Settle every item, each from a worker that no other item has hurt."""
        try:
            self._run()
        except _CutError:
            self.replaced = True
            self.batch.submit(self.batch.after(self.items[self.at :]))
        except WorkerError as error:  # there is no worker to be had
            while self.at < len(self.items):
                self._settle(error)
        self.batch.ended(self)

    def _run(self) -> None:
        ended = 0  # workers that ended on the present item
        while self.at < len(self.items):
            before = self.at
            try:
                fault = None
                with self.worker(fresh=ended > 0) as worker:
                    fault = self._exchange(worker)
                if fault is not None:
                    self._settle(WorkerError(f"{self.function}: {fault}"))
                ended = 0
            except DeadlineError as error:
                self._settle(error)
                ended = 0
            except (WorkerDiedError, MemoryLimitError) as error:
                ended = 1 if self.at > before else ended + 1
                alone = self.at == before and self.first
                if ended > 1 or (alone and isinstance(error, MemoryLimitError)):
                    self._settle(error)
                    ended = 0

    def _exchange(self, worker: Worker) -> str | None:
        """Send what is left and settle what comes back, until all is there or the function has a fault: its message.

        Raises:
            TimeoutError, EOFError, OSError, ValueError: as of the worker, at the present item.
        """
        sock, began, buffer = worker.sock, time.monotonic(), bytearray()
        deadline = began + self.seconds
        self.since = None  # until the worker is ready: compiling a spec is no item's fault
        sock.settimeout(self.seconds)
        send_frame(
            sock, worker.number, self.batch.head + b", ".join(item.encoded for item in self.items[self.at :]) + b"]]"
        )
        spent, timed = 0.0, 0
        while self.at < len(self.items):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            sock.settimeout(left)
            part = sock.recv(1 << 18)
            if not part:
                raise EOFError
            buffer += part
            before = self.at
            for frame in _frames(buffer, worker.number):
                if frame == READY:
                    self.since = time.monotonic()
                    deadline = self.since + self.seconds
                    continue
                if frame.startswith(b"{"):
                    return self._fault(frame)
                seconds, _, body = frame.partition(b" ")
                if timed:
                    spent += float(seconds)
                timed += 1  # the first one also pays for what all of them need
                self._settle(self.batch.converted(body, float(seconds)))
                if self.at >= len(self.items):
                    break
            if before < self.at < len(self.items):
                now = time.monotonic()
                self.since, deadline = now, now + self.seconds
                if now - began > _PATIENCE and self.batch.lanes.crowded:
                    raise _CutError
                mean = spent / (timed - 1) if timed > 1 else 0.0
                time.sleep(min(_PAUSE, 0.8 * mean * (len(self.items) - self.at)))
        if timed > 1:
            self.batch.learn(spent / (timed - 1))
        if buffer and not self.aside:
            raise ValueError("more answers than items")
        return None

    def _fault(self, frame: bytes) -> str:
        fault = json.loads(frame)
        if "memory" in fault:
            raise MemoryLimitError(f"more than {self.crew.memory_mb} MiB needed")
        return str(fault["error"])

    def _settle(self, result: T | WorkerError) -> None:
        with self.lock:
            item = self.items[self.at]
            self.at += 1
        self.batch.settle(item, result)


def _frames(buffer: bytearray, number: int) -> Iterator[bytes]:
    """Take the whole frames at the start of a buffer out of it, one by one: the good ones before one that is not.

    Raises:
        ValueError: a frame is too long, or answers another job.
    """
    at = 0
    try:
        while len(buffer) - at >= HEADER.size:
            size, answers = HEADER.unpack_from(buffer, at)
            if size > MAX_ANSWER:
                raise ValueError(f"frame of {size} bytes, the limit is {MAX_ANSWER}")
            if answers != number:
                raise ValueError("an answer to another job")
            if len(buffer) - at - HEADER.size < size:
                return
            at += HEADER.size + size
            yield bytes(buffer[at - size : at])
    finally:
        del buffer[:at]
