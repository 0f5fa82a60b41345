"""A sandbox that notes how long each run took from the moment its guest was ready, and under which uid it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.adapters.sandboxes.conversation import Channel, Exit
from modulo.protocols import ImageName, Limits

__all__ = ["Run", "clocked"]

_T = TypeVar("_T")


class Run:
    """A channel that is passed through, with the times of its first byte and of its end."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._ready = self._closed = 0.0
        process = getattr(channel, "process", None)
        self.uid = Path(f"/proc/{process.pid}").stat().st_uid if process is not None else None

    @property
    def seconds(self) -> float:
        """From the first byte of the guest, which says that it is ready, until all its processes were gone."""
        return self._closed - self._ready

    def receive(self, deadline: float) -> bytes:
        """See `Channel.receive`."""
        piece = self._channel.receive(deadline)
        self._ready = self._ready or time.monotonic()
        return piece

    def close(self) -> Exit:
        """See `Channel.close`."""
        end = self._channel.close()
        self._closed = self._closed or time.monotonic()
        return end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


@contextmanager
def clocked(sandbox: ThreadedSandbox) -> Iterator[list[Run]]:
    """The runs of a sandbox as long as the block lasts."""
    runs: list[Run] = []
    inner = sandbox.on_channel

    def on_channel(drive: Callable[[Channel, int], _T], *, limits: Limits, image: ImageName = "base") -> tuple[_T, str]:
        def timed(channel: Channel, processes: int) -> _T:
            runs.append(Run(channel))
            return drive(runs[-1], processes)

        return inner(timed, limits=limits, image=image)

    sandbox.on_channel = on_channel  # type: ignore[method-assign]
    try:
        yield runs
    finally:
        del sandbox.on_channel
