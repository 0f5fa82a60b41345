"""The local model with real weights; skipped where they have not been fetched (`modulo models fetch`)."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from modulo.adapters.models import llama_server, weights
from modulo.adapters.models.catalogue import DEFAULT
from modulo.adapters.models.local import Local, _Slots, open_model
from modulo.errors import ConfigError, MissingExtraError, ModelStringError, ProviderError, WeightsError
from modulo.protocols import Generator
from modulo.types import Completion, Message, Sampling


def ask(text: str) -> list[Message]:
    return [Message(role="user", content=text)]


def _skip_without_llama() -> None:
    # Not `importorskip`: it must be loaded by our own code, which tells OpenMP first not to spin.
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed")


@pytest.fixture
def local() -> Local:
    _skip_without_llama()
    if weights.status(DEFAULT) is None:
        pytest.skip(f"{DEFAULT.file} is not here; fetch it with: modulo models fetch")
    return open_model("")


async def collect(model: Generator, text: str, n: int = 1, **sampling: Any) -> list[Completion]:
    async with aclosing(model.generate(ask(text), n=n, sampling=Sampling(**sampling))) as stream:
        return [c async for c in stream]


@pytest.mark.model
async def test_a_real_answer(local: Local) -> None:
    assert isinstance(local, Generator)
    (got,) = await collect(local, "What is the capital of France? One word.", temperature=0, max_tokens=10)
    assert "Paris" in got.text
    assert got.finish_reason == "stop"
    assert got.model == DEFAULT.name
    assert got.usage.prompt_tokens > 20
    assert 1 <= got.usage.completion_tokens <= 10
    assert not got.usage.estimated
    await local.aclose()
    await local.aclose()


@pytest.mark.model
def test_choices_differ_and_a_seed_reproduces_them_in_another_loop(local: Local) -> None:
    def draw() -> dict[int, tuple[str, int | None]]:
        got = asyncio.run(collect(local, "Name an animal and its colour.", 4, temperature=1.2, max_tokens=12, seed=3))
        assert sum(c.usage.prompt_tokens > 0 for c in got) == 1
        return {c.index: (c.text, c.seed) for c in got}

    first = draw()
    assert {seed for _, seed in first.values()} == {3, 4, 5, 6}
    assert len({text for text, _ in first.values()}) > 1
    assert draw() == first


@pytest.mark.model
async def test_more_choices_than_slots(local: Local) -> None:
    got = await collect(local, "Say a number.", llama_server.SLOTS + 2, max_tokens=3, seed=1)
    assert sorted(c.index for c in got) == list(range(llama_server.SLOTS + 2))
    assert {c.index: c.seed for c in got} == {i: 1 + i for i in range(llama_server.SLOTS + 2)}


@pytest.mark.model
async def test_a_schema_shapes_the_answer(local: Local) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}},
        "required": ["x", "y"],
        "additionalProperties": False,
    }
    for got in await collect(
        local, "Two numbers.", 2, json_schema=schema, max_tokens=60, temperature=0.8, logprobs=True
    ):
        value = json.loads(got.text)
        assert set(value) == {"x", "y"}
        assert got.logprobs is not None
        assert all(p <= 0 for p in got.logprobs)


@pytest.mark.model
async def test_closing_stops_the_decoding(local: Local) -> None:
    import httpx

    async with aclosing(
        local.generate(ask("Count from 1 to 900 in words."), n=6, sampling=Sampling(max_tokens=3000))
    ) as stream:
        waiting = asyncio.ensure_future(anext(stream))
        server = await local._server()
        headers = {"Authorization": f"Bearer {server.key}"}
        async with httpx.AsyncClient(trust_env=False, headers=headers) as client:

            async def at_work() -> int:
                slots = (await client.get(server.url.removesuffix("/v1") + "/slots")).json()
                return sum(bool(slot["is_processing"]) for slot in slots)

            while await at_work() < 6:  # noqa: ASYNC110 (another program's state)
                await asyncio.sleep(0.02)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            while await at_work():  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@pytest.mark.model
async def test_a_prompt_that_does_not_fit_is_one_line(local: Local) -> None:
    with pytest.raises(ProviderError, match="context") as caught:
        await collect(local, "word " * (2 * llama_server.SLOT_CONTEXT))
    assert "\n" not in str(caught.value)


@pytest.mark.model
async def test_strangers_are_refused(local: Local) -> None:
    import httpx

    server = await local._server()
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(server.url + "/models")).status_code == 401


@pytest.mark.model
@pytest.mark.parametrize(
    "end", ["", "import threading; threading.Thread(target=forever, daemon=True).start(); time.sleep(1)"]
)
def test_the_interpreter_ends_quietly(local: Local, end: str) -> None:
    """Also while a daemon thread is still drawing from the model."""
    program = f"""
import asyncio, time
from modulo.adapters.models.local import open_model
from modulo.types import Message, Sampling
model = open_model("")
ask = [Message(role="user", content="Count to 900 in words.")]
async def draw(n, tokens):
    async for c in model.generate(ask, n=n, sampling=Sampling(max_tokens=tokens)):
        if tokens < 10: print(len(c.text) > 0)
async def both():
    await asyncio.gather(draw(1, 3), draw(2, 3))
def forever():
    asyncio.run(draw(2, 3000))
asyncio.run(both())
{end}
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n" * 3, "")


@pytest.mark.model
def test_an_interrupted_start_ends_quietly(local: Local) -> None:
    program = """
import asyncio
from modulo.adapters.models.local import open_model
from modulo.types import Message, Sampling
async def main():
    model = open_model("")
    task = asyncio.ensure_future(anext(model.generate([Message(role="user", content="x")], n=1, sampling=Sampling())))
    await asyncio.sleep(0.2)
    task.cancel()
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    _skip_without_llama()
    path = tmp_path / "bad.gguf"
    path.write_bytes(b"GGUF rubbish")
    model = open_model(str(path))
    for _ in range(2):
        with pytest.raises(WeightsError, match=r"cannot load .*bad\.gguf"):
            await collect(model, "hello")


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("7b", "no weights named '7b'; known are 0.5b, 1.5b"),
        ("/no/such.gguf", "there is no file /no/such.gguf"),
        ("such.gguf", "there is no file such.gguf"),
        ("/etc/passwd", "is not a .gguf file"),
    ],
)
def test_bad_model_strings(rest: str, words: str) -> None:
    with pytest.raises(ModelStringError, match=words) as caught:
        open_model(rest)
    assert "\n" not in str(caught.value)


def test_the_environment_may_name_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _skip_without_llama()
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.setenv("MODULO_WEIGHTS", str(path))
    assert open_model("")._source == path
    assert open_model("1.5b")._source != path
    for wrong in (tmp_path / "none", tmp_path / "x.bin"):
        monkeypatch.setenv("MODULO_WEIGHTS", str(wrong))
        if wrong.suffix:
            wrong.write_bytes(b"")
        with pytest.raises(ConfigError, match="MODULO_WEIGHTS"):
            open_model("")


def test_a_missing_extra_names_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install \"llm-modulo\[local\]\""):
        open_model("")


async def test_slots_are_given_in_turn() -> None:
    slots, order = _Slots(4), list[str]()

    async def hold(name: str, count: int) -> None:
        await slots.acquire(count)
        order.append(name)

    await hold("first", 3)
    wide = asyncio.create_task(hold("wide", 4))
    narrow = asyncio.create_task(hold("narrow", 1))
    gone = asyncio.create_task(hold("gone", 2))
    await asyncio.sleep(0)
    gone.cancel()
    slots.release(3)
    await wide
    slots.release(4)
    await narrow
    assert order == ["first", "wide", "narrow"]
    assert gone.cancelled() or await asyncio.wait({gone})
    slots.release(1)
    await asyncio.wait_for(slots.acquire(4), 5)


async def test_a_cancelled_wait_gives_its_slots_back() -> None:
    slots = _Slots(2)
    await slots.acquire(2)
    waiting = asyncio.create_task(slots.acquire(2))
    behind = asyncio.create_task(slots.acquire(1))
    await asyncio.sleep(0)
    slots.release(2)  # the turn is granted, and the task cancelled before it runs
    waiting.cancel()
    await asyncio.wait({waiting})
    await behind
    await asyncio.wait_for(slots.acquire(1), 5)
