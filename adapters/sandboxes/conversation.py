"""The host's half of the protocol in `guest.py`: hand over a program, ask, believe nothing.

A guest can send any bytes. It is held to: one frame for each question, of the right index, not before the question was
sent, of limited size, strict JSON of exactly the known keys, its value a well-formed tagged value. Anything else is
`protocol`, and the run ends there. All waiting is against the host's clock, counted from the moment the guest is ready.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal, NoReturn, Protocol, runtime_checkable

from modulo.adapters.sandboxes.confine import PROCESSES
from modulo.errors import SandboxUnavailableError
from modulo.protocols import Call, CallReply, Limits, ProgramKind
from modulo.tagged import TaggedError, canonical

__all__ = [
    "CancelledRunError",
    "Channel",
    "ChannelClosedError",
    "Conversation",
    "Exit",
    "PacingChannel",
    "UnaskedError",
    "converse",
]

_ENVELOPE = 4096
_ERROR_TEXT = 600
_START_SECONDS = 30.0
_SLICE_SECONDS = 0.05
_AHEAD_BYTES = 4_000_000
"""Questions larger than this together are not sent ahead: they would wait in the sandbox's own memory."""
_FRAMES_BEFORE_CALLS = 3
"""`ready`, `confined`, and what became of the load."""
_UNASKED = "bytes arrived that nobody asked for"
_SIGNALS = 64
_KEYS = {"index", "kind", "value", "error", "line"}
_KINDS = ("value", "raised", "memory", "output")


class CancelledRunError(Exception):
    """Nobody waits for this run any more."""


class ChannelClosedError(Exception):
    """The guest closed its end, or is gone."""


@dataclass(frozen=True)
class Exit:
    """How a guest ended, as its backend saw it.

    Attributes:
        code: exit code, if it exited.
        signal: signal that ended it, if one did.
        memory: the backend ended it, or saw it ended, because its processes together used too much memory.
    """

    code: int | None = None
    signal: int | None = None
    memory: bool = False


class Channel(Protocol):
    """A byte stream to one guest that has been started and has not seen a job."""

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of `data`.

        Raises:
            TimeoutError: not before `deadline` (`time.monotonic`).
            ChannelClosedError: the guest is gone.
        """
        ...

    def receive(self, deadline: float) -> bytes:
        """Some bytes; `b""` when the guest closed its end. With a `deadline` in the past: what is there already.

        Raises:
            TimeoutError: nothing arrived before `deadline`.
        """
        ...

    def close(self) -> Exit:
        """Kill every process of the run and return once they are gone. Idempotent."""
        ...


class UnaskedError(Exception):
    """The guest sent bytes that nobody asked for."""


@runtime_checkable
class PacingChannel(Channel, Protocol):
    """A channel whose far end can hand over one question after the other by itself."""

    def ask_ahead(self, questions: Sequence[bytes], after: int) -> None:
        """Have all questions go with the next `send`.

        The first is handed to the guest once it has sent `after` frames, each further one after one frame more; none if
        it has sent a byte too many by then, when `receive` raises `UnaskedError` in its place. After the reply to the
        last one the guest is ended, as by `close`.
        """
        ...


class _FrameError(Exception):
    """A frame that is not as it must be; `kind` is what to report."""

    def __init__(self, kind: str, reason: str) -> None:
        self.kind, self.reason = kind, reason


def converse(
    channel: Channel,
    program: str,
    *,
    entry: str,
    calls: Sequence[Call],
    limits: Limits,
    processes: int = PROCESSES,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[CallReply | None, tuple[CallReply, ...]]:
    """Have one program answer calls on `channel`, and close it.

    Args:
        channel: to a guest that has not seen a job.
        program: the candidate's source.
        entry: name of the function to call.
        calls: asked in this order, each after the reply to the one before.
        limits: of this run.
        processes: tasks the candidate may have, as its uid's limit.
        cancelled: polled while waiting; true ends the run.

    Returns:
        what `RunReport` holds as `load` and `replies`.

    Raises:
        SandboxUnavailableError: the guest did not start, or could not confine itself.
        CancelledRunError: `cancelled` said so.
    """
    questions = [{"args": list(call.args), "kwargs": call.kwargs} for call in calls]
    conversation = Conversation(
        channel,
        program,
        kind="function",
        entry=entry,
        limits=limits,
        processes=processes,
        cancelled=cancelled,
        ahead=questions,
    )
    try:
        load = conversation.load()
        replies: list[CallReply] = []
        for call, question in zip(calls, questions, strict=True):
            if conversation.over:
                break
            replies.append(conversation.ask(question, seconds=call.seconds))
    finally:
        channel.close()
    skipped = [CallReply(kind="skipped")] * (len(calls) - len(replies))
    return load, (*replies, *skipped)


class Conversation:
    """A `modulo.protocols.Session` on a channel to a guest that has not seen a job. Whoever made it closes the channel.

    Args:
        channel: to the guest.
        program: the candidate's source.
        kind: how the program is used; `function` is one function of it, `entry`, that is called.
        entry: name of that function.
        limits: of all of it together.
        processes: tasks the candidate may have, as its uid's limit.
        cancelled: polled while waiting; true makes `CancelledRunError` of every wait.
        ahead: the first questions that `ask` will be given, known already.
    """

    def __init__(
        self,
        channel: Channel,
        program: str,
        *,
        kind: ProgramKind | Literal["function"],
        entry: str = "",
        limits: Limits,
        processes: int = PROCESSES,
        cancelled: Callable[[], bool] = lambda: False,
        ahead: Sequence[Mapping[str, object]] = (),
    ) -> None:
        self._channel, self._limits, self._cancelled = channel, limits, cancelled
        self._ahead: list[bytes] = []
        if ahead and isinstance(channel, PacingChannel):
            frames = [_frame({"index": index, **question}) for index, question in enumerate(ahead)]
            self._ahead = frames if sum(map(len, frames)) <= _AHEAD_BYTES else []
        self._job = {
            "kind": kind,
            "program": program,
            "entry": entry,
            "memory_mb": limits.memory_mb,
            "cpu_seconds": ceil(limits.total_seconds) + 1,
            "output_bytes": limits.output_bytes,
            "processes": processes,
        }
        self._lines = program.count("\n") + 1
        self._received = bytearray()
        self._end = 0.0
        self._asked = -1
        self._over = False

    @property
    def over(self) -> bool:
        """See `modulo.protocols.Session.over`."""
        return self._over

    def load(self) -> CallReply | None:
        """See `modulo.protocols.Session.load`."""
        self._trusted("ready", _START_SECONDS)
        self._end = time.monotonic() + self._limits.total_seconds
        if self._ahead and isinstance(self._channel, PacingChannel):
            self._channel.ask_ahead(self._ahead, _FRAMES_BEFORE_CALLS)
        try:
            self._send(self._job, time.monotonic() + _START_SECONDS)
        except (TimeoutError, ChannelClosedError):
            self._unavailable("the sandbox's guest did not take the job")
        self._trusted("confined", _START_SECONDS)
        load = self._exchange(None, self._limits.call_seconds)
        if load.kind == "value":
            return None
        self._over = True
        return load

    def ask(self, request: Mapping[str, object], *, seconds: float | None = None) -> CallReply:
        """See `modulo.protocols.Session.ask`."""
        if self._over:
            return CallReply(kind="skipped")
        return self._exchange(request, seconds or self._limits.call_seconds)

    def _trusted(self, kind: str, seconds: float) -> None:
        """Take a frame that the guest sends before any untrusted code runs in it."""
        try:
            frame = self._frame(time.monotonic() + seconds)
        except (TimeoutError, ChannelClosedError, _FrameError):
            self._unavailable(f"the sandbox's guest broke before it was {kind}")
        if frame != {"index": -2, "kind": kind}:
            reason = frame.get("error") if isinstance(frame, dict) else None
            self._unavailable(f"the sandbox cannot confine: {reason}")

    def _send(self, message: object, deadline: float) -> None:
        self._channel.send(_frame(message), deadline)

    def _exchange(self, request: Mapping[str, object] | None, seconds: float) -> CallReply:
        """Send a question (none for the load) and return what became of it."""
        deadline = min(time.monotonic() + seconds, self._end)
        index, self._asked = self._asked, self._asked + 1
        try:
            if request is not None and index >= len(self._ahead):
                self._expect_silence()
                self._send({"index": index, **request}, deadline)
            return self._reply(index, self._frame(deadline))
        except TimeoutError:
            self._over = True
            which, limit = ("total", self._limits.total_seconds) if deadline == self._end else ("call", seconds)
            return CallReply(kind="timeout", error=f"over {which}_seconds = {limit:g} s")
        except _FrameError as error:
            self._over = True
            kind: Any = error.kind
            return CallReply(kind=kind, error=error.reason)
        except ChannelClosedError:
            self._over = True
            return self._post_mortem()

    def _expect_silence(self) -> None:
        try:
            early = self._received or self._channel.receive(0.0)
        except TimeoutError:
            return
        if early:
            raise _FrameError("protocol", _UNASKED)
        raise ChannelClosedError

    def _frame(self, deadline: float) -> Any:
        size = int.from_bytes(self._exactly(4, deadline), "big")
        if size > self._limits.output_bytes + _ENVELOPE:
            raise _FrameError("output", f"the result is over output_bytes = {self._limits.output_bytes}")
        body = self._exactly(size, deadline)
        try:
            return json.loads(body.decode("ascii"), object_pairs_hook=_unique, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise _FrameError("protocol", "a reply is not strict JSON") from None

    def _exactly(self, count: int, deadline: float) -> bytes:
        while len(self._received) < count:
            if self._cancelled():
                raise CancelledRunError
            now = time.monotonic()
            # A guest that always has one more byte must not outrun the clock.
            if now > deadline:
                raise TimeoutError
            try:
                piece = self._channel.receive(min(deadline, now + _SLICE_SECONDS))
            except TimeoutError:
                continue
            except UnaskedError:
                raise _FrameError("protocol", _UNASKED) from None
            if not piece:
                raise ChannelClosedError
            self._received += piece
        data = bytes(self._received[:count])
        del self._received[:count]
        return data

    def _reply(self, index: int, frame: Any) -> CallReply:
        if type(frame) is not dict or not set(frame) <= _KEYS:
            raise _FrameError("protocol", "a reply is not as it must be")
        kind, line, error = frame.get("kind"), frame.get("line"), frame.get("error", "")
        if type(frame.get("index")) is not int or frame["index"] != index:
            raise _FrameError("protocol", "a reply has the wrong index")
        if kind not in _KINDS or type(error) is not str or ("value" in frame) != (kind == "value"):
            raise _FrameError("protocol", "a reply is not as it must be")
        if kind == "value":
            try:
                return CallReply(kind="value", value=canonical(frame["value"]))
            except TaggedError:
                raise _FrameError("protocol", "a returned value is malformed") from None
        known = type(line) is int and 1 <= line <= self._lines
        clean = error[:_ERROR_TEXT].encode("utf-8", "replace").decode("utf-8")
        return CallReply(kind=kind, error=clean, line=line if known else None)

    def _post_mortem(self) -> CallReply:
        end = self._channel.close()
        if end.memory:
            return CallReply(kind="memory", error=f"over memory_mb = {self._limits.memory_mb}")
        shell = end.code is not None and 128 < end.code <= 128 + _SIGNALS
        number = end.code - 128 if shell and end.code is not None else end.signal
        if number == signal.SIGXCPU:
            return CallReply(kind="timeout", error="over its processor time")
        if number is not None:
            try:
                name = signal.Signals(number).name
            except ValueError:
                name = "unknown"
            return CallReply(kind="crash", error=f"ended by signal {number} ({name})")
        if end.code is not None:
            return CallReply(kind="crash", error=f"ended with exit code {end.code}")
        return CallReply(kind="crash", error="closed its channel")

    def _unavailable(self, reason: str) -> NoReturn:
        end = self._channel.close()
        raise SandboxUnavailableError(f"{reason}{_how(end)}; `modulo doctor` says what works on this machine")


def _frame(message: object) -> bytes:
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    return len(body).to_bytes(4, "big") + body


def _how(end: Exit) -> str:
    if end.signal is not None:
        return f" (signal {end.signal})"
    return f" (exit code {end.code})" if end.code is not None else ""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
