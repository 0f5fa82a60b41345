"""Answers of every shape: sets, tuples, intervals, matrices, equations and inequalities, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modulo.verifiers.math_defined import idle_hole, more_holes
from modulo.verifiers.math_equal import Decision, Settings, compare
from modulo.verifiers.math_exact import DivisionByZeroError, difference
from modulo.verifiers.math_nodes import (
    Add,
    Brackets,
    Const,
    Div,
    Either,
    Equation,
    Expr,
    FiniteSet,
    Matrix,
    Mul,
    Obj,
    Relation,
    Sym,
    Text,
    Union,
    is_expr,
    negated,
    number,
    symbols,
)
from modulo.verifiers.math_sets import disjoint, same_sets

__all__ = ["bare", "compare_answers", "free_symbols", "kind", "label"]

_HOLE = "a part of it that has no effect on its value may be undefined; leave it out"
_HOLES = "it may be undefined where the expected answer is defined; write it without such parts"


def kind(obj: Obj) -> str:
    """What sort of answer it is, in words."""
    names: dict[type, str] = {
        Brackets: "a tuple or interval",
        FiniteSet: "a set of values",
        Either: "a choice of inequalities",
        Union: "a union",
        Matrix: "a matrix",
        Equation: "an equation",
        Relation: "an inequality",
        Text: "a word",
    }
    return names.get(type(obj), "a single value")


def compare_answers(candidate: Obj, reference: Obj, settings: Settings) -> Decision:
    """Compare two answers.

    A label is passed over: `x = 3` answers `3`, and `3` answers `x = 3`; but `x = 1, y = 2` are two equations, not the
    set of 1 and 2, where `x_1 = 1, x_2 = 2` is that set. Sets are compared without order. Brackets must
    agree. Other equations and inequalities are equal if one is a constant multiple of the other.
    """
    candidate, reference = _unlabelled(candidate, reference)
    if is_expr(candidate) and is_expr(reference):
        return _values(candidate, reference, settings)  # type: ignore[arg-type]
    if isinstance(reference, Relation) != isinstance(candidate, Relation):
        candidate, reference = _as_interval(candidate), _as_interval(reference)
    if isinstance(reference, Either) != isinstance(candidate, Either):
        candidate, reference = _as_union(candidate), _as_union(reference)
        if isinstance(reference, Either) != isinstance(candidate, Either):
            return _differ(f"it is {kind(candidate)} where {kind(reference)} is expected")
    match candidate, reference:
        case Equation(), Equation():
            if not (is_expr(candidate.right) and is_expr(reference.right)):
                return _differ("")
            return _proportional(
                Add((candidate.left, negated(candidate.right))),  # type: ignore[arg-type]
                Add((reference.left, negated(reference.right))),  # type: ignore[arg-type]
                positive=False,
            )
        case Brackets(), Brackets():
            if (candidate.left, candidate.right) != (reference.left, reference.right):
                return _differ("its brackets are not the expected ones")
            return _each(candidate.items, reference.items, settings)
        case FiniteSet(), FiniteSet():
            if _assigns(candidate) != _assigns(reference):
                return _differ("values of named unknowns and a set of values are not the same")
            return _as_sets(candidate.items, reference.items, settings)
        case (Union(), Union() | Brackets() | FiniteSet()) | (Brackets() | FiniteSet(), Union()):
            return _unions(candidate, reference, settings)
        case Matrix(), Matrix():
            if [len(r) for r in candidate.rows] != [len(r) for r in reference.rows]:
                return _differ("the matrix has another shape than the expected one")
            pairs = [tuple(e for row in m.rows for e in row) for m in (candidate, reference)]
            return _each(pairs[0], pairs[1], settings)
        case Relation(), Relation():
            return _relations(candidate, reference, settings)
        case Text(a), Text(b):
            return Decision("equal", proof=True) if a.casefold() == b.casefold() else _differ("")
    return _differ(f"it is {kind(candidate)} where {kind(reference)} is expected")


def _values(candidate: Expr, reference: Expr, settings: Settings) -> Decision:
    decision = compare(candidate, reference, settings)
    if decision.verdict == "equal" and symbols(candidate) and idle_hole(candidate, reference):
        return Decision("unknown", why=_HOLE)
    return decision


def _differ(why: str) -> Decision:
    return Decision("different", why=why, evidence={"method": "structure"})


def label(obj: Obj) -> str | None:
    """The name in front of an equation that only names its value."""
    if isinstance(obj, Equation) and isinstance(obj.left, Sym) and obj.left.name not in symbols(obj.right):
        return obj.left.name
    return None


def bare(obj: Obj) -> Obj:
    """The value behind a label."""
    return obj.right if isinstance(obj, Equation) and label(obj) is not None else obj


def free_symbols(obj: Obj) -> frozenset[str]:
    """Names in it, apart from a label."""
    plain = _plain(obj)
    return symbols(plain.right if isinstance(plain, Equation) and label(plain) is not None else plain)


def _unlabelled(candidate: Obj, reference: Obj) -> tuple[Obj, Obj]:
    own, expected = _plain(candidate), _plain(reference)
    mine, theirs = label(own), label(expected)
    if isinstance(expected, Equation) and theirs is not None and (not isinstance(own, Equation) or mine == theirs):
        expected = expected.right
        own = own.right if isinstance(own, Equation) else own
    elif (
        isinstance(own, Equation)
        and mine is not None
        and not isinstance(expected, Equation)
        and (mine not in symbols(expected) or (isinstance(expected, Relation) and isinstance(own.right, Brackets)))
    ):
        own = own.right
    own, expected = _plain(own), _plain(expected)
    if isinstance(own, FiniteSet) and len(own.items) == 1 and not isinstance(expected, FiniteSet):
        own = own.items[0]
    if isinstance(expected, FiniteSet) and len(expected.items) == 1 and not isinstance(own, FiniteSet):
        expected = expected.items[0]
    return own, expected


def _plain(obj: Obj) -> Obj:
    """`x = 1, x = 2` and `x = 1, 2` as the set of their values."""
    if not isinstance(obj, FiniteSet) or len(obj.items) < 2:
        return obj
    labels = {name for item in obj.items if (name := label(item)) is not None}
    free = [item for item in obj.items if not isinstance(item, Equation)]
    if len(labels) != 1 or any(labels & symbols(item) for item in free):
        return obj
    if any(isinstance(item, Equation) and label(item) is None for item in obj.items):
        return obj
    return FiniteSet(tuple(item.right if isinstance(item, Equation) else item for item in obj.items))


def _each(candidate: Sequence[Obj], reference: Sequence[Obj], settings: Settings) -> Decision:
    if len(candidate) != len(reference):
        return _differ("it does not have the expected number of entries")
    return _all([compare_answers(a, b, settings) for a, b in zip(candidate, reference, strict=True)], entries=True)


def _all(decisions: list[Decision], *, entries: bool) -> Decision:
    for number_, decision in enumerate(decisions, 1):
        if decision.verdict == "different":
            return replace(decision, why=f"entry {number_} is not the expected one") if entries else decision
    for decision in decisions:
        if decision.verdict == "unknown":
            return decision
    methods = sorted({str(d.evidence.get("method", "structure")) for d in decisions} or {"structure"})
    return Decision("equal", proof=all(d.proof for d in decisions), evidence={"method": ", ".join(methods)})


def _as_sets(candidate: Sequence[Obj], reference: Sequence[Obj], settings: Settings) -> Decision:
    """Each of one side has an equal on the other."""
    table = [[compare_answers(a, b, settings) for b in reference] for a in candidate]
    used: list[Decision] = []
    undecided = False
    columns = [[row[j] for row in table] for j in range(len(reference))]
    for line, missing in [(row, "it holds a value that is not expected") for row in table] + [
        (column, "an expected value is missing") for column in columns
    ]:
        equal = [d for d in line if d.verdict == "equal"]
        if equal:
            used.append(equal[0])
        elif any(d.verdict == "unknown" for d in line):
            undecided = True
        else:
            return _differ(missing)
    if undecided:
        return Decision("unknown", why="some values of the set could not be compared")
    return _all(used, entries=False)


def _proportional(candidate: Expr, reference: Expr, *, positive: bool) -> Decision:
    try:
        ratio = difference(Div(candidate, reference), number(0))
    except DivisionByZeroError:
        return _differ("it holds always or never")
    if ratio is None or (ratio.constant is None and ratio.opaque):
        return Decision("unknown", why="the two could not be compared")
    if ratio.constant is None or ratio.constant == 0 or (positive and ratio.constant < 0):
        return _differ("")
    if more_holes(candidate, reference):
        return Decision("unknown", why=_HOLES)
    return Decision("equal", proof=True, evidence={"method": "exact"})


def _unions(candidate: Obj, reference: Obj, settings: Settings) -> Decision:
    """Sets of reals with the same disjoint intervals; others part by part."""
    if settings.tolerance is None and (same := same_sets(candidate, reference)) is not None:
        return Decision("equal", proof=True, evidence={"method": "intervals"}) if same else _differ("")
    parts = [obj.items if isinstance(obj, Union) else (obj,) for obj in (candidate, reference)]
    found = _as_sets(parts[0], parts[1], settings)
    why = "the parts of the two unions could not be compared"
    return replace(found, verdict="unknown", why=why) if found.verdict == "different" else found


def _relations(candidate: Relation, reference: Relation, settings: Settings) -> Decision:
    if candidate.operators == reference.operators:
        sides = _each(candidate.sides, reference.sides, settings)
        if sides.verdict == "equal" and any(map(more_holes, candidate.sides, reference.sides)):
            return Decision("unknown", why=_HOLES)
        if sides.verdict == "equal" or len(candidate.sides) > 2:
            return sides
        pairs = [Add((r.sides[1], negated(r.sides[0]))) for r in (candidate, reference)]
        return _proportional(pairs[0], pairs[1], positive=True)
    return _differ("")


def _assigns(obj: FiniteSet) -> bool:
    """Whether it gives values to different unknowns, as `x = 1, y = 2` does."""
    labels = {name.partition("_")[0] for item in obj.items if (name := label(item)) is not None}
    return len(labels) > 1


def _as_union(obj: Obj) -> Obj:
    """`x < 1 or x > 2` as a union of intervals; anything else unchanged."""
    if not isinstance(obj, Either) or len({name for item in obj.items for name in symbols(item)}) != 1:
        return obj
    parts = tuple(map(_as_interval, obj.items))
    # Parts that overlap may be meant otherwise: x > 2 or x > 3.
    return Union(parts) if all(isinstance(p, Brackets) for p in parts) and disjoint(Union(parts)) else obj


def _as_interval(obj: Obj) -> Obj:
    """`0 < x ≤ 1` as `(0, 1]`; anything else unchanged."""
    if not isinstance(obj, Relation):
        return obj
    ends: list[tuple[Expr, str] | None] = [None, None]
    middle = [i for i, side in enumerate(obj.sides) if isinstance(side, Sym)]
    if any(symbols(side) for i, side in enumerate(obj.sides) if i not in middle):
        return obj
    if len(middle) != 1 or len(obj.sides) > 3 or len(symbols(obj)) != 1 or (len(obj.sides) == 3 and middle != [1]):
        return obj
    at = middle[0]
    if at > 0:
        ends[0] = (obj.sides[at - 1], "(" if obj.operators[at - 1] == "<" else "[")
    if at < len(obj.sides) - 1:
        ends[1] = (obj.sides[at + 1], ")" if obj.operators[at] == "<" else "]")
    low = ends[0] or (Mul((number(-1), Const("oo"))), "(")
    high = ends[1] or (Const("oo"), ")")
    return Brackets(low[1], (low[0], high[0]), high[1])
