"""Hosted APIs, through the real LiteLLM against a loopback provider."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import aclosing
from typing import Any

import pytest
from tests.support.openai_server import Exchange, Handler, OpenAIServer, completion, in_turn, refuse

from modulo.adapters.models.litellm import LiteLLM, open_model
from modulo.adapters.models.retry import RetryPolicy
from modulo.errors import MissingExtraError, ModelStringError, ProviderError
from modulo.protocols import Generator
from modulo.types import Completion, Message, Sampling

pytestmark = pytest.mark.filterwarnings(
    # LiteLLM's own: deprecated calls inside it, and connections that it keeps for good.
    "ignore::DeprecationWarning",
    "ignore:Item .* on TypedDict class:UserWarning",
)
ASK = [Message(role="user", content="hello")]
FAST = RetryPolicy(base=0.01)
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("litellm")
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(key, raising=False)


async def collect(model: Generator, n: int = 1, **sampling: Any) -> list[Completion]:
    async with aclosing(model.generate(ASK, n=n, sampling=Sampling(**sampling))) as stream:
        return [c async for c in stream]


def answering(text: str = "hi", *, delay: float = 0.0) -> Handler:
    async def handler(exchange: Exchange) -> None:
        await asyncio.sleep(delay)
        await exchange.reply(200, completion(text, usage=USAGE))

    return handler


def opened(server: OpenAIServer, model: str = "openai/stub") -> LiteLLM:
    found = open_model(f"{model}@{server.url}")
    found._retry = FAST
    return found


async def test_choices_seeds_and_usage() -> None:
    async with OpenAIServer(answering("<think>hm</think>hi")) as server:
        model = opened(server)
        got = await collect(model, n=3, seed=5, temperature=0.5, max_tokens=9)
        assert sorted((c.index, c.seed) for c in got) == [(0, 5), (1, 6), (2, 7)]
        assert {(c.text, c.reasoning, c.finish_reason, c.model) for c in got} == {("hi", "hm", "stop", "stub-model")}
        assert {(c.usage.prompt_tokens, c.usage.completion_tokens, c.usage.cost) for c in got} == {(1000, 100, None)}
        assert sorted(r["seed"] for r in server.requests) == [5, 6, 7]
        assert {(r["model"], r["temperature"], r["max_tokens"]) for r in server.requests} == {("stub", 0.5, 9)}
        assert isinstance(model, Generator)
        await model.aclose()


async def test_a_priced_model_has_a_cost_and_an_unknown_one_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async with OpenAIServer(answering()) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        (priced,) = await collect(open_model("openai/gpt-4o-mini"))
        assert priced.usage.cost == pytest.approx(1000 * 0.15e-6 + 100 * 0.6e-6)
        (unknown,) = await collect(open_model("openai/never-heard-of"))
        assert unknown.usage.cost is None


async def test_closing_cancels_what_still_runs() -> None:
    async with OpenAIServer(in_turn(answering(), answering(delay=30))) as server:
        model = opened(server)
        async with aclosing(model.generate(ASK, n=4, sampling=Sampling())) as stream:
            await anext(stream)
            await server.busy(3)
        await server.quiet()
        assert server.hung_up == 3


async def test_our_retries_and_not_its_own() -> None:
    async with OpenAIServer(in_turn(refuse(429, Retry_After="0"), refuse(500), answering())) as server:
        assert len(await collect(opened(server))) == 1
        assert len(server.requests) == 3
    for status in (429, 503):
        async with OpenAIServer(refuse(status, "storm")) as server:
            with pytest.raises(ProviderError, match=r"storm.*4 tries"):
                await collect(opened(server))
            assert len(server.requests) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_lasting_refusals_are_one_line_and_one_request(status: int) -> None:
    async with OpenAIServer(refuse(status, "never\nagain")) as server:
        with pytest.raises(ProviderError, match="never again") as caught:
            await collect(opened(server))
        assert "\n" not in str(caught.value)
        assert len(server.requests) == 1


async def test_rubbish_and_dead_servers() -> None:
    async def rubbish(exchange: Exchange) -> None:
        await exchange.reply(200, b"{nope")

    async def empty(exchange: Exchange) -> None:
        await exchange.reply(200, {"choices": [], "object": "chat.completion"})

    for handler in (rubbish, empty):
        async with OpenAIServer(handler) as server:
            with pytest.raises(ProviderError):
                await collect(opened(server))
    with pytest.raises(ProviderError, match="4 tries"):
        await collect(LiteLLM("openai/stub", api_base="http://127.0.0.1:9/v1", retry=FAST))


@pytest.mark.parametrize(
    ("model", "variable"), [("anthropic/claude-3-5-haiku", "ANTHROPIC_API_KEY"), ("openai/gpt-4o", "OPENAI_API_KEY")]
)
async def test_a_missing_key_names_its_variable(model: str, variable: str) -> None:
    with pytest.raises(ProviderError) as caught:
        await collect(open_model(model))
    assert str(caught.value) == f"litellm:{model} needs a key: set {variable}"


async def test_an_unknown_provider_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ProviderError) as caught:
        await collect(open_model("no-such-provider/model"))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("rest", ["", "gpt-4o", "/x", "openai/", "open ai/x", "openai/x@http://u:p@h/v1"])
def test_bad_model_strings(rest: str) -> None:
    with pytest.raises(ModelStringError) as caught:
        open_model(rest)
    assert "u:p" not in str(caught.value)


def test_a_missing_extra_names_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install \"llm-modulo\[litellm\]\""):
        open_model("openai/x")


def test_opening_loads_nothing() -> None:
    code = (
        "import sys; from modulo.adapters.models.litellm import open_model; open_model('openai/x'); "
        "print('litellm' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
