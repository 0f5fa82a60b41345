"""Inside the sandbox: do with a candidate's objects what tests outside ask for.

Standard library alone: this file is part of the program that is shipped into the sandbox. Values cross as in
`modulo.linked`; an object of the candidate's own stays here and crosses as a number. One question is

    {"do": verb, "args": […], "kwargs": [[name, value], …]}     or     {"return": value}, {"raise": exception}

where the second form answers a question of ours: a candidate that was given a function of the tests may call it, which
is asked back before the first question is answered. A reply is one of

    {"did": "returned", "value", "out"}
    {"did": "raised", "error", "text", "line", "out"}           `error` is null for what is no Exception
    {"did": "asks", "verb", "of", "args", "kwargs", "out"}      call, next or get something of the tests

`out` is what was printed. Each message has `cells`, and from here `classes` and `objects`: what is new in it. The tests
are not here, nor anything that they compare with.
"""

from __future__ import annotations

import io
import operator
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

from modulo.adapters.sandboxes.guest_hosts import HOST_KINDS, number_of
from modulo.adapters.sandboxes.guest_outcome import describe, guarded, line_of, load_module
from modulo.linked import Linker, LinkError
from modulo.tagged import TaggedError, decode

__all__ = ["Objects"]

_MODULE = 1
_HOST = "_modulo_host"
_PRINTED = 20_000
_BUILTIN_KINDS = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)


class Objects(Linker):
    """A loaded module and every object of it that was told to the host."""

    def __init__(self, send: Callable[[dict[str, Any]], None], receive: Callable[[], Any], size: int) -> None:
        super().__init__(first=1)
        self._send, self._receive, self._size = send, receive, size
        self._objects: dict[int, Any] = {}
        self._object_numbers: dict[int, int] = {}
        self._last = _MODULE - 1
        self._news: dict[str, list[Any]] = {"classes": [], "objects": []}
        self._hosts: dict[int, Any] = {}
        self._index = -1
        # Held while nothing of the candidate's is being run: its threads may only ask in between.
        self._turn = threading.Lock()
        self._printed = _Printed()
        self._loop: Any = None

    def load(self, program: str) -> None:
        """Execute the program; what it raises is for the caller."""
        sys.stdout = self._printed
        self._keep(load_module(program))
        self._printed.take()

    def serve(self) -> None:
        """Answer questions until the host goes away."""
        with self._turn:
            self._serve()

    def _serve(self) -> dict[str, Any]:
        """Answer questions until one is the answer to ours, which is returned."""
        while True:
            question = self._receive()
            self._index = question["index"]
            told = decode(question["tell"])
            if "do" not in told:
                return told  # type: ignore[no-any-return]
            self._turn.release()
            try:
                reply = guarded(lambda: self._answer(told), self._size)  # noqa: B023
            finally:
                self._turn.acquire()
            self._send({"index": self._index, **reply})

    def _answer(self, told: dict[str, Any]) -> dict[str, Any]:
        try:
            self._take(told)
            args = [self.open(item) for item in told["args"]]
            kwargs = {name: self.open(item) for name, item in told["kwargs"]}
            result = _VERBS[told["do"]](self, *args, **kwargs)
            return self._message({"did": "returned", "value": self.pack(result)})
        except (MemoryError, TaggedError):
            raise
        except LinkError as error:
            raise TaggedError(str(error)) from None
        except BaseException as error:  # noqa: BLE001
            known = self.pack(error) if isinstance(error, Exception) else None
            return self._message(
                {"did": "raised", "error": known, "text": describe(error), "line": line_of(error)},
            )

    def _take(self, told: dict[str, Any]) -> None:
        self.forget(told["drop_cells"])
        for number in told["drop_objects"]:
            dropped = self._objects.pop(number, None)
            self._object_numbers.pop(id(dropped), None)
        self.learn(told["cells"])

    def _message(self, body: dict[str, Any]) -> dict[str, Any]:
        cells = self.changes()
        news, self._news = self._news, {"classes": [], "objects": []}
        return {**body, **news, "cells": cells, "out": self._printed.take()}

    # -- values that do not cross by themselves

    def foreign(self, value: Any) -> list[Any]:
        """See `Linker.foreign`."""
        if (number := number_of(value)) is not None:
            return ["host", number]
        if isinstance(value, Exception) and type(vars(value).get(_HOST)) is int:
            return ["host", vars(value)[_HOST]]
        if isinstance(value, type):
            return ["class", self._describe_class(value)]
        return ["object", self._keep(value)]

    def _keep(self, value: Any) -> int:
        number = self._object_numbers.get(id(value))
        if number is None:
            self._last += 1
            number = self._last
            self._objects[number] = value
            self._object_numbers[id(value)] = number
            if number != _MODULE:
                self._news["objects"].append([number, self._describe_class(type(value))])
        return number

    def _describe_class(self, value: type) -> int:
        number = self._object_numbers.get(id(value))
        if number is None:
            self._last += 1
            number = self._last
            self._objects[number] = value
            self._object_numbers[id(value)] = number
            bases = [self.pack(base) for base in type.__dict__["__bases__"].__get__(value)]
            name = type.__dict__["__name__"].__get__(value)
            self._news["classes"].append(
                [number, name, bases, _specials(value), any(value is kind for kind in _BUILTIN_KINDS)]
            )
        return number

    def resolve(self, form: list[Any]) -> Any:
        """See `Linker.resolve`."""
        tag, number, *rest = form
        if tag in ("object", "class"):
            return self._objects[number]
        made = self._hosts.get(number)
        if made is None:
            made = self._hosts[number] = self._host(tag, number, rest)
        return made

    def _host(self, tag: str, number: int, rest: list[Any]) -> Any:
        if tag == "host":
            return HOST_KINDS[rest[0]](self.ask, number)
        if tag == "host class":  # an exception class of the tests
            return type(rest[0], (self.open(rest[1]),), {})
        error = self.open(rest[0])(*(self.open(item) for item in rest[1:]))  # host error
        vars(error)[_HOST] = number
        return error

    def ask(self, verb: str, of: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Ask the tests to call, iterate or read something of theirs, in the middle of a question of theirs."""
        with self._turn:
            body = {
                "did": "asks",
                "verb": verb,
                "of": of,
                "args": [self.pack(item) for item in args],
                "kwargs": [[name, self.pack(item)] for name, item in kwargs.items()],
            }
            self._send({"index": self._index, **guarded(lambda: self._message(body), self._size)})
            told = self._serve()
            self._take(told)
            if "raise" in told:
                raise self.open(told["raise"])
            return self.open(told["return"])

    # -- what coroutines need

    def start(self, awaitable: Any) -> Any:
        """A task of our event loop for an awaitable."""
        import asyncio

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        if asyncio.iscoroutine(awaitable):
            return self._loop.create_task(awaitable)

        async def wait() -> Any:
            return await awaitable

        return self._loop.create_task(wait())

    def turn(self, task: Any, seconds: float) -> tuple[bool, Any]:
        """Run the loop until the task is done or for some time: whether it is done, and its result."""
        import asyncio

        self._loop.run_until_complete(asyncio.wait([task], timeout=seconds))
        return (True, task.result()) if task.done() else (False, None)

    def cancel(self, task: Any) -> None:
        """Cancel a task, and let it clean up."""
        import asyncio

        task.cancel()
        self._loop.run_until_complete(asyncio.wait([task], timeout=1))


class _Printed(io.TextIOBase):
    """Standard output while a candidate's objects are used: text, told with the next reply."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[str] = []
        self._left = _PRINTED

    def write(self, text: str) -> int:
        piece = text[: self._left]
        self._left -= len(piece)
        self._pieces.append(piece)
        return len(text)

    def writable(self) -> bool:
        return True

    def take(self) -> str:
        text = "".join(self._pieces)
        self._pieces.clear()
        self._left = _PRINTED
        return text


def _specials(kind: type) -> list[str]:
    """Names of the special methods that instances have beyond those of every object."""
    found: dict[str, bool] = {}
    for base in type.__dict__["__mro__"].__get__(kind):
        if base is not object:
            for name, value in vars(base).items():
                if type(name) is str and name.startswith("__") and name.endswith("__"):
                    found.setdefault(name, value is not None)
    return [name for name, there in found.items() if there]


def _special(name: str) -> Callable[..., Any]:
    return lambda objects, value, *args: getattr(type(value), name)(value, *args)


def _plainly(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda objects, *args: function(*args)


def _names(objects: Objects, module: types.ModuleType) -> list[str]:
    """What the program declares as its own, or else what is public in it and not just imported."""
    declared = getattr(module, "__all__", None)
    if declared is not None:
        return list(declared)
    return [name for name, value in vars(module).items() if not name.startswith("_") and _is_own(name, value, module)]


def _is_own(name: str, value: object, module: types.ModuleType) -> bool:
    if isinstance(value, types.ModuleType):
        return False
    if not isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        return True
    # `from math import sqrt` is imported, `root = math.sqrt` is the program's own.
    return value.__module__ == module.__name__ or value.__name__ != name


_OPERATORS = (
    "add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "lshift", "rshift", "and_", "or_", "xor",
    "iadd", "isub", "imul", "imatmul", "itruediv", "ifloordiv", "imod", "ilshift", "irshift", "iand", "ior", "ixor",
    "ipow", "neg", "pos", "abs", "invert", "eq", "ne", "lt", "le", "gt", "ge", "getitem", "setitem", "delitem",
    "contains", "index",
)  # fmt: skip
_BUILTINS: tuple[Callable[..., Any], ...] = (
    len, bool, hash, str, repr, format, int, float, complex, bytes, iter, next, reversed, round, divmod, pow, dir,
)  # fmt: skip
_VERBS: dict[str, Callable[..., Any]] = {
    **{name: _plainly(getattr(operator, name)) for name in _OPERATORS},
    **{function.__name__: _plainly(function) for function in _BUILTINS},
    **{name: _special(f"__{name}__") for name in (
        "enter", "exit", "aenter", "aexit", "aiter", "anext", "trunc", "floor", "ceil", "fspath",
    )},
    "call": lambda objects, function, /, *args, **kwargs: function(*args, **kwargs),
    "get": _plainly(getattr),
    "set": _plainly(setattr),
    "delete": _plainly(delattr),
    "send": lambda objects, generator, value: generator.send(value),
    "throw": lambda objects, generator, error: generator.throw(error),
    "close": lambda objects, generator: generator.close(),
    "names": _names,
    "own": lambda objects, value, name: vars(value)[name],
    "own_names": lambda objects, value: list(vars(value)),
    "start": Objects.start,
    "turn": Objects.turn,
    "cancel": Objects.cancel,
}  # fmt: skip
