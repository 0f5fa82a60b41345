"""Worker side of the `plan` verifier: a plan's text against a PDDL task.

The candidate is lines of `(action argument …)`. Comments (`; …`) and step numbers (`3.`, `3:`, `3)`) are passed over;
anything else is a fault of that step.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Any

from modulo.verifiers.pddl import parse_domain, parse_problem
from modulo.verifiers.strips import Atom, StepFault, Task, show, simulate, unmet

__all__ = ["MAX_PLAN_CHARS", "check"]

MAX_PLAN_CHARS = 1_000_000
_MAX_CRITIQUES = 5
_NUMBER = re.compile(r"\s*(?:step\s*)?\d+\s*[.:)](?=\s*\()", re.I)
_STEP = re.compile(r"\s*\(\s*([^\s()]+(?:\s+[^\s()]+)*)\s*\)")


def check(payload: dict[str, str]) -> dict[str, Any]:
    """Judge `payload["candidate"]` against `payload["domain"]` and `payload["problem"]` (PDDL that `load` accepted).

    `score` is half the share of steps that can be taken plus half the share of goals that hold where the plan stops.
    """
    task, text = _task(payload["domain"], payload["problem"]), payload["candidate"]
    if len(text) > MAX_PLAN_CHARS:
        return _report("fail", [_critique(f"the plan is longer than {MAX_PLAN_CHARS:,} characters")], {}, 0.0)
    steps = _steps(text)
    state, taken, cost = set(task.init), 0, Fraction(0)
    critiques: list[dict[str, Any]] = []
    for number, step in enumerate(steps, 1):
        try:
            if isinstance(step, str):
                raise StepFault("not an action; write each as (action argument …), one a line")
            if not critiques:
                cost += simulate(task, state, step)
                taken = number
        except StepFault as fault:
            shown = step[:80] if isinstance(step, str) else show(step)
            critiques.append(_at_step(number, shown, fault))
            if len(critiques) == _MAX_CRITIQUES:
                break
    missing = unmet(task.goal, state, {})
    if missing and not critiques:
        goals = [show(literal) for literal in missing]
        where = f"after all {len(steps)} steps" if steps else "the plan is empty and"
        critiques.append(
            _critique(f"{where} the goal is not reached; still to do: {', '.join(goals)}", "goal", {"unmet": goals})
        )
    evidence: dict[str, Any] = {
        "steps": len(steps),
        "executed": taken,
        "goals": len(task.goal),
        "goals_met": len(task.goal) - len(missing),
    }
    if task.has_costs:
        evidence["cost"] = str(cost)
    if task.warnings:
        evidence["warnings"] = list(task.warnings)
    if not critiques:
        return _report("pass", [], evidence, 1.0)
    score = 0.5 * (taken / len(steps) if steps else 1.0)
    score += 0.5 * (evidence["goals_met"] / len(task.goal) if task.goal else 1.0)
    return _report("fail", critiques, evidence, score)


@lru_cache(maxsize=8)
def _task(domain: str, problem: str) -> Task:
    return parse_problem(parse_domain(domain), problem)


def _steps(text: str) -> list[Atom | str]:
    """Each step as name and arguments, or the text that is none."""
    steps: list[Atom | str] = []
    for line in text.lower().splitlines():
        rest = line.partition(";")[0]
        if match := _NUMBER.match(rest):
            rest = rest[match.end() :]
        while rest.strip():
            match = _STEP.match(rest)
            if match is None:
                steps.append(rest.strip())
                break
            steps.append(tuple(match[1].split()))
            rest = rest[match.end() :]
    return steps


def _at_step(number: int, shown: str, fault: StepFault) -> dict[str, Any]:
    counterexample = {"step": number, "action": shown}
    if fault.unmet:
        return _critique(
            f"step {number}, {shown}: {fault}",
            f"step {number}",
            {**counterexample, "unmet": [show(literal) for literal in fault.unmet]},
        )
    return _critique(f"step {number}, {shown}: {fault}", f"step {number}", counterexample)


def _critique(message: str, locus: str | None = None, counterexample: Any = None) -> dict[str, Any]:
    return {"message": message, "locus": locus, "counterexample": counterexample}


def _report(outcome: str, critiques: list[dict[str, Any]], evidence: dict[str, Any], score: float) -> dict[str, Any]:
    return {"outcome": outcome, "critiques": critiques, "evidence": evidence, "score": score}
