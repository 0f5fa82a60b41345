"""In the trusted worker: what stands for a candidate's objects and classes there.

A class of the candidate's is mirrored by a real class, with its bases and exactly the special methods that it has, so
that `isinstance`, `issubclass`, `except` and `pytest.raises` mean what they say. An object is an instance of its mirror
and forwards what is done with it. Two things are never the candidate's to say:

- how an object compares with a plain value: `proxy == 9` is false, `proxy < 9` an error, nothing is asked;
- what an object of a class that the tests do not name, as `from solution import Point` does, is worth: its truth, its
  length, what is in it, what comes of arithmetic with it. Asking that is a fault, since a plain value was expected. It
  can be called, iterated, awaited and entered, its attributes can be read, and it equals itself alone.
"""

from __future__ import annotations

import builtins
import types
from collections.abc import Iterator, Mapping
from typing import Any

from modulo.verifiers.tests_link import MODULE, TestsFaultError
from modulo.verifiers.tests_shown import Mirrored, is_remote
from modulo.verifiers.tests_special import Behaviour, class_dict, labelled, link, own, plain, special_methods

__all__ = ["CandidateModule", "Remote", "RemoteClass", "form", "make", "make_class", "set_text"]

_MAX_NAME = 80


class _Attributes(Mapping[str, Any]):
    """What a class or the module has of its own, as `vars()` says: `monkeypatch` puts it back in the end."""

    def __init__(self, of: Any) -> None:
        self._of = of

    def __getitem__(self, name: str) -> Any:
        return link().do("own", self._of, name)

    def __iter__(self) -> Iterator[str]:
        return iter(link().do("own_names", self._of))

    def __len__(self) -> int:
        return len(link().do("own_names", self._of))


class RemoteClass(Mirrored):
    """Metaclass of the mirrors."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **_: Any) -> Any:
        """Refuses the tests' own subclasses: their methods would have to run on the other side."""
        link().tests_fault = f"the tests derive a class from {bases[0].__name__}, which is the program's"
        raise TestsFaultError(link().tests_fault)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make an instance on the candidate's side."""
        return link().call(cls.__name__, cls, args, kwargs)

    def __getattr__(cls, name: str) -> Any:
        """An attribute of the candidate's class."""
        return labelled(link().do("get", cls, name), f"{cls.__name__}.{name}")

    def __setattr__(cls, name: str, value: Any) -> None:
        if name.startswith(("_modulo_", "__abstractmethods__")):
            super().__setattr__(name, value)
        else:
            link().do("set", cls, name, value)

    @property  # type: ignore[misc]  # final in the stubs alone
    def __dict__(cls) -> Any:  # type: ignore[override]
        return _Attributes(cls)

    def __delattr__(cls, name: str) -> None:
        link().do("delete", cls, name)

    def __bool__(cls) -> bool:
        return True

    def __iter__(cls) -> Any:
        return link().do("iter", cls)

    def __len__(cls) -> int:
        return int(plain(link().do("len", cls), int))

    def __getitem__(cls, key: Any) -> Any:
        return link().do("getitem", cls, key)

    def __contains__(cls, item: Any) -> bool:
        return bool(plain(link().do("contains", cls, item), bool))


class Remote(Behaviour):
    """An object of the candidate's."""

    __dict__: Any = property(lambda self: link().do("get", self, "__dict__"))

    def __dir__(self) -> Any:
        return link().do("dir", self)

    def __repr__(self) -> str:
        known, kind = own(self).get("_modulo_label"), type(self)
        if type(known) is str:
            return known
        # What every object says of itself names an address, which is another one at the next run.
        asks = "__repr__" in kind._modulo_specials  # type: ignore[attr-defined]
        return str(plain(link().do("repr", self), str)) if asks else f"<{kind.__name__} object>"

    def __str__(self) -> str:
        return str(plain(link().do("str", self), str))

    def __format__(self, spec: str) -> str:
        return str(plain(link().do("format", self, spec), str))


class _RemoteError(Behaviour):
    """An exception of a class of the candidate's; its mirror derives from this and from the builtin class above it."""

    args = property(lambda self: link().do("get", self, "args"))

    def __bool__(self) -> bool:
        # Whoever handles an exception asks that; of one that was returned it is asked as of any object.
        return True if own(self).get("_modulo_raised") else super().__bool__()

    def __str__(self) -> str:
        return str(own(self).get("_modulo_text", ""))


class CandidateModule(types.ModuleType):
    """The candidate's program, as the tests import it."""

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return _Attributes(_MODULE)

    def __dir__(self) -> Any:
        return link().do("names", _MODULE)

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return link().do("names", _MODULE)
        if name.startswith("__") and name not in ("__version__", "__author__"):
            raise AttributeError(name)
        try:
            found = link().do("get", _MODULE, name)
        except AttributeError:
            missing = f"the program does not define {name}"
            link().missing = link().missing or missing
            raise AttributeError(missing) from None
        if isinstance(found, RemoteClass):
            type.__setattr__(found, "_modulo_named", True)
        elif not is_remote(found):
            link().asked += 1
        return labelled(found, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("__"):
            super().__setattr__(name, value)
        else:
            link().do("set", _MODULE, name, value)

    def __delattr__(self, name: str) -> None:
        link().do("delete", _MODULE, name)


class _Module:
    """Crosses as the candidate's module."""


_MODULE = _Module()


def form(value: Any) -> list[Any] | None:
    """How a proxy crosses back; `None` for what is no proxy."""
    if value is _MODULE:
        return ["object", MODULE]
    if isinstance(value, RemoteClass):
        return ["class", class_dict(value)["_modulo_class"]]
    if is_remote(value):
        return ["object", own(value)["_modulo_number"]]
    return None


def make(kind: type, number: int) -> Any:
    """The proxy of an object."""
    value: Any = kind.__new__(kind)  # type: ignore[call-overload]
    own(value)["_modulo_number"] = number
    return value


def set_text(error: BaseException, text: str) -> None:
    """What a mirrored exception says of itself: `Name: message`."""
    if is_remote(error):
        own(error)["_modulo_text"] = text.partition(": ")[2]
        own(error)["_modulo_raised"] = True


def make_class(number: int, name: str, bases: list[Any], specials: list[str], *, builtin: bool) -> type:
    """The mirror of a class of the candidate's.

    Args:
        number: of the class there.
        name: as it calls itself.
        bases: mirrors, or builtin types.
        specials: special methods that its instances have.
        builtin: it is one of the interpreter's own: generator, coroutine or asynchronous generator.
    """
    name = name if name.isidentifier() and len(name) <= _MAX_NAME else "Unnamed"
    above = tuple(dict.fromkeys(base for base in bases if _can_be_base(base)))
    is_error = any(issubclass(base, Exception) for base in above)
    namespace = {
        "__module__": "candidate",
        "_modulo_class": number,
        "_modulo_specials": frozenset(specials),
        "__doc__": property(lambda self: link().do("get", self, "__doc__")),
        **special_methods(name if builtin else None, frozenset(specials)),
    }
    if not is_error:
        return _new_class(name, tuple(base for base in above if isinstance(base, RemoteClass)) or (Remote,), namespace)
    for key in ("__repr__", "__str__", "__reduce__", "__setstate__"):
        namespace.pop(key, None)
    marked = any(issubclass(base, _RemoteError) for base in above)
    return _new_class(name, above if marked else (_RemoteError, *above), namespace)


def _can_be_base(base: Any) -> bool:
    if isinstance(base, RemoteClass):
        return True
    return isinstance(base, type) and issubclass(base, Exception) and getattr(builtins, base.__name__, None) is base


def _new_class(name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
    try:
        return type.__new__(RemoteClass, name, bases, namespace)
    except TypeError:  # an order of bases that only the candidate's metaclass permits
        return type.__new__(
            RemoteClass, name, (_RemoteError, Exception) if _RemoteError in bases else (Remote,), namespace
        )
