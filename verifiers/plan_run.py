"""A plan carried out on a task with conditional and quantified parts and numbers.

Semantics are those of PDDL 2.1 level 2: an action's conditions and values are read in the state before it; deletes come
before adds; increases and decreases of one fluent add up, scalings multiply, and any other two changes of one fluent in
one action conflict, so that the step cannot be taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from modulo.verifiers.plan_logic import (
    Atom,
    Condition,
    Quantified,
    UndecidedError,
    World,
    bounded,
    fluents,
    ground,
    holds,
    instances,
    show,
    value,
)
from modulo.verifiers.plan_read import TOTAL_COST
from modulo.verifiers.plan_task import Change, PlanTask, StepFault, bind

__all__ = ["PlanRun"]

_ADDITIVE = {"increase": "+", "decrease": "-"}
_SCALING = {"scale-up": "*", "scale-down": "/"}


@dataclass
class _Update:
    """What one action does to one fluent: the kind of its changes, and its value so far."""

    kind: str
    value: Fraction


@dataclass
class _Outcome:
    adds: set[Atom] = field(default_factory=set)
    deletes: set[Atom] = field(default_factory=set)
    numbers: dict[Atom, _Update] = field(default_factory=dict)


class PlanRun:
    """A plan being carried out."""

    def __init__(self, task: PlanTask) -> None:
        self._task = task
        self.world = World(set(task.init), {TOTAL_COST: Fraction(0), **task.numbers}, task.objects)

    @property
    def cost(self) -> Fraction | None:
        """The value of what the problem minimises, else of `total-cost`; `None` where it is undefined."""
        metric = self._task.metric
        return value(metric.expression if metric else TOTAL_COST, self.world, {})

    def take(self, step: Atom) -> None:
        """Take one step.

        Raises:
            StepFault: the step cannot be taken; nothing is changed.
            UndecidedError: it cannot be judged.
        """
        action, binding = bind(self._task.actions, self._task.objects, step)
        if missing := self._unmet(action.precondition, binding):
            shown = ", ".join(text + self._why(part, binding) for part, text in missing)
            raise StepFault("precondition not met: " + shown, tuple(text for _, text in missing))
        outcome = _Outcome()
        for change in action.changes:
            for own in instances(self.world, change.variables):
                self._apply(change, {**binding, **own}, outcome)
        self.world.atoms -= outcome.deletes
        self.world.atoms |= outcome.adds
        self.world.numbers.update({fluent: update.value for fluent, update in outcome.numbers.items()})

    def unmet_goals(self) -> tuple[str, ...]:
        """The goals that do not hold now."""
        return tuple(text for _, text in self._unmet(self._task.goal, {}))

    def explained_goals(self) -> tuple[str, ...]:
        """The same, each with whom it fails for or the numbers it reads."""
        return tuple(text + self._why(part, {}) for part, text in self._unmet(self._task.goal, {}))

    def _unmet(self, conditions: tuple[Condition, ...], binding: Mapping[str, str]) -> list[tuple[Condition, str]]:
        return [(part, show(part, binding)) for part in conditions if not holds(part, self.world, binding)]

    def _why(self, part: Condition, binding: Mapping[str, str]) -> str:
        """For whom a condition fails, or the numbers that it reads and what they are."""
        if isinstance(part, Quantified) and part.op == "forall":
            for own in instances(self.world, part.variables):
                if not holds(part.part, self.world, {**binding, **own}):
                    return f", which fails for {', '.join(f'{name} = {to}' for name, to in own.items())}"
        known = set(binding)
        read = dict.fromkeys(
            ground(fluent, binding)
            for fluent in fluents(part)
            if all(not argument.startswith("?") or argument in known for argument in fluent[1:])
        )
        values = [f"{show(fluent)} is {self._shown(fluent)}" for fluent in list(read)[:4]]
        return f", where {' and '.join(values)}" if values else ""

    def _shown(self, fluent: Atom) -> str:
        number = self.world.numbers.get(fluent)
        return "undefined" if number is None else show(number)

    def _apply(self, change: Change, binding: Mapping[str, str], outcome: _Outcome) -> None:
        if change.when is not None:
            true = holds(change.when, self.world, binding)
            if true is None:
                raise StepFault(f"the condition {show(change.when, binding)} of an effect is undefined")
            if not true:
                return
        target = ground(change.target, binding)
        if change.by is None:
            (outcome.adds if change.op == "add" else outcome.deletes).add(target)
            return
        by = value(change.by, self.world, binding)
        if by is None or (change.op == "scale-down" and not by):
            raise StepFault(f"the number {show(change.by, binding)} of its effect on {show(target)} is undefined")
        self._update(change.op, target, by, outcome.numbers)

    def _update(self, op: str, target: Atom, by: Fraction, numbers: dict[Atom, _Update]) -> None:
        kind = "assign" if op == "assign" else "sum" if op in _ADDITIVE else "product"
        update = numbers.get(target)
        if update is not None and kind == "assign" == update.kind and update.value == by:
            raise UndecidedError(
                f"two effects assign {show(target)} the same value, which validators judge differently"
            )
        if update is not None and (update.kind != kind or kind == "assign"):
            raise StepFault(f"two of its effects on {show(target)} conflict")
        if op == "assign":
            numbers[target] = _Update(kind, by)
            return
        before = update.value if update else self.world.numbers.get(target)
        if before is None:
            raise StepFault(f"{show(target)}, which it is to {op}, is undefined")
        numbers[target] = _Update(kind, bounded(before, {**_ADDITIVE, **_SCALING}[op], by))
