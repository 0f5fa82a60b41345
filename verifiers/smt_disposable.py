"""A process for one piece of work, that is gone afterwards. Runs in a worker.

What a solver's front end was talked into ends with it. It inherits the worker's limits, and dies with the worker.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

__all__ = ["CrashError", "in_a_child"]

_PR_SET_PDEATHSIG = 1
_OUT_OF_MEMORY = 101  # Z3's own exit status for it


class CrashError(Exception):
    """The process ended without an answer."""


def in_a_child(work: Callable[[], Any], deadline: float) -> Any:
    """What `work` returns, which is JSON, from a forked process that ends at `deadline` on the monotonic clock.

    Raises:
        TimeoutError: it was not done by then.
        MemoryError: it ran out of memory.
        CrashError: it died of something else.
    """
    worker = os.getpid()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        # Nothing may unwind into the worker's own loop: the child leaves by _exit whatever happens.
        status = 70
        try:
            os.close(reading)
            if sys.platform == "linux":
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                if os.getppid() != worker:
                    os._exit(status)
            status = _answer(work, writing)
        finally:
            os._exit(status)
    os.close(writing)
    data = _read(reading, deadline)
    if data is None:
        os.kill(pid, signal.SIGKILL)
    _, wait_status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(wait_status)
    if data is None:
        raise TimeoutError
    if code == _OUT_OF_MEMORY:
        raise MemoryError
    if code != 0:
        raise CrashError(signal.Signals(-code).name if code < 0 else f"exit status {code}")
    return json.loads(data)


def _read(reading: int, deadline: float) -> bytes | None:
    """All that is written, or `None` if there is no end of it in time."""
    data = b""
    try:
        while True:
            ready, _, _ = select.select([reading], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                return None
            piece = os.read(reading, 1 << 16)
            if not piece:
                return data
            data += piece
    finally:
        os.close(reading)


def _answer(work: Callable[[], Any], writing: int) -> int:
    try:
        data = json.dumps(work()).encode("ascii")
    except MemoryError:
        return _OUT_OF_MEMORY
    with open(writing, "wb") as stream:
        stream.write(data)
    return 0
