"""LLM-Modulo generate-test loops: a guesser, a bank of sound critics, and a budget.

Importing this package loads none of its heavy parts: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modulo.api import (
        Solution,
        arecheck,
        asolve,
        astream,
        averify,
        averify_many,
        recheck,
        solve,
        verify,
        verify_many,
    )
    from modulo.budget import Budget
    from modulo.compose import graph
    from modulo.errors import ModuloError
    from modulo.problems import load_problems
    from modulo.traces import Trace, TraceStore, read_traces
    from modulo.types import (
        Attempt,
        Completion,
        Critique,
        Feedback,
        Guarantee,
        Message,
        Outcome,
        Problem,
        Sampling,
        Status,
        Usage,
        Verdict,
    )
    from modulo.verifiers.combine import all_of, any_of, weighted
    from modulo.verifiers.function import fail, ok, unknown, verifier
    from modulo.verifiers.judge import judge
    from modulo.verifiers.predicate import check

_HOMES = {
    "modulo.api": (
        "Solution",
        "arecheck",
        "asolve",
        "astream",
        "averify",
        "averify_many",
        "recheck",
        "solve",
        "verify",
        "verify_many",
    ),
    "modulo.budget": ("Budget",),
    "modulo.compose": ("graph",),
    "modulo.errors": ("ModuloError",),
    "modulo.problems": ("load_problems",),
    "modulo.traces": ("Trace", "TraceStore", "read_traces"),
    "modulo.types": (
        "Attempt",
        "Completion",
        "Critique",
        "Feedback",
        "Guarantee",
        "Message",
        "Outcome",
        "Problem",
        "Sampling",
        "Status",
        "Usage",
        "Verdict",
    ),
    "modulo.verifiers.combine": ("all_of", "any_of", "weighted"),
    "modulo.verifiers.function": ("fail", "ok", "unknown", "verifier"),
    "modulo.verifiers.judge": ("judge",),
    "modulo.verifiers.predicate": ("check",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Attempt",
    "Budget",
    "Completion",
    "Critique",
    "Feedback",
    "Guarantee",
    "Message",
    "ModuloError",
    "Outcome",
    "Problem",
    "Sampling",
    "Solution",
    "Status",
    "Trace",
    "TraceStore",
    "Usage",
    "Verdict",
    "all_of",
    "any_of",
    "arecheck",
    "asolve",
    "astream",
    "averify",
    "averify_many",
    "check",
    "fail",
    "graph",
    "judge",
    "load_problems",
    "ok",
    "read_traces",
    "recheck",
    "solve",
    "unknown",
    "verifier",
    "verify",
    "verify_many",
    "weighted",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
