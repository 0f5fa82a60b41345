"""Best-of-8 with DSPy, in one of two ways.

`module`: `dspy.BestOfN`, which draws one sample after another until one reaches the threshold.
`at-once`: `dspy.Predict` asked for eight completions in one request and scored by hand, the quickest way DSPy has: its
LiteLLM engine sends `n`, where its own engine asks eight times in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import dspy  # type: ignore[import-not-found]


def is_eight(_: Any, prediction: Any) -> float:
    return float(prediction.answer.strip() == "8")


async def main(url: str, solves: int, label: str, way: str) -> None:
    engine = "litellm" if way == "at-once" else "auto"
    settings = {"api_base": url, "api_key": "none", "temperature": 0.8, "cache": False, "num_retries": 0}
    dspy.configure(lm=dspy.LM("openai/dspy", engine=engine, **settings))
    predict = dspy.Predict("question -> answer")
    best_of_8 = dspy.BestOfN(module=predict, N=8, reward_fn=is_eight, threshold=1.0)

    async def module(question: str) -> str:
        return str(best_of_8(question=question).answer)

    async def at_once(question: str) -> str:
        drawn = (await predict.acall(question=question, config={"n": 8})).completions.answer
        return str(max(drawn, key=lambda answer: float(answer.strip() == "8")))

    ways: dict[str, Callable[[str], Awaitable[str]]] = {"module": module, "at-once": at_once}
    for number in range(-3, solves):
        wall, cpu = time.perf_counter(), time.process_time()
        answer = await ways[way](f"Question {label}-{number}: what is six plus two?")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert answer == "8", answer
        if number >= 0:
            print(json.dumps({"wall": wall, "cpu": cpu}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("solves", type=int)
    parser.add_argument("label")
    parser.add_argument("way", choices=("module", "at-once"))
    asyncio.run(main(**vars(parser.parse_args())))
