"""Puts streamed pieces together to completions: one accumulator per choice, bounded in size."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from modulo.thinking import split_thinking
from modulo.types import Completion, Usage

__all__ = ["CAPPED", "MAX_CHARS", "Choice", "MalformedError", "excerpt", "parse_json", "usage_of", "whole"]

MAX_CHARS = 2_000_000
"""Characters of text and reasoning kept of one choice: several times what any hosted model can write. A choice that
reaches it ends there, with finish reason `length_cap`."""
CAPPED = "length_cap"


class MalformedError(Exception):
    """What the server sent does not have the shape of an answer."""


def parse_json(payload: bytes) -> dict[str, Any]:
    """A JSON object; `NaN` and infinities become `None`, because no trace could hold them.

    Raises:
        MalformedError: it is not JSON, or not an object.
    """
    try:
        value = json.loads(payload, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        raise MalformedError(f"it is not JSON: {excerpt(payload)}") from None
    if not isinstance(value, dict):
        raise MalformedError(f"it is not a JSON object: {excerpt(payload)}")
    return value


def excerpt(payload: bytes) -> str:
    """The first characters, on one line, printable."""
    return repr(payload[:80].decode("utf-8", "replace"))


@dataclass
class Choice:
    """One choice while it arrives.

    Attributes:
        pieces: non-empty deltas so far, the stand-in for tokens where the server reports none.
        logprobs_whole: no entry was missing or infinite.
        usage: this choice's own token counts as the server reported them.
    """

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    logprobs_whole: bool = True
    size: int = 0
    pieces: int = 0
    usage: Usage | None = None
    finish_reason: str | None = None

    def feed(self, choice: dict[str, Any], part: str = "delta") -> bool:
        """Take one element of `choices`; true when the choice is finished by it.

        Args:
            choice: the element.
            part: `delta` in a stream, `message` in a whole answer.

        Raises:
            MalformedError: a field has the wrong type.
        """
        delta = choice.get(part)
        if delta is None:
            delta = {}
        if not isinstance(delta, dict):
            raise MalformedError(f"choices[].{part} is not an object")
        text = _string(delta, "content")
        thought = _string(delta, "reasoning_content") or _string(delta, "reasoning")
        self._logprobs(choice.get("logprobs"))
        if text or thought:
            self.pieces += 1
        capped = False
        for piece, into in ((thought, self.reasoning), (text, self.text)):
            room = MAX_CHARS - self.size
            into.append(piece[:room])
            self.size += min(len(piece), room)
            capped = capped or len(piece) > room
        reason = _string(choice, "finish_reason")
        if capped:
            self.finish_reason = CAPPED
        elif reason:
            self.finish_reason = reason
        return self.finish_reason is not None

    def _logprobs(self, given: Any) -> None:
        content = given.get("content") if isinstance(given, dict) else None
        if not isinstance(content, list) or self.size >= MAX_CHARS:
            return
        values = [entry.get("logprob") if isinstance(entry, dict) else None for entry in content]
        finite = [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)]
        self.logprobs_whole = self.logprobs_whole and len(finite) == len(values)
        self.logprobs.extend(finite)

    def completion(self, *, index: int, model: str, seed: int | None, usage: Usage, seconds: float) -> Completion:
        """The finished value."""
        text, thought = split_thinking(whole("".join(self.text)))
        reasoning = "\n".join(part for part in (whole("".join(self.reasoning)).strip(), thought) if part)
        return Completion(
            text=text,
            reasoning=reasoning or None,
            index=index,
            finish_reason=self.finish_reason,
            model=model,
            seed=seed,
            usage=usage,
            logprobs=tuple(self.logprobs) if self.logprobs and self.logprobs_whole else None,
            seconds=seconds,
        )


def whole(text: str) -> str:
    """The text with surrogate halves joined, and lone ones replaced: they cannot be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def usage_of(event: dict[str, Any]) -> Usage | None:
    """The token counts of an event, in OpenAI's form (`usage`) or llama.cpp's (`timings`), or `None`.

    A count that is no number ≥ 0 is as good as none: an answer is not worth losing over it.
    """
    usage, timings = event.get("usage"), event.get("timings")
    if isinstance(usage, dict):
        prompt, completion = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    elif isinstance(timings, dict):
        fresh, cached = _count(timings, "prompt_n"), _count(timings, "cache_n")
        prompt = None if fresh is None else fresh + (cached or 0)
        completion = _count(timings, "predicted_n")
    else:
        return None
    if completion is None:
        return None
    return Usage(prompt_tokens=prompt or 0, completion_tokens=completion)


def _count(counts: dict[str, Any], key: str) -> int | None:
    value = counts.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        return None
    return int(value)


def _string(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedError(f"{key} is not text")
    return value
