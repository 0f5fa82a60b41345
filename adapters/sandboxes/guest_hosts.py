"""Inside the sandbox: what stands for something of the tests, which a candidate was handed.

Standard library alone: this file is part of the program that is shipped into the sandbox. Nothing of the tests is here
but a number; whatever a candidate does with it is asked of the tests, which answer or refuse.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

__all__ = ["HOST_KINDS", "number_of"]

Ask = Callable[[str, int, tuple[Any, ...], dict[str, Any]], Any]


def number_of(value: Any) -> int | None:
    """The number of what such an object stands for; `None` for any other object."""
    if type(value) not in HOST_KINDS.values():
        return None
    found: int = object.__getattribute__(value, "_number")
    return found


class _Host:
    """Something of the tests: nothing of it is here but its number."""

    __slots__ = ("_ask", "_number")
    _number: int
    _ask: Ask

    def __init__(self, ask: Ask, number: int) -> None:
        object.__setattr__(self, "_ask", ask)
        object.__setattr__(self, "_number", number)


class _HostCallable(_Host):
    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("call", self._number, args, kwargs)


class _HostFunction(_HostCallable):
    __slots__ = ()

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)


class _HostIterator(_Host):
    __slots__ = ()

    def __iter__(self) -> _HostIterator:
        return self

    def __next__(self) -> Any:
        return self._ask("next", self._number, (), {})


class _HostThing(_Host):
    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        return self._ask("get", self._number, (name,), {})

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask("set", self._number, (name, value), {})

    def __iter__(self) -> Any:
        return self._ask("iter", self._number, (), {})

    def __next__(self) -> Any:
        return self._ask("next", self._number, (), {})

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class _HostCallableThing(_HostThing):
    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("call", self._number, args, kwargs)


HOST_KINDS: dict[str, type[_Host]] = {
    "callable": _HostCallable,
    "function": _HostFunction,
    "iterator": _HostIterator,
    "thing": _HostThing,
    "callable thing": _HostCallableThing,
}
