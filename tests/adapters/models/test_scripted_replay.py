"""The two models that ship without a model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from modulo.adapters.models import replay, scripted
from modulo.adapters.models.replay import Recorder
from modulo.adapters.models.scripted import Scripted, ScriptedAnswer
from modulo.errors import ModelStringError, ProviderError, TraceError
from modulo.protocols import Generator
from modulo.types import Completion, Message, Sampling, Usage


def ask(text: str = "hello") -> list[Message]:
    return [Message(role="system", content="be brief"), Message(role="user", content=text)]


async def collect(model: Generator, n: int = 1, text: str = "hello", **sampling: Any) -> list[Completion]:
    async with aclosing(model.generate(ask(text), n=n, sampling=Sampling(**sampling))) as stream:
        return [c async for c in stream]


async def texts(model: Generator, n: int = 1, text: str = "hello") -> list[str]:
    return [c.text for c in await collect(model, n, text)]


async def test_answers_come_in_order_and_run_out() -> None:
    model = Scripted(["a", "b", ScriptedAnswer(text="<think>t</think>c", usage=Usage(completion_tokens=3))])
    assert isinstance(model, Generator)
    assert await texts(model, 2) == ["a", "b"]
    stream = model.generate(ask(), n=2, sampling=Sampling(seed=7))
    last = await anext(stream)
    assert (last.text, last.reasoning, last.seed, last.usage.completion_tokens) == ("c", "t", 7, 3)
    with pytest.raises(ProviderError, match="script exhausted: scripted has 3 answers"):
        await anext(stream)
    assert (model.started, model.finished, model.cancelled) == (3, 3, 0)


async def test_cycle_begins_again() -> None:
    assert await texts(Scripted(["a", "b"], cycle=True), 5) == ["a", "b", "a", "b", "a"]


async def test_delays_decide_the_order_and_closing_cancels() -> None:
    answers = [ScriptedAnswer(text=str(d), delay=d) for d in (30.0, 0.02, 0.0)]
    model = Scripted(answers)
    async with aclosing(model.generate(ask(), n=3, sampling=Sampling(seed=1))) as stream:
        got = [await anext(stream), await anext(stream)]
    assert [(c.text, c.index, c.seed) for c in got] == [("0.0", 2, 3), ("0.02", 1, 2)]
    assert got[1].seconds >= 0.02
    assert (model.started, model.finished, model.cancelled) == (3, 2, 1)


async def test_cancelling_the_task_counts() -> None:
    model = Scripted(["x"] * 4, delay=30)
    task = asyncio.create_task(collect(model, 4))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (model.started, model.finished, model.cancelled) == (4, 0, 4)


async def test_keys_choose_the_list() -> None:
    model = Scripted({"cats": ["meow"], "dogs": ["woof", "wuff"]})
    assert await texts(model, text="about dogs") == ["woof"]
    assert await texts(model, text="about cats") == ["meow"]
    assert await texts(model, text="dogs again") == ["wuff"]
    with pytest.raises(ProviderError, match="none of its keys"):
        await texts(model, text="about fish")


FILES: list[tuple[str, str]] = [
    ("a.yaml", "- one\n- {text: two, delay: 0.01}\n"),
    ("a.json", '["one", {"text": "two"}]'),
    ("a.jsonl", '"one"\n\n{"text": "two", "finish_reason": "length"}\n'),
    ("b.yaml", "'hell': [one, two]\n'': [three]\n"),
]


@pytest.mark.parametrize(("name", "content"), FILES)
async def test_script_files(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    model = scripted.open_model(str(path))
    assert model.name == f"scripted:{path}"
    assert await texts(model, 2) == ["one", "two"]


BAD: list[tuple[Callable[[str], Generator], str, bytes | None, str]] = [
    (scripted.open_model, "a.yaml", None, "cannot read script .*a.yaml: No such file"),
    (scripted.open_model, "a.yaml", b"\xff\xfe\xfa", "not UTF-8"),
    (scripted.open_model, "a.yaml", b"a: [", "a.yaml:1: it is neither YAML nor JSON"),
    (scripted.open_model, "a.yaml", b"just text", "it must be a list"),
    (scripted.open_model, "a.yaml", b"", "it must be a list"),
    (scripted.open_model, "a.yaml", b"{key: text}", r"\['key'\] must be a list"),
    (scripted.open_model, "a.yaml", b"[a, 5]", r"\[1\]: .*an answer is a string"),
    (scripted.open_model, "a.yaml", b"[{text: a, dely: 1}]", r"\[0\].dely: Extra inputs"),
    (scripted.open_model, "a.yaml", b"[{text: a, delay: -1}]", r"\[0\].delay: "),
    (scripted.open_model, "a.jsonl", b'"a"\n{"text"', "a.jsonl:2: the line is not JSON"),
    (replay.open_model, "a.jsonl", None, "cannot read recording"),
    (replay.open_model, "a.jsonl", b'{"no": 1}\n{}\n', "a.jsonl:1: the line is not a recorded completion"),
    (replay.open_model, "a.jsonl", b'{"version": 9}\n', "a.jsonl:1: version 9 instead of 1"),
]


@pytest.mark.parametrize(("opener", "name", "content", "words"), BAD)
def test_bad_files(
    tmp_path: Path, opener: Callable[[str], Generator], name: str, content: bytes | None, words: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelStringError, match=words) as caught:
        opener(str(path))
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelStringError, match="needs a file"):
        opener("")


async def test_what_is_recorded_is_played_back_once_each(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    recorder = Recorder(Scripted({"one": ["a", "<think>t</think>a", "b"], "two": ["c"]}), path)
    assert isinstance(recorder, Generator)
    recorded = await collect(recorder, 2, "one") + await collect(recorder, 1, "two") + await collect(recorder, 1, "one")
    await recorder.aclose()

    player = replay.open_model(str(path))
    assert isinstance(player, Generator)
    assert await texts(player, text="two") == ["c"]
    first = await collect(player, 2, "one")
    assert first == recorded[:2]
    stream = player.generate(ask("one"), n=2, sampling=Sampling())
    assert (await anext(stream)).text == "b"
    with pytest.raises(ProviderError, match="only 3 samples of this prompt, and 4 were asked for"):
        await anext(stream)
    with pytest.raises(ProviderError, match="no sample of this prompt"):
        await collect(player, text="three")
    await player.aclose()


async def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    await collect(Recorder(Scripted(["a", "b"]), path), 2)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    player = replay.open_model(str(path))
    assert await texts(player) == ["a"]
    assert json.loads(whole.splitlines()[1])["completion"]["text"] == "b"


async def test_a_recording_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="cannot write recording"):
        await collect(Recorder(Scripted(["a"]), tmp_path / "no" / "r.jsonl"))


async def test_n_below_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("")
    for model in (Scripted(["a"]), replay.open_model(str(path))):
        with pytest.raises(ValueError, match="at least 1"):
            await collect(model, 0)
