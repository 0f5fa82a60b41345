"""In the trusted worker: run plain tests, `check(candidate)` or functions `test_*` without parameters."""

from __future__ import annotations

import sys
import types
from typing import Any

from modulo.verifiers.tests_assert import FAILED, failed
from modulo.verifiers.tests_link import FaultError, Link, TestsFaultError
from modulo.verifiers.tests_report import attempt, explained
from modulo.verifiers.tests_source import FILE, MODULE, compiled, outline, wanted_names

__all__ = ["given_names", "run_plain"]


def given_names(link: Link, candidate: Any, text: str) -> dict[str, Any]:
    """The names of the candidate's that a text uses without having defined or imported them."""
    wanted = wanted_names(text)
    if not wanted:
        return {}
    there = candidate.__all__
    if type(there) is not list or not all(type(name) is str for name in there):
        raise link.fault("the program's __all__ is not a list of names")
    return {name: getattr(candidate, name) for name in there if name in wanted}


def run_plain(link: Link, candidate: Any, text: str, entry: str | None) -> list[dict[str, Any]]:
    """Run a plain text of tests: `check` with the candidate's `entry`, or every `test_*` in order.

    Raises:
        TestsFaultError: the tests themselves cannot be run.
    """
    found = outline(text)
    module = types.ModuleType(MODULE)
    module.__file__ = FILE
    sys.modules[MODULE] = module  # where dataclasses look names up
    try:
        module.__dict__.update(given_names(link, candidate, text))
        module.__dict__[FAILED] = failed
        exec(compiled(text, for_pytest=False), module.__dict__)
        subject = getattr(candidate, entry) if entry is not None and found.check else None
    except BaseException as error:  # noqa: BLE001 - a candidate without what the tests import, or broken tests
        return [broken(link, error, text)]
    asked = link.asked > 0
    actions = {name: module.__dict__[name] for name in found.tests}
    if found.check:
        actions["check"] = lambda: module.__dict__["check"](subject)
    return [attempt(link, name, action, text, asked=asked) for name, action in actions.items()]


def broken(link: Link, error: BaseException, text: str) -> dict[str, Any]:
    """The report when the tests could not even be set up.

    Raises:
        TestsFaultError: and that is the tests' own fault.
    """
    if link.missing and not link.faults:
        return {"name": "import", "passed": False, "why": link.missing, "counterexample": None, "example": ""}
    if link.faults or isinstance(error, FaultError) or (link.last is not None and link.last.error is error):
        return explained(link, "import", error, text, faults=0)
    if isinstance(error, AssertionError) and link.last is not None:
        return explained(link, "import", error, text, faults=0)
    raise TestsFaultError(link.tests_fault or f"the tests do not load: {type(error).__name__}: {error}")
