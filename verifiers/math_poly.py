"""Rational functions of one variable over Q, and their roots as certified balls (python-flint)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flint

from modulo.verifiers.math_nodes import Add, Div, Expr, Mul, Num, Pow, Sym
from modulo.verifiers.math_points import Domain

__all__ = ["Ratio", "Root", "in_domain", "ratio", "roots"]

_MAX_DEGREE = 60
_MAX_BITS = 20_000


class _TooLargeError(Exception):
    """Not a rational function, or too large a one."""


@dataclass(frozen=True)
class Ratio:
    """A quotient of polynomials in lowest terms, and what was cancelled: at its zeros the expression is undefined."""

    top: Any
    bottom: Any
    cancelled: Any


@dataclass(frozen=True)
class Root:
    """A root: a ball (`acb`) that holds it and no other, and whether it is real, which is certain either way."""

    ball: Any
    real: bool
    multiplicity: int


def ratio(expr: Expr, name: str) -> Ratio | None:
    """`expr` as a rational function of `name`, or `None` if it is none, or too large."""
    one = flint.fmpq_poly([1])

    def go(node: Expr) -> tuple[Any, Any, Any]:
        match node:
            case Num(value):
                if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_BITS:
                    raise _TooLargeError
                return flint.fmpq_poly([flint.fmpq(value.numerator, value.denominator)]), one, one
            case Sym(symbol) if symbol == name:
                return flint.fmpq_poly([0, 1]), one, one
            case Add(args):
                total = go(args[0])
                for term in args[1:]:
                    total = added(total, go(term))
                return total
            case Mul(args):
                total = go(args[0])
                for factor in args[1:]:
                    total = multiplied(total, go(factor))
                return total
            case Div(top, bottom):
                return divided(go(top), go(bottom))
            case Pow(base, Num(exponent)) if exponent.denominator == 1 and abs(exponent) <= _MAX_DEGREE:
                inner, total = go(base), (one, one, one)
                for _ in range(abs(int(exponent))):
                    total = multiplied(total, inner)
                return total if exponent >= 0 else divided((one, one, one), total)
        raise _TooLargeError

    def reduced(top: Any, bottom: Any, lost: Any) -> tuple[Any, Any, Any]:
        if max(top.degree(), bottom.degree(), lost.degree()) > _MAX_DEGREE:
            raise _TooLargeError
        if top.degree() < 0:
            return top, one, lost * bottom
        common = top.gcd(bottom)
        if common.degree() > 0:
            top, bottom, lost = top // common, bottom // common, lost * common
        return top, bottom, lost

    def added(a: tuple[Any, Any, Any], b: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        return reduced(a[0] * b[1] + b[0] * a[1], a[1] * b[1], a[2] * b[2])

    def multiplied(a: tuple[Any, Any, Any], b: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        return reduced(a[0] * b[0], a[1] * b[1], a[2] * b[2])

    def divided(a: tuple[Any, Any, Any], b: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        if b[0].degree() < 0:
            raise _TooLargeError
        return multiplied(a, (b[1], b[0], b[2] * b[1]))

    try:
        top, bottom, lost = go(expr)
    except _TooLargeError:
        return None
    return Ratio(top, bottom, lost)


def roots(found: Ratio) -> list[Root] | None:
    """The distinct zeros at which the function is defined, in the current precision; `None` if all numbers are."""
    if found.top.degree() < 0:
        return None
    top = found.top
    while (common := top.gcd(found.cancelled)).degree() > 0:
        top = top // common
    if top.degree() < 1:
        return []
    pairs = top.numer().complex_roots()
    return [Root(flint.acb(ball), bool(flint.acb(ball).imag.is_zero()), int(many)) for ball, many in pairs]


def in_domain(root: Root, domain: Domain) -> bool | None:
    """Whether a root lies in a domain; `None` if the precision does not tell."""
    if domain == "complex":
        return True
    if not root.real:
        return False
    value = root.ball.real
    if domain == "real":
        return True
    if domain in ("integer", "natural"):
        if not value.contains_integer():
            return False
        whole = value.unique_fmpz() if value.is_exact() else None
        return None if whole is None else domain == "integer" or bool(whole >= 1)
    if domain == "nonzero":
        return not value.is_zero() if value.is_exact() else (None if value.contains(0) else True)
    low: float | None
    high: float | None
    if isinstance(domain, tuple):
        low, high = domain
    else:
        low, high = (0, None) if domain == "positive" else (None, 0)
    inside = (low is None or value > low) and (high is None or value < high)
    outside = (low is not None and value <= low) or (high is not None and value >= high)
    return True if inside else False if outside else None
