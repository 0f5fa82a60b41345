"""Inside the sandbox: load a candidate's module, and say what became of running some of it.

Standard library alone: this file is part of the program that is shipped into the sandbox.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

from modulo.tagged import TaggedError, encode

__all__ = ["FILE", "describe", "guarded", "line_of", "load_module"]

FILE = "candidate.py"
_ERROR_TEXT = 500


def load_module(program: str) -> types.ModuleType:
    """Execute the program as module `candidate`, not as `__main__`."""
    module = types.ModuleType("candidate")
    module.__file__ = FILE
    sys.modules["candidate"] = module
    exec(compile(program, FILE, "exec", dont_inherit=True), module.__dict__)
    return module


def guarded(action: Callable[[], object], size: int) -> dict[str, Any]:
    """What became of `action`, ready to send. Whatever it raises is the candidate's."""
    try:
        return {"kind": "value", "value": encode(action(), size=size)}
    except TaggedError as error:
        return {"kind": "output", "error": str(error)}
    except MemoryError:
        _release_reserve()
        return {"kind": "memory"}
    except BaseException as error:  # noqa: BLE001
        return {"kind": "raised", "error": describe(error), "line": line_of(error)}


def _release_reserve() -> None:
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def describe(error: BaseException) -> str:
    """Name and message of an exception, shortened."""
    name = type.__dict__["__name__"].__get__(type(error))
    try:
        text = str(error)[:_ERROR_TEXT]
    except BaseException:  # noqa: BLE001
        text = ""
    return f"{name}: {text}" if text else name


def line_of(error: BaseException) -> int | None:
    """The innermost line of the candidate's own program, or of its syntax error."""
    if type(error) in (SyntaxError, IndentationError, TabError):
        line = error.lineno  # type: ignore[attr-defined]
        return line if type(line) is int else None
    found, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found
