"""Server-sent events of the OpenAI wire, read with bounded memory."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator

__all__ = ["MAX_EVENT_BYTES", "StreamStalledError", "StreamTooLargeError", "events"]

MAX_EVENT_BYTES = 4_000_000


class StreamTooLargeError(Exception):
    """One event is longer than `MAX_EVENT_BYTES`."""


class StreamStalledError(Exception):
    """Bytes still come, but no data: comments or blank lines only."""


async def events(chunks: AsyncIterator[bytes], *, idle: float) -> AsyncGenerator[bytes, None]:
    """Yield the payload of each `data:` line, without `[DONE]`'s meaning being interpreted.

    The OpenAI wire puts one JSON document on one line, so a line is an event: nothing waits for the blank
    line after it, which some servers leave out. Other fields and comments are skipped. The last line counts
    even without its line end.

    Args:
        chunks: body as it comes from the network, cut anywhere.
        idle: seconds without a data line, while comments keep the connection alive, after which to give up.

    Raises:
        StreamTooLargeError: a line exceeds `MAX_EVENT_BYTES`.
        StreamStalledError: only comments for `idle` seconds.
    """
    pending = bytearray()
    last = time.monotonic()
    async for chunk in chunks:
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            pending += chunk[start:end]
            start = end + 1
            if len(pending) > MAX_EVENT_BYTES:
                raise StreamTooLargeError
            line = bytes(pending)
            pending.clear()
            if line.startswith(b"data:"):
                yield line[5:].strip()
                last = time.monotonic()
        pending += chunk[start:]
        if len(pending) > MAX_EVENT_BYTES:
            raise StreamTooLargeError
        if time.monotonic() - last > idle:
            raise StreamStalledError
    if pending.startswith(b"data:"):
        yield bytes(pending)[5:].strip()
