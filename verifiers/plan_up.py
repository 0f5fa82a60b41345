"""A second opinion on a plan: unified-planning's sequential simulator, which shares no code with ours.

A task with conditional or quantified parts or numbers is handed over as a model, not as text: the reader of
unified-planning 1.3 knows neither `scale-up` nor `either`, fixes the order of a domain's sections, and drops the outer
of two nested conditions. Names are replaced, types become static predicates, and each action gets an effect more,
because the simulator takes an action without effects for an impossible one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

from modulo.verifiers.pddl import parsed_task
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
    World,
    show,
)
from modulo.verifiers.plan_read import TOTAL_COST
from modulo.verifiers.plan_task import Change, PlanTask, Schema

__all__ = ["disagreement"]

FNode: TypeAlias = Any
"""An expression of unified-planning."""

_ANY = frozenset([OBJECT])
_UNDEFINED = 1  # what a number without a value is over there: whatever counts on it has faulted before


def disagreement(domain: str, problem: str, plan: Sequence[Atom], final: World) -> str | None:
    """Why unified-planning does not confirm that `plan` is one and ends in `final`, or `None` if it does."""
    try:
        return _model(domain, problem).disagreement(plan, final)
    except Exception as error:  # noqa: BLE001 - whatever it raises, it has not confirmed the plan
        return f"unified-planning could not confirm it: {type(error).__name__}: {str(error)[:200]}"


@lru_cache(maxsize=32)
def _model(domain: str, problem: str) -> _Model:
    return _Model(parsed_task(domain, problem))


class _Model:
    """A task as a problem of unified-planning."""

    def __init__(self, task: PlanTask) -> None:
        from modulo.verifiers import plan_library as library  # heavy

        self._up = library.model
        self._impossible = library.errors.UPInvalidActionError
        self._conflict = library.errors.UPConflictingEffectsException
        environment = library.global_environment()
        self._em, types = environment.expression_manager, environment.type_manager
        self._thing, self._bool = types.UserType("thing"), types.BoolType()
        self._problem, self._environment = self._up.Problem("task", environment), environment
        self._objects = {
            name: self._up.Object(f"o{i}", self._thing, environment) for i, name in enumerate(task.objects)
        }
        self._problem.add_objects(self._objects.values())
        self._task, self._guards, self._variables = task, dict[frozenset[str], Any](), 0
        self._predicates = {
            name: self._fluent(f"p{i}", self._bool, arity, False)
            for i, (name, arity) in enumerate(task.predicates.items())
        }
        numbers = {TOTAL_COST[0]: 0, **task.functions}
        self._functions = {
            name: self._fluent(f"n{i}", types.RealType(), arity, 0 if (name,) == TOTAL_COST else _UNDEFINED)
            for i, (name, arity) in enumerate(numbers.items())
        }
        self._taken = self._fluent("taken", self._bool, 0, False)
        for atom in task.init:
            self._problem.set_initial_value(self._atom(atom, {}), True)
        for fluent, number in task.numbers.items():
            self._problem.set_initial_value(self._number(fluent, {}), number)
        self._actions = {name: self._action(f"a{i}", schema) for i, (name, schema) in enumerate(task.actions.items())}
        for goal in task.goal:
            self._problem.add_goal(self._condition(goal, {}))
        self._simulator = library.SIMULATOR(self._problem)

    def disagreement(self, plan: Sequence[Atom], final: World) -> str | None:
        state = self._simulator.get_initial_state()
        for number, (name, *arguments) in enumerate(plan, 1):
            objects = [self._em.ObjectExp(self._objects[argument]) for argument in arguments]
            action = self._actions[name]
            try:
                after = None if action is None else self._simulator.apply(state, action, objects)
            except self._impossible:
                after = None
            if after is None:
                return f"unified-planning refuses step {number}"
            state = after
        if not self._simulator.is_goal(state):
            return "unified-planning finds the goal not reached"
        for atom in final.atoms | self._task.init:
            if state.get_value(self._atom(atom, {})).bool_constant_value() is not (atom in final.atoms):
                return f"unified-planning disagrees on {show(atom)} at the end"
        for fluent, result in final.numbers.items():
            if state.get_value(self._number(fluent, {})).constant_value() != result:
                return f"unified-planning disagrees on {show(fluent)} at the end"
        return None

    def _fluent(self, name: str, kind: Any, arity: int, default: bool | int) -> Any:
        parameters = {f"x{i}": self._thing for i in range(arity)}
        fluent = self._up.Fluent(name, kind, environment=self._environment, **parameters)
        return self._problem.add_fluent(fluent, default_initial_value=default)

    def _action(self, name: str, schema: Schema) -> Any:
        """The action, or `None` if unified-planning finds that its effects conflict, whatever its arguments are."""
        parameters = {f"x{i}": self._thing for i in range(len(schema.parameters))}
        action = self._up.InstantaneousAction(name, _env=self._environment, **parameters)
        scope = {
            variable: self._em.ParameterExp(action.parameter(f"x{i}")) for i, variable in enumerate(schema.parameters)
        }
        for part in schema.precondition:
            action.add_precondition(self._condition(part, scope))
        action.add_effect(self._taken, True)
        try:
            for change in schema.changes:
                self._effect(action, change, scope)
        except self._conflict:
            return None
        self._problem.add_action(action)
        return action

    def _effect(self, action: Any, change: Change, scope: Mapping[str, FNode]) -> None:
        own, variables, guards = self._bound(change.variables)
        inner = {**scope, **own}
        when = [*guards, *([self._condition(change.when, inner)] if change.when is not None else [])]
        condition = self._em.And(when) if when else True
        if change.by is None:
            action.add_effect(self._atom(change.target, inner), change.op == "add", condition, forall=variables)
            return
        target, by = self._number(change.target, inner), self._number(change.by, inner)
        if change.op == "increase":
            action.add_increase_effect(target, by, condition, forall=variables)
        elif change.op == "decrease":
            action.add_decrease_effect(target, by, condition, forall=variables)
        else:
            scaled = {"assign": by, "scale-up": self._em.Times(target, by), "scale-down": self._em.Div(target, by)}
            action.add_effect(target, scaled[change.op], condition, forall=variables)

    def _bound(self, variables: Mapping[str, frozenset[str]]) -> tuple[dict[str, FNode], list[Any], list[FNode]]:
        """New variables for those of a quantifier, and the conditions that they have their types."""
        scope, made, guards = {}, [], []
        for name, types in variables.items():
            self._variables += 1
            variable = self._up.Variable(f"v{self._variables}", self._thing, self._environment)
            scope[name] = self._em.VariableExp(variable)
            made.append(variable)
            if not types >= _ANY:
                guards.append(self._em.FluentExp(self._guard(types), (scope[name],)))
        return scope, made, guards

    def _guard(self, types: frozenset[str]) -> Any:
        """The static predicate of having one of these types."""
        if types not in self._guards:
            fluent = self._guards[types] = self._fluent(f"t{len(self._guards)}", self._bool, 1, False)
            for name, own in self._task.objects.items():
                if own & types:
                    self._problem.set_initial_value(self._em.FluentExp(fluent, (self._objects[name],)), True)
        return self._guards[types]

    def _arguments(self, atom: Atom, scope: Mapping[str, FNode]) -> tuple[FNode, ...]:
        return tuple(scope[a] if a in scope else self._em.ObjectExp(self._objects[a]) for a in atom[1:])

    def _atom(self, atom: Atom, scope: Mapping[str, FNode]) -> FNode:
        arguments = self._arguments(atom, scope)
        if atom[0] == "=":
            return self._em.Equals(*arguments)
        return self._em.FluentExp(self._predicates[atom[0]], arguments)

    def _number(self, number: Number, scope: Mapping[str, FNode]) -> FNode:
        if isinstance(number, Fraction):
            return self._em.Real(number)
        if isinstance(number, tuple):
            return self._em.FluentExp(self._functions[number[0]], self._arguments(number, scope))
        assert isinstance(number, Arithmetic)
        build = {"+": self._em.Plus, "-": self._em.Minus, "*": self._em.Times, "/": self._em.Div}[number.op]
        return build(self._number(number.left, scope), self._number(number.right, scope))

    def _condition(self, part: Condition, scope: Mapping[str, FNode]) -> FNode:
        if isinstance(part, Literal):
            atom = self._atom(part.atom, scope)
            return atom if part.positive else self._em.Not(atom)
        if isinstance(part, Compare):
            build = {"<": self._em.LT, "<=": self._em.LE, "=": self._em.Equals, ">=": self._em.GE, ">": self._em.GT}
            return build[part.op](self._number(part.left, scope), self._number(part.right, scope))
        if isinstance(part, Quantified):
            own, variables, guards = self._bound(part.variables)
            inner = self._condition(part.part, {**scope, **own})
            if not variables:
                return inner
            if part.op == "exists":
                return self._em.Exists(self._em.And([*guards, inner]), *variables)
            return self._em.Forall(self._em.Implies(self._em.And(guards), inner) if guards else inner, *variables)
        assert isinstance(part, Formula)
        parts = [self._condition(inner, scope) for inner in part.parts]
        if part.op == "imply":
            return self._em.Implies(*parts)
        return self._em.Not(parts[0]) if part.op == "not" else {"and": self._em.And, "or": self._em.Or}[part.op](parts)
