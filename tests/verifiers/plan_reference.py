"""Random planning tasks, and a plain interpreter for them that shares nothing with the product's.

Conditions, numbers and effects are nested tuples, spelled as PDDL has them: `("forall", "?v", "t", ("p", "?v"))`.
A state is a dict from ground tuples to `True`, `False` or a fraction.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

OBJECTS = {"a": "t", "b": "t", "c": "u"}
TYPES = {"t": ["a", "b"], "u": ["c"], "object": ["a", "b", "c"]}
ARITY = {"p": 1, "q": 2, "r": 0}
NUMERIC = {"n": 1, "m": 0}


class SkipTask(Exception):  # noqa: N818
    """The task leaves its meaning open: a division by zero, or two changes of one number."""


class Maker:
    """Random parts of tasks. `rich`: with disjunction, quantifiers, conditional effects and numbers."""

    def __init__(self, seed: int, *, rich: bool) -> None:
        self.random, self.rich = random.Random(seed), rich

    def atom(self, variables: tuple[str, ...], names: dict[str, int] = ARITY) -> Any:
        name = self.random.choice(sorted(names))
        return (name, *(self.random.choice([*variables, *variables, *OBJECTS]) for _ in range(names[name])))

    def number(self, variables: tuple[str, ...], depth: int = 1) -> Any:
        if depth and self.random.random() < 0.3:
            return (self.random.choice("+-*/"), self.number(variables, 0), self.number(variables, 0))
        return (
            self.random.choice(["0", "1", "2.5", "-3"]) if self.random.random() < 0.4 else self.atom(variables, NUMERIC)
        )

    def condition(self, variables: tuple[str, ...], depth: int = 2) -> Any:
        kind = self.random.random()
        if not self.rich or not depth or kind < 0.4:
            atom = self.atom(variables)
            if kind < 0.05:
                atom = ("=", *(self.random.choice([*variables, *OBJECTS]) for _ in "xy"))
            return atom if self.random.random() < 0.6 else ("not", atom)
        if kind < 0.55:
            compared = self.number(variables), self.number(variables)
            return (self.random.choice(["<", "<=", "=", ">=", ">"]), *compared)
        if kind < 0.75:
            parts = self.condition(variables, depth - 1), self.condition(variables, depth - 1)
            return (self.random.choice(["and", "or", "imply"]), *parts)
        if kind < 0.85:
            return ("not", self.condition(variables, depth - 1))
        name = f"?v{depth}"
        inner = self.condition((*variables, name, name), depth - 1)
        return (self.random.choice(["forall", "exists"]), name, self.random.choice(sorted(TYPES)), inner)

    def effect(self, variables: tuple[str, ...], depth: int = 2) -> Any:
        kind = self.random.random()
        if not self.rich or not depth or kind < 0.5:
            atom = self.atom(variables)
            return atom if self.random.random() < 0.6 else ("not", atom)
        if kind < 0.7:
            op = self.random.choice(["assign", "increase", "decrease", "scale-up", "scale-down"])
            return (op, self.atom(variables, NUMERIC), self.number(variables))
        if kind < 0.85 or depth < 2:
            return ("when", self.condition(variables, 1), self.effect(variables, 0))
        return ("forall", "?e", self.random.choice(sorted(TYPES)), self.effect((*variables, "?e", "?e"), 1))

    def task(self) -> Task:
        actions = {}
        for name in ("go", "do"):
            parameters = ("?x", "?y")[: self.random.randint(0, 2)]
            needs = [self.condition(parameters) for _ in range(self.random.randint(0, 2))]
            does = [self.effect(parameters) for _ in range(self.random.randint(0, 4))]
            actions[name] = (parameters, needs, does)
        values: dict[Any, int] = {
            ("m",): self.random.randint(-2, 3),
            **{("n", o): self.random.randint(-2, 3) for o in OBJECTS},
        }
        init = sorted({self.atom(()) for _ in range(self.random.randint(0, 6))})
        goal = [self.condition(()) for _ in range(self.random.randint(0, 2))]
        numbers = {fluent: Fraction(number) for fluent, number in values.items()} if self.rich else {}
        task = Task(actions, init, numbers, goal, [])
        for _ in range(self.random.randint(0, 4)):
            self.extend(task)
        return task

    def extend(self, task: Task) -> None:
        """One step more, for choice one that can be taken."""
        for _ in range(4):
            name = self.random.choice(sorted(task.actions))
            objects = (self.random.choice(sorted(OBJECTS)) for _ in task.actions[name][0])
            task.plan.append((name, *objects))
            if run(task)[0] is None:
                return
            task.plan.pop()
        task.plan.append((name, *(self.random.choice(sorted(OBJECTS)) for _ in task.actions[name][0])))


@dataclass
class Task:
    actions: dict[str, tuple[tuple[str, ...], list[Any], list[Any]]]
    init: list[Any]
    values: dict[Any, Fraction]
    goal: list[Any]
    plan: list[tuple[str, ...]]

    def domain(self) -> str:
        body = " ".join(
            f"(:action {name} :parameters ({' '.join(parameters)}) :precondition {pddl(('and', *needs))}"
            f" :effect {pddl(('and', *does))})"
            for name, (parameters, needs, does) in self.actions.items()
        )
        return (
            "(define (domain d) (:requirements :adl :numeric-fluents) (:types t u) (:constants a b - t c - u)"
            f" (:predicates (p ?x) (q ?x ?y) (r)) (:functions (n ?x) (m)) {body})"
        )

    def problem(self) -> str:
        init = [*self.init, *(("=", fluent, str(number)) for fluent, number in self.values.items())]
        return (
            f"(define (problem x) (:domain d) (:init {' '.join(map(pddl, init))}) (:goal {pddl(('and', *self.goal))}))"
        )

    def text(self) -> str:
        return "\n".join(map(pddl, self.plan))


def pddl(tree: Any) -> str:
    if isinstance(tree, str):
        return tree
    if tree[0] in ("forall", "exists"):
        kind = "" if tree[2] == "object" else f" - {tree[2]}"
        return f"({tree[0]} ({tree[1]}{kind}) {pddl(tree[3])})"
    return f"({' '.join(map(pddl, tree))})"


State = dict[Any, Any]


def put(tree: Any, binding: dict[str, str]) -> Any:
    return binding.get(tree, tree) if isinstance(tree, str) else tuple(put(part, binding) for part in tree)


def number(tree: Any, state: State) -> Fraction:
    if isinstance(tree, str):
        return Fraction(tree)
    if tree[0] in NUMERIC:
        return state[tree]  # type: ignore[no-any-return]
    left, right = number(tree[1], state), number(tree[2], state)
    if tree[0] == "/" and not right:
        raise SkipTask
    return {"+": left + right, "-": left - right, "*": left * right, "/": left / (right or 1)}[tree[0]]


def true(tree: Any, state: State) -> bool:
    head, *rest = tree
    if head in ("forall", "exists"):
        each = [true(put(rest[2], {rest[0]: o}), state) for o in TYPES[rest[1]]]
        return all(each) if head == "forall" else any(each)
    if head in ("and", "or", "not", "imply"):
        parts = [true(part, state) for part in rest]
        return {"and": all(parts), "or": any(parts), "not": not parts[0], "imply": not parts[0] or parts[-1]}[head]
    if head == "=" and all(isinstance(part, str) and part in OBJECTS for part in rest):
        return bool(rest[0] == rest[1])
    if head in ("<", "<=", "=", ">=", ">"):
        left, right = (number(part, state) for part in rest)
        return {"<": left < right, "<=": left <= right, "=": left == right, ">=": left >= right, ">": left > right}[
            head
        ]
    return bool(state.get(tree))


def conjuncts(trees: list[Any]) -> list[Any]:
    return [part for tree in trees for part in (conjuncts(list(tree[1:])) if tree[0] == "and" else [tree])]


def change(tree: Any, before: State, after: State, touched: set[Any]) -> None:
    head, *rest = tree
    if head == "forall":
        for o in TYPES[rest[1]]:
            change(put(rest[2], {rest[0]: o}), before, after, touched)
    elif head == "when":
        if true(rest[0], before):
            change(rest[1], before, after, touched)
    elif head == "not":
        after.setdefault(("-", rest[0]), True)
    elif head in ARITY:
        after.setdefault(("+", tree), True)
    else:
        by = number(rest[1], before)
        if rest[0] in touched or (head == "scale-down" and not by):
            raise SkipTask
        touched.add(rest[0])
        old = before[rest[0]]
        after[rest[0]] = {
            "assign": by,
            "increase": old + by,
            "decrease": old - by,
            "scale-up": old * by,
            "scale-down": old / (by or 1),
        }[head]


def run(task: Task) -> tuple[int | None, list[Any], State]:
    """Number of the first step that cannot be taken, its unmet preconditions or else the unmet goals, and the state."""
    state: State = {**dict.fromkeys(task.init, True), **task.values}
    for count, (name, *arguments) in enumerate(task.plan, 1):
        parameters, needs, does = task.actions[name]
        binding = dict(zip(parameters, arguments, strict=True))
        if unmet := [put(part, binding) for part in conjuncts(needs) if not true(put(part, binding), state)]:
            return count, unmet, state
        after: State = {}
        touched: set[Any] = set()
        for effect in does:
            change(put(effect, binding), state, after, touched)
        state = {**state, **{key: to for key, to in after.items() if key[0] not in ("+", "-")}}
        state |= {key[1]: False for key in after if key[0] == "-"}
        state |= {key[1]: True for key in after if key[0] == "+"}
    return None, [part for part in conjuncts(task.goal) if not true(part, state)], state
