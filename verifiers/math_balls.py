"""Certified evaluation: an expression at a point as a ball that is sure to hold the exact value (python-flint).

In *real* mode every part must be real, as in school analysis: the root of a negative number is undefined, except that
x^(p/q) with odd q, and odd roots, are the real ones. In complex mode functions take their principal values.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, TypeAlias

import flint

from modulo.verifiers.math_nodes import Add, Call, Const, Div, Expr, Mul, Num, Pow, Sym

__all__ = [
    "ComplexAtBall",
    "InconclusiveError",
    "OutsideError",
    "Point",
    "PoleError",
    "Tracker",
    "at_ball",
    "evaluate",
    "magnitude_bits",
    "precision",
]

_LARGE = 1 << 40

Point: TypeAlias = dict[str, Fraction | tuple[Fraction, Fraction]]
"""A value for each variable; a pair is a complex number."""


class OutsideError(Exception):
    """Certainly undefined here: outside a function's domain."""


class PoleError(Exception):
    """Certainly undefined at this very point: a division by exactly zero, or 0^0."""


class InconclusiveError(Exception):
    """The precision does not tell."""


class precision:  # noqa: N801 (reads as a statement)
    """Context manager that sets the working precision in bits."""

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def __enter__(self) -> None:
        self._old = flint.ctx.prec
        flint.ctx.prec = self._bits

    def __exit__(self, *_: object) -> None:
        flint.ctx.prec = self._old


class Tracker:
    """How small and how large values were on the way, in bits: what a difference could hide behind.

    `cancelled`: a value could not be told from zero.
    """

    def __init__(self) -> None:
        self.small = self.large = 0
        self.cancelled = False

    def see(self, ball: Any) -> None:
        """Take note of an intermediate value."""
        bits = magnitude_bits(ball)
        if bits is not None and ball.contains(0):
            self.cancelled = True  # zero, or too small to be told from it
        elif bits is not None:
            self.small, self.large = max(self.small, -bits), max(self.large, bits)

    def saturated(self, name: str, argument: Any) -> None:
        """`tanh` and `erf` come closer to 1 than any value on the way shows."""
        bits = magnitude_bits(argument)
        if bits is not None and bits > 0:
            self.small = max(self.small, 4 << min(bits if name in ("tanh", "coth") else 2 * bits, 40))


def magnitude_bits(ball: Any) -> int | None:
    """About log2 of the absolute value of the ball's centre; `None` for zero."""
    if isinstance(ball, flint.acb):
        parts = [b for b in (magnitude_bits(ball.real), magnitude_bits(ball.imag)) if b is not None]
        return max(parts, default=None)
    mantissa, exponent = ball.mid().man_exp()
    return None if mantissa == 0 else int(exponent) + int(mantissa).bit_length()


def evaluate(
    expr: Expr, point: Mapping[str, Fraction | tuple[Fraction, Fraction]], *, real: bool, tracker: Tracker | None = None
) -> Any:
    """`expr` at `point` in the current precision: an `arb` in real mode, else an `acb`.

    Raises:
        OutsideError | PoleError | InconclusiveError: it has no value here, or none that can be certified.
    """
    return _certified((_Real if real else _Complex)(point, tracker), expr)


def at_ball(expr: Expr, balls: Mapping[str, Any], *, real: bool) -> Any:
    """`expr` where each variable is somewhere in a ball: `arb`s in real mode, else `acb`s.

    Raises:
        OutsideError | PoleError | InconclusiveError: as `evaluate`.
    """
    return _certified((_RealAtBall if real else ComplexAtBall)(balls, None), expr)


def _certified(evaluation: _Real, expr: Expr) -> Any:
    try:
        ball = evaluation.value(expr)
    except (ArithmeticError, ValueError) as error:  # numbers beyond the library's range
        raise InconclusiveError from error
    if not ball.is_finite():
        raise InconclusiveError
    return ball


def rational(value: Fraction) -> Any:
    """The ball of a rational."""
    return flint.arb(flint.fmpq(value.numerator, value.denominator))


class _Real:
    """Evaluation in `arb`."""

    def __init__(self, point: Mapping[str, Fraction | tuple[Fraction, Fraction]], tracker: Tracker | None) -> None:
        self._point, self._tracker = point, tracker

    def value(self, expr: Expr) -> Any:
        ball = self._value(expr)
        if self._tracker is not None:
            self._tracker.see(ball)
        return ball

    def _value(self, expr: Expr) -> Any:
        match expr:
            case Num(value):
                if self._tracker is not None:
                    self._tracker.small = max(self._tracker.small, value.denominator.bit_length())
                return self.number(value)
            case Sym(name):
                return self.variable(self._point[name])
            case Const(name):
                return self.constant(name)
            case Add(args):
                total = self.value(args[0])
                for term in args[1:]:
                    total = total + self.value(term)
                return total
            case Mul(args):
                total = self.value(args[0])
                for factor in args[1:]:
                    total = total * self.value(factor)
                return total
            case Div(top, bottom):
                return self.divide(self.value(top), self.value(bottom))
            case Pow(base, exp):
                return self.power(base, exp)
            case Call("root", (inner, Num(index))):
                return self.root(self.value(inner), int(index))
            case Call(name, args):
                values = [self.value(a) for a in args]
                if self._tracker is not None and name in ("tanh", "coth", "erf"):
                    self._tracker.saturated(name, values[0])
                return self.call(name, values)
        raise InconclusiveError

    def number(self, value: Fraction) -> Any:
        return rational(value)

    def variable(self, value: Fraction | tuple[Fraction, Fraction]) -> Any:
        return self.number(value[0] if isinstance(value, tuple) else value)

    def constant(self, name: str) -> Any:
        if name == "pi":
            return flint.arb.pi()
        if name == "e":
            return flint.arb.const_e()
        raise OutsideError  # i in real mode, infinity anywhere

    def divide(self, top: Any, bottom: Any) -> Any:
        if bottom.is_zero():
            raise PoleError
        if bottom.contains(0):
            raise InconclusiveError
        return top / bottom

    def integer_power(self, ball: Any, exponent: int) -> Any:
        if exponent <= 0 and ball.is_zero():
            raise PoleError
        if exponent < 0 and ball.contains(0):
            raise InconclusiveError
        if not ball.contains(0):
            return ball ** flint.fmpz(exponent)
        if exponent > _LARGE:
            raise InconclusiveError
        # The library's power of a ball round zero is not a number.
        result, square = None, ball
        while exponent:
            if exponent & 1:
                result = square if result is None else result * square
            square, exponent = square * square, exponent >> 1
        return result

    def power(self, base: Expr, exp: Expr) -> Any:
        if isinstance(exp, Num) and exp.value.denominator == 1:
            return self.integer_power(self.value(base), int(exp.value))
        if base == Const("e"):
            return self.value(exp).exp()
        ball = self.value(base)
        if (literal := _literal(exp)) is not None:
            return self.rational_power(ball, literal)
        exponent = self.value(exp)
        if ball > 0:
            return ball**exponent
        whole = exponent.unique_fmpz() if exponent.is_exact() else None
        if whole is not None:
            return self.integer_power(ball, int(whole))
        if ball.is_zero() and exponent > 0:
            return ball
        if ball.is_zero() and exponent <= 0:
            raise PoleError
        raise OutsideError if ball < 0 and exponent.is_exact() else InconclusiveError

    def rational_power(self, ball: Any, exponent: Fraction) -> Any:
        if exponent.denominator == 1:
            return self.integer_power(ball, int(exponent))
        if exponent.denominator > _LARGE:
            raise InconclusiveError
        return self.integer_power(self.root(ball, exponent.denominator), exponent.numerator)

    def root(self, ball: Any, index: int) -> Any:
        if ball.is_zero():
            return ball
        if ball > 0:
            return ball.sqrt() if index == 2 else ball.root(index)
        if ball < 0:
            if index % 2:
                return -((-ball).root(index))
            raise OutsideError
        raise InconclusiveError

    def inside(self, certainly: bool, certainly_not: bool) -> None:
        if not certainly:
            raise OutsideError if certainly_not else InconclusiveError

    def call(self, name: str, args: list[Any]) -> Any:
        x = args[0]
        if name == "log":
            if x.is_zero():
                raise PoleError
            self.inside(x > 0, x < 0)
            return x.log()
        if name in ("asin", "acos"):
            self.inside(abs(x) <= 1, abs(x) > 1)
        elif name == "acosh":
            self.inside(x >= 1, x < 1)
        elif name == "atanh":
            self.inside(abs(x) < 1, abs(x) >= 1)
        elif name == "abs":
            return abs(x)
        elif name == "sign":
            return x if x.is_zero() else flint.arb(self.sign(x))
        elif name in ("floor", "ceil"):
            rounded = x.floor() if name == "floor" else x.ceil()
            if not rounded.is_exact():
                raise InconclusiveError
            return rounded
        elif name in ("max", "min"):
            for other in args[1:]:
                x = x.max(other) if name == "max" else x.min(other)
            return x
        if name in ("factorial", "binomial"):
            return self.combinatorial(name, args)
        if name == "gamma":
            whole = x.unique_fmpz()
            if whole is not None and whole <= 0:
                raise PoleError if x.is_exact() else InconclusiveError
        elif name in ("cot", "csc", "coth", "csch") and x.is_zero():
            raise PoleError
        return getattr(x, name)()

    def sign(self, ball: Any) -> int:
        if ball > 0:
            return 1
        if ball < 0:
            return -1
        raise InconclusiveError

    def combinatorial(self, name: str, args: list[Any]) -> Any:
        whole: list[Any] = [x.unique_fmpz() if x.is_exact() else None for x in args]
        if any(n is None for n in whole):
            raise OutsideError if all(x.is_exact() for x in args) else InconclusiveError
        if any(n < 0 for n in whole):
            raise OutsideError
        if name == "factorial":
            return (args[0] + 1).gamma()
        n, k = args
        if whole[1] > whole[0]:
            return flint.arb(0)
        return (n + 1).gamma() / ((k + 1).gamma() * (n - k + 1).gamma())


class _Complex(_Real):
    """Evaluation in `acb`: principal values."""

    def number(self, value: Fraction) -> Any:
        return flint.acb(rational(value))

    def variable(self, value: Fraction | tuple[Fraction, Fraction]) -> Any:
        return flint.acb(rational(value[0]), rational(value[1])) if isinstance(value, tuple) else self.number(value)

    def constant(self, name: str) -> Any:
        return flint.acb(0, 1) if name == "i" else flint.acb(super().constant(name))

    def power(self, base: Expr, exp: Expr) -> Any:
        if isinstance(exp, Num) and exp.value.denominator == 1:
            return self.integer_power(self.value(base), int(exp.value))
        if base == Const("e"):
            return self.value(exp).exp()
        ball, exponent = self.value(base), self.value(exp)
        if ball.is_zero():
            if exponent.real > 0:
                return ball
            raise PoleError
        if ball.contains(0):
            raise InconclusiveError
        return ball**exponent

    def root(self, ball: Any, index: int) -> Any:
        if ball.imag.is_zero() and (index % 2 or not ball.real < 0):
            return flint.acb(super().root(ball.real, index))
        if ball.contains(0):
            raise InconclusiveError
        return ball.sqrt() if index == 2 else ball.root(index)

    def call(self, name: str, args: list[Any]) -> Any:
        x = args[0]
        if name == "abs":
            return flint.acb(abs(x))
        if name in ("sign", "floor", "ceil", "max", "min", "factorial", "binomial"):
            if not all(a.imag.is_zero() for a in args):
                raise InconclusiveError
            return flint.acb(super().call(name, [a.real for a in args]))
        if name == "log" and x.is_zero():
            raise PoleError
        if name == "gamma" and x.imag.is_zero():
            return flint.acb(super().call(name, [x.real]))
        if name in ("cot", "csc", "coth", "csch") and x.is_zero():
            raise PoleError
        return getattr(x, name)()


class _RealAtBall(_Real):
    """Where the point's values are balls already."""

    def variable(self, value: Any) -> Any:
        return value


class ComplexAtBall(_Complex):
    """Evaluation in `acb` where each variable is somewhere in a ball."""

    def variable(self, value: Any) -> Any:
        """The ball itself."""
        return flint.acb(value)


def _literal(expr: Expr) -> Fraction | None:
    """The rational that a written exponent such as `1/3` or `-2/3` is."""
    match expr:
        case Num(value):
            return value
        case Div(top, bottom):
            above, below = _literal(top), _literal(bottom)
            return None if above is None or not below else above / below
        case Mul((Num(value), rest)):
            factor = _literal(rest)
            return None if factor is None else value * factor
    return None
