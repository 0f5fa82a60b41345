"""Sandboxes made of slots (`slot.py`), which are kept between runs.

A slot that breaks, or cannot be proved clean, is stopped, and another is started in its place.
"""

from __future__ import annotations

import threading
import weakref
from abc import abstractmethod
from collections.abc import Callable
from typing import TypeVar

from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.adapters.sandboxes.conversation import Channel
from modulo.adapters.sandboxes.slot import LostError, Slot, SlotChannel
from modulo.errors import SandboxUnavailableError
from modulo.protocols import ImageName, Limits

__all__ = ["SlottedSandbox"]

_T = TypeVar("_T")


class SlottedSandbox(ThreadedSandbox):
    """Warm slots, started when first needed and kept: at most one for each run at once, of each image.

    Attributes:
        nested: whether a run gets namespaces of its own within its slot's; `None` before the first run has shown it.
    """

    WALLS_WITHOUT_NESTING: str

    def __init__(self, slots: int | None = None) -> None:
        super().__init__(slots)
        self.nested: bool | None = None
        self._start_lock = threading.Lock()
        self._idle: list[Slot] = []
        self._finalizer = weakref.finalize(self, _stop_all, self._idle)

    @abstractmethod
    def find(self, image: ImageName) -> str:
        """Digest of an image, made and made known to the backend if need be. Called under a lock.

        Raises:
            SandboxUnavailableError: it cannot be made, or the backend does not work.
        """

    @abstractmethod
    def start(self, image: ImageName, digest: str, memory_mb: int, *, nested: bool) -> Slot:
        """A new slot of the image that `find` found.

        Raises:
            SandboxUnavailableError: the backend cannot start one.
        """

    def without_nesting(self, drive: Callable[[Channel, int], _T], limits: Limits, image: ImageName) -> tuple[_T, str]:
        """`on_channel` where a slot cannot make namespaces: by default in slots that need none."""
        return self._in_slot(drive, limits, image, nested=False)

    def on_channel(
        self, drive: Callable[[Channel, int], _T], *, limits: Limits, image: ImageName = "base"
    ) -> tuple[_T, str]:
        """See `ThreadedSandbox.on_channel`."""
        if self.nested is not False:
            try:
                result = self._in_slot(drive, limits, image, nested=True)
            except SandboxUnavailableError:
                if self.nested:
                    raise
            else:
                self.nested = True
                return result
        result = self.without_nesting(drive, limits, image)
        self.nested = False  # known only now: what keeps any run from working is told as it is
        return result

    def walls(self) -> str:
        """See `ThreadedSandbox.walls`."""
        return "each run in namespaces of its own" if self.nested else self.WALLS_WITHOUT_NESTING

    def stop(self) -> None:
        """See `ThreadedSandbox.stop`."""
        _stop_all(self._idle)

    def _in_slot(
        self, drive: Callable[[Channel, int], _T], limits: Limits, image: ImageName, *, nested: bool
    ) -> tuple[_T, str]:
        for attempt in (1, 2):
            slot = self._take(image, limits.memory_mb, nested)
            try:
                result = drive(SlotChannel(slot), slot.processes)
            except LostError as error:
                slot.stop()
                if attempt == 2:
                    raise SandboxUnavailableError(f"the {self.name} sandbox was lost: {error}") from error
                continue
            except BaseException:
                self._give_back(slot)
                raise
            self._give_back(slot)
            return result, slot.digest
        raise AssertionError("unreachable")

    def _take(self, image: ImageName, memory_mb: int, nested: bool) -> Slot:
        with self._start_lock:
            digest = self.find(image)
            fitting = [slot for slot in self._idle if slot.digest == digest]
            slot = min(fitting, key=lambda slot: slot.memory_mb != memory_mb, default=None)
            if slot is not None:
                self._idle.remove(slot)
        if slot is not None and slot.memory_mb != memory_mb and not slot.resizable:
            slot.stop()
            slot = None
        if slot is None:
            return self.start(image, digest, memory_mb, nested=nested)
        try:
            slot.prepare(memory_mb)
        except BaseException:
            slot.stop()
            raise
        return slot

    def _give_back(self, slot: Slot) -> None:
        if slot.clean:
            with self._start_lock:
                self._idle.append(slot)
        else:
            slot.stop()


def _stop_all(idle: list[Slot]) -> None:
    while idle:
        idle.pop().stop()
