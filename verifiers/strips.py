"""STRIPS: ground states, actions that change them, and what a plan does to one.

Semantics are those of PDDL 2.1 level 1, as the VAL validator implements them: closed world; an action's effects apply
together, deletes before adds, so an atom that is both deleted and added holds afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from modulo.verifiers.plan_logic import Atom, Condition, Literal, ground, show
from modulo.verifiers.plan_read import TOTAL_COST
from modulo.verifiers.plan_task import PlanTask, Schema, StepFault, bind

__all__ = ["Action", "StripsRun", "StripsTask", "compiled"]

_LENGTH: Atom = ("total-time",)


@dataclass(frozen=True, slots=True)
class Action:
    """An action whose precondition and effects are lists. `costs` are numbers, or cost functions to look up."""

    name: str
    parameters: Mapping[str, frozenset[str]]
    precondition: tuple[Literal, ...]
    adds: tuple[Atom, ...]
    deletes: tuple[Atom, ...]
    costs: tuple[Fraction | Atom, ...] = ()


@dataclass(frozen=True)
class StripsTask:
    """A task in which everything is a list of literals. `costs` are the values of cost functions."""

    actions: Mapping[str, Action]
    objects: Mapping[str, frozenset[str]]
    init: frozenset[Atom]
    goal: tuple[Literal, ...]
    costs: Mapping[Atom, Fraction] = field(default_factory=dict)
    has_costs: bool = False


def compiled(task: PlanTask) -> StripsTask | None:
    """The same task as STRIPS, or `None` if it needs more: disjunction, quantifiers, conditional effects, numbers."""
    goal = _literals(task.goal)
    actions = {name: _action(schema) for name, schema in task.actions.items()}
    known = {name: action for name, action in actions.items() if action is not None}
    costs_alone = task.metric is None or (
        task.metric.goal == "minimize" and task.metric.expression in (TOTAL_COST, _LENGTH)
    )
    if goal is None or len(known) < len(actions) or not costs_alone or task.numbers.get(TOTAL_COST):
        return None
    return StripsTask(
        actions=known,
        objects=task.objects,
        init=task.init,
        goal=goal,
        costs=task.numbers,
        has_costs=any(action.costs for action in known.values()),
    )


def _literals(conditions: tuple[Condition, ...]) -> tuple[Literal, ...] | None:
    literals = tuple(part for part in conditions if isinstance(part, Literal))
    return literals if len(literals) == len(conditions) else None


def _action(schema: Schema) -> Action | None:
    precondition = _literals(schema.precondition)
    if precondition is None:
        return None
    adds, deletes, costs = [], [], []
    for change in schema.changes:
        if change.when is not None or change.variables:
            return None
        if change.op == "add":
            adds.append(change.target)
        elif change.op == "delete":
            deletes.append(change.target)
        elif (change.op, change.target) == ("increase", TOTAL_COST) and isinstance(change.by, Fraction | tuple):
            if change.by == TOTAL_COST:
                return None
            costs.append(change.by)
        else:
            return None
    return Action(schema.name, schema.parameters, precondition, tuple(adds), tuple(deletes), tuple(costs))


class StripsRun:
    """A plan being carried out. `cost` is the sum of what its steps cost."""

    def __init__(self, task: StripsTask) -> None:
        self._task = task
        self._state = set(task.init)
        self.cost = Fraction(0)
        self.has_costs = task.has_costs

    def take(self, step: Atom) -> None:
        """Take one step.

        Raises:
            StepFault: the step cannot be taken; nothing is changed.
        """
        action, binding = bind(self._task.actions, self._task.objects, step)
        if missing := self._unmet(action.precondition, binding):
            raise StepFault("precondition not met: " + ", ".join(missing), missing)
        cost = Fraction(0)
        for term in action.costs:
            value = term if isinstance(term, Fraction) else self._task.costs.get(ground(term, binding))
            if value is None:
                raise StepFault(f"its cost {show(term, binding)} is not defined by the problem")
            cost += value
        self._state.difference_update([ground(atom, binding) for atom in action.deletes])
        self._state.update(ground(atom, binding) for atom in action.adds)
        self.cost += cost

    def unmet_goals(self) -> tuple[str, ...]:
        """The goals that do not hold now."""
        return self._unmet(self._task.goal, {})

    def explained_goals(self) -> tuple[str, ...]:
        """The same: a fact that does not hold needs no explanation."""
        return self.unmet_goals()

    def _unmet(self, condition: tuple[Literal, ...], binding: Mapping[str, str]) -> tuple[str, ...]:
        missing = []
        for literal in condition:
            atom = ground(literal.atom, binding)
            holds = atom[1] == atom[2] if atom[0] == "=" else atom in self._state
            if holds is not literal.positive:
                missing.append(show(Literal(atom, literal.positive)))
        return tuple(missing)
