"""In the trusted worker: what became of one free-form test, in words.

A test passes if it ran to its end, was not skipped, met no fault of the candidate, and asked it something.
"""

from __future__ import annotations

import re
import traceback
import types
from collections.abc import Callable
from typing import Any

from modulo.verifiers.tests_link import Link, TestsFaultError
from modulo.verifiers.tests_source import FILE
from modulo.verifiers.tests_words import clean, cut

_PREFIX = re.compile(r"^(?:assert |\+\s+)")
_OBVIOUS = re.compile(r"\+\s+(?:where|and)\s+(\w+) = [\w.]+\.\1")
"""That `square` is `solution.square`."""

_EXAMPLE = re.compile(r"(?:Falsifying|Failing) [\w ]+: \w+\((.*)\)", re.S)
"""How hypothesis says it, whichever its version."""

__all__ = ["attempt", "explained", "not_run", "passed"]


def passed(name: str) -> dict[str, Any]:
    """The report of a test that passed."""
    return {"name": name, "passed": True}


def not_run(name: str) -> dict[str, Any]:
    """The report of a test that something before it kept from running."""
    why = "it was not run, since something before it ended the tests"
    return {"name": name, "passed": False, "why": why, "counterexample": None, "example": ""}


def attempt(link: Link, name: str, action: Callable[[], Any], text: str, *, asked: bool = False) -> dict[str, Any]:
    """Run one test, a coroutine to its end.

    Args:
        link: the conversation with the candidate.
        name: of the test.
        action: runs it.
        text: of the tests.
        asked: the candidate has been asked already for this test.

    Raises:
        TestsFaultError: the tests themselves cannot be run.
    """
    if link.dead:
        return not_run(name)
    faults, before = len(link.faults), link.asked
    link.last, error = None, None
    try:
        result = action()
        if type(result) is types.CoroutineType:
            import asyncio

            asyncio.run(result)
    except BaseException as raised:  # noqa: BLE001 - whatever ends a test, it did not pass
        error = raised
    if link.tests_fault:
        raise TestsFaultError(link.tests_fault)
    if error is not None or len(link.faults) > faults:
        return explained(link, name, error, text, faults=faults)
    return {**passed(name), "asked": asked or link.asked > before}


def explained(link: Link, name: str, error: BaseException | None, text: str, *, faults: int) -> dict[str, Any]:
    """The report of a test that `error` ended, or that met a fault.

    Args:
        link: the conversation with the candidate.
        name: of the test.
        error: what it raised, if anything.
        text: of the tests.
        faults: how many faults there were before it.
    """
    last, statement = link.last, _statement(error, text)
    if len(link.faults) > faults:
        why = link.faults[faults]
    elif last is not None and error is not None and last.error is error:
        why = f"{last.call} {last.became}"
    elif isinstance(error, AssertionError):
        why = f"`{statement}` fails" if statement else "an assertion fails"
        if said := _assertion(error, statement):
            why = f"{why}: {said}"
    else:
        why = clean(f"{type(error).__name__}: {error}") + (f" in `{statement}`" if statement else "")
    if last is not None and f"{last.call} {last.became}" not in why and f"= {last.call}" not in why:
        why = f"{why}; {last.call} {last.became}"
    shown = {"test": name}
    if statement:
        shown["statement"] = statement
    if last is not None:
        shown |= {"call": last.call, "became": last.became}
    return {"name": name, "passed": False, "why": why, "counterexample": shown, "example": _example(error)}


def _assertion(error: AssertionError, statement: str) -> str:
    """What the rewritten assertion says of its values, on one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    words = [_PREFIX.sub("", line) for line in lines if not (_OBVIOUS.fullmatch(line) or line.startswith("Use -v"))]
    said = clean(", ".join(words))
    return "" if said == statement.removeprefix("assert ") else said


def _statement(error: BaseException | None, text: str) -> str:
    """The innermost statement of the tests that `error` passed through."""
    if error is None:
        return ""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    source = text.split("\n")
    if not lines or lines[-1] is None or lines[-1] > len(source):
        return ""
    return cut(clean(source[lines[-1] - 1].strip()), 160)


def _example(error: BaseException | None) -> str:
    """What hypothesis found, shrunk: `xs=[0, 0]`."""
    for note in getattr(error, "__notes__", ()):
        if found := _EXAMPLE.match(note):
            parts = (line.strip().rstrip(",") for line in found[1].splitlines())
            return clean(", ".join(filter(None, parts)))
    return ""
