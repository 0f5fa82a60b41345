"""Claims beyond "these values satisfy it": that nothing does, and that nothing does better. Runs in a worker.

A claim of the first kind is `{"status": "unsat"}`, with the constraints that are in conflict as its `core` if it names
them. Both kinds are proved by a solver that finds nothing, confirmed by cvc5 where that is installed; what the solver
does find refutes them.
"""

from __future__ import annotations

from typing import Any

import z3

from modulo.verifiers.smt_prove import Limits, confirmed, find, model_values
from modulo.verifiers.smt_spec import Compiled
from modulo.verifiers.smt_values import bind_terms, shown
from modulo.verifiers.strict_json import shorten

__all__ = ["best", "conflict", "is_claim"]

_FORM = '{"status": "unsat"}, or {"status": "unsat", "core": ["name of a constraint", …]}'
_MAX_MEMO = 1000


def is_claim(answer: Any) -> bool:
    """Whether an answer is a claim, rather than values."""
    return isinstance(answer, dict) and "status" in answer


def conflict(compiled: Compiled, answer: Any, limits: Limits, *, tell: bool) -> dict[str, Any]:
    """A finding on the claim that no answer satisfies the constraints. `tell`: a counterexample may be shown."""
    names: list[str] | None
    try:
        names = _core(compiled, answer)
    except ValueError as error:
        return _failed(str(error), locus="core")
    everything = [*(c.holds for c in compiled.constraints), *compiled.domains]
    whole = find(compiled.context, everything, limits)
    if whole.outcome == "sat":
        example = _shown(compiled, whole.model) if tell else None
        return _failed("the claim is false: the constraints can all be satisfied at once", counterexample=example)
    if whole.outcome == "unknown":
        return _undecided("the solver cannot decide whether the constraints are in conflict")
    formulas = everything
    if names is not None:
        formulas = [*(c.holds for c in compiled.constraints if c.name in names), *compiled.domains]
        part = find(compiled.context, formulas, limits)
        if part.outcome == "sat":
            message = f"these constraints are not in conflict by themselves: {_listed(names)}"
            return _failed(message, locus="core", counterexample=_shown(compiled, part.model) if tell else None)
        if part.outcome == "unknown":
            return _undecided(f"the solver cannot decide whether these are in conflict: {_listed(names)}")
        if compiled.options.core == "minimal" and (found := _superfluous(compiled, names, limits)):
            return found
    return _proved(compiled, formulas, limits, {"claim": "unsat", "core": names})


def _core(compiled: Compiled, answer: Any) -> list[str] | None:
    """The names in a claim; `None` if it has none.

    Raises:
        ValueError: it is not of the form of a claim, in words.
    """
    if not isinstance(answer, dict) or answer.get("status") != "unsat" or not answer.keys() <= {"status", "core"}:
        raise ValueError(f"to claim that nothing satisfies the constraints, answer {_FORM}")
    names = answer.get("core")
    if names is None and "core" not in answer and compiled.options.core == "any":
        return None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError("name the constraints that are in conflict, as a list of their names in core")
    known = dict.fromkeys(constraint.name for constraint in compiled.constraints)
    for name in names:
        if name not in known:
            among = shorten(
                ", ".join(known_name for known_name in dict.fromkeys(c.name for c in compiled.constraints)), 200
            )
            raise ValueError(f"no constraint is named {shorten(name)!r}; the constraints are {among}")
    if len(set(names)) != len(names):
        raise ValueError("core names a constraint twice")
    return names


def _superfluous(compiled: Compiled, names: list[str], limits: Limits) -> dict[str, Any] | None:
    for name in names:
        others = [c.holds for c in compiled.constraints if c.name in names and c.name != name]
        without = find(compiled.context, [*others, *compiled.domains], limits).outcome
        if without == "unsat":
            return _failed(f"the core is not minimal: without {name} the others are still in conflict", locus=name)
        if without == "unknown":
            return _undecided(f"the solver cannot decide whether the core needs {name}")
    return None


def best(compiled: Compiled, values: tuple[Any, ...], finding: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """The finding on values that satisfy every constraint, once it is known whether others do better."""
    objective = compiled.objective
    assert objective is not None
    pairs = bind_terms(compiled.variables, values)
    defined = z3.simplify(z3.substitute(objective.defined, *pairs))
    if not z3.is_true(defined):
        return _failed(f"division by zero in the value to {objective.sense}, {objective.text}", locus=objective.sense)
    reached = z3.simplify(z3.substitute(objective.term, *pairs))
    better = objective.term < reached if objective.sense == "minimize" else objective.term > reached
    formulas = [*(c.holds for c in compiled.constraints), *compiled.domains, objective.defined, better]
    key = str(reached)
    outcome = compiled.memo.get(key) or find(compiled.context, formulas, limits).outcome
    if outcome != "unknown" and len(compiled.memo) < _MAX_MEMO:
        compiled.memo[key] = outcome
    evidence = {**finding["evidence"], "objective": key}
    if outcome == "unsat":
        return _proved(compiled, formulas, limits, evidence)
    if outcome == "unknown":
        return _undecided(f"the solver cannot decide whether a better value than {shorten(key)} exists", evidence)
    what = f"{objective.sense} {objective.text}"
    message = f"every constraint holds, but a better value than {shorten(key)} exists ({what})"
    total = len(compiled.constraints)
    return {**_failed(message, locus=objective.sense), "evidence": evidence, "score": total / (total + 1)}


def _proved(compiled: Compiled, formulas: list[Any], limits: Limits, evidence: dict[str, Any]) -> dict[str, Any]:
    second = confirmed(compiled.context, formulas, limits)
    evidence = {**evidence, "proved_by": {"z3": "unsat", "cvc5": second}}
    if second == "sat":
        return _undecided("two solvers contradict each other on this", evidence)
    return {"outcome": "pass", "evidence": evidence, "score": 1.0}


def _shown(compiled: Compiled, model: Any) -> Any:
    """A model as an answer, if every value has that form."""
    values = model_values(compiled.variables, model)
    if values is None:
        return None
    return {v.name: shown(v.sort, value) for v, value in zip(compiled.variables, values, strict=True)}


def _listed(names: list[str]) -> str:
    return shorten(", ".join(names), 300)


def _failed(message: str, *, locus: str | None = None, counterexample: Any = None) -> dict[str, Any]:
    critique = {"message": message, "locus": locus, "counterexample": counterexample}
    return {"outcome": "fail", "critiques": [critique], "score": 0.0}


def _undecided(message: str, evidence: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"outcome": "unknown", "critiques": [{"message": message}], "evidence": evidence or {}}
