"""Worker side of the confirmation of optimality: the task for Fast Downward, and what its plan is worth here."""

from __future__ import annotations

from typing import Any

from modulo.verifiers.pddl import parsed_task
from modulo.verifiers.plan_check import start
from modulo.verifiers.plan_encode import decode, encode, objective
from modulo.verifiers.plan_logic import UndecidedError
from modulo.verifiers.plan_task import StepFault

__all__ = ["appraise", "prepare"]


def prepare(payload: dict[str, Any]) -> dict[str, str]:
    """The task of `domain` and `problem` for Fast Downward; `optimal` says what a plan has to be best in."""
    task = parsed_task(payload["domain"], payload["problem"])
    goal = objective(task, payload["optimal"])
    encoded = encode(task, goal)
    return {"domain": encoded.domain, "problem": encoded.problem, "search": encoded.search, "goal": goal}


def appraise(payload: dict[str, Any]) -> str | None:
    """The number of steps or the cost (`goal`) of Fast Downward's `plan`, carried out here; `None` if it is no plan."""
    domain, problem = payload["domain"], payload["problem"]
    run = start(domain, problem)
    try:
        steps = decode(parsed_task(domain, problem), payload["plan"])
        for step in steps:
            run.take(step)
    except (ValueError, StepFault, UndecidedError):
        return None
    if run.unmet_goals():
        return None
    return str(len(steps) if payload["goal"] == "length" else run.cost)
