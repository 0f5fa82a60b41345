"""A well-behaved OpenAI server on loopback, in a process of its own, that answers after set delays and counts.

Choice k of a prompt, counted over all requests with that prompt, answers k + 1 after `delays[k % len(delays)]` seconds:
whether a client asks for 8 choices at once or for one 8 times, it gets the same 8 answers. Connections are kept alive;
`n`, streaming and whole answers are understood. A client that hangs up cancels its choices. `GET /stats` tells what
happened. Needs the standard library only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Stats:
    """What the server did so far.

    Attributes:
        service_seconds: of each answered request, from its last byte read to the answer's last byte written.
        first_finish: `time.monotonic()`, which processes of one machine share, when the first choice was sent.
    """

    requests: int = 0
    open_requests: int = 0
    choices: int = 0
    finished: int = 0
    cancelled: int = 0
    open_choices: int = 0
    service_seconds: list[float] = field(default_factory=list)
    first_finish: float | None = None


class Server:
    def __init__(self, delays: Sequence[float]) -> None:
        self.delays, self.stats = delays, Stats()
        self._asked: Counter[str] = Counter()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Reading ahead by one byte is how a hang-up is noticed while an answer is under way.
        ahead = asyncio.ensure_future(reader.read(1))
        try:
            while first := await ahead:
                head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
                path = head.split(" ", 2)[1]
                lengths = [line for line in head.lower().split("\r\n") if line.startswith("content-length:")]
                body = await reader.readexactly(int(lengths[0].split(":")[1]) if lengths else 0)
                ahead = asyncio.ensure_future(reader.read(1))
                answer = asyncio.ensure_future(self._route(path, body, writer))
                await asyncio.wait({answer, ahead}, return_when=asyncio.FIRST_COMPLETED)
                if ahead.done() and not ahead.result():
                    answer.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await answer
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client hung up, or the server ends
        finally:
            ahead.cancel()
            writer.close()

    async def _route(self, path: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        if path.endswith("/stats"):
            _write_json(writer, asdict(self.stats))
        elif path.endswith("/models"):
            _write_json(writer, {"object": "list", "data": [{"id": "stub", "object": "model"}]})
        else:
            await self._complete(json.loads(body), writer)
        await writer.drain()

    async def _complete(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        started, stats, n = time.monotonic(), self.stats, request.get("n") or 1
        prompt = json.dumps(request["messages"])
        numbers = range(self._asked[prompt], self._asked[prompt] + n)
        self._asked[prompt] += n
        stats.requests += 1
        stats.open_requests += 1
        stats.choices += n
        stats.open_choices += n
        left = n
        stream = bool(request.get("stream"))
        if stream:
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
            )
        try:
            for index, number in sorted(enumerate(numbers), key=lambda item: self._delay(item[1])):
                await asyncio.sleep(started + self._delay(number) - time.monotonic())
                if stream:
                    _write_choice(writer, index, _text(number, request))
                stats.first_finish = stats.first_finish or time.monotonic()
                stats.finished += 1
                stats.open_choices -= 1
                left -= 1
            if stream:
                _write_event(writer, json.dumps({"choices": [], "usage": _usage(n)}))
                _write_event(writer, "[DONE]")
                writer.write(b"0\r\n\r\n")
            else:
                messages = [{"role": "assistant", "content": _text(number, request)} for number in numbers]
                choices = [{"index": i, "message": m, "finish_reason": "stop"} for i, m in enumerate(messages)]
                whole = {"id": "stub", "object": "chat.completion", "created": 0, "model": request.get("model", "stub")}
                _write_json(writer, {**whole, "choices": choices, "usage": _usage(n)})
            stats.service_seconds.append(time.monotonic() - started)
        finally:
            stats.cancelled += left
            stats.open_choices -= left
            stats.open_requests -= 1

    def _delay(self, number: int) -> float:
        return self.delays[number % len(self.delays)]


def _text(number: int, request: dict[str, Any]) -> str:
    # DSPy's chat adapter asks for its answer between markers.
    text = str(number + 1)
    return f"[[ ## answer ## ]]\n{text}\n\n[[ ## completed ## ]]" if request["model"] == "dspy" else text


def _usage(n: int) -> dict[str, int]:
    return {"prompt_tokens": 20, "completion_tokens": n, "total_tokens": 20 + n}


def _write_json(writer: asyncio.StreamWriter, value: Any) -> None:
    payload = json.dumps(value).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
    writer.write(head.encode() + payload)


def _write_event(writer: asyncio.StreamWriter, data: str) -> None:
    payload = f"data: {data}\n\n".encode()
    writer.write(b"%x\r\n" % len(payload) + payload + b"\r\n")


def _write_choice(writer: asyncio.StreamWriter, index: int, text: str) -> None:
    for delta, reason in (({"role": "assistant", "content": text}, None), ({}, "stop")):
        choice = {"index": index, "delta": delta, "finish_reason": reason}
        _write_event(writer, json.dumps({"object": "chat.completion.chunk", "model": "stub", "choices": [choice]}))


async def _serve(delays: Sequence[float]) -> None:
    server = await asyncio.start_server(Server(delays).connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The parent's end of the pipe closes with the parent, however it ends.
    await asyncio.to_thread(sys.stdin.read)


@dataclass(frozen=True)
class Stub:
    """A running server; `url` is its base URL, up to `/v1`."""

    url: str

    def stats(self) -> Stats:
        """What the server did so far."""
        with urllib.request.urlopen(f"{self.url}/stats") as answer:
            return Stats(**json.load(answer))


@contextlib.contextmanager
def serving(delays: Sequence[float]) -> Iterator[Stub]:
    """A server in a process of its own, ended with the block."""
    command = [sys.executable, __file__, *(str(delay) for delay in delays)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Stub(f"http://127.0.0.1:{int(process.stdout.readline())}/v1")
        finally:
            process.stdin.close()
            if process.wait(10) != 0:
                print(f"the stub server exited with {process.returncode}", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("delays", type=float, nargs="+", help="seconds that each choice of a prompt takes, in turn")
    asyncio.run(_serve(parser.parse_args().delays))
