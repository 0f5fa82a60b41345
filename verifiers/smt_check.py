"""Checks a JSON answer against an SMT spec. Runs in a worker, which `verifiers/smt.py` calls.

Every constraint is evaluated on the answer's exact values, so every violation is named; a solver is asked only where
evaluation leaves something open, which is under quantifiers.
"""

from __future__ import annotations

import functools
import json
import time
from typing import Any

import z3

from modulo.verifiers.deep import recursion_limit
from modulo.verifiers.smt_compile import Compiled, Constraint, SpecError, compile_spec
from modulo.verifiers.smt_values import BindError, Bound, bind
from modulo.verifiers.strict_json import StrictJsonError, loads, shorten

__all__ = ["answer_schema", "check", "load"]

_MAX_CRITIQUES = 200
_MAX_NAMES = 1000
_MAX_FRAMES = 8000  # terms are as deep as their spec writes them


def load(spec: dict[str, Any]) -> dict[str, Any]:
    """Compile a spec: `{}` if it can be used, else `{"field": …, "message": …}`."""
    try:
        _compile(json.dumps(spec))
    except SpecError as error:
        return {"field": error.field, "message": str(error)}
    return {}


def answer_schema(spec: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema of the answers that give every constant of a loaded spec a value it can have."""
    variables = _compile(json.dumps(spec)).variables
    return {
        "type": "object",
        "properties": {name: variable.schema for name, variable in variables.items()},
        "required": list(variables),
        "additionalProperties": False,
    }


def check(payload: dict[str, Any]) -> dict[str, Any]:
    """A finding on `payload["candidate"]` for `payload["spec"]`, with at most `payload["seconds"]` in the solver."""
    try:
        return _check(_compile(json.dumps(payload["spec"])), payload["candidate"], payload["seconds"])
    except z3.Z3Exception as error:
        if "memory" in str(error):
            raise MemoryError from error
        raise


@functools.lru_cache(maxsize=8)
def _compile(spec: str) -> Compiled:
    with recursion_limit(_MAX_FRAMES):
        return compile_spec(json.loads(spec))


def _check(compiled: Compiled, candidate: str, seconds: float) -> dict[str, Any]:
    try:
        answer = loads(candidate)
    except StrictJsonError as error:
        return _rejected([{"message": str(error)}])
    bound, faults = _bind_all(compiled, answer)
    if faults:
        return _rejected(faults)
    deadline = time.monotonic() + seconds
    critiques: list[dict[str, Any]] = []
    violated: list[str] = []
    undecided: list[str] = []
    solver_calls = 0
    # All at once, which costs one call for an answer that is right.
    together = z3.substitute(compiled.together, *((b.variable.const, b.value) for b in bound.values()))
    if z3.is_true(z3.simplify(together)):
        open_parts = []
    else:
        open_parts = list(zip(compiled.constraints, together.children(), strict=True))
    for constraint, part in open_parts:
        holds = z3.simplify(part)
        decided: bool | None = z3.is_true(holds)
        if not (decided or z3.is_false(holds)):
            solver_calls += 1
            decided = _valid(holds, deadline - time.monotonic())
        if decided is None:
            undecided.append(constraint.name)
        elif not decided:
            violated.append(constraint.name)
            if len(critiques) < _MAX_CRITIQUES:
                critiques.append(_violation(constraint, bound))
    total = len(compiled.constraints)
    evidence = {
        "constraints": total,
        "violated": violated[:_MAX_NAMES],
        "undecided": undecided[:_MAX_NAMES],
        "solver_calls": solver_calls,
        "z3": z3.get_version_string(),
    }
    outcome = "fail" if violated else "unknown" if undecided else "pass"
    if not violated:
        critiques = [{"message": f"the solver cannot decide {name}", "locus": name} for name in undecided]
    score = (total - len(violated) - len(undecided)) / total
    return {"outcome": outcome, "critiques": critiques[:_MAX_CRITIQUES], "evidence": evidence, "score": score}


def _rejected(critiques: list[dict[str, Any]]) -> dict[str, Any]:
    return {"outcome": "fail", "critiques": critiques[:_MAX_CRITIQUES], "score": 0.0}


def _bind_all(compiled: Compiled, answer: Any) -> tuple[dict[str, Bound], list[dict[str, Any]]]:
    variables = compiled.variables
    if not isinstance(answer, dict):
        names = shorten(", ".join(variables), 200)
        return {}, [{"message": f"the answer must be one JSON object with the keys {names}"}]
    bound, faults = {}, []
    for name, variable in variables.items():
        if name not in answer:
            faults.append({"message": f"{name} is missing; it must be {variable.wants}", "locus": name})
            continue
        try:
            bound[name] = bind(variable, answer[name])
        except BindError as error:
            faults.append({"message": str(error), "locus": name})
    known = shorten(", ".join(variables), 200)
    faults.extend(
        {"message": f"no constant is named {shorten(key)!r}; the constants are {known}"}
        for key in answer
        if key not in variables
    )
    return bound, faults


def _valid(formula: Any, seconds: float) -> bool | None:
    """Whether a closed formula is true whatever Z3 leaves open; `None` if the solver cannot tell in time."""
    if seconds <= 0:
        return None
    solver = z3.Solver(ctx=formula.ctx)
    solver.set("timeout", max(1, int(seconds * 1000)))
    solver.add(z3.Not(formula))
    answer = solver.check()
    return None if answer == z3.unknown else bool(answer == z3.unsat)


def _evaluate(formula: Any, constraint: Constraint, bound: dict[str, Bound]) -> Any:
    values = [(bound[name].variable.const, bound[name].value) for name in constraint.uses]
    return z3.simplify(z3.substitute(formula, *values))


def _violation(constraint: Constraint, bound: dict[str, Bound]) -> dict[str, Any]:
    used = [bound[name] for name in constraint.uses]
    shown = ", ".join(f"{b.variable.name} = {shorten(b.text, 80)}" for b in used)
    text = constraint.text if constraint.text.startswith("(") else f"({constraint.text})"
    what = f"{constraint.name} {text}" if constraint.text else constraint.name
    undefined = constraint.broken is not None and z3.is_false(_evaluate(constraint.broken, constraint, bound))
    message = f"division by zero in {what}" if undefined else f"violated: {what}"
    return {
        "message": f"{message} with {shown}" if shown else message,
        "locus": constraint.name,
        "counterexample": {b.variable.name: b.shown for b in used},
    }
