"""The lenient reading's check: our own comparison on what was found, and Math-Verify for what we cannot read.

A difference in value that our own comparison certifies is final: Math-Verify is not asked. A pass is `evidence`: what
was passed over (units, digits beyond the rounding, names) was passed over by convention, not by proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from modulo.verifiers.math_balls import InconclusiveError, OutsideError, PoleError, evaluate, precision
from modulo.verifiers.math_compare import compare_answers, label
from modulo.verifiers.math_equal import Decision, Settings
from modulo.verifiers.math_findings import Job, finding, passed
from modulo.verifiers.math_lenient import finals, is_decimal, squeezed, tidied, weights
from modulo.verifiers.math_nodes import (
    Add,
    Brackets,
    Call,
    Const,
    Div,
    Equation,
    FiniteSet,
    Mul,
    Num,
    Obj,
    Relation,
    Sym,
    is_expr,
    shown,
    symbols,
    walk,
)
from modulo.verifiers.math_read import MathFault, read

__all__ = ["check_lenient"]

_LETTERS = frozenset("abcdfghjklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""In plain text too, `AB` is two letters."""


@dataclass(frozen=True)
class _Answer:
    """A final answer: its text, and what our own grammar makes of it."""

    text: str
    read: Obj | None


def check_lenient(job: Job) -> dict[str, Any]:
    """Judge by `equals`, read leniently."""
    digits = job.spec["digits"]
    expected, own = _answer(job.spec["equals"]), _answer(job.text)
    if not own.text:
        return finding("fail", "no answer can be found in it; give the final answer in \\boxed{}", {"readable": False})
    evidence: dict[str, Any] = {"reading": "lenient", "answer": own.text[:200]}
    if squeezed(own.text) == squeezed(expected.text):
        return passed({**evidence, "method": "same text"}, proof=False)
    read_as = own.text[:200] if own.read is None else shown(own.read)
    wrong = f"your answer, read as {read_as}, is not the expected one"
    if own.read is not None and expected.read is not None:
        rounded = is_decimal(own.text) or is_decimal(expected.text)
        tolerance = _tolerance(expected.read, digits) if rounded else None
        decision = _compared(own.read, expected.read, job.settings(tolerance=tolerance))
        if decision.verdict == "equal":
            note = {"rounded_to_decimals": digits} if rounded else {}
            return passed({**evidence, **decision.evidence, **note}, proof=False)
        if decision.verdict == "different" and _final(decision, own.read, expected.read):
            return finding("fail", wrong, {**evidence, **decision.evidence})
    if own.read is not None and expected.read is not None and not _in_order(own.read):
        return finding("fail", f"{wrong}; give named values in the order that was asked for", evidence)
    if weights(own.text) != weights(expected.text):
        return finding(
            "fail", f"your answer {own.text[:200]!r} is no single number; write its value in digits", evidence
        )
    return _opinion(expected.text, own.text, digits, wrong, evidence)


def _tolerance(expected: Obj, digits: int) -> Fraction:
    """Half a unit of the last decimal, but two per cent of a small value, to which 0.0 would be equal else."""
    limit = Fraction(1, 2 * 10**digits)
    if is_expr(expected) and not symbols(expected):
        try:
            with precision(64):
                size = abs(evaluate(expected, {}, real=True))  # type: ignore[arg-type]
                mantissa, exponent = size.mid().man_exp()
        except (OutsideError, PoleError, InconclusiveError):
            return limit
        if mantissa and abs(int(exponent)) < 10_000:
            return min(limit, abs(Fraction(int(mantissa)) * Fraction(2) ** int(exponent)) / 50)
    return limit


def _opinion(expected: str, own: str, digits: int, wrong: str, evidence: dict[str, Any]) -> dict[str, Any]:
    from modulo.verifiers.math_opinion import graded

    view = graded(expected, own, digits=digits)
    evidence = {**evidence, "method": "math-verify"}
    if view:
        return passed(evidence, proof=False)
    if view is None:
        return finding("fail", f"your answer {own[:200]!r} cannot be read as mathematics", evidence)
    return finding("fail", wrong, evidence)


def _answer(text: str) -> _Answer:
    """The likeliest final answer that can be read, or the likeliest."""
    first = ""
    for final in finals(text):
        tidy = tidied(final)
        first = first or tidy
        try:
            return _Answer(tidy, _named(read(tidy, names=_LETTERS)))
        except MathFault:
            continue
    return _Answer(first, None)


def _named(obj: Obj) -> Obj:
    """`AB = 3`, `|AB| = 3` and `NO/BO = 3` as labels of 3."""
    if isinstance(obj, Equation) and not isinstance(obj.left, Sym) and _only_names(obj.left):
        return Equation(Sym(shown(obj.left)), obj.right)
    if isinstance(obj, FiniteSet) and type(obj) is FiniteSet:
        return FiniteSet(tuple(map(_named, obj.items)))
    return obj


def _only_names(obj: Obj) -> bool:
    match obj:
        case Sym():
            return True
        case Mul(args) | Call("abs", args):
            return all(map(_only_names, args))
        case Div(top, bottom):
            return _only_names(top) and _only_names(bottom)
    return False


def _compared(own: Obj, expected: Obj, settings: Settings) -> Decision:
    decision = compare_answers(own, expected, settings)
    if decision.verdict != "different" or decision.evidence.get("method") != "structure":
        return decision
    for left, right in _restated(own, expected):
        other = compare_answers(left, right, settings)
        if other.verdict == "equal":
            return replace(other, proof=False)
    return decision


def _restated(own: Obj, expected: Obj) -> Iterator[tuple[Obj, Obj]]:
    """Other readings of two answers of different shape."""
    if not _in_order(own):
        return
    if isinstance(expected, Brackets) and type(own) is FiniteSet and len(own.items) == len(expected.items):
        yield Brackets(expected.left, own.items, expected.right), expected  # {1, 3} for (1, 3), in this order
    if type(own) is FiniteSet and type(expected) is FiniteSet:
        stripped = [_unnamed(own), _unnamed(expected)]
        if (stripped[0] == own) is not (stripped[1] == expected):
            yield stripped[0], stripped[1]  # x = 1, y = 2 and 1, 2


def _in_order(obj: Obj) -> bool:
    """Whether dropping the names in a list drops nothing: they stand in the order of the alphabet, once or repeatedly.

    The reference need not: in which order it names its values is the order that was asked for.
    """
    names = [label(item) or "" for item in obj.items] if isinstance(obj, FiniteSet) else []
    once = sorted(set(names))
    return not names or names == sorted(names) or names == once * (len(names) // len(once))


def _unnamed(obj: FiniteSet) -> FiniteSet:
    if all(label(item) is not None for item in obj.items):
        return FiniteSet(tuple(item.right for item in obj.items if isinstance(item, Equation)))
    return obj


def _final(decision: Decision, own: Obj, expected: Obj) -> bool:
    """Whether a difference is one of value, which no convention passes over, and not of shape."""
    if decision.evidence.get("method") != "structure":
        return True
    if isinstance(expected, Equation) and label(expected) is None and is_expr(own):
        return True
    return (_simple(own) and _simple(expected)) or (_linear(own) and _linear(expected))


def _simple(obj: Obj) -> bool:
    """Values, and sets and tuples of them, perhaps with one name in front."""
    if isinstance(obj, Equation):
        return label(obj) is not None and _simple(obj.right)
    if isinstance(obj, FiniteSet):
        return len({label(item) for item in obj.items} - {None}) <= 1 and all(map(_simple, obj.items))
    return is_expr(obj) or (isinstance(obj, Brackets) and all(map(_simple, obj.items)))


def _linear(obj: Obj) -> bool:
    """An inequality without powers and functions."""
    return isinstance(obj, Relation) and all(
        isinstance(node, Num | Const | Sym | Add | Mul) for side in obj.sides for node in walk(side)
    )
