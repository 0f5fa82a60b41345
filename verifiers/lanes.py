"""Whose turn it is: a few slots, and a slow lane beside them for jobs that turn out long.

A job that holds a slot for longer than a quantum while others wait steps aside: it goes on at a lower priority until
its own deadline, and its slot goes to the next. So a job that hangs costs the others a quantum, not its deadline. The
slow lane is bounded; when it is full, long jobs keep their slots and the others wait.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from modulo.errors import WorkerError

__all__ = ["Lanes", "Turn"]


class Turn(ABC):
    """What takes a slot. `since` is when the present piece of its work began; `None`: not begun, or done."""

    since: float | None = None
    aside = False

    @property
    @abstractmethod
    def blocks(self) -> bool:
        """Whether work of its own waits behind the present piece."""

    @abstractmethod
    def run(self) -> None:
        """Do the work, in a thread of the lanes. Raises nothing."""

    @abstractmethod
    def step_aside(self) -> Turn | None:
        """Set `aside` and give what waits behind the present piece, as a turn; `None` if there is none. Cheap."""

    @abstractmethod
    def make_way(self) -> None:
        """Lower the priority of what runs. Called after `step_aside`, and may block shortly."""

    @abstractmethod
    def cancel(self) -> None:
        """Make `run` end soon, whether or not it has begun. Does not block."""


class Lanes:
    """Runs turns in order of arrival, in at most `slots + slow` threads.

    Args:
        slots: turns that run at once.
        slow: turns that may go on beside them.
        quantum: seconds of one piece of work after which a turn can be asked to step aside.
    """

    def __init__(self, slots: int, *, slow: int, quantum: float) -> None:
        self.slots, self._slow, self._quantum = slots, slow, quantum
        self._executor = ThreadPoolExecutor(slots + slow, thread_name_prefix="modulo-verifier")
        self._changed = threading.Condition(threading.Lock())
        self._free, self._aside = slots, 0
        self._waiting: OrderedDict[Turn, None] = OrderedDict()
        self._running: set[Turn] = set()
        self._watcher: threading.Thread | None = None
        self._watching = False
        self._closed = False

    def submit(self, turn: Turn) -> None:
        """Queue a turn.

        Raises:
            WorkerError: the lanes are closed.
        """
        with self._changed:
            if self._closed:
                raise WorkerError("the pool of verifier workers is closed")
            self._waiting[turn] = None
            self._start_waiting()

    def withdraw(self, turn: Turn) -> bool:
        """Take back a turn that has not started: whether it had not."""
        with self._changed:
            return self._waiting.pop(turn, turn) is None

    @property
    def crowded(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    def close(self) -> None:
        """Cancel everything and wait until it has ended. Idempotent."""
        with self._changed:
            self._closed = True
            turns = [*self._waiting, *self._running]
            self._changed.notify_all()
        for turn in turns:
            turn.cancel()
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._running)
        self._executor.shutdown(wait=True)
        if self._watcher is not None:
            self._watcher.join()

    def _start_waiting(self) -> None:
        while self._free and self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            self._free -= 1
            self._running.add(turn)
            self._executor.submit(self._work, turn)
        if not self._watching and not self._closed and self._pressed():
            self._watching = True
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="modulo-verifier-lanes", daemon=True)
                self._watcher.start()
            self._changed.notify_all()

    def _pressed(self) -> bool:
        return bool(self._waiting) or any(turn.blocks for turn in self._running)

    def _work(self, turn: Turn) -> None:
        try:
            turn.run()
        finally:
            with self._changed:
                self._running.discard(turn)
                if turn.aside:
                    self._aside -= 1
                else:
                    self._free += 1
                self._start_waiting()
                if self._closed:
                    self._changed.notify_all()

    def _watch(self) -> None:
        while True:
            with self._changed:
                while not self._closed and not self._pressed():
                    self._watching = False
                    self._changed.wait()
                if self._closed:
                    return
                self._changed.wait(self._quantum / 2)
                moved = self._move_over()
            for turn in moved:
                turn.make_way()

    def _move_over(self) -> list[Turn]:
        """Ask those that took too long to step aside, the longest first, and start what waited behind them."""
        if self._closed:
            return []
        started = {turn: turn.since for turn in self._running}
        limit = time.monotonic() - self._quantum
        late = [t for t, since in started.items() if since is not None and since < limit and not t.aside]
        moved = []
        for turn in sorted(late, key=lambda t: started[t] or 0.0):
            if self._aside >= self._slow or not (self._waiting or turn.blocks):
                break
            rest = turn.step_aside()
            if not turn.aside:  # it has just ended
                continue
            self._aside += 1
            self._free += 1
            moved.append(turn)
            if rest is not None:
                self._waiting[rest] = None
                self._waiting.move_to_end(rest, last=False)
            self._start_waiting()
        return moved
