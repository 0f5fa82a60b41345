"""Every hosted API through LiteLLM, which is an extra: `pip install "llm-modulo[litellm]"`.

Model strings: `litellm:PROVIDER/MODEL`, as in `litellm:anthropic/claude-sonnet-4-5`, in LiteLLM's own spelling. Keys
come from the environment variables it reads, such as `ANTHROPIC_API_KEY`. Another address than the provider's own is
put behind an `@`: `litellm:openai/qwen@http://127.0.0.1:8000/v1`.

Each choice is a request of its own: it finishes, is paid for, and can be cancelled by itself, with any provider. The
prompt is billed each time; a server with the OpenAI wire shares it when reached by `openai:` instead.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import importlib.util
import logging
import os
import time
import warnings
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from modulo.adapters.models.assemble import Choice, MalformedError
from modulo.adapters.models.fanout import as_finished
from modulo.adapters.models.retry import RETRIED_STATUS, RetriableError, Retrier, RetryPolicy, retry_after
from modulo.adapters.models.wire_body import fold_seed, request_body
from modulo.adapters.models.wire_errors import one_line
from modulo.adapters.models.wire_url import shown_url
from modulo.errors import MissingExtraError, ModelStringError, ProviderError
from modulo.types import Completion, Message, Sampling, Usage

__all__ = ["LiteLLM", "open_model"]


class LiteLLM:
    """A `Generator` over one model of LiteLLM's.

    Args:
        model: in LiteLLM's spelling, `provider/model`.
        api_base: base URL instead of the provider's own.
        name: the model string, for traces.
        retry: how failures are retried; LiteLLM's own retries are off.
    """

    def __init__(
        self, model: str, *, api_base: str | None = None, name: str = "", retry: RetryPolicy | None = None
    ) -> None:
        self._model = model
        self._api_base = api_base
        self._name = name or f"litellm:{model}"
        self._retry = retry or RetryPolicy()

    @property
    def name(self) -> str:
        """The model string it was opened from."""
        return self._name

    async def generate(
        self, messages: Sequence[Message], *, n: int, sampling: Sampling
    ) -> AsyncGenerator[Completion, None]:
        """Yield `n` completions in the order they finish; see `modulo.protocols.Generator`.

        What a provider does not support (a seed, log-probabilities) is left out of the request. `sampling.timeout`
        limits each request as a whole, because nothing is streamed.

        Raises:
            ProviderError: after retries, with the provider's own words; a missing key names its variable.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, not {n}")
        litellm = await asyncio.to_thread(_load)
        async with aclosing(
            as_finished([self._choice(litellm, messages, sampling, index) for index in range(n)])
        ) as completions:
            async for completion in completions:
                yield completion

    async def aclose(self) -> None:
        """Nothing of its own to release: LiteLLM keeps and shares its connections."""

    async def _choice(
        self, litellm: Any, messages: Sequence[Message], sampling: Sampling, index: int
    ) -> AsyncGenerator[Completion, None]:
        retrier = Retrier(self._retry)
        seed = None if sampling.seed is None else fold_seed(sampling.seed + index)
        while True:
            started = time.monotonic()
            try:
                response = await litellm.acompletion(**self._arguments(litellm, messages, sampling, seed))
                completion = self._completion(litellm, response, index, seed, time.monotonic() - started)
            except MalformedError as error:
                await retrier.wait(RetriableError(f"{self._name} sent a broken answer: {error}"))
            except Exception as error:  # noqa: BLE001 (a library with an exception tree for each provider)
                await retrier.wait(self._retriable(litellm, error))
            else:
                yield completion
                return

    def _arguments(
        self, litellm: Any, messages: Sequence[Message], sampling: Sampling, seed: int | None
    ) -> dict[str, Any]:
        body = request_body(
            messages, model=self._model, n=1, seed=seed, sampling=sampling, dialect="openai", hosted=False
        )
        del body["stream"], body["stream_options"]
        body |= {"timeout": sampling.timeout, "num_retries": 0, "max_retries": 0, "drop_params": True}
        if self._api_base is not None:
            body["api_base"] = self._api_base
            if self._missing_keys(litellm):
                # A server of one's own wants no key, but the libraries insist on one.
                body["api_key"] = "none"
        return body

    def _completion(self, litellm: Any, response: Any, index: int, seed: int | None, seconds: float) -> Completion:
        answer: dict[str, Any] = response.model_dump()
        choices = answer.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise MalformedError("it has no choices")
        choice = Choice()
        choice.feed(choices[0], "message")
        counts = answer.get("usage") or {}
        usage = Usage(
            prompt_tokens=counts.get("prompt_tokens") or 0,
            completion_tokens=counts.get("completion_tokens") or 0,
            cost=self._cost(litellm, response),
            estimated=not counts.get("completion_tokens"),
        )
        supported = litellm.get_supported_openai_params(model=self._model) or []
        return choice.completion(
            index=index,
            model=str(answer.get("model") or self._model),
            seed=seed if "seed" in supported else None,
            usage=usage,
            seconds=seconds,
        )

    def _cost(self, litellm: Any, response: Any) -> float | None:
        """US dollars, or `None`: LiteLLM prices models that it does not know, and servers of one's own, at 0."""
        if self._api_base is not None:
            return None
        try:
            cost = float(litellm.completion_cost(completion_response=response, model=self._model))
        except Exception:  # noqa: BLE001 (not in the price map, or priced in a way it cannot compute)
            return None
        return cost if cost > 0 else None

    def _retriable(self, litellm: Any, error: Exception) -> RetriableError:
        """The error as one that another try may cure.

        Raises:
            ProviderError: it is none.
        """
        status = getattr(error, "status_code", None)
        said = getattr(error, "message", None) or str(error) or type(error).__name__
        reason = one_line(str(said).partition("Traceback (most")[0], secrets=_secrets())
        message = f"{self._name} failed: {reason}"
        if isinstance(error, litellm.Timeout):
            raise ProviderError(f"{message}; raise the timeout") from error
        if isinstance(error, litellm.AuthenticationError | litellm.APIConnectionError | litellm.InternalServerError):
            missing = self._missing_keys(litellm)
            if missing and self._api_base is None:
                raise ProviderError(f"{self._name} needs a key: set {' and '.join(missing)}") from error
        if isinstance(error, litellm.APIConnectionError) or status in RETRIED_STATUS:
            response = getattr(error, "response", None)
            headers = getattr(error, "litellm_response_headers", None) or getattr(response, "headers", None) or {}
            return RetriableError(message, after=retry_after(headers))
        raise ProviderError(message) from error

    def _missing_keys(self, litellm: Any) -> list[str]:
        found: dict[str, Any] = litellm.validate_environment(model=self._model)
        return [str(key) for key in found.get("missing_keys") or []]


def _secrets() -> tuple[str, ...]:
    return tuple(v for k, v in os.environ.items() if k.endswith(("_API_KEY", "_TOKEN", "_SECRET")) and len(v) > 7)


@functools.cache
def _load() -> Any:
    """LiteLLM, told to keep off the network and quiet before it is imported (2 s and 165 MB)."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    litellm: Any = importlib.import_module("litellm")
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    # Said once, of LiteLLM's own types, to users who can do nothing about it.
    warnings.filterwarnings("ignore", message="Item .* on TypedDict class", category=UserWarning)
    return litellm


def open_model(rest: str) -> LiteLLM:
    """Open `litellm:PROVIDER/MODEL` or `litellm:PROVIDER/MODEL@URL`; cheap, LiteLLM is not loaded yet.

    Raises:
        ModelStringError: not of that form.
        MissingExtraError: LiteLLM is not installed.
    """
    model, api_base = rest, None
    for scheme in ("@http://", "@https://"):
        if scheme in rest:
            model, _, url = rest.partition(scheme)
            api_base = scheme[1:] + url
    provider, slash, name = model.partition("/")
    example = "litellm:anthropic/claude-sonnet-4-5"
    if not provider or not slash or not name or any(c.isspace() for c in rest):
        shown = one_line(rest if api_base is None else f"{model}@{shown_url(api_base)}")
        raise ModelStringError(f"model string 'litellm:{shown}' must be litellm:PROVIDER/MODEL, as in {example}")
    if api_base is not None and "@" in api_base:
        raise ModelStringError(
            "model string 'litellm:…@URL' holds a user name or password; use the provider's key variable"
        )
    if importlib.util.find_spec("litellm") is None:
        raise MissingExtraError('litellm models need an extra: pip install "llm-modulo[litellm]"')
    return LiteLLM(model, api_base=api_base, name=f"litellm:{rest}")
