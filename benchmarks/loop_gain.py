"""What the loop adds to a model: one sample, the best of eight, and critique and retry, on thirty generated problems.

    python benchmarks/loop_gain.py [--model local] [--seed 1] [--out results.json]

pass@k is the unbiased estimate from eight samples a problem, all judged (`mode="full"`); best-of-8 is the share of
problems that any of the eight solves. Critique and retry has five rounds in one conversation, so pass@5, the same
number of fresh samples without any critique, is what it has to beat. Tokens are completion tokens a problem; best-of-8
stops at the first pass when it races, so its column is an upper bound.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import modulo
from benchmarks.families import FAMILIES, Generated, problems
from modulo.metrics import mean_pass_at_k, solve_coverage

N, ROUNDS = 8, 5


@dataclass(frozen=True)
class Result:
    """What became of one problem."""

    family: str
    problem_id: str
    seed: int
    samples: int
    passes: int
    sampling_tokens: int
    solved_in_round: int | None
    retry_tokens: int


async def measure(family: str, generated: Generated, model: str, sampling: modulo.Sampling) -> Result:
    """Both strategies on one problem, with the same seed."""
    settings = {"model": model, "sampling": sampling}
    drawn = await modulo.asolve(generated.problem, strategy="best_of_n", n=N, mode="full", **settings)
    retried = await modulo.asolve(generated.problem, strategy="critique_retry", rounds=ROUNDS, **settings)
    for solution in (drawn, retried):
        if solution.error:
            sys.exit(f"{generated.problem.id}: {solution.error}")
    assert sampling.seed is not None
    return Result(
        family=family,
        problem_id=generated.problem.id,
        seed=sampling.seed,
        samples=len(drawn.trace.attempts),
        passes=sum(attempt.accepted for attempt in drawn.trace.attempts),
        sampling_tokens=drawn.usage.completion_tokens,
        solved_in_round=len(retried.trace.attempts) if retried.verified else None,
        retry_tokens=retried.usage.completion_tokens,
    )


def row(name: str, results: list[Result]) -> str:
    counts = [(result.samples, result.passes) for result in results]
    one, five = mean_pass_at_k(counts, 1), mean_pass_at_k(counts, ROUNDS)
    best = solve_coverage([result.passes > 0 for result in results])
    retry = solve_coverage([result.solved_in_round is not None for result in results])
    gain = f"{best / one:.1f}" if one else "–"
    tokens = [fmean(values) for values in zip(*((r.sampling_tokens, r.retry_tokens) for r in results), strict=True)]
    return (
        f"| {name} | {len(results)} | {one:.2f} | {best:.2f} | {gain} | {five:.2f} | {retry:.2f} | "
        f"{tokens[0] / N:.0f} | {tokens[0]:.0f} | {tokens[1]:.0f} |"
    )


async def main(model: str, count: int, seed: int) -> list[Result]:
    """Print the table; the result of every problem."""
    started, results = time.monotonic(), list[Result]()
    for family in FAMILIES:
        for number, generated in enumerate(problems(family, count, seed)):
            # Far apart, so that no two problems of a family share a sample's seed.
            sampling = modulo.Sampling(temperature=0.8, max_tokens=64, seed=1000 * seed + 20 * number)
            result = await measure(family, generated, model, sampling)
            results.append(result)
            solved = f"solved in round {result.solved_in_round}" if result.solved_in_round else "not solved by retrying"
            print(f"{result.problem_id}: {result.passes} of {result.samples} pass, {solved}", file=sys.stderr)
    last, seconds = results[-1].seed + N - 1, time.monotonic() - started
    print(f"{model}, temperature 0.8, problem seed {seed}, sampling seeds {results[0].seed} to {last}, {seconds:.0f} s")
    print(
        "| family | problems | pass@1 | best-of-8 | × pass@1 | pass@5 | retry × 5 | tokens: one | best-of-8 | retry |"
    )
    print(f"|---{'|---' * 9}|")
    for family in FAMILIES:
        print(row(family, [result for result in results if result.family == family]))
    print(row("all", results))
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="local", help="a model string")
    parser.add_argument("--count", type=int, default=10, help="problems of each family")
    parser.add_argument("--seed", type=int, default=1, help="seed of the problems and of the samples")
    parser.add_argument("--out", type=Path, help="write every problem's result to this JSON file")
    chosen = parser.parse_args()
    every = asyncio.run(main(chosen.model, chosen.count, chosen.seed))
    if chosen.out is not None:
        settings = {"model": chosen.model, "seed": chosen.seed, "n": N, "rounds": ROUNDS}
        record = {**settings, "results": [asdict(result) for result in every]}
        chosen.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
