"""A planning task as it is declared, and the ways in which a plan's step can fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol, TypeVar

from modulo.verifiers.plan_logic import Atom, Condition, Number

__all__ = ["Change", "Metric", "PlanTask", "Schema", "StepFault", "bind"]


@dataclass(frozen=True, slots=True)
class Change:
    """One effect: `add`, `delete`, or `assign`, `increase`, `decrease`, `scale-up`, `scale-down` by a number.

    It comes about for each object that `variables` can stand for, where `when` holds before the action.
    """

    op: str
    target: Atom
    by: Number | None = None
    when: Condition | None = None
    variables: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Schema:
    """An action as it is declared: `precondition` is a conjunction."""

    name: str
    parameters: Mapping[str, frozenset[str]]
    precondition: tuple[Condition, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """What the problem asks to `minimize` or `maximize`."""

    goal: str
    expression: Number


@dataclass(frozen=True)
class PlanTask:
    """A domain and a problem, checked against each other (`verifiers/pddl.py` makes them).

    Attributes:
        objects: each object with its type and all types above it.
        functions: number of arguments of each declared function.
        predicates: the same for predicates.
        numbers: initial values of fluents, costs among them.
        goal: a conjunction.
        warnings: oddities that were accepted.
    """

    actions: Mapping[str, Schema]
    objects: Mapping[str, frozenset[str]]
    predicates: Mapping[str, int]
    functions: Mapping[str, int]
    init: frozenset[Atom]
    numbers: Mapping[Atom, Fraction]
    goal: tuple[Condition, ...]
    metric: Metric | None = None
    warnings: tuple[str, ...] = ()


class StepFault(Exception):  # noqa: N818 (a fault of the plan, not of the program)
    """A step cannot be taken. `unmet` holds the preconditions that do not hold, as PDDL text, if that is why."""

    def __init__(self, message: str, unmet: tuple[str, ...] = ()) -> None:
        self.unmet = unmet
        super().__init__(message)


class _Declared(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, frozenset[str]]: ...


A = TypeVar("A", bound=_Declared)


def bind(actions: Mapping[str, A], objects: Mapping[str, frozenset[str]], step: Atom) -> tuple[A, dict[str, str]]:
    """The action that a plan's step names, and its arguments by variable.

    Raises:
        StepFault: unknown action or object, or arguments of the wrong number or type.
    """
    action = actions.get(step[0])
    if action is None:
        raise StepFault(f"there is no action {step[0]!r}; the actions are {', '.join(sorted(actions))}")
    names, arguments = tuple(action.parameters), step[1:]
    if len(names) != len(arguments):
        expected = " ".join((action.name, *names))
        raise StepFault(f"it has {len(arguments)} arguments where ({expected}) has {len(names)}")
    for position, (argument, (variable, types)) in enumerate(zip(arguments, action.parameters.items(), strict=True), 1):
        if argument not in objects:
            raise StepFault(f"argument {position}, {argument!r}, is not an object of the problem")
        if not types & objects[argument]:
            wanted = " or ".join(sorted(types))
            raise StepFault(f"argument {position}, {argument!r}, is not of type {wanted} ({variable})")
    return action, dict(zip(names, arguments, strict=True))
