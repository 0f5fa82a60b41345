"""Inside the sandbox: load a candidate's program and answer questions about it, one at a time.

Standard library alone: this file is part of the program that is shipped into the sandbox. Both directions of the
channel carry frames: four bytes, the length in network order, then that many bytes of JSON.

    guest → host   {"index": -2, "kind": "ready"}                         system calls are closed
    host → guest   {"kind", "program", "entry", "memory_mb", "cpu_seconds", "output_bytes", "processes"}
    guest → host   {"index": -2, "kind": "confined"}                      limits are set; or "broken", "error"
    guest → host   {"index": -1, "kind", "value", "error", "line"}        the program is loaded, or not
    host → guest   {"index": k, …}                                        only after reply k - 1
    guest → host   {"index": k, "kind", "value", "error", "line"}

Other kinds of reply are `value`, `raised`, `memory` and `output`. What a question holds depends on the kind of job:

    function   {"args", "kwargs"}     one call of the function `entry`
    objects    {"tell"}               something to do with the module's objects: `guest_objects.py`
    script     {"stdin"}              a run of the whole program from scratch: `guest_script.py`

Nothing here is secret and nothing here judges: the candidate shares the process and can forge any frame after
`confined`, which is to answer its own calls. It does not know what answer is expected, and the host checks each frame's
size, form and index.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from modulo.adapters.sandboxes import confine
from modulo.adapters.sandboxes.guest_objects import Objects
from modulo.adapters.sandboxes.guest_outcome import FILE, guarded, load_module
from modulo.adapters.sandboxes.guest_script import run_script
from modulo.tagged import decode

__all__ = ["PRELOAD", "main", "serve"]

PRELOAD = ("bisect", "collections", "functools", "heapq", "itertools", "math", "operator", "re", "string", "typing")
"""What candidates import most; loaded ahead where a process can be started ahead."""


class _Channel:
    """Frames over a connected stream socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._write = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode
        self._read = json.JSONDecoder().decode

    def send(self, message: dict[str, Any]) -> None:
        body = self._write(message).encode("ascii")
        self._connection.sendall(len(body).to_bytes(4, "big") + body)

    def receive(self) -> Any:
        length = int.from_bytes(self._exactly(4), "big")
        return self._read(self._exactly(length).decode("ascii"))

    def _exactly(self, count: int) -> bytes:
        pieces = []
        while count:
            piece = self._connection.recv(min(count, 1 << 20))
            if not piece:
                os._exit(0)  # the host is gone or done
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)


def main() -> None:
    """Serve on the socket that is this process's standard input, then exit."""
    connection = socket.socket(fileno=os.dup(0))
    isolate(connection.fileno())
    serve(connection)


def isolate(keep: int) -> None:
    """A session of its own, standard streams on `/dev/null`, an empty environment, no descriptor but `keep`."""
    if os.getpid() != os.getsid(0):
        os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(3, keep)
    os.closerange(keep + 1, 4096)
    os.environ.clear()
    sys.path[:] = [place for place in sys.path if place and not place.endswith("/guest")]


def serve(connection: socket.socket) -> None:
    """Take one job from the host, confine this process, and answer until the host is done. Never returns."""
    channel = _Channel(connection)
    try:
        confine.close_system_calls()
        channel.send({"index": -2, "kind": "ready"})
        job = channel.receive()
        confine.limit_resources(memory_mb=job["memory_mb"], cpu_seconds=job["cpu_seconds"], processes=job["processes"])
    except confine.ConfinementError as error:
        channel.send({"index": -2, "kind": "broken", "error": str(error)})
        os._exit(1)
    channel.send({"index": -2, "kind": "confined"})
    _KINDS[job["kind"]](channel, job, job["output_bytes"])
    os._exit(0)


def _answer_calls(channel: _Channel, job: dict[str, Any], size: int) -> None:
    loaded: list[Callable[..., object]] = []
    channel.send({"index": -1, **guarded(lambda: loaded.append(_entry(job)), size)})
    while loaded:
        call = channel.receive()
        args = [decode(item) for item in call["args"]]
        kwargs = {key: decode(item) for key, item in call["kwargs"].items()}
        channel.send({"index": call["index"], **guarded(lambda: loaded[0](*args, **kwargs), size)})  # noqa: B023


def _entry(job: dict[str, Any]) -> Callable[..., object]:
    entry: object = load_module(job["program"]).__dict__.get(job["entry"])
    if not callable(entry):
        raise NameError(f"the program does not define a function {job['entry']}")
    return entry


def _answer_objects(channel: _Channel, job: dict[str, Any], size: int) -> None:
    objects = Objects(channel.send, channel.receive, size)
    load = guarded(lambda: objects.load(job["program"]), size)
    channel.send({"index": -1, **load})
    if load["kind"] == "value":
        objects.serve()


def _answer_script(channel: _Channel, job: dict[str, Any], size: int) -> None:
    compiled: list[Any] = []
    channel.send(
        {
            "index": -1,
            **guarded(lambda: compiled.append(compile(job["program"], FILE, "exec", dont_inherit=True)), size),
        }
    )
    while compiled:
        question = channel.receive()
        reply = run_script(compiled[0], decode(question["stdin"]), size * 3 // 4)
        if reply["kind"] == "value":
            reply = guarded(lambda: reply["value"], size * 2)  # noqa: B023
        channel.send({"index": question["index"], **reply})


_KINDS: dict[str, Callable[[_Channel, dict[str, Any], int], None]] = {
    "function": _answer_calls,
    "objects": _answer_objects,
    "script": _answer_script,
}
