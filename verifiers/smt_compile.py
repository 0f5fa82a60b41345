"""From an SMT spec to constants and formulas, ready to be checked against answers. Runs in a worker."""

from __future__ import annotations

import itertools
import keyword
import unicodedata
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

import z3

from modulo.verifiers import smtlib_guard
from modulo.verifiers.smt_bind import Binder
from modulo.verifiers.smt_defined import UnsupportedError, analyse, defined, surely
from modulo.verifiers.smt_expr import FUNCTIONS, ExprError, Reader
from modulo.verifiers.smt_python import Function, UncompilableError, compile_check, compile_term
from modulo.verifiers.smt_values import Sort, Variable
from modulo.verifiers.smtlib_text import MAX_INDEX, Atom, SmtlibError, head, parse, plain, source
from modulo.verifiers.strict_json import exact, shorten

__all__ = ["Compiled", "Constraint", "SpecError", "compile_spec"]

_SORTS = ("int", "real", "bool", "string")
_TYPES = "use int, real, bool, string, {int: [0, 9]}, {real: [0, 1]}, {bitvec: 8} or a list of names"
_MAX_WIDTH = MAX_INDEX


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
        is_broken: `broken` as a function of all variables' values, where there is one.
        uses: positions of the variables in it, in the spec's order.
    """

    name: str
    text: str
    holds: Any
    broken: Any
    is_broken: Function | None
    uses: tuple[int, ...]


@dataclass(frozen=True)
class Options:
    """What a spec says beside its constraints; the fields of `modulo.verifiers.smt.SmtSpec`."""

    mode: str = "satisfy"
    core: str = "any"
    partial: bool = False
    rlimit: int = 10_000_000


@dataclass(frozen=True)
class Objective:
    """What is to be as small (`minimize`) or as large (`maximize`) as it can be; `defined` is true where it is."""

    sense: str
    text: str
    term: Any
    defined: Any


class Scope(Protocol):
    """Reads terms over a spec's variables, in the language of the spec."""

    def formula(self, text: str) -> Any:
        """A Boolean term.

        Raises:
            ExprError, SmtlibError: it is none.
        """
        ...

    def number(self, text: str) -> Any:
        """An integer or rational term; raises as `formula` does."""
        ...


@dataclass(frozen=True)
class Compiled:
    """A spec in one Z3 context of its own.

    Attributes:
        options: the rest of the spec.
        scope: reads further terms over the same variables.
        objective: what is to be optimal, if anything.
        memo: what the solver has said before, by question.
        binder: gives the variables' values in the order of `variables`.
        positions: of each variable in that order.
        fast: functions of those values that return the numbers of violated constraints.
        slow: numbers of the constraints that `fast` does not cover.
        domains: formulas that keep each variable to the values an answer may give it, for a solver.
    """

    context: Any
    variables: tuple[Variable, ...]
    constraints: tuple[Constraint, ...]
    binder: Binder
    positions: dict[str, int]
    fast: tuple[Function, ...]
    slow: tuple[int, ...]
    domains: tuple[Any, ...]
    options: Options
    scope: Scope
    objective: Objective | None
    memo: dict[str, str] = field(default_factory=dict)


def compile_spec(spec: dict[str, Any]) -> Compiled:
    """Compile either form of spec.

    Raises:
        SpecError: names the field and what is wrong in it.
    """
    context = z3.Context()
    scope: Scope
    if "smtlib" in spec:
        declared, named, scope = _from_smtlib(spec["smtlib"], context)
    else:
        declared, named, scope = _from_expressions(spec["variables"], spec["constraints"], context)
    positions = {name: place for place, name in enumerate(declared)}
    constraints = [constraint(*parts, positions) for parts in named]
    variables = tuple(declared.values())
    fast, slow = compile_check([c.holds for c in constraints], positions)
    return Compiled(
        context,
        variables,
        tuple(constraints),
        Binder(variables),
        positions,
        fast=tuple(fast),
        slow=tuple(sorted(slow)),
        domains=tuple(formula for variable in variables for formula in _domain(variable)),
        options=Options(**{key: spec[key] for key in Options.__dataclass_fields__ if key in spec}),
        scope=scope,
        objective=next((_objective(key, spec[key], scope) for key in ("minimize", "maximize") if key in spec), None),
    )


def _objective(sense: str, text: str, scope: Scope) -> Objective:
    try:
        term = scope.number(text)
        _, partial = analyse(term)
        return Objective(sense, shorten(text, 200), term, defined(term) if partial else z3.BoolVal(True, term.ctx))
    except (ExprError, SmtlibError, UnsupportedError) as error:
        raise SpecError(sense, str(error)) from None
    except RecursionError:
        raise SpecError(sense, "nested too deeply") from None


def _domain(variable: Variable) -> list[Any]:
    sort, const = variable.sort, variable.const
    if sort.kind == "enum" and z3.is_int(const):
        return [z3.Or(*(const == term for term in sort.terms))]
    make = z3.RealVal if sort.kind == "real" else z3.IntVal
    bounds = [] if sort.low is None else [const >= make(str(sort.low), const.ctx)]
    return bounds if sort.high is None else [*bounds, const <= make(str(sort.high), const.ctx)]


def constraint(field: str, name: str, text: str, formula: Any, positions: dict[str, int]) -> Constraint:
    """A formula over the variables at `positions`, with what it takes to be surely true.

    Raises:
        SpecError: it holds what is not supported, or is not declared.
    """
    try:
        constants, partial = analyse(formula)
        holds, broken = surely(formula) if partial else (formula, None)
    except UnsupportedError as error:
        raise SpecError(field, f"{name}: {error}") from None
    except RecursionError:
        raise SpecError(field, f"{name}: nested too deeply") from None
    for constant in constants:
        if constant not in positions:
            raise SpecError(field, f"{name}: the constant {constant!r} is not declared")
    uses = tuple(place for constant, place in positions.items() if constant in constants)
    try:
        is_broken = None if broken is None else compile_term(broken, positions)
    except UncompilableError:
        is_broken = None
    return Constraint(name, shorten(text, 200), holds, broken, is_broken, uses)


class _SmtlibScope:
    """SMT-LIB terms over the constants of a script, and the names of its enumerations."""

    def __init__(self, constants: list[Any], context: Any) -> None:
        self._context = context
        self._decls = {const.decl().name(): const.decl() for const in constants}
        sorts = [const.sort() for const in constants if isinstance(const.sort(), z3.DatatypeSortRef)]
        self._sorts = {sort.name(): sort for sort in sorts}  # and with them their names

    def formula(self, text: str) -> Any:
        nodes = parse(text)
        if nodes and all(head(node) == "assert" for node in nodes):
            nodes = [part for node in nodes if isinstance(node, list) for part in node[1:]]
        elif len(nodes) != 1:
            raise SmtlibError("expected one formula, or one or more (assert …)")
        return z3.And(*self._parsed([f"(assert {source(plain(node))})" for node in nodes]), self._context)

    def number(self, text: str) -> Any:
        nodes = parse(text)
        if len(nodes) != 1:
            raise SmtlibError("expected one term")
        term = source(plain(nodes[0]))
        (equation,) = self._parsed([f"(assert (= {term} {term}))"])
        if not z3.is_arith(equation.arg(0)):
            raise SmtlibError("expected a term of sort Int or Real")
        return equation.arg(0)

    def _parsed(self, commands: list[str]) -> list[Any]:
        try:
            parsed: Any = z3.parse_smt2_string("\n".join(commands), self._sorts, self._decls, self._context)
        except z3.Z3Exception as error:
            raise SmtlibError(_z3_message(error)) from None
        if len(parsed) != len(commands):
            raise SmtlibError("the solver reads another number of assertions than there are")
        return list(parsed)


_Named = list[tuple[str, str, str, Any]]


def _from_smtlib(text: str, context: Any) -> tuple[dict[str, Variable], _Named, Scope]:
    try:
        script = smtlib_guard.read(text)
    except SmtlibError as error:
        raise SpecError("smtlib", str(error)) from None
    # One statement that mentions every constant, so that their Z3 terms can be taken from it, sorts and all.
    probes = "\n".join(
        f"(assert (= {name} {name}))" for name in (Atom("symbol", name).source() for name in script.constants)
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
    for name, probe in zip(script.constants, formulas[asserted:], strict=True):
        const = probe.arg(0)
        variables[name] = Variable(name, _sort(const.sort()), const)
    named = []
    for i, (assertion, formula) in enumerate(zip(script.assertions, formulas[:asserted], strict=True), 1):
        name = assertion.name or f"assertion {i}"
        named.append(("smtlib", name, assertion.text, formula))
    return variables, named, _SmtlibScope([variable.const for variable in variables.values()], context)


def _sort(sort: Any) -> Sort:
    """What an answer may give a constant of a Z3 sort that `smtlib_guard` lets through."""
    if isinstance(sort, z3.DatatypeSortRef):
        constructors = [sort.constructor(i) for i in range(sort.num_constructors())]
        names = tuple(constructor.name() for constructor in constructors)
        terms = tuple(constructor() for constructor in constructors)
        return Sort("enum", names=names, codes=tuple(range(len(names))), terms=terms)
    if isinstance(sort, z3.BitVecSortRef):
        return Sort("bitvec", width=sort.size())
    if isinstance(sort, z3.ArraySortRef):
        return Sort("array", index=_sort(sort.domain()), element=_sort(sort.range()))
    return Sort(sort.name().lower())


def _z3_message(error: Any) -> str:
    value = error.value
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if "out of memory" in text:
        raise MemoryError
    lines = [line for line in text.splitlines() if line.strip()]
    return shorten(lines[0].removeprefix("(error ").strip(' ")'), 200) if lines else "the solver cannot read it"


def _from_expressions(
    declared: dict[str, Any], constraints: dict[str, str] | list[str], context: Any
) -> tuple[dict[str, Variable], _Named, Scope]:
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
