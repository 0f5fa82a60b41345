"""Sample points: where two expressions are compared.

Drawn from a generator seeded with the spec and the candidate, so that a verdict can be reproduced but no candidate can
be written for its own points. Besides the unit scale they cover every number that the expressions contain, written or
computed, with both sides of it and what lies far beyond, since that is where pieces of a function meet.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Literal, TypeAlias

from modulo.verifiers.math_balls import InconclusiveError, OutsideError, Point, PoleError, evaluate, precision
from modulo.verifiers.math_nodes import Add, Num, Obj, is_expr, symbols, walk

__all__ = ["Domain", "fixed_points", "landmarks", "points"]

Domain: TypeAlias = (
    Literal["real", "positive", "negative", "nonzero", "integer", "natural", "complex"] | tuple[float, float]
)
"""Where a variable lives. `natural` starts at 1; a pair is an open interval."""

_SCALE = 1 << 40
_GENERIC = 24
_MARKS = 40
_MAX_BITS = 4_000


def landmarks(*objs: Obj) -> list[Fraction]:
    """Absolute values of the constants in them, at most 40, to about 100 bits."""
    found: set[Fraction] = set()
    for node in (n for obj in objs for n in walk(obj)):
        if isinstance(node, Num):
            found.add(abs(node.value))
            continue
        if isinstance(node, Add):  # of x - 7 - 1/3 the point 22/3
            node = Add((*(term for term in node.args if not symbols(term)), Num(Fraction(0))))
        if is_expr(node) and not symbols(node) and len(found) < 400:
            try:
                with precision(100):
                    ball = evaluate(node, {}, real=True)  # type: ignore[arg-type]
            except (OutsideError, PoleError, InconclusiveError):
                continue
            mantissa, exponent = ball.mid().man_exp()
            if abs(int(exponent)) < _MAX_BITS:
                found.add(abs(Fraction(int(mantissa)) * Fraction(2) ** int(exponent)))
    kept = sorted(v for v in found if v and max(v.numerator.bit_length(), v.denominator.bit_length()) < _MAX_BITS)
    return kept if len(kept) <= _MARKS else kept[: _MARKS // 2] + kept[-_MARKS // 2 :]


def points(domains: Mapping[str, Domain], marks: list[Fraction], rng: random.Random) -> Iterator[Point]:
    """Endless points: first generic ones, then one near each landmark and its square, root and inverse, then both."""
    names = sorted(domains)
    special = [v for m in marks for v in (m, 2 * m, m * m, _root(m), 1 / m)]
    rng.shuffle(special)
    for _ in range(_GENERIC):
        yield {name: _draw(domains[name], None, rng) for name in names}
    for mark in special:
        for _ in range(2):
            yield {n: _draw(domains[n], mark if n == names[0] or rng.random() < 0.5 else None, rng) for n in names}
    while True:
        yield {name: _draw(domains[name], rng.choice([None, *special]), rng) for name in names}


def fixed_points(domains: Mapping[str, Domain], marks: list[Fraction]) -> Iterator[Point]:
    """Each of 0, ±1, ±2 and the landmarks themselves: for all variables at once, and for each with the others generic.

    Where pieces of a function meet, its value is often not that of either side.
    """
    values = dict.fromkeys([Fraction(0), *(sign * m for m in (Fraction(1), Fraction(2), *marks) for sign in (1, -1))])
    generic = {name: _generic(domain, i) for i, (name, domain) in enumerate(sorted(domains.items()))}
    for value in values:
        fitting = [name for name in generic if _lives(value, domains[name])]
        if len(fitting) == len(generic) > 1:
            yield dict.fromkeys(generic, value)
        for name in fitting:
            yield {**generic, name: value}


def _generic(domain: Domain, place: int) -> Fraction:
    if isinstance(domain, tuple):
        low, high = Fraction(domain[0]), Fraction(domain[1])
        return low + (high - low) * Fraction(3 + place, 7 + 3 * place)
    if domain in ("integer", "natural"):
        return Fraction(3 + place)
    return Fraction(3 + place, 7 + place) * (-1 if domain == "negative" else 1)


def _lives(value: Fraction, domain: Domain) -> bool:
    if isinstance(domain, tuple):
        return Fraction(domain[0]) < value < Fraction(domain[1])
    if domain in ("integer", "natural"):
        return value.denominator == 1 and (domain == "integer" or value > 0)
    return {"positive": value > 0, "negative": value < 0, "nonzero": value != 0}.get(domain, True)


def _root(value: Fraction) -> Fraction:
    """A number near the square root, of half the size in bits."""
    bits = (value.numerator.bit_length() - value.denominator.bit_length()) // 2
    return Fraction(2) ** bits * 3 / 2


def _draw(domain: Domain, mark: Fraction | None, rng: random.Random) -> Fraction | tuple[Fraction, Fraction]:
    if isinstance(domain, tuple):
        low, high = Fraction(domain[0]), Fraction(domain[1])
        return low + (high - low) * Fraction(rng.randrange(1, _SCALE), _SCALE)
    if domain in ("integer", "natural"):
        value = rng.choice([rng.randrange(1, 13), rng.randrange(1, 100), rng.randrange(1, 1_000)])
        if mark is not None and 1 < mark < 10**15:
            value = max(1, int(mark) + rng.randrange(-2, 3))
        return Fraction(value if domain == "natural" else rng.choice([-1, 1]) * value)
    value_ = _real(mark, rng)
    if domain == "complex":
        return value_, _real(None, rng)
    if domain == "positive":
        return abs(value_)
    return -abs(value_) if domain == "negative" else value_


def _real(mark: Fraction | None, rng: random.Random) -> Fraction:
    part = Fraction(rng.randrange(-_SCALE + 1, _SCALE, 2), _SCALE)  # in (-1, 1), never 0
    if mark is not None:
        width = Fraction(1) if rng.random() < 0.5 else Fraction(1, 50)
        nearby = mark * (1 + part * width) if rng.random() < 0.5 else mark + part
        return nearby if rng.random() < 0.5 else -nearby
    kind = rng.random()
    if kind < 0.7:
        return 4 * part
    return part * rng.choice([10, 1_000, 100_000]) if kind < 0.85 else part / rng.choice([10, 100, 1_000])
