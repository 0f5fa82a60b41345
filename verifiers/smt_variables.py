"""Specs in expressions: typed variables and constraints over them. Runs in a worker."""

from __future__ import annotations

import itertools
import keyword
import unicodedata
from fractions import Fraction
from typing import Any

import z3

from modulo.verifiers.smt_expr import FUNCTIONS, ExprError, Reader
from modulo.verifiers.smt_spec import Named, Scope, SpecError
from modulo.verifiers.smt_values import Sort, Variable
from modulo.verifiers.smtlib_text import MAX_INDEX
from modulo.verifiers.strict_json import exact, shorten

__all__ = ["from_expressions"]

_SORTS = ("int", "real", "bool", "string")
_TYPES = "use int, real, bool, string, {int: [0, 9]}, {real: [0, 1]}, {bitvec: 8} or a list of names"
_MAX_WIDTH = MAX_INDEX


def from_expressions(
    declared: dict[str, Any], constraints: dict[str, str] | list[str], context: Any
) -> tuple[dict[str, Variable], Named, Scope]:
    """The variables, the requirements and the scope of such a spec.

    Raises:
        SpecError: names the field and what is wrong in it.
    """
    members = [name for sort in declared.values() if isinstance(sort, list) for name in sort if isinstance(name, str)]
    codes = {name: z3.IntVal(str(code), context) for code, name in enumerate(dict.fromkeys(members))}
    variables = {name: _variable(name, sort, codes, context) for name, sort in declared.items()}
    if isinstance(constraints, dict):
        written = [(f"constraints.{name}", name, text) for name, text in constraints.items()]
    else:
        written = [(f"constraints[{i}]", "", text) for i, text in enumerate(constraints)]
    reader = Reader(list(variables.values()), codes, context)
    named = []
    for place, name, text in written:
        try:
            formula = reader.formula(text)
        except ExprError as error:
            raise SpecError(place, str(error)) from None
        named.append((place, name or shorten(text, 200), text if name else "", formula))
    return variables, named, reader


def _variable(name: str, sort: Any, codes: dict[str, Any], context: Any) -> Variable:
    field = f"variables.{name}"
    _check_name(name, field)
    if isinstance(sort, list):
        if not all(isinstance(member, str) for member in sort):
            raise SpecError(field, "the names of an enumeration are strings; put quotes around numbers, yes and no")
        if not sort or len(set(sort)) != len(sort):
            raise SpecError(field, "an enumeration is a list of different names, at least one")
        numbers = tuple(codes[member].as_long() for member in sort)
        enumeration = Sort("enum", names=tuple(sort), codes=numbers, terms=tuple(codes[member] for member in sort))
        return Variable(name, enumeration, z3.Int(name, context))
    if isinstance(sort, str) and sort in _SORTS:
        const = {"int": z3.Int, "real": z3.Real, "bool": z3.Bool, "string": z3.String}[sort](name, context)
        return Variable(name, Sort(sort), const)
    kind, argument = next(iter(sort.items())) if isinstance(sort, dict) and len(sort) == 1 else (None, None)
    if kind == "bitvec":
        if isinstance(argument, bool) or not isinstance(argument, int) or not 1 <= argument <= _MAX_WIDTH:
            raise SpecError(field, f"the width of a bit-vector is a number from 1 to {_MAX_WIDTH}")
        return Variable(name, Sort(kind, width=argument), z3.BitVec(name, argument, context))
    if kind in ("int", "real"):
        low, high = _bounds(argument, kind, field)
        const = (z3.Int if kind == "int" else z3.Real)(name, context)
        return Variable(name, Sort(kind, low=low, high=high), const)
    raise SpecError(field, f"no such type; {_TYPES}")


def _check_name(name: str, field: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or unicodedata.normalize("NFKC", name) != name:
        raise SpecError(field, "a variable's name is letters, digits and _, and no Python keyword")
    if name in FUNCTIONS:
        raise SpecError(field, f"{name} is the name of a function; choose another")


def _bounds(bounds: Any, kind: str, field: str) -> tuple[Fraction | None, Fraction | None]:
    wanted = f"{{{kind}: [low, high]}} with low at most high; null leaves a side open"
    if not isinstance(bounds, list) or len(bounds) != 2:
        raise SpecError(field, f"expected {wanted}")
    try:
        low, high = (None if bound is None else _bound(bound, kind) for bound in bounds)
    except (ValueError, ZeroDivisionError):
        raise SpecError(field, f"expected {wanted}") from None
    if any(a is not None and b is not None and a > b for a, b in itertools.pairwise((low, high))):
        raise SpecError(field, f"expected {wanted}")
    return low, high


def _bound(value: Any, kind: str) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    number = exact(repr(value))
    if kind == "int" and number.denominator != 1:
        raise ValueError
    return number
