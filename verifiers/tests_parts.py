"""What the parts of a `tests` spec have in common: each runs a candidate in one way and reports how that went."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Protocol

from modulo.protocols import CallReply, Limits, Sandbox
from modulo.types import Critique
from modulo.verifiers.tests_words import became, clean, where

_PLACE = re.compile(r" \([^()]*, line \d+\)$")
"""Where a syntax error is, by Python's own words; ours quote the line too."""

__all__ = ["Clock", "Part", "PartReport", "hidden_failure", "load_fault", "reply_words"]


@dataclass
class PartReport:
    """How one part of a spec went.

    Attributes:
        kind: `calls`, `programs`, `functions` or `properties`, or several joined by `+`.
        public: for each public test, whether it passed.
        hidden: for each hidden one.
        faults: what is wrong with the candidate.
        doubts: why a pass would show nothing.
        loaded: the program could be run at all; if not, no other part is tried.
        image: digest of the image or root file system.
    """

    kind: str
    public: list[bool] = field(default_factory=list)
    hidden: list[bool] = field(default_factory=list)
    faults: list[Critique] = field(default_factory=list)
    doubts: list[Critique] = field(default_factory=list)
    loaded: bool = True
    image: str | None = None


class Clock:
    """What is left of `total_seconds`, over all parts of a run together."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._spent = 0.0

    def limits(self) -> Limits | None:
        """Limits of what comes next; `None` if nothing is left."""
        left = self._limits.total_seconds - self._spent
        if left <= 0.05:
            return None
        return self._limits.model_copy(update={"total_seconds": left}) if self._spent else self._limits

    def spend(self, since: float) -> None:
        """Count the time since a reading of `time.monotonic()`."""
        self._spent += time.monotonic() - since


class Part(Protocol):
    """One way of testing."""

    async def run(self, program: str, sandbox: Sandbox, clock: Clock) -> PartReport:
        """Run a candidate.

        Raises:
            SandboxUnavailableError: it could not be run at all.
            ProblemError: the tests themselves cannot be run.
        """
        ...


def reply_words(reply: CallReply, program: str, limits: Limits) -> str:
    """What became of a call that returned nothing."""
    return became(reply.kind, reply.error, reply.line, program, limits.memory_mb)


def load_fault(load: CallReply, program: str, limits: Limits, packages: tuple[str, ...]) -> Critique:
    """What is wrong with a program that did not load."""
    line = f"line {load.line}" if load.line else None
    name, _, text = load.error.partition(": ")
    at = where(load.line, program)
    if name in ("SyntaxError", "IndentationError", "TabError"):
        message = f"the program does not compile: {clean(_PLACE.sub('', load.error))}{at}"
    elif name == "NameError" and load.line is None:
        message = clean(text)
    elif name in ("ModuleNotFoundError", "ImportError"):
        beside = "".join(f" and {package}" for package in packages)
        only = f"only Python's standard library{beside} {'are' if packages else 'is'} installed"
        message = f"an import fails: {clean(load.error)}{at}; {only}"
    else:
        message = f"loading the program {reply_words(load, program, limits)}"
    return Critique(message=message, locus=line)


def hidden_failure(failed: int, total: int) -> Critique:
    """That hidden tests fail, which is all that is said of them."""
    return Critique(message=f"a hidden test fails ({failed} of {total} hidden tests)")
