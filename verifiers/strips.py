"""STRIPS: ground states, actions that change them, and what a plan does to one.

Semantics are those of PDDL 2.1 level 1, as the VAL validator implements them: closed world; an action's effects apply
together, deletes before adds, so an atom that is both deleted and added holds afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

__all__ = ["Action", "Atom", "Literal", "StepFault", "Task", "Term", "ground", "show", "simulate", "unmet"]

Atom = tuple[str, ...]
"""A predicate's name, then its arguments: objects, or `?variables` inside an action."""

Term = Fraction | Atom
"""A cost: a number, or a cost function's name and arguments."""


@dataclass(frozen=True, slots=True)
class Literal:
    """An atom that must hold, or must not. The predicate `=` compares its two arguments."""

    atom: Atom
    positive: bool = True


@dataclass(frozen=True, slots=True)
class Action:
    """An action schema. `parameters` maps each variable to the types one of which its argument must have."""

    name: str
    parameters: Mapping[str, frozenset[str]]
    precondition: tuple[Literal, ...]
    adds: tuple[Atom, ...]
    deletes: tuple[Atom, ...]
    costs: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Task:
    """A domain and a problem, checked against each other (`verifiers/pddl.py` makes them).

    Attributes:
        objects: each object with its type and all types above it.
        costs: values of cost functions, by ground name and arguments.
        warnings: oddities that were accepted.
    """

    actions: Mapping[str, Action]
    objects: Mapping[str, frozenset[str]]
    init: frozenset[Atom]
    goal: tuple[Literal, ...]
    costs: Mapping[Atom, Fraction] = field(default_factory=dict)
    has_costs: bool = False
    warnings: tuple[str, ...] = ()


class StepFault(Exception):  # noqa: N818 (a fault of the plan, not of the program)
    """A step cannot be taken. `unmet` holds the preconditions that do not hold, if that is why."""

    def __init__(self, message: str, unmet: tuple[Literal, ...] = ()) -> None:
        self.unmet = unmet
        super().__init__(message)


def show(literal: Literal | Atom) -> str:
    """PDDL text of a literal or an atom."""
    if isinstance(literal, tuple):
        return "(" + " ".join(literal) + ")"
    return show(literal.atom) if literal.positive else f"(not {show(literal.atom)})"


def ground(atom: Atom, binding: Mapping[str, str]) -> Atom:
    """The atom with its variables replaced."""
    return (atom[0], *(binding.get(argument, argument) for argument in atom[1:]))


def unmet(
    condition: tuple[Literal, ...], state: frozenset[Atom] | set[Atom], binding: Mapping[str, str]
) -> tuple[Literal, ...]:
    """The ground literals of `condition` that do not hold in `state`."""
    missing = []
    for literal in condition:
        atom = ground(literal.atom, binding)
        holds = atom[1] == atom[2] if atom[0] == "=" else atom in state
        if holds is not literal.positive:
            missing.append(Literal(atom, literal.positive))
    return tuple(missing)


def bind(task: Task, step: Atom) -> tuple[Action, dict[str, str]]:
    """The action that a plan step names, and its arguments by variable.

    Raises:
        StepFault: unknown action or object, or arguments of the wrong number or type.
    """
    action = task.actions.get(step[0])
    if action is None:
        raise StepFault(f"there is no action {step[0]!r}; the actions are {', '.join(sorted(task.actions))}")
    names, arguments = tuple(action.parameters), step[1:]
    if len(names) != len(arguments):
        expected = " ".join((action.name, *names))
        raise StepFault(f"it has {len(arguments)} arguments where ({expected}) has {len(names)}")
    for position, (argument, (variable, types)) in enumerate(zip(arguments, action.parameters.items(), strict=True), 1):
        if argument not in task.objects:
            raise StepFault(f"argument {position}, {argument!r}, is not an object of the problem")
        if not types & task.objects[argument]:
            wanted = " or ".join(sorted(types))
            raise StepFault(f"argument {position}, {argument!r}, is not of type {wanted} ({variable})")
    return action, dict(zip(names, arguments, strict=True))


def simulate(task: Task, state: set[Atom], step: Atom) -> Fraction:
    """Take one step: change `state` in place and return the step's cost (0 where the domain has no costs).

    Raises:
        StepFault: the step cannot be taken; the state is unchanged.
    """
    action, binding = bind(task, step)
    if missing := unmet(action.precondition, state, binding):
        raise StepFault("precondition not met: " + ", ".join(map(show, missing)), missing)
    cost = Fraction(0)
    for term in action.costs:
        value = term if isinstance(term, Fraction) else task.costs.get(ground(term, binding))
        if value is None:
            assert not isinstance(term, Fraction)
            raise StepFault(f"its cost {show(ground(term, binding))} is not defined by the problem")
        cost += value
    state.difference_update([ground(atom, binding) for atom in action.deletes])
    state.update(ground(atom, binding) for atom in action.adds)
    return cost
