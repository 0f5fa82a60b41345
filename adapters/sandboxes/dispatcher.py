"""Inside the sandbox: the trusted processes between the host and one untrusted process at a time.

Standard library alone: this file is part of the program that is shipped into the sandbox. Three kinds of process:

    dispatcher   relays bytes; never looks at a job, never runs one
    zygote       forked before the dispatcher reads its first byte, so that what it hands down by fork holds nothing of
                 any job; forks guests and ends them (`cells.py`)
    guest        a fork of the zygote for one job (`guest.py`); the next one is forked as soon as the last one is swept,
                 and waits

Frames on the dispatcher's standard streams: one byte of kind, four bytes of length, the body.

    host → dispatcher   D bytes for the guest · P a number of frames in four bytes, and a question: bytes for the guest
                        once it has sent so many frames · K the guest's number in four bytes: end it, sweep, fork the
                        next (of a guest that is gone already: nothing)
    dispatcher → host   D bytes from the guest · E it ended, or closed its channel · F it sent more than the frames
                        after which the next P was due, and nothing more of it is passed on · X swept; the body is
                        JSON, what `Cell.end` returned

After the reply to the last P the guest is swept without a K: a run whose questions are all known costs the host one
message each way, and still no question is seen before the reply to the one before it. Of the guest's bytes the
dispatcher reads lengths alone; to believe them is the host's matter.

The guest cannot write these frames: it holds one end of a socket pair and nothing else. When the host goes away,
standard input ends, and with the dispatcher the whole sandbox.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import time
from collections import deque

from modulo.adapters.sandboxes import confine, guest
from modulo.adapters.sandboxes.cells import Cell, NamespaceCell, UidCell

__all__ = ["main"]

_PIECE = 1 << 16
_GATHER_MS = 5
"""How long replies wait for the next one, to go to the host together."""


def main() -> None:
    """Serve the host on the standard streams until it goes away."""
    for module in guest.PRELOAD:
        importlib.import_module(module)
    if "GVISOR" in os.environ:
        confine.expect_gvisor()
    cell: Cell = UidCell() if os.getuid() == 0 else NamespaceCell()
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        try:
            control.close()
            _breed(theirs, cell)
        finally:
            os._exit(1)
    theirs.close()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no orphan that comes to this process stays as a zombie
    confine.close_system_calls()
    if os.getuid() != 0:
        confine.drop_capabilities()
    _Relay(control).run()


def _breed(control: socket.socket, cell: Cell) -> None:
    """The zygote: hand over a guest, end it when asked to, and so on until the dispatcher goes away."""
    cell.enter()
    os.environ.clear()  # as every guest does: here it is done for all of them
    gc.collect()
    gc.freeze()
    while True:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            handles = _handles(cell.start(theirs))
            socket.send_fds(control, [b"G"], [ours.fileno(), *handles])
            for handle in handles:
                os.close(handle)
        if not control.recv(1):
            return
        control.send(json.dumps(cell.end()).encode())


def _handles(pid: int) -> list[int]:
    """A handle by which an early death shows at once; without one (gVisor) it shows by the channel, or the deadline."""
    try:
        return [os.pidfd_open(pid)]
    except OSError:
        return []


class _GoneError(Exception):
    """The host or the zygote went away."""


class _FrameCounter:
    """Counts the whole frames in the guest's bytes: four bytes of length, and as many bytes."""

    def __init__(self) -> None:
        self.frames = 0
        self._header = bytearray()
        self._left = 0

    def count(self, piece: bytes, up_to: int | None) -> int:
        """Go on counting through `piece`, to the end of frame `up_to` at most; returns how many bytes that were."""
        place = 0
        while place < len(piece) and self.frames != up_to:
            if self._left == 0:
                taken = piece[place : place + 4 - len(self._header)]
                self._header += taken
                place += len(taken)
                if len(self._header) < 4:
                    break
                self._left = int.from_bytes(self._header, "big")
                self._header.clear()
            step = min(self._left, len(piece) - place)
            place += step
            self._left -= step
            if self._left == 0:
                self.frames += 1
        return place


class _Relay:
    """The dispatcher's loop."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._guest: socket.socket | None = None
        self._pidfd: int | None = None
        self._awaited = True
        self._number = 0
        self._counter = _FrameCounter()
        self._questions: deque[tuple[int, bytes]] = deque()
        self._to_guest = bytearray()
        self._incoming = bytearray()
        self._to_host = bytearray()
        self._since = 0.0

    def run(self) -> None:
        try:
            while True:
                self._round()
        except _GoneError:
            return

    def _round(self) -> None:
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(self._control, select.POLLIN)
        if self._guest is not None:
            poll.register(self._guest, select.POLLIN | (select.POLLOUT if self._to_guest else 0))
        if self._pidfd is not None:
            poll.register(self._pidfd, select.POLLIN)
        ready = poll.poll(_GATHER_MS if self._to_host else None)
        for descriptor, _ in ready:
            if descriptor == 0:
                self._take_frames()
                break  # the guest may be another now, and its descriptors have the old one's numbers
            if descriptor == self._control.fileno():
                self._adopt()
                break
            if self._guest is not None and descriptor == self._guest.fileno():
                self._serve_guest()
            elif descriptor == self._pidfd:
                self._drain()
        # While there are questions the host waits for nothing but the last reply, or its own clock.
        late = not ready or time.monotonic() - self._since > _GATHER_MS / 1000
        if self._to_host and (not self._questions or late or len(self._to_host) > _PIECE):
            self._flush()

    def _take_frames(self) -> None:
        piece = os.read(0, _PIECE)
        if not piece:
            raise _GoneError
        self._incoming += piece
        while len(self._incoming) >= 5:
            kind, end = self._incoming[:1], 5 + int.from_bytes(self._incoming[1:5], "big")
            if len(self._incoming) < end:
                return
            if kind == b"D":
                self._to_guest += self._incoming[5:end]
                self._feed()
            elif kind == b"P":
                self._questions.append((int.from_bytes(self._incoming[5:9], "big"), bytes(self._incoming[9:end])))
            elif kind == b"K" and int.from_bytes(self._incoming[5:end], "big") == self._number:
                self._sweep()
            del self._incoming[:end]

    def _adopt(self) -> None:
        """Take a new guest from the zygote."""
        message, descriptors, _, _ = socket.recv_fds(self._control, 1, 2)
        if not message:
            raise _GoneError
        self._awaited = False
        self._counter = _FrameCounter()
        self._guest = socket.socket(fileno=descriptors[0])
        self._guest.setblocking(False)
        self._pidfd = descriptors[1] if len(descriptors) > 1 else None
        self._feed()

    def _feed(self) -> None:
        """Send what there is for the guest, without blocking on it."""
        try:
            while self._guest is not None and self._to_guest:
                sent = self._guest.send(self._to_guest[:_PIECE])
                del self._to_guest[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._to_guest.clear()

    def _serve_guest(self) -> bool:
        """Move bytes both ways without blocking on the guest. Returns whether it sent some."""
        assert self._guest is not None
        self._feed()
        try:
            piece = self._guest.recv(_PIECE)
        except BlockingIOError:
            return False
        except OSError:
            piece = b""
        if not piece:
            self._end()
            return False
        due = self._questions[0][0] if self._questions else None
        end = self._counter.count(piece, due)
        self._say(b"D", piece[:end])
        if due is not None and self._counter.frames == due:
            self._ask_next(early=end < len(piece))
        return True

    def _ask_next(self, early: bool) -> None:
        assert self._guest is not None
        if not early:
            try:
                early = bool(self._guest.recv(1, socket.MSG_PEEK))
            except OSError:  # nothing there, as it should be; or gone, which the next look shows
                early = False
        _, question = self._questions[0]
        if not question:
            self._sweep()
        elif early:
            self._forget()
            self._say(b"F", b"")
        else:
            self._questions.popleft()
            self._to_guest += question
            self._feed()

    def _drain(self) -> None:
        # Bounded: what a dead guest left in the socket is less, and its children may send for ever.
        for _ in range(64):
            if self._guest is None or not self._serve_guest():
                break
        if self._guest is not None:
            self._end()

    def _end(self) -> None:
        self._forget()
        self._say(b"E", b"")

    def _forget(self) -> None:
        if self._guest is not None:
            self._guest.close()
            self._guest = None
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        self._to_guest.clear()
        self._questions.clear()

    def _sweep(self) -> None:
        if self._awaited:
            self._adopt()
        self._forget()
        self._control.send(b"K")
        report = self._control.recv(4096)
        if not report:
            raise _GoneError
        self._awaited = True
        self._number += 1
        self._say(b"X", report)

    def _say(self, kind: bytes, body: bytes) -> None:
        if not self._to_host:
            self._since = time.monotonic()
        self._to_host += kind + len(body).to_bytes(4, "big") + body

    def _flush(self) -> None:
        data = memoryview(bytes(self._to_host))
        self._to_host.clear()
        while data:
            data = data[os.write(1, data) :]
