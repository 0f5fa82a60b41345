"""Generators and verifiers for tests that are about what stands between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from modulo.types import Completion, Critique, Guarantee, Message, Outcome, Problem, Sampling, Usage, Verdict


@dataclass
class Echo:
    """Answers with the given texts in order; counts what is started, finished and cancelled."""

    texts: Sequence[str]
    delay: float = 0.0
    name: str = "echo"
    error: Exception | None = None
    prompts: list[list[Message]] = field(default_factory=list)
    samplings: list[Sampling] = field(default_factory=list)
    drawn: int = 0
    cancelled: int = 0
    closed: int = 0

    async def generate(
        self, messages: Sequence[Message], *, n: int, sampling: Sampling
    ) -> AsyncGenerator[Completion, None]:
        self.prompts.append(list(messages))
        self.samplings.append(sampling)
        for index in range(n):
            try:
                await asyncio.sleep(self.delay)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            if self.drawn >= len(self.texts):
                if self.error is not None:
                    raise self.error
                return
            text = self.texts[self.drawn]
            self.drawn += 1
            yield Completion(text=text, index=index, usage=Usage(prompt_tokens=5, completion_tokens=2))

    async def aclose(self) -> None:
        self.closed += 1


@dataclass
class Equals:
    """Passes one text."""

    wanted: str = "42"
    name: str = "equals"
    version: str = "1"
    guarantee: Guarantee = Guarantee.PROOF
    hard: bool = True
    delay: float = 0.0
    error: Exception | None = None
    calls: list[str] = field(default_factory=list)

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        self.calls.append(candidate)
        await asyncio.sleep(self.delay)
        if self.error is not None:
            raise self.error
        passed = candidate == self.wanted
        return Verdict(
            verifier=self.name,
            version=self.version,
            outcome=Outcome.PASS if passed else Outcome.FAIL,
            hard=self.hard,
            guarantee=self.guarantee,
            critiques=() if passed else (Critique(message=f"{candidate} is not it", locus="answer"),),
            seconds=0.001,
        )


PROBLEM = Problem(id="forty-two", statement="What is six times seven?")
