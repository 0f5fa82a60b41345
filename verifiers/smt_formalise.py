"""Candidates that are SMT-LIB scripts, judged by what they mean: autoformalisation. Runs in a worker.

A script can be asked for a status, for examples that it must accept or reject, and to mean the same as a reference. For
the last two it has to declare the spec's constants, and no others, with the spec's sorts; what it means is then decided
as for a spec, so that what hangs on a division by zero does not hold.
"""

from __future__ import annotations

from typing import Any

import z3

from modulo.verifiers.smt_compile import compile_spec
from modulo.verifiers.smt_disposable import CrashError, in_a_child
from modulo.verifiers.smt_prove import Limits, confirmed, find, model_values, valid
from modulo.verifiers.smt_script import Command, RunError, read_script, statuses
from modulo.verifiers.smt_spec import Compiled, SpecError
from modulo.verifiers.smt_values import Sort, bind_terms, shown, text
from modulo.verifiers.smtlib_text import SmtlibError
from modulo.verifiers.strict_json import shorten

__all__ = ["judge_script"]

_MAX_CHARS = 200_000


def judge_script(compiled: Compiled, candidate: str, limits: Limits) -> dict[str, Any]:
    """A finding on a script."""
    try:
        if len(candidate) > _MAX_CHARS:
            raise SmtlibError(f"the script has {len(candidate)} characters; at most {_MAX_CHARS} are read")
        commands = read_script(candidate)
        if not any(command.name == "assert" for command in commands):
            raise SmtlibError("the script asserts nothing")
        if compiled.options.status is not None and (fault := _status(commands, compiled.options.status, limits)):
            return fault
        if not compiled.variables:
            return {"outcome": "pass", "evidence": {"status": compiled.options.status}, "score": 1.0}
        finding: dict[str, Any] = in_a_child(lambda: _meaning(compiled, commands, limits), limits.deadline)
        return finding
    except (SmtlibError, RunError) as error:
        return _failed(str(error))
    except TimeoutError:
        return _undecided("the script takes too long to be judged")
    except CrashError as error:
        return _undecided(f"the solver broke on this script ({error})")


def _status(commands: list[Command], wanted: str, limits: Limits) -> dict[str, Any] | None:
    checks = sum(command.checks for command in commands)
    if checks > 1 or any(command.name in ("push", "pop", "reset", "reset-assertions") for command in commands):
        raise SmtlibError("the script must be one problem, with one (check-sat) at the most and no scopes")
    (said,) = statuses(commands if checks else [*commands, Command("check-sat", "(check-sat)")], limits)
    if said == "unknown":
        return _undecided("the solver cannot decide whether the script is satisfiable")
    return None if said == wanted else _failed(f"the script is {said}, and should be {wanted}", locus="check-sat")


def _meaning(compiled: Compiled, commands: list[Command], limits: Limits) -> dict[str, Any]:
    """A finding on what the script says of the spec's constants."""
    try:
        script = compile_spec({"smtlib": "\n".join(c.source for c in commands if not c.checks)})
    except SpecError as error:
        return _failed(str(error))
    if fault := _declarations(compiled, script):
        return _failed(fault)
    order = [script.positions[v.name] for v in compiled.variables]
    faults = []
    for kind, written in (("accept", compiled.accept), ("reject", compiled.reject)):
        for values in written:
            mine = [values[order.index(i)] for i in range(len(order))]
            said = _accepts(script, tuple(mine), limits)
            if said is None:
                return _undecided(f"the solver cannot decide whether the script accepts {_listed(compiled, values)}")
            if said is not (kind == "accept"):
                what = "refuses" if kind == "accept" else "accepts"
                must = "must" if kind == "accept" else "must not"
                message = f"the script {what} {_listed(compiled, values)}, which it {must} accept"
                faults.append({"message": message, "locus": kind, "counterexample": _as_json(compiled, values)})
    total = len(compiled.accept) + len(compiled.reject)
    evidence = {"examples": total, "wrong": len(faults)}
    if faults:
        return {"outcome": "fail", "critiques": faults[:10], "evidence": evidence, "score": 1 - len(faults) / total}
    if compiled.constraints:
        return _equivalent(compiled, script, limits, evidence)
    return {"outcome": "pass", "evidence": evidence, "score": 1.0}


def _declarations(compiled: Compiled, script: Compiled) -> str:
    """How the script's constants differ from the spec's, in words; "" if they do not."""
    declared = {v.name: v.sort for v in script.variables}
    for variable in compiled.variables:
        if variable.name not in declared:
            return f"the script does not declare {variable.name}"
        if _kind(declared[variable.name]) != _kind(variable.sort):
            return f"the script declares {variable.name} with another sort than {_words(variable.const.sort())}"
    known = {v.name for v in compiled.variables}
    others = [name for name in declared if name not in known]
    return f"the script declares {shorten(', '.join(others), 200)}, which the problem does not have" if others else ""


def _kind(sort: Sort) -> Any:
    inner = tuple(_kind(part) for part in (sort.index, sort.element) if part is not None)
    return sort.kind, sort.width, sort.names, inner


def _words(sort: Any) -> str:
    return shorten(str(sort.sexpr()), 100)


def _accepts(script: Compiled, values: tuple[Any, ...], limits: Limits) -> bool | None:
    if any(function(values) for function in script.fast):
        return False
    pairs = bind_terms(script.variables, values)
    said: bool | None = True
    for number in script.slow:
        holds = valid(z3.simplify(z3.substitute(script.constraints[number].holds, *pairs)), limits)
        if holds is False:
            return False
        said = said and holds
    return said


def _equivalent(compiled: Compiled, script: Compiled, limits: Limits, evidence: dict[str, Any]) -> dict[str, Any]:
    context = compiled.context
    reference = z3.And(*(c.holds for c in compiled.constraints), context)
    mine = z3.And(*(c.holds.translate(context) for c in script.constraints), context)
    seconds = []
    for formulas, words in (
        ([*compiled.domains, reference, z3.Not(mine)], "the script refuses what it must accept"),
        ([*compiled.domains, mine, z3.Not(reference)], "the script accepts what it must not accept"),
    ):
        answer = find(context, formulas, limits)
        if answer.outcome == "unknown":
            return _undecided("the solver cannot decide whether the script means what it should")
        if answer.outcome == "sat":
            values = model_values(compiled.variables, answer.model)
            if values is None:
                return _failed(f"for some values {words}")
            critique = {
                "message": f"{words}: {_listed(compiled, values)}",
                "counterexample": _as_json(compiled, values),
            }
            return {"outcome": "fail", "critiques": [critique], "evidence": evidence, "score": 0.0}
        seconds.append(confirmed(context, formulas, limits))
    evidence = {**evidence, "proved_by": {"z3": "unsat", "cvc5": "; ".join(dict.fromkeys(seconds))}}
    if "sat" in seconds:
        return {**_undecided("two solvers contradict each other on this"), "evidence": evidence}
    return {"outcome": "pass", "evidence": evidence, "score": 1.0}


def _listed(compiled: Compiled, values: tuple[Any, ...]) -> str:
    pairs = zip(compiled.variables, values, strict=True)
    return shorten(", ".join(f"{v.name} = {shorten(text(v.sort, value), 80)}" for v, value in pairs), 500)


def _as_json(compiled: Compiled, values: tuple[Any, ...]) -> dict[str, Any]:
    return {v.name: shown(v.sort, value) for v, value in zip(compiled.variables, values, strict=True)}


def _failed(message: str, *, locus: str | None = None) -> dict[str, Any]:
    return {"outcome": "fail", "critiques": [{"message": message, "locus": locus}], "score": 0.0}


def _undecided(message: str) -> dict[str, Any]:
    return {"outcome": "unknown", "critiques": [{"message": message}]}
