"""Does an equation follow from others? For the lines of a derivation.

*follows*: it is an identity, or a multiple of a line above, or holds after the lines above are put in, or at every root
of the lines above, or is a consequence of linear equations, or lies in the ideal of polynomial ones.
*fails*: certified. There are values that satisfy the lines above and not this one.
*undecided*: neither was shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import flint

from modulo.verifiers.math_balls import InconclusiveError, OutsideError, PoleError, at_ball, precision, rational
from modulo.verifiers.math_compare import label
from modulo.verifiers.math_equal import Settings, compare
from modulo.verifiers.math_exact import DivisionByZeroError, difference
from modulo.verifiers.math_nodes import (
    Add,
    Div,
    Equation,
    Expr,
    FiniteSet,
    Mul,
    Num,
    Obj,
    Sym,
    is_expr,
    negated,
    number,
    size,
    substituted,
    symbols,
    walk,
)
from modulo.verifiers.math_poly import Ratio, in_domain, ratio, roots

__all__ = ["Inference", "as_zero", "coefficients", "follows"]

_BITS = 512
_MAX_BITS = 50_000
_MAX_SIZE = 3_000


@dataclass(frozen=True)
class Inference:
    """Whether it follows, how that was decided, and if not, what shows it."""

    verdict: Literal["follows", "fails", "undecided"]
    proof: bool = False
    method: str = ""
    why: str = ""


def as_zero(statement: Obj) -> Expr | None:
    """An expression that is zero exactly where the statement holds: `a = b`, or `x = 1 or x = 2`."""
    if isinstance(statement, Equation) and is_expr(statement.right):
        return Add((statement.left, negated(statement.right)))  # type: ignore[arg-type]
    if isinstance(statement, FiniteSet) and statement.items:
        names = {label(item) for item in statement.items} - {None}
        name = next(iter(names)) if len(names) == 1 else None
        factors: list[Expr] = []
        for item in statement.items:
            if isinstance(item, Equation) and label(item) == name and is_expr(item.right) and name is not None:
                factors.append(Add((Sym(name), negated(item.right))))  # type: ignore[arg-type]
            elif is_expr(item) and name is not None and len(factors) > 0:
                factors.append(Add((Sym(name), negated(item))))  # type: ignore[arg-type]
            else:
                return None
        return factors[0] if len(factors) == 1 else Mul(tuple(factors))
    return None


def follows(new: Expr, facts: Sequence[Expr], settings: Settings) -> Inference:
    """Whether `new = 0` follows from all `facts = 0`."""
    zero = compare(new, number(0), settings)
    if zero.verdict == "equal":
        return Inference("follows", zero.proof, "identity")
    for fact in facts:
        if _multiple(new, fact):
            return Inference("follows", True, "a multiple of a line above")
    put_in = _put_in(new, facts)
    if put_in is not new and size(put_in) < _MAX_SIZE:
        found = compare(put_in, number(0), settings)
        if found.verdict == "equal":
            return Inference("follows", found.proof, "putting in the lines above")
        if found.verdict == "different" and not symbols(put_in) and found.why == "":
            return Inference("fails", method="putting in the lines above")
    for fact in facts:
        if _multiple(put_in, _put_in(fact, [other for other in facts if other is not fact])):
            return Inference("follows", True, "putting in the lines above")
    names = sorted(symbols(new).union(*map(symbols, facts)))
    return (
        _at_roots(new, facts, names, settings)
        or _linear(new, facts, names)
        or _in_ideal(new, facts, names)
        or Inference("undecided", why="it could not be derived from the lines above")
    )


def _multiple(new: Expr, fact: Expr) -> bool:
    """Whether they differ by a constant factor."""
    try:
        found = difference(Div(new, fact), number(0))
    except DivisionByZeroError:
        return False
    return found is not None and found.constant is not None and found.constant != 0


def _put_in(new: Expr, facts: Sequence[Expr]) -> Expr:
    """`new` with every name replaced for which a fact `name − value = 0` gives a value without it."""
    values: dict[str, Expr] = {}
    for fact in facts:
        match fact:
            case Add((Sym(name), value)) if name not in symbols(value) and name not in values:
                value = substituted(negated(value), values)
                if name in symbols(value) or size(value) > _MAX_SIZE:
                    continue
                values = {n: substituted(v, {name: value}) for n, v in values.items()} | {name: value}
    return substituted(new, values) if values.keys() & symbols(new) else new


def _at_roots(new: Expr, facts: Sequence[Expr], names: list[str], settings: Settings) -> Inference | None:
    """With one unknown: `new` at each common root of the polynomials above."""
    if len(names) != 1 or not facts:
        return None
    name = names[0]
    known = [found for fact in facts if (found := ratio(fact, name)) is not None and found.top.degree() > 0]
    if not known or len(known) != len(facts):
        return None
    top = known[0].top
    for other in known[1:]:
        top = top.gcd(other.top)
    lost = flint.fmpq_poly([1])
    for other in known:
        lost = lost * other.cancelled
    # Enough to tell a root from what is written here: |q - r| is not below the height of q to the degree of r.
    bits = _BITS + 4 * max(top.degree(), 1) * _height(new)
    if bits > _MAX_BITS:
        return None
    with precision(bits):
        zeros = roots(Ratio(top, flint.fmpq_poly([1]), lost))
        certain = True
        domain = settings.domains.get(name, "real")
        for root in zeros or []:
            inside = in_domain(root, domain)
            if inside is False:
                continue
            ball = _value(new, name, root.ball, real=domain != "complex")
            if ball is None or inside is None:
                certain = False
            elif ball.contains(0):
                certain = certain and bool(abs(ball) < rational(Fraction(1, 2 ** (bits // 2))))
            else:
                shown = str(root.ball.real.str(6, radius=False)) if root.real else str(root.ball.str(6, radius=False))
                return Inference(
                    "fails", method="roots", why=f"{name} = {shown} solves the lines above, but not this one"
                )
    return Inference("follows", False, "roots") if certain and zeros is not None else None


def _height(expr: Expr) -> int:
    """Bits of all numbers in it."""
    nums = (node.value for node in walk(expr) if isinstance(node, Num))
    return sum(value.numerator.bit_length() + value.denominator.bit_length() for value in nums)


def _value(expr: Expr, name: str, ball: Any, *, real: bool) -> Any:
    try:
        return at_ball(expr, {name: ball.real if real else ball}, real=real)
    except (OutsideError, PoleError, InconclusiveError):
        return None


def _linear(new: Expr, facts: Sequence[Expr], names: list[str]) -> Inference | None:
    """Linear equations: `new` adds nothing to the rank of those above."""
    rows = [coefficients(expr, names) for expr in (*facts, new)]
    if any(row is None for row in rows) or not facts:
        return None
    table: list[list[Any]] = [list(map(_fmpq, row)) for row in rows if row is not None]
    above = flint.fmpq_mat(table[:-1])
    if above.rank() != flint.fmpq_mat([row[:-1] for row in table[:-1]]).rank():
        return Inference("undecided", why="the lines above contradict each other")
    if flint.fmpq_mat(table).rank() == above.rank():
        return Inference("follows", True, "linear equations")
    return Inference("fails", method="linear equations", why="values that satisfy the lines above do not satisfy it")


def coefficients(expr: Expr, names: list[str]) -> list[Fraction] | None:
    """Coefficients and constant of a linear expression."""
    values: list[Fraction] = []
    origin = {name: Fraction(0) for name in names}
    try:
        found = difference(expr, number(0))
        if found is None or found.opaque:
            return None
        with precision(128):
            base = _rational_value(expr, origin)
            if base is None:
                return None
            for name in names:
                at = _rational_value(expr, {**origin, name: Fraction(1)})
                if at is None:
                    return None
                values.append(at - base)
    except DivisionByZeroError:
        return None
    line = Add((*(Mul((Num(v), Sym(n))) for v, n in zip(values, names, strict=True)), Num(base)))
    same = difference(expr, line)
    return [*values, base] if same is not None and same.zero else None


def _rational_value(expr: Expr, point: dict[str, Fraction]) -> Fraction | None:
    """The exact value at a rational point, if it is rational and small."""
    put = substituted(expr, {name: Num(value) for name, value in point.items()})
    try:
        found = difference(put, number(0))
    except DivisionByZeroError:
        return None
    return None if found is None else found.constant


def _in_ideal(new: Expr, facts: Sequence[Expr], names: list[str]) -> Inference | None:
    """Polynomial equations: `new` is a combination of those above. Small ones only: a Gröbner basis may explode."""
    if not facts or len(facts) > 6 or len(names) > 5:
        return None
    from modulo.verifiers.math_sympy import polynomial

    polynomials = [polynomial(expr, names, degree=6) for expr in (*facts, new)]
    if any(found is None for found in polynomials):
        return None
    from sympy import groebner

    *above, last = polynomials
    basis = groebner(above, domain="QQ", order="grevlex")
    return Inference("follows", True, "polynomial combination") if basis.contains(last) else None


def _fmpq(value: Fraction) -> Any:
    return flint.fmpq(value.numerator, value.denominator)
