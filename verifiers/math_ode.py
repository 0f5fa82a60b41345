r"""Solutions of ordinary differential equations, checked by putting them in.

The residual of the equation has to vanish identically, wherever the unknown function should be defined: on the declared
domain of the variable. Initial conditions are evaluated exactly. A general solution has as many constants as the order,
and they are independent: the Wronskian of the derivatives by the constants is not zero at some point, certainly.
"""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import flint

from modulo.verifiers.math_balls import InconclusiveError, OutsideError, PoleError, evaluate, precision
from modulo.verifiers.math_diff import NotDifferentiableError, derivative
from modulo.verifiers.math_equal import Settings, compare
from modulo.verifiers.math_findings import Job, finding, passed, place, reference
from modulo.verifiers.math_linear import determinant
from modulo.verifiers.math_nodes import (
    Add,
    Call,
    Equation,
    Expr,
    Mul,
    negated,
    number,
    shown,
    substituted,
    symbols,
    walk,
)
from modulo.verifiers.math_points import landmarks, points

__all__ = ["check_ode", "condition", "order_of", "rewritten"]

_MAX_ORDER = 6
_TRIES = 40


def rewritten(text: str, function: str, variable: str) -> str:
    """An equation with `y'`, `y''(x)`, `y^{(3)}`, `dy/dx` and `\\frac{d^2 y}{dx^2}` as names `y_{d1}`, `y_{d2}`."""
    y, x = re.escape(function), re.escape(variable)

    def named(order: int) -> str:
        return f" {function}_{{d{order}}} " if order else f" {function} "

    power = r"(?:\^\{?(\d)\}?)?"
    text = re.sub(
        rf"\\[dt]?frac\s*\{{\s*d{power}\s*{y}\s*\}}\s*\{{\s*d\s*{x}\s*{power}\s*\}}",
        lambda m: named(int(m[1] or 1)),
        text,
    )
    text = re.sub(rf"\bd{power}\s*{y}\s*/\s*d\s*{x}{power}", lambda m: named(int(m[1] or 1)), text)
    text = re.sub(rf"(?<![A-Za-z]){y}\^\{{\((\d)\)\}}(?:\s*\(\s*{x}\s*\))?", lambda m: named(int(m[1])), text)
    text = re.sub(rf"(?<![A-Za-z]){y}('+)(?:\s*\(\s*{x}\s*\))?", lambda m: named(len(m[1])), text)
    return re.sub(rf"(?<![A-Za-z]){y}\s*\(\s*{x}\s*\)", lambda m: named(0), text)


def order_of(equation: Equation, function: str) -> int:
    """The highest derivative in a rewritten equation."""
    found = [re.fullmatch(rf"{re.escape(function)}_d(\d)", name) for name in symbols(equation)]
    return max((int(m[1]) for m in found if m), default=0)


def condition(text: str, function: str) -> tuple[int, str] | None:
    """`y'(0)` as (1, "0")."""
    match = re.fullmatch(rf"\s*{re.escape(function)}('*|\^\{{\(\d\)\}})\s*\((.+)\)\s*", text)
    if match is None:
        return None
    return (len(match[1]) if "^" not in match[1] else int(match[1][3])), match[2]


def check_ode(job: Job) -> dict[str, Any]:
    """Judge by `ode`."""
    spec = job.spec["ode"]
    function, variable = spec["function"], spec["variable"]
    equation: Equation = reference(rewritten(spec["equation"], function, variable), job.declared)  # type: ignore[assignment]
    order = order_of(equation, function)
    known = symbols(equation) | {variable}
    own = job.value(f"the solution {function}", names=known | {"C", "A", "B", "c", "k", "K"})
    evidence: dict[str, Any] = {"read_as": shown(own), "order": order}
    if function in symbols(own) and function not in job.declared:
        return finding("fail", f"give {function} explicitly, as {function} = … in {variable}", evidence)
    constants = sorted(symbols(own) - known)
    slopes = [own]
    try:
        while len(slopes) <= max(order, len(constants), *(condition(k, function)[0] for k in spec["initial"]), 0):  # type: ignore[index]
            slopes.append(derivative(slopes[-1], variable))
    except NotDifferentiableError as error:
        return finding("fail", f"{error} has no derivative everywhere; give a differentiable function", evidence)
    settings = job.settings()
    names = {function: own} | {f"{function}_d{n}": slope for n, slope in enumerate(slopes) if n}
    left, right = (substituted(side, names) for side in (equation.left, equation.right))  # type: ignore[arg-type]
    # Adding nothing times the solution makes the comparison notice where the solution itself is undefined.
    residual = Add((left, negated(right), Mul((number(0), own))))
    decision = compare(residual, number(0), settings)
    if decision.verdict == "different":
        return finding("fail", _residual_words(decision, variable), evidence, {"at": decision.point})
    if decision.verdict == "equal" and (kink := _kink(own, variable)) is not None:
        # Off the kink the equation may hold, as it does for |cos x| and y'' = -y; at the kink there is no derivative.
        message = f"{shown(kink)} has no derivative where it changes sign; give a smooth expression"
        return finding("unknown", f"whether it solves the equation could not be decided: {message}", evidence)
    if decision.verdict == "unknown":
        return finding("unknown", f"whether it solves the equation could not be decided: {decision.why}", evidence)
    proof = decision.proof
    evidence |= decision.evidence
    for key, value in spec["initial"].items():
        found = _initial(slopes, key, value, job, settings)
        if isinstance(found, dict):
            return found | {"evidence": evidence}
        proof = proof and found
    if spec["general"]:
        fault = _independent(slopes, constants, order, settings, evidence)
        if fault is not None:
            return fault
    return passed(evidence, proof=proof)


def _kink(expr: Expr, variable: str) -> Expr | None:
    """A part with a corner, other than |…| under a logarithm, which is not defined there."""
    smooth = {node.args[0] for node in walk(expr) if isinstance(node, Call) and node.name == "log"}
    for node in walk(expr):
        corner = isinstance(node, Call) and node.name in ("abs", "max", "min") and variable in symbols(node)
        if corner and node not in smooth:
            return node  # type: ignore[return-value]
    return None


def _residual_words(decision: Any, variable: str) -> str:
    if decision.why == "it is not defined there":
        return f"your solution is not defined at {place(decision)}, where the equation is"
    where = f"; at {place(decision)} left side minus right side is {decision.left}" if decision.point else ""
    return f"put into the equation, your solution does not satisfy it for every {variable}{where}"


def _initial(slopes: list[Expr], key: str, value: str, job: Job, settings: Settings) -> dict[str, Any] | bool:
    """The fault of an initial condition, or whether it is met by proof."""
    spec = job.spec["ode"]
    parsed = condition(key, spec["function"])
    assert parsed is not None
    at: Expr = reference(parsed[1], job.declared)  # type: ignore[assignment]
    wanted: Expr = reference(value, job.declared)  # type: ignore[assignment]
    here = substituted(slopes[parsed[0]], {spec["variable"]: at})
    decision = compare(here, wanted, settings)
    if decision.verdict == "equal":
        return decision.proof
    if decision.verdict == "unknown":
        return finding("unknown", f"whether {key} = {value} could not be decided: {decision.why}", {}, locus=key)
    got = f"; it is {decision.left}" if decision.left and not decision.point else ""
    return finding("fail", f"your solution does not meet {key} = {value}{got}", {}, locus=key)


def _independent(
    slopes: list[Expr], constants: list[str], order: int, settings: Settings, evidence: dict[str, Any]
) -> dict[str, Any] | None:
    """The fault of a general solution's constants, if any."""
    evidence["constants"] = constants
    if len(constants) < order:
        some = f"only {', '.join(constants)}" if constants else "none"
        message = f"the general solution has {order} arbitrary constants, yours has {some}"
        return finding("fail", message, evidence)
    if len(constants) > order + 2:
        return finding("fail", f"the general solution has {order} arbitrary constants, yours has more", evidence)
    names = sorted(symbols(slopes[0]))
    domains = {name: settings.domains.get(name, "real") for name in names}
    for chosen in combinations(constants, order):
        table = [[derivative(slopes[n], constant) for constant in chosen] for n in range(order)]
        if _nonzero(table, domains, settings.seed, slopes[0]):
            return None
    message = f"its constants {', '.join(constants)} are not independent: they amount to fewer than {order}"
    tables = (
        [[derivative(slopes[n], c) for c in chosen] for n in range(order)] for chosen in combinations(constants, order)
    )
    certain = order <= 3 and all(
        compare(determinant(table), number(0), settings).verdict == "equal" for table in tables
    )
    return finding("fail" if certain else "unknown", message, evidence)


def _nonzero(table: list[list[Expr]], domains: Any, seed: str, own: Expr) -> bool:
    """Whether the determinant is certainly not zero at some point."""
    import random

    rng = random.Random(seed)
    with precision(128):
        for _, point in zip(range(_TRIES), points(domains, landmarks(own), rng), strict=False):
            try:
                rows = [[evaluate(entry, point, real=True) for entry in row] for row in table]
            except (OutsideError, PoleError, InconclusiveError):
                continue
            if not flint.arb_mat(rows).det().contains(0):
                return True
    return False
