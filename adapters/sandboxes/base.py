"""What the sandboxes share: slots as threads, cancellation, and an end to everything at the end.

All the work is blocking code in the sandbox's own threads, so one sandbox serves any number of event loops in turn.
"""

from __future__ import annotations

import asyncio
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from modulo.adapters.sandboxes.conversation import CancelledRunError, Channel, Conversation, converse
from modulo.protocols import Call, CallReply, ImageName, Limits, ProgramKind, RunReport, Session

__all__ = ["ThreadedSandbox", "default_slots"]

_T = TypeVar("_T")


def default_slots() -> int:
    """Runs at once: two at least, one for each processor, eight at most."""
    return max(2, min(8, os.cpu_count() or 2))


class ThreadedSandbox(ABC):
    """A `Sandbox` (see `modulo.protocols`) over a blocking `on_channel`.

    Nothing is started before the first run, and a closed sandbox starts again at the next one.
    """

    name: str

    def __init__(self, slots: int | None = None) -> None:
        self.slots = slots or default_slots()
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._closing = threading.Event()

    @abstractmethod
    def on_channel(
        self, drive: Callable[[Channel, int], _T], *, limits: Limits, image: ImageName = "base"
    ) -> tuple[_T, str]:
        """Run `drive` on a channel to a fresh guest, in the calling thread. At most `slots` at a time.

        Args:
            drive: takes the channel and the number of processes that the candidate may have, and closes the channel.
                It is called a second time, on another guest, if the backend lost the first one.
            limits: of the run; `memory_mb` is the backend's to keep, the rest is `drive`'s.
            image: what is installed inside.

        Returns:
            what `drive` returned, and the digest of the image.

        Raises:
            SandboxUnavailableError: see `modulo.protocols.Sandbox.run`.
        """

    def walls(self) -> str:
        """What separates one run from the next, for `modulo doctor`; known after the first run."""
        return "each run in a process of its own"

    @abstractmethod
    def stop(self) -> None:
        """Stop what was started ahead or is kept running. No run is in progress. Idempotent."""

    async def run(
        self, program: str, *, entry: str, calls: Sequence[Call], limits: Limits, image: ImageName = "base"
    ) -> RunReport:
        """See `modulo.protocols.Sandbox.run`. Cancelling it ends the run's processes."""
        return await self._in_thread(
            lambda cancelled: self.run_blocking(
                program, entry=entry, calls=calls, limits=limits, image=image, cancelled=cancelled
            )
        )

    def run_blocking(
        self,
        program: str,
        *,
        entry: str,
        calls: Sequence[Call],
        limits: Limits,
        image: ImageName = "base",
        cancelled: Callable[[], bool] = lambda: False,
    ) -> RunReport:
        """`run`, in the calling thread; ends early when `cancelled` becomes true.

        Raises:
            SandboxUnavailableError: see `modulo.protocols.Sandbox.run`.
            CancelledRunError: `cancelled` became true.
        """

        def drive(channel: Channel, processes: int) -> tuple[CallReply | None, tuple[CallReply, ...]]:
            return converse(
                channel, program, entry=entry, calls=calls, limits=limits, processes=processes, cancelled=cancelled
            )

        (load, replies), digest = self.on_channel(drive, limits=limits, image=image)
        return RunReport(load=load, replies=replies, backend=self.name, image=digest)

    async def interact(
        self,
        program: str,
        drive: Callable[[Session], _T],
        *,
        kind: ProgramKind,
        limits: Limits,
        image: ImageName = "base",
    ) -> tuple[_T, str | None]:
        """See `modulo.protocols.Sandbox.interact`. Cancelling it ends the session at its next question."""

        def hold(cancelled: Callable[[], bool]) -> tuple[_T, str | None]:
            def on(channel: Channel, processes: int) -> _T:
                try:
                    return drive(
                        Conversation(
                            channel, program, kind=kind, limits=limits, processes=processes, cancelled=cancelled
                        )
                    )
                finally:
                    channel.close()

            return self.on_channel(on, limits=limits, image=image)

        return await self._in_thread(hold)

    async def _in_thread(self, work: Callable[[Callable[[], bool]], _T]) -> _T:
        """Do blocking work in one of the slots' threads; it is given the function to poll for cancellation."""
        abandoned, closing = threading.Event(), self._closing
        future = asyncio.wrap_future(self._pool().submit(work, lambda: abandoned.is_set() or closing.is_set()))
        try:
            return await future
        except CancelledRunError:
            raise asyncio.CancelledError from None
        finally:
            abandoned.set()

    async def aclose(self) -> None:
        """End all runs and everything that was started. Idempotent."""
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """`aclose` for code that is not async. Blocks for a moment."""
        with self._lock:
            executor, self._executor = self._executor, None
            self._closing.set()
            self._closing = threading.Event()
        if executor is not None:
            executor.shutdown(wait=True, cancel_futures=True)
        self.stop()

    def submit(self, action: Callable[[], None]) -> None:
        """Do something later in one of the sandbox's threads; dropped if it is closing."""
        with self._lock:
            if self._executor is not None:
                self._executor.submit(action)

    def _pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self.slots, thread_name_prefix=f"modulo-{self.name}")
            return self._executor
