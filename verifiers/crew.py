"""The workers of a pool: taken for a job, given back when it has ended well, killed when it has not."""

from __future__ import annotations

import os
import signal
import threading

from modulo.verifiers.workers import Worker, Zygote

__all__ = ["Crew"]

_MAX_JOBS = 2000
_Z3_OUT_OF_MEMORY = 101


class Crew:
    """Processes of at most `memory_mb` MiB of address space each, forked as they are needed. For any thread."""

    def __init__(self, preload: tuple[str, ...], memory_mb: int) -> None:
        self.preload, self.memory_mb = preload, memory_mb
        self._zygote: Zygote | None = None
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._idle: list[Worker] = []

    def begin_again(self) -> None:
        """In a forked child, which must not talk to the parent's workers nor keep them alive."""
        if self._zygote is not None:
            self._zygote.disown()
            self._zygote = None
        self._begin()

    def close(self) -> None:
        """Kill them all. Idempotent; no job may be running."""
        self._idle.clear()
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def take(self, *, fresh: bool = False) -> Worker:
        """For a job: an idle worker, or a new one; a `fresh` one has served nobody.

        Raises:
            WorkerError: none can be started.
        """
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return self._living_zygote().fork()
            if not fresh and not worker.zygote.broken and worker.quiet():
                return worker
            self.retire(worker)

    def give_back(self, worker: Worker) -> None:
        """For a job that has ended well: its worker may serve another."""
        worker.jobs += 1
        if worker.jobs >= _MAX_JOBS:
            self.retire(worker)
        else:
            with self._lock:
                self._idle.append(worker)

    def retire(self, worker: Worker) -> None:
        """Kill a worker."""
        worker.zygote.kill(worker)

    def ran_out_of_memory(self, status: int, peak: int) -> bool:
        """Whether a worker ended as native code does at its limit: in its own way, or aborting while it is large.

        Args:
            status: its wait status.
            peak: its largest resident size in KiB.
        """
        if os.WIFEXITED(status):
            return os.WEXITSTATUS(status) == _Z3_OUT_OF_MEMORY
        crashed = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGABRT, signal.SIGSEGV)
        return crashed and peak >= self.memory_mb * 1024 // 2

    def _living_zygote(self) -> Zygote:
        with self._starting:
            if self._zygote is not None and self._zygote.broken:
                self._zygote.close()
                self._zygote = None
            if self._zygote is None:
                self._zygote = Zygote(self.preload, self.memory_mb)
            return self._zygote
