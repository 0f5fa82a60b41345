"""Records a model's completions, and plays them back without the model.

A recording is JSON lines, one completion each, in the order they came:
`{"version": 1, "prompt": sha256 of the messages, "completion": {…}}`. Playing back gives the samples of
a prompt in that order and never the same one twice: a recording that returned a sample again would make best-of-n look
at one answer n times.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

from pydantic import ValidationError

from modulo.errors import ModelStringError, ProviderError, TraceError
from modulo.protocols import Generator
from modulo.types import Completion, Message, Sampling, digest

__all__ = ["Recorder", "Replay", "open_model", "prompt_key"]

_VERSION = 1


def prompt_key(messages: Sequence[Message]) -> str:
    """What a recording knows a prompt by: the hash of its roles and contents. Sampling is no part of it."""
    return digest([[message.role, message.content] for message in messages])


class Recorder:
    """A `Generator` that passes on another's completions and appends each to a file.

    Args:
        generator: the model.
        path: the recording; created with the first completion, appended to if it exists.
    """

    def __init__(self, generator: Generator, path: str | Path) -> None:
        self._generator = generator
        self._path = Path(path)

    @property
    def name(self) -> str:
        """The recorded model's string."""
        return self._generator.name

    async def generate(
        self, messages: Sequence[Message], *, n: int, sampling: Sampling
    ) -> AsyncGenerator[Completion, None]:
        """Yield the model's completions, each after it is written; see `modulo.protocols.Generator`.

        Raises:
            TraceError: the file cannot be written.
        """
        key = prompt_key(messages)
        async with aclosing(self._generator.generate(messages, n=n, sampling=sampling)) as completions:
            async for completion in completions:
                self._write(key, completion)
                yield completion

    async def aclose(self) -> None:
        """Close the model."""
        await self._generator.aclose()

    def _write(self, key: str, completion: Completion) -> None:
        entry = {"version": _VERSION, "prompt": key, "completion": completion.model_dump(mode="json")}
        try:
            # Opened for each line: a crash loses at most the line being written, and there is nothing to leave open.
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise TraceError(f"cannot write recording {self._path}: {error.strerror or error}") from error


class Replay:
    """A `Generator` that plays a recording back.

    Args:
        samples: completions in order, by `prompt_key`.
        name: model string, for traces.
    """

    def __init__(self, samples: dict[str, list[Completion]], *, name: str) -> None:
        self._samples = samples
        self._given: dict[str, int] = {}
        self._name = name

    @property
    def name(self) -> str:
        """The model string."""
        return self._name

    async def generate(
        self, messages: Sequence[Message], *, n: int, sampling: Sampling
    ) -> AsyncGenerator[Completion, None]:
        """Yield the prompt's next `n` samples, at once and in recorded order; see `modulo.protocols.Generator`.

        Raises:
            ProviderError: the recording has no more samples of this prompt, after what was left of them.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, not {n}")
        key = prompt_key(messages)
        samples = self._samples.get(key, [])
        start = self._given.get(key, 0)
        taken = samples[start : start + n]
        self._given[key] = start + len(taken)
        for index, completion in enumerate(taken):
            yield completion.model_copy(update={"index": index})
        if len(taken) < n:
            kept = f"only {len(samples)} samples of this prompt" if samples else "no sample of this prompt"
            raise ProviderError(f"{self._name} holds {kept}, and {start + n} were asked for; record more")

    async def aclose(self) -> None:
        """Nothing to release."""


def open_model(rest: str) -> Replay:
    """Open `replay:FILE`; reads the file. A torn last line, as a crash leaves it, is passed over.

    Raises:
        ModelStringError: the file cannot be read, or is not a recording; names file and line.
    """
    if not rest:
        raise ModelStringError("model string 'replay:' needs a file, as in replay:recording.jsonl")
    path = Path(rest).expanduser()
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise ModelStringError(f"cannot read recording {path}: {error.strerror or error}") from None
    samples: dict[str, list[Completion]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            if entry["version"] != _VERSION:
                raise ModelStringError(
                    f"recording {path}:{number}: version {entry['version']!r} instead of {_VERSION}; record it again"
                )
            samples.setdefault(str(entry["prompt"]), []).append(Completion.model_validate(entry["completion"]))
        except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
            if number == len(lines):
                break
            raise ModelStringError(f"recording {path}:{number}: the line is not a recorded completion") from None
    return Replay(samples, name=f"replay:{rest}")
