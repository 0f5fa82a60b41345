"""Child side of the confirmation of optimality: Fast Downward in one process that leaves nothing behind.

It reads one JSON object from standard input and writes the plan to standard output. The translator runs here and then
gives way to the search (`exec`), so there are no grandchildren to kill; all files are anonymous memory; the kernel ends
the process with its parent. The exit codes are those of Fast Downward.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import json
import os
import resource
import signal
import sys
from typing import Any

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1
_OUT_OF_MEMORY = 20


def main(parent: int) -> None:
    """Solve the task on standard input: `domain`, `problem`, `search`, `seconds` and `memory_mb`."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died between the fork and the line above
        os._exit(1)
    plan = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(null, stream)
    try:
        _solve(json.load(sys.stdin), plan)
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)


def _solve(task: dict[str, Any], plan: int) -> None:
    _limit(int(task["memory_mb"]), int(task["seconds"]) + 1)
    translated = _translate(_file(task["domain"]), _file(task["problem"]), _file(""))
    os.dup2(os.open(translated, os.O_RDONLY), 0)
    os.set_inheritable(plan, True)
    package = importlib.util.find_spec("up_fast_downward")  # found, not imported: that would take seconds
    assert package is not None
    assert package.origin is not None
    binary = os.path.join(os.path.dirname(package.origin), "downward", "builds", "release", "bin", "downward")
    os.execv(binary, [binary, "--search", task["search"], "--internal-plan-file", f"/proc/self/fd/{plan}"])


def _limit(memory_mb: int, seconds: int) -> None:
    size = memory_mb * 1024 * 1024
    for kind, limit in (
        (resource.RLIMIT_AS, size),
        (resource.RLIMIT_FSIZE, size),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(kind)
        limit = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(kind, (limit, limit))


def _file(text: str) -> str:
    """The path of an anonymous file with this content. It is left open: it lives as long as the process."""
    descriptor = os.memfd_create("modulo")
    os.set_inheritable(descriptor, False)
    with os.fdopen(os.dup(descriptor), "w", encoding="utf-8") as file:
        file.write(text)
    return f"/proc/self/fd/{descriptor}"


def _translate(domain: str, problem: str, out: str) -> str:
    importlib.import_module("fast_downward.translate.options").set_options([domain, problem, "--sas-file", out])
    importlib.import_module("fast_downward.translate.main").main()
    return out
