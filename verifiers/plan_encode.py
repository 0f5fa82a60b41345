"""A planning task written for Fast Downward, and its plans read back.

Everything is renamed, types become static predicates, and costs are scaled to integers, so that nothing hangs on how
the planner reads PDDL. An action whose cost is undefined for some objects cannot be taken with them, there as here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal as Choice
from typing import TypeAlias

from modulo.verifiers.pddl_parts import OBJECT
from modulo.verifiers.plan_logic import (
    Arithmetic,
    Atom,
    Compare,
    Condition,
    Formula,
    Literal,
    Number,
    Quantified,
    fluents,
    show,
)
from modulo.verifiers.plan_read import TOTAL_COST
from modulo.verifiers.plan_task import Change, Metric, PlanTask, Schema

__all__ = ["Encoded", "Objective", "UnsuitableError", "decode", "encode", "objective"]

Objective: TypeAlias = Choice["cost", "length"]

_MAX_COST = 1_000_000
_STEP = re.compile(r"\(a(\d+)((?: o\d+)*)\s*\)")


class UnsuitableError(Exception):
    """Optimality cannot be confirmed for this task; the message says why."""


@dataclass(frozen=True)
class Encoded:
    """PDDL texts, and the search that is optimal for them."""

    domain: str
    problem: str
    search: str


def objective(task: PlanTask, asked: str | bool) -> Objective:
    """What a plan has to be best in: for `True` the cost if the problem's metric says so, else the number of steps.

    Raises:
        UnsuitableError: the metric asks for something else.
    """
    if asked == "length":
        return "length"
    metric = task.metric
    if metric is not None and metric.expression != ("total-time",):
        if metric != Metric("minimize", TOTAL_COST):
            raise UnsuitableError("the metric is not (minimize (total-cost)); write `optimal: length`, or leave it out")
        if asked == "cost" or any(_is_cost(c) for action in task.actions.values() for c in action.changes):
            return "cost"
    return "cost" if asked == "cost" else "length"


def encode(task: PlanTask, goal: Objective) -> Encoded:
    """The task for Fast Downward.

    Raises:
        UnsuitableError: it has numbers other than plain action costs, or costs that are negative or too fine.
    """
    writer = _Writer(task)
    if goal == "cost":
        writer.price()
    return writer.encoded()


def decode(task: PlanTask, plan: str) -> list[Atom]:
    """The steps of a plan that Fast Downward wrote.

    Raises:
        ValueError: it is not one.
    """
    actions, objects, steps = list(task.actions), list(task.objects), []
    for line in plan.splitlines():
        if line.startswith(";"):
            continue
        match = _STEP.fullmatch(line.strip())
        try:
            assert match is not None
            steps.append((actions[int(match[1])], *(objects[int(o[1:])] for o in match[2].split())))
        except (AssertionError, IndexError):
            raise ValueError(f"not a step: {line[:80]!r}") from None
    return steps


def _divides(number: Number) -> bool:
    return isinstance(number, Arithmetic) and (number.op == "/" or _divides(number.left) or _divides(number.right))


def _is_cost(change: Change) -> bool:
    return change.op == "increase" and change.target == TOTAL_COST


def _variables(count: int) -> str:
    return " ".join(f"?x{i}" for i in range(count))


@dataclass
class _Writer:
    task: PlanTask
    guards: dict[frozenset[str], str] = field(default_factory=dict)
    prices: dict[str, tuple[Fraction, Atom | None]] = field(default_factory=dict)
    scale: int = 1

    def __post_init__(self) -> None:
        self.names = {name: f"o{i}" for i, name in enumerate(self.task.objects)}
        self.predicates = {name: f"p{i}" for i, name in enumerate(self.task.predicates)}
        self.defined = {name: f"d{i}" for i, name in enumerate(self.task.functions)}
        for action in self.task.actions.values():
            for change in action.changes:
                if change.by is not None and (not _is_cost(change) or change.when is not None or change.variables):
                    raise UnsuitableError(
                        f"action {action.name} changes {show(change.target)}; optimality can be confirmed only where "
                        "the one numeric effect is to increase (total-cost), without a condition"
                    )

                if change.by is not None and _divides(change.by):
                    raise UnsuitableError(f"the cost of action {action.name} is a quotient")

    def price(self) -> None:
        """Have actions cost what they cost."""
        for action in self.task.actions.values():
            terms = [change.by for change in action.changes if change.by is not None]
            looked_up = [term for term in terms if isinstance(term, tuple)]
            constants = [term for term in terms if isinstance(term, Fraction)]
            if len(looked_up) > 1 or len(looked_up) + len(constants) < len(terms) or TOTAL_COST in looked_up:
                raise UnsuitableError(f"the cost of action {action.name} is not a number or one (function …)")
            self.prices[action.name] = (sum(constants, Fraction(0)), looked_up[0] if looked_up else None)
        amounts = [amount for name in self.prices for amount in self._amounts(name)]
        if not any(amounts):
            raise UnsuitableError("no action has a cost; write `optimal: length`")
        self.scale = math.lcm(*(amount.denominator for amount in amounts))
        if min(amounts) < 0 or max(amounts) * self.scale > _MAX_COST:
            raise UnsuitableError("costs are negative, or need more than six digits")

    def _amounts(self, action: str) -> list[Fraction]:
        constant, function = self.prices[action]
        return [constant] if function is None else [constant + n for f, n in self._values(function)]

    def _values(self, function: Atom) -> list[tuple[Atom, Fraction]]:
        return [(f, n) for f, n in self.task.numbers.items() if f[0] == function[0]]

    def encoded(self) -> Encoded:
        actions = [self._action(i, action) for i, action in enumerate(self.task.actions.values())]
        goal = self._and(self._condition(part, self.names) for part in self.task.goal)
        init = [f"({' '.join([self.predicates[a[0]], *(self.names[o] for o in a[1:])])})" for a in self.task.init]
        predicates = [f"({self.predicates[name]} {_variables(arity)})" for name, arity in self.task.predicates.items()]
        for types, guard in self.guards.items():
            predicates.append(f"({guard} ?x)")
            init += [f"({guard} {self.names[name]})" for name, own in self.task.objects.items() if own & types]
        functions = ["(total-cost) - number"] if self.prices else []
        init += ["(= (total-cost) 0)"] if self.prices else []
        for i, (constant, function) in enumerate(self.prices.values()):
            if function is not None:
                functions.append(f"(f{i} {_variables(len(function) - 1)}) - number")
                for term, number in self._values(function):
                    arguments = " ".join(self.names[o] for o in term[1:])
                    init.append(f"(= (f{i} {arguments}) {int((number + constant) * self.scale)})")
        for name, predicate in self.defined.items():
            predicates.append(f"({predicate} {_variables(self.task.functions[name])})")
            init += [f"({' '.join([predicate, *(self.names[o] for o in f[1:])])})" for f, _ in self._values((name,))]
        priced = f"(:functions {' '.join(functions)})" if functions else ""
        metric = "(:metric minimize (total-cost))" if self.prices else ""
        return Encoded(
            domain=f"(define (domain d) (:requirements :adl :action-costs)"
            f" (:constants {' '.join(self.names.values())}) (:predicates {' '.join(predicates)})"
            f" {priced} {' '.join(actions)})",
            problem=f"(define (problem p) (:domain d) (:init {' '.join(init)}) (:goal {goal}) {metric})",
            search="astar(lmcut())" if self._plain() else "astar(blind())",
        )

    def _plain(self) -> bool:
        """Whether it is STRIPS, which the better heuristic is limited to."""
        conditions = [*self.task.goal, *(part for a in self.task.actions.values() for part in a.precondition)]
        changes = [change for a in self.task.actions.values() for change in a.changes]
        return all(isinstance(part, Literal) for part in conditions) and all(
            change.when is None and not change.variables for change in changes
        )

    def _action(self, number: int, action: Schema) -> str:
        scope = {**self.names, **{name: f"?x{i}" for i, name in enumerate(action.parameters)}}
        needs = list(self._typed(action.parameters, scope))
        needs += [self._condition(part, scope) for part in action.precondition]
        effects = [self._effect(change, scope) for change in action.changes if change.by is None]
        for fluent in (f for change in action.changes if change.by is not None for f in fluents(change.by)):
            if fluent != TOTAL_COST:
                needs.append(f"({' '.join([self.defined[fluent[0]], *(scope[a] for a in fluent[1:])])})")
        if action.name in self.prices:
            constant, function = self.prices[action.name]
            amount = str(int(constant * self.scale))
            if function is not None:
                arguments = " ".join(scope[a] for a in function[1:])
                amount = f"(f{number} {arguments})"
            effects.append(f"(increase (total-cost) {amount})")
        variables = " ".join(scope[name] for name in action.parameters)
        return (
            f"(:action a{number} :parameters ({variables}) :precondition {self._and(needs)}"
            f" :effect {self._and(effects)})"
        )

    def _effect(self, change: Change, scope: Mapping[str, str]) -> str:
        scope = {**scope, **{name: f"?y{i}" for i, name in enumerate(change.variables)}}
        atom = self._atom(change.target, scope)
        text = atom if change.op == "add" else f"(not {atom})"
        needs = list(self._typed(change.variables, scope))
        needs += [self._condition(change.when, scope)] if change.when is not None else []
        text = f"(when {self._and(needs)} {text})" if needs else text
        names = " ".join(scope[name] for name in change.variables)
        return f"(forall ({names}) {text})" if change.variables else text

    def _typed(self, variables: Mapping[str, frozenset[str]], scope: Mapping[str, str]) -> Iterator[str]:
        for name, types in variables.items():
            if OBJECT not in types:
                yield f"({self.guards.setdefault(types, f't{len(self.guards)}')} {scope[name]})"

    def _atom(self, atom: Atom, scope: Mapping[str, str]) -> str:
        name = "=" if atom[0] == "=" else self.predicates[atom[0]]
        return f"({' '.join([name, *(scope[a] for a in atom[1:])])})"

    def _condition(self, part: Condition, scope: Mapping[str, str]) -> str:
        if isinstance(part, Literal):
            atom = self._atom(part.atom, scope)
            return atom if part.positive else f"(not {atom})"
        if isinstance(part, Compare):
            raise UnsuitableError(f"{show(part)} compares numbers; optimality can be confirmed only without")
        if isinstance(part, Quantified):
            inner = {**scope, **{name: f"?z{len(scope)}x{i}" for i, name in enumerate(part.variables)}}
            guards, text = list(self._typed(part.variables, inner)), self._condition(part.part, inner)
            if not part.variables:
                return text
            if guards:
                text = self._and([*guards, text]) if part.op == "exists" else f"(imply {self._and(guards)} {text})"
            return f"({part.op} ({' '.join(inner[name] for name in part.variables)}) {text})"
        assert isinstance(part, Formula)
        return f"({' '.join([part.op, *(self._condition(inner, scope) for inner in part.parts)])})"

    def _and(self, parts: Iterator[str] | list[str]) -> str:
        return f"({' '.join(['and', *parts])})"
