"""One-line errors out of whatever a server says."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["MAX_ERROR_CHARS", "error_text", "hint", "one_line"]

MAX_ERROR_CHARS = 300
_SECRET = re.compile(r"(?i)\b(?:bearer\s+\S+|(?:sk|pk|gsk|xai|hf|AIza)[-_][\w*-]{6,})")


def one_line(text: str, *, secrets: tuple[str, ...] = ()) -> str:
    """The text on one line of at most `MAX_ERROR_CHARS`, printable, with keys blotted out.

    Args:
        text: any text, such as a server's error.
        secrets: exact strings that must not appear, such as the API key in use.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = _SECRET.sub("***", text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= MAX_ERROR_CHARS else text[: MAX_ERROR_CHARS - 1] + "…"


def error_text(payload: bytes | dict[str, Any], *, secrets: tuple[str, ...] = ()) -> str:
    """The message inside an error: OpenAI's `error.message`, `message`, FastAPI's `detail`, or the raw text."""
    value: Any = payload
    if isinstance(payload, bytes):
        try:
            value = json.loads(payload)
        except (ValueError, RecursionError):
            value = payload.decode("utf-8", "replace")
    for key in ("error", "message", "detail"):
        if isinstance(value, dict) and value.get(key):
            value = value[key]
    if not isinstance(value, str):
        value = json.dumps(value)
    return one_line(value, secrets=secrets) or "no reason given"


def hint(status: int, *, key_variable: str) -> str:
    """What to do about a status, as the end of a sentence, or ""."""
    if status in (401, 403):
        return f"; check the key in {key_variable}" if key_variable else "; check the API key"
    if status == 404:
        return "; check that the model exists and that the URL ends before /chat/completions, often in /v1"
    return ""
