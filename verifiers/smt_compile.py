"""From an SMT spec to functions and formulas, ready to be checked against answers. Runs in a worker."""

from __future__ import annotations

import json
from typing import Any

import z3

from modulo.verifiers.smt_bind import Binder, MisfitError
from modulo.verifiers.smt_defined import UnsupportedError, analyse, defined, surely
from modulo.verifiers.smt_expr import ExprError
from modulo.verifiers.smt_graph import Graph
from modulo.verifiers.smt_python import UncompilableError, compile_check, compile_term
from modulo.verifiers.smt_smtlib import from_smtlib
from modulo.verifiers.smt_spec import Compiled, Constraint, Objective, Options, Scope, SpecError
from modulo.verifiers.smt_values import Variable
from modulo.verifiers.smt_variables import from_expressions
from modulo.verifiers.smtlib_text import SmtlibError
from modulo.verifiers.strict_json import Number, shorten

__all__ = ["compile_spec"]


def compile_spec(spec: dict[str, Any]) -> Compiled:
    """Compile either form of spec.

    Raises:
        SpecError: names the field and what is wrong in it.
    """
    context = z3.Context()
    scope: Scope
    if "smtlib" in spec:
        declared, named, scope = from_smtlib(spec["smtlib"], context, reference=spec.get("mode") != "formalise")
    else:
        declared, named, scope = from_expressions(spec.get("variables", {}), spec.get("constraints", []), context)
    positions = {name: place for place, name in enumerate(declared)}
    graph = Graph()
    constraints = [constraint(*parts, positions, graph) for parts in named]
    variables = tuple(declared.values())
    fast, slow = compile_check([c.holds for c in constraints], positions, graph)
    binder = Binder(variables)
    compiled = Compiled(
        context,
        variables,
        tuple(constraints),
        binder,
        positions,
        fast=tuple(fast),
        slow=tuple(sorted(slow)),
        domains=tuple(formula for variable in variables for formula in _domain(variable)),
        options=Options(**{key: spec[key] for key in Options.__dataclass_fields__ if key in spec}),
        scope=scope,
        objective=next((_objective(key, spec[key], scope) for key in ("minimize", "maximize") if key in spec), None),
        accept=_examples("accept", spec, binder),
        reject=_examples("reject", spec, binder),
    )
    if compiled.options.mode == "decide" and "status" in positions:
        raise SpecError("mode", "with a constant named status, values cannot be told from a claim; rename it")
    return _check_formalise(compiled) if compiled.options.mode == "formalise" else compiled


def _examples(field: str, spec: dict[str, Any], binder: Binder) -> tuple[tuple[Any, ...], ...]:
    found = []
    for number, example in enumerate(spec.get(field, [])):
        try:
            found.append(binder(json.loads(json.dumps(example), parse_float=Number)))
        except MisfitError as error:
            raise SpecError(f"{field}[{number}]", str(error)) from None
    return tuple(found)


def _check_formalise(compiled: Compiled) -> Compiled:
    if any(v.sort.kind == "enum" and z3.is_int(v.const) for v in compiled.variables):
        raise SpecError("variables", "a script has enumerations as datatypes: write this spec in SMT-LIB")
    if not (compiled.constraints or compiled.accept or compiled.reject or compiled.options.status):
        raise SpecError("", "nothing is asked of a script: give constraints, accept, reject or status")
    return compiled


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


def constraint(field: str, name: str, text: str, formula: Any, positions: dict[str, int], graph: Graph) -> Constraint:
    """A formula over the variables at `positions`, with what it takes to be surely true.

    Raises:
        SpecError: it holds what is not supported, or is not declared.
    """
    try:
        constants, partial = analyse(formula, graph)
        holds, broken = surely(formula) if partial else (formula, None)
    except UnsupportedError as error:
        raise SpecError(field, f"{name}: {error}") from None
    except RecursionError:
        raise SpecError(field, f"{name}: nested too deeply") from None
    for constant in constants:
        if constant not in positions:
            raise SpecError(field, f"{name}: the constant {constant!r} is not declared")
    uses = tuple(sorted(positions[constant] for constant in constants))
    try:
        is_broken = None if broken is None else compile_term(broken, positions)
    except UncompilableError:
        is_broken = None
    return Constraint(name, shorten(text, 200), holds, broken, is_broken, uses)
