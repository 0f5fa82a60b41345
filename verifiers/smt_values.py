"""Constants of an SMT spec, and binding them to the values of a JSON answer, with no coercion. Runs in a worker.

Z3's Python helpers convert (`IntVal(2.9)` is 2, `IntVal(True)` is 1), so values are first made in Python, by exact
type, and Z3 gets them from here as validated text only.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import z3

from modulo.verifiers.smt_semantics import MAX_CHAR
from modulo.verifiers.strict_json import Number, exact, shorten

__all__ = ["BindError", "Sort", "Variable", "bind", "bind_terms", "describe", "shown", "text", "to_z3"]

_RATIO = re.compile(r"(-?[0-9]{1,4000})/([0-9]{1,4000})")
_HEX = re.compile(r"#x[0-9a-fA-F]+")


class BindError(ValueError):
    """A value of the answer is not one its constant can have."""


@dataclass(frozen=True)
class Sort:
    """What values a constant can have.

    Attributes:
        kind: `int`, `real`, `bool`, `bitvec`, `enum`, `string` or `array`.
        low, high: inclusive bounds of an `int` or `real`, where the spec has them.
        names: of an `enum`, in the order of declaration.
        codes: of an `enum`, the value that stands for each name in Python.
        terms: of an `enum`, the Z3 value for each name.
        index, element: of an `array`.
    """

    kind: str
    width: int = 0
    low: Fraction | None = None
    high: Fraction | None = None
    names: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    terms: tuple[Any, ...] = ()
    index: Sort | None = None
    element: Sort | None = None

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the values."""
        if self.kind == "enum":
            return {"enum": list(self.names)}
        if self.kind in ("bool", "string"):
            return {"type": {"bool": "boolean", "string": "string"}[self.kind]}
        if self.kind == "bitvec":
            return {"type": "integer", "minimum": 0, "maximum": 2**self.width - 1}
        if self.kind == "real":
            return {"type": ["number", "string"]}
        if self.index is not None and self.element is not None:
            pair = {"type": "array", "prefixItems": [self.index.schema, self.element.schema], "items": False}
            return {
                "type": "object",
                "properties": {"entries": {"type": "array", "items": pair}, "default": self.element.schema},
                "required": ["entries", "default"],
                "additionalProperties": False,
            }
        bounds = {"minimum": self.low, "maximum": self.high}
        return {"type": "integer", **{key: int(bound) for key, bound in bounds.items() if bound is not None}}

    @property
    def wants(self) -> str:
        """What a value must be, in words."""
        if self.kind == "enum":
            return "one of " + shorten(", ".join(f'"{name}"' for name in self.names), 300)
        if self.kind == "bitvec":
            return f'an integer from 0 to {2**self.width - 1}, or "#x" and {-(-self.width // 4)} hexadecimal digits'
        if self.index is not None and self.element is not None:
            form = '{"entries": [[index, value], …], "default": value}'
            return f"of the form {form}, where an index is {self.index.wants} and a value is {self.element.wants}"
        words = {
            "int": "an integer",
            "real": 'a number or a ratio "p/q"',
            "bool": "true or false",
            "string": f"a string of characters up to U+{MAX_CHAR:X}",
        }[self.kind]
        if self.low is not None and self.high is not None:
            return f"{words} from {self.low} to {self.high}"
        if self.low is not None:
            return f"{words}, at least {self.low}"
        return words if self.high is None else f"{words}, at most {self.high}"


@dataclass(frozen=True)
class Variable:
    """A constant that an answer must give a value. `const` is its Z3 term."""

    name: str
    sort: Sort
    const: Any


def bind(name: str, sort: Sort, value: Any) -> Any:
    """The Python value (see `smt_semantics.py`) that an answer's value stands for.

    Args:
        name: what messages call it.
        sort: what it must be.
        value: as `strict_json.loads` gives it, whole numbers as `int`.

    Raises:
        BindError: it is of another type, out of range, or has thousands of digits.
    """
    try:
        return _bind(name, sort, value)
    except ZeroDivisionError:
        raise BindError(f"{name} is {shorten(str(value))}, a ratio with denominator 0") from None
    except ValueError as error:
        if isinstance(error, BindError):
            raise
        raise BindError(f"{name}: {error}") from None


def _bind(name: str, sort: Sort, value: Any) -> Any:
    kind = sort.kind
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "enum" and isinstance(value, str) and value in sort.names:
        return sort.codes[sort.names.index(value)]
    if kind in ("int", "real") and type(value) is int:
        return _in_bounds(name, sort, Fraction(value))
    if isinstance(value, Number) and (kind == "real" or (kind == "int" and value.is_integer_literal)):
        return _in_bounds(name, sort, exact(value.text))
    if kind == "real" and isinstance(value, str) and (ratio := _RATIO.fullmatch(value)):
        return _in_bounds(name, sort, Fraction(int(ratio[1]), int(ratio[2])))
    if kind == "bitvec":
        return _bits(name, sort, value)
    if kind == "string" and isinstance(value, str) and all(ord(char) <= MAX_CHAR for char in value):
        return value
    if kind == "array" and isinstance(value, dict) and value.keys() == {"entries", "default"}:
        return _array(name, sort, value)
    raise _wrong(name, sort, value)


def _in_bounds(name: str, sort: Sort, number: Fraction) -> int | Fraction:
    if (sort.low is not None and number < sort.low) or (sort.high is not None and number > sort.high):
        raise BindError(f"{name} is {shorten(str(number))}; it must be {sort.wants}")
    return number.numerator if number.denominator == 1 else number


def _bits(name: str, sort: Sort, value: Any) -> int:
    if type(value) is int:
        number = value
    elif isinstance(value, str) and _HEX.fullmatch(value) and len(value) - 2 == -(-sort.width // 4):
        number = int(value[2:], 16)
    else:
        raise _wrong(name, sort, value)
    if not 0 <= number < 2**sort.width:
        raise _wrong(name, sort, value)
    return number


def _array(name: str, sort: Sort, value: dict[str, Any]) -> Any:
    index, element, entries = sort.index, sort.element, value["entries"]
    assert index is not None
    assert element is not None
    if not isinstance(entries, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in entries):
        raise BindError(f"{name}: entries is a list of pairs [index, value]")
    found: dict[Any, Any] = {}
    for place, item in entries:
        key = bind(f"an index of {name}", index, place)
        if key in found:
            raise BindError(f"{name} has the index {shorten(text(index, key))} twice")
        found[key] = bind(f"{name}[{shorten(text(index, key))}]", element, item)
    return bind(f"the default of {name}", element, value["default"]), found


def _wrong(name: str, sort: Sort, value: Any) -> BindError:
    return BindError(f"{name} is {describe(value)}; it must be {sort.wants}")


def describe(value: Any) -> str:
    """A JSON value in a few words."""
    if isinstance(value, Number):
        return shorten(value.text)
    if type(value) is int:
        return shorten(str(value))
    if isinstance(value, str):
        return f"the string {shorten(value)!r}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return "an array" if isinstance(value, list) else "an object"


def shown(sort: Sort, value: Any) -> Any:
    """A Python value as JSON, in the form that an answer has."""
    if sort.kind == "enum":
        return sort.names[sort.codes.index(value)]
    if sort.index is not None and sort.element is not None:
        default, entries = value
        pairs = [[shown(sort.index, key), shown(sort.element, item)] for key, item in entries.items()]
        return {"entries": pairs, "default": shown(sort.element, default)}
    return str(value) if type(value) is Fraction else value


def text(sort: Sort, value: Any) -> str:
    """A Python value as a person writes it."""
    if sort.kind == "bool":
        return "true" if value else "false"
    if sort.kind == "string":
        return f'"{value}"'
    if sort.index is not None and sort.element is not None:
        default, entries = value
        pairs = [f"{text(sort.index, key)}: {text(sort.element, item)}" for key, item in entries.items()]
        return "{" + ", ".join([*pairs, f"else: {text(sort.element, default)}"]) + "}"
    return str(shown(sort, value))


def to_z3(sort: Sort, value: Any, z3_sort: Any) -> Any:
    """A Python value as a Z3 term of the sort that its constant has."""
    context = z3_sort.ctx
    if sort.kind == "bool":
        return z3.BoolVal(value, context)
    if sort.kind == "enum":
        return sort.terms[sort.codes.index(value)]
    if sort.kind == "string":
        codes = (ctypes.c_uint * len(value))(*map(ord, value))
        return z3.SeqRef(z3.Z3_mk_u32string(context.ref(), len(value), codes), context)
    if sort.index is not None and sort.element is not None:
        default, entries = value
        array = z3.K(z3_sort.domain(), to_z3(sort.element, default, z3_sort.range()))
        for key, item in entries.items():
            index = to_z3(sort.index, key, z3_sort.domain())
            array = z3.Store(array, index, to_z3(sort.element, item, z3_sort.range()))
        return array
    if sort.kind == "bitvec":
        return z3.BitVecVal(str(value), sort.width, context)
    return (z3.IntVal if sort.kind == "int" else z3.RealVal)(str(value), context)


def bind_terms(variables: Iterable[Variable], values: Iterable[Any]) -> list[tuple[Any, Any]]:
    """Pairs of a constant and its value, for `z3.substitute`."""
    return [(v.const, to_z3(v.sort, value, v.const.sort())) for v, value in zip(variables, values, strict=True)]
