"""Checks a JSON answer against an SMT spec. Runs in a worker, which `verifiers/smt.py` calls.

Every constraint is evaluated on the answer's exact values by the Python functions it was compiled to once, so a check
takes microseconds and every violation is named. Where a constraint has no such function, under a quantifier for one,
its values are put into the formula, and a solver is asked what is left open.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterator
from typing import Any

import z3

from modulo.verifiers.deep import recursion_limit
from modulo.verifiers.smt_bind import MisfitError, read
from modulo.verifiers.smt_claims import best, conflict, is_claim
from modulo.verifiers.smt_compile import compile_spec
from modulo.verifiers.smt_formalise import judge_script
from modulo.verifiers.smt_formulas import compare
from modulo.verifiers.smt_prove import Limits, find, valid
from modulo.verifiers.smt_repair import why_not
from modulo.verifiers.smt_spec import Compiled, Constraint, SpecError
from modulo.verifiers.smt_values import bind_terms, shown, text
from modulo.verifiers.strict_json import shorten

__all__ = ["answer_schema", "check", "check_many", "load"]

_MAX_CRITIQUES = 6
_MAX_NAMES = 1000
_SHORT = 1 << 64
_LOAD_SECONDS = 10.0
_MAX_FRAMES = 8000  # terms are as deep as their spec writes them
_Z3 = z3.get_version_string()


def load(spec: dict[str, Any]) -> dict[str, Any]:
    """Compile a spec: `{}` if it can be used, else `{"field": …, "message": …}`."""
    try:
        compiled = _compile(json.dumps(spec))
        if compiled.options.mode in ("entailed", "entails", "equivalent"):
            _not_contradictory(compiled)
    except SpecError as error:
        return {"field": error.field, "message": str(error)}
    return {}


def _not_contradictory(compiled: Compiled) -> None:
    limits = Limits(compiled.options.rlimit, time.monotonic() + _LOAD_SECONDS)
    formulas = [*(constraint.holds for constraint in compiled.constraints), *compiled.domains]
    if find(compiled.context, formulas, limits).outcome == "unsat":
        raise SpecError("", "the constraints contradict each other, so that everything follows from them")


def answer_schema(spec: str) -> dict[str, Any] | None:
    """JSON Schema of the answers to a loaded spec; `None` where an answer is not one object of values."""
    compiled = _compile(spec)
    if compiled.options.mode != "satisfy":
        return None
    variables = compiled.variables
    return {
        "type": "object",
        "properties": {variable.name: variable.sort.schema for variable in variables},
        "required": [variable.name for variable in variables],
        "additionalProperties": False,
    }


def check(payload: dict[str, Any]) -> dict[str, Any]:
    """A finding on `payload["candidate"]` for `payload["spec"]` (as text), with at most `seconds` in the solver."""
    (finding,) = check_many({**payload, "candidates": [payload["candidate"]]})
    return finding


def check_many(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A finding on each of `payload["candidates"]`, in order."""
    compiled = _compile(payload["spec"])
    for candidate in payload["candidates"]:
        try:
            yield _judged(compiled, candidate, payload)
        except z3.Z3Exception as error:
            if "memory" in str(error):
                raise MemoryError from error
            raise


@functools.lru_cache(maxsize=8)
def _compile(spec: str) -> Compiled:
    with recursion_limit(_MAX_FRAMES):
        return compile_spec(json.loads(spec))


def _judged(compiled: Compiled, candidate: str, payload: dict[str, Any]) -> dict[str, Any]:
    options = compiled.options
    limits = Limits(options.rlimit, time.monotonic() + payload["seconds"])
    if options.mode == "formalise":
        return judge_script(compiled, candidate, limits)
    if options.mode in ("entailed", "entails", "equivalent"):
        return compare(compiled, candidate, limits, as_json=payload["as_json"])
    try:
        answer = read(candidate)
        if options.mode == "infeasible" or (options.mode == "decide" and is_claim(answer)):
            return conflict(compiled, answer, limits, tell=options.mode == "infeasible")
        values = compiled.binder(answer)
    except MisfitError as misfit:
        return _misfit(compiled, misfit, limits)
    finding = _check(compiled, values, limits)
    return best(compiled, values, finding, limits) if compiled.objective and finding["outcome"] == "pass" else finding


def _misfit(compiled: Compiled, misfit: MisfitError, limits: Limits) -> dict[str, Any]:
    """An answer that is no assignment fails; one that is only unfinished may be told whether it can be finished."""
    finding = {"outcome": "fail", "critiques": misfit.critiques, "score": 0.0}
    if not (compiled.options.partial and misfit.values):
        return finding
    critiques, evidence = why_not(compiled, misfit.values, limits)
    return {**finding, "critiques": [*critiques, *misfit.critiques], "evidence": evidence}


def _check(compiled: Compiled, values: tuple[Any, ...], limits: Limits) -> dict[str, Any]:
    constraints = compiled.constraints
    violated = [number for function in compiled.fast for number in function(values)]
    undecided: list[int] = []
    solver_calls = 0
    if compiled.slow:
        more, undecided, solver_calls = _solve(compiled, values, limits)
        violated = sorted([*violated, *more])
    total = len(constraints)
    evidence: dict[str, Any] = {"constraints": total, "z3": _Z3}
    if violated:
        evidence["violated"] = [constraints[number].name for number in violated[:_MAX_NAMES]]
    if undecided:
        evidence["undecided"] = [constraints[number].name for number in undecided[:_MAX_NAMES]]
    if compiled.slow:
        evidence["solver_calls"] = solver_calls
    outcome = "fail" if violated else "unknown" if undecided else "pass"
    score = (total - len(violated) - len(undecided)) / total
    finding = {"outcome": outcome, "evidence": evidence, "score": score}
    if outcome != "pass":
        finding["critiques"] = _violations(compiled, violated, values) if violated else _open(constraints, undecided)
    return finding


def _solve(compiled: Compiled, values: tuple[Any, ...], limits: Limits) -> tuple[list[int], list[int], int]:
    """Which of the constraints without a function are violated, and which undecided; and how often a solver ran."""
    violated, undecided, calls = [], [], 0
    for number in compiled.slow:
        holds = _substituted(compiled, compiled.constraints[number], "holds", values)
        decided: bool | None = z3.is_true(holds)
        if not (decided or z3.is_false(holds)):
            calls += 1
            decided = valid(holds, limits)
        if decided is None:
            undecided.append(number)
        elif not decided:
            violated.append(number)
    return violated, undecided, calls


def _substituted(compiled: Compiled, constraint: Constraint, part: str, values: tuple[Any, ...]) -> Any:
    terms = bind_terms((compiled.variables[i] for i in constraint.uses), (values[i] for i in constraint.uses))
    return z3.simplify(z3.substitute(getattr(constraint, part), *terms))


def _open(constraints: tuple[Constraint, ...], undecided: list[int]) -> list[dict[str, Any]]:
    names = [constraints[number].name for number in undecided[:_MAX_CRITIQUES]]
    return [{"message": f"the solver cannot decide {name}", "locus": name} for name in names]


def _violations(compiled: Compiled, violated: list[int], values: tuple[Any, ...]) -> list[dict[str, Any]]:
    """A critique for each violated constraint; after the first few, one that names the others."""
    critiques = [_violation(compiled, compiled.constraints[n], values) for n in violated[:_MAX_CRITIQUES]]
    if others := [compiled.constraints[number].name for number in violated[_MAX_CRITIQUES:]]:
        named = shorten(", ".join(others[:_MAX_NAMES]), 1000)
        critiques.append({"message": f"{len(others)} more constraints are violated: {named}"})
    return critiques


def _violation(compiled: Compiled, constraint: Constraint, values: tuple[Any, ...]) -> dict[str, Any]:
    counterexample, words = {}, []
    for i in constraint.uses:
        variable, value = compiled.variables[i], values[i]
        name = variable.name
        if type(value) is int and variable.sort.kind != "enum":  # most values, and most of the work
            counterexample[name] = value
            words.append(f"{name} = {value}" if -_SHORT < value < _SHORT else f"{name} = {shorten(str(value), 80)}")
        else:
            counterexample[name] = shown(variable.sort, value)
            words.append(f"{name} = {shorten(text(variable.sort, value), 80)}")
    what = constraint.name
    if constraint.text:
        what += f" {constraint.text}" if constraint.text.startswith("(") else f" ({constraint.text})"
    undefined = constraint.broken is not None and not _is_broken(compiled, constraint, values)
    message = f"division by zero in {what}" if undefined else f"violated: {what}"
    return {
        "message": f"{message} with {', '.join(words)}" if words else message,
        "locus": constraint.name,
        "counterexample": counterexample,
    }


def _is_broken(compiled: Compiled, constraint: Constraint, values: tuple[Any, ...]) -> bool:
    """Whether it is surely false; `True` where that is not clear."""
    if constraint.is_broken is not None:
        return bool(constraint.is_broken(values))
    return not z3.is_false(_substituted(compiled, constraint, "broken", values))
