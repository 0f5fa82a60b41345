"""Inside the sandbox: the trusted processes between the host and one untrusted process at a time.

Standard library alone: this file is part of the program that is shipped into the sandbox. Three kinds of process:

    dispatcher   relays bytes; never looks at a job, never runs one
    zygote       forked before the dispatcher reads its first byte, so that what it hands down by fork holds nothing of
                 any job; forks guests and ends them (`cells.py`)
    guest        a fork of the zygote for one job (`guest.py`); the next one is forked as soon as the last one is swept,
                 and waits

Frames on the dispatcher's standard streams: one byte of kind, four bytes of length, the body.

    host → dispatcher   D bytes for the guest · K end it, sweep, fork the next
    dispatcher → host   D bytes from the guest · E it ended, or closed its channel · X swept; the body is JSON, what
                        `Cell.end` returned

The guest cannot write these frames: it holds one end of a socket pair and nothing else. When the host goes away,
standard input ends, and with the dispatcher the whole sandbox.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import socket

from modulo.adapters.sandboxes import confine, guest
from modulo.adapters.sandboxes.cells import Cell, NamespaceCell, UidCell

__all__ = ["main"]

_PIECE = 1 << 16


def main() -> None:
    """Serve the host on the standard streams until it goes away."""
    for module in guest.PRELOAD:
        importlib.import_module(module)
    cell: Cell = UidCell() if os.getuid() == 0 else NamespaceCell()
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        try:
            control.close()
            _breed(theirs, cell)
        finally:
            os._exit(1)
    theirs.close()
    confine.close_system_calls()
    if os.getuid() != 0:
        confine.drop_capabilities()
    _Relay(control).run()


def _breed(control: socket.socket, cell: Cell) -> None:
    """The zygote: hand over a guest, end it when asked to, and so on until the dispatcher goes away."""
    cell.enter()
    gc.collect()
    gc.freeze()
    while True:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            handle = os.pidfd_open(cell.start(theirs))
            socket.send_fds(control, [b"G"], [ours.fileno(), handle])
            os.close(handle)
        if not control.recv(1):
            return
        control.send(json.dumps(cell.end()).encode())


class _GoneError(Exception):
    """The host or the zygote went away."""


class _Relay:
    """The dispatcher's loop."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._guest: socket.socket | None = None
        self._pidfd: int | None = None
        self._awaited = True
        self._to_guest = bytearray()
        self._incoming = bytearray()

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
        for descriptor, _ in poll.poll():
            if descriptor == 0:
                self._take_frames()
                return  # the guest may be another now, and its descriptors have the old one's numbers
            if descriptor == self._control.fileno():
                self._adopt()
                return
            if self._guest is not None and descriptor == self._guest.fileno():
                self._serve_guest()
            elif descriptor == self._pidfd:
                self._drain()

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
            elif kind == b"K":
                self._sweep()
            del self._incoming[:end]

    def _adopt(self) -> None:
        """Take a new guest from the zygote."""
        message, descriptors, _, _ = socket.recv_fds(self._control, 1, 2)
        if not message:
            raise _GoneError
        self._awaited = False
        self._guest = socket.socket(fileno=descriptors[0])
        self._guest.setblocking(False)
        self._pidfd = descriptors[1]
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
        if self._awaited:
            self._adopt()
        self._forget()
        self._control.send(b"K")
        report = self._control.recv(4096)
        if not report:
            raise _GoneError
        self._awaited = True
        _send(b"X", report)


def _send(kind: bytes, body: bytes) -> None:
    data = memoryview(kind + len(body).to_bytes(4, "big") + body)
    while data:
        data = data[os.write(1, data) :]
