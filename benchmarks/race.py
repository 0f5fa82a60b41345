"""How soon the first pass is the answer: n = 16, one choice ends at 50 ms and passes, the other fifteen take 1 s.

    python benchmarks/race.py

The server counts choices and requests, in a process of its own. Three times are given: from the moment it has sent the
passing choice, from the moment the verifier accepts it, and a barrier's time for comparison, which waits for all (mode
`full`).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, Literal

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import modulo
from benchmarks.stub_server import Stats, Stub, serving

N, WINNER = 16, 11
DELAYS = [0.05 if number == WINNER else 1.0 for number in range(N)]
PROBLEM = modulo.Problem(statement="What is six times two?")


async def race(stub: Stub, mode: Literal["race", "full"]) -> tuple[float, float, Stats]:
    """Milliseconds from the passing choice sent, and from the verdict, to the answer; and what the server counted."""
    passed_at = 0.0

    @modulo.verifier(guarantee="proof")
    async def twelve(problem: modulo.Problem, candidate: str) -> Any:
        nonlocal passed_at
        if candidate.strip() != str(WINNER + 1):
            return modulo.fail(f"{candidate} is not 12")
        passed_at = time.monotonic()
        return modulo.ok()

    graph = modulo.graph("best_of_n", model=f"openai:{stub.url}#stub", verifiers=[twelve], n=N, mode=mode)
    result = await graph.ainvoke({"problem": PROBLEM.to_json()})
    now = time.monotonic()
    assert result["solution"]["answer"] == str(WINNER + 1), result
    await asyncio.sleep(0.1)  # the server hears of the hang-up
    stats = await asyncio.to_thread(stub.stats)
    assert stats.first_finish is not None
    return 1000 * (now - stats.first_finish), 1000 * (now - passed_at), stats


def row(mode: Literal["race", "full"], runs: int) -> str:
    times, counts = [], set()
    for number in range(runs + 1):
        with serving(DELAYS) as stub:
            from_sent, from_verdict, stats = asyncio.run(race(stub, mode))
        if number:  # the first run imports
            times.append((from_sent, from_verdict))
        counts.add((stats.finished, stats.cancelled, stats.open_choices, stats.open_requests))
    sent, verdict = (sorted(column) for column in zip(*times, strict=True))
    counted = " or ".join(" / ".join(str(count) for count in each) for each in sorted(counts))
    return f"| {mode} | {median(sent):.1f} ({sent[-1]:.1f}) | {median(verdict):.1f} ({verdict[-1]:.1f}) | {counted} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    chosen = parser.parse_args()
    print(f"n = {N}, {chosen.runs} runs, median (worst)")
    print(
        "| mode | ms from passing choice sent to answer | ms from verdict to answer |"
        " choices finished / cancelled / left open / requests left open |\n|---|---|---|---|"
    )
    print(row("race", chosen.runs))
    print(row("full", min(3, chosen.runs)))
