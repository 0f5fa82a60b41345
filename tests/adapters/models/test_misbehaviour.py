"""What the wire client makes of servers that fail: one-line errors, bounded tries and memory, nothing left open."""

from __future__ import annotations

import asyncio
import re
import socket
import tracemalloc
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.openai_server import (
    Exchange,
    Handler,
    OpenAIServer,
    completion,
    delta,
    in_turn,
    refuse,
    serve_choices,
)

from modulo.adapters.models.assemble import CAPPED, MAX_CHARS
from modulo.adapters.models.openai_wire import OpenAIWire, open_openai, open_vllm
from modulo.adapters.models.retry import RetriableError, Retrier, RetryPolicy, retry_after
from modulo.adapters.models.sse import MAX_EVENT_BYTES, StreamStalledError, events
from modulo.adapters.models.wire_errors import one_line
from modulo.errors import ModelStringError, ProviderError
from modulo.types import Completion, Message, Sampling

ASK = [Message(role="user", content="hello")]
FAST = RetryPolicy(base=0.005)


async def collect(wire: OpenAIWire, n: int = 1, **sampling: Any) -> list[Completion]:
    async with aclosing(wire.generate(ASK, n=n, sampling=Sampling(**sampling))) as stream:
        return [c async for c in stream]


def stream_of(*payloads: bytes | dict[str, Any] | str, end: str = "done") -> Handler:
    """A stream of these events, ended well (`done`), without `[DONE]` (`eof`), by `close`, `cut` (a reset) or never."""

    async def handler(exchange: Exchange) -> None:
        await exchange.begin()
        for payload in payloads:
            if isinstance(payload, bytes):
                await exchange.chunk(payload)
            else:
                await exchange.event(payload)
        if end == "close":
            return
        if end == "cut":
            exchange.cut()
        elif end == "hang":
            await asyncio.sleep(60)
        else:
            await exchange.end(done=end == "done")

    return handler


def whole(status: int, body: bytes, kind: str = "application/json") -> Handler:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(status, body, kind=kind)

    return handler


async def hang_up(exchange: Exchange) -> None:
    exchange.cut()


# name, handler, words of the error, requests made
FAILURES: list[tuple[str, Handler, str, int]] = [
    ("429 storm", refuse(429, "slow down"), "answered 429: slow down .*4 tries", 4),
    ("long Retry-After", refuse(429, "quota", Retry_After="3600"), "asks to wait 3600 s", 1),
    ("500", refuse(500, "boom"), "answered 500: boom .*4 tries", 4),
    ("503", refuse(503), "answered 503", 4),
    ("400", refuse(400, "bad temperature"), "answered 400: bad temperature$", 1),
    ("401", refuse(401, "bad key sk-abcdef123456"), r"answered 401: bad key \*\*\*; check the API key", 1),
    ("404", refuse(404, "no such model"), "answered 404: no such model; check that the model exists", 1),
    ("501 in HTML", whole(501, b"<html>\nnope\n</html>", "text/html"), "answered 501: <html> nope </html>", 1),
    ("redirect", whole(307, b""), "answered 307: no reason given", 1),
    ("dropped at once", hang_up, "dropped the connection", 4),
    ("cut in a choice", stream_of(delta("half"), end="cut"), "dropped the connection", 4),
    ("ended in a choice", stream_of(delta("half"), end="eof"), "cut the stream in the middle of a choice", 4),
    ("not JSON", stream_of("{nope"), "broken answer: it is not JSON", 4),
    ("deep JSON", stream_of("[" * 100_000), "broken answer", 4),
    ("not an object", stream_of('["x"]'), "not a JSON object", 4),
    ("choices wrong", stream_of({"choices": {"a": 1}}), "choices is not a list", 4),
    ("choice wrong", stream_of({"choices": [7]}), "not an object", 4),
    ("index wrong", stream_of({"choices": [{"index": -1, "delta": {}}]}), "index", 4),
    ("delta wrong", stream_of({"choices": [{"index": 0, "delta": "x"}]}), "delta is not an object", 4),
    ("content wrong", stream_of({"choices": [{"index": 0, "delta": {"content": 5}}]}), "content is not text", 4),
    ("empty stream", stream_of(), "without a single choice", 4),
    ("empty body", whole(200, b""), "without a single choice", 4),
    ("no choices", whole(200, b'{"choices": []}'), "without a single choice", 4),
    ("a web page", whole(200, b"<html>hi", "text/html; charset=utf-8"), "text/html instead of a completion", 4),
    ("error in stream", stream_of({"error": {"message": "engine died", "code": 500}}), "broke off: engine died", 4),
    ("final error in stream", stream_of({"error": {"message": "too long", "code": 400}}), "broke off: too long", 1),
    ("one huge event", stream_of(b"data: " + b"x" * MAX_EVENT_BYTES + b"x\n\n"), "one event of more than", 1),
    ("huge whole answer", whole(200, b'{"a":"' + b"x" * MAX_EVENT_BYTES + b'"}'), "one event of more than", 1),
]


@pytest.mark.parametrize(("handler", "words", "requests"), [f[1:] for f in FAILURES], ids=[f[0] for f in FAILURES])
@pytest.mark.parametrize("n", [1, 3])
async def test_failures(handler: Handler, words: str, requests: int, n: int) -> None:
    async with OpenAIServer(handler) as server:
        with pytest.raises(ProviderError) as caught:
            await collect(OpenAIWire(server.url, model="m", retry=FAST), n=n)
        text = str(caught.value)
        assert re.search(words, text), text
        assert server.url in text
        assert "\n" not in text
        assert len(text) < 600
        assert len(server.requests) == requests
        await server.quiet()


# name, handler, text, finish reason
ODDITIES: list[tuple[str, Handler, str, str | None]] = [
    ("empty answer", stream_of(delta("", finish="stop")), "", "stop"),
    ("null content", stream_of(delta(None, finish="stop")), "", "stop"),
    ("null delta", stream_of(delta("a"), {"choices": [{"delta": None, "finish_reason": "stop"}]}), "a", "stop"),
    ("no finish reason", stream_of(delta("all there is")), "all there is", None),
    ("no [DONE]", stream_of(delta("x", finish="stop"), end="eof"), "x", "stop"),
    ("cut after the end", stream_of(delta("x", finish="stop"), end="close"), "x", "stop"),
    ("bad counts", stream_of({**delta("x", finish="stop"), "usage": {"completion_tokens": -1}}), "x", "stop"),
    ("hangs after the end", stream_of(delta("x", finish="stop"), end="hang"), "x", "stop"),
    ("more after the end", stream_of(delta("x", finish="stop"), delta("y", finish="stop")), "x", "stop"),
    ("rubbish after the end", stream_of(delta("x", finish="stop"), "{"), "x", "stop"),
    ("choices never asked for", stream_of(delta("y", index=5), delta("x", finish="length")), "x", "length"),
    ("comments", stream_of(b": hello\n\n: hello\n", delta("x", finish="stop")), "x", "stop"),
    ("carriage returns", stream_of(b'data:{"choices":[{"delta":{"content":"x"}}]}\r\n\r\n'), "x", None),
    ("no blank lines", stream_of(b'data: {"choices":[]}\ndata: {"choices":[{"delta":{"content":"x"}}]}\n'), "x", None),
    (
        "NaN in it",
        stream_of('{"choices":[{"delta":{"content":"x"},"logprobs":{"content":[{"logprob":NaN}]}}]}'),
        "x",
        None,
    ),
    ("whole answer", whole(200, b'{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}'), "x", "stop"),
]


@pytest.mark.parametrize(("handler", "text", "reason"), [o[1:] for o in ODDITIES], ids=[o[0] for o in ODDITIES])
async def test_oddities(handler: Handler, text: str, reason: str | None) -> None:
    async with OpenAIServer(handler) as server:
        (got,) = await collect(OpenAIWire(server.url, model="m", retry=FAST), logprobs=True)
        assert (got.text, got.finish_reason, got.logprobs) == (text, reason, None)
        assert len(server.requests) == 1
        await server.quiet()


PASSING: list[tuple[str, Handler]] = [
    ("429", refuse(429, Retry_After="0")),
    ("502", refuse(502)),
    ("dropped", hang_up),
    ("cut", stream_of(delta("half"), end="cut")),
    ("malformed", stream_of("rubbish")),
]


@pytest.mark.parametrize("failure", [p[1] for p in PASSING], ids=[p[0] for p in PASSING])
async def test_a_passing_failure_is_tried_again(failure: Handler) -> None:
    async with OpenAIServer(in_turn(failure, failure, serve_choices())) as server:
        got = await collect(OpenAIWire(server.url, model="m", retry=FAST), n=2)
        assert sorted(c.index for c in got) == [0, 1]
        assert len(server.requests) == 3


async def test_a_failed_choice_does_not_take_the_others_with_it() -> None:
    async def handler(exchange: Exchange) -> None:
        await (refuse(400, "unlucky") if exchange.body["seed"] == 11 else serve_choices(lambda i: "x", most=1))(
            exchange
        )

    async with OpenAIServer(handler) as server:
        wire = OpenAIWire(server.url, model="m")
        async with aclosing(wire.generate(ASK, n=3, sampling=Sampling(seed=10))) as stream:
            got = [await anext(stream), await anext(stream)]
            with pytest.raises(ProviderError, match="unlucky"):
                await anext(stream)
        assert sorted(c.index for c in got) == [0, 2]


async def test_an_answer_of_10_mb_is_cut_and_memory_stays_bounded() -> None:
    async def flood(exchange: Exchange) -> None:
        await exchange.begin()
        payload = f'data: {{"choices":[{{"index":0,"delta":{{"content":"{"x" * 50_000}"}}}}]}}\n\n'.encode()
        for _ in range(200):
            await exchange.chunk(payload)
        await exchange.end()

    async with OpenAIServer(flood) as server:
        tracemalloc.start()
        (got,) = await collect(OpenAIWire(server.url, model="m"))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (len(got.text), got.finish_reason) == (MAX_CHARS, CAPPED)
        assert peak < 5 * MAX_CHARS
        await server.quiet()
        assert server.hung_up == 1


async def test_a_silent_server_is_given_up_once() -> None:
    async with OpenAIServer(stream_of(delta("half"), end="hang")) as server:
        with pytest.raises(ProviderError, match=r"sent nothing for 0\.1 s"):
            await collect(OpenAIWire(server.url, model="m", retry=FAST), timeout=0.1)
        await server.quiet()
        assert len(server.requests) == 1


async def test_comments_alone_do_not_keep_a_request_alive() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.begin()
        while True:
            await exchange.chunk(b": still here\n\n")
            await asyncio.sleep(0.01)

    async with OpenAIServer(handler) as server:
        with pytest.raises(ProviderError, match=r"sent no data for 0\.1 s"):
            await collect(OpenAIWire(server.url, model="m", retry=FAST), timeout=0.1)
        await server.quiet()


async def test_a_consumer_that_takes_its_time_is_no_stall() -> None:
    async def chunks() -> Any:
        yield b"data: 1\n"
        yield b": comment\n"
        yield b"data: 2\n"

    got = []
    async for payload in events(chunks(), idle=0.02):
        got.append(payload)
        await asyncio.sleep(0.05)
    assert got == [b"1", b"2"]
    with pytest.raises(StreamStalledError):
        async for _ in events(chunks(), idle=-1):
            pass


async def test_connection_refused_names_url_and_fix() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for model in ("m", None):
        with pytest.raises(ProviderError) as caught:
            await collect(OpenAIWire(f"http://127.0.0.1:{port}/v1", model=model, retry=FAST))
        assert f"cannot connect to http://127.0.0.1:{port}/v1" in str(caught.value)
        assert "start the server there, or correct the URL" in str(caught.value)


async def test_no_key_is_ever_shown() -> None:
    key = "very-secret-key"
    for handler in (refuse(401, f"key {key} is wrong"), stream_of({"error": f"bad {key}"}), whole(500, key.encode())):
        async with OpenAIServer(handler) as server:
            wire = OpenAIWire(server.url.replace("//", f"//user:{key}@"), model="m", api_key=key, retry=FAST)
            with pytest.raises(ProviderError) as caught:
                await collect(wire)
            assert key not in str(caught.value)
            assert key not in wire.name


async def test_a_server_without_models() -> None:
    async with OpenAIServer(serve_choices(), models=()) as server:
        with pytest.raises(ProviderError, match="lists no model; name one"):
            await collect(OpenAIWire(server.url))


async def test_waits_honour_the_server_and_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    retrier = Retrier(RetryPolicy(tries=10, base=1, cap=3, total=100))
    for _ in range(5):
        await retrier.wait(RetriableError("x"))
    assert all(0 <= s <= limit for s, limit in zip(slept, (1, 2, 3, 3, 3), strict=True))
    await retrier.wait(RetriableError("x", after=20))
    assert 20 <= slept[-1] <= 21
    with pytest.raises(ProviderError, match="asks to wait 90 s"):
        await retrier.wait(RetriableError("x", after=90))


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-4", 0.0),
        ("Sun, 22 Nov 2026 10:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0.0),
        ("", None),
        ("nan", None),
        ("soon", None),
    ],
)
def test_retry_after(raw: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": raw}, now=datetime(2026, 11, 22, 10, 0, tzinfo=UTC)) == seconds


def test_one_line() -> None:
    assert one_line("a\nb\t c\x1b[31m") == "a b c [31m"
    assert one_line("Bearer abc.def sk-proj-1234567 hi") == "*** *** hi"
    assert len(one_line("x" * 5000)) == 300


BAD: list[tuple[Callable[[str], OpenAIWire], str, str]] = [
    (open_vllm, "", "needs an http"),
    (open_vllm, "qwen", "needs an http"),
    (open_vllm, "http://", "needs an http"),
    (open_vllm, "http://h:99999/v1", "bad URL"),
    (open_vllm, "http://[::1/v1", "bad URL"),
    (open_vllm, "http://u:p@h/v1", "user name or password"),
    (open_vllm, "http://h/v1?model=x", "has a query"),
    (open_vllm, "http://h/v1#", "no model name after '#'"),
    (open_vllm, "http://h/v1/chat/completions", "must end before"),
    (open_vllm, "http://h h/v1", "needs an http"),
    (open_openai, "", "URL or a model name"),
    (open_openai, "gpt 4", "URL or a model name"),
    (open_openai, "ftp://h/v1", "needs an http"),
    (open_openai, "localhost:8000/v1", "needs a URL"),
    (open_openai, "file:///etc/passwd", "needs an http"),
]


@pytest.mark.parametrize(("opener", "rest", "words"), BAD)
def test_bad_model_strings(opener: Callable[[str], OpenAIWire], rest: str, words: str) -> None:
    with pytest.raises(ModelStringError, match=words) as caught:
        opener(rest)
    assert "\n" not in str(caught.value)
    assert "u:p@" not in str(caught.value)


async def test_openers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-env")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    async with OpenAIServer(serve_choices()) as server:
        wire = open_openai(f"{server.url}#some/model")
        assert wire.name == f"openai:{server.url}#some/model"
        await collect(wire)
        await collect(open_vllm(server.url.removesuffix("/v1")))
        assert [r["model"] for r in server.requests] == ["some/model", "stub"]
        assert server.headers[0]["authorization"] == "Bearer from-env"
        assert "authorization" not in server.headers[1]
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        await collect(open_openai("gpt-4o-mini"))
        assert server.requests[2]["model"] == "gpt-4o-mini"
    monkeypatch.delenv("OPENAI_BASE_URL")
    assert open_openai("gpt-4o-mini")._url == "https://api.openai.com/v1"
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ProviderError, match="set OPENAI_API_KEY"):
        open_openai("gpt-4o-mini")


async def test_a_401_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "wrong")
    async with OpenAIServer(refuse(401, "unauthorized")) as server:
        with pytest.raises(ProviderError, match="check the key in VLLM_API_KEY"):
            await collect(open_vllm(f"{server.url}#m"))


async def test_a_whole_answer_without_counts_is_estimated() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(200, completion("a b c"))

    async with OpenAIServer(handler) as server:
        (got,) = await collect(OpenAIWire(server.url, model="m"))
        assert got.usage.estimated
