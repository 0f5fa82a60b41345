"""Specs in SMT-LIB: constants and formulas of a script, and further terms over its constants. Runs in a worker."""

from __future__ import annotations

from typing import Any

import z3

from modulo.verifiers import smtlib_guard
from modulo.verifiers.smt_spec import Named, Scope, SpecError
from modulo.verifiers.smt_values import Sort, Variable
from modulo.verifiers.smtlib_text import Atom, SmtlibError, head, parse, plain, source
from modulo.verifiers.strict_json import shorten

__all__ = ["from_smtlib"]


def from_smtlib(text: str, context: Any, *, reference: bool = True) -> tuple[dict[str, Variable], Named, Scope]:
    """The constants, the requirements and the scope of a script. `reference`: it must assert something.

    Raises:
        SpecError: says what is wrong in it.
    """
    try:
        script = smtlib_guard.read(text, asserting=reference)
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
