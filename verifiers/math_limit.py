"""Limits: exactly for rational functions, else by sympy's algorithm (Gruntz) on the spec's own expression.

Only the spec is ever handed to sympy, as a tree. Its answer is corroborated: certified balls of the function ever
nearer to the point have to approach it. A limit that cannot be found, or is not corroborated, is `unknown`.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

from modulo.verifiers.math_balls import InconclusiveError, OutsideError, PoleError, evaluate, precision, rational
from modulo.verifiers.math_compare import bare, compare_answers
from modulo.verifiers.math_equal import Settings
from modulo.verifiers.math_findings import FORM, Job, finding, passed, reference
from modulo.verifiers.math_nodes import (
    Add,
    Const,
    Expr,
    Mul,
    Num,
    Obj,
    Text,
    is_expr,
    number,
    shown,
    substituted,
    symbols,
)
from modulo.verifiers.math_poly import ratio
from modulo.verifiers.math_read import MathFault, read

__all__ = ["Limit", "check_limit", "limit"]

_NONE = frozenset({"dne", "does not exist", "no limit", "undefined", "divergent", "diverges"})
_STEPS = (24, 48, 96, 192)
"""Distances from the point, as powers of two; and their inverses on the way to infinity."""


@dataclass(frozen=True)
class Limit:
    """A limit: its value, or `None` where the two sides differ; whether that is proved; and what was seen."""

    value: Expr | None
    proof: bool
    method: str


def check_limit(job: Job) -> dict[str, Any]:
    """Judge by `limit_of`."""
    spec = job.spec["limit_of"]
    function, to = (reference(spec[name], job.declared) for name in ("expression", "to"))
    known = symbols(function) - {spec["variable"]}
    own: Obj = bare(job.read(names=known))
    text = own.text if isinstance(own, Text) else None
    if not is_expr(own) and text not in _NONE:
        return finding(
            "fail", f"a limit is one value, oo, -oo or \\text{{does not exist}}; {FORM}", {"read_as": shown(own)}
        )
    found = limit(function, spec["variable"], to, spec["side"])
    evidence: dict[str, Any] = {"read_as": shown(own)}
    if found is None:
        return finding("unknown", "the limit could not be found, so your answer could not be checked", evidence)
    evidence |= {"method": found.method}
    wrong = f"your answer, read as {shown(own)}, is not the limit"
    if found.value is None or text is not None:
        if found.value is None and text is not None:
            return passed(evidence, proof=found.proof)
        return finding("fail", wrong, evidence)
    decision = compare_answers(own, found.value, job.settings())
    if decision.verdict == "equal":
        return passed({**decision.evidence, **evidence}, proof=found.proof and decision.proof)
    if decision.verdict == "different":
        return finding("fail", wrong, evidence)
    return finding("unknown", f"your answer could not be compared: {decision.why}", evidence)


@functools.lru_cache(maxsize=256)
def limit(function: Expr, variable: str, to: Expr, side: Literal["both", "left", "right"]) -> Limit | None:
    """The limit of a function of the spec; `None` if it cannot be found or not be corroborated."""
    exact = _rational(function, variable, to, side)
    if exact is not None:
        return exact
    sides = [side] if side != "both" or _infinite(to) else ["left", "right"]
    values = [_by_sympy(function, variable, to, one) for one in sides]
    found = [value for value in values if value is not None]
    if len(found) != len(values):
        return None
    for value, one in zip(found, sides, strict=True):
        if not symbols(function) - {variable} and not _approached(function, variable, to, one, value):
            return None
    if len(found) == 2 and (same := compare_answers(found[0], found[1], Settings()).verdict) != "equal":
        return Limit(None, False, "sympy, corroborated by certified balls") if same == "different" else None
    return Limit(found[0], False, "sympy, corroborated by certified balls")


def _infinite(to: Expr) -> bool:
    return Const("oo") == to or to == Mul((number(-1), Const("oo")))


def _rational(function: Expr, variable: str, to: Expr, side: str) -> Limit | None:
    """The limit of a rational function over Q at a rational point or at infinity, by its degrees and its value."""
    found = ratio(function, variable)
    if found is None:
        return None
    top, bottom = found.top, found.bottom
    if _infinite(to):
        if top.degree() < bottom.degree():
            return Limit(number(0), True, "exact")
        lead = top[top.degree()] / bottom[bottom.degree()]
        value = Fraction(int(lead.p), int(lead.q))
        if top.degree() == bottom.degree():
            return Limit(Num(value), True, "exact")
        odd = (top.degree() - bottom.degree()) % 2 == 1
        positive = (value > 0) is not (odd and to != Const("oo"))
        return Limit(_signed_infinity(positive), True, "exact")
    at = ratio(to, variable)
    if at is None or at.top.degree() > 0 or at.bottom.degree() > 0:
        return None
    point = at.top[0] / at.bottom[0]
    below = bottom(point)
    if below != 0:
        value_ = top(point) / below
        return Limit(Num(Fraction(int(value_.p), int(value_.q))), True, "exact")
    # In lowest terms the numerator is not zero here: a pole, of the order of the denominator's zero.
    order, rest = 0, bottom
    while rest(point) == 0:
        rest = rest.derivative()
        order += 1
    right = (top(point) > 0) is (rest(point) > 0)
    left = right is not (order % 2 == 1)
    if side == "both" and left is not right:
        return Limit(None, True, "exact")
    return Limit(_signed_infinity(right if side != "left" else left), True, "exact")


def _signed_infinity(positive: bool) -> Expr:
    return Const("oo") if positive else Mul((number(-1), Const("oo")))


def _by_sympy(function: Expr, variable: str, to: Expr, side: str) -> Expr | None:
    import sympy

    from modulo.verifiers.math_sympy import to_sympy

    x = sympy.Symbol(variable, real=True)
    known = {variable: x}
    try:
        found = sympy.limit(to_sympy(function, known), x, to_sympy(to, known), "-" if side == "left" else "+")
        if found.has(sympy.Limit, sympy.nan, sympy.zoo, sympy.AccumBounds):
            return None
        text = re.sub(r"\bE\b", "e", str(found).replace("**", "^"))
        value = read(text, names=symbols(function))
    except MathFault:
        return None
    except Exception:  # noqa: BLE001 - sympy raises anything where its algorithm ends; then there is no limit to compare
        return None
    return value if is_expr(value) and symbols(value) <= symbols(function) else None  # type: ignore[return-value]


def _approached(function: Expr, variable: str, to: Expr, side: str, value: Expr) -> bool:
    """Whether the function comes ever nearer to the value, as certified at points ever nearer to the point."""
    distances: list[Any] = []
    with precision(1024):
        for step in _STEPS:
            near = _near(function, variable, to, side, step)
            if near is None:
                return False
            if _infinite(value):
                signed = near if value == Const("oo") else -near
                distances.append(1 / signed if signed > 0 else rational(Fraction(10**6)))
                continue
            try:
                distances.append(abs(near - evaluate(value, {}, real=True)))
            except (OutsideError, PoleError, InconclusiveError):
                return False
        shrinks = all(later < earlier or later < 1e-30 for earlier, later in pairwise(distances))
        return bool(shrinks and distances[-1] < 0.1)


def _near(function: Expr, variable: str, to: Expr, side: str, step: int) -> Any:
    """The function at a distance of 2^-step from the point, or at ±2^step."""
    offset = Fraction(1 if side != "left" else -1, 2**step)
    try:
        if _infinite(to):
            return evaluate(function, {variable: Fraction(2**step if to == Const("oo") else -(2**step))}, real=True)
        if isinstance(to, Num):
            return evaluate(function, {variable: to.value + offset}, real=True)
        return evaluate(substituted(function, {variable: Add((to, Num(offset)))}), {}, real=True)
    except (OutsideError, PoleError, InconclusiveError):
        return None
