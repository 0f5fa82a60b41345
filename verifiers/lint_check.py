"""Looks over a Python program: its syntax, and with mypy its names and types. Runs in a worker; runs no program."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

from modulo.verifiers.strict_json import shorten

__all__ = ["check", "check_many"]

_MAX_CHARS = 200_000
_MAX_DEPTH = 150
_MAX_CRITIQUES = 10
# What would silence mypy. Taken out wherever it stands, also inside a string, where it is no loss to a type check.
_SILENCERS = re.compile(r"(#[ \t]*)(type|mypy)([ \t]*:)")
_IGNORE = re.compile(r"[ \t]*ignore\b")


class _FaultError(Exception):
    """The program cannot be looked over any further."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(message)


def check(payload: dict[str, Any]) -> dict[str, Any]:
    """A finding on `payload["candidate"]`; its types are checked if `payload["types"]`."""
    program = payload["candidate"]
    try:
        _parse(program)
    except _FaultError as fault:
        return _finding([(fault.line, str(fault))], program, score=0.0)
    if not payload["types"]:
        return _finding([], program)
    try:
        return _finding(_types(program), program)
    except SystemExit:  # how mypy reports a fault of its own
        return {"outcome": "unknown", "critiques": [{"message": "the type checker broke on this program"}]}


def check_many(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A finding on each of `payload["candidates"]`, in order."""
    for candidate in payload["candidates"]:
        yield check({"types": payload["types"], "candidate": candidate})


def _parse(program: str) -> None:
    if not program.strip():
        raise _FaultError("the program is empty")
    if len(program) > _MAX_CHARS:
        raise _FaultError(f"the program has {len(program)} characters; at most {_MAX_CHARS} are read")
    try:
        tree = ast.parse(program)
    except SyntaxError as error:
        raise _FaultError(f"{error.msg}{_shown(program, error.lineno)}", error.lineno) from None
    except UnicodeEncodeError:
        raise _FaultError("the program holds half a surrogate pair, which is not a character") from None
    except (RecursionError, MemoryError):
        raise _FaultError("the program is nested too deeply") from None
    except ValueError as error:  # a null character, in some versions
        raise _FaultError(str(error)) from None
    if not tree.body:
        raise _FaultError("the program holds no statement")
    level: list[ast.AST] = [tree]
    for _ in range(_MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    line = next((node.lineno for node in level if isinstance(node, ast.expr | ast.stmt)), None)
    raise _FaultError(f"the program is nested more than {_MAX_DEPTH} deep", line)


def _types(program: str) -> list[tuple[int | None, str]]:
    """Faults that mypy finds, in the order of their lines."""
    from modulo.verifiers.lint_types import examine

    faults = set()
    for text in examine(_listening(program)):
        try:
            error = json.loads(text)
        except ValueError:  # mypy also speaks plainly, of itself
            raise RuntimeError(f"mypy: {shorten(text, 300)}") from None
        if error["severity"] == "error":
            faults.add((int(error["line"]), str(error["message"])))
    return sorted(faults, key=lambda fault: (fault[0] or 0, fault[1]))


def _listening(program: str) -> str:
    """The program without what would silence mypy, each line where it was."""

    def quiet(match: re.Match[str]) -> str:
        if match[2] == "type" and not _IGNORE.match(program, match.end()):
            return match[0]
        return f"{match[1]}{match[2]}{' ' * len(match[3])}"

    return _SILENCERS.sub(quiet, program)


def _finding(faults: list[tuple[int | None, str]], program: str, score: float | None = None) -> dict[str, Any]:
    lines = max(1, sum(1 for line in program.splitlines() if line.strip()))
    if not faults:
        return {"outcome": "pass", "score": 1.0, "evidence": {"lines": lines, "faults": 0}}
    if score is None:
        score = max(0.0, 1.0 - len({line for line, _ in faults}) / lines)
    critiques = []
    for line, message in faults[:_MAX_CRITIQUES]:
        place = None if line is None else f"line {line}"
        said = "".join(char if char.isprintable() else " " for char in shorten(message, 400))
        critiques.append({"message": f"{place}: {said}" if place else said, "locus": place})
    return {
        "outcome": "fail",
        "critiques": critiques,
        "score": score,
        "evidence": {"lines": lines, "faults": len(faults)},
    }


def _shown(program: str, line: int | None) -> str:
    lines = program.split("\n")
    text = lines[line - 1].strip() if line is not None and 1 <= line <= len(lines) else ""
    return f": `{shorten(text, 120)}`" if text else ""
