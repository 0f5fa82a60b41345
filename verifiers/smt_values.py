"""Constants of an SMT spec, and binding them to the values of a JSON answer, with no coercion. Runs in a worker.

Z3's Python helpers convert (`IntVal(2.9)` is 2, `IntVal(True)` is 1), so values are built from validated text only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import z3

from modulo.verifiers.strict_json import Number, exact, shorten

__all__ = ["BindError", "Bound", "Variable", "bind"]

_RATIO = re.compile(r"(-?[0-9]{1,4000})/([0-9]{1,4000})")
_HEX = re.compile(r"#x[0-9a-fA-F]+")


class BindError(ValueError):
    """A value of the answer is not one its constant can have."""


@dataclass(frozen=True)
class Variable:
    """A constant that an answer must give a value.

    Attributes:
        kind: `int`, `real`, `bool`, `bitvec` or `enum`.
        const: the Z3 constant.
        low, high: inclusive bounds of an `int` or `real`, where the spec has them.
        values: of an `enum`, the Z3 value for each name.
    """

    name: str
    kind: str
    const: Any
    width: int = 0
    low: Fraction | None = None
    high: Fraction | None = None
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the values it can have."""
        if self.kind == "enum":
            return {"enum": list(self.values)}
        if self.kind == "bool":
            return {"type": "boolean"}
        if self.kind == "bitvec":
            return {"type": "integer", "minimum": 0, "maximum": 2**self.width - 1}
        if self.kind == "real":
            return {"type": ["number", "string"]}
        bounds = {"minimum": self.low, "maximum": self.high}
        return {"type": "integer", **{key: int(bound) for key, bound in bounds.items() if bound is not None}}

    @property
    def wants(self) -> str:
        """What a value must be, in words."""
        if self.kind == "enum":
            return "one of " + shorten(", ".join(f'"{name}"' for name in self.values), 300)
        if self.kind == "bitvec":
            return f'an integer from 0 to {2**self.width - 1}, or "#x" and {-(-self.width // 4)} hexadecimal digits'
        words = {"int": "an integer", "real": 'a number or a ratio "p/q"', "bool": "true or false"}[self.kind]
        if self.low is not None and self.high is not None:
            return f"{words} from {self.low} to {self.high}"
        if self.low is not None:
            return f"{words}, at least {self.low}"
        return words if self.high is None else f"{words}, at most {self.high}"


@dataclass(frozen=True)
class Bound:
    """A constant with its value: for Z3, as JSON and as text."""

    variable: Variable
    value: Any
    shown: str | int | bool

    @property
    def text(self) -> str:
        """The value as a person writes it."""
        return {True: "true", False: "false"}[self.shown] if isinstance(self.shown, bool) else str(self.shown)


def bind(variable: Variable, value: Any) -> Bound:
    """`value`, as `strict_json.loads` gives it, for the constant.

    Raises:
        BindError: it is of another type, out of range, or has thousands of digits.
    """
    if variable.kind == "bool" and isinstance(value, bool):
        return Bound(variable, z3.BoolVal(value, variable.const.ctx), value)
    if variable.kind == "enum" and isinstance(value, str) and value in variable.values:
        return Bound(variable, variable.values[value], value)
    try:
        if variable.kind == "int" and isinstance(value, Number) and value.is_integer_literal:
            return _number(variable, exact(value.text))
        if variable.kind == "real" and isinstance(value, Number):
            return _number(variable, exact(value.text))
        if variable.kind == "real" and isinstance(value, str) and (ratio := _RATIO.fullmatch(value)):
            return _number(variable, Fraction(int(ratio[1]), int(ratio[2])))
        if variable.kind == "bitvec":
            return _bits(variable, value)
    except ZeroDivisionError:
        raise BindError(f"{variable.name} is {shorten(str(value))}, a ratio with denominator 0") from None
    except ValueError as error:
        if isinstance(error, BindError):
            raise
        raise BindError(f"{variable.name}: {error}") from None
    raise _wrong(variable, value)


def _number(variable: Variable, number: Fraction) -> Bound:
    if (variable.low is not None and number < variable.low) or (variable.high is not None and number > variable.high):
        raise BindError(f"{variable.name} is {shorten(str(number))}; it must be {variable.wants}")
    if variable.kind == "int":
        return Bound(variable, z3.IntVal(str(number), variable.const.ctx), int(number))
    shown = int(number) if number.denominator == 1 else str(number)
    return Bound(variable, z3.RealVal(str(number), variable.const.ctx), shown)


def _bits(variable: Variable, value: Any) -> Bound:
    if isinstance(value, Number) and value.is_integer_literal:
        number = int(exact(value.text))
    elif isinstance(value, str) and _HEX.fullmatch(value) and len(value) - 2 == -(-variable.width // 4):
        number = int(value[2:], 16)
    else:
        raise _wrong(variable, value)
    if not 0 <= number < 2**variable.width:
        raise _wrong(variable, value)
    return Bound(variable, z3.BitVecVal(str(number), variable.width, variable.const.ctx), number)


def _wrong(variable: Variable, value: Any) -> BindError:
    return BindError(f"{variable.name} is {describe(value)}; it must be {variable.wants}")


def describe(value: Any) -> str:
    """A JSON value in a few words."""
    if isinstance(value, Number):
        return shorten(value.text)
    if isinstance(value, str):
        return f"the string {shorten(value)!r}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return "an array" if isinstance(value, list) else "an object"
