"""The wire client against a well-behaved server: order, cancelling, counts, fields, event loops."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from tests.support.openai_server import (
    Exchange,
    OpenAIServer,
    completion,
    delta,
    finish,
    in_turn,
    refuse,
    serve_choices,
)

from modulo.adapters.models.openai_wire import OpenAIWire
from modulo.adapters.models.retry import RetryPolicy
from modulo.protocols import Generator
from modulo.types import Completion, Message, Sampling

ASK = [Message(role="user", content="hello")]
FAST = RetryPolicy(base=0.01)


async def collect(wire: Generator, n: int = 1, **sampling: Any) -> list[Completion]:
    async with aclosing(wire.generate(ASK, n=n, sampling=Sampling(**sampling))) as stream:
        return [c async for c in stream]


def test_it_is_a_generator() -> None:
    assert isinstance(OpenAIWire("http://127.0.0.1:1/v1"), Generator)


async def test_choices_come_in_the_order_they_finish() -> None:
    async with OpenAIServer(serve_choices(delay=lambda i: 0.02 * (3 - i))) as server:
        wire = OpenAIWire(server.url)
        got = await collect(wire, n=4, seed=40)
        assert [c.index for c in got] == [3, 2, 1, 0]
        assert [c.text for c in got] == ["answer 3", "answer 2", "answer 1", "answer 0"]
        assert {(c.finish_reason, c.model) for c in got} == {("stop", "stub-model")}
        assert len(server.requests) == 1
        assert server.requests[0]["n"] == 4
        assert server.requests[0]["seed"] == 40
        await wire.aclose()
        await wire.aclose()


async def test_race_closes_the_connection_at_the_first_choice() -> None:
    async with OpenAIServer(serve_choices(delay=lambda i: 0.05 if i == 9 else 1.0)) as server:
        wire = OpenAIWire(server.url, model="m")
        async with aclosing(wire.generate(ASK, n=16, sampling=Sampling())) as stream:
            first = await anext(stream)
        await server.quiet()
        assert first.index == 9
        assert (server.hung_up, server.open, len(server.requests)) == (1, 0, 1)


async def test_cancelling_the_consumer_closes_the_connection() -> None:
    async with OpenAIServer(serve_choices(delay=lambda i: 30.0)) as server:
        task = asyncio.create_task(collect(OpenAIWire(server.url, model="m"), n=3))
        await server.busy()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.quiet()
        assert server.hung_up == 1


async def test_closing_cancels_parallel_requests_too() -> None:
    async with OpenAIServer(serve_choices(delay=lambda i: 30.0, most=1)) as server:
        wire = OpenAIWire(server.url, model="m")
        wire._max_n = 1
        stream = wire.generate(ASK, n=5, sampling=Sampling())
        waiting = asyncio.ensure_future(anext(stream))
        await server.busy(5)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await stream.aclose()
        await server.quiet()
        assert server.hung_up == 5


async def test_a_server_without_n_gets_parallel_requests_with_seeds_in_sequence() -> None:
    async with OpenAIServer(serve_choices(lambda i: "one", most=1)) as server:
        wire = OpenAIWire(server.url, model="m")
        got = await collect(wire, n=4, seed=7)
        assert sorted(c.index for c in got) == [0, 1, 2, 3]
        assert sorted((c.index, c.seed) for c in got) == [(0, 7), (1, 8), (2, 9), (3, 10)]
        assert [r.get("n", 1) for r in server.requests] == [4, 1, 1, 1]
        await collect(wire, n=3)
        assert [r.get("n", 1) for r in server.requests[4:]] == [1, 1, 1]


async def test_a_server_that_caps_n_is_asked_in_groups_from_then_on() -> None:
    async with OpenAIServer(serve_choices(most=2)) as server:
        wire = OpenAIWire(server.url, model="m")
        assert sorted(c.index for c in await collect(wire, n=4)) == [0, 1, 2, 3]
        assert sorted(c.index for c in await collect(wire, n=5)) == [0, 1, 2, 3, 4]
        assert [r.get("n", 1) for r in server.requests] == [4, 1, 1, 2, 2, 1]


async def test_a_server_that_rejects_n_is_asked_one_by_one() -> None:
    async def handler(exchange: Exchange) -> None:
        if exchange.body.get("n", 1) > 1:
            await refuse(400, "'n' : number must be at most 1")(exchange)
        else:
            await serve_choices()(exchange)

    async with OpenAIServer(handler) as server:
        got = await collect(OpenAIWire(server.url, model="m"), n=3)
        assert sorted(c.index for c in got) == [0, 1, 2]
        assert len(server.requests) == 4


async def test_the_model_is_asked_for_once() -> None:
    async with OpenAIServer(serve_choices(), models=("first", "second")) as server:
        wire = OpenAIWire(server.url)
        await collect(wire)
        await collect(wire)
        assert server.model_lists == 1
        assert [r["model"] for r in server.requests] == ["first", "first"]


async def test_a_lone_choice_takes_the_servers_counts() -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
    async with OpenAIServer(serve_choices(usage=usage)) as server:
        (got,) = await collect(OpenAIWire(server.url, model="m"))
        assert (got.usage.prompt_tokens, got.usage.completion_tokens, got.usage.estimated) == (11, 5, False)
        assert got.usage.cost is None
        assert server.requests[0]["stream_options"] == {"include_usage": True}


async def test_many_choices_count_their_pieces() -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 500}
    async with OpenAIServer(serve_choices(lambda i: "w " * i + "end", usage=usage)) as server:
        got = await collect(OpenAIWire(server.url, model="m"), n=3)
        assert sorted((c.index, c.usage.completion_tokens) for c in got) == [(0, 1), (1, 2), (2, 3)]
        assert all(c.usage.estimated for c in got)


async def test_vllm_reports_each_choice_and_llamacpp_its_timings() -> None:
    async def vllm(exchange: Exchange) -> None:
        await exchange.begin()
        for index, tokens in ((1, 9), (0, 4)):
            chunk = delta("x", index=index, finish="stop")
            await exchange.event({**chunk, "usage": {"prompt_tokens": 30, "completion_tokens": tokens}})
        await exchange.end()

    async def llamacpp(exchange: Exchange) -> None:
        await exchange.begin()
        for index, tokens in ((1, 9), (0, 4)):
            await exchange.event(delta("x", index=index))
            await exchange.event({**finish(index), "timings": {"cache_n": 25, "prompt_n": 5, "predicted_n": tokens}})
        await exchange.end()

    for handler, dialect in ((vllm, "vllm"), (llamacpp, "llamacpp")):
        async with OpenAIServer(handler) as server:
            wire = OpenAIWire(server.url, model="m", dialect=dialect)  # type: ignore[arg-type]
            got = await collect(wire, n=2, seed=3)
            counts = [(c.index, c.seed, c.usage.prompt_tokens, c.usage.completion_tokens) for c in got]
            assert counts == [(1, 4, 30, 9), (0, 3, 0, 4)]
            assert not any(c.usage.estimated for c in got)


async def test_fields_of_the_request() -> None:
    closed = {
        "type": "object",
        "properties": {"x": {"type": "integer"}},
        "required": ["x"],
        "additionalProperties": False,
    }
    loose = {"type": "object", "properties": {"x": {"type": "integer"}}}
    async with OpenAIServer(serve_choices()) as server:
        asked: dict[str, Any] = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 50, "stop": ("END",), "logprobs": True}
        await collect(OpenAIWire(server.url, model="m"), json_schema=closed, seed=2**31 + 5, **asked)
        await collect(OpenAIWire(server.url, model="m", dialect="vllm"), json_schema=loose)
        await collect(OpenAIWire(server.url, model="m", dialect="llamacpp", api_key="k"), seed=1)
        await collect(OpenAIWire(server.url, model="m", dialect="llamacpp"))
        openai, vllm, seeded, unseeded = server.requests
        assert openai == {
            "model": "m",
            "messages": [{"role": "user", "content": "hello"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.5,
            "top_p": 0.9,
            "max_tokens": 50,
            "stop": ["END"],
            "logprobs": True,
            "seed": 5,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": closed, "strict": True},
            },
        }
        assert vllm["structured_outputs"] == {"json": loose}
        assert vllm["response_format"]["json_schema"] == {"name": "answer", "schema": loose, "strict": False}
        assert vllm["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}
        assert (seeded["cache_prompt"], unseeded["cache_prompt"]) == (False, True)
        assert server.headers[2]["authorization"] == "Bearer k"
        assert "authorization" not in server.headers[0]


async def test_logprobs_thinking_and_split_emoji() -> None:
    async def handler(exchange: Exchange) -> None:
        def logprob(*values: float) -> dict[str, Any]:
            return {"content": [{"token": "t", "logprob": v} for v in values]}

        await exchange.begin()
        first = delta(None, reasoning_content="hm, ")
        second = delta("<think>really?</think>")
        third, fourth = delta("\ud83d"), delta("\ude00 yes", finish="stop")
        third["choices"][0]["logprobs"] = logprob(-0.5)
        fourth["choices"][0]["logprobs"] = logprob(-0.25, -1)
        for event in (first, second, third, fourth):
            await exchange.event(event)
        await exchange.end()

    async with OpenAIServer(handler) as server:
        (got,) = await collect(OpenAIWire(server.url, model="m"), logprobs=True)
        assert got.text == "\U0001f600 yes"
        assert got.reasoning == "hm,\nreally?"
        assert got.logprobs == (-0.5, -0.25, -1.0)


async def test_a_server_that_does_not_stream() -> None:
    async def handler(exchange: Exchange) -> None:
        texts = [f"t{i}" for i in range(exchange.body.get("n", 1))]
        await exchange.reply(200, completion(*texts, usage={"prompt_tokens": 8, "completion_tokens": 7}))

    async with OpenAIServer(handler) as server:
        wire = OpenAIWire(server.url, model="m")
        (one,) = await collect(wire)
        assert (one.text, one.usage.completion_tokens, one.usage.estimated) == ("t0", 7, False)
        three = await collect(wire, n=3)
        assert [c.text for c in three] == ["t0", "t1", "t2"]
        assert sum(c.usage.completion_tokens for c in three) == 7
        assert sum(c.usage.prompt_tokens for c in three) == 8
        assert all(c.usage.estimated for c in three)


async def test_only_what_is_missing_is_asked_for_again() -> None:
    async def broken(exchange: Exchange) -> None:
        await exchange.begin()
        await exchange.event(delta("good", index=1, finish="stop"))
        await exchange.event(delta("half of the", index=0))
        exchange.cut()

    async with OpenAIServer(in_turn(broken, serve_choices(lambda i: "again"))) as server:
        got = await collect(OpenAIWire(server.url, model="m", retry=FAST), n=3, seed=5)
        assert sorted((c.index, c.text, c.seed) for c in got) == [(0, "again", 5), (1, "good", 5), (2, "again", 7)]
        assert [(r.get("n", 1), r["seed"]) for r in server.requests] == [(3, 5), (1, 5), (1, 7)]


def test_several_event_loops_in_turn_and_no_leak() -> None:
    wire: OpenAIWire | None = OpenAIWire("http://127.0.0.1:1/v1", model="m")
    assert wire is not None

    async def once(model: OpenAIWire) -> str:
        async with OpenAIServer(serve_choices()) as server:
            model._url = server.url
            (got,) = await collect(model)
            return got.text

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [asyncio.run(once(wire)) for _ in range(3)] == ["answer 0"] * 3
        wire = None
        gc.collect()


async def test_proxies_do_not_come_between_loopback_and_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with OpenAIServer(serve_choices()) as server:
        assert len(await collect(OpenAIWire(server.url))) == 1


async def test_n_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        await collect(OpenAIWire("http://127.0.0.1:1/v1", model="m"), n=0)


@pytest.fixture
async def slow_server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(serve_choices(delay=lambda i: 0.05)) as server:
        yield server


async def test_concurrent_solves_share_one_client(slow_server: OpenAIServer) -> None:
    wire = OpenAIWire(slow_server.url)
    results = await asyncio.gather(*(collect(wire, n=2) for _ in range(6)))
    assert [len(r) for r in results] == [2] * 6
    assert slow_server.most_open == 6
