"""A solve in a process of its own, to be killed: `crash_child.py FOLDER STRATEGY`.

Every completion is numbered by a file that survives the process, so that a repeated or a lost attempt shows.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from modulo import astream
from modulo.events import AttemptEvent
from modulo.types import Completion, Message, Sampling, Usage
from tests.support.doubles import PROBLEM, Equals

TOTAL = 8


class Numbered:
    """Yields `answer 1`, `answer 2`, … over all processes; number `TOTAL` is the right answer."""

    name = "numbered"

    def __init__(self, log: Path) -> None:
        self.log = log

    async def generate(
        self, messages: Sequence[Message], *, n: int, sampling: Sampling
    ) -> AsyncGenerator[Completion, None]:
        for index in range(n):
            await asyncio.sleep(0.05)
            number = len(self.log.read_text().splitlines()) + 1 if self.log.exists() else 1
            with self.log.open("a") as stream:
                stream.write(f"{number}\n")
            text = "42" if number >= TOTAL else f"answer {number}"
            yield Completion(text=text, index=index, usage=Usage(completion_tokens=1))

    async def aclose(self) -> None:
        pass


async def main(folder: Path, strategy: str) -> None:
    stream = astream(
        PROBLEM,
        strategy=strategy,
        model=Numbered(folder / "draws.log"),
        verifiers=[Equals()],
        n=TOTAL,
        rounds=TOTAL,
        trace=folder / "t.jsonl",
        checkpointer=folder / "checkpoints.sqlite",
        thread_id="one",
    )
    async for event in stream:
        if isinstance(event, AttemptEvent):
            print(f"attempt {event.attempt.candidate}", flush=True)
    assert stream.solution is not None
    print(f"end {stream.solution.status} {stream.solution.candidate}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
