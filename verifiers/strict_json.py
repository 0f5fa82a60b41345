"""Reading a candidate as exactly one JSON value, with nothing forgiven.

Python's reader takes `NaN`, keeps the last of two equal keys, and rounds every number to a double. Each of these lets a
wrong answer look like a right one, so here each is a fault with a message that tells a model what to mend.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NoReturn

__all__ = ["MAX_CHARS", "Number", "StrictJsonError", "exact", "loads", "shorten"]

MAX_CHARS = 1_000_000
"""Characters of a candidate."""

_MAX_DIGITS = 4000
_SURROGATE = re.compile(r"[\ud800-\udfff]|\\u[dD][89a-fA-F]")
_DECIMAL = re.compile(r"(-?\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?", re.ASCII)


class StrictJsonError(ValueError):
    """The text is not one JSON value; the message says where and why."""


@dataclass(frozen=True)
class Number:
    """A JSON number as it is spelled."""

    text: str

    @property
    def is_integer_literal(self) -> bool:
        """Spelled without a fraction or an exponent: `1`, not `1.0`."""
        return self.text.lstrip("-").isdigit()


def loads(text: str, *, number: Callable[[str], Any] = Number, integer: Callable[[str], Any] | None = None) -> Any:
    """The one JSON value that `text` holds, whitespace around it aside.

    Args:
        text: what to read.
        number: makes numbers of their spelling.
        integer: makes those without a fraction or an exponent; what it refuses with a `ValueError` goes to `number`.

    Raises:
        StrictJsonError: it holds none, or more; a key twice; NaN; a lone surrogate; too long or too deep.
    """
    if len(text) > MAX_CHARS:
        raise StrictJsonError(f"the answer has {len(text)} characters; at most {MAX_CHARS} are read")
    if not text.strip():
        raise StrictJsonError("the answer is empty; a JSON value is expected")
    try:
        value = _read(text, number, integer or number)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise StrictJsonError(f"the answer is not one JSON value: {error.msg} at {place}") from None
    except RecursionError:
        raise StrictJsonError("the answer is nested too deeply") from None
    if not (text.isascii() and "\\u" not in text) and _SURROGATE.search(text) and not _all_unicode(value):
        raise StrictJsonError("the answer holds half a surrogate pair, which is not a character")
    return value


def _read(text: str, number: Callable[[str], Any], integer: Callable[[str], Any]) -> Any:
    try:
        return json.loads(
            text, parse_int=integer, parse_float=number, parse_constant=_no_constant, object_pairs_hook=_object
        )
    except ValueError as error:
        if integer is number or isinstance(error, json.JSONDecodeError | StrictJsonError):
            raise
        return _read(text, number, number)


def exact(text: str) -> Fraction:
    """The rational number that a decimal spells, such as `-1.50e3`.

    Raises:
        ValueError: not a decimal, or it takes more than 4,000 digits to write out.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError(f"{shorten(text)} is not a decimal number")
    whole, part, exponent = match[1], match[2] or "", match[3] or "0"
    if len(exponent) > 6 or len(whole) + len(part) + abs(int(exponent)) > _MAX_DIGITS:
        raise ValueError(f"{shorten(text)} takes more than {_MAX_DIGITS} digits to write out")
    return Fraction(int(whole + part)) * Fraction(10) ** (int(exponent) - len(part))


def shorten(text: str, limit: int = 60) -> str:
    """`text`, cut to `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise StrictJsonError(f"the key {json.dumps(shorten(twice))} occurs twice in one object")
    return result


def _all_unicode(value: Any) -> bool:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            stack.extend(item)
            stack.extend(item.values())
        elif isinstance(item, str) and any("\ud800" <= char <= "\udfff" for char in item):
            return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise StrictJsonError(f"{name} is not JSON; write a finite number")
