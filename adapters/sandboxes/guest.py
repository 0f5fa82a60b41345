"""Inside the sandbox: load a candidate's program and answer calls of it, one at a time.

Standard library alone: this file is part of the program that is shipped into the sandbox. Both directions of the
channel carry frames: four bytes, the length in network order, then that many bytes of JSON.

    guest → host   {"index": -2, "kind": "ready"}                         system calls are closed
    host → guest   {"program", "entry", "memory_mb", "cpu_seconds", "output_bytes", "processes"}
    guest → host   {"index": -2, "kind": "confined"}                      limits are set; or "broken", "error"
    guest → host   {"index": -1, "kind", "value", "error", "line"}        the program is loaded, or not
    host → guest   {"index": k, "args", "kwargs"}                         only after reply k - 1
    guest → host   {"index": k, "kind", "value", "error", "line"}

Other kinds are `value`, `raised`, `memory` and `output`. Nothing here is secret and nothing here judges: the candidate
shares the process and can forge any frame after `confined`, which is to answer its own calls. It does not know what
answer is expected, and the host checks each frame's size, form and index.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import types
from collections.abc import Callable
from typing import Any

from modulo.adapters.sandboxes import confine
from modulo.tagged import TaggedError, decode, encode

__all__ = ["PRELOAD", "main", "serve"]

PRELOAD = ("bisect", "collections", "functools", "heapq", "itertools", "math", "operator", "re", "string", "typing")
"""What candidates import most; loaded ahead where a process can be started ahead."""

_FILE = "candidate.py"
_ERROR_TEXT = 500


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
    size: int = job["output_bytes"]
    loaded: list[Callable[..., object]] = []
    channel.send({"index": -1, **_guarded(lambda: loaded.append(_load(job)), size)})
    if loaded:
        _answer(channel, loaded[0], size)
    os._exit(0)


def _answer(channel: _Channel, function: Callable[..., object], size: int) -> None:
    while True:
        call = channel.receive()
        args = [decode(item) for item in call["args"]]
        kwargs = {key: decode(item) for key, item in call["kwargs"].items()}
        reply = {"index": call["index"], **_guarded(lambda: function(*args, **kwargs), size)}  # noqa: B023
        channel.send(reply)


def _load(job: dict[str, Any]) -> Callable[..., object]:
    """Execute the program as module `candidate`, not as `__main__`, and return its entry point."""
    module = types.ModuleType("candidate")
    module.__file__ = _FILE
    sys.modules["candidate"] = module
    exec(compile(job["program"], _FILE, "exec", dont_inherit=True), module.__dict__)
    entry: object = module.__dict__.get(job["entry"])
    if not callable(entry):
        raise NameError(f"the program does not define a function {job['entry']}")
    return entry


def _guarded(action: Callable[[], object], size: int) -> dict[str, Any]:
    """What became of `action`, ready to send. Whatever it raises is the candidate's."""
    try:
        return {"kind": "value", "value": encode(action(), size=size)}
    except TaggedError as error:
        return {"kind": "output", "error": str(error)}
    except MemoryError:
        _release_reserve()
        return {"kind": "memory"}
    except BaseException as error:  # noqa: BLE001
        return {"kind": "raised", "error": _describe(error), "line": _line(error)}


def _release_reserve() -> None:
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _describe(error: BaseException) -> str:
    name = type.__dict__["__name__"].__get__(type(error))
    try:
        text = str(error)[:_ERROR_TEXT]
    except BaseException:  # noqa: BLE001
        text = ""
    return f"{name}: {text}" if text else name


def _line(error: BaseException) -> int | None:
    """The innermost line of the candidate's own program, or of its syntax error."""
    if type(error) in (SyntaxError, IndentationError, TabError):
        line = error.lineno  # type: ignore[attr-defined]
        return line if type(line) is int else None
    found, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _FILE:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found
