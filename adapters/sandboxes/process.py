"""A guest that is a child process of ours, with one end of a socket pair as its standard input and output."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from modulo.adapters.sandboxes.conversation import ChannelClosedError, Exit

__all__ = ["ProcessChannel", "children", "holds_more_than", "tree"]

_PIECE = 1 << 16
_WATCH_SECONDS = 0.02
_LAST_WORDS_SECONDS = 0.3
_PAGE = os.sysconf("SC_PAGE_SIZE")


class ProcessChannel:
    """A `Channel` to a child process. The backend says how to find and how to kill everything it started."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        uid: int | None,
        cwd: Path | str = "/",
        pass_fds: Sequence[int] = (),
    ) -> None:
        self._connection, theirs = socket.socketpair()
        self._memory: int | None = None
        self._over = self._ended = False
        self._watched = 0.0
        self._exit: Exit | None = None
        self._closing = threading.Lock()
        self.before_kill: Callable[[subprocess.Popen[bytes]], None] = lambda process: None
        self.after_kill: Callable[[], None] = lambda: None
        with theirs:
            try:
                # Groups are dropped before the uid, and the uid before the program is looked up.
                self.process = subprocess.Popen(
                    list(command),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.DEVNULL,
                    env=dict(environment),
                    cwd=cwd,
                    pass_fds=pass_fds,
                    start_new_session=True,
                    user=uid,
                    group=uid,
                    extra_groups=None if uid is None else [],
                )
            except BaseException:
                self._connection.close()
                raise

    def watch_memory(self, megabytes: int) -> None:
        """From now on end the run when its processes together hold more than this."""
        self._memory = megabytes * 2**20

    def send(self, data: bytes, deadline: float) -> None:
        """See `Channel.send`."""
        rest = memoryview(data)
        try:
            while rest:
                self._connection.settimeout(max(deadline - time.monotonic(), 1e-6))
                rest = rest[self._connection.send(rest[:_PIECE]) :]
        except TimeoutError:
            raise
        except OSError:
            raise ChannelClosedError from None

    def receive(self, deadline: float) -> bytes:
        """See `Channel.receive`."""
        self._watch()
        try:
            self._connection.settimeout(max(deadline - time.monotonic(), 1e-6))
            piece = self._connection.recv(_PIECE)
        except TimeoutError:
            raise
        except OSError:
            piece = b""
        self._ended = self._ended or not piece
        return piece

    def close(self) -> Exit:
        """See `Channel.close`."""
        with self._closing:
            if self._exit is None:
                self._exit = self._kill()
            return self._exit

    def _kill(self) -> Exit:
        # A guest that is ending by itself gets the moment it needs to say how; one that is not gets nothing more.
        if self._ended:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_LAST_WORDS_SECONDS)
        ended = self.process.poll()
        self.before_kill(self.process)
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.process.kill()
        code = self.process.wait()
        self.after_kill()
        self._connection.close()
        if ended is None:
            return Exit(memory=self._over)
        return self._as_exit(code)

    def _as_exit(self, code: int) -> Exit:
        if code < 0:
            return Exit(signal=-code, memory=self._over)
        if code > 128:  # what bwrap, like a shell, makes of a signal
            return Exit(signal=code - 128, memory=self._over)
        return Exit(code=code, memory=self._over)

    def _watch(self) -> None:
        now = time.monotonic()
        if self._memory is None or now - self._watched < _WATCH_SECONDS:
            return
        self._watched = now
        if holds_more_than(self._memory, tree(self.process.pid)):
            self._over = True
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


def tree(pid: int) -> list[int]:
    """`pid` and all its descendants that have not left it, `pid` first."""
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        found.append(parent)
        todo += children(parent)
    return found


def children(pid: int) -> list[int]:
    """The processes that this one has started, or been left with; none if it is gone."""
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def holds_more_than(limit: int, pids: Sequence[int]) -> bool:
    """Whether these processes together hold more than so many bytes; what they share with others counts in part."""
    return sum(map(_resident, pids)) > limit and sum(map(_proportional, pids)) > limit


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    """A process's own memory and its share of what it shares; slower to find, and not for every user to see."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return _resident(pid)
