"""Typed terms of constraint expressions and what their operators mean in Z3. Runs in a worker."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import z3

from modulo.verifiers.strict_json import shorten

__all__ = ["ARITHMETIC", "BITS", "FOLDS", "ORDER", "STRINGS", "TEXTUAL", "UNSIGNED", "Term"]

_WORDS = {
    "int": "an integer",
    "real": "a rational",
    "bool": "a truth value",
    "bitvec": "a bit-vector",
    "string": "a string",
}


@dataclass(frozen=True)
class Term:
    """A Z3 expression with its type.

    `names` are those an `enum` term can take; `literal` is set for `3`, `word` for `'red'`.
    """

    kind: str
    expr: Any
    names: frozenset[str] = frozenset()
    width: int = 0
    literal: int | None = None
    word: str | None = None

    def __str__(self) -> str:
        return _WORDS.get(self.kind) or "one of " + shorten(", ".join(sorted(self.names)), 80)


def _floor_div(a: Term, b: Term) -> Term:
    if a.kind == "real":
        return Term("int", z3.ToInt(a.expr / b.expr))
    # SMT-LIB's div rounds down only for a positive divisor.
    return Term("int", z3.If(b.expr > 0, a.expr / b.expr, (-a.expr) / (-b.expr)))


def _modulo(a: Term, b: Term) -> Term:
    quotient = _floor_div(a, b).expr
    return Term(a.kind, a.expr - b.expr * (z3.ToReal(quotient) if a.kind == "real" else quotient))


def _divide(a: Term, b: Term) -> Term:
    over: Any
    under: Any
    over, under = (z3.ToReal(t.expr) if t.kind == "int" else t.expr for t in (a, b))
    return Term("real", over / under)


ARITHMETIC: dict[type[ast.operator], Callable[[Term, Term], Term]] = {
    ast.Add: lambda a, b: Term(a.kind, a.expr + b.expr),
    ast.Sub: lambda a, b: Term(a.kind, a.expr - b.expr),
    ast.Mult: lambda a, b: Term(a.kind, a.expr * b.expr),
    ast.Div: _divide,
    ast.FloorDiv: _floor_div,
    ast.Mod: _modulo,
}
BITS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.BitAnd: lambda a, b: a & b,
    ast.BitOr: lambda a, b: a | b,
    ast.BitXor: lambda a, b: a ^ b,
    ast.LShift: lambda a, b: a << b,
    ast.RShift: lambda a, b: z3.LShR(a, b),
}
ORDER: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}
UNSIGNED: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: lambda a, b: z3.ULT(a, b),
    ast.LtE: lambda a, b: z3.ULE(a, b),
    ast.Gt: lambda a, b: z3.UGT(a, b),
    ast.GtE: lambda a, b: z3.UGE(a, b),
}
# Z3's own `>` on strings compares the other way round than `<` does.
TEXTUAL: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: b < a,
    ast.GtE: lambda a, b: b <= a,
}
STRINGS: dict[str, Callable[[Any, Any], Any]] = {
    "endswith": lambda a, b: z3.SuffixOf(b, a),
    "startswith": lambda a, b: z3.PrefixOf(b, a),
}
FOLDS: dict[str, Callable[[Any, Any], Any]] = {
    "abs": lambda a, b: a,
    "sum": lambda a, b: a + b,
    "min": lambda a, b: z3.If(a <= b, a, b),
    "max": lambda a, b: z3.If(a >= b, a, b),
}
