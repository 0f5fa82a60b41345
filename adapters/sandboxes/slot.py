"""A slot: a running dispatcher (`dispatcher.py`), wherever it runs, and the channels to the guests it forks in turn.

Sandboxes that are made of slots are `slotted.py`.
"""

from __future__ import annotations

import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

from modulo.adapters.sandboxes.conversation import Exit, UnaskedError

__all__ = ["LostError", "Slot", "SlotChannel"]

_SWEEP_SECONDS = 20.0


class LostError(Exception):
    """The slot went away, or cannot be trusted to be clean."""


class Slot(ABC):
    """The host's end of one dispatcher. Used by one thread at a time.

    Attributes:
        digest: of the image in it.
        memory_mb: what it is prepared for.
        processes: what a candidate's uid limit must allow, its own processes included.
        clean: whether the next run may have it.
        guest: number of the present guest.
        resizable: whether `prepare` can change the memory.
    """

    digest: str
    memory_mb: int
    processes: int
    resizable = True

    def __init__(self) -> None:
        self.clean = True
        self.guest = 0
        self._frames = bytearray()
        self._unsent = bytearray()

    @abstractmethod
    def write(self, data: memoryview, deadline: float) -> int:
        """Send some of `data` to the dispatcher; returns how much.

        Raises:
            TimeoutError: not before `deadline`.
            OSError: it is gone.
        """

    @abstractmethod
    def read(self, deadline: float) -> bytes:
        """Some bytes of the dispatcher's; `b""` when it is gone.

        Raises:
            TimeoutError: nothing arrived before `deadline`.
            OSError: it is gone.
        """

    @abstractmethod
    def stop(self) -> None:
        """Kill it and everything in it. Idempotent."""

    def last_words(self) -> str:
        """What it said of its own end, if it could."""
        return ""

    def prepare(self, memory_mb: int) -> None:
        """Get ready for a run with this limit."""
        self.memory_mb = memory_mb

    def over_memory(self) -> bool:
        """Whether the run's processes together hold more than they may, where nobody else ends them for it."""
        return False

    def put(self, kind: bytes, body: bytes) -> None:
        """Have one frame go to the dispatcher with the next that is sent."""
        self._unsent += kind + len(body).to_bytes(4, "big") + body

    def send(self, kind: bytes, body: bytes, deadline: float) -> None:
        """Send one frame to the dispatcher, after those that were put.

        Raises:
            TimeoutError: not before `deadline`.
            LostError: it is gone.
        """
        self.put(kind, body)
        rest = memoryview(bytes(self._unsent))
        self._unsent.clear()
        try:
            while rest:
                rest = rest[self.write(rest, deadline) :]
        except TimeoutError:
            self.clean = False  # half a frame is on its way
            raise
        except OSError as error:
            raise self._lost(error) from error

    def receive(self, deadline: float) -> tuple[bytes, bytes]:
        """The next frame of the dispatcher: its kind and its body.

        Raises:
            TimeoutError: not before `deadline`.
            LostError: it is gone.
        """
        while True:
            end = self._whole()
            if end:
                kind, body = bytes(self._frames[:1]), bytes(self._frames[5:end])
                del self._frames[:end]
                return kind, body
            try:
                piece = self.read(deadline)
            except TimeoutError:
                raise
            except OSError as error:
                raise self._lost(error) from error
            if not piece:
                raise self._lost(None)
            self._frames += piece

    def pending(self, kind: bytes) -> bool:
        """Whether the next frame is there already, and of this kind."""
        return bool(self._whole()) and self._frames[:1] == kind

    def _whole(self) -> int:
        """Length of the first frame that has arrived; 0 if it has not, or not all of it."""
        if len(self._frames) < 5:
            return 0
        end = 5 + int.from_bytes(self._frames[1:5], "big")
        return end if len(self._frames) >= end else 0

    def _lost(self, error: OSError | None) -> LostError:
        self.clean = False
        return LostError(" ".join(filter(None, (str(error or "its stream ended"), self.last_words())))[:300])


class SlotChannel:
    """A `Channel` to one fresh guest in a slot."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._exit: Exit | None = None
        self._report: bytes | None = None
        self._over_memory = False

    def send(self, data: bytes, deadline: float) -> None:
        """See `Channel.send`. A guest that is gone shows at the next `receive`."""
        self._slot.send(b"D", data, deadline)

    def ask_ahead(self, questions: Sequence[bytes], after: int) -> None:
        """See `PacingChannel.ask_ahead`."""
        for number, question in enumerate((*questions, b""), start=after):
            self._slot.put(b"P", number.to_bytes(4, "big") + question)

    def receive(self, deadline: float) -> bytes:
        """See `Channel.receive`."""
        if self._over_memory or self._report is not None or self._slot.over_memory():
            self._over_memory = self._over_memory or self._report is None
            return b""
        kind, body = self._slot.receive(deadline)
        if kind == b"D":
            return body
        if kind == b"F":
            raise UnaskedError
        if kind == b"X":
            self._report = body
        return b""

    def close(self) -> Exit:
        """See `Channel.close`."""
        if self._exit is None:
            self._exit = Exit()
            if self._slot.clean:
                self._exit = self._sweep()
        return self._exit

    def _sweep(self) -> Exit:
        deadline = time.monotonic() + _SWEEP_SECONDS
        try:
            if self._report is None and not self._slot.pending(b"X"):
                self._slot.send(b"K", self._slot.guest.to_bytes(4, "big"), deadline)
            while self._report is None:
                kind, body = self._slot.receive(deadline)
                if kind == b"X":
                    self._report = body
        except TimeoutError:
            self._slot.clean = False
            raise LostError("it does not answer") from None
        self._slot.guest += 1
        report = json.loads(self._report)
        self._slot.clean = bool(report["clean"])
        status, memory = report["status"], bool(report["memory"]) or self._over_memory
        if status is None:
            return Exit(memory=memory)
        if os.WIFSIGNALED(status):
            return Exit(signal=os.WTERMSIG(status), memory=memory)
        return Exit(code=os.WEXITSTATUS(status), memory=memory)
