"""The OpenAI wire over httpx: the client for vLLM, llama.cpp and every compatible server.

One streamed `/chat/completions` request asks for all `n` choices, and each is yielded the moment it
finishes. Where a server gives fewer than asked, the rest is asked for in parallel, and the server's limit
is remembered.

Model strings: `openai:http://host:8000/v1` or, to name a model, `openai:http://host:8000/v1#model`;
`openai:gpt-4o-mini` is OpenAI's own API (or `OPENAI_BASE_URL`); `vllm:http://host:8000/v1`, likewise with
`#model`. Without a name the server's first model is taken. Keys come from `OPENAI_API_KEY` and
`VLLM_API_KEY`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from modulo.adapters.models.assemble import MalformedError, parse_json
from modulo.adapters.models.clients import Clients
from modulo.adapters.models.fanout import as_finished
from modulo.adapters.models.retry import (
    RETRIED_STATUS,
    RetriableError,
    Retrier,
    RetryPolicy,
    retry_after,
)
from modulo.adapters.models.sse import MAX_EVENT_BYTES
from modulo.adapters.models.wire_answer import read_answer
from modulo.adapters.models.wire_body import Dialect, fold_seed, request_body
from modulo.adapters.models.wire_errors import error_text, hint, one_line
from modulo.adapters.models.wire_url import shown_url, split_url
from modulo.errors import ModelStringError, ProviderError
from modulo.types import Completion, Message, Sampling

if TYPE_CHECKING:
    import httpx

__all__ = ["OpenAIWire", "open_openai", "open_vllm"]

_OPENAI = "https://api.openai.com/v1"
_ERROR_BYTES = 64_000
_REJECTS_N = re.compile(r"(?<![\w-])n(?![\w-])")


class OpenAIWire:
    """A `Generator` over one server.

    Args:
        base_url: up to, and without, `/chat/completions`.
        model: model id; `None` takes the first that `/models` lists.
        api_key: sent as a bearer token; never shown in an error.
        name: the model string, for traces.
        dialect: `openai` is understood by all; the others use more of what that server can do.
        retry: how failures are retried.
        key_variable: environment variable that an error about a key should name.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        name: str = "",
        dialect: Dialect = "openai",
        retry: RetryPolicy | None = None,
        key_variable: str = "",
    ) -> None:
        self._url = base_url.rstrip("/")
        self._model = model
        self._name = name or f"{dialect}:{shown_url(self._url)}"
        self._dialect: Dialect = dialect
        self._retry = retry or RetryPolicy()
        self._key_variable = key_variable
        self._secrets = (api_key,) if api_key else ()
        self._hosted = urlsplit(self._url).hostname == "api.openai.com"
        # Compressed answers could grow a thousandfold on arrival.
        headers = {"Accept-Encoding": "identity", "User-Agent": "llm-modulo"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self._clients = Clients(self._url, headers)
        self._max_n: int | None = None

    @property
    def name(self) -> str:
        """The model string it was opened from."""
        return self._name

    async def generate(
        self, messages: Sequence[Message], *, n: int, sampling: Sampling
    ) -> AsyncGenerator[Completion, None]:
        """Yield `n` completions in the order they finish; see `modulo.protocols.Generator`.

        Token counts are the server's where it gives them per choice: always with one choice a request, from
        vLLM and llama.cpp with any number. Else a choice counts its streamed pieces, and its usage says
        `estimated`.

        Raises:
            ProviderError: after retries, with the server's own words. Choices yielded before stay valid.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, not {n}")
        size = self._max_n or n
        groups = [list(range(i, min(i + size, n))) for i in range(0, n, size)]
        async with aclosing(self._fan_out(messages, groups, sampling)) as completions:
            async for completion in completions:
                yield completion

    async def aclose(self) -> None:
        """Close the running loop's connections. Idempotent; the object stays usable."""
        await self._clients.aclose()

    def _fan_out(
        self, messages: Sequence[Message], groups: Sequence[Sequence[int]], sampling: Sampling
    ) -> AsyncGenerator[Completion, None]:
        if len(groups) == 1:
            return self._with_retries(messages, groups[0], sampling)
        return as_finished([self._with_retries(messages, group, sampling) for group in groups])

    async def _with_retries(
        self, messages: Sequence[Message], indexes: Sequence[int], sampling: Sampling
    ) -> AsyncGenerator[Completion, None]:
        """The choices `indexes`, consecutive numbers, with one request if all goes well."""
        missing = list(indexes)
        retrier = Retrier(self._retry)
        rest: AsyncGenerator[Completion, None] | None = None
        while missing and rest is None:
            failure: RetriableError | None = None
            try:
                async with aclosing(self._request(messages, indexes, sampling)) as answer:
                    async for completion in answer:
                        missing.remove(completion.index)
                        yield completion
            except RetriableError as error:
                failure = error
            except _NRejectedError:
                self._max_n = 1
            else:
                if missing and len(missing) < len(indexes):
                    self._max_n = len(indexes) - len(missing)
                elif missing:
                    failure = RetriableError(f"{self._shown} answered without a single choice")
            if failure is not None:
                await retrier.wait(failure)
            if missing and (len(missing) < len(indexes) or self._max_n == 1 < len(indexes)):
                # One at a time: what is missing has gaps, and a request's choices have consecutive seeds.
                rest = self._fan_out(messages, [[index] for index in missing], sampling)
        if rest is not None:
            async with aclosing(rest):
                async for completion in rest:
                    yield completion

    async def _request(
        self, messages: Sequence[Message], indexes: Sequence[int], sampling: Sampling
    ) -> AsyncGenerator[Completion, None]:
        """One request for `len(indexes)` choices."""
        import httpx

        seed = None if sampling.seed is None else fold_seed(sampling.seed + indexes[0])
        timeout = httpx.Timeout(sampling.timeout, connect=min(10.0, sampling.timeout), pool=None)
        try:
            body = request_body(
                messages,
                model=await self._model_id(timeout),
                n=len(indexes),
                seed=seed,
                sampling=sampling,
                dialect=self._dialect,
                hosted=self._hosted,
            )
            started = time.monotonic()
            client = self._clients.get()
            async with client.stream("POST", f"{self._url}/chat/completions", json=body, timeout=timeout) as response:
                if response.status_code != 200:
                    await self._refuse(response, n=len(indexes))
                answer = read_answer(
                    response,
                    indexes=indexes,
                    seed=seed,
                    model=str(body.get("model", "")),
                    dialect=self._dialect,
                    idle=sampling.timeout,
                    started=started,
                    who=self._shown,
                    secrets=self._secrets,
                )
                async with aclosing(answer):
                    async for completion in answer:
                        yield completion
        except httpx.HTTPError as error:
            raise self._failed(error, sampling) from error
        except httpx.InvalidURL as error:
            raise ProviderError(f"{self._shown} is not a URL: {one_line(str(error))}") from error
        except MalformedError as error:
            raise RetriableError(f"{self._shown} sent a broken answer: {error}") from error

    @property
    def _shown(self) -> str:
        return shown_url(self._url)

    def _failed(self, error: httpx.HTTPError, sampling: Sampling) -> Exception:
        """What an httpx error means: worth another try, or the end."""
        import httpx

        reason = one_line(str(error) or type(error).__name__, secrets=self._secrets)
        if isinstance(error, httpx.ConnectTimeout):
            return ProviderError(f"no connection to {self._shown} in time; check host, port and firewall")
        if isinstance(error, httpx.TimeoutException):
            return ProviderError(
                f"{self._shown} sent nothing for {sampling.timeout:g} s; raise the timeout or look at the server"
            )
        if isinstance(error, httpx.ConnectError):
            return RetriableError(
                f"cannot connect to {self._shown}: {reason}; start the server there, or correct the URL"
            )
        if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
            return RetriableError(f"{self._shown} dropped the connection: {reason}")
        return ProviderError(f"request to {self._shown} failed: {reason}")

    async def _refuse(self, response: httpx.Response, *, n: int = 1) -> None:
        """Raise what a status other than 200 means."""
        payload = await _read_up_to(response, _ERROR_BYTES, cut=True)
        status = response.status_code
        reason = error_text(payload, secrets=self._secrets)
        message = f"{self._shown} answered {status}: {reason}{hint(status, key_variable=self._key_variable)}"
        if status in RETRIED_STATUS:
            raise RetriableError(message, after=retry_after(response.headers))
        if status in (400, 422) and n > 1 and _REJECTS_N.search(reason):
            raise _NRejectedError
        raise ProviderError(message)

    async def _model_id(self, timeout: httpx.Timeout) -> str:
        """The model to name in requests; asked of the server once, if it was not given."""
        if self._model is None:
            async with self._clients.get().stream("GET", f"{self._url}/models", timeout=timeout) as response:
                if response.status_code in (404, 405, 501):
                    # A server without the list serves one model, and does not need its name.
                    self._model = ""
                    return self._model
                if response.status_code != 200:
                    await self._refuse(response)
                listed = parse_json(await _read_up_to(response, MAX_EVENT_BYTES)).get("data")
            if not isinstance(listed, list):
                self._model = ""  # answers anything to anything: no list either
                return self._model
            models: list[Any] = listed
            first = models[0].get("id") if models and isinstance(models[0], dict) else None
            if not isinstance(first, str) or not first:
                raise ProviderError(f"{self._shown} lists no model; name one, as in {self._shown}#name")
            self._model = first
        return self._model


class _NRejectedError(Exception):
    """The server takes one choice a request only."""


async def _read_up_to(response: httpx.Response, limit: int, *, cut: bool = False) -> bytes:
    """The body; one longer than `limit` bytes is cut, or an error."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            if not cut:
                raise ProviderError(f"{shown_url(str(response.url))} answered with more than {limit} bytes")
            break
    return bytes(body[:limit])


def open_openai(rest: str) -> OpenAIWire:
    """Open `openai:URL`, `openai:URL#model` or `openai:model`; cheap, nothing is sent yet.

    Raises:
        ModelStringError: `rest` is neither.
        ProviderError: a bare model name without `OPENAI_API_KEY`.
    """
    name, key = f"openai:{rest}", os.environ.get("OPENAI_API_KEY") or None
    if "/" in rest and "://" in rest:
        url, model = split_url(rest, scheme="openai")
        return OpenAIWire(url, model=model, api_key=key, name=name, key_variable="OPENAI_API_KEY")
    if not re.fullmatch(r"[\w.:/@+-]+", rest) or re.fullmatch(r"[\w.-]+:\d+(/.*)?", rest):
        raise ModelStringError(
            f"model string {name!r} needs a URL or a model name, "
            "as in openai:http://127.0.0.1:8000/v1 or openai:gpt-4o-mini"
        )
    base = os.environ.get("OPENAI_BASE_URL") or _OPENAI
    if base == _OPENAI and key is None:
        raise ProviderError(f"model {name!r} needs a key: set OPENAI_API_KEY")
    return OpenAIWire(base, model=rest, api_key=key, name=name, key_variable="OPENAI_API_KEY")


def open_vllm(rest: str) -> OpenAIWire:
    """Open `vllm:URL` or `vllm:URL#model`; cheap, nothing is sent yet.

    Raises:
        ModelStringError: `rest` is not an http(s) URL.
    """
    url, model = split_url(rest, scheme="vllm")
    key = os.environ.get("VLLM_API_KEY") or None
    return OpenAIWire(url, model=model, api_key=key, name=f"vllm:{rest}", dialect="vllm", key_variable="VLLM_API_KEY")
