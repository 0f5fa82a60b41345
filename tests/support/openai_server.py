"""A loopback OpenAI server that behaves as badly as a test asks, and counts what its clients do to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

__all__ = ["Exchange", "Handler", "OpenAIServer", "completion", "delta", "finish", "in_turn", "refuse", "serve_choices"]


@dataclass
class Exchange:
    """One request and the means to answer it, down to the raw bytes."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    writer: asyncio.StreamWriter

    async def reply(
        self, status: int, body: dict[str, Any] | bytes, *, kind: str = "application/json", **headers: str
    ) -> None:
        """A whole answer. Header names have underscores for hyphens."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {kind}", f"Content-Length: {len(payload)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw("\r\n".join([*lines, "Connection: close", "", ""]).encode() + payload)

    async def begin(self) -> None:
        """Head of an event stream."""
        await self.raw(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
            b"Connection: close\r\n\r\n"
        )

    async def chunk(self, payload: bytes) -> None:
        """One chunk of the body."""
        await self.raw(b"%x\r\n" % len(payload) + payload + b"\r\n")

    async def event(self, data: dict[str, Any] | str) -> None:
        """One event."""
        text = data if isinstance(data, str) else json.dumps(data)
        await self.chunk(f"data: {text}\n\n".encode())

    async def end(self, *, done: bool = True) -> None:
        """The proper end of an event stream."""
        if done:
            await self.event("[DONE]")
        await self.raw(b"0\r\n\r\n")

    async def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    def cut(self) -> None:
        """Drop the connection without a goodbye."""
        self.writer.transport.abort()


Handler = Callable[[Exchange], Awaitable[None]]


@dataclass
class OpenAIServer:
    """Use as `async with OpenAIServer(handler) as server`; `server.url` is its base URL.

    Attributes:
        requests: bodies of the completion requests so far.
        open: completion requests that are being answered now.
        most_open: the most there were at once.
        hung_up: requests whose client closed the connection before the answer was complete.
    """

    handler: Handler
    models: Sequence[str] = ("stub",)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    model_lists: int = 0
    open: int = 0
    most_open: int = 0
    hung_up: int = 0
    url: str = ""
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __aenter__(self) -> OpenAIServer:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def quiet(self) -> None:
        """Return when no request is open; a test's timeout is the limit."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self.open)

    async def busy(self, requests: int = 1) -> None:
        """Return when at least so many requests are open."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.open >= requests)

    async def _count(self, change: int) -> None:
        async with self._changed:
            self.open += change
            self.most_open = max(self.most_open, self.open)
            self._changed.notify_all()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                exchange = await _read(reader, writer)
                await self._answer(exchange, reader)
        finally:
            writer.close()
            # Swallowed when cancelled, because asyncio's own callback trips over a cancelled connection.
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()
            self._tasks.discard(task)

    async def _answer(self, exchange: Exchange, reader: asyncio.StreamReader) -> None:
        if exchange.path.endswith("/models"):
            self.model_lists += 1
            await exchange.reply(200, {"object": "list", "data": [{"id": m} for m in self.models]})
            return
        self.requests.append(exchange.body)
        self.headers.append(exchange.headers)
        await self._count(1)
        answer = asyncio.ensure_future(self.handler(exchange))
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                self.hung_up += 1
        finally:
            await self._count(-1)
            for future in (answer, gone):
                future.cancel()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await answer
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await gone


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Exchange(method, path, headers, json.loads(body) if body else {}, writer)


def delta(text: str | None, *, index: int = 0, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk with one choice; `more` goes into its delta."""
    return {
        "object": "chat.completion.chunk",
        "model": "stub-model",
        "choices": [{"index": index, "delta": {"content": text, **more}, "finish_reason": finish}],
    }


def finish(index: int = 0, reason: str = "stop") -> dict[str, Any]:
    """The chunk that ends a choice."""
    return {"model": "stub-model", "choices": [{"index": index, "delta": {}, "finish_reason": reason}]}


def completion(*texts: str, usage: dict[str, int] | None = None) -> dict[str, Any]:
    """A whole, unstreamed answer."""
    choices = [
        {"index": i, "message": {"role": "assistant", "content": t}, "finish_reason": "stop"}
        for i, t in enumerate(texts)
    ]
    return {"object": "chat.completion", "model": "stub-model", "choices": choices, "usage": usage}


def serve_choices(
    text: Callable[[int], str] = lambda i: f"answer {i}",
    *,
    delay: Callable[[int], float] = lambda i: 0.0,
    most: int | None = None,
    usage: dict[str, int] | None = None,
) -> Handler:
    """A well-behaved server: choice `i` says `text(i)`, ending after `delay(i)` seconds; at most `most` choices."""

    async def handler(exchange: Exchange) -> None:
        n = min(exchange.body.get("n", 1), most or 10**6)
        await exchange.begin()
        lock = asyncio.Lock()

        async def one(index: int) -> None:
            words = text(index).split(" ")
            for position, word in enumerate(words):
                async with lock:
                    await exchange.event(delta(word if position == 0 else " " + word, index=index))
            await asyncio.sleep(delay(index))
            async with lock:
                await exchange.event(finish(index))

        async with asyncio.TaskGroup() as group:
            for index in range(n):
                group.create_task(one(index))
        if usage is not None:
            await exchange.event({"choices": [], "usage": usage})
        await exchange.end()

    return handler


def refuse(status: int, message: str = "no", **headers: str) -> Handler:
    """An error answer in OpenAI's form."""

    async def handler(exchange: Exchange) -> None:
        await exchange.reply(status, {"error": {"message": message, "type": "x"}}, **headers)

    return handler


def in_turn(*handlers: Handler) -> Handler:
    """The first request gets the first handler, and so on; the last one goes on for ever."""
    served = 0

    async def handler(exchange: Exchange) -> None:
        nonlocal served
        chosen = handlers[min(served, len(handlers) - 1)]
        served += 1
        await chosen(exchange)

    return handler
