"""Expression trees of the `math` verifier: plain data that no library ever evaluates as code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

__all__ = [
    "Add",
    "Brackets",
    "Call",
    "Const",
    "Div",
    "Equation",
    "Expr",
    "FiniteSet",
    "Matrix",
    "Mul",
    "Num",
    "Obj",
    "Pow",
    "Relation",
    "Sym",
    "Text",
    "Union",
    "is_expr",
    "negated",
    "number",
    "shown",
    "size",
    "substituted",
    "symbols",
    "walk",
]


@dataclass(frozen=True, slots=True)
class Num:
    """An exact rational."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Const:
    """`pi`, `e`, `i`, or `oo` (infinity, which only ever stands alone or under a minus sign)."""

    name: str


@dataclass(frozen=True, slots=True)
class Sym:
    """A variable, such as `x` or `x_1`."""

    name: str


@dataclass(frozen=True, slots=True)
class Add:
    """A sum of two or more terms."""

    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Mul:
    """A product of two or more factors."""

    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Div:
    """A quotient."""

    top: Expr
    bottom: Expr


@dataclass(frozen=True, slots=True)
class Pow:
    """A power."""

    base: Expr
    exp: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the allow list (`math_functions.py`). `root(x, n)` is the n-th root, real for odd n."""

    name: str
    args: tuple[Expr, ...]


Expr: TypeAlias = Num | Const | Sym | Add | Mul | Div | Pow | Call


@dataclass(frozen=True, slots=True)
class Brackets:
    """A tuple, list or interval: `(1, 2)`, `[0, oo)`. Which of them is told by nothing but the brackets."""

    left: str
    items: tuple[Obj, ...]
    right: str


@dataclass(frozen=True, slots=True)
class FiniteSet:
    """Values without order: `{1, 2}`, or a bare `1, 2`."""

    items: tuple[Obj, ...]


@dataclass(frozen=True, slots=True)
class Either(FiniteSet):
    """Alternatives that are no values of one unknown: `x < 1 or x > 2`. Joined by a comma or "and" they all hold."""


@dataclass(frozen=True, slots=True)
class Union:
    """A union of intervals and sets."""

    items: tuple[Obj, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix, by rows of equal length."""

    rows: tuple[tuple[Expr, ...], ...]


@dataclass(frozen=True, slots=True)
class Equation:
    """`left = right`; `x ∈ S` is read as one too."""

    left: Expr
    right: Obj


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain of inequalities, `0 < x ≤ 1`: one operator (`<` or `<=`) between each two sides, turned to ascend."""

    sides: tuple[Expr, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A word in `\\text{…}`, standing alone."""

    text: str


Obj: TypeAlias = Expr | Brackets | FiniteSet | Union | Matrix | Equation | Relation | Text


def number(value: int | Fraction) -> Num:
    """An exact number."""
    return Num(Fraction(value))


def is_expr(obj: Obj) -> bool:
    """True of a single value, as opposed to sets, equations and the like."""
    return isinstance(obj, Num | Const | Sym | Add | Mul | Div | Pow | Call)


def negated(expr: Expr) -> Expr:
    """Minus `expr`."""
    return Num(-expr.value) if isinstance(expr, Num) else Mul((Num(Fraction(-1)), expr))


def children(obj: Obj) -> tuple[Obj, ...]:
    """The direct parts."""
    match obj:
        case Add(args) | Mul(args) | Call(_, args):
            return args
        case Div(a, b) | Pow(a, b) | Equation(a, b):
            return (a, b)
        case Brackets(_, items, _) | FiniteSet(items) | Union(items):
            return items
        case Matrix(rows):
            return tuple(entry for row in rows for entry in row)
        case Relation(sides, _):
            return sides
    return ()


def walk(obj: Obj) -> Iterator[Obj]:
    """The object and all its parts, without recursion."""
    stack: list[Obj] = [obj]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(children(node))


def symbols(obj: Obj) -> frozenset[str]:
    """Names of the variables in it."""
    return frozenset(node.name for node in walk(obj) if isinstance(node, Sym))


def size(obj: Obj) -> int:
    """Number of nodes."""
    return sum(1 for _ in walk(obj))


def substituted(expr: Expr, values: Mapping[str, Expr]) -> Expr:
    """The expression with values put in for names."""

    def go(node: Expr) -> Expr:
        match node:
            case Sym(name):
                return values.get(name, node)
            case Add(args):
                return Add(tuple(map(go, args)))
            case Mul(args):
                return Mul(tuple(map(go, args)))
            case Div(top, bottom):
                return Div(go(top), go(bottom))
            case Pow(base, exp):
                return Pow(go(base), go(exp))
            case Call(name, args):
                return Call(name, tuple(map(go, args)))
        return node

    return go(expr)


def shown(obj: Obj, limit: int = 200) -> str:
    """Plain text of it, fully bracketed where precedence could be in doubt, cut at `limit` characters."""
    text = _text(obj, 0)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _number_text(value: Fraction) -> str:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > 600:
        return "<a number of more than 180 digits>"
    return str(value)


def _text(obj: Obj, tight: int) -> str:
    """`tight`: 0 anywhere, 1 as a term's factor, 2 as a power's base or exponent."""
    match obj:
        case Num(value):
            text = _number_text(value)
            return f"({text})" if tight and (value < 0 or value.denominator != 1) else text
        case Const(name) | Sym(name) | Text(name):
            return name
        case Add(args):
            text = " + ".join(_text(a, 0) for a in args).replace("+ -", "- ")
            return f"({text})" if tight else text
        case Mul(args):
            if args[0] == Num(Fraction(-1)):
                text = "-" + "*".join(_text(a, 1) for a in args[1:])
                return f"({text})" if tight else text
            text = "*".join(_text(a, 1) for a in args)
            return f"({text})" if tight > 1 else text
        case Div(a, b):
            text = f"{_text(a, 1)}/{_text(b, 2)}"
            return f"({text})" if tight else text
        case Pow(a, b):
            text = f"{_text(a, 2)}^{_text(b, 2)}"
            return f"({text})" if tight > 1 else text
        case Call(name, args):
            return f"{name}({', '.join(_text(a, 0) for a in args)})"
        case Brackets(left, items, right):
            return left + ", ".join(_text(i, 0) for i in items) + right
        case FiniteSet(items):
            return "{" + ", ".join(_text(i, 0) for i in items) + "}"
        case Union(items):
            return " ∪ ".join(_text(i, 0) for i in items)
        case Matrix(rows):
            return "[" + ", ".join("[" + ", ".join(_text(e, 0) for e in row) + "]" for row in rows) + "]"
        case Equation(a, b):
            return f"{_text(a, 0)} = {_text(b, 0)}"
        case Relation(sides, operators):
            parts = [_text(sides[0], 0)]
            for operator, side in zip(operators, sides[1:], strict=True):
                parts += [operator, _text(side, 0)]
            return " ".join(parts)
