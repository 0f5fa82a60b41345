"""`modulo verify --batch`: candidates by the million, in bounded memory, answered in input order.

Lines are read in blocks, as they come, and judged in batches. A batch that takes long, because of one candidate that
hangs, goes on beside those that follow; what they print waits in memory until it is their turn, and reading stops while
too much waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from modulo.bank import Bank, down
from modulo.cli.progress import BatchView, open_batch_view
from modulo.compose import Banks
from modulo.errors import ProblemError, UsageError
from modulo.problems import load_problems
from modulo.types import Problem, Verdict, accepted, overall

__all__ = ["rendered", "run_batch"]

T = TypeVar("T")

_BLOCK: Final = 1 << 20
_MAX_LINE: Final = 64 << 20
_FIRST, _LINES, _BYTES = 64, 1024, 4 << 20
"""Lines of the first batches, lines and bytes of any batch at most."""
_RUNNING: Final = 4
_PATIENCE: Final = 1.0
"""Seconds after which a batch goes on beside the next ones instead of before them."""
_WINDOW, _WINDOW_BYTES = 64, 64 << 20
"""Batches, and bytes of lines and of output, that wait at most."""


class _Line(NamedTuple):
    problem: Problem
    text: str
    size: int


class Shown(NamedTuple):
    """What is printed about one candidate: its line or lines, the exit code, and why a verifier cannot run."""

    text: str
    code: int
    reason: str | None


def run_batch(batch: str, problems: str, banks: Banks, *, as_json: bool) -> int:
    """Verify every line of `batch`, a file or `-`. Returns the exit code."""
    known: dict[str, Problem] = {}
    for problem in load_problems(problems):
        if problem.id in known:
            raise ProblemError(f"{problem.id!r} stands twice", field="id", source=problems)
        known[problem.id] = problem
    total = None
    if batch != "-":  # a bad line at the end of a file should not surface after hours of judging
        with _opened(batch) as stream:
            total = sum(len(lines) for lines in _batches(stream, batch, known, lambda: _LINES))
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    with _opened(batch) as stream, open_batch_view(total) as view:
        run = _Run(banks, view, as_json=as_json)
        source = "<stdin>" if batch == "-" else batch
        return asyncio.run(run.all(_batches(stream, source, known, lambda: run.size)))


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Any]:
    """An unbuffered stream: it gives what is there, and a thread that waits for more holds no lock."""
    if path == "-":
        yield getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        return
    try:
        stream = Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed below
    except OSError as error:
        raise UsageError(f"{path}: --batch cannot be read: {error.strerror}") from error
    with stream:
        yield stream


def _batches(stream: Any, source: str, known: dict[str, Problem], limit: Callable[[], int]) -> Iterator[list[_Line]]:
    """The lines of a stream, at most `limit()` at a time, and no more than came together.

    Raises:
        UsageError: names the line that is malformed; those before it have been given.
    """
    lines: list[_Line] = []
    size = 0
    for number, raw in _numbered(stream, source):
        if raw is not None and raw.strip():
            try:
                lines.append(_line(raw, f"{source}:{number}", known))
            except UsageError:
                if lines:
                    yield lines
                raise
            size += len(raw)
        if lines and (raw is None or len(lines) >= limit() or size >= _BYTES):
            yield lines
            lines, size = [], 0


def _numbered(stream: Any, source: str) -> Iterator[tuple[int, bytes | None]]:
    """Lines with their numbers, and `None` where the next one may be long in coming."""
    number, rest = 0, bytearray()
    while True:
        try:
            block = stream.read(_BLOCK)
        except OSError as error:
            raise UsageError(f"{source}: --batch cannot be read: {error.strerror}") from error
        *ends, last = block.split(b"\n")
        if ends:
            ends[0] = bytes(rest) + ends[0]
            rest = bytearray()
        rest += last
        for line in ends:
            number += 1
            yield number, line
        if not block:
            yield number + 1, bytes(rest)
        if not block or len(ends) > 0:
            yield number, None
        if not block:
            return
        if len(rest) > _MAX_LINE:
            raise UsageError(f"{source}:{number + 1}: is longer than {_MAX_LINE >> 20} MiB")


def _line(raw: bytes, where: str, known: dict[str, Problem]) -> _Line:
    try:
        row = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise UsageError(f'{where}: is a JSON object {{"problem_id": …, "candidate": …}}')
    for name in ("problem_id", "candidate"):
        if not isinstance(row.get(name), str):
            raise UsageError(f"{where}: {name}: is missing or not text")
    if row["problem_id"] not in known:
        raise UsageError(f"{where}: problem_id: no problem is called {row['problem_id']!r}")
    return _Line(known[row["problem_id"]], row["candidate"], len(raw))


class _Output(NamedTuple):
    """What a batch comes to, as text, so that no verdict is kept for longer than it takes to write it down."""

    text: str
    code: int
    lines: int
    accepted: int
    reasons: list[str]


class _Run:
    """One run. Batches are judged side by side and printed in order."""

    def __init__(self, banks: Banks, view: BatchView, *, as_json: bool) -> None:
        self.banks, self.view, self.as_json = banks, view, as_json
        self.size = _FIRST
        self._index = self._code = self._held = 0
        self._said: set[str] = set()

    async def all(self, batches: Iterator[list[_Line]]) -> int:
        """Judge and print every batch. Returns the exit code."""
        self._queue: asyncio.Queue[asyncio.Task[_Output] | None] = asyncio.Queue(_WINDOW)
        self._places, self._building, self._printed = asyncio.Semaphore(_RUNNING), asyncio.Lock(), asyncio.Event()
        reading = asyncio.create_task(self._read(batches))
        try:
            while (task := await self._queue.get()) is not None:
                self._print(await task)
            await reading
        finally:
            reading.cancel()
            while not self._queue.empty():
                if (task := self._queue.get_nowait()) is not None:
                    task.cancel()
        return self._code

    async def _read(self, batches: Iterator[list[_Line]]) -> None:
        try:
            while (lines := await _in_thread(lambda: next(batches, None))) is not None:
                size = sum(line.size for line in lines)
                while self._held >= _WINDOW_BYTES:
                    self._printed.clear()
                    await self._printed.wait()
                self._held += size
                task = asyncio.create_task(self._batch(lines, self._index, size))
                self._index += len(lines)
                await self._queue.put(task)
        finally:
            await self._queue.put(None)

    async def _batch(self, lines: list[_Line], start: int, size: int) -> _Output:
        async with self._places:
            began = time.monotonic()
            work = asyncio.ensure_future(self._judge(lines))
            try:
                await asyncio.wait([work], timeout=_PATIENCE)
            except BaseException:
                work.cancel()
                raise
            # Batches of about half a second: what is interrupted is little, what it costs to have them is less.
            rate = len(lines) / max(time.monotonic() - began, 1e-3)
            self.size = max(16, min(_LINES, int(rate / 2))) if work.done() else max(16, self.size // 2)
        try:
            rows = await work
        except BaseException:
            work.cancel()
            raise
        shown = [
            rendered(line.problem, start + at, verdicts, as_json=self.as_json)
            for at, (line, verdicts) in enumerate(zip(lines, rows, strict=True))
        ]
        text = "".join(one.text for one in shown)
        self._held += len(text) - size
        return _Output(
            text=text,
            code=max(one.code for one in shown),
            lines=len(shown),
            accepted=sum(one.code == 0 for one in shown),
            reasons=[one.reason for one in shown if one.reason is not None],
        )

    async def _judge(self, lines: list[_Line]) -> list[tuple[Verdict, ...]]:
        groups: dict[str, list[int]] = {}
        for at, line in enumerate(lines):
            groups.setdefault(line.problem.id, []).append(at)
        problems = [lines[places[0]].problem for places in groups.values()]
        async with self._building:  # which may wait for a worker
            banks = await asyncio.to_thread(lambda: [self.banks(problem) for problem in problems])
        rows: list[tuple[Verdict, ...]] = [()] * len(lines)

        async def one(bank: Bank, places: list[int]) -> None:
            judged = await bank.judge_texts([lines[at].text for at in places])
            for at, (_, verdicts) in zip(places, judged, strict=True):
                rows[at] = verdicts

        await asyncio.gather(*(one(bank, places) for bank, places in zip(banks, groups.values(), strict=True)))
        return rows

    def _print(self, output: _Output) -> None:
        sys.stdout.write(output.text)
        sys.stdout.flush()
        self._held -= len(output.text)
        self._printed.set()
        self._code = max(self._code, output.code)
        self.view.advance(output.lines, output.accepted)
        for reason in output.reasons:
            if reason not in self._said:
                self._said.add(reason)
                self.view.say(reason)


async def _in_thread(work: Callable[[], T]) -> T:
    """Run in a daemon thread: one that waits for input never holds up the end of the program."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: Any, error: Exception | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    def run() -> None:
        value, failure = None, None
        try:
            value = work()
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            loop.call_soon_threadsafe(settle, value, failure)

    threading.Thread(target=run, name="modulo-batch-reader", daemon=True).start()
    return await future


def rendered(problem: Problem, index: int, verdicts: Sequence[Verdict], *, as_json: bool) -> Shown:
    """The verdicts on one candidate as they are printed."""
    passed, outcome, reason = accepted(verdicts), overall(verdicts), down(verdicts)
    if as_json:
        row = {
            "problem_id": problem.id,
            "index": index,
            "accepted": passed,
            "outcome": outcome.value,
            "verdicts": [v.model_dump(mode="json") for v in verdicts],
        }
        text = json.dumps(row, ensure_ascii=True) + "\n"
    else:
        lines = [f"{problem.id}: {outcome}"]
        for verdict in verdicts:
            lines.append(f"  {verdict.verifier}: {verdict.outcome} ({verdict.guarantee})")
            lines += [f"    {critique.message}" for critique in verdict.critiques]
        text = "\n".join(lines) + "\n"
    if reason is not None:
        return Shown(text, 4, f"{problem.id}: {' '.join(reason.split())}")
    return Shown(text, 0 if passed else 1, None)
