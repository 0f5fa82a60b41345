"""The race: the first pass is the answer, and nothing of the losers is left running."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from tests.support.openai_server import Exchange, OpenAIServer, delta, finish, serve_choices

import modulo

N, WINNER = 16, 11


@modulo.verifier(guarantee="proof")
async def is_winner(problem: modulo.Problem, candidate: str) -> Any:
    return modulo.ok() if candidate == f"answer {WINNER}" else modulo.fail(f"{candidate} is not it")


PROBLEM = {"id": "race", "statement": "Which answer is it?"}


async def test_the_first_pass_ends_the_race_and_the_rest_is_cancelled() -> None:
    """Fifteen choices never end, so there is an answer at all only if nobody waits for them."""
    begun: set[int] = set()
    ended: set[int] = set()

    async def handler(exchange: Exchange) -> None:
        await exchange.begin()
        for index in range(exchange.body["n"]):
            begun.add(index)
            await exchange.event(delta(f"answer {index}", index=index))
        await asyncio.sleep(0.05)
        ended.add(WINNER)
        await exchange.event(finish(WINNER))
        await asyncio.Event().wait()

    async with OpenAIServer(handler) as server:
        graph = modulo.graph("best_of_n", model=f"openai:{server.url}#stub", verifiers=[is_winner], n=N)
        result = await graph.ainvoke({"problem": PROBLEM})
        await server.quiet()

    assert result["solution"]["status"] == "verified"
    assert result["solution"]["answer"] == f"answer {WINNER}"
    assert result["solution"]["attempts"] == 1
    assert (len(begun), len(begun - ended)) == (16, 15)
    assert (len(server.requests), server.hung_up, server.open) == (1, 1, 0)


async def test_parallel_requests_are_all_hung_up_too() -> None:
    """A server that gives one choice a request: fifteen more requests, of which only the last ends."""
    turns = itertools.count()

    async def handler(exchange: Exchange) -> None:
        turn = next(turns)
        await exchange.begin()
        if 0 < turn < N - 1:
            await asyncio.Event().wait()
        await exchange.event(delta(f"answer {WINNER}" if turn else "answer 0"))
        await exchange.event(finish())
        await exchange.end()

    async with OpenAIServer(handler) as server:
        graph = modulo.graph("best_of_n", model=f"openai:{server.url}#stub", verifiers=[is_winner], n=N)
        result = await graph.ainvoke({"problem": PROBLEM})
        await server.quiet()

    assert result["solution"]["answer"] == f"answer {WINNER}"
    assert result["solution"]["attempts"] == 2
    assert (len(server.requests), server.hung_up, server.open) == (N, N - 2, 0)


async def test_full_mode_judges_all() -> None:
    async with OpenAIServer(serve_choices()) as server:
        graph = modulo.graph("best_of_n", model=f"openai:{server.url}#stub", verifiers=[is_winner], n=N, mode="full")
        result = await graph.ainvoke({"problem": PROBLEM})
        await server.quiet()

    assert result["solution"]["answer"] == f"answer {WINNER}"
    assert result["solution"]["attempts"] == N
    assert (server.hung_up, server.open) == (0, 0)
