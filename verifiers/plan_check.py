"""Worker side of the `plan` verifier: a plan's text against a PDDL task.

The notations of a plan are those of `verifiers/plan_text.py`. A plain task is run by `verifiers/strips.py`. One with
conditional or quantified parts or numbers is run by `verifiers/plan_run.py`, and passes only if unified-planning's own
simulator agrees.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from modulo.verifiers.pddl import parsed_task
from modulo.verifiers.plan_logic import Atom, UndecidedError, decimal
from modulo.verifiers.plan_run import PlanRun
from modulo.verifiers.plan_task import PlanTask, StepFault
from modulo.verifiers.plan_text import NoStep, read_steps
from modulo.verifiers.strict_json import shorten
from modulo.verifiers.strips import StripsRun, StripsTask, compiled

__all__ = ["MAX_PLAN_CHARS", "check", "check_many", "is_strips", "start"]

MAX_PLAN_CHARS = 1_000_000
_MAX_CRITIQUES = 5
_MAX_SHOWN = 20


def check(payload: dict[str, Any]) -> dict[str, Any]:
    """Judge `payload["candidate"]` against `payload["domain"]` and `payload["problem"]` (PDDL that `load` accepted).

    `max_steps` and `max_cost` (a fraction's text) are bounds or `None`. `score` is half the share of steps that can be
    taken plus half the share of goals that hold where the plan stops.
    """
    return _judge(payload, payload["candidate"])


def check_many(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """`check` of each of `payload["candidates"]`."""
    for candidate in payload["candidates"]:
        yield _judge(payload, candidate)


@lru_cache(maxsize=32)
def _strips(domain: str, problem: str) -> StripsTask | None:
    return compiled(parsed_task(domain, problem))


def is_strips(domain: str, problem: str) -> bool:
    """Whether the task of two PDDL texts is no more than STRIPS."""
    return _strips(domain, problem) is not None


def start(domain: str, problem: str) -> StripsRun | PlanRun:
    """A plan of two PDDL texts about to be carried out, by the simulator that is enough for them."""
    strips = _strips(domain, problem)
    return StripsRun(strips) if strips else PlanRun(parsed_task(domain, problem))


def _judge(payload: dict[str, Any], text: str) -> dict[str, Any]:
    if len(text) > MAX_PLAN_CHARS:
        return _report("fail", [_critique(f"the plan is longer than {MAX_PLAN_CHARS:,} characters")], {}, 0.0)
    task = parsed_task(payload["domain"], payload["problem"])
    steps = read_steps(text, task.actions)
    try:
        return _carried_out(payload, task, start(payload["domain"], payload["problem"]), steps)
    except UndecidedError as error:
        return _report("unknown", [_critique(f"cannot be judged: {error}")], {"steps": len(steps)}, None)


def _carried_out(
    payload: dict[str, Any], task: PlanTask, run: StripsRun | PlanRun, steps: list[Atom | NoStep]
) -> dict[str, Any]:
    taken, critiques = 0, list[dict[str, Any]]()
    for number, step in enumerate(steps, 1):
        try:
            if isinstance(step, NoStep):
                raise StepFault(step.why)
            if not critiques:
                run.take(step)
                taken = number
        except StepFault as fault:
            critiques.append(_at_step(number, step, fault))
            if len(critiques) == _MAX_CRITIQUES:
                break
    missing = run.unmet_goals()
    if missing and not critiques:
        where = f"after all {len(steps)} steps" if steps else "the plan is empty and"
        goals = _some(run.explained_goals())
        critiques.append(
            _critique(
                shorten(f"{where} the goal is not reached; still to do: {goals}", 1000),
                "goal",
                {"unmet": list(missing)},
            )
        )
    evidence: dict[str, Any] = {
        "steps": len(steps),
        "executed": taken,
        "goals": len(task.goal),
        "goals_met": len(task.goal) - len(missing),
    }
    if (cost := _cost(task, run)) is not None:
        evidence["cost"] = decimal(cost)
    if task.warnings:
        evidence["warnings"] = list(task.warnings)
    critiques += _over(payload, len(steps), cost, complete=taken == len(steps))
    if not critiques and isinstance(run, PlanRun):
        from modulo.verifiers.plan_up import disagreement  # heavy: only where the task needs it

        plan = [step for step in steps if not isinstance(step, NoStep)]
        if why := disagreement(payload["domain"], payload["problem"], plan, run.world):
            return _report("unknown", [_critique(f"cannot be judged: {why}")], evidence, None)
        evidence["confirmed_by"] = "unified-planning"
    if not critiques:
        return _report("pass", [], evidence, 1.0)
    score = 0.5 * (taken / len(steps) if steps else 1.0)
    score += 0.5 * (evidence["goals_met"] / len(task.goal) if task.goal else 1.0)
    return _report("fail", critiques, evidence, min(score, 0.99))


def _cost(task: PlanTask, run: StripsRun | PlanRun) -> Fraction | None:
    if isinstance(run, StripsRun):
        return run.cost if run.has_costs else None
    metric = task.metric
    if metric is not None and (metric.goal != "minimize" or metric.expression == ("total-time",)):
        return None
    return run.cost if metric or "total-cost" in task.functions else None


def _over(payload: dict[str, Any], steps: int, cost: Fraction | None, *, complete: bool) -> Iterator[dict[str, Any]]:
    """What is wrong with a plan's length and, if it could be carried out, its cost."""
    most, dearest = payload.get("max_steps"), payload.get("max_cost")
    if most is not None and steps > most:
        yield _critique(f"the plan has {steps} steps; at most {most} are allowed", "length")
    if dearest is None or not complete:
        return
    if cost is None:
        yield _critique("the plan's cost is undefined", "cost")
    elif cost > Fraction(dearest):
        yield _critique(f"the plan costs {decimal(cost)}; at most {decimal(Fraction(dearest))} is allowed", "cost")


def _at_step(number: int, step: Atom | NoStep, fault: StepFault) -> dict[str, Any]:
    shown = _visible(shorten(step.text, 80) if isinstance(step, NoStep) else shorten(f"({' '.join(step)})", 200))
    counterexample: dict[str, Any] = {"step": number, "action": shown}
    if fault.unmet:
        counterexample["unmet"] = list(fault.unmet)
    return _critique(shorten(f"step {number}, {shown}: {fault}", 1000), f"step {number}", counterexample)


def _visible(text: str) -> str:
    """The text with what cannot be seen spelled out, so that a model can tell what is wrong with it."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _some(items: tuple[str, ...]) -> str:
    more = len(items) - _MAX_SHOWN
    return ", ".join(items[:_MAX_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _critique(message: str, locus: str | None = None, counterexample: Any = None) -> dict[str, Any]:
    return {"message": message, "locus": locus, "counterexample": counterexample}


def _report(
    outcome: str, critiques: list[dict[str, Any]], evidence: dict[str, Any], score: float | None
) -> dict[str, Any]:
    return {"outcome": outcome, "critiques": critiques, "evidence": evidence, "score": score}
