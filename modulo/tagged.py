"""Python values as JSON, by exact type: how arguments and results cross into and out of a sandbox.

In a problem file a value of `args` or `expect` is plain YAML or JSON where JSON has the type, and a mapping of one key
that begins with `$` where it has not:

| Python | written as |
|---|---|
| `None`, `True`, `7`, `0.5`, `"text"`, `[1, 2]`, `{"a": 1}` | itself |
| `(1, 2)` | `{"$tuple": [1, 2]}` |
| `{1, 2}`, `frozenset({1})` | `{"$set": [1, 2]}`, `{"$frozenset": [1]}` |
| `b"\\x00\\x01"` | `{"$bytes": "AAE="}` (base64) |
| `1+2j` | `{"$complex": [1.0, 2.0]}` |
| `nan`, `inf`, `-inf` | `{"$float": "nan"}`, `{"$float": "inf"}`, `{"$float": "-inf"}` |
| an integer of any size | itself, or `{"$int": "123…"}` (needed above 4,300 digits) |
| `{1: "a"}`, `{"$x": 1}` | `{"$dict": [[1, "a"]]}`, `{"$dict": [["$x", 1]]}` |
| a text with lone surrogates | `{"$str": "…"}` (base64 of UTF-8 with surrogates passed) |

Values are compared by exact type: `True` is not `1`, `1` is not `1.0`, a list is not a tuple. Floats must be equal to
the last bit, except that nan equals nan and -0.0 equals 0.0; sets and dicts have no order.

This file is also part of the program inside the sandbox, so it imports the standard library alone. `encode` looks only
at `type(value)`, never at what the value says of itself, and calls no method that a candidate could have written.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import JsonValue

__all__ = ["MAX_DEPTH", "MAX_DIGITS", "MAX_SIZE", "TaggedError", "canonical", "decode", "encode", "same", "show"]

MAX_DEPTH = 50
"""Containers inside containers; also what stops a value that contains itself."""
MAX_DIGITS = 100_000
"""Decimal digits of one integer."""
MAX_SIZE = 100_000_000
"""Characters and elements of one value together."""

_NATURAL = 2**63
_CHUNK = 4_000
_INTEGER = re.compile(r"-?[1-9][0-9]*|0", re.ASCII)
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_CONTAINERS: dict[type, str] = {tuple: "$tuple", set: "$set", frozenset: "$frozenset"}
_TAGS = ("$bytes", "$complex", "$dict", "$float", "$frozenset", "$int", "$set", "$str", "$tuple")


class TaggedError(ValueError):
    """A value that cannot be written in tagged form, or a tagged form that is malformed."""


class _Meter:
    """Counts what one value costs, so that neither depth nor size can run away."""

    def __init__(self, size: int) -> None:
        self.left = size

    def spend(self, cost: int, depth: int) -> None:
        self.left -= cost
        if self.left < 0:
            raise TaggedError("the value is too large")
        if depth > MAX_DEPTH:
            raise TaggedError(f"the value is nested more than {MAX_DEPTH} deep, or contains itself")


def encode(value: object, *, size: int = MAX_SIZE) -> JsonValue:
    """The tagged form of a value of builtin types.

    Args:
        value: any object. Subclasses of the builtin types are refused: `type(value)` alone decides.
        size: cap on characters and elements together.

    Raises:
        TaggedError: a type outside the table above, or too large, too deep, or recursive.
    """
    return _encode(value, _Meter(size), 0)


def _encode(value: Any, meter: _Meter, depth: int) -> JsonValue:
    kind = type(value)
    meter.spend(1, depth)
    if value is None or kind is bool:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return _encode_int(value)
    if kind is float:
        return _encode_float(value)
    if kind is str:
        meter.spend(len(value), depth)
        return _encode_str(value)
    if kind is list:
        return [_encode(item, meter, depth + 1) for item in value]
    if kind in _CONTAINERS:
        return {_CONTAINERS[kind]: [_encode(item, meter, depth + 1) for item in value]}
    if kind is dict:
        pairs = [(_encode(k, meter, depth + 1), _encode(v, meter, depth + 1)) for k, v in value.items()]
        return _dict(pairs)
    if kind is bytes:
        meter.spend(len(value), depth)
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if kind is complex:
        return {"$complex": [_encode_float(value.real), _encode_float(value.imag)]}
    name = type.__dict__["__name__"].__get__(kind)
    raise TaggedError(f"a value of type {name} is not a plain Python value")


def _encode_int(value: int) -> JsonValue:
    if -_NATURAL < value < _NATURAL:
        return value
    if value.bit_length() > MAX_DIGITS * 3.3219:
        raise TaggedError(f"the integer has more than {MAX_DIGITS} digits")
    # The interpreter refuses str() of long integers, so the digits are cut into pieces it accepts.
    rest, pieces = abs(value), []
    while rest:
        rest, low = divmod(rest, 10**_CHUNK)
        pieces.append(str(low).zfill(_CHUNK) if rest else str(low))
    return {"$int": ("-" if value < 0 else "") + "".join(reversed(pieces))}


def _decode_int(text: str) -> int:
    digits, total = text.lstrip("-"), 0
    for start in range(0, len(digits), _CHUNK):
        piece = digits[start : start + _CHUNK]
        total = total * 10 ** len(piece) + int(piece)
    return -total if text.startswith("-") else total


def _encode_float(value: float) -> JsonValue:
    if value != value:
        return {"$float": "nan"}
    if value in (math.inf, -math.inf):
        return {"$float": "inf" if value > 0 else "-inf"}
    return value + 0.0  # -0.0 becomes 0.0


def _encode_str(value: str) -> JsonValue:
    # Two lone surrogates in a row are another text than the character they would spell in JSON.
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return {"$str": base64.b64encode(value.encode("utf-8", "surrogatepass")).decode("ascii")}
    return value


def _dict(pairs: list[tuple[JsonValue, JsonValue]]) -> JsonValue:
    plain: dict[str, JsonValue] = {}
    for key, item in pairs:
        if type(key) is not str or key.startswith("$"):
            return {"$dict": [[k, v] for k, v in pairs]}
        plain[key] = item
    return plain


def canonical(tagged: object) -> JsonValue:
    """The one spelling of a tagged value that `encode` would give, with sets and dicts in a fixed order.

    Accepts what a problem file may hold, and what came from a sandbox, after strict JSON parsing: both are untrusted.

    Raises:
        TaggedError: not a tagged value: unknown tag, wrong content, duplicate or unhashable element, too deep.
    """
    return _canonical(tagged, _Meter(MAX_SIZE), 0)


def _canonical(value: Any, meter: _Meter, depth: int) -> JsonValue:
    kind = type(value)
    meter.spend(1, depth)
    if value is None or kind is bool:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return _encode_int(value)
    if kind is float:
        return _encode_float(value)
    if kind is str:
        meter.spend(len(value), depth)
        return _encode_str(value)
    if kind is list:
        return [_canonical(item, meter, depth + 1) for item in value]
    if kind is not dict:
        raise TaggedError(f"{kind.__name__} is not a JSON type")
    if any(type(key) is not str for key in value):
        raise TaggedError('keys of a mapping must be text; write {"$dict": [[key, value], …]} for others')
    if not any(key.startswith("$") for key in value):
        meter.spend(sum(map(len, value)), depth)
        plain = [(_encode_str(k), _canonical(v, meter, depth + 1)) for k, v in value.items()]
        return _dict(sorted(plain, key=lambda pair: _text(pair[0])))
    if len(value) > 1:
        raise TaggedError('a key that begins with $ must be written as {"$dict": [["$key", value], …]}')
    ((tag, body),) = value.items()
    return _canonical_tag(tag, body, lambda item: _canonical(item, meter, depth + 1), meter, depth)


def _canonical_tag(tag: str, body: Any, inner: Callable[[Any], JsonValue], meter: _Meter, depth: int) -> JsonValue:
    if tag in ("$tuple", "$set", "$frozenset", "$dict", "$complex"):
        if type(body) is not list:
            raise TaggedError(f"{tag} needs a list")
        return _canonical_list(tag, body, inner)
    if tag in ("$bytes", "$float", "$int", "$str"):
        if type(body) is not str:
            raise TaggedError(f"{tag} needs text")
        meter.spend(len(body), depth)
        return _canonical_text(tag, body)
    raise TaggedError(f"unknown tag {tag[:20]!r}; the tags are {', '.join(_TAGS)}")


def _canonical_list(tag: str, body: list[Any], inner: Callable[[Any], JsonValue]) -> JsonValue:
    if tag == "$dict":
        if any(type(pair) is not list or len(pair) != 2 for pair in body):
            raise TaggedError("$dict needs a list of [key, value] pairs")
        pairs = [(inner(key), inner(item)) for key, item in body]
        _distinct(tag, [key for key, _ in pairs])
        return _dict(sorted(pairs, key=lambda pair: _text(pair[0])))
    items = [inner(item) for item in body]
    if tag in ("$set", "$frozenset"):
        _distinct(tag, items)
        return {tag: sorted(items, key=_text)}
    floats = (type(p) is float or (type(p) is dict and "$float" in p) for p in items)
    if tag == "$complex" and not (len(items) == 2 and all(floats)):
        raise TaggedError("$complex needs two floats, such as [1.0, 2.0]")
    return {tag: items}


def _canonical_text(tag: str, body: str) -> JsonValue:
    if tag == "$float":
        if body not in _FLOATS:
            raise TaggedError('$float is "nan", "inf" or "-inf"')
        return {tag: body}
    if tag == "$int":
        if not _INTEGER.fullmatch(body) or len(body.lstrip("-")) > MAX_DIGITS:
            raise TaggedError(f"$int needs a decimal integer of at most {MAX_DIGITS} digits")
        small = int(body) if len(body) <= 20 else _NATURAL
        return small if -_NATURAL < small < _NATURAL else {tag: body}
    raw = _base64(tag, body)
    if tag == "$bytes":
        return {tag: base64.b64encode(raw).decode("ascii")}
    try:
        return _encode_str(raw.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        raise TaggedError("$str does not hold UTF-8") from None


def _base64(tag: str, body: str) -> bytes:
    try:
        return base64.b64decode(body.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise TaggedError(f"{tag} needs base64") from None


def _text(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _distinct(tag: str, items: list[JsonValue]) -> None:
    # By text, not by a Python set: integers can be chosen to collide, texts cannot.
    seen: set[str] = set()
    for item in items:
        text = _text(_as_key(item))
        if text in seen and item != {"$float": "nan"}:
            raise TaggedError(f"{tag} has the same {'key' if tag == '$dict' else 'element'} twice")
        seen.add(text)


def _as_key(value: JsonValue) -> JsonValue:
    """The value with what Python takes for equal keys (`True`, `1`, `1.0`) made one; refuses the unhashable."""
    if type(value) is bool or (type(value) is float and value.is_integer()):
        return _encode_int(int(value))
    if type(value) is list or (type(value) is dict and next(iter(value), "") in ("$set", "$dict")):
        raise TaggedError("lists, sets and dicts cannot be elements of a set or keys of a dict")
    if type(value) is dict:
        tag, body = next(iter(value.items()), ("", None))
        if not tag.startswith("$"):
            raise TaggedError("lists, sets and dicts cannot be elements of a set or keys of a dict")
        if tag in ("$tuple", "$frozenset") and type(body) is list:
            return {tag: [_as_key(item) for item in body]}
    return value


def decode(tagged: object) -> Any:
    """The Python value of a tagged form, made of builtin types.

    Raises:
        TaggedError: see `canonical`.
    """
    return _decode(canonical(tagged))


def _decode(value: JsonValue) -> Any:
    if type(value) is list:
        return [_decode(item) for item in value]
    if type(value) is not dict:
        return value
    tag, body = next(iter(value.items()), ("", None))
    if not tag.startswith("$"):
        return {key: _decode(item) for key, item in value.items()}
    parts: Any = body
    if tag == "$tuple":
        return tuple(_decode(item) for item in parts)
    if tag == "$set":
        return {_decode(item) for item in parts}
    if tag == "$frozenset":
        return frozenset(_decode(item) for item in parts)
    if tag == "$dict":
        return {_decode(key): _decode(item) for key, item in parts}
    if tag == "$complex":
        return complex(_decode(parts[0]), _decode(parts[1]))
    if tag == "$float":
        return _FLOATS[parts]
    if tag == "$int":
        return _decode_int(parts)
    raw = base64.b64decode(parts)
    return raw if tag == "$bytes" else raw.decode("utf-8", "surrogatepass")


def same(expected: object, got: object) -> bool:
    """Whether two tagged forms stand for the same value, by exact type.

    Raises:
        TaggedError: one of them is malformed.
    """
    return _text(canonical(expected)) == _text(canonical(got))


def show(tagged: object, limit: int = 200) -> str:
    """A short rendering in Python's syntax, of at most `limit` characters, on one line, all printable.

    Raises:
        TaggedError: malformed.
    """
    pieces: list[str] = []
    _show(canonical(tagged), pieces, limit + 1)
    text = "".join(pieces)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _show(value: JsonValue, out: list[str], left: int) -> int:
    """Append the rendering of `value`; returns what is left of the limit. Stops early once nothing is."""
    if type(value) is str:
        return _put(out, repr(value[: left + 1]) if left > 0 else "", left)
    if type(value) is list:
        return _show_items(value, "[", "]", out, left)
    if type(value) is not dict:
        return _put(out, repr(value), left)
    tag, body = next(iter(value.items()), ("", None))
    if not tag.startswith("$"):
        return _show_pairs(list(value.items()), out, left)
    if tag == "$tuple" and type(body) is list:
        return _show_items(body, "(", ",)" if len(body) == 1 else ")", out, left)
    if tag == "$set" and type(body) is list:
        return _show_items(body, "{", "}", out, left) if body else _put(out, "set()", left)
    if tag == "$frozenset" and type(body) is list:
        return _show_items(body, "frozenset({", "})", out, left) if body else _put(out, "frozenset()", left)
    if tag == "$dict":
        return _show_pairs(body, out, left)
    if tag == "$int" and type(body) is str:
        return _put(out, body[: left + 1], left)
    return _put(out, repr(_decode(value)), left)


def _put(out: list[str], text: str, left: int) -> int:
    if left > 0:
        out.append(text)
    return left - len(text)


def _show_items(items: list[JsonValue], start: str, end: str, out: list[str], left: int) -> int:
    left = _put(out, start, left)
    for position, item in enumerate(items):
        if left <= 0:
            return left
        left = _put(out, ", ", left) if position else left
        left = _show(item, out, left)
    return _put(out, end, left)


def _show_pairs(pairs: Any, out: list[str], left: int) -> int:
    left = _put(out, "{", left)
    for position, (key, item) in enumerate(pairs):
        if left <= 0:
            return left
        left = _put(out, ", ", left) if position else left
        left = _show(item, out, _put(out, ": ", _show(key, out, left)))
    return _put(out, "}", left)
