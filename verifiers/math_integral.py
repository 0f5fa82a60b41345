"""Definite integrals by certified numerical integration (`acb.integral` of python-flint, after Petras and Johansson).

The value comes as a ball that is sure to hold the integral. A candidate outside of it is refuted; one inside is
accepted as evidence, at a precision far beyond the digits that the candidate holds: no decimal can pass for the value.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint

from modulo.verifiers.math_balls import (
    ComplexAtBall,
    InconclusiveError,
    OutsideError,
    PoleError,
    Tracker,
    evaluate,
    precision,
    rational,
)
from modulo.verifiers.math_findings import Job, finding, passed, reference
from modulo.verifiers.math_nodes import Call, Const, Expr, Num, Pow, shown, symbols, walk

__all__ = ["check_integral", "integral"]

_GUARD_BITS = 256
_MAX_BITS = 9_000
_NOT_SMOOTH = {"abs": "real_abs", "sign": "real_sgn", "floor": "real_floor", "ceil": "real_ceil"}


def integral(integrand: Expr, variable: str, low: Expr, high: Expr, bits: int) -> Any | None:
    """The integral as an `arb`, or `None` if it could not be certified, or is not real."""
    with precision(bits):
        try:
            ends = [evaluate(end, {}, real=True) for end in (low, high)]
        except (OutsideError, PoleError, InconclusiveError):
            return None

        def value(at: Any, analytic: bool) -> Any:
            try:
                return flint.acb(_Analytic({variable: at}, analytic).value(integrand))
            except (OutsideError, PoleError, InconclusiveError, ArithmeticError, ValueError):
                return flint.acb("nan")

        found = flint.acb.integral(value, flint.acb(ends[0]), flint.acb(ends[1]))
        if not found.is_finite() or not found.imag.contains(0):
            return None
        return found.real


class _Analytic(ComplexAtBall):
    """Evaluation at a complex ball that is not a number where the integrand is not analytic but has to be."""

    def __init__(self, balls: dict[str, Any], analytic: bool) -> None:
        super().__init__(balls, None)
        self._analytic = analytic

    def power(self, base: Expr, exp: Expr) -> Any:
        if (isinstance(exp, Num) and exp.value.denominator == 1) or base == Const("e"):
            return super().power(base, exp)
        ball = self.value(base)
        if isinstance(exp, Num) and not ball.real > 0 and exp.value.denominator % 2:
            raise InconclusiveError  # the real power of a negative number is another branch
        return ball.pow(self.value(exp), analytic=self._analytic)

    def root(self, ball: Any, index: int) -> Any:
        if index == 2:
            return ball.sqrt(analytic=self._analytic)
        if index % 2 and not ball.real > 0:
            raise InconclusiveError
        return ball.pow(flint.acb(rational(Fraction(1, index))), analytic=self._analytic)

    def call(self, name: str, args: list[Any]) -> Any:
        x = args[0]
        if name == "log":
            return x.log(analytic=self._analytic)
        if name in _NOT_SMOOTH:
            return getattr(x, _NOT_SMOOTH[name])(analytic=self._analytic)
        if name in ("max", "min"):
            for other in args[1:]:
                x = getattr(x, f"real_{name}")(other, analytic=self._analytic)
            return x
        if name in ("factorial", "binomial"):
            raise InconclusiveError
        inside, off_axis = bool(abs(x) < 1), not x.real.contains(0)
        smooth = {
            "asin": inside,
            "acos": inside,
            "atanh": inside,
            "atan": inside or off_axis,
            "asinh": inside or off_axis,
            "acosh": bool(x.real > 1),
        }
        if self._analytic and not smooth.get(name, True):
            raise InconclusiveError
        return getattr(x, name)()


def check_integral(job: Job) -> dict[str, Any]:
    """Judge by `integral_of`."""
    spec = job.spec["integral_of"]
    integrand, low, high = (reference(spec[name], job.declared) for name in ("expression", "from", "to"))
    own = job.value("the value of a definite integral")
    evidence: dict[str, Any] = {"read_as": shown(own)}
    if foreign := sorted(symbols(own)):
        return finding("fail", f"{', '.join(foreign)} should not occur in the value", evidence)
    bits = _GUARD_BITS + 4 * _digits(own)
    while bits <= _MAX_BITS:
        with precision(bits):
            tracker = Tracker()
            try:
                value = evaluate(own, {}, real=True, tracker=tracker)
            except (OutsideError, PoleError):
                return finding("fail", f"your answer, read as {shown(own)}, is not defined", evidence)
            except InconclusiveError:
                return finding("unknown", f"your answer, read as {shown(own)}, could not be evaluated", evidence)
        ball = integral(integrand, spec["variable"], low, high, bits)  # type: ignore[arg-type]
        if ball is None:
            return finding("unknown", "the integral could not be certified", evidence)
        with precision(bits):
            decided = _decided(job, own, value, ball, evidence | {"precision_bits": bits})
        # What the answer could hide behind: the smallest and the largest number on the way to its value.
        if decided["outcome"] != "pass" or bits > 2 * (tracker.small + tracker.large):
            return decided
        bits *= 2
    return finding("unknown", "the answer has too many digits, or too large numbers, to be told from it", evidence)


def _decided(job: Job, own: Expr, value: Any, ball: Any, evidence: dict[str, Any]) -> dict[str, Any]:
    """The finding on a value and the integral, both as balls."""
    gap = abs(value - ball)
    evidence = {**evidence, "method": "certified integration"}
    wrong = f"your answer, read as {shown(own)}, is {value.str(6, radius=False)}, which is not the integral"
    if job.spec["tolerance"] is not None:
        limit = rational(Fraction(job.spec["tolerance"]))
        if gap <= limit:
            return passed(evidence, proof=False)
        outcome = "fail" if gap > limit else "unknown"
        return finding(outcome, wrong if outcome == "fail" else "it is too close to the tolerance", evidence)
    if gap > 0:
        return finding("fail", wrong, evidence)
    if not gap < rational(Fraction(1, 2 ** (evidence["precision_bits"] // 2))):
        return finding("unknown", "the integral could not be certified to enough digits", evidence)
    return passed(evidence, proof=False)


def _digits(expr: Expr) -> int:
    """Digits and operations that an answer is made of: what it could approximate a number with."""
    total = 0
    for node in walk(expr):
        total += 1
        if isinstance(node, Num):
            total += (node.value.numerator.bit_length() + node.value.denominator.bit_length()) // 3
        elif isinstance(node, Pow | Call):
            total += 4
    return total
