"""Antiderivatives and derivatives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modulo.verifiers.math_answer import CONSTANTS, MORE_CONSTANTS, compared
from modulo.verifiers.math_diff import NotDifferentiableError, derivative
from modulo.verifiers.math_equal import compare, gap_in
from modulo.verifiers.math_findings import Job, finding, place, reference, report
from modulo.verifiers.math_nodes import Add, Expr, Mul, number, shown, symbols

__all__ = ["check_antiderivative", "check_derivative"]


def check_derivative(job: Job) -> dict[str, Any]:
    """Judge by `derivative_of`: the candidate equals the derivative, by the rules of calculus."""
    function: Expr = reference(job.spec["derivative_of"], job.declared)  # type: ignore[assignment]
    return compared(job, derivative(function, job.spec["variable"]))


def check_antiderivative(job: Job) -> dict[str, Any]:
    """Judge by `antiderivative_of`: the candidate's derivative equals the integrand wherever that is defined."""
    variable = job.spec["variable"]
    integrand: Expr = reference(job.spec["antiderivative_of"], job.declared)  # type: ignore[assignment]
    known = symbols(integrand) | job.declared
    constants = CONSTANTS | (MORE_CONSTANTS - known)
    known |= constants
    settings = job.settings(constants=constants - job.declared)
    own = job.value(f"an antiderivative in {variable}", names=known)
    if foreign := sorted(symbols(own) - known):
        return finding("fail", f"{', '.join(foreign)} should not occur in it; write C for the constant", {})
    try:
        slope = derivative(own, variable)
    except NotDifferentiableError as error:
        return finding("fail", f"{error} has no derivative everywhere; give a differentiable function", {})
    if settings.domains.get(variable, "real") == "real" and (gap := gap_in(own, integrand, variable)) is not None:
        message = f"your answer is not defined at {variable} = {gap}, where the integrand is"
        return finding("fail", message, {"read_as": shown(own), "method": "balls"})
    # Adding nothing times the answer makes the comparison notice where the answer itself is undefined.
    whole = Add((slope, Mul((number(0), own))))
    decision = compare(whole, integrand, replace(settings, up_to_constant=False))
    read_as = f"d/d{variable} of your answer is {shown(slope)}"
    if decision.why == "it is not defined there":
        message = f"your answer is not defined at {place(decision)}, where the integrand is"
        if "log(" in shown(own):
            message += " (mind log|…|, which is defined for negative arguments too)"
    elif decision.point and decision.left:
        message = f"{read_as}; at {place(decision)} it is {decision.left}, but the integrand is {decision.right}"
    else:
        message = f"{read_as}, which is not the integrand"
    shown_data = {"at": decision.point, "derivative": decision.left, "integrand": decision.right}
    return report(decision, own, message, counterexample=shown_data if decision.left else None)
