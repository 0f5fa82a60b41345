"""Values in critiques, in the trusted worker: short, and without asking a candidate's object anything."""

from __future__ import annotations

import reprlib
from typing import Any

__all__ = ["Mirrored", "arguments", "is_remote", "shown"]

_LIMIT = 160
_PLAIN = (bool, int, float, complex, str, bytes, bytearray, type(None))


class Mirrored(type):
    """Metaclass of the classes that stand for a candidate's own (`tests_proxy.py`)."""


def is_remote(value: object) -> bool:
    """Whether a value stands for an object of the candidate's own."""
    return isinstance(type(value), Mirrored)


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = self.maxdeque = 12
        self.maxstring = self.maxother = 80
        self.maxlong = 60

    def repr_int(self, x: int, level: int) -> str:
        return f"an integer of {x.bit_length()} bits" if x.bit_length() > 10_000 else super().repr_int(x, level)

    def repr1(self, x: Any, level: int) -> str:
        # Not by its name, which a candidate chose, as the base class would.
        return f"<{type(x).__name__}>" if is_remote(x) else super().repr1(x, level)

    def repr_instance(self, x: Any, level: int) -> str:
        kind = type(x)
        if kind in _PLAIN:
            return super().repr_instance(x, level)
        if isinstance(x, type) or callable(x):
            return str(getattr(x, "__name__", kind.__name__))
        if kind.__module__ in (
            "decimal",
            "fractions",
            "datetime",
            "collections",
            "pathlib",
            "uuid",
            "numpy",
            "builtins",
        ):
            return super().repr_instance(x, level)
        return f"<{kind.__name__}>"


_SHORT = _Short()


def shown(value: Any) -> str:
    """A value on one line."""
    if is_remote(value):
        return f"an object of type {type(value).__name__}"
    return _written(value)


def arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The arguments of a call, as they would be written."""
    return ", ".join([*map(_written, args), *(f"{name}={_written(value)}" for name, value in kwargs.items())])


def _written(value: Any) -> str:
    text = _SHORT.repr(value)
    return text if len(text) <= _LIMIT else text[: _LIMIT - 1] + "…"
