"""SMT-LIB's regular expressions, matched on Python's strings. Runs in a worker.

A node answers from a start position with the set of end positions, as the bits of one integer, so intersection,
complement and difference are as simple as union, and the work is at most (nodes × positions) set operations whatever
the expression is. SMT-LIB theory Strings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Regex", "any_char", "any_text", "chain", "difference", "either", "inside", "literal", "matches", "negation",
           "nothing", "one_of", "times"]  # fmt: skip

Ends: TypeAlias = "Callable[[int], int]"
Regex: TypeAlias = "Callable[[str], Ends]"
"""Of a text, and then of a start, the ends of all matches: bit *j* is set if the text from start to *j* matches."""


def matches(regex: Regex, text: str) -> bool:
    """`str.in_re`."""
    return bool(regex(text)(0) >> len(text) & 1)


def _remembered(ends: Ends) -> Ends:
    known: dict[int, int] = {}

    def recall(start: int) -> int:
        if start not in known:
            known[start] = ends(start)
        return known[start]

    return recall


def _bits(ends: int) -> list[int]:
    """Positions of the bits that are set."""
    found = []
    while ends:
        low = ends & -ends
        found.append(low.bit_length() - 1)
        ends ^= low
    return found


def _from(ends: Ends, starts: int) -> int:
    result = 0
    for start in _bits(starts):
        result |= ends(start)
    return result


def literal(word: str) -> Regex:
    """`str.to_re`."""
    return lambda text: lambda start: 1 << (start + len(word)) if text.startswith(word, start) else 0


def one_of(low: str, high: str) -> Regex:
    """`re.range`; nothing unless both are one character."""
    if len(low) != 1 or len(high) != 1:
        return nothing
    return lambda text: lambda start: 1 << (start + 1) if start < len(text) and low <= text[start] <= high else 0


def nothing(text: str) -> Ends:
    """`re.none`."""
    return lambda start: 0


def any_char(text: str) -> Ends:
    """`re.allchar`."""
    return lambda start: 1 << (start + 1) if start < len(text) else 0


def any_text(text: str) -> Ends:
    """`re.all`."""
    return lambda start: _rest(text, start)


def _rest(text: str, start: int) -> int:
    """All positions from `start` on."""
    return (1 << (len(text) + 1)) - (1 << start)


def chain(parts: list[Regex]) -> Regex:
    """`re.++`."""

    def on(text: str) -> Ends:
        steps = [part(text) for part in parts]

        def ends(start: int) -> int:
            reached = 1 << start
            for step in steps:
                reached = _from(step, reached)
            return reached

        return _remembered(ends)

    return on


def either(parts: list[Regex]) -> Regex:
    """`re.union`."""

    def on(text: str) -> Ends:
        steps = [part(text) for part in parts]

        def ends(start: int) -> int:
            reached = 0
            for step in steps:
                reached |= step(start)
            return reached

        return _remembered(ends)

    return on


def inside(parts: list[Regex]) -> Regex:
    """`re.inter`."""

    def on(text: str) -> Ends:
        steps = [part(text) for part in parts]

        def ends(start: int) -> int:
            reached = -1
            for step in steps:
                reached &= step(start)
            return reached

        return _remembered(ends)

    return on


def negation(part: Regex) -> Regex:
    """`re.comp`."""

    def on(text: str) -> Ends:
        step = part(text)
        return _remembered(lambda start: _rest(text, start) & ~step(start))

    return on


def difference(part: Regex, without: Regex) -> Regex:
    """`re.diff`."""
    return inside([part, negation(without)])


def times(part: Regex, low: int, high: int | None) -> Regex:
    """From `low` to `high` times, `None` for any number: `re.*`, `re.+`, `re.opt`, `re.^` and `re.loop`."""

    def on(text: str) -> Ends:
        step = part(text)

        def ends(start: int) -> int:
            reached = 1 << start
            for _ in range(low):
                reached = _from(step, reached)
                if not reached:
                    return 0
            found, fresh, round_ = reached, reached, low
            while fresh and (high is None or round_ < high):
                fresh = _from(step, fresh) & ~found
                found |= fresh
                round_ += 1
            return found

        return _remembered(ends)

    return on if high is None or low <= high else nothing
