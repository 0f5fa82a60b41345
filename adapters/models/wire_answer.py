"""Reads the answer to one chat-completions request, and yields each choice as it finishes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from modulo.adapters.models.assemble import CAPPED, Choice, MalformedError, excerpt, parse_json, usage_of
from modulo.adapters.models.retry import RETRIED_STATUS, RetriableError
from modulo.adapters.models.sse import MAX_EVENT_BYTES, StreamStalledError, StreamTooLargeError, events
from modulo.adapters.models.wire_body import Dialect, fold_seed
from modulo.adapters.models.wire_errors import error_text
from modulo.errors import ProviderError
from modulo.types import Completion, Usage

if TYPE_CHECKING:
    import httpx

__all__ = ["read_answer"]

_USAGE_GRACE = 0.25
"""Seconds that a lone finished choice waits for its token counts, which follow at once or never."""
_DRAIN_GRACE = 0.05
"""Seconds to wait for the end of the stream after the last choice: the connection can then be used again."""


async def read_answer(
    response: httpx.Response,
    *,
    indexes: Sequence[int],
    seed: int | None,
    model: str,
    dialect: Dialect,
    idle: float,
    started: float,
    who: str,
    secrets: tuple[str, ...],
) -> AsyncGenerator[Completion, None]:
    """Yield the choices of a response with status 200, numbered by `indexes`, in the order they finish.

    Args:
        response: with its body unread.
        indexes: what to number the server's choices 0, 1, … as.
        seed: seed of the request.
        model: model id, should the server not say its own.
        dialect: decides which token counts are a choice's own.
        idle: seconds without data, although bytes come, after which to give up.
        started: `time.monotonic()` of the request.
        who: the server, for messages.
        secrets: strings to keep out of messages.

    Raises:
        MalformedError: the answer is broken.
        RetriableError: the stream ended, or reported a passing failure, before every choice it had begun
            was finished.
        ProviderError: the server reported a lasting failure, or sent too much.
    """
    reader = _Reader(indexes, seed, model, dialect, started, who, secrets)
    source: AsyncGenerator[Completion, None]
    if "event-stream" in response.headers.get("content-type", ""):
        source = reader.streamed(response, idle)
    else:
        source = reader.whole(response)
    try:
        async with aclosing(source):
            async for completion in source:
                yield completion
    except StreamTooLargeError:
        raise ProviderError(f"{who} sent one event of more than {MAX_EVENT_BYTES} bytes") from None
    except StreamStalledError:
        raise ProviderError(f"{who} kept the stream open but sent no data for {idle:g} s") from None


@contextlib.asynccontextmanager
async def _grace(seconds: float) -> AsyncGenerator[None, None]:
    """Reading on after every choice is complete: whatever goes wrong, or takes longer, changes nothing."""
    import httpx

    with contextlib.suppress(TimeoutError, httpx.HTTPError, MalformedError, StreamTooLargeError, StreamStalledError):
        async with asyncio.timeout(seconds):
            yield


class _Reader:
    """State of one answer."""

    def __init__(
        self,
        indexes: Sequence[int],
        seed: int | None,
        model: str,
        dialect: Dialect,
        started: float,
        who: str,
        secrets: tuple[str, ...],
    ) -> None:
        self._indexes = indexes
        self._seed = seed
        self._model = model
        self._dialect = dialect
        self._started = started
        self._who = who
        self._secrets = secrets
        self._open: dict[int, Choice] = {}
        self._done: set[int] = set()
        self._prompt_counted = False

    async def streamed(self, response: httpx.Response, idle: float) -> AsyncGenerator[Completion, None]:
        """Server-sent events."""
        flooded = False
        async with aclosing(events(response.aiter_bytes(), idle=idle)) as stream:
            async for payload in stream:
                if payload == b"[DONE]":
                    for number in sorted(self._open):
                        yield self._finish(number, None)
                    return
                if not payload:
                    continue
                event = parse_json(payload)
                for number in self._feed(event, "delta"):
                    usage = self._own_usage(event)
                    flooded = flooded or self._open[number].finish_reason == CAPPED
                    if usage is None and len(self._indexes) == 1 and not flooded:
                        usage = await self._trailing_usage(stream)
                    yield self._finish(number, usage)
                if len(self._done) == len(self._indexes):
                    if not flooded:
                        await self._drain(stream)
                    return
        if self._open:
            raise RetriableError(f"{self._who} cut the stream in the middle of a choice")

    async def whole(self, response: httpx.Response) -> AsyncGenerator[Completion, None]:
        """One JSON document, from a server that does not stream."""
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MAX_EVENT_BYTES:
                raise StreamTooLargeError
        if not body.strip():
            return
        if not body.lstrip().startswith(b"{"):
            kind = response.headers.get("content-type", "no content type").partition(";")[0]
            raise MalformedError(f"{kind} instead of a completion: {excerpt(bytes(body))}")
        event = parse_json(bytes(body))
        self._feed(event, "message")
        total = usage_of(event)
        count = len(self._open)
        for position, number in enumerate(sorted(self._open)):
            usage = total
            if total is not None and count > 1:
                each, remainder = divmod(total.completion_tokens, count)
                usage = Usage(
                    prompt_tokens=total.prompt_tokens,
                    completion_tokens=each + (remainder if position == 0 else 0),
                    estimated=True,
                )
            yield self._finish(number, usage)

    def _feed(self, event: dict[str, Any], part: str) -> list[int]:
        """Take an event; returns the numbers of the choices that it finishes."""
        if event.get("error"):
            self._reported(event)
        if isinstance(event.get("model"), str) and event["model"]:
            self._model = event["model"]
        choices = event.get("choices")
        if choices is None:
            choices = []
        if not isinstance(choices, list):
            raise MalformedError("choices is not a list")
        finished: list[int] = []
        for position, given in enumerate(choices):
            if not isinstance(given, dict):
                raise MalformedError("an element of choices is not an object")
            number = given.get("index", position)
            if isinstance(number, bool) or not isinstance(number, int) or number < 0:
                raise MalformedError("a choice's index is not a number ≥ 0")
            if number in self._done or number >= len(self._indexes):
                continue
            if self._open.setdefault(number, Choice()).feed(given, part):
                finished.append(number)
        return finished

    def _reported(self, event: dict[str, Any]) -> None:
        """Raise an error that the server put into the stream after its status 200."""
        error = event["error"]
        code = error.get("code") if isinstance(error, dict) else None
        message = f"{self._who} broke off: {error_text(event, secrets=self._secrets)}"
        lasting = isinstance(code, int) and 400 <= code < 500 and code not in RETRIED_STATUS
        raise ProviderError(message) if lasting else RetriableError(message)

    def _own_usage(self, event: dict[str, Any]) -> Usage | None:
        """The counts in an event, if they are those of the one choice in it."""
        if len(event["choices"]) != 1:
            return None
        if self._dialect == "openai" and len(self._indexes) > 1:
            return None
        return usage_of(event)

    async def _trailing_usage(self, stream: AsyncIterator[bytes]) -> Usage | None:
        """The counts that follow a lone finished choice, if they do so within the grace."""
        async with _grace(_USAGE_GRACE):
            async for payload in stream:
                if payload == b"[DONE]":
                    break
                usage = usage_of(parse_json(payload)) if payload else None
                if usage is not None:
                    return usage
        return None

    async def _drain(self, stream: AsyncIterator[bytes]) -> None:
        """Read to the end of a stream that has nothing more to say, within the grace."""
        async with _grace(_DRAIN_GRACE):
            async for _ in stream:
                pass

    def _finish(self, number: int, usage: Usage | None) -> Completion:
        choice = self._open.pop(number)
        self._done.add(number)
        if usage is None:
            usage = Usage(completion_tokens=max(choice.pieces, len(choice.logprobs)), estimated=True)
        if self._prompt_counted:
            usage = usage.model_copy(update={"prompt_tokens": 0})
        self._prompt_counted = True
        seed = self._seed
        if seed is not None and self._dialect != "openai":
            # vLLM and llama.cpp give choice i the seed + i, so that it can be drawn again alone.
            seed = fold_seed(seed + number)
        return choice.completion(
            index=self._indexes[number],
            model=self._model,
            seed=seed,
            usage=usage,
            seconds=time.monotonic() - self._started,
        )
