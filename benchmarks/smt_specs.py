"""Three puzzles as `smt` specs with one solution each: sudoku, zebra, and a job shop of 1,150 constraints."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import Any

__all__ = ["PUZZLES", "Puzzle", "candidates"]


@dataclass(frozen=True)
class Puzzle:
    """A spec in expression form, one answer that satisfies it, and the values that a wrong one may take."""

    name: str
    spec: dict[str, Any]
    solution: dict[str, int]
    domain: range


def sudoku() -> Puzzle:
    """81 cells, 27 rows, columns and boxes, 40 givens."""
    cells = list(itertools.product(range(9), repeat=2))
    solution = {f"r{r}c{c}": (r * 3 + r // 3 + c) % 9 + 1 for r, c in cells}
    constraints = {}
    for i in range(9):
        row = [f"r{i}c{j}" for j in range(9)]
        column = [f"r{j}c{i}" for j in range(9)]
        box = [f"r{i // 3 * 3 + j // 3}c{i % 3 * 3 + j % 3}" for j in range(9)]
        for kind, group in (("row", row), ("column", column), ("box", box)):
            constraints[f"{kind} {i + 1}"] = f"distinct({', '.join(group)})"
    for name in random.Random(1).sample(sorted(solution), 40):
        constraints[f"given {name}"] = f"{name} == {solution[name]}"
    variables = {name: {"int": [1, 9]} for name in solution}
    return Puzzle("sudoku", {"variables": variables, "constraints": constraints}, solution, range(1, 10))


def zebra() -> Puzzle:
    """The puzzle of five houses (Life International, 17 December 1962)."""
    groups = {
        "colour": ["yellow", "blue", "red", "ivory", "green"],
        "nation": ["norwegian", "ukrainian", "englishman", "spaniard", "japanese"],
        "drink": ["water", "tea", "milk", "orange_juice", "coffee"],
        "smoke": ["kools", "chesterfields", "old_gold", "lucky_strike", "parliaments"],
        "pet": ["fox", "horse", "snails", "dog", "zebra"],
    }
    solution = {name: house for group in groups.values() for house, name in enumerate(group, 1)}
    constraints = {kind: f"distinct({', '.join(group)})" for kind, group in groups.items()}
    same = "englishman red, spaniard dog, coffee green, ukrainian tea, old_gold snails, kools yellow, "
    same += "lucky_strike orange_juice, japanese parliaments"
    for a, b in (pair.split() for pair in same.split(", ")):
        constraints[f"{a} {b}"] = f"{a} == {b}"
    for a, b in (("chesterfields", "fox"), ("kools", "horse"), ("norwegian", "blue")):
        constraints[f"{a} next to {b}"] = f"abs({a} - {b}) == 1"
    constraints |= {"green right of ivory": "green == ivory + 1", "milk": "milk == 3", "norwegian": "norwegian == 1"}
    variables = {name: {"int": [1, 5]} for name in solution}
    return Puzzle("zebra", {"variables": variables, "constraints": constraints}, solution, range(1, 6))


def job_shop(jobs: int = 20, machines: int = 5) -> Puzzle:
    """Start times of tasks: 100 starts, 80 orders, 950 pairs on one machine and 20 ends make 1,150 constraints."""
    rng = random.Random(2)
    route = {j: rng.sample(range(machines), machines) for j in range(jobs)}
    length = {(j, m): rng.randint(1, 9) for j in range(jobs) for m in range(machines)}
    free, start = [0] * machines, {}
    for j in range(jobs):
        ready = 0
        for m in route[j]:
            start[j, m] = max(ready, free[m])
            ready = free[m] = start[j, m] + length[j, m]
    end = max(start[task] + length[task] for task in start)
    name = {task: f"j{task[0]}m{task[1]}" for task in start}
    constraints = {f"start {name[t]}": f"{name[t]} >= 0" for t in start}
    for j in range(jobs):
        for a, b in itertools.pairwise(route[j]):
            constraints[f"job {j}: {a} before {b}"] = f"{name[j, a]} + {length[j, a]} <= {name[j, b]}"
        last = route[j][-1]
        constraints[f"job {j} ends"] = f"{name[j, last]} + {length[j, last]} <= {end}"
    for m in range(machines):
        for i, j in itertools.combinations(range(jobs), 2):
            first = f"{name[i, m]} + {length[i, m]} <= {name[j, m]}"
            second = f"{name[j, m]} + {length[j, m]} <= {name[i, m]}"
            constraints[f"machine {m}: {i} or {j}"] = f"{first} or {second}"
    solution = {name[task]: time for task, time in start.items()}
    spec = {"variables": dict.fromkeys(solution, "int"), "constraints": constraints}
    return Puzzle("job shop", spec, solution, range(end))


PUZZLES = (sudoku, zebra, job_shop)


def candidates(puzzle: Puzzle, count: int, seed: int) -> list[dict[str, int]]:
    """A third right, a third with one or two values wrong, a third random; no two alike, if only in their order."""
    rng = random.Random(seed)
    found = []
    for i in range(count):
        answer = dict(puzzle.solution)
        wrong = [[], rng.sample(sorted(answer), rng.randint(1, 2)), list(answer)][i % 3]
        answer |= {name: rng.choice(puzzle.domain) for name in wrong}
        found.append({name: answer[name] for name in rng.sample(sorted(answer), len(answer))})
    return found
