"""The generated problems: solvable, decided rightly by their verifier, and the same for the same seed."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from benchmarks.families import FAMILIES, problems

from modulo.api import averify
from modulo.types import Outcome, Problem


def numbers_of(problem: Problem) -> tuple[int, int]:
    found = re.search(r"x \+ y = (-?\d+) and x - y = (-?\d+)", problem.statement)
    assert found
    return int(found[1]), int(found[2])


def right(family: str, problem: Problem, answer: dict[str, Any]) -> bool:
    """What the statement says, read from its words and not from the spec."""
    if family == "sum_and_difference":
        total, difference = numbers_of(problem)
        return (int(answer["x"]) + int(answer["y"]), int(answer["x"]) - int(answer["y"])) == (total, difference)
    if family == "free_hour":
        calendars = problem.statement.split("\n")[0]
        return str(answer["start"]) not in re.findall(r"\d+", calendars)
    return all(answer[a] != answer[b] for a, b in re.findall(r"([A-Z])-([A-Z])", problem.statement))


def answers(family: str, problem: Problem) -> Iterator[dict[str, Any]]:
    """All answers of the right form, or those near the right one."""
    if family == "sum_and_difference":
        total, difference = numbers_of(problem)
        x, y = (total + difference) // 2, (total - difference) // 2
        yield from ({"x": x + i, "y": y + j} for i, j in itertools.product((-1, 0, 1), repeat=2))
        yield {"x": y, "y": x}
    elif family == "free_hour":
        yield from ({"start": hour} for hour in range(9, 17))
    else:
        regions = re.findall(r"\b[A-Z]\b", problem.statement.split(", each")[0])
        for colours in itertools.product(("red", "green", "blue"), repeat=5):
            yield dict(zip(regions, colours, strict=True))


@pytest.mark.parametrize("family", FAMILIES)
async def test_the_known_solution_passes_and_a_damaged_one_fails(family: str) -> None:
    for generated in problems(family, 10, seed=7):
        (verdict,) = await averify(generated.problem, generated.solution)
        assert verdict.outcome is Outcome.PASS, generated
        solution = json.loads(generated.solution)
        broken = {key: "red" if isinstance(value, str) else value + 100 for key, value in solution.items()}
        (verdict,) = await averify(generated.problem, json.dumps(broken))
        assert verdict.outcome is Outcome.FAIL, generated
        assert verdict.critiques


@pytest.mark.parametrize("family", FAMILIES)
async def test_the_verifier_agrees_with_the_statement_on_every_answer(family: str) -> None:
    (generated,) = problems(family, 1, seed=3)
    passed = 0
    for answer in answers(family, generated.problem):
        (verdict,) = await averify(generated.problem, json.dumps(answer))
        assert (verdict.outcome is Outcome.PASS) == right(family, generated.problem, answer), answer
        passed += verdict.outcome is Outcome.PASS
    assert {"sum_and_difference": passed == 1, "free_hour": passed == 2, "three_colouring": passed >= 6}[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_gives_the_same_problems(family: str) -> None:
    ten = problems(family, 10, seed=1)
    assert problems(family, 4, seed=1) == ten[:4]
    assert len({g.problem.statement for g in ten}) == len({g.problem.id for g in ten}) == 10
    assert [g.problem.statement for g in ten] != [g.problem.statement for g in problems(family, 10, seed=2)]


def test_a_family_that_is_too_small_says_so() -> None:
    with pytest.raises(ValueError, match="sum_and_difference: cannot draw 500 different problems"):
        problems("sum_and_difference", 500, seed=1)
