"""Inside the container: the trusted process between the host and one untrusted process at a time.

Standard library alone: shipped into the image. Three kinds of process:

    dispatcher   root of the container; relays bytes; never looks at a job, never runs one
    zygote       root of the container; forked before the dispatcher reads its first byte, so that what it hands down by
                 fork holds nothing of any job; forks, reaps, sweeps
    guest        a fork of the zygote for one job, under a uid that nobody else has (`guest.py`); the next one is
                 forked as soon as the last one is swept, and waits

Frames on the container's standard streams: one byte of kind, four bytes of length, the body.

    host → dispatcher   D bytes for the guest · K end it, sweep, fork the next
    dispatcher → host   D bytes from the guest · E it ended, or closed its channel · X swept; the body is JSON of
                        `status` (wait status), `clean` (nothing left on disk), `memory` (the kernel ran out of it)

The guest cannot write these frames: it holds one end of a socket pair and nothing else. When the host goes away,
standard input ends, and with the dispatcher the whole container.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from modulo.adapters.sandboxes import guest
from modulo.adapters.sandboxes.uids import spare_uids
from modulo.adapters.sandboxes.wipe import wipe

__all__ = ["main"]

_PIECE = 1 << 16
_PR_SET_CHILD_SUBREAPER = 36
_SCRATCH = "/tmp"


def main() -> None:
    """Serve the host on the standard streams until it goes away."""
    for module in guest.PRELOAD:
        importlib.import_module(module)
    control, theirs = socket.socketpair()
    if os.fork() == 0:
        control.close()
        _zygote(theirs)
        os._exit(0)
    theirs.close()
    _Relay(control).run()


class _Relay:
    """The dispatcher's loop."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._guest: socket.socket | None = None
        self._pidfd: int | None = None
        self._to_guest = bytearray()
        self._incoming = bytearray()

    def run(self) -> None:
        self._start()
        while True:
            poll = select.poll()
            poll.register(0, select.POLLIN)
            if self._guest is not None:
                poll.register(self._guest, select.POLLIN | (select.POLLOUT if self._to_guest else 0))
            if self._pidfd is not None:
                poll.register(self._pidfd, select.POLLIN)
            for descriptor, _ in poll.poll():
                if descriptor == 0:
                    piece = os.read(0, _PIECE)
                    if not piece:
                        return
                    self._incoming += piece
                    self._take_frames()
                    break  # the guest may be another now, and its descriptors have the old one's numbers
                if self._guest is not None and descriptor == self._guest.fileno():
                    self._serve_guest()
                elif descriptor == self._pidfd:
                    self._drain()

    def _take_frames(self) -> None:
        while len(self._incoming) >= 5:
            kind, length = self._incoming[:1], int.from_bytes(self._incoming[1:5], "big")
            if len(self._incoming) < 5 + length:
                return
            body = bytes(self._incoming[5 : 5 + length])
            del self._incoming[: 5 + length]
            if kind == b"D":
                self._to_guest += body
            elif kind == b"K":
                self._sweep()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        socket.send_fds(self._control, [b"J"], [theirs.fileno()])
        theirs.close()
        pid = int(self._control.recv(64))
        ours.setblocking(False)
        self._guest = ours
        with suppress(OSError):  # an old engine's filter: then an early death shows at the deadline only
            self._pidfd = os.pidfd_open(pid)

    def _serve_guest(self) -> bool:
        """Move bytes both ways without blocking on the guest. Returns whether it sent some."""
        assert self._guest is not None
        try:
            if self._to_guest:
                sent = self._guest.send(self._to_guest[:_PIECE])
                del self._to_guest[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._to_guest.clear()
        try:
            piece = self._guest.recv(_PIECE)
        except BlockingIOError:
            return False
        except OSError:
            piece = b""
        if piece:
            _send(b"D", piece)
        else:
            self._end()
        return bool(piece)

    def _drain(self) -> None:
        # Bounded: what a dead guest left in the socket is less, and its children may send for ever.
        for _ in range(64):
            if self._guest is None or not self._serve_guest():
                break
        if self._guest is not None:
            self._end()

    def _end(self) -> None:
        self._forget()
        _send(b"E", b"")

    def _forget(self) -> None:
        if self._guest is not None:
            self._guest.close()
            self._guest = None
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        self._to_guest.clear()

    def _sweep(self) -> None:
        self._forget()
        self._control.send(b"K")
        _send(b"X", self._control.recv(4096))
        self._start()


def _send(kind: bytes, body: bytes) -> None:
    data = memoryview(kind + len(body).to_bytes(4, "big") + body)
    while data:
        data = data[os.write(1, data) :]


def _zygote(control: socket.socket) -> None:
    """Fork a guest on J, end everything of its uid on K, until the dispatcher goes away."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)
    uid, sweeper = spare_uids(2)
    child, out_of_memory = 0, 0
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if message == b"J":
            out_of_memory = _memory_kills()
            child = os.fork()
            if child == 0:
                control.close()
                _become_guest(descriptors[0], uid)
            os.close(descriptors[0])
            control.send(str(child).encode())
        else:
            report = _end_all(child, uid, sweeper)
            report["memory"] = _memory_kills() > out_of_memory
            control.send(json.dumps(report).encode())


def _become_guest(descriptor: int, uid: int) -> None:
    try:
        os.setsid()
        with suppress(OSError):  # when the container runs out of memory, let it not be the dispatcher
            Path("/proc/self/oom_score_adj").write_text("1000")
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os.chdir(_SCRATCH)
        connection = socket.socket(fileno=descriptor)
        guest.isolate(descriptor)
        guest.serve(connection)
    finally:
        os._exit(1)


def _memory_kills() -> int:
    """How many processes of this container the kernel has killed for want of memory."""
    for place in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        with suppress(OSError):
            for line in Path(place).read_text().splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
    return 0


def _end_all(child: int, uid: int, sweeper: int) -> dict[str, object]:
    """Kill and reap every process of `uid`, and wipe what it wrote.

    Orphans come to the zygote, a subreaper; so when it has no child left, no process of the job is left.

    Returns:
        `status`, the wait status of `child`; `clean`, whether nothing of the job is left on disk.
    """
    status: int | None = None
    while True:
        helper = _as(uid, sweeper, _kill_all)
        os.waitpid(helper, 0)
        for _ in range(100):
            try:
                pid, code = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                if os.listdir(_SCRATCH):
                    os.waitpid(_as(uid, sweeper, lambda: wipe(_SCRATCH)), 0)
                return {"status": status, "clean": not os.listdir(_SCRATCH)}
            if pid == child:
                status = code
            if pid == 0:
                time.sleep(0.0003)


def _as(uid: int, sweeper: int, action: Callable[[], None]) -> int:
    """Fork `action` with the rights of `uid` (effective), safe from its signals (real and saved are another's)."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(sweeper, uid, sweeper)
            action()
        finally:
            os._exit(0)
    return pid


def _kill_all() -> None:
    os.kill(-1, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit("start it through the container's command")
