"""The process that forks verifier workers, and the loop that runs in each of them. Standard library only.

One *zygote* stands between a pool and its workers. It is single-threaded, imports the heavy modules once, and then
forks a worker in milliseconds whenever the pool asks. Three things follow from the zygote, not the pool, being the
workers' parent: a fork never copies a lock some other thread holds; `PR_SET_PDEATHSIG`, which fires when the parent
*thread* ends, cannot fire early; and a worker is killed and reaped by the only process that may reap it, so a process
id is never used after it was given to somebody else.

Control messages are one datagram each, on a `SOCK_SEQPACKET` pair. Jobs are frames on a stream socket between the pool
and the worker: a 4-byte big-endian length, a 4-byte number, and as many bytes of ASCII JSON. The number is the job's;
a frame with another one is no answer to it. First comes the job `[function, payload]`, then
any number of questions `{"ask": …}`, each followed by its answer, then `{"ok": …}`, `{"error": …}` or
`{"memory": true}`.

A chunk of items is a job `[function, payload, items]` of a generator function. It is answered by a frame an item, the
seconds it took and its value, as `0.000123 {…}`, each sent as soon as it is there: an item that never ends takes no
other with it. Before them comes `ready`, once what is done for all items is done. A frame that is an object, as above,
ends the chunk: it is about the item whose turn it was.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any

__all__ = ["HEADER", "MAX_ANSWER", "MAX_PAYLOAD", "READY", "ask", "main", "receive_frame", "send_frame"]

MAX_PAYLOAD = 16_000_000
"""Bytes of one encoded job."""

MAX_ANSWER = 4_000_000
"""Bytes of one encoded answer."""

HEADER = struct.Struct(">II")
"""Length and number of a frame."""
_PR_SET_PDEATHSIG = 1
_NICE = 10
"""Niceness of a worker that made way: a tenth of the weight of one that did not. At 19 it would starve."""
READY = b"ready"
"""First message of a zygote, and first frame that answers a chunk."""
_MEMORY = b'{"memory": true}'
_ENCODER = json.JSONEncoder(allow_nan=False)


def send_frame(sock: socket.socket, number: int, data: bytes) -> None:
    """Send one frame of job `number`.

    Raises:
        OSError: the peer is gone, or the socket's timeout ran out (`TimeoutError`).
    """
    sock.sendall(HEADER.pack(len(data), number) + data)


def receive_frame(sock: socket.socket, limit: int, deadline: float | None = None) -> tuple[int, bytes]:
    """Receive one frame of at most `limit` bytes, by `deadline` on the monotonic clock: its number and its content.

    Raises:
        EOFError: the peer closed the connection.
        TimeoutError: the deadline passed.
        ValueError: the peer announced a longer frame.
        OSError: the connection broke.
    """
    size, number = HEADER.unpack(_exactly(sock, HEADER.size, deadline))
    if size > limit:
        raise ValueError(f"frame of {size} bytes, the limit is {limit}")
    return number, _exactly(sock, size, deadline)


def _exactly(sock: socket.socket, size: int, deadline: float | None) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            sock.settimeout(left)
        part = sock.recv(min(size - len(parts), 1 << 16))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


_connection: list[socket.socket] = []
"""A worker's socket to its pool."""

_number: list[int] = [0]
"""Of the job that runs."""


def ask(request: Any) -> Any:
    """Called by a job in a worker: put a question to whoever gave the job, and wait for the answer.

    Both are JSON. See `Pool.run_sync`, whose `answer` function it reaches.

    Raises:
        ConnectionError: nobody answers any more; let it end the job.
    """
    try:
        send_frame(_connection[0], _number[0], json.dumps({"ask": request}, allow_nan=False).encode("ascii"))
        return json.loads(receive_frame(_connection[0], MAX_PAYLOAD)[1])
    except (EOFError, OSError) as error:
        raise ConnectionError("nobody answers any more") from error


def main(control_fd: int, memory_mb: int, preload: list[str]) -> None:
    """Import `preload`, then fork and kill workers as the control socket says, until it is closed.

    Messages in: `fork`, answered `forked <pid>` with the worker's socket attached, or a reason without one;
    `yield <pid>`, which lets that worker run after the others for good and is answered `yielded`; `kill <pid>`, which
    kills it, to be reaped when it has died, and is answered `killed`; and `end <pid>`, which waits for that and is
    answered `ended <status> <largest resident size in KiB>`, the status as `os.waitpid` gives it. The first message
    out is `ready`, or `failed <reason>` if an import failed.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    control = socket.socket(fileno=control_fd)
    try:
        for module in preload:
            importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - whatever an import raises, the pool must hear of it
        control.send(f"failed {type(error).__name__}: {error}".encode("utf-8", "replace")[:2000])
        return
    gc.collect()
    gc.freeze()
    control.send(READY)
    children: set[int] = set()
    try:
        _command_loop(control, memory_mb, children)
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)


def _command_loop(control: socket.socket, memory_mb: int, children: set[int]) -> None:
    doomed: set[int] = set()
    while message := control.recv(64):
        doomed -= {pid for pid in doomed if os.waitpid(pid, os.WNOHANG)[0]}
        command, _, argument = message.partition(b" ")
        if command == b"fork":
            _fork(control, memory_mb, children)
        elif command == b"end" and int(argument) in children:
            pid = int(argument)
            os.kill(pid, signal.SIGKILL)
            _, status, usage = os.wait4(pid, 0)
            children.discard(pid)
            control.send(b"ended %d %d" % (status, usage.ru_maxrss))
        elif command == b"kill":
            # Not waited for: one that had made way may take its time to die, and others want to be forked.
            if int(argument) in children:
                os.kill(int(argument), signal.SIGKILL)
                children.discard(int(argument))
                doomed.add(int(argument))
            control.send(b"killed")
        elif command == b"yield":
            if int(argument) in children:
                _make_way(int(argument))
            control.send(b"yielded")
        else:
            control.send(b"ended 0 0")


def _make_way(pid: int) -> None:
    """Lower the priority of every thread of a process, for on Linux each has its own."""
    with contextlib.suppress(OSError):  # it ended, or there is no /proc
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(thread), _NICE)


def _fork(control: socket.socket, memory_mb: int, children: set[int]) -> None:
    zygote = os.getpid()
    ours, theirs = socket.socketpair()
    try:
        pid = os.fork()
    except OSError as error:  # too many processes, or no memory
        ours.close()
        theirs.close()
        control.send(str(error).encode("utf-8", "replace")[:200])
        return
    if pid == 0:
        # Nothing may unwind into the zygote's own loop: the child leaves by _exit whatever happens.
        try:
            control.close()
            theirs.close()
            _become_worker(zygote, memory_mb)
            _serve(ours)
        finally:
            os._exit(70)
    children.add(pid)
    socket.send_fds(control, [b"forked %d" % pid], [theirs.fileno()])
    ours.close()
    theirs.close()


def _become_worker(zygote: int, memory_mb: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != zygote:  # the zygote died between the fork and the line above
            os._exit(70)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # should the machine run out of memory, it is a worker that goes
    size = memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A checker has no business writing files: whatever a solver is talked into, the file stays empty.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.dont_write_bytecode = True


def _serve(sock: socket.socket) -> None:
    functions: dict[str, Any] = {}
    _connection.append(sock)
    while True:
        try:
            _number[0], request = receive_frame(sock, MAX_PAYLOAD)
        except (EOFError, OSError):
            os._exit(0)
        try:
            fault = _respond(sock, functions, request)
        except OSError:  # nobody listens any more, which the next turn finds out
            continue
        if fault is not None:
            with contextlib.suppress(OSError):
                send_frame(sock, _number[0], fault)
            if fault == _MEMORY:
                os._exit(0)


def _respond(sock: socket.socket, functions: dict[str, Any], request: bytes) -> bytes | None:
    """Answer one job or one chunk; what is returned is the frame of a fault, still to be sent.

    Raises:
        OSError: the pool does not listen any more.
    """
    name = "the job"
    try:
        name, payload, *chunk = json.loads(request)
        if name not in functions:
            module, _, attribute = name.partition(":")
            functions[name] = getattr(importlib.import_module(module), attribute)
        if chunk:
            candidates = _Candidates(sock, chunk[0])
            encoded = _each(functions[name]({**payload, "candidates": candidates}), len(chunk[0]))
        else:
            encoded = iter([(b"", b'{"ok": ' + _encode(functions[name](payload)) + b"}")])
        for head, data in encoded:
            if len(data) > MAX_ANSWER:
                return _fault(f"the answer of {name} is {len(data)} bytes long")
            try:
                send_frame(sock, _number[0], head + data)
            except OSError as error:
                raise _SendError from error
        return None
    except _SendError as error:
        raise OSError from error
    except MemoryError:
        return _MEMORY
    except BaseException as error:  # noqa: BLE001 - a checker that calls exit() is a fault to report too
        return _fault(f"{type(error).__name__}: {error}")


class _Candidates:
    """The candidates of a chunk. When a check asks for the first, what it does for all of them is done; the pool hears
    of it, since that time is no candidate's own."""

    def __init__(self, sock: socket.socket, texts: list[str]) -> None:
        self._sock, self._texts = sock, texts

    def __iter__(self) -> Iterator[str]:
        try:
            send_frame(self._sock, _number[0], READY)
        except OSError as error:
            raise _SendError from error
        return iter(self._texts)


class _SendError(Exception):
    """Tells a lost connection from an `OSError` of the job."""


def _each(values: Iterator[Any], count: int) -> Iterator[tuple[bytes, bytes]]:
    """`count` items of a generator, each with the seconds it took."""
    before = time.perf_counter()
    for position in range(count):
        try:
            value = next(values)
        except StopIteration:
            raise ValueError(f"{position} results for {count} candidates") from None
        data = _encode(value)
        now = time.perf_counter()
        yield b"%.6f " % (now - before), data
        before = now


def _encode(value: Any) -> bytes:
    return _ENCODER.encode(value).encode("ascii")


def _fault(message: str) -> bytes:
    return json.dumps({"error": message[:2000]}).encode("ascii")
