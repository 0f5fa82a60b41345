"""A candidate's solutions of equations, as values for the unknowns.

One unknown: `2`, `x = 2`, `x = 1 or x = 2`, `{1, 2}`, `±2`. Several: `x = 1, y = 2`, or `(1, 2)` in the order in which
the spec names them, or several of either. None: `\\emptyset`, `{}` or `no solution`.
"""

from __future__ import annotations

from collections.abc import Sequence

from modulo.verifiers.math_nodes import Brackets, Equation, Expr, FiniteSet, Obj, Sym, Text, is_expr, shown

__all__ = ["AssignmentError", "assignments"]

_NONE = frozenset({"no solution", "no solutions", "none", "no real solution", "no real solutions"})


class AssignmentError(Exception):
    """It does not give values for the unknowns; says what is wrong, for the critique."""


def assignments(answer: Obj, unknowns: Sequence[str]) -> list[dict[str, Expr]]:
    """The solutions that an answer gives, in its order, with repetitions.

    Raises:
        AssignmentError: it gives none that can be used.
    """
    if isinstance(answer, Text) and answer.text in _NONE:
        return []
    items = list(answer.items) if isinstance(answer, FiniteSet) else [answer]
    if len(unknowns) == 1:
        return [{unknowns[0]: _single(value, unknowns[0])} for item in items for value in _values(item, unknowns[0])]
    found: list[dict[str, Expr]] = []
    current: dict[str, Expr] = {}
    for item in items:
        if (point := _point(item, unknowns)) is not None:
            found.append(point)
        elif isinstance(item, FiniteSet):
            found += assignments(item, unknowns)
        elif isinstance(item, Equation) and isinstance(item.left, Sym) and item.left.name in unknowns:
            if item.left.name in current:
                raise AssignmentError(f"{item.left.name} has a second value before the others have one")
            current[item.left.name] = _single(item.right, item.left.name)
            if len(current) == len(unknowns):
                found.append(current)
                current = {}
        else:
            raise AssignmentError(f"{shown(item, 60)} gives no values for {', '.join(unknowns)}")
    if current:
        missing = [name for name in unknowns if name not in current]
        raise AssignmentError(f"{', '.join(missing)} has no value")
    return found


def _values(item: Obj, name: str) -> list[Obj]:
    """`x = {1, 2}` and `x ∈ {1, 2}` as 1 and 2."""
    if isinstance(item, Equation):
        if item.left != Sym(name):
            raise AssignmentError(f"{shown(item, 60)} gives no value for {name}")
        item = item.right
    return list(item.items) if isinstance(item, FiniteSet) else [item]


def _single(value: Obj, name: str) -> Expr:
    if not is_expr(value):
        raise AssignmentError(f"the value of {name} must be one expression")
    return value  # type: ignore[return-value]


def _point(item: Obj, unknowns: Sequence[str]) -> dict[str, Expr] | None:
    """`(1, 2)` or `(x, y) = (1, 2)`, which may name them in another order."""
    names = list(unknowns)
    if isinstance(item, Equation) and isinstance(item.left, Sym) and item.left.name.startswith("("):
        names = [name.strip() for name in item.left.name.strip("()").split(",")]
        item = item.right
    if not isinstance(item, Brackets):
        return None
    if (item.left, item.right) != ("(", ")") or sorted(names) != sorted(unknowns) or len(item.items) != len(names):
        raise AssignmentError(f"{shown(item, 60)} does not give one value for each of {', '.join(unknowns)}")
    return {name: _single(value, name) for name, value in zip(names, item.items, strict=True)}
