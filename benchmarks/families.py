"""Families of generated problems, each solvable, with a known solution and an `smt` spec that decides every answer.

No statement gives an example of an answer: a small model copies it, and its samples are then all alike.
`problems(name, count, seed)` is deterministic: problem i of a seed is the same whatever `count` is.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue

from modulo.types import AnswerFormat, Problem, Spec

__all__ = ["FAMILIES", "Generated", "problems"]

COLOURS: list[JsonValue] = ["red", "green", "blue"]
HOURS = range(9, 17)
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True)
class Generated:
    """A problem, and one of its solutions as a JSON candidate."""

    problem: Problem
    solution: str


@dataclass(frozen=True)
class _Draft:
    statement: str
    variables: dict[str, JsonValue]
    constraints: dict[str, JsonValue]
    solution: dict[str, JsonValue]


def sum_and_difference(rng: random.Random) -> _Draft:
    """Two whole numbers with a given sum and difference; one solution."""
    x, y = rng.randint(1, 9), rng.randint(1, 9)
    total, difference = x + y, x - y
    return _Draft(
        f"Find whole numbers x and y such that x + y = {total} and x - y = {difference}.\n"
        "Reply as JSON with the keys x and y.",
        {"x": "int", "y": "int"},
        {"sum": f"x + y == {total}", "difference": f"x - y == {difference}"},
        {"x": x, "y": y},
    )


def free_hour(rng: random.Random) -> _Draft:
    """Two hours of a working day at which three people are all free; either will do."""
    free = rng.sample(HOURS, 2)
    people = ("Ann", "Ben", "Cem")
    busy: dict[str, list[int]] = {person: [] for person in people}
    for hour in HOURS:
        if hour not in free:
            for person in rng.sample(people, rng.choice((1, 1, 2))):
                busy[person].append(hour)
    calendars = " ".join(f"{who} is busy at {_listed(hours)}." for who, hours in busy.items() if hours)
    return _Draft(
        f"{calendars}\nFind an hour from {HOURS[0]} to {HOURS[-1]} at which none of them is busy.\n"
        "Reply as JSON with the key start and the hour as its value.",
        {"start": {"int": [HOURS[0], HOURS[-1]]}},
        {f"{who}_is_free": " and ".join(f"start != {h}" for h in hours) for who, hours in busy.items() if hours},
        {"start": free[0]},
    )


def three_colouring(rng: random.Random) -> _Draft:
    """Five regions with five borders, coloured with three colours; usually many solutions."""
    regions = sorted(rng.sample(LETTERS, 5))
    while True:
        colours = {region: rng.choice(COLOURS) for region in regions}
        apart = [f"{a}-{b}" for a, b in itertools.combinations(regions, 2) if colours[a] != colours[b]]
        if len(apart) >= 5:
            break
    borders = sorted(rng.sample(apart, 5))
    return _Draft(
        f"Colour the map regions {_listed(regions)}, each with red, green or blue, so that no two neighbours have the "
        f"same colour.\nThe neighbours are {_listed(borders)}.\nReply as JSON with the keys {_listed(regions)}.",
        dict.fromkeys(regions, COLOURS),
        {border: border.replace("-", " != ") for border in borders},
        dict(colours),
    )


FAMILIES: dict[str, Callable[[random.Random], _Draft]] = {
    "sum_and_difference": sum_and_difference,
    "free_hour": free_hour,
    "three_colouring": three_colouring,
}


def problems(name: str, count: int, seed: int) -> list[Generated]:
    """The first `count` problems of a family under a seed, no two alike.

    Raises:
        ValueError: the family is too small for so many.
    """
    rng = random.Random(f"{name} {seed}")
    found: dict[str, Generated] = {}
    for _ in range(20 * count):
        if len(found) == count:
            break
        draft = FAMILIES[name](rng)
        spec = Spec(name="smt", spec={"variables": draft.variables, "constraints": draft.constraints})
        problem = Problem(
            id=f"{name}-{seed}-{len(found)}", statement=draft.statement, answer=AnswerFormat.JSON, verifiers=(spec,)
        )
        found.setdefault(draft.statement, Generated(problem, json.dumps(draft.solution)))
    if len(found) < count:
        raise ValueError(f"{name}: cannot draw {count} different problems, only {len(found)}")
    return list(found.values())


def _listed(items: list[int] | list[str]) -> str:
    *most, last = map(str, items)
    return f"{', '.join(most)} and {last}" if most else last
