"""Are two expressions equal? Exactly where that can be decided, else by certified balls at many points.

What a decision means:

- *different* is certain: the balls of the two values at some point are disjoint, or the exact difference is not zero;
- *equal* with `proof`: the difference is identically zero as a rational function (of the variables and of equal
  function values), or a constant in radicals below its separation bound;
- *equal* without: no step functions but the expected ones, no difference at 0, ±1, ±2 and the numbers in the
  expressions, and at 24 random points the difference is zero to a precision far beyond every number on the way;
- *unknown*: anything else. Nothing is ever decided by floating point.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from typing import Any, Literal

import flint

from modulo.verifiers.math_balls import (
    InconclusiveError,
    OutsideError,
    Point,
    PoleError,
    Tracker,
    evaluate,
    magnitude_bits,
    precision,
    rational,
)
from modulo.verifiers.math_defined import more_steps
from modulo.verifiers.math_exact import DivisionByZeroError, difference, root_bound_bits
from modulo.verifiers.math_nodes import Add, Const, Expr, Num, negated, size, symbols, walk
from modulo.verifiers.math_points import Domain, fixed_points, landmarks, points

__all__ = ["Comparison", "Decision", "Settings", "compare", "gap_in"]

POINTS = 24
_TRIES = 300
_FIXED = 400
_FIRST_BITS = 128
_LAST_BITS = 1 << 16
_GUARD_BITS = 256
_CANCELLED_BITS = 4_000


@dataclass(frozen=True)
class Settings:
    """How to compare.

    Attributes:
        domains: of the variables; others are real.
        tolerance: largest absolute difference that counts as equal, or `None` for exact equality.
        seed: of the sample points.
        up_to_constant: whether a constant difference counts as equal.
        constants: names that stand for one fixed, arbitrary number.
    """

    domains: Mapping[str, Domain] = field(default_factory=dict)
    tolerance: Fraction | None = None
    seed: str = ""
    up_to_constant: bool = False
    constants: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Decision:
    """`left` is the candidate's side. `point`, `left` and `right` show a difference; `right` is secret for `equals`."""

    verdict: Literal["equal", "different", "unknown"]
    proof: bool = False
    why: str = ""
    point: dict[str, str] = field(default_factory=dict)
    left: str = ""
    right: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)


def compare(left: Expr, right: Expr, settings: Settings) -> Decision:
    """Compare a candidate (`left`) with what it should be (`right`)."""
    if isinstance(left, Num) and isinstance(right, Num) and not settings.up_to_constant:
        near = abs(left.value - right.value) <= (settings.tolerance or 0)
        return Decision("equal" if near else "different", proof=near, evidence={"method": "exact"})
    return Comparison(left, right, settings).decide()


def gap_in(own: Expr, reference: Expr, variable: str) -> Fraction | None:
    """A point at which the reference has a value and the candidate has none, among 0 and the numbers it is made of.

    Random points miss such gaps, as of |x|/x at 0, over which a function may jump and still have the right derivative.
    """
    others: Point = dict.fromkeys((symbols(own) | symbols(reference)) - {variable}, Fraction(3, 7))
    with precision(_FIRST_BITS):
        for at in {Fraction(0), *(sign * mark for mark in landmarks(own) for sign in (1, -1))}:
            point: Point = {**others, variable: at}
            try:
                evaluate(reference, point, real=True)
            except (OutsideError, PoleError, InconclusiveError):
                continue
            try:
                evaluate(own, point, real=True)
            except (OutsideError, PoleError):
                return at
            except InconclusiveError:
                continue
    return None


class Comparison:
    """One comparison of two expressions."""

    def __init__(self, left: Expr, right: Expr, settings: Settings) -> None:
        self._left, self._right, self._settings = left, right, settings
        names = symbols(left) | symbols(right)
        self._domains: dict[str, Domain] = {n: settings.domains.get(n, "real") for n in names}
        imaginary = any(node == Const("i") for side in (left, right) for node in walk(side))
        self._real = not imaginary and "complex" not in self._domains.values()
        self._marks = landmarks(left, right)

    def decide(self) -> Decision:
        """The decision; never raises on what a candidate may be."""
        if Const("oo") in (*walk(self._left), *walk(self._right)):
            same = self._left == self._right
            return Decision("equal" if same else "different", proof=same, evidence={"method": "infinity"})
        try:
            exact = difference(self._left, self._right)
        except DivisionByZeroError:
            return Decision("different", why="it divides by zero", evidence={"method": "exact"})
        tolerance = self._settings.tolerance
        if exact is not None:
            settled = exact.constant is not None and (
                exact.constant == 0 or self._settings.up_to_constant or abs(exact.constant) <= (tolerance or 0)
            )
            if not self._domains and settled:
                return Decision("equal", proof=True, evidence={"method": "exact"})
            if settled or (self._settings.up_to_constant and not exact.variables - self._settings.constants):
                return self._domain_check("exact")
            if not exact.opaque and tolerance is None:
                found = self._search()
                return found or Decision("different", proof=True, evidence={"method": "exact"})
        if not self._domains:
            return self._constants()
        return self._search() or self._stands_out() or self._accept()

    # constants ------------------------------------------------------------------------------------------------------

    def _constants(self) -> Decision:
        if self._settings.up_to_constant:
            return self._domain_check("constants")
        if self._real and any(self._outside(side) for side in (self._left, self._right)):
            self._real = False  # numbers alone live in the complex plane: sqrt(-4) is 2i
        bound = (
            None if self._settings.tolerance is not None else root_bound_bits(Add((self._left, negated(self._right))))
        )
        bits = _FIRST_BITS
        while bits <= _LAST_BITS:
            with precision(bits):
                decision = self._constants_at(bits, bound)
            if decision is not None:
                return decision
            bits *= 2
        return Decision("unknown", why="the two numbers cannot be told apart with 65,536 bits")

    def _outside(self, side: Expr) -> bool:
        try:
            with precision(_FIRST_BITS):
                evaluate(side, {}, real=True)
        except OutsideError:
            return True
        except (PoleError, InconclusiveError):
            return False
        return False

    def _constants_at(self, bits: int, bound: float | None) -> Decision | None:
        tracker = Tracker()
        try:
            left = evaluate(self._left, {}, real=self._real, tracker=tracker)
        except (OutsideError, PoleError):
            return Decision("different", why="it is not defined", evidence={"method": "balls"})
        except InconclusiveError:
            return None
        try:
            right = evaluate(self._right, {}, real=self._real, tracker=tracker)
        except (OutsideError, PoleError):
            return Decision("unknown", why="the expected answer is not defined; the problem's spec is wrong")
        except InconclusiveError:
            return None
        gap = left - right
        evidence: dict[str, Any] = {"method": "balls", "precision_bits": bits}
        if (tolerance := self._settings.tolerance) is not None:
            return _within(gap, tolerance, left, right, evidence)
        if not gap.contains(0):
            return Decision("different", left=_digits(left), right=_digits(right), evidence=evidence)
        radius = _radius_bits(gap)
        if radius is None:
            return Decision("equal", proof=True, evidence=evidence)
        if bound is not None:
            if -radius > bound + 2:
                return Decision("equal", proof=True, evidence={**evidence, "method": "separation bound"})
            return None
        return Decision("equal", evidence=evidence) if self._negligible(gap, tracker) else None

    def _negligible(self, gap: Any, tracker: Tracker) -> bool:
        """The ball of the difference is narrower than any number on the way, with room to spare."""
        wanted = (
            _GUARD_BITS + 2 * (tracker.small + tracker.large) + 8 * min(size(self._left) + size(self._right), 4_000)
        )
        if tracker.cancelled:
            wanted += _CANCELLED_BITS
        radius = _radius_bits(gap)
        return radius is None or -radius > wanted

    # functions ------------------------------------------------------------------------------------------------------

    def _points(self) -> Iterator[Point]:
        rng = random.Random(self._settings.seed)
        fixed: Point = {}
        for point in islice(points(self._domains, self._marks, rng), _TRIES):
            fixed = fixed or {name: point[name] for name in self._settings.constants & point.keys()}
            yield {**point, **fixed}

    def _shown(self, point: Point) -> dict[str, str]:
        """Coordinates to four digits; the exact ones follow from the seed."""
        hidden = self._settings.constants - symbols(self._left)
        return {name: _shown_value(value) for name, value in point.items() if name not in hidden}

    def _gap(self, point: Point, tracker: Tracker | None = None) -> tuple[Any, Any, Any] | None:
        """Difference and values at a point, or `None` where the right side has no value or nothing can be said."""
        try:
            right = evaluate(self._right, point, real=self._real, tracker=tracker)
        except (OutsideError, PoleError, InconclusiveError):
            return None
        try:
            left = evaluate(self._left, point, real=self._real, tracker=tracker)
        except (PoleError, InconclusiveError):
            return None
        return left - right, left, right

    def _search(self) -> Decision | None:
        """A point that refutes equality, at a low precision."""
        offset: tuple[Any, Point] | None = None
        with precision(_FIRST_BITS):
            for point in self._points():
                try:
                    found = self._gap(point)
                except OutsideError:
                    return Decision(
                        "different",
                        why="it is not defined there",
                        point=self._shown(point),
                        evidence={"method": "balls"},
                    )
                if found is None:
                    continue
                gap, left, right = found
                if self._settings.up_to_constant:
                    if offset is None:
                        offset = (gap, point)
                        continue
                    gap = gap - offset[0]
                if self._apart(gap):
                    return Decision(
                        "different",
                        point=self._shown(point),
                        left=_digits(left),
                        right=_digits(right),
                        evidence={"method": "balls", "precision_bits": _FIRST_BITS},
                    )
        return None

    def _stands_out(self) -> Decision | None:
        """What can differ at single points, which random ones miss: there, or by a step where none is expected."""
        if not self._settings.up_to_constant:
            with precision(_FIRST_BITS):
                for point in islice(fixed_points(self._domains, self._marks), _FIXED):
                    try:
                        found = self._gap(point)
                    except OutsideError:
                        return Decision("unknown", why="it may be undefined where the expected answer is defined")
                    if found is not None and self._apart(found[0]):
                        return Decision(
                            "different",
                            point=self._shown(point),
                            left=_digits(found[1]),
                            right=_digits(found[2]),
                            evidence={"method": "balls", "precision_bits": _FIRST_BITS},
                        )
        if more_steps(self._left, self._right):
            return Decision("unknown", why="it holds a step, such as floor, sign or a power of 0; write it without")
        return None

    def _apart(self, gap: Any) -> bool:
        if self._settings.tolerance is None:
            return not gap.contains(0)
        return bool(abs(gap) > rational(self._settings.tolerance))

    def _accept(self) -> Decision:
        """Equality at enough points to a high precision; or a difference that only shows there."""
        agreed, bits_used = 0, 0
        base: Point | None = None
        for point in self._points():
            if self._settings.up_to_constant and base is None:
                base = point if self._usable(point) else None
                continue
            outcome = self._settle(point, base)
            if isinstance(outcome, Decision):
                return outcome
            if outcome:
                agreed, bits_used = agreed + 1, max(bits_used, outcome)
                if agreed == POINTS:
                    evidence = {"method": "balls", "points": agreed, "precision_bits": bits_used}
                    return Decision("equal", evidence=evidence)
        if not agreed:
            why = "the two could not be compared at any point; declare where the variables live (`variables`)"
        else:
            why = f"only {agreed} points could be certified, {POINTS} are needed"
        return Decision("unknown", why=why)

    def _usable(self, point: Point) -> bool:
        with precision(_FIRST_BITS):
            try:
                return self._gap(point) is not None
            except OutsideError:
                return False

    def _settle(self, point: Point, base: Point | None) -> Decision | int:
        """Bits at which the two agree at a point, 0 if that cannot be told, or the refutation."""
        bits = 1024
        while bits <= _LAST_BITS:
            with precision(bits):
                tracker = Tracker()
                found = self._gap(point, tracker)
                origin = self._gap(base, tracker) if base is not None else None
                if found is None or (base is not None and origin is None):
                    if bits > 2048:
                        return 0
                    bits *= 4
                    continue
                gap, left, right = found
                if origin is not None:
                    gap = gap - origin[0]
                evidence = {"method": "balls", "precision_bits": bits}
                if self._apart(gap):
                    shown = self._shown(point)
                    return Decision(
                        "different", point=shown, left=_digits(left), right=_digits(right), evidence=evidence
                    )
                if (tolerance := self._settings.tolerance) is not None:
                    return bits if abs(gap) <= rational(tolerance) else 0
                if self._negligible(gap, tracker):
                    return bits
                if size(self._left) * bits > 40_000_000:
                    return 0
            bits *= 2
        return 0

    def _domain_check(self, method: str) -> Decision:
        """An identity holds; is the candidate also defined where the expected answer is?"""
        with precision(_FIRST_BITS):
            for point in islice(self._points(), 60):
                try:
                    self._gap(point)
                except OutsideError:
                    return Decision(
                        "different",
                        why="it is not defined there",
                        point=self._shown(point),
                        evidence={"method": method},
                    )
        note = "an identity wherever both sides are defined"
        return Decision("equal", proof=True, evidence={"method": method, "note": note})


def _within(gap: Any, tolerance: Fraction, left: Any, right: Any, evidence: dict[str, Any]) -> Decision | None:
    size_of_gap, limit = abs(gap), rational(tolerance)
    if size_of_gap <= limit:
        return Decision("equal", evidence=evidence)
    if size_of_gap > limit:
        return Decision("different", left=_digits(left), right=_digits(right), evidence=evidence)
    return None


def _radius_bits(ball: Any) -> int | None:
    """log2 of the ball's radius; `None` if it is exact."""
    parts = [ball.real, ball.imag] if isinstance(ball, flint.acb) else [ball]
    bits = [b for b in (magnitude_bits(part.rad()) for part in parts) if b is not None]
    return max(bits, default=None)


def _digits(ball: Any) -> str:
    """About six digits of a value."""
    return str(ball.str(6, radius=False))


def _shown_value(value: Fraction | tuple[Fraction, Fraction]) -> str:
    if isinstance(value, tuple):
        return f"{_shown_value(value[0])} + {_shown_value(value[1])}*i"
    with precision(64):
        return str(rational(value).str(4, radius=False))
