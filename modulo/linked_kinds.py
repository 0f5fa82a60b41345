"""The kinds of values that cross between two processes in `modulo.linked`, and how to take them apart.

This file is also part of the program inside the sandbox, so it imports the standard library alone.
"""

from __future__ import annotations

import importlib
import math
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = [
    "KINDS",
    "NUMERIC",
    "TYPES",
    "VALUES",
    "VIEWS",
    "LinkError",
    "array_scalar",
    "check_size",
    "flat",
    "unchanged",
]

NUMERIC = frozenset("biufc")
"""Kinds of numpy's types that cross: numbers and truth values."""


class LinkError(ValueError):
    """A value that cannot cross, or a message that is malformed."""


def flat(pairs: dict[Any, Any]) -> list[Any]:
    """Keys and values in turn."""
    return [part for pair in pairs.items() for part in pair]


def _fill_dict(value: dict[Any, Any], items: list[Any]) -> None:
    value.clear()
    for key, item in zip(items[::2], items[1::2], strict=True):
        value[key] = item  # noqa: PERF403 - update() of a Counter would add


def _fill_sequence(value: Any, items: list[Any]) -> None:
    value.clear()
    value.extend(items)


def _fill_set(value: set[Any], items: list[Any]) -> None:
    value.clear()
    value.update(items)


def _fill_bytes(value: bytearray, items: list[Any]) -> None:
    value[:] = items[0]


def _fill_array(value: Any, items: list[Any]) -> None:
    value[...] = _numpy().frombuffer(items[0], dtype=value.dtype).reshape(value.shape)


@dataclass(frozen=True)
class _Kind:
    """A kind of cell.

    Attributes:
        contents: what is in it: a list, or bytes.
        fill: replaces that.
        extra: what else belongs to it.
        empty: makes an empty one from `extra`.
    """

    contents: Callable[[Any], Any]
    fill: Callable[[Any, list[Any]], None]
    empty: Callable[[Any], Any]
    extra: Callable[[Any], Any] = lambda value: None


KINDS: dict[str, _Kind] = {
    "list": _Kind(list, _fill_sequence, lambda extra: []),
    "dict": _Kind(flat, _fill_dict, lambda extra: {}),
    "set": _Kind(list, _fill_set, lambda extra: set()),
    "bytearray": _Kind(bytes, _fill_bytes, lambda extra: bytearray()),
    "deque": _Kind(list, _fill_sequence, lambda extra: deque(maxlen=extra), lambda value: value.maxlen),
    "Counter": _Kind(flat, _fill_dict, lambda extra: Counter()),
    "OrderedDict": _Kind(flat, _fill_dict, lambda extra: OrderedDict()),
    "defaultdict": _Kind(flat, _fill_dict, lambda extra: defaultdict(extra), lambda value: value.default_factory),
    "ndarray": _Kind(
        lambda value: value.tobytes(),
        _fill_array,
        lambda extra: _numpy().empty(extra[1], dtype=_numeric(extra[0])),
        lambda value: (value.dtype.str, value.shape),
    ),
}
TYPES: dict[type, str] = {
    list: "list", dict: "dict", set: "set", bytearray: "bytearray", deque: "deque", Counter: "Counter",
    OrderedDict: "OrderedDict", defaultdict: "defaultdict",
}  # fmt: skip
VIEWS: dict[type, str] = {
    type({}.keys()): "dict_keys",
    type({}.values()): "dict_values",
    type({}.items()): "dict_items",
}
# What makes a value of the standard library again: module and name, to the arguments that make an equal one.
VALUES: dict[tuple[str, str], Callable[[Any], tuple[Any, ...]]] = {
    ("decimal", "Decimal"): lambda v: (str(v),),
    ("fractions", "Fraction"): lambda v: (v.numerator, v.denominator),
    ("datetime", "date"): lambda v: (v.year, v.month, v.day),
    ("datetime", "timedelta"): lambda v: (v.days, v.seconds, v.microseconds),
    ("datetime", "datetime"): lambda v: _clock((v.year, v.month, v.day), v),
    ("datetime", "time"): lambda v: _clock((), v),
    ("datetime", "timezone"): lambda v: (v.utcoffset(None),),
    ("builtins", "range"): lambda v: (v.start, v.stop, v.step),
    ("builtins", "slice"): lambda v: (v.start, v.stop, v.step),
    ("uuid", "UUID"): lambda v: (v.hex,),
    ("pathlib", "PosixPath"): lambda v: (str(v),),
    ("pathlib", "PurePosixPath"): lambda v: (str(v),),
}


def _clock(date: tuple[int, ...], value: Any) -> tuple[Any, ...]:
    zone = value.tzinfo
    if zone is not None and type(zone) is not sys.modules["datetime"].timezone:
        raise LinkError("a time in a named zone cannot cross")
    return (*date, value.hour, value.minute, value.second, value.microsecond, zone)


def _numpy() -> Any:
    try:
        return importlib.import_module("numpy")
    except ImportError:
        raise LinkError("numpy is not installed where the tests run: pip install 'llm-modulo[science]'") from None


def check_size(extra: Any, data: bytes) -> None:
    """Refuse an array whose contents are not there in full."""
    name, shape = extra
    if math.prod(shape) * _numeric(name).itemsize != len(data):
        raise LinkError("an array's shape is malformed")


def unchanged(before: Any, now: Any) -> bool:
    """Whether contents are the very same."""
    if type(now) is bytes:
        return bool(before == now) and type(before) is bytes
    return len(before) == len(now) and all(a is b for a, b in zip(before, now, strict=True))


def _numeric(name: Any) -> Any:
    if type(name) is not str or len(name) > 8:
        raise LinkError("an array's type is malformed")
    try:
        dtype = _numpy().dtype(name)
    except TypeError:
        raise LinkError("an array's type is malformed") from None
    if dtype.kind not in NUMERIC:
        raise LinkError("an array's type is malformed")
    return dtype


def array_scalar(name: Any, data: Any) -> Any:
    """One number of an array, of this type."""
    return _numpy().frombuffer(data, dtype=_numeric(name), count=1)[0]
