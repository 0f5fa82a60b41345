"""Exact decisions: rational functions over Q, and a separation bound for expressions in radicals.

Neither uses floating point. `difference` treats every function value that is not rational (`sin(x)`, `sqrt(2)`, `pi`)
as a new variable, the same one wherever its argument is the same rational function: a difference that vanishes then
vanishes identically; one that does not and holds no such variable is certainly not zero.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from modulo.verifiers.math_nodes import Add, Call, Const, Div, Expr, Mul, Num, Pow, Sym, symbols

__all__ = ["Difference", "difference", "root_bound_bits"]

_ATOMS = 24
_MAX_TERMS = 4_000
_MAX_DEGREE = 400
_MAX_BITS = 60_000


class _TooLargeError(Exception):
    """Not worth computing exactly."""


class DivisionByZeroError(Exception):
    """A denominator is identically zero."""


@dataclass(frozen=True)
class Difference:
    """A − B as a quotient: whether it is identically zero, and whether that is certain if it is not.

    Attributes:
        variables: names of variables it still depends on.
        opaque: whether function values were treated as variables.
        constant: the value, where it is a rational number.
        whole: whether it is a polynomial in variables and function values.
    """

    zero: bool
    variables: frozenset[str]
    opaque: bool
    constant: Fraction | None
    whole: bool


def difference(left: Expr, right: Expr) -> Difference | None:
    """`left − right` in lowest terms, or `None` if that would be too much work.

    Raises:
        DivisionByZeroError: one of them divides by something identically zero.
    """
    try:
        return _Field(sorted(symbols(left) | symbols(right))).difference(left, right)
    except _TooLargeError:
        return None


Quotient = tuple[Any, Any]


class _Field:
    def __init__(self, names: list[str]) -> None:
        if len(names) > 12:
            raise _TooLargeError
        self._names = names
        self._ring = flint.fmpq_mpoly_ctx.get(
            [f"v{i}" for i in range(len(names))] + [f"a{i}" for i in range(_ATOMS)], "degrevlex"
        )
        self._gens = self._ring.gens()
        self._atoms: dict[tuple[str, ...], Any] = {}
        self._one = self._ring.constant(1)

    def difference(self, left: Expr, right: Expr) -> Difference:
        top, bottom = self._add(self.convert(left), self._negative(self.convert(right)))
        used = top.degrees() if not top.is_zero() else (0,) * len(self._gens)
        below = bottom.degrees()
        together = [max(a, b) for a, b in zip(used, below, strict=True)]
        constant = None
        if top.is_zero():
            constant = Fraction(0)
        elif not any(together):
            value = top.coefficient(0) / bottom.coefficient(0)
            constant = Fraction(int(value.p), int(value.q))
        return Difference(
            zero=bool(top.is_zero()),
            variables=frozenset(n for n, d in zip(self._names, together, strict=False) if d)
            | frozenset(
                n for key, gen in self._atoms.items() if together[self._gens.index(gen)] for n in key[-1].split()
            ),
            opaque=any(together[len(self._names) :]),
            constant=constant,
            whole=bool(bottom.is_constant()),
        )

    def convert(self, expr: Expr) -> Quotient:
        match expr:
            case Num(value):
                if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_BITS:
                    raise _TooLargeError
                return self._ring.constant(flint.fmpq(value.numerator, value.denominator)), self._one
            case Sym(name):
                return self._gens[self._names.index(name)], self._one
            case Const(name):
                return self._imaginary() if name == "i" else self._atom((name,), expr)
            case Add(args):
                total = self.convert(args[0])
                for term in args[1:]:
                    total = self._add(total, self.convert(term))
                return total
            case Mul(args):
                total = self.convert(args[0])
                for factor in args[1:]:
                    total = self._multiply(total, self.convert(factor))
                return total
            case Div(top, bottom):
                return self._multiply(self.convert(top), self._inverse(self.convert(bottom)))
            case Pow(base, exp):
                return self._power(base, exp)
            case Call("tan" | "tanh" as name, (inner,)):
                return self.convert(Div(Call("sin" + name[3:], (inner,)), Call("cos" + name[3:], (inner,))))
            case Call(name, args):
                return self._function(name, args, expr)
        raise _TooLargeError

    def _function(self, name: str, args: tuple[Expr, ...], expr: Expr) -> Quotient:
        parts = [self.convert(a) for a in args]
        if name == "factorial" and isinstance(args[0], Num) and args[0].value in range(1001):
            return self._ring.constant(math.factorial(int(args[0].value))), self._one
        if name == "binomial" and all(isinstance(a, Num) and a.value in range(1001) for a in args):
            top, bottom = (int(self._fixed(part) or 0) for part in parts)
            return self._ring.constant(math.comb(top, bottom)), self._one
        return self._atom((name, *(self._key(p) for p in parts)), expr)

    def _power(self, base: Expr, exp: Expr) -> Quotient:
        below = self.convert(base)
        exponent = self.convert(exp)
        fixed = self._fixed(exponent)
        if fixed is not None and fixed.denominator == 1:
            with contextlib.suppress(_TooLargeError):
                return self._integer_power(below, int(fixed))
        return self._atom(("pow", self._key(below), self._key(exponent)), Pow(base, exp))

    def _integer_power(self, base: Quotient, exponent: int) -> Quotient:
        if exponent < 0:
            base, exponent = self._inverse(base), -exponent
        elif exponent == 0 and base[0].is_zero():
            raise DivisionByZeroError
        found: Quotient = (self._one, self._one)
        for part, index in ((base[0], 0), (base[1], 1)):
            terms, degree = len(part), 0 if part.is_zero() else part.total_degree()
            bits = max((_bits(c) for c in part.coeffs()), default=1)
            if exponent > 1 and (
                degree * exponent > _MAX_DEGREE
                or (terms > 1 and math.comb(min(terms + exponent, 5_000) - 1, min(terms - 1, 40)) > _MAX_TERMS)
                or exponent * (bits + terms.bit_length()) > _MAX_BITS
            ):
                raise _TooLargeError
            found = (part**exponent, found[1]) if index == 0 else (found[0], part**exponent)
        return found

    def _fixed(self, quotient: Quotient) -> Fraction | None:
        top, bottom = quotient
        if not (top.is_constant() and bottom.is_constant()):
            return None
        value = (top.coefficient(0) if not top.is_zero() else flint.fmpq(0)) / bottom.coefficient(0)
        return Fraction(int(value.p), int(value.q))

    def _imaginary(self) -> Quotient:
        return self._atom(("i",), Const("i"))

    def _key(self, quotient: Quotient) -> str:
        top, bottom = self._reduced(quotient)
        leading = bottom.leading_coefficient()
        return f"{top / leading}|{bottom / leading}"

    def _atom(self, key: tuple[str, ...], expr: Expr) -> Quotient:
        key = (*key, " ".join(sorted(symbols(expr))))
        if key not in self._atoms:
            if len(self._atoms) == _ATOMS:
                raise _TooLargeError
            self._atoms[key] = self._gens[len(self._names) + len(self._atoms)]
        return self._atoms[key], self._one

    def _negative(self, quotient: Quotient) -> Quotient:
        return -quotient[0], quotient[1]

    def _inverse(self, quotient: Quotient) -> Quotient:
        if quotient[0].is_zero():
            raise DivisionByZeroError
        return quotient[1], quotient[0]

    def _add(self, a: Quotient, b: Quotient) -> Quotient:
        if a[1] == b[1]:
            return self._reduced((a[0] + b[0], a[1]))
        self._small(a[0], b[1])
        self._small(b[0], a[1])
        self._small(a[1], b[1])
        return self._reduced((a[0] * b[1] + b[0] * a[1], a[1] * b[1]))

    def _multiply(self, a: Quotient, b: Quotient) -> Quotient:
        self._small(a[0], b[0])
        self._small(a[1], b[1])
        return self._reduced((a[0] * b[0], a[1] * b[1]))

    def _small(self, a: Any, b: Any) -> None:
        if len(a) * len(b) > _MAX_TERMS or max((_bits(c) for p in (a, b) for c in p.coeffs()), default=0) > _MAX_BITS:
            raise _TooLargeError

    def _reduced(self, quotient: Quotient) -> Quotient:
        top, bottom = quotient
        if top.is_zero():
            return top, self._one
        if bottom.is_one():
            return quotient
        if bottom.is_constant():
            return top / bottom.coefficient(0), self._one
        common = top.gcd(bottom)
        return (top, bottom) if common.is_one() else (top / common, bottom / common)


def _bits(value: Any) -> int:
    return max(int(value.p).bit_length(), int(value.q).bit_length())


def root_bound_bits(expr: Expr) -> float | None:
    """Bits b such that a constant built from rationals by + − · / and roots is zero, or at least 2^−b in size.

    The bound of Burnikel, Fleischer, Mehlhorn and Schirra (Algorithmica 27, 2000). Write E = U/L with U, L algebraic
    integers of degree at most D = the product of the root indices, all conjugates of U at most u and of L at most l in
    size. The norm of U is a non-zero integer, so |U| ≥ u^−(D−1), and |E| ≥ u^−(D−1) / l.
    `None` if the expression holds anything else, or the bound is useless.
    """
    degrees: dict[tuple[Expr, int], int] = {}

    def go(node: Expr) -> tuple[float, float]:
        """log2 of u and of l, each at least 0."""
        match node:
            case Num(value):
                return _log2(abs(value.numerator)), _log2(value.denominator)
            case Const("i"):
                degrees[node, 2] = 2
                return 0.0, 0.0
            case Add(args):
                parts = [go(a) for a in args]
                low = sum(below for _, below in parts)
                return max(above + low - below for above, below in parts) + math.log2(len(parts)), low
            case Mul(args):
                parts = [go(a) for a in args]
                return sum(above for above, _ in parts), sum(below for _, below in parts)
            case Div(top, bottom):
                (u1, l1), (u2, l2) = go(top), go(bottom)
                return u1 + l2, l1 + u2
            case Call("root", (inner, Num(index))):
                return root(inner, int(index))
            case Pow(base, Num(value)):
                above, below = go(base) if value.denominator == 1 else root(base, value.denominator)
                if value < 0:
                    above, below = below, above
                return above * abs(value.numerator), below * abs(value.numerator)
            case Pow(base, Div(Num(top), Num(bottom))) if bottom != 0:
                return go(Pow(base, Num(top / bottom)))
        raise _TooLargeError

    def root(inner: Expr, index: int) -> tuple[float, float]:
        degrees[inner, index] = index
        above, below = go(inner)
        return (above + (index - 1) * below) / index, below

    try:
        above, below = go(expr)
    except _TooLargeError:
        return None
    degree = math.prod(degrees.values())
    bits = (degree - 1) * above + below + 8
    return bits * 1.001 if bits < _MAX_BITS else None


def _log2(value: int) -> float:
    return math.log2(value) if value > 1 else 0.0
