"""Derivatives of expression trees by the rules of calculus."""

from __future__ import annotations

from modulo.verifiers.math_nodes import Add, Call, Const, Div, Expr, Mul, Num, Pow, Sym, number, symbols

__all__ = ["NotDifferentiableError", "derivative"]

_ZERO, _ONE, _TWO = number(0), number(1), number(2)


class NotDifferentiableError(Exception):
    """Holds the name of the function that has no derivative here."""


def derivative(expr: Expr, by: str) -> Expr:
    """d(expr)/d(by).

    Raises:
        NotDifferentiableError: a part that depends on the variable jumps, or is only defined on integers.
    """
    if by not in symbols(expr):
        return _ZERO
    match expr:
        case Sym():
            return _ONE
        case Add(args):
            return _sum([derivative(a, by) for a in args])
        case Mul(args):
            terms = []
            for position, factor in enumerate(args):
                inner = derivative(factor, by)
                if inner != _ZERO:
                    terms.append(_product([*args[:position], inner, *args[position + 1 :]]))
            return _sum(terms)
        case Div(top, bottom):
            above, below = derivative(top, by), derivative(bottom, by)
            if below == _ZERO:
                return _quotient(above, bottom)
            return _quotient(_sum([_product([above, bottom]), _product([number(-1), top, below])]), Pow(bottom, _TWO))
        case Pow(base, exp):
            return _power(base, exp, by)
        case Call("root", (inner, Num() as n)):
            return _product([_quotient(expr, _product([n, inner])), derivative(inner, by)])
        case Call(name, (inner,)):
            return _product([_outer(name, inner, expr), derivative(inner, by)])
        case Call(name, _):
            raise NotDifferentiableError(name)
    raise NotDifferentiableError(type(expr).__name__)


def _power(base: Expr, exp: Expr, by: str) -> Expr:
    whole = Pow(base, exp)
    if by not in symbols(exp):
        reduced = Num(exp.value - 1) if isinstance(exp, Num) else None
        rest: Expr
        if reduced is None:
            rest = _quotient(whole, base)
        elif reduced == _ONE:
            rest = base
        else:
            rest = Pow(base, reduced)
        return _product([exp, rest, derivative(base, by)])
    growth = _product([derivative(exp, by), _ONE if base == Const("e") else Call("log", (base,))])
    if by not in symbols(base):
        return _product([whole, growth])
    return _product([whole, _sum([growth, _quotient(_product([exp, derivative(base, by)]), base)])])


def _outer(name: str, x: Expr, whole: Expr) -> Expr:
    """The derivative of a function of one argument, at `x`."""
    square = Pow(x, _TWO)
    below = Add((_ONE, Mul((number(-1), square))))
    match name:
        case "sin":
            return Call("cos", (x,))
        case "cos":
            return Mul((number(-1), Call("sin", (x,))))
        case "tan":
            return Div(_ONE, Pow(Call("cos", (x,)), _TWO))
        case "cot":
            return Div(number(-1), Pow(Call("sin", (x,)), _TWO))
        case "sec":
            return Mul((whole, Call("tan", (x,))))
        case "csc":
            return Mul((number(-1), whole, Call("cot", (x,))))
        case "asin":
            return Div(_ONE, Call("root", (below, _TWO)))
        case "acos":
            return Div(number(-1), Call("root", (below, _TWO)))
        case "atan":
            return Div(_ONE, Add((_ONE, square)))
        case "sinh":
            return Call("cosh", (x,))
        case "cosh":
            return Call("sinh", (x,))
        case "tanh":
            return Div(_ONE, Pow(Call("cosh", (x,)), _TWO))
        case "coth":
            return Div(number(-1), Pow(Call("sinh", (x,)), _TWO))
        case "sech":
            return Mul((number(-1), whole, Call("tanh", (x,))))
        case "csch":
            return Mul((number(-1), whole, Call("coth", (x,))))
        case "asinh":
            return Div(_ONE, Call("root", (Add((square, _ONE)), _TWO)))
        case "acosh":
            minus, plus = Add((x, number(-1))), Add((x, _ONE))
            return Div(_ONE, Mul((Call("root", (minus, _TWO)), Call("root", (plus, _TWO)))))
        case "atanh":
            return Div(_ONE, below)
        case "log":
            return Div(_ONE, x)
        case "abs":
            return Div(x, whole)
        case "erf":
            gauss = Pow(Const("e"), Mul((number(-1), square)))
            return Mul((Div(_TWO, Call("root", (Const("pi"), _TWO))), gauss))
    raise NotDifferentiableError(name)


def _sum(terms: list[Expr]) -> Expr:
    kept = [t for t in terms if t != _ZERO]
    return _ZERO if not kept else kept[0] if len(kept) == 1 else Add(tuple(kept))


def _product(factors: list[Expr]) -> Expr:
    if _ZERO in factors:
        return _ZERO
    scale, kept = number(1).value, list[Expr]()
    for factor in factors:
        for part in factor.args if isinstance(factor, Mul) else (factor,):
            if isinstance(part, Num):
                scale *= part.value
            else:
                kept.append(part)
    if not kept or scale != 1:
        kept.insert(0, Num(scale))
    return kept[0] if len(kept) == 1 else Mul(tuple(kept))


def _quotient(top: Expr, bottom: Expr) -> Expr:
    return _ZERO if top == _ZERO else Div(top, bottom)
