"""Expression trees as sympy objects, built node by node: no text is ever handed to sympy's parsers.

A tree of the *spec* may be evaluated by sympy as it likes. A tree of a candidate is only ever turned into a polynomial,
after its degree and the size of its numbers were checked here.
"""

from __future__ import annotations

from typing import Any

from modulo.verifiers.math_nodes import Add, Call, Const, Div, Expr, Mul, Num, Pow, Sym

__all__ = ["polynomial", "shape", "to_sympy"]

_FUNCTIONS = {
    "log": "log",
    "abs": "Abs",
    "sign": "sign",
    "floor": "floor",
    "ceil": "ceiling",
    "factorial": "factorial",
    "binomial": "binomial",
    "max": "Max",
    "min": "Min",
}


def to_sympy(expr: Expr, symbols: dict[str, Any]) -> Any:
    """The tree as a sympy expression in the given symbols; others are real ones."""
    import sympy

    def go(node: Expr) -> Any:
        match node:
            case Num(value):
                return sympy.Rational(value.numerator, value.denominator)
            case Const(name):
                return {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "oo": sympy.oo}[name]
            case Sym(name):
                return symbols.setdefault(name, sympy.Symbol(name, real=True))
            case Add(args):
                return sympy.Add(*map(go, args))
            case Mul(args):
                return sympy.Mul(*map(go, args))
            case Div(top, bottom):
                return go(top) / go(bottom)
            case Pow(base, exp):
                return go(base) ** go(exp)
            case Call("root", (inner, Num(index))):
                base, whole = go(inner), int(index)
                return sympy.real_root(base, whole) if whole % 2 else sympy.root(base, whole)
            case Call(name, args):
                return getattr(sympy, _FUNCTIONS.get(name, name))(*map(go, args))
        raise TypeError(type(node).__name__)

    return go(expr)


def polynomial(expr: Expr, names: list[str], *, degree: int) -> Any:
    """The tree as a sympy `Poly` over Q in `names`, or `None` if it is none of at most that degree, or a large one."""
    import sympy

    gens = [sympy.Symbol(name) for name in names]
    one = sympy.Poly(1, *gens, domain="QQ")

    def go(node: Expr) -> Any:
        match node:
            case Num(value) if max(value.numerator.bit_length(), value.denominator.bit_length()) <= 500:
                return one * sympy.Rational(value.numerator, value.denominator)
            case Sym(name):
                return sympy.Poly(gens[names.index(name)], *gens, domain="QQ")
            case Add(args):
                return sum((go(a) for a in args[1:]), go(args[0]))
            case Mul(args):
                total = go(args[0])
                for factor in args[1:]:
                    total = small(total * go(factor))
                return total
            case Div(top, Num(value)) if value:
                return go(top) * sympy.Rational(value.denominator, value.numerator)
            case Pow(base, Num(exponent)) if exponent.denominator == 1 and 0 <= exponent <= degree:
                return small(go(base) ** int(exponent))
        raise OverflowError

    def small(found: Any) -> Any:
        if found.total_degree() > degree or len(found.terms()) > 60:
            raise OverflowError
        return found

    try:
        return go(expr)
    except OverflowError:
        return None


def shape(zeros: list[Expr], names: list[str], *, degree: int) -> list[Any] | None:
    """Coefficients, from the constant on, of the last polynomial of a lexicographic Gröbner basis in shape position.

    `[1]` if the polynomials have no common zero, `None` if they are none of at most that degree, or in another shape.
    """
    from sympy import groebner

    polynomials = [polynomial(zero, names, degree=degree) for zero in zeros]
    if any(found is None for found in polynomials):
        return None
    gens = polynomials[0].gens
    basis = groebner([found.as_expr() for found in polynomials], *gens, domain="QQ", order="lex").polys
    leads = {found.monoms(order="lex")[0] for found in basis}
    if leads == {(0,) * len(names)}:
        return [basis[0].LC()]
    alone = {tuple(int(i == j) for j in range(len(names))) for i in range(len(names) - 1)}
    rest = leads - alone
    if not alone <= leads or len(rest) != 1 or any(next(iter(rest))[:-1]):
        return None
    last = next(found for found in basis if found.monoms(order="lex")[0] in rest)
    return list(reversed(last.as_expr().as_poly(last.gens[-1]).all_coeffs()))
