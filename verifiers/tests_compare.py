"""Whether a value, or what a program printed, is what was expected: decided here, never by a candidate.

Values are compared in tagged form (`modulo.tagged`) and by exact type. A tolerance loosens floats alone, wherever they
stand, except in sets and in the keys of dicts, which are compared exactly.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from pydantic import Field, JsonValue, model_validator

from modulo.tagged import canonical, decode
from modulo.types import Value

__all__ = ["Tolerance", "first_difference", "same_text", "same_value"]

_MATCHED = 400
"""Elements of an unordered result that are paired one by one; beyond, only in order of size."""


class Tolerance(Value):
    """How far a float may be from the expected one: `|got - expected| <= max(absolute, relative * |expected|)`.

    A number alone is both.
    """

    absolute: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    relative: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _number(cls, given: object) -> object:
        if isinstance(given, int | float) and not isinstance(given, bool):
            return {"absolute": given, "relative": given}
        return given

    def near(self, expected: float, got: float) -> bool:
        """Whether two floats are close enough. NaN is only NaN, and an infinity only itself."""
        if expected != expected or got != got:
            return expected != expected and got != got
        if math.isinf(expected) or math.isinf(got):
            return expected == got
        return abs(got - expected) <= max(self.absolute, self.relative * abs(expected))


_EXACT = Tolerance()


def same_value(
    expected: JsonValue, got: JsonValue, *, tolerance: Tolerance | None = None, unordered: bool = False
) -> bool:
    """Whether `got` is the expected value.

    Args:
        expected: tagged.
        got: tagged.
        tolerance: for floats; none means to the last bit.
        unordered: the elements of a list or tuple may come in any order, each as often as expected. Of the value itself
            alone, not of what is in it.
    """
    want, have, allowed = canonical(expected), canonical(got), tolerance or _EXACT
    if _text(want) == _text(have):
        return True
    if unordered and (items := _sequence(want)) is not None:
        others = _sequence(have)
        return others is not None and type(want) is type(have) and _paired(items, others, allowed)
    return tolerance is not None and _near(want, have, allowed)


def _sequence(value: JsonValue) -> list[JsonValue] | None:
    if isinstance(value, dict):
        body = value.get("$tuple")
        return body if isinstance(body, list) else None
    return value if isinstance(value, list) else None


def _near(want: JsonValue, have: JsonValue, allowed: Tolerance) -> bool:
    if _text(want) == _text(have):
        return True
    if _is_float(want) and _is_float(have):
        return allowed.near(decode(want), decode(have))
    if isinstance(want, list) and isinstance(have, list):
        return len(want) == len(have) and all(_near(a, b, allowed) for a, b in zip(want, have, strict=True))
    if not (isinstance(want, dict) and isinstance(have, dict)) or want.keys() != have.keys():
        return False
    tag = next(iter(want), "")
    if tag in ("$tuple", "$complex"):
        return _near(want[tag], have[tag], allowed)
    if tag == "$dict":
        return _near_pairs(want[tag], have[tag], allowed)
    return not tag.startswith("$") and all(_near(want[key], have[key], allowed) for key in want)


def _near_pairs(want: Any, have: Any, allowed: Tolerance) -> bool:
    values = {_text(key): item for key, item in have}
    return len(want) == len(have) and all(
        _text(key) in values and _near(item, values[_text(key)], allowed) for key, item in want
    )


def _is_float(value: JsonValue) -> bool:
    return type(value) is float or (isinstance(value, dict) and "$float" in value)


def _paired(want: list[JsonValue], have: list[JsonValue], allowed: Tolerance) -> bool:
    """Whether the elements can be paired so that each pair is near."""
    if len(want) != len(have):
        return False
    left, right = sorted(want, key=_order), sorted(have, key=_order)
    if all(_near(a, b, allowed) for a, b in zip(left, right, strict=True)):
        return True
    if len(left) > _MATCHED or allowed == _EXACT:
        return False
    return _matching(left, right, lambda a, b: _near(a, b, allowed))


def _matching(left: list[JsonValue], right: list[JsonValue], fits: Callable[[JsonValue, JsonValue], bool]) -> bool:
    """A perfect matching by augmenting paths (Kuhn 1955)."""
    choices = [[place for place, other in enumerate(right) if fits(item, other)] for item in left]
    taken: dict[int, int] = {}

    def place(start: int) -> bool:
        seen: set[int] = set()
        path: list[tuple[int, int]] = []
        todo = [(start, iter(choices[start]))]
        while todo:
            item, options = todo[-1]
            for option in options:
                if option in seen:
                    continue
                seen.add(option)
                path.append((item, option))
                if option not in taken:
                    taken.update({where: who for who, where in path})
                    return True
                todo.append((taken[option], iter(choices[taken[option]])))
                break
            else:
                todo.pop()
                if path:
                    path.pop()
        return False

    return all(place(item) for item in range(len(left)))


def _order(value: JsonValue) -> tuple[Any, ...]:
    """Floats by size, so that near lists sort alike; all else by text."""
    if _is_float(value):
        number = decode(value)
        return (0, math.inf if number != number else number, "")
    items = _sequence(value)
    if items and _is_float(items[0]):
        return (1, *_order(items[0])[1:2], _text(value))
    return (2, 0.0, _text(value))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def same_text(expected: str, got: str, tolerance: Tolerance | None = None) -> bool:
    """Whether a program printed what was expected; see `first_difference`."""
    return first_difference(expected, got, tolerance) is None


def first_difference(expected: str, got: str, tolerance: Tolerance | None = None) -> tuple[int, str, str] | None:
    """The first line that differs: its number from 1, as expected, and as it is.

    White space at the end of a line does not count, nor do empty lines at the end. With a tolerance, words that are
    numbers on both sides are compared as such, and white space between words only separates them.
    """
    want, have = _lines(expected), _lines(got)
    for number, (line, other) in enumerate(zip(want, have, strict=False), 1):
        if line != other and not (tolerance is not None and _near_words(line, other, tolerance)):
            return number, line, other
    if len(want) == len(have):
        return None
    number = min(len(want), len(have))
    missing = "(there is no such line)"
    return number + 1, want[number] if number < len(want) else missing, have[number] if number < len(have) else missing


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _near_words(line: str, other: str, tolerance: Tolerance) -> bool:
    words, others = line.split(), other.split()
    return len(words) == len(others) and all(
        a == b or _near_numbers(a, b, tolerance) for a, b in zip(words, others, strict=True)
    )


def _near_numbers(word: str, other: str, tolerance: Tolerance) -> bool:
    try:
        return tolerance.near(_number(word), _number(other))
    except ValueError:
        return False


def _number(word: str) -> float:
    if "_" in word or not word.isascii():  # Python reads those, and nobody prints them for a number
        raise ValueError(word)
    return float(word)
