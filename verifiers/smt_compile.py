"""From an SMT spec to constants and formulas, ready to be checked against answers. Runs in a worker."""

from __future__ import annotations

import itertools
import keyword
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import z3

from modulo.verifiers import smtlib_guard
from modulo.verifiers.smt_defined import UnsupportedError, analyse, surely
from modulo.verifiers.smt_expr import FUNCTIONS, ExprError, Reader
from modulo.verifiers.smt_values import Variable
from modulo.verifiers.strict_json import exact, shorten

__all__ = ["Compiled", "Constraint", "SpecError", "compile_spec"]

_SORTS = ("int", "real", "bool")
_TYPES = "use int, real, bool, {int: [0, 9]}, {real: [0, 1]}, {bitvec: 8} or a list of names"
_MAX_WIDTH = smtlib_guard.MAX_INDEX


class SpecError(ValueError):
    """The spec cannot be used. `field` is the dotted path inside it."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True)
class Constraint:
    """One requirement.

    Attributes:
        name: its name in the spec, its text where it has none there.
        text: as it is written, cut to a line's length; "" where the name already says it.
        holds: true exactly where the requirement is true and defined.
        broken: true exactly where it is false and defined; `None` where it is always defined.
        uses: names of the variables in it, in the spec's order.
    """

    name: str
    text: str
    holds: Any
    broken: Any
    uses: tuple[str, ...]


@dataclass(frozen=True)
class Compiled:
    """A spec in one Z3 context of its own. `together` is the conjunction of what must hold, in order."""

    variables: dict[str, Variable]
    constraints: list[Constraint]
    together: Any


def compile_spec(spec: dict[str, Any]) -> Compiled:
    """Compile either form of spec.

    Raises:
        SpecError: names the field and what is wrong in it.
    """
    context = z3.Context()
    if "smtlib" in spec:
        variables, named = _from_smtlib(spec["smtlib"], context)
    else:
        variables, named = _from_expressions(spec["variables"], spec["constraints"], context)
    constraints = []
    for field, name, text, formula in named:
        try:
            constants, partial = analyse(formula)
            holds, broken = surely(formula) if partial else (formula, None)
        except UnsupportedError as error:
            raise SpecError(field, f"{name}: {error}") from None
        except RecursionError:
            raise SpecError(field, f"{name}: nested too deeply") from None
        for constant in constants:
            if constant not in variables:
                raise SpecError(field, f"{name}: the constant {constant!r} is not declared")
        uses = tuple(variable for variable in variables if variable in constants)
        constraints.append(Constraint(name, shorten(text, 200), holds, broken, uses))
    return Compiled(variables, constraints, z3.And(*(constraint.holds for constraint in constraints), context))


_Named = list[tuple[str, str, str, Any]]


def _from_smtlib(text: str, context: Any) -> tuple[dict[str, Variable], _Named]:
    try:
        script = smtlib_guard.read(text)
    except smtlib_guard.SmtlibError as error:
        raise SpecError("smtlib", str(error)) from None
    # One statement that mentions every constant, so that their Z3 terms can be taken from it, sorts and all.
    probes = "\n".join(
        f"(assert (= {name} {name}))"
        for name in (smtlib_guard.Atom("symbol", c.name).source() for c in script.constants)
    )
    try:
        parsed: Any = z3.parse_smt2_string(script.source + "\n" + probes, ctx=context)
    except z3.Z3Exception as error:
        raise SpecError("smtlib", _z3_message(error)) from None
    formulas = list(parsed)
    asserted = len(script.assertions)
    if len(formulas) != asserted + len(script.constants):
        raise SpecError("smtlib", "the solver reads another number of assertions than there are")
    variables = {}
    for declared, probe in zip(script.constants, formulas[asserted:], strict=True):
        const = probe.arg(0)
        sort = const.sort()
        values = {}
        if declared.sort in script.enumerations:
            names = script.enumerations[declared.sort]
            values = {name: sort.constructor(i)() for i, name in enumerate(names)}
        kind = "enum" if values else declared.sort.lower()
        variables[declared.name] = Variable(declared.name, kind, const, width=declared.width, values=values)
    named = []
    for i, (assertion, formula) in enumerate(zip(script.assertions, formulas[:asserted], strict=True), 1):
        name = assertion.name or f"assertion {i}"
        named.append(("smtlib", name, assertion.text, formula))
    return variables, named


def _z3_message(error: Any) -> str:
    value = error.value
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if "out of memory" in text:
        raise MemoryError
    lines = [line for line in text.splitlines() if line.strip()]
    return shorten(lines[0].removeprefix("(error ").strip(' ")'), 200) if lines else "the solver cannot read it"


def _from_expressions(
    declared: dict[str, Any], constraints: dict[str, str] | list[str], context: Any
) -> tuple[dict[str, Variable], _Named]:
    members = [name for sort in declared.values() if isinstance(sort, list) for name in sort if isinstance(name, str)]
    codes = {name: z3.IntVal(str(code), context) for code, name in enumerate(dict.fromkeys(members))}
    variables = {name: _variable(name, sort, codes, context) for name, sort in declared.items()}
    if isinstance(constraints, dict):
        written = [(f"constraints.{name}", name, text) for name, text in constraints.items()]
    else:
        written = [(f"constraints[{i}]", "", text) for i, text in enumerate(constraints)]
    reader = Reader(list(variables.values()), codes, context)
    named = []
    for field, name, text in written:
        try:
            formula = reader.formula(text)
        except ExprError as error:
            raise SpecError(field, str(error)) from None
        named.append((field, name or shorten(text, 200), text if name else "", formula))
    return variables, named


def _variable(name: str, sort: Any, codes: dict[str, Any], context: Any) -> Variable:
    field = f"variables.{name}"
    _check_name(name, field)
    if isinstance(sort, list):
        if not all(isinstance(member, str) for member in sort):
            raise SpecError(field, "the names of an enumeration are strings; put quotes around numbers, yes and no")
        if not sort or len(set(sort)) != len(sort):
            raise SpecError(field, "an enumeration is a list of different names, at least one")
        values = {member: codes[member] for member in sort}
        return Variable(name, "enum", z3.Int(name, context), values=values)
    if isinstance(sort, str) and sort in _SORTS:
        const = {"int": z3.Int, "real": z3.Real, "bool": z3.Bool}[sort](name, context)
        return Variable(name, sort, const)
    kind, argument = next(iter(sort.items())) if isinstance(sort, dict) and len(sort) == 1 else (None, None)
    if kind == "bitvec":
        if isinstance(argument, bool) or not isinstance(argument, int) or not 1 <= argument <= _MAX_WIDTH:
            raise SpecError(field, f"the width of a bit-vector is a number from 1 to {_MAX_WIDTH}")
        return Variable(name, kind, z3.BitVec(name, argument, context), width=argument)
    if kind in ("int", "real"):
        low, high = _bounds(argument, kind, field)
        const = (z3.Int if kind == "int" else z3.Real)(name, context)
        return Variable(name, kind, const, low=low, high=high)
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
