"""Best-of-8 with its-hub: eight requests at once, scored when all are in. No limit on concurrency, no retries."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

from its_hub.api import AbstractOutcomeRewardModel  # type: ignore[import-not-found]
from its_hub.core.algorithms.bon import BestOfN  # type: ignore[import-not-found]
from its_hub.core.lms.openai_lm import OpenAICompatibleLanguageModel  # type: ignore[import-not-found]
from its_hub.core.orchestrator import LMOrchestrator  # type: ignore[import-not-found]


class IsEight(AbstractOutcomeRewardModel):  # type: ignore[misc]
    def score(self, messages: Any, **_: Any) -> list[float]:
        return [float(conversation[-1].content.strip() == "8") for conversation in messages]

    async def ascore(self, messages: Any, orchestrator: Any = None, **_: Any) -> list[float]:
        return self.score(messages)


async def main(url: str, solves: int, label: str) -> None:
    algorithm = BestOfN(IsEight(), orchestrator=LMOrchestrator(max_concurrency=-1))
    model = OpenAICompatibleLanguageModel(endpoint=url, api_key="none", model_name="stub", temperature=0.8, max_tries=1)
    async with model:
        for number in range(-3, solves):
            wall, cpu = time.perf_counter(), time.process_time()
            answer = await algorithm.ainfer(model, f"Question {label}-{number}: what is six plus two?", budget=8)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            assert answer["content"] == "8", answer
            if number >= 0:
                print(json.dumps({"wall": wall, "cpu": cpu}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("solves", type=int)
    parser.add_argument("label")
    asyncio.run(main(**vars(parser.parse_args())))
