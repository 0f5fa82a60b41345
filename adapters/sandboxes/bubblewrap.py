"""Sandbox in Linux namespaces, through `bwrap`: no daemon, no root, nothing to set up.

A slot is a `bwrap` with its own user, pid, network, ipc, mount, uts and cgroup namespace, a read-only root of our own
making (`rootfs.py`) and no `/proc`, in which a dispatcher forks guests from a zygote that has never seen a job. Inside
of that every guest has a pid, a mount and an ipc namespace and an empty temporary directory of its own, no capability,
the resource limits and closed system calls of `confine.py`, and a watch on the memory of all its processes. Ending the
first process of its pid namespace ends all of it (`cells.py`).

Where `bwrap` works but its children get no capability in their own user namespace, as some distributions' security
modules have it, each run has a `bwrap` of its own instead, used once; a few are started ahead.

When this process is root, `bwrap` is started under a uid that nobody has: nothing of a run is ever host uid 0.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from modulo.adapters.sandboxes import packages, rootfs
from modulo.adapters.sandboxes.bwrap import launch, reachable_bwrap
from modulo.adapters.sandboxes.confine import PROCESSES, TRUSTED_PROCESSES, ConfinementError
from modulo.adapters.sandboxes.conversation import Channel, ChannelClosedError
from modulo.adapters.sandboxes.process import ProcessChannel, children, holds_more_than, tree
from modulo.adapters.sandboxes.slot import Slot
from modulo.adapters.sandboxes.slotted import SlottedSandbox
from modulo.adapters.sandboxes.uids import spare_uids
from modulo.errors import SandboxUnavailableError
from modulo.protocols import ImageName, Limits

__all__ = ["BubblewrapSandbox"]

_T = TypeVar("_T")
_IDLE = 2
_WATCH_SECONDS = 0.02


class BubblewrapSandbox(SlottedSandbox):
    """Warm slots; or, where these do not work, a `bwrap` for each run."""

    name = "bubblewrap"
    WALLS_WITHOUT_NESTING = "each run in a bwrap of its own, as no capability is left inside of one: slower"

    def __init__(self, slots: int | None = None) -> None:
        super().__init__(slots)
        self._roots: dict[ImageName, rootfs.RootFs] = {}
        self._bwrap = ""
        self._ahead: dict[ImageName, list[ProcessChannel]] = {}
        self._ender = weakref.finalize(self, _close_all, self._ahead)

    def find(self, image: ImageName) -> str:
        """See `SlottedSandbox.find`."""
        if image not in self._roots:
            uid = _uid()
            self._bwrap = reachable_bwrap(uid)
            self._roots[image] = rootfs.build(image, uid)
        return self._roots[image].digest

    def start(self, image: ImageName, digest: str, memory_mb: int, *, nested: bool) -> Slot:
        """See `SlottedSandbox.start`."""
        assert nested
        return _Slot(self._launch("dispatcher", image), digest, memory_mb)

    def stop(self) -> None:
        """See `ThreadedSandbox.stop`."""
        super().stop()
        _close_all(self._ahead)
        self._roots.clear()

    def _launch(self, module: str, image: ImageName) -> ProcessChannel:
        nesting = module == "dispatcher"
        return launch(module, image, self._roots[image], bwrap=self._bwrap, uid=_uid(), nesting=nesting)

    def without_nesting(self, drive: Callable[[Channel, int], _T], limits: Limits, image: ImageName) -> tuple[_T, str]:
        """See `SlottedSandbox.without_nesting`."""
        with self._start_lock:
            digest = self.find(image)
            ahead = self._ahead.setdefault(image, [])
            channel = ahead.pop(0) if ahead else None
        if channel is not None and channel.process.poll() is not None:
            channel.close()
            channel = None
        channel = channel or self._launch("guest", image)
        channel.watch_memory(limits.memory_mb + packages.RESIDENT_MB[image])
        result = drive(channel, PROCESSES)
        self.submit(lambda: self._start_ahead(image))
        return result, digest

    def _start_ahead(self, image: ImageName) -> None:
        # A failure shows at the next run, which starts its own.
        with suppress(SandboxUnavailableError):
            if len(self._ahead[image]) < _IDLE:
                channel = self._launch("guest", image)
                with self._start_lock:
                    self._ahead[image].append(channel)


def _uid() -> int | None:
    if os.getuid() != 0:
        return None
    try:
        return spare_uids(1)[0]
    except ConfinementError as error:
        raise SandboxUnavailableError(f"bubblewrap: {error}") from error


def _close_all(ahead: dict[ImageName, list[ProcessChannel]]) -> None:
    for channels in ahead.values():
        while channels:
            channels.pop().close()


class _Slot(Slot):
    """A `bwrap` and the socket to its dispatcher."""

    processes = PROCESSES + TRUSTED_PROCESSES

    def __init__(self, channel: ProcessChannel, digest: str, memory_mb: int) -> None:
        super().__init__()
        self._channel = channel
        self.digest, self.memory_mb = digest, memory_mb
        self._watched = time.monotonic()
        self._zygote: int | None = None

    def write(self, data: memoryview, deadline: float) -> int:
        """See `Slot.write`."""
        try:
            self._channel.send(bytes(data), deadline)
        except ChannelClosedError:
            raise ConnectionResetError("its stream is closed") from None
        return len(data)

    def read(self, deadline: float) -> bytes:
        """See `Slot.read`."""
        return self._channel.receive(deadline)

    def over_memory(self) -> bool:
        """See `Slot.over_memory`."""
        now = time.monotonic()
        if now - self._watched < _WATCH_SECONDS:
            return False
        self._watched = now
        if self._zygote is None:
            self._zygote = self._find_zygote()
        job = [] if self._zygote is None else tree(self._zygote)[1:]
        return holds_more_than(self.memory_mb * 2**20, job)

    def _find_zygote(self) -> int | None:
        """The only child of the only child … of `bwrap`; before there is one, no job is running."""
        pid: int | None = self._channel.process.pid
        for _ in range(3):
            below = [] if pid is None else children(pid)
            pid = below[0] if below else None
        return pid

    def stop(self) -> None:
        """See `Slot.stop`."""
        self.clean = False
        self._channel.close()
