"""Sample points: where two expressions are compared.

Drawn from a generator seeded with the spec and the candidate, so that a verdict can be reproduced but no candidate can
be written for its own points. Besides the unit scale they cover small and large numbers and both sides of every number
written in the expressions, since that is where pieces of a function meet.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Literal

from modulo.verifiers.math_nodes import Num, Obj, walk

__all__ = ["Domain", "landmarks", "points"]

Domain = Literal["real", "positive", "negative", "nonzero", "integer", "natural", "complex"] | tuple[float, float]
"""Where a variable lives. `natural` starts at 1; a pair is an open interval."""

_SCALE = 1 << 40


def landmarks(*objs: Obj) -> list[Fraction]:
    """The numbers written in them, at most 20, and their negatives."""
    found = {
        abs(n.value)
        for o in objs
        for n in walk(o)
        if isinstance(n, Num) and 0 < abs(n.value) < 10**12 and n.value.denominator < 10**12
    }
    return [s * v for v in sorted(found)[:20] for s in (1, -1)]


def points(domains: Mapping[str, Domain], marks: list[Fraction], rng: random.Random) -> Iterator[dict[str, Fraction]]:
    """Endless points, one value for each variable."""
    names = sorted(domains)
    while True:
        yield {name: _draw(domains[name], marks, rng) for name in names}


def _draw(domain: Domain, marks: list[Fraction], rng: random.Random) -> Fraction:
    if isinstance(domain, tuple):
        low, high = Fraction(domain[0]), Fraction(domain[1])
        return low + (high - low) * Fraction(rng.randrange(1, _SCALE), _SCALE)
    if domain in ("integer", "natural"):
        value = rng.choice([rng.randrange(1, 13), rng.randrange(1, 100), rng.randrange(1, 1_000)])
        return Fraction(value if domain == "natural" else rng.choice([-1, 1]) * value)
    value = _real(marks, rng)
    if domain == "positive":
        return abs(value)
    return -abs(value) if domain == "negative" else value


def _real(marks: list[Fraction], rng: random.Random) -> Fraction:
    part = Fraction(rng.randrange(-_SCALE + 1, _SCALE, 2), _SCALE)  # in (-1, 1), never 0
    kind = rng.random()
    if kind < 0.5:
        return 4 * part
    if kind < 0.6:
        return part * 10 ** rng.randrange(1, 6)
    if kind < 0.7:
        return part / 10 ** rng.randrange(1, 4)
    if marks and kind < 0.9:
        return rng.choice(marks) + part * rng.choice([1, 1, Fraction(1, 50)])
    if marks:
        return rng.choice([-1, 1]) * (max(marks) * 2 + abs(part) * 7)
    return part
