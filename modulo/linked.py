"""Python values between two processes that go on sharing them: what crosses keeps its identity.

`modulo.tagged` copies one value. Here a conversation goes on: a list that one side passes to the other is the same list
on both from then on, and what either does to it the other sees with the next message. So a test sees what
`sort_in_place(xs)` did to its own `xs`, `f(xs) is xs` means what it says, and a returned list that is the program's own
can be told from a copy. A message is plain data (`modulo.tagged` writes it as JSON); in it a value is

| Value | Form |
|---|---|
| `None`, bool, int, float, str, bytes, complex, by exact type | itself |
| tuple, frozenset | `["tuple", …]`, `["frozenset", …]` |
| list, dict, set, bytearray, deque, Counter, defaultdict, OrderedDict, numpy array | `["cell", n]` |
| -0.0 | `["float", "-0.0"]` |
| Decimal, Fraction, dates, range, slice, UUID, paths, numpy scalar | `["value", module, name, …]` |
| keys, values or items of a dict | `["dict_keys", …]`, `["dict_values", …]`, `["dict_items", …]` |
| a builtin type or exception class | `["type", name]` |
| an exception of exactly a builtin type | `["error", name, arg, …]` |
| anything else | what each side makes of it: `Linker.foreign`, `Linker.resolve` |

and the contents of each cell that is new or has changed stand beside it, as `[n, kind, extra, item, …]`.

This file is also part of the program inside the sandbox, so it imports the standard library alone. Only `type(value)`
is looked at, and no method is called that a candidate could have written, except to hash elements and keys.
"""

from __future__ import annotations

import builtins
import importlib
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from modulo.linked_kinds import (
    KINDS,
    NUMERIC,
    TYPES,
    VALUES,
    VIEWS,
    LinkError,
    array_scalar,
    check_size,
    flat,
    unchanged,
)

__all__ = ["Cell", "LinkError", "Linker"]

_PLAIN = frozenset({type(None), bool, int, str, bytes, complex})
_MAX_DEPTH = 40


@dataclass
class Cell:
    """A mutable value that both sides hold.

    Attributes:
        seen: the contents as the other side last knew them: the very elements, or bytes; `None` while it has none.
    """

    value: Any
    kind: str
    seen: Any = None

    def is_told(self) -> bool:
        """Whether the other side knows the contents."""
        return self.seen is not None and unchanged(self.seen, KINDS[self.kind].contents(self.value))


class Linker:
    """One side of the sharing.

    Args:
        first: number of the first cell that this side makes, 0 or 1; the other side's is the other.
    """

    def __init__(self, first: int) -> None:
        self._next = first
        self.cells: dict[int, Cell] = {}
        self._numbers: dict[int, int] = {}

    def foreign(self, value: Any) -> list[Any]:
        """The form of a value that does not cross by itself.

        Raises:
            LinkError: it cannot cross.
        """
        raise LinkError(f"a value of type {type(value).__name__} cannot cross")

    def resolve(self, form: list[Any]) -> Any:
        """The value of a form that the other side's `foreign` made.

        Raises:
            LinkError: malformed.
        """
        raise LinkError("an unknown form")

    def pack(self, value: Any, depth: int = 0) -> Any:
        """The form of a value. Its cells are numbered, and described by the next `changes`.

        Raises:
            LinkError: it cannot cross.
        """
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is float:
            return ["float", "-0.0"] if value == 0 and math.copysign(1, value) < 0 else value
        if depth > _MAX_DEPTH:
            raise LinkError(f"the value is nested more than {_MAX_DEPTH} deep")
        if kind is tuple or kind is frozenset:
            return [kind.__name__, *(self.pack(item, depth + 1) for item in value)]
        if kind in VIEWS:
            return [VIEWS[kind], *(self.pack(item, depth + 1) for item in value)]
        if kind in TYPES:
            return ["cell", self._number(value, TYPES[kind])]
        name = type.__dict__["__name__"].__get__(kind)
        if issubclass(kind, type):
            return ["type", value_name] if (value_name := _builtin(value)) else self.foreign(value)
        if issubclass(kind, BaseException):
            args: Any = BaseException.args.__get__(value)  # type: ignore[attr-defined]
            if _builtin(kind) == name and not vars(value):
                return ["error", name, *(self.pack(arg, depth + 1) for arg in args)]
            return self.foreign(value)
        return self._library_value(value, kind, name, depth)

    def _library_value(self, value: Any, kind: type, name: str, depth: int) -> Any:
        numpy = sys.modules.get("numpy")
        if numpy is not None and kind is getattr(numpy, "ndarray", None) and value.dtype.kind in NUMERIC:
            return ["cell", self._number(value, "ndarray")]
        if numpy is not None and issubclass(kind, getattr(numpy, "generic", ())) and value.dtype.kind in NUMERIC:
            return ["value", "numpy", value.dtype.str, value.tobytes()]
        module = type.__dict__["__module__"].__get__(kind)
        for home in ("pathlib", module) if name.endswith("Path") else (module,):
            arguments = VALUES.get((home, name)) if type(home) is str else None
            if arguments is not None and getattr(sys.modules.get(home), name, None) is kind:
                try:
                    return ["value", home, name, *(self.pack(item, depth + 1) for item in arguments(value))]
                except LinkError:
                    break
        return self.foreign(value)

    def _number(self, value: Any, kind: str) -> int:
        number = self._numbers.get(id(value))
        if number is None:
            number, self._next = self._next, self._next + 2
            self._add(number, Cell(value, kind))
        return number

    def _add(self, number: int, cell: Cell) -> None:
        self.cells[number] = cell
        self._numbers[id(cell.value)] = number

    def forget(self, numbers: Iterable[int]) -> None:
        """Stop sharing these cells."""
        for number in numbers:
            cell = self.cells.pop(number, None)
            if cell is not None:
                del self._numbers[id(cell.value)]

    def changes(self) -> list[list[Any]]:
        """What the other side does not know yet: new cells and changed ones. It is taken to know them from now on.

        Raises:
            LinkError: something in a cell cannot cross.
        """
        told: list[list[Any]] = []
        looked_at: set[int] = set()
        while fresh := [number for number in self.cells if number not in looked_at]:
            for number in fresh:
                looked_at.add(number)
                cell = self.cells[number]
                if cell.is_told():
                    continue
                kind = KINDS[cell.kind]
                cell.seen = now = kind.contents(cell.value)
                items = [now] if type(now) is bytes else [self.pack(item) for item in now]
                told.append([number, cell.kind, self.pack(kind.extra(cell.value)), *items])
        return told

    def learn(self, changes: Any) -> None:
        """Take the other side's `changes`.

        Raises:
            LinkError: malformed.
        """
        filling: list[tuple[Cell, list[Any]]] = []
        for change in _listed(changes, 0):
            number, kind, extra, *items = _listed(change, 3)
            if type(number) is not int or type(kind) is not str or kind not in KINDS:
                raise LinkError("a cell is malformed")
            cell = self.cells.get(number)
            if cell is None:
                if number < 0 or number % 2 == self._next % 2:
                    raise LinkError("a cell has a number that is not the other side's to give")
                cell = Cell(self._empty(kind, self.open(extra), items), kind, seen=())
                self._add(number, cell)
            if cell.kind != kind:
                raise LinkError("a cell has become of another kind")
            filling.append((cell, items))
        opened = [(cell, self._contents(cell.kind, items)) for cell, items in filling]
        for cell, values in opened:
            try:
                KINDS[cell.kind].fill(cell.value, values)
            except (TypeError, ValueError) as error:
                raise LinkError(f"a cell cannot be filled: {error}") from None
            cell.seen = KINDS[cell.kind].contents(cell.value)

    def _contents(self, kind: str, items: list[Any]) -> list[Any]:
        if kind in ("bytearray", "ndarray"):
            if len(items) != 1 or type(items[0]) is not bytes:
                raise LinkError("a cell is malformed")
            return items
        values = [self.open(item) for item in items]
        try:
            # What has to be asked for its hash is asked now, while nothing is half filled.
            if kind == "set":
                set(values)
            elif KINDS[kind].contents is flat:
                set(values[::2])
        except TypeError as error:
            raise LinkError(f"a cell cannot be filled: {error}") from None
        return values

    def _empty(self, kind: str, extra: Any, items: list[Any]) -> Any:
        known = type(extra) is int and extra >= 0 if kind == "deque" else callable(extra)
        if kind in ("deque", "defaultdict") and not known and extra is not None:
            raise LinkError("a cell is malformed")
        try:
            if kind == "ndarray":
                check_size(extra, items[0])
            return KINDS[kind].empty(extra)
        except (TypeError, ValueError, IndexError, OverflowError):
            raise LinkError("a cell is malformed") from None

    def open(self, form: Any) -> Any:
        """The value of a form whose cells are known.

        Raises:
            LinkError: malformed.
        """
        if type(form) in _PLAIN or type(form) is float:
            return form
        tag, *rest = _listed(form, 1)
        if tag == "tuple":
            return tuple(self.open(item) for item in rest)
        if tag == "cell":
            return self._cell(rest)
        if tag == "frozenset":
            return self._hashed(rest)
        if tag in VIEWS.values():
            return self._view(tag, [self.open(item) for item in rest])
        if tag == "float" and rest == ["-0.0"]:
            return -0.0
        if tag == "type" and len(rest) == 1:
            return _type(rest[0])
        if tag == "error" and rest:
            return self._error(rest[0], [self.open(item) for item in rest[1:]])
        if tag == "value":
            return self._value(rest)
        return self.resolve(form)

    def _cell(self, rest: list[Any]) -> Any:
        if len(rest) == 1 and type(rest[0]) is int and rest[0] in self.cells:
            return self.cells[rest[0]].value
        raise LinkError("an unknown cell")

    def _hashed(self, items: list[Any]) -> frozenset[Any]:
        try:
            return frozenset(self.open(item) for item in items)
        except TypeError as error:
            raise LinkError(f"a frozenset is malformed: {error}") from None

    def _view(self, tag: str, items: list[Any]) -> Any:
        try:
            if tag == "dict_keys":
                return dict.fromkeys(items).keys()
            return dict(items).items() if tag == "dict_items" else dict(enumerate(items)).values()
        except (TypeError, ValueError) as error:
            raise LinkError(f"a view is malformed: {error}") from None

    def _error(self, name: Any, args: list[Any]) -> Exception:
        made = _type(name)
        if not (isinstance(made, type) and issubclass(made, Exception)):
            raise LinkError("an exception is malformed")
        try:
            return made(*args)
        except TypeError:
            return Exception(*args)

    def _value(self, rest: list[Any]) -> Any:
        try:
            home, name, *arguments = rest
            if home == "numpy":
                return array_scalar(name, arguments[0])
            if (home, name) not in VALUES:
                raise LinkError("an unknown value")
            return getattr(importlib.import_module(home), name)(*(self.open(item) for item in arguments))
        except LinkError:
            raise
        except (TypeError, ValueError, ArithmeticError, IndexError) as error:
            raise LinkError(f"a value is malformed: {error}") from None


def _listed(form: Any, least: int) -> list[Any]:
    if type(form) is not list or len(form) < least:
        raise LinkError("a form is malformed")
    return form


def _builtin(value: Any) -> str | None:
    """The name of a builtin type, if this is one."""
    name = type.__dict__["__name__"].__get__(value)
    return name if type(name) is str and getattr(builtins, name, None) is value else None


def _type(name: Any) -> Any:
    made = getattr(builtins, name, None) if type(name) is str else None
    if not isinstance(made, type):
        raise LinkError("an unknown type")
    return made
