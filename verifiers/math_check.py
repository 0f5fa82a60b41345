"""Worker side of the `math` verifier: one candidate, or many, judged by a loaded spec."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from modulo.verifiers import (
    math_answer,
    math_calculus,
    math_grade,
    math_integral,
    math_limit,
    math_linear,
    math_ode,
    math_solve,
    math_steps,
    math_units,
)
from modulo.verifiers.math_findings import Job, SettledError

__all__ = ["check", "check_many"]

_TASKS: dict[str, Callable[[Job], dict[str, Any]]] = {
    "equals": math_answer.check_equal,
    "lenient": math_grade.check_lenient,
    "units": math_units.check_quantity,
    "antiderivative_of": math_calculus.check_antiderivative,
    "derivative_of": math_calculus.check_derivative,
    "solves": math_solve.check_solutions,
    "integral_of": math_integral.check_integral,
    "limit_of": math_limit.check_limit,
    "inverse_of": math_linear.check_inverse,
    "determinant_of": math_linear.check_determinant,
    "eigenvalues_of": math_linear.check_eigenvalues,
    "eigenvector_of": math_linear.check_eigenvector,
    "linear_system": math_linear.check_linear_system,
    "ode": math_ode.check_ode,
    "steps": math_steps.check_steps,
}
"""What judges each task. None of these modules imports sympy, Math-Verify or pint before it needs it."""


def check(payload: dict[str, Any]) -> dict[str, Any]:
    """Judge `payload["candidate"]` by `payload["spec"]`, a loaded spec of the `math` verifier."""
    spec = payload["spec"]
    try:
        return _TASKS[_task(spec)](Job(spec, payload["candidate"]))
    except SettledError as settled:
        return settled.finding


def check_many(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Judge each of `payload["candidates"]` by `payload["spec"]`, in order."""
    for candidate in payload["candidates"]:
        yield check({"spec": payload["spec"], "candidate": candidate})


def _task(spec: dict[str, Any]) -> str:
    if spec["reading"] == "lenient":
        return "lenient"
    if spec["units"]:
        return "units"
    return next(name for name in _TASKS if spec.get(name) is not None)
