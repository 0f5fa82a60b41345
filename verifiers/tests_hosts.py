"""In the trusted worker: what the tests hand to a candidate that is not plain, and what it may do with that.

Functions may be called, iterators advanced, and of objects of the tests' own classes the public attributes used: no
name that begins with an underscore, and nothing of a function, generator or frame, through which tests could be read.
"""

from __future__ import annotations

import builtins
import sys
import types
from collections.abc import Callable
from typing import Any

from modulo.linked import LinkError

__all__ = ["Hosts"]

_MOCKS = "unittest.mock"
_THINGS = (_MOCKS, "_io")
"""Modules whose objects are used like those of the tests' own classes."""


class Hosts:
    """Numbers for what was handed out. `test_module` is the name of the tests' own module."""

    def __init__(self, test_module: str) -> None:
        self._test_module = test_module
        self._values: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}

    def __contains__(self, number: object) -> bool:
        return number in self._values

    def __getitem__(self, number: int) -> Any:
        return self._values[number]

    def form(self, value: Any, pack: Callable[[Any], Any]) -> list[Any]:
        """How something crosses; with all that the other side needs, the first time.

        Raises:
            LinkError: it cannot cross.
        """
        if id(value) in self._numbers:
            return ["host", self._numbers[id(value)]]
        if isinstance(value, type) and issubclass(value, Exception):
            described = ["host class", value.__name__, ["type", _builtin_base(value)]]
        elif isinstance(value, Exception):
            described = ["host error", pack(type(value)), *_arguments(value, pack)]
        else:
            described = ["host", self.ability(value)]
        number = len(self._values)
        self._values[number] = value
        self._numbers[id(value)] = number
        tag, *rest = described
        return [tag, number, *rest]

    def ability(self, value: Any) -> str:
        """What may be done with something.

        Raises:
            LinkError: nothing may.
        """
        kind = type(value)
        if kind.__module__ in (self._test_module, *_THINGS):
            return "callable thing" if callable(value) else "thing"
        if callable(value):
            return "function" if kind is types.FunctionType else "callable"
        if hasattr(kind, "__next__"):
            return "iterator"
        raise LinkError(
            f"a value of type {kind.__name__} is not plain, callable, an iterator or of a class that the tests define"
        )

    def perform(self, verb: Any, number: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Do what the candidate asks for.

        Raises:
            AttributeError: it may not.
            Exception: whatever comes of it.
        """
        target: Any = self._values.get(number) if type(number) is int else None
        if verb == "call" and callable(target):
            return target(*args, **kwargs)
        if verb == "next" and hasattr(type(target), "__next__"):
            return next(target)
        if target is None or "thing" not in self.ability(target):
            raise AttributeError("not something that the tests hand out")
        if verb == "iter":
            return iter(target)
        if args and type(args[0]) is str and not args[0].startswith("_") and not _kept_from(target, args[0], verb):
            if verb == "get" and len(args) == 1:
                return getattr(target, args[0])
            if verb == "set" and len(args) == 2:
                return setattr(target, args[0], args[1])
        raise AttributeError("not something that the tests hand out")


def _kept_from(target: Any, name: str, verb: Any) -> bool:
    """What a mock has heard, and what it says of that, is not for the candidate to change."""
    mocks = sys.modules.get(_MOCKS)
    if mocks is None or not isinstance(target, mocks.NonCallableMock):
        return False
    return verb == "set" or name.startswith("assert") or name in (*dir(mocks.NonCallableMock), "method_calls")


def _arguments(error: Exception, pack: Callable[[Any], Any]) -> list[Any]:
    try:
        return [pack(argument) for argument in error.args]
    except LinkError:
        return [str(error)]


def _builtin_base(error: type) -> str:
    """The nearest builtin class above an exception class."""
    return next(str(base.__name__) for base in error.__mro__ if getattr(builtins, base.__name__, None) is base)
