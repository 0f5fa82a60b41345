"""How fast `smt` judges: `modulo.verify_many` against a fresh Z3 solver for each candidate, which must agree.

    python benchmarks/speed_smt.py [--candidates 3000] [--peer 150] [--rounds 3]

Both sides get the same answers, a third of them right, a third with one or two values wrong, a third random. The peer
has its formulas ready and says sat or unsat; our side starts from text and names what is violated. The two take turns,
and the median of the rounds counts. The other rows: `check` alone, in one process and without a pool, and `averify`,
one candidate at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import z3

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import modulo
from benchmarks.smt_specs import PUZZLES, Puzzle, candidates
from modulo.types import Outcome, Problem
from modulo.verifiers.smt_check import check_many
from modulo.verifiers.smt_compile import compile_spec


def peer(puzzle: Puzzle) -> Callable[[dict[str, int]], bool]:
    """A fresh solver for each candidate."""
    compiled = compile_spec(puzzle.spec)
    formulas = [constraint.holds for constraint in compiled.constraints]

    def judge(answer: dict[str, int]) -> bool:
        solver = z3.Solver(ctx=compiled.context)
        solver.add(*formulas, *compiled.domains)
        solver.add(*(variable.const == answer[variable.name] for variable in compiled.variables))
        return bool(solver.check() == z3.sat)

    return judge


def timed(work: Callable[[], Any], count: int) -> tuple[float, Any]:
    """Milliseconds an item, and the result."""
    started = time.perf_counter()
    result = work()
    return (time.perf_counter() - started) / count * 1000, result


def measure(puzzle: Puzzle, count: int, peer_count: int, rounds: int) -> list[str]:
    written = {"statement": puzzle.name, "answer": "json", "verifiers": [{"smt": puzzle.spec}]}
    problem = Problem.model_validate(written)
    judge = peer(puzzle)
    times: dict[str, list[float]] = {"peer": [], "many": [], "check": [], "one": []}
    counts: Counter[Outcome] = Counter()
    differ = 0
    modulo.verify_many(problem, [json.dumps(candidates(puzzle, 3, 0)[2])])  # workers are warm, and so is the peer
    judge(puzzle.solution)
    for number in range(1, rounds + 1):
        answers = candidates(puzzle, count, number)
        texts = [json.dumps(answer) for answer in answers]
        some = answers[:peer_count]
        spent, sat = timed(lambda: [judge(a) for a in some], len(some))  # noqa: B023 - called at once
        times["peer"].append(spent)
        spent, verdicts = timed(lambda: modulo.verify_many(problem, texts), count)  # noqa: B023
        times["many"].append(spent)
        payload = {"spec": json.dumps(puzzle.spec), "seconds": 8.0, "candidates": texts}
        next(check_many(payload))
        times["check"].append(timed(lambda: list(check_many(payload)), count)[0])  # noqa: B023
        fresh = [json.dumps(answer) for answer in candidates(puzzle, 60, 100 + number)]
        times["one"].append(timed(lambda: asyncio.run(one_by_one(problem, fresh)), len(fresh))[0])  # noqa: B023
        said = [verdict.outcome for (verdict,) in verdicts]
        counts.update(said)
        expected = [Outcome.PASS if accepts else Outcome.FAIL for accepts in sat]
        differ += sum(a is not b for a, b in zip(said[:peer_count], expected, strict=True))
    base = statistics.median(times["peer"])
    rows = [
        ("a fresh solver a candidate", "peer"),
        ("`modulo.verify_many`", "many"),
        ("the compiled check alone, one process", "check"),
        ("`modulo.averify`, one at a time", "one"),
    ]
    lines = []
    for label, key in rows:
        value = statistics.median(times[key])
        lines.append(f"| {puzzle.name} | {label} | {value:.4f} | {base / value:.0f} × |")
    total = len(puzzle.spec["constraints"])
    lines.append(
        f"| {puzzle.name} | {total} constraints; {', '.join(f'{n} {outcome}' for outcome, n in counts.items())}; "
        f"{rounds * peer_count} compared with the solver, {differ} differ | | |"
    )
    return lines


async def one_by_one(problem: Problem, texts: list[str]) -> None:
    for text in texts:
        await modulo.averify(problem, text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=3000)
    parser.add_argument("--peer", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("| Spec | | ms a candidate | against a fresh solver |\n|---|---|---|---|")
    for make in PUZZLES:
        for line in measure(make(), options.candidates, options.peer, options.rounds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
