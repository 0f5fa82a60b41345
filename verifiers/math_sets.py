"""Subsets of the real line as disjoint intervals in order, with exact ends: `(0, 1] ∪ (1, 2)` is `(0, 2)`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cmp_to_key

from modulo.verifiers.math_balls import InconclusiveError, OutsideError, PoleError, evaluate, precision
from modulo.verifiers.math_equal import Settings, compare
from modulo.verifiers.math_nodes import (
    Brackets,
    Const,
    Expr,
    FiniteSet,
    Mul,
    Obj,
    Union,
    is_expr,
    negated,
    number,
    symbols,
)

__all__ = ["disjoint", "normalised", "same_sets"]

_INFINITY = Const("oo")
_MINUS_INFINITY = Mul((number(-1), _INFINITY))
_MAX_PARTS = 60


class _UndecidedError(Exception):
    """Two ends could not be put in order, or it is no set of reals."""


@dataclass(frozen=True)
class _Interval:
    low: Expr
    low_open: bool
    high: Expr
    high_open: bool


def same_sets(left: Obj, right: Obj) -> bool | None:
    """Whether two sets of reals are the same; `None` if one is none, or that cannot be decided. Exact."""
    try:
        one, other = normalised(left), normalised(right)
        if len(one) != len(other):
            return False
        for a, b in zip(one, other, strict=True):
            if (a.low_open, a.high_open) != (b.low_open, b.high_open):
                return False
            if _order(a.low, b.low) or _order(a.high, b.high):
                return False
    except _UndecidedError:
        return None
    return True


def disjoint(obj: Obj) -> bool:
    """Whether no part of a union touches another, certainly."""
    try:
        return len(normalised(obj)) == len(_parts(obj))
    except _UndecidedError:
        return False


def normalised(obj: Obj) -> list[_Interval]:
    """Disjoint intervals in order, none of which touches the next.

    Raises:
        _UndecidedError: it is no set of reals, or its ends cannot be put in order.
    """
    parts = [part for part in _parts(obj) if not _empty(part)]

    def first(a: _Interval, b: _Interval) -> int:
        return _order(a.low, b.low) or int(a.low_open) - int(b.low_open)

    parts.sort(key=cmp_to_key(first))
    merged: list[_Interval] = []
    for part in parts:
        if not merged:
            merged.append(part)
            continue
        last = merged[-1]
        gap = _order(part.low, last.high)
        if gap > 0 or (gap == 0 and part.low_open and last.high_open):
            merged.append(part)
            continue
        reach = _order(part.high, last.high)
        high, high_open = (part.high, part.high_open) if reach > 0 else (last.high, last.high_open)
        if reach == 0:
            high_open = part.high_open and last.high_open
        merged[-1] = _Interval(last.low, last.low_open, high, high_open)
    return merged


def _parts(obj: Obj) -> list[_Interval]:
    if isinstance(obj, Union) and len(obj.items) <= _MAX_PARTS:
        return [part for item in obj.items for part in _parts(item)]
    if type(obj) is FiniteSet and len(obj.items) <= _MAX_PARTS and all(map(is_expr, obj.items)):
        return [_Interval(item, False, item, False) for item in obj.items if is_expr(item)]  # type: ignore[arg-type]
    if isinstance(obj, Brackets) and len(obj.items) == 2 and all(map(is_expr, obj.items)):
        low, high = obj.items
        return [_Interval(low, obj.left == "(", high, obj.right == ")")]  # type: ignore[arg-type]
    raise _UndecidedError


def _empty(part: _Interval) -> bool:
    order = _order(part.low, part.high)
    if order > 0:
        raise _UndecidedError  # an interval that is written the wrong way round
    return order == 0 and (part.low_open or part.high_open)


def _order(left: Expr, right: Expr) -> int:
    """-1, 0 or 1 as left is less than, equal to or greater than right."""
    ranks = [_rank(left), _rank(right)]
    if ranks != [0, 0]:
        return (ranks[0] > ranks[1]) - (ranks[0] < ranks[1])
    if symbols(left) | symbols(right):
        raise _UndecidedError
    decision = compare(left, right, Settings())
    if decision.verdict == "equal":
        return 0
    if decision.verdict == "unknown":
        raise _UndecidedError
    for bits in (128, 1024, 8192):
        with precision(bits):
            try:
                gap = evaluate(left, {}, real=True) - evaluate(right, {}, real=True)
            except (OutsideError, PoleError, InconclusiveError):
                continue
            if not gap.contains(0):
                return 1 if gap > 0 else -1
    raise _UndecidedError


def _rank(end: Expr) -> int:
    return 1 if end == _INFINITY else -1 if end in (_MINUS_INFINITY, negated(_INFINITY)) else 0
