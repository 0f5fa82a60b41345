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

from modulo.adapters.sandboxes.conversation import CancelledRunError
from modulo.protocols import Call, Limits, RunReport

__all__ = ["ThreadedSandbox", "default_slots"]

_T = TypeVar("_T")


def default_slots() -> int:
    """Runs at once: two at least, one for each processor, eight at most."""
    return max(2, min(8, os.cpu_count() or 2))


class ThreadedSandbox(ABC):
    """A `Sandbox` (see `modulo.protocols`) over a blocking `run_blocking`.

    Nothing is started before the first run, and a closed sandbox starts again at the next one.
    """

    name: str

    def __init__(self, slots: int | None = None) -> None:
        self.slots = slots or default_slots()
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._closing = threading.Event()

    @abstractmethod
    def run_blocking(
        self,
        program: str,
        *,
        entry: str,
        calls: Sequence[Call],
        limits: Limits,
        cancelled: Callable[[], bool],
    ) -> RunReport:
        """One run, in the calling thread. At most `slots` at a time.

        Raises:
            SandboxUnavailableError: see `modulo.protocols.Sandbox.run`.
            CancelledRunError: `cancelled` became true.
        """

    @abstractmethod
    def stop(self) -> None:
        """Stop what was started ahead or is kept running. No run is in progress. Idempotent."""

    async def run(self, program: str, *, entry: str, calls: Sequence[Call], limits: Limits) -> RunReport:
        """See `modulo.protocols.Sandbox.run`. Cancelling it ends the run's processes."""
        abandoned, closing = threading.Event(), self._closing

        def job() -> RunReport:
            return self.run_blocking(
                program,
                entry=entry,
                calls=calls,
                limits=limits,
                cancelled=lambda: abandoned.is_set() or closing.is_set(),
            )

        future = asyncio.wrap_future(self._pool().submit(job))
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
