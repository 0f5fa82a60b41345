"""URLs in model strings."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

from modulo.adapters.models.wire_errors import one_line
from modulo.errors import ModelStringError

__all__ = ["shown_url", "split_url"]


def split_url(rest: str, *, scheme: str) -> tuple[str, str | None]:
    """Base URL and model name of `URL` or `URL#model`; a URL without a path gets `/v1`.

    Raises:
        ModelStringError: it is not an http(s) URL, or holds more than host, port, path and model.
    """
    url, marked, model = rest.partition("#")
    example = f"{scheme}:http://127.0.0.1:8000/v1"
    shown = f"model string '{scheme}:{one_line(shown_url(url) if '@' in url else rest)}'"
    try:
        parts = urlsplit(url)
        bad_port = parts.port == 0
    except ValueError as error:
        raise ModelStringError(f"{shown} has a bad URL ({error}); write it as {example}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or bad_port or re.search(r"\s", url):
        raise ModelStringError(f"{shown} needs an http(s) URL, as in {example}")
    if parts.username is not None or parts.password is not None:
        raise ModelStringError(f"{shown} holds a user name or password; put it into an environment variable")
    if parts.query:
        raise ModelStringError(f"{shown} has a query; name a model after '#', as in {example}#name")
    if parts.path.rstrip("/").endswith("/chat/completions"):
        raise ModelStringError(f"{shown} must end before /chat/completions, as in {example}")
    if marked and not model.strip():
        raise ModelStringError(f"{shown} has no model name after '#'; write one, or leave out the '#'")
    base = url.rstrip("/") if parts.path.strip("/") else url.rstrip("/") + "/v1"
    return base, model.strip() or None


def shown_url(url: str) -> str:
    """The URL without user name and password."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
