"""Inside the sandbox: run a program from scratch, with a text as its standard input, and say what it printed.

Standard library alone: this file is part of the program that is shipped into the sandbox. The program runs in a fork,
as `__main__`, without the channel; this process feeds it, collects what it prints, and tells how it ended. What it says
of itself (its output, its exit code, the exception that ended it) is all that it could forge.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import select
import signal
import sys
import threading
import types
from typing import Any

from modulo.adapters.sandboxes.guest_outcome import FILE, describe, line_of

__all__ = ["run_script"]

_PIECE = 1 << 16
_LAST_WORDS = 8192


def run_script(code: types.CodeType, stdin: str, size: int) -> dict[str, Any]:
    """Run a program once.

    Args:
        code: compiled to be executed as a module.
        stdin: what it can read.
        size: cap on the bytes that it may print.

    Returns:
        the reply: of kind `value` with `stdout` (bytes), `code`, and `error` and `line` if an exception ended it; or
        `output` or `memory`. Where a signal ended the program, this process ends too, and its exit code says so.
    """
    (their_in, feed), (output, their_out), (told, tell) = os.pipe(), os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        _become(code, their_in, their_out, tell)
    for descriptor in (their_in, their_out, tell):
        os.close(descriptor)
    printed, last_words = _relay(child, stdin.encode("utf-8", "surrogatepass"), feed, output, told, size)
    if printed is None:
        return {"kind": "output", "error": f"it printed more than {size} bytes"}
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status < 0:
        os._exit(128 - status)  # as a shell would; the host reads a signal from it
    end = _read_last_words(last_words)
    if end.get("memory"):
        return {"kind": "memory"}
    value = {"stdout": printed, "code": status, "error": end.get("error", ""), "line": end.get("line")}
    return {"kind": "value", "value": value}


def _become(code: types.CodeType, stdin: int, stdout: int, tell: int) -> None:
    """The forked child: run the program to its end, as the interpreter would. Never returns."""
    status = 1
    try:
        os.dup2(stdin, 0)
        os.dup2(stdout, 1)
        tell = os.dup2(tell, 3)
        os.closerange(4, 4096)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        _fresh_streams()
        status = _execute(code, tell)
    finally:
        os._exit(status)


def _fresh_streams() -> None:
    sys.stdin, sys.stdout, sys.stderr = _text(0, "r"), _text(1, "w"), _text(2, "w")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    sys.argv = [FILE]


def _text(descriptor: int, mode: str) -> io.TextIOWrapper:
    raw = io.FileIO(descriptor, mode, closefd=False)
    buffered = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    return io.TextIOWrapper(buffered, encoding="utf-8", errors="surrogateescape")


def _execute(code: types.CodeType, tell: int) -> int:
    module = types.ModuleType("__main__")
    module.__file__ = FILE
    sys.modules["__main__"] = module
    status = 0
    try:
        exec(code, module.__dict__)
    except SystemExit as stop:
        status = _exit_code(stop.code)
    except MemoryError:
        status = 1
        _tell(tell, {"memory": True})
    except BaseException as error:  # noqa: BLE001
        status = 1
        _tell(tell, {"error": describe(error), "line": line_of(error)})
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    return status


def _exit_code(code: object) -> int:
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1


def _tell(tell: int, words: dict[str, Any]) -> None:
    os.write(tell, json.dumps(words).encode("ascii")[:_LAST_WORDS])


def _relay(child: int, stdin: bytes, feed: int, output: int, told: int, size: int) -> tuple[bytes | None, bytes]:
    """Feed the child and collect what it prints (`None`: too much) until it has ended and all it wrote is read."""
    for descriptor in (feed, output, told):
        os.set_blocking(descriptor, False)
    ended = os.pidfd_open(child)
    rest, printed, words = memoryview(stdin), bytearray(), bytearray()
    poll = select.poll()
    poll.register(output, select.POLLIN)
    poll.register(told, select.POLLIN)
    poll.register(ended, select.POLLIN)
    poll.register(feed, select.POLLOUT)
    feeding = True
    while True:
        events = dict(poll.poll())
        if feeding and events.get(feed):
            try:
                rest = rest[os.write(feed, rest[:_PIECE]) :] if rest else rest
            except BrokenPipeError:
                rest = rest[:0]
            if not rest:
                poll.unregister(feed)
                os.close(feed)
                feeding = False
        for descriptor, into in ((output, printed), (told, words)):
            if events.get(descriptor) and _take(descriptor, into):
                poll.unregister(descriptor)
        if len(printed) > size:
            return None, b""
        if events.get(ended):
            # What it had written is in the pipes; whoever still holds them open is not waited for.
            while len(printed) <= size and _more(output, printed):
                pass
            while len(words) <= _LAST_WORDS and _more(told, words):
                pass
            return (bytes(printed) if len(printed) <= size else None), bytes(words)


def _more(descriptor: int, into: bytearray) -> bool:
    before = len(into)
    _take(descriptor, into)
    return len(into) > before


def _take(descriptor: int, into: bytearray) -> bool:
    """Read some of what is there; returns whether the other end is closed."""
    try:
        piece = os.read(descriptor, _PIECE)
    except BlockingIOError:
        return False
    into += piece
    return not piece


def _read_last_words(words: bytes) -> dict[str, Any]:
    try:
        found = json.loads(words.decode("ascii")) if words else {}
    except ValueError:
        return {}
    return found if type(found) is dict else {}
