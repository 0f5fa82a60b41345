"""Conditions and numbers of PDDL as trees, and what they are worth in a state.

Exact: numbers are fractions. A number may be undefined (a fluent without a value, a division by zero); a condition is
then true or false only if it is so whatever that number were, and otherwise undefined (Kleene's logic).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

__all__ = [
    "Arithmetic",
    "Atom",
    "Compare",
    "Condition",
    "Formula",
    "Literal",
    "Number",
    "Quantified",
    "UndecidedError",
    "World",
    "bounded",
    "conjuncts",
    "decimal",
    "fluents",
    "ground",
    "holds",
    "instances",
    "show",
    "value",
]

_MAX_BITS = 10_000
_NOTHING: Mapping[str, str] = {}

Atom: TypeAlias = tuple[str, ...]
"""A predicate's or function's name, then its arguments: objects, or `?variables` inside an action."""


class UndecidedError(Exception):
    """What cannot be judged: a number with more digits than is reasonable, or effects of disputed meaning."""


@dataclass(frozen=True, slots=True)
class Literal:
    """An atom that must hold, or must not. The predicate `=` compares its two arguments."""

    atom: Atom
    positive: bool = True


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+`, `-`, `*` or `/` of two numbers."""

    op: str
    left: Number
    right: Number


Number: TypeAlias = Fraction | Atom | Arithmetic
"""A constant, a fluent (a function's name and arguments), or arithmetic."""


@dataclass(frozen=True, slots=True)
class Formula:
    """`and`, `or`, `not` or `imply` of conditions."""

    op: str
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Quantified:
    """`forall` or `exists`. `variables` maps each variable to the types one of which an object must have."""

    op: str
    variables: Mapping[str, frozenset[str]]
    part: Condition


@dataclass(frozen=True, slots=True)
class Compare:
    """`<`, `<=`, `=`, `>=` or `>` of two numbers."""

    op: str
    left: Number
    right: Number


Condition: TypeAlias = Literal | Formula | Quantified | Compare


@dataclass
class World:
    """A state, and the objects of the problem with all their types."""

    atoms: set[Atom]
    numbers: dict[Atom, Fraction]
    objects: Mapping[str, frozenset[str]]
    _of: dict[frozenset[str], list[str]] = field(default_factory=dict)

    def choices(self, types: frozenset[str]) -> list[str]:
        """The objects that have one of these types."""
        if types not in self._of:
            self._of[types] = [name for name, own in self.objects.items() if own & types]
        return self._of[types]


def ground(atom: Atom, binding: Mapping[str, str]) -> Atom:
    """The atom with its variables replaced."""
    return (atom[0], *(binding.get(argument, argument) for argument in atom[1:]))


def instances(world: World, variables: Mapping[str, frozenset[str]]) -> Iterator[dict[str, str]]:
    """Every way to put objects for typed variables."""
    for objects in itertools.product(*map(world.choices, variables.values())):
        yield dict(zip(variables, objects, strict=True))


def value(number: Number, world: World, binding: Mapping[str, str]) -> Fraction | None:
    """What a number is, or `None` where it is undefined.

    Raises:
        UndecidedError: it has more digits than is reasonable.
    """
    if isinstance(number, Fraction):
        return number
    if isinstance(number, tuple):
        return world.numbers.get(ground(number, binding))
    left, right = value(number.left, world, binding), value(number.right, world, binding)
    if left is None or right is None or (number.op == "/" and not right):
        return None
    return bounded(left, number.op, right)


def bounded(left: Fraction, op: str, right: Fraction) -> Fraction:
    """`left op right`.

    Raises:
        UndecidedError: it has more digits than is reasonable.
    """
    result = {"+": left.__add__, "-": left.__sub__, "*": left.__mul__, "/": left.__truediv__}[op](right)
    if result.numerator.bit_length() + result.denominator.bit_length() > _MAX_BITS:
        raise UndecidedError(f"a number of more than {_MAX_BITS:,} bits")
    return result


def holds(condition: Condition, world: World, binding: Mapping[str, str]) -> bool | None:
    """Whether a condition holds, or `None` where that hangs on a number that is undefined.

    Raises:
        UndecidedError: a number has more digits than is reasonable.
    """
    if isinstance(condition, Literal):
        atom = ground(condition.atom, binding)
        true = atom[1] == atom[2] if atom[0] == "=" else atom in world.atoms
        return true is condition.positive
    if isinstance(condition, Compare):
        left, right = value(condition.left, world, binding), value(condition.right, world, binding)
        if left is None or right is None:
            return None
        order = (left > right) - (left < right)
        return order in {"<": (-1,), "<=": (-1, 0), "=": (0,), ">=": (0, 1), ">": (1,)}[condition.op]
    if isinstance(condition, Quantified):
        each = (holds(condition.part, world, {**binding, **own}) for own in instances(world, condition.variables))
        return _all(each) if condition.op == "forall" else _not(_all(map(_not, each)))
    if condition.op == "not":
        return _not(holds(condition.parts[0], world, binding))
    parts = (holds(part, world, binding) for part in condition.parts)
    if condition.op == "and":
        return _all(parts)
    if condition.op == "or":
        return _not(_all(map(_not, parts)))
    premise, conclusion = parts
    return _not(_all([premise, _not(conclusion)]))


def _not(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


def _all(truths: Iterator[bool | None] | list[bool | None]) -> bool | None:
    result: bool | None = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def conjuncts(condition: Condition) -> tuple[Condition, ...]:
    """The conditions that a conjunction consists of, at any depth."""
    if isinstance(condition, Formula) and condition.op == "and":
        return tuple(itertools.chain.from_iterable(map(conjuncts, condition.parts)))
    return (condition,)


def fluents(part: Condition | Number) -> Iterator[Atom]:
    """Every fluent that a condition or a number reads."""
    if isinstance(part, Arithmetic | Compare):
        yield from fluents(part.left)
        yield from fluents(part.right)
    elif isinstance(part, tuple):
        yield part
    elif isinstance(part, Quantified):
        yield from fluents(part.part)
    elif isinstance(part, Formula):
        for inner in part.parts:
            yield from fluents(inner)


def show(part: Condition | Number, binding: Mapping[str, str] = _NOTHING) -> str:
    """PDDL text with the variables of `binding` replaced, those that a quantifier binds anew aside."""
    if isinstance(part, Quantified):
        inner = {name: to for name, to in binding.items() if name not in part.variables}
        return f"({part.op} ({_typed(part.variables)}) {show(part.part, inner)})"
    if isinstance(part, Formula):
        return f"({' '.join([part.op, *(show(p, binding) for p in part.parts)])})"
    if isinstance(part, Compare | Arithmetic):
        return f"({part.op} {show(part.left, binding)} {show(part.right, binding)})"
    if isinstance(part, Literal):
        inner_text = show(part.atom, binding)
        return inner_text if part.positive else f"(not {inner_text})"
    return decimal(part) if isinstance(part, Fraction) else f"({' '.join(ground(part, binding))})"


def _typed(variables: Mapping[str, frozenset[str]]) -> str:
    if all(types == {"object"} for types in variables.values()):
        return " ".join(variables)
    shown = []
    for name, types in variables.items():
        either = f"(either {' '.join(sorted(types))})"
        shown.append(f"{name} - {next(iter(types)) if len(types) == 1 else either}")
    return " ".join(shown)


def decimal(number: Fraction) -> str:
    """A decimal where it is short and exact, else `p/q`."""
    if number.denominator == 1:
        return str(number)
    for digits in range(1, 13):
        if not (number * 10**digits).denominator - 1:
            scaled = f"{abs(int(number * 10**digits)):0{digits + 1}d}"
            return ("-" if number < 0 else "") + f"{scaled[:-digits]}.{scaled[-digits:]}"
    return str(number)
