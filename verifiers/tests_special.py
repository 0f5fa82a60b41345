"""In the trusted worker: what proxies do, and the special methods that mirrors have, as the candidate's classes do."""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from modulo.verifiers.tests_shown import is_remote

if TYPE_CHECKING:
    from modulo.verifiers.tests_link import Link

__all__ = ["Behaviour", "class_dict", "labelled", "link", "named", "own", "plain", "special_methods", "use"]

_ARITHMETIC = (
    "add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow", "lshift", "rshift", "and", "or",
    "xor",
)  # fmt: skip
_TURN_SECONDS = 0.02
_link: list[Link] = []
"""The conversation of this process; there is one."""


def use(conversation: Link) -> None:
    """Make this what all proxies ask through."""
    _link[:] = [conversation]


def link() -> Link:
    """The conversation of this process."""
    return _link[0]


class Behaviour:
    """Base of all proxies, which forwards what is done with attributes."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_modulo_"):
            raise AttributeError(name)
        return labelled(link().do("get", self, name), f"{type(self).__name__}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(self, BaseException) and name in ("__traceback__", "__context__", "__cause__", "__notes__"):
            object.__setattr__(self, name, value)
        else:
            link().do("set", self, name, value)

    def __delattr__(self, name: str) -> None:
        link().do("delete", self, name)

    def __bool__(self) -> bool:
        kind: Any = type(self)
        require_named(self)
        asks = kind._modulo_specials & {"__bool__", "__len__"}
        return bool(plain(link().do("bool", self), bool)) if asks else True


def own(proxy: Any) -> dict[str, Any]:
    """The real attributes of a proxy: its number and what is known of it on this side."""
    found: dict[str, Any] = Behaviour.__dict__["__dict__"].__get__(proxy)
    return found


def labelled(value: Any, name: str) -> Any:
    """A value, and if it is a proxy, by which name it was reached."""
    if is_remote(value) and not isinstance(value, BaseException):
        own(value).setdefault("_modulo_label", name)
    return value


def plain(value: Any, kind: type) -> Any:
    """A value that must be exactly of a builtin type; else it is a fault."""
    if type(value) is kind:
        return value
    raise link().fault(
        f"the program returned an object of type {type(value).__name__} where a plain {kind.__name__} is needed"
    )


def named(kind: type) -> bool:
    """Whether the tests name a class, or one above it."""
    return any("_modulo_named" in class_dict(base) for base in kind.__mro__)


def require_named(proxy: Any) -> None:
    """A fault, if what a proxy is worth is needed and the tests do not name its class."""
    if not named(type(proxy)):
        name = type(proxy).__name__
        raise link().fault(f"the program returned an object of type {name} where a plain value is needed")


def class_dict(kind: type) -> Mapping[str, Any]:
    """The real attributes of a class, of a mirror too."""
    found: Mapping[str, Any] = type.__dict__["__dict__"].__get__(kind)
    return found


def _asked(verb: str) -> Callable[..., Any]:
    return lambda self, *args: link().do(verb, self, *args)


def _worth(verb: str, result: type | None = None) -> Callable[..., Any]:
    """What an object is worth, which is the candidate's to say for a class that the tests name."""

    def method(self: Any, *args: Any) -> Any:
        require_named(self)
        value = link().do(verb, self, *args)
        return value if result is None else plain(value, result)

    return method


def _reflected(verb: str) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        require_named(self)
        return link().do(verb, other, self)

    return method


def _comparison(verb: str, otherwise: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        if is_remote(other) and named(type(self)) and named(type(other)):
            return plain(link().do(verb, self, other), bool)
        return otherwise(self, other)

    return method


def _hash(self: Any) -> int:
    known = own(self)
    if not named(type(self)):
        return object.__hash__(self)
    if "_modulo_hash" not in known:
        known["_modulo_hash"] = plain(link().do("hash", self), int)
    return known["_modulo_hash"]  # type: ignore[no-any-return]


def _call(self: Any, *args: Any, **kwargs: Any) -> Any:
    return link().call(str(own(self).get("_modulo_label") or type(self).__name__), self, args, kwargs)


def _exit(verb: str) -> Callable[..., Any]:
    def method(self: Any, kind: Any, error: Any, trace: Any) -> Any:
        swallowed = link().do(verb, self, kind, error, None)
        # A failing assertion inside `with` stays one, whatever the candidate's __exit__ says.
        return False if isinstance(error, AssertionError) or not isinstance(error, Exception) else swallowed

    return method


async def _drive(awaitable: Any) -> Any:
    """Wait for a coroutine of the candidate's, letting the tests' own event loop go on in between."""
    import asyncio

    task = link().do("start", awaitable)
    end = time.monotonic() + link().call_seconds
    try:
        while True:
            done, value = link().do("turn", task, _TURN_SECONDS)
            if done:
                return value
            if time.monotonic() > end:
                raise link().late()
            await asyncio.sleep(0)
    except asyncio.CancelledError:
        link().do("cancel", task)
        raise


def _await(self: Any) -> Generator[Any, Any, Any]:
    return _drive(self).__await__()


async def _anext(self: Any) -> Any:
    return await _drive(link().do("anext", self))


async def _aenter(self: Any) -> Any:
    return await _drive(link().do("aenter", self))


async def _aexit(self: Any, kind: Any, error: Any, trace: Any) -> Any:
    swallowed = await _drive(link().do("aexit", self, kind, error, None))
    return False if isinstance(error, AssertionError) or not isinstance(error, Exception) else swallowed


def _throw(self: Any, error: Any, *_: Any) -> Any:
    return link().do("throw", self, error)


def _steps(self: Any) -> Any:
    """What an event loop runs of a coroutine: the steps of `_drive`."""
    known = own(self)
    if "_modulo_steps" not in known:
        known["_modulo_steps"] = _drive(self)
    return known["_modulo_steps"]


def _coroutine_send(self: Any, value: Any) -> Any:
    return _steps(self).send(value)


def _coroutine_throw(self: Any, *error: Any) -> Any:
    return _steps(self).throw(*error)


def _coroutine_close(self: Any) -> None:
    if "_modulo_steps" in own(self):
        _steps(self).close()
    else:
        link().do("close", self)


_equal = _comparison("eq", lambda self, other: self is other)

_METHODS: dict[str, Any] = {
    "__call__": _call,
    "__len__": _worth("len"),
    "__iter__": _asked("iter"),
    "__next__": _asked("next"),
    "__reversed__": _worth("reversed"),
    "__getitem__": _worth("getitem"),
    "__setitem__": _asked("setitem"),
    "__delitem__": _asked("delitem"),
    "__contains__": _worth("contains", bool),
    "__enter__": _asked("enter"),
    "__exit__": _exit("exit"),
    "__aenter__": _aenter,
    "__aexit__": _aexit,
    "__aiter__": _asked("aiter"),
    "__anext__": _anext,
    "__await__": _await,
    "__neg__": _worth("neg"),
    "__pos__": _worth("pos"),
    "__abs__": _worth("abs"),
    "__invert__": _worth("invert"),
    "__int__": _worth("int", int),
    "__float__": _worth("float", float),
    "__complex__": _worth("complex", complex),
    "__bytes__": _worth("bytes", bytes),
    "__index__": _worth("index", int),
    "__round__": _worth("round"),
    "__trunc__": _worth("trunc"),
    "__floor__": _worth("floor"),
    "__ceil__": _worth("ceil"),
    "__fspath__": _worth("fspath", str),
    "__hash__": _hash,
    "__eq__": _equal,
    "__ne__": lambda self, other: not _equal(self, other),  # never both
    **{f"__{name}__": _comparison(name, lambda self, other: NotImplemented) for name in ("lt", "le", "gt", "ge")},
}
for _name in _ARITHMETIC:
    _verb = {"and": "and_", "or": "or_"}.get(_name, _name)
    _METHODS[f"__{_name}__"] = _worth(_verb)
    _METHODS[f"__r{_name}__"] = _reflected(_verb)
    if _name != "divmod":
        _METHODS[f"__i{_name}__"] = _worth(f"i{_name}")

_BUILTIN_KINDS: dict[str, dict[str, Any]] = {
    "generator": {"send": _asked("send"), "throw": _throw, "close": _asked("close")},
    "coroutine": {"send": _coroutine_send, "throw": _coroutine_throw, "close": _coroutine_close},
    "async_generator": {},
}
_CLASSES = {
    "generator": types.GeneratorType,
    "coroutine": types.CoroutineType,
    "async_generator": types.AsyncGeneratorType,
}


def special_methods(builtin: str | None, specials: frozenset[str]) -> dict[str, Any]:
    """The methods for a class with these special methods, which may be one of the interpreter's own."""
    methods = {special: _METHODS[special] for special in specials if special in _METHODS}
    if "__eq__" in methods and "__hash__" not in methods:
        methods["__hash__"] = None
    if builtin in _BUILTIN_KINDS:  # `inspect.isgenerator` and event loops ask for these
        methods |= {**_BUILTIN_KINDS[builtin], "__class__": property(lambda self: _CLASSES[builtin])}
    return methods
