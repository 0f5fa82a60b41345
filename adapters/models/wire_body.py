"""The JSON body of a chat-completions request, in the three dialects of the OpenAI wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from modulo.adapters.models.assemble import whole
from modulo.types import Message, Sampling

__all__ = ["Dialect", "fold_seed", "request_body"]

Dialect = Literal["openai", "vllm", "llamacpp"]


def fold_seed(seed: int) -> int:
    """The seed within 31 bits, which every server takes: llama.cpp reads 2³²−1 as "random", others are signed."""
    return seed % 2**31


def request_body(
    messages: Sequence[Message],
    *,
    model: str,
    n: int,
    seed: int | None,
    sampling: Sampling,
    dialect: Dialect,
    hosted: bool,
) -> dict[str, Any]:
    """Body of one streamed request for `n` choices.

    Args:
        messages: the chat so far.
        model: model id, "" to leave it out.
        n: choices to ask for.
        seed: seed of this request; `sampling.seed` is not read.
        sampling: everything else.
        dialect: what the server understands beyond OpenAI's own fields.
        hosted: the server is OpenAI's own, which renamed `max_tokens`.
    """
    body: dict[str, Any] = {
        "messages": [{"role": m.role, "content": whole(m.content)} for m in messages],
        "stream": True,
    }
    if model:
        body["model"] = model
    if n > 1:
        body["n"] = n
    if sampling.temperature is not None:
        body["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        body["top_p"] = sampling.top_p
    if sampling.max_tokens is not None:
        body["max_completion_tokens" if hosted else "max_tokens"] = sampling.max_tokens
    if seed is not None:
        body["seed"] = seed
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.logprobs:
        body["logprobs"] = True
    if sampling.json_schema is not None:
        schema = sampling.json_schema
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": _strict(schema)},
        }
        if dialect == "vllm":
            # vLLM 0.12 and later ignore `guided_json` without a word.
            body["structured_outputs"] = {"json": schema}
    if dialect == "llamacpp":
        # Without `include_usage` the last piece of each choice carries that choice's own token counts.
        # A prompt that is read from the cache is computed in another batch shape, and its last bits differ:
        # a seed then does not reproduce.
        body["cache_prompt"] = seed is None
    else:
        body["stream_options"] = {"include_usage": True}
        if dialect == "vllm":
            body["stream_options"]["continuous_usage_stats"] = True
    return body


def _strict(schema: Any) -> bool:
    """Whether OpenAI's strict mode takes the schema: every object closed, and every property required."""
    if isinstance(schema, list):
        return all(_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    if "properties" in schema or schema.get("type") == "object":
        properties = schema.get("properties")
        required = schema.get("required")
        if not isinstance(properties, dict) or not isinstance(required, list):
            return False
        if schema.get("additionalProperties") is not False or set(properties) != set(map(str, required)):
            return False
    return all(_strict(value) for value in schema.values())
