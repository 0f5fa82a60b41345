"""Where an expression may be undefined, or jump: what is read off its parts, without a sample point.

A single point is never sampled by chance, so what differs from the expected answer at one point only must be found in
the way the candidate is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice

from modulo.verifiers.math_balls import InconclusiveError, OutsideError, PoleError, evaluate, precision
from modulo.verifiers.math_exact import DivisionByZeroError, difference
from modulo.verifiers.math_nodes import (
    Add,
    Call,
    Const,
    Div,
    Expr,
    Mul,
    Num,
    Obj,
    Pow,
    Sym,
    is_expr,
    number,
    symbols,
    walk,
)

__all__ = ["idle_hole", "more_holes", "more_steps"]

_EVERYWHERE = frozenset(
    ["exp", "sin", "cos", "sinh", "cosh", "tanh", "atan", "asinh", "erf", "cbrt", "abs", "sign", "floor"]
) | {"ceil", "max", "min"}
_STEPS = frozenset(["sign", "floor", "ceil", "binomial"])
_MOST = 200


def more_holes(candidate: Expr, reference: Expr) -> bool:
    """Whether the candidate may be undefined somewhere where the reference is defined.

    False is certain: each of its denominators divides a power of the reference's, and each other part that is not
    defined everywhere is a part of the reference too.
    """
    known = list(_partial(reference))
    product: Expr = number(1)
    for node in known:
        product = Mul((product, _denominator(node) or number(1)))
    return any(not _covered(node, known, product) for node in _partial(candidate))


def idle_hole(candidate: Expr, reference: Expr) -> bool:
    """Whether a part that adds nothing to the candidate's value makes it undefined somewhere, as `0/x` does.

    Fractions that are not in lowest terms are none: (x²−1)/(x−1) is accepted for x+1.
    """
    for node in islice((n for n in walk(candidate) if isinstance(n, Add | Mul | Div)), _MOST):
        if isinstance(node, Add):
            extra = tuple(term for term in node.args if more_holes(term, reference))
            if extra and len(extra) < len(node.args) and _constant(Add((*extra, number(0)))) is not None:
                return True
        elif more_holes(node, reference) and _constant(node) == 0:
            return True
    return False


def more_steps(candidate: Expr, reference: Expr) -> bool:
    """Whether the candidate holds a step function of its variables that the reference lacks: floor, sign, 0^x."""
    known = [node for node in walk(reference) if isinstance(node, Call | Pow)]
    steps = [node for node in walk(candidate) if isinstance(node, Call | Pow) and _is_step(node)]
    return any(not any(_same(node, other) for other in known) for node in steps)


def _is_step(node: Call | Pow) -> bool:
    if isinstance(node, Call):
        return node.name in _STEPS and bool(symbols(node))
    return bool(symbols(node.exp)) and _vanishes(node.base)


def _vanishes(base: Expr) -> bool:
    """Whether it is zero at a point where nothing is zero by chance."""
    point = {name: Fraction(12_347 + 1_009 * i, 4_099) for i, name in enumerate(sorted(symbols(base)))}
    for sign in (1, -1):
        with precision(128):
            try:
                ball = evaluate(base, {name: sign * value for name, value in point.items()}, real=True)
            except (OutsideError, PoleError, InconclusiveError):
                continue
        if ball.contains(0):
            return True
    return False


def _partial(expr: Expr) -> Iterator[Expr]:
    """Parts with variables that are not defined everywhere on the real line."""
    for node in walk(expr):
        match node:
            case Div(_, bottom) if symbols(bottom):
                yield node
            case Pow(base, exp) if symbols(node) and not _total_power(base, exp):
                yield node
            case Call("root", (_, Num(index))) if index.numerator % 2 and index.denominator == 1:
                continue
            case Call(name, _) if symbols(node) and name not in _EVERYWHERE:
                yield node


def _total_power(base: Expr, exp: Expr) -> bool:
    if isinstance(base, Num | Const):
        return base in (Const("e"), Const("pi")) or (isinstance(base, Num) and base.value > 0)
    return (value := _constant(exp)) is not None and value > 0 and value.denominator % 2 == 1


def _denominator(node: Expr) -> Expr | None:
    """What must not be zero for the node to be defined, if that is all there is to it."""
    match node:
        case Div(_, bottom):
            return bottom
        case Pow(base, exp) if (value := _constant(exp)) is not None and value.denominator == 1:
            return base
        case Call("tan" | "sec", (inner,)):
            return Call("cos", (inner,))
        case Call("cot" | "csc", (inner,)):
            return Call("sin", (inner,))
    return None


def _covered(node: Expr, known: list[Expr], product: Expr) -> bool:
    if any(_same(node, other) for other in known):
        return True
    if (bottom := _denominator(node)) is None:
        return False
    try:
        found = difference(Div(Pow(product, number(3)), bottom), number(0))
    except DivisionByZeroError:
        return False
    return found is not None and found.whole


def _same(node: Expr, other: Obj) -> bool:
    """The same function of arguments that are identically equal."""
    match node, other:
        case Call(name, args), Call(theirs, others) if name == theirs and len(args) == len(others):
            return all(_constant(_minus(a, b)) == 0 for a, b in zip(args, others, strict=True))
        case Pow(base, exp), Pow(below, above):
            return _constant(_minus(base, below)) == 0 and _constant(_minus(exp, above)) == 0
    return is_expr(other) and node == other


def _minus(left: Expr, right: Expr) -> Expr:
    return number(0) if left == right else Add((left, Mul((number(-1), right))))


def _constant(expr: Expr) -> Fraction | None:
    """The rational number that it is wherever it is defined, or `None`."""
    if isinstance(expr, Num):
        return expr.value
    if isinstance(expr, Sym):
        return None
    try:
        found = difference(expr, number(0))
    except DivisionByZeroError:
        return None
    return None if found is None else found.constant
