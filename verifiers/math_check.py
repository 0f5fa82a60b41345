"""Worker side of the `math` verifier: one candidate, or many, judged by a loaded spec."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from modulo.verifiers import math_answer, math_calculus
from modulo.verifiers.math_findings import Job, SettledError

__all__ = ["check", "check_many"]

_TASKS = {
    "lenient": ("modulo.verifiers.math_grade", "check_lenient"),
    "antiderivative_of": (math_calculus.__name__, "check_antiderivative"),
    "steps": ("modulo.verifiers.math_steps", "check_steps"),
    "derivative_of": (math_calculus.__name__, "check_derivative"),
}
"""Where each task is. Modules with heavy imports are loaded at their first use."""


def check(payload: dict[str, Any]) -> dict[str, Any]:
    """Judge `payload["candidate"]` by `payload["spec"]`, a loaded spec of the `math` verifier."""
    spec = payload["spec"]
    job = Job(spec, payload["candidate"])
    try:
        if spec["equals"] is not None and spec["reading"] == "exact" and not spec["units"]:
            return math_answer.check_equal(job)
        module, function = _TASKS[_task(spec)]
        found: dict[str, Any] = getattr(importlib.import_module(module), function)(job)
    except SettledError as settled:
        return settled.finding
    return found


def check_many(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Judge each of `payload["candidates"]` by `payload["spec"]`, in order."""
    for candidate in payload["candidates"]:
        yield check({"spec": payload["spec"], "candidate": candidate})


def _task(spec: dict[str, Any]) -> str:
    if spec["equals"] is not None:
        return "lenient" if spec["reading"] == "lenient" else "units"
    return next(name for name in _TASKS if spec.get(name) is not None)
