"""A model that says what a file or a list tells it to: for tests, demos and measuring everything but the model.

`scripted:FILE` reads YAML, JSON or JSONL. The file is a list of answers, given in order across all calls, or a mapping
from a piece of the prompt to such a list: the first key found in any message decides, "" matches every prompt. An
answer is a string, or a mapping:

    - The answer is 9.
    - {text: "```python\\ndef f(): ...\\n```", delay: 0.2, finish_reason: length, usage: {completion_tokens: 12}}

`delay` is in seconds. The text may hold `<think>…</think>`. A script that has run out is an error, not a repetition: a
loop that asks for more than was foreseen should be seen to do so.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from modulo.errors import ModelStringError, ProviderError
from modulo.thinking import split_thinking
from modulo.types import Completion, Message, Sampling, Usage, Value

__all__ = ["Scripted", "ScriptedAnswer", "open_model"]


class ScriptedAnswer(Value):
    """One answer of a script.

    Attributes:
        text: raw text, as a model would send it.
        delay: seconds from the request until it is finished; `None` takes the script's.
        finish_reason: as a server would say it.
        usage: token counts.
    """

    text: str
    delay: float | None = Field(default=None, ge=0, le=3600)
    finish_reason: str | None = "stop"
    usage: Usage = Usage()


class _Queue:
    """Answers that are given one after the other."""

    def __init__(self, answers: Sequence[str | ScriptedAnswer], *, delay: float, cycle: bool, model: str) -> None:
        self._ready: list[tuple[float, Completion]] = []
        for given in answers:
            answer = ScriptedAnswer(text=given) if isinstance(given, str) else given
            text, reasoning = split_thinking(answer.text)
            completion = Completion(
                text=text,
                reasoning=reasoning,
                finish_reason=answer.finish_reason,
                model=model,
                usage=answer.usage,
            )
            self._ready.append((delay if answer.delay is None else answer.delay, completion))
        self._cycle = cycle
        self._next = 0

    def take(self, n: int) -> list[tuple[float, Completion]]:
        """The next `n`, or as many as are left."""
        ready, start = self._ready, self._next
        if self._cycle and ready:
            self._next = (start + n) % len(ready)
            return [ready[(start + i) % len(ready)] for i in range(n)]
        self._next = min(len(ready), start + n)
        return ready[start : self._next]

    def __len__(self) -> int:
        return len(self._ready)


class Scripted:
    """A `Generator` without a model. Adds microseconds to a call, so that overheads can be measured with it.

    Args:
        answers: texts or answers in order, or a mapping from a piece of the prompt to such a list.
        delay: seconds that an answer without its own takes.
        cycle: begin again when the answers have run out.
        name: model string, for traces.

    Attributes:
        started: choices asked for so far.
        finished: choices handed over.
        cancelled: choices that were not, because the consumer stopped before.
    """

    def __init__(
        self,
        answers: Sequence[str | ScriptedAnswer] | Mapping[str, Sequence[str | ScriptedAnswer]],
        delay: float = 0.0,
        *,
        cycle: bool = False,
        name: str = "scripted",
    ) -> None:
        by_key = answers if isinstance(answers, Mapping) else {"": answers}
        self._queues = {key: _Queue(queue, delay=delay, cycle=cycle, model=name) for key, queue in by_key.items()}
        self._name = name
        self.started = self.finished = self.cancelled = 0

    @property
    def name(self) -> str:
        """The model string."""
        return self._name

    async def generate(
        self, messages: Sequence[Message], *, n: int, sampling: Sampling
    ) -> AsyncGenerator[Completion, None]:
        """Yield the next `n` answers in the order of their delays; see `modulo.protocols.Generator`.

        Raises:
            ProviderError: the script has run out, after what was left of it; or no key of it is in the prompt.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, not {n}")
        queue = self._queue(messages)
        taken = queue.take(n)
        begun = time.monotonic()
        given = 0
        self.started += len(taken)
        try:
            for index, (delay, completion) in sorted(enumerate(taken), key=lambda item: item[1][0]):
                if delay:
                    await asyncio.sleep(max(0.0, begun + delay - time.monotonic()))
                given += 1
                self.finished += 1
                if index or delay or sampling.seed is not None:
                    seed = None if sampling.seed is None else sampling.seed + index
                    changed = {"index": index, "seed": seed, "seconds": time.monotonic() - begun}
                    completion = completion.model_copy(update=changed)
                yield completion
        finally:
            self.cancelled += len(taken) - given
        if len(taken) < n:
            raise ProviderError(
                f"script exhausted: {self._name} has {len(queue)} answers for this prompt; add more, or ask for fewer"
            )

    async def aclose(self) -> None:
        """Nothing to release."""

    def _queue(self, messages: Sequence[Message]) -> _Queue:
        for key, queue in self._queues.items():
            if not key or any(key in message.content for message in messages):
                return queue
        raise ProviderError(
            f"{self._name} has no answers for this prompt: none of its keys is in it; add one, or a key ''"
        )


def open_model(rest: str) -> Scripted:
    """Open `scripted:FILE`; reads the file.

    Raises:
        ModelStringError: the file cannot be read, or is not a script; names file and entry.
    """
    if not rest:
        raise ModelStringError("model string 'scripted:' needs a file, as in scripted:answers.yaml")
    path = Path(rest).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ModelStringError(f"cannot read script {path}: {reason}") from None
    data = _parse(path, text)
    answers: list[ScriptedAnswer] | dict[str, list[ScriptedAnswer]]
    if isinstance(data, dict):
        answers = {str(key): _answers(path, value, f"[{key!r}]") for key, value in data.items()}
    else:
        answers = _answers(path, data, "")
    return Scripted(answers, name=f"scripted:{rest}")


def _parse(path: Path, text: str) -> Any:
    if path.suffix == ".jsonl":
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        parsed = []
        for number, line in lines:
            try:
                parsed.append(json.loads(line))
            except (ValueError, RecursionError):
                raise ModelStringError(f"script {path}:{number}: the line is not JSON") from None
        return parsed
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark is not None else ""
        raise ModelStringError(f"script {path}{place}: it is neither YAML nor JSON") from None


def _answers(path: Path, data: Any, where: str) -> list[ScriptedAnswer]:
    if not isinstance(data, list):
        raise ModelStringError(f"script {path}: {where or 'it'} must be a list of answers")
    answers = []
    for index, entry in enumerate(data):
        try:
            answers.append(ScriptedAnswer.model_validate({"text": entry} if isinstance(entry, str) else entry))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise ModelStringError(
                f"script {path}: {where}[{index}]{'.' if field else ''}{field}: {first['msg']}; "
                "an answer is a string or {text, delay, finish_reason, usage}"
            ) from None
    return answers
