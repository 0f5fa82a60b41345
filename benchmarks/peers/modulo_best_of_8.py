"""Best-of-8 with modulo: one streamed request for eight choices, each judged as it ends."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

import modulo


@modulo.verifier(guarantee="proof")
async def is_eight(problem: modulo.Problem, candidate: str) -> Any:
    return modulo.ok() if candidate.strip() == "8" else modulo.fail(f"{candidate} is not 8")


async def main(url: str, solves: int, label: str) -> None:
    graph = modulo.graph("best_of_n", model=f"openai:{url}#stub", verifiers=[is_eight], n=8)
    for number in range(-3, solves):
        problem = {"statement": f"Question {label}-{number}: what is six plus two?"}
        wall, cpu = time.perf_counter(), time.process_time()
        result = await graph.ainvoke({"problem": problem})
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert result["solution"]["answer"] == "8", result
        if number >= 0:
            print(json.dumps({"wall": wall, "cpu": cpu}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("solves", type=int)
    parser.add_argument("label")
    asyncio.run(main(**vars(parser.parse_args())))
