"""`local`: a small model on this machine, through llama.cpp in this process, reached by the wire client.

Model strings: `local` (the catalogue's default), `local:0.5b`, `local:1.5b`, `local:/path/to/model.gguf`.
Catalogue weights are fetched when first needed. With a seed an answer is reproduced exactly by the same
request (messages, `n`, sampling) on an otherwise idle model: requests that are decoded at the same time
change each other's last bits.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from weakref import WeakKeyDictionary

from modulo.adapters.models import weights
from modulo.adapters.models.catalogue import Weights, lookup
from modulo.adapters.models.fanout import as_finished
from modulo.adapters.models.llama_server import SLOTS, Running, require_xllamacpp, running
from modulo.adapters.models.openai_wire import OpenAIWire
from modulo.errors import ModelStringError
from modulo.types import Completion, Message, Sampling

__all__ = ["Local", "open_model"]


class Local:
    """A `Generator` over one weights file. The server is started by the first `generate` and ends with the process.

    Args:
        source: a catalogue entry, or the path of a `.gguf` file.
        name: the model string, for traces.
    """

    def __init__(self, source: Weights | Path, *, name: str) -> None:
        self._source = source
        self._name = name
        self._wire: OpenAIWire | None = None
        self._slots: WeakKeyDictionary[asyncio.AbstractEventLoop, _Slots] = WeakKeyDictionary()

    @property
    def name(self) -> str:
        """The model string it was opened from."""
        return self._name

    async def generate(
        self, messages: Sequence[Message], *, n: int, sampling: Sampling
    ) -> AsyncGenerator[Completion, None]:
        """Yield `n` completions in the order they finish; see `modulo.protocols.Generator`.

        Requests of all solves queue for the server's slots here, so that waiting does not count towards
        `sampling.timeout`. Closing the generator stops the decoding within about 0.2 s.

        Raises:
            WeightsError: the weights cannot be fetched or loaded.
            ProviderError: the server failed, or the prompt does not fit into a slot's context.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, not {n}")
        wire = await self._started()
        slots = self._slots.setdefault(asyncio.get_running_loop(), _Slots(SLOTS))
        groups = [
            self._group(wire, slots, messages, sampling, first=i, n=min(SLOTS, n - i)) for i in range(0, n, SLOTS)
        ]
        async with aclosing(groups[0] if len(groups) == 1 else as_finished(groups)) as completions:
            async for completion in completions:
                yield completion

    async def prepare(self) -> None:
        """Fetch the weights if they are missing, and start the server.

        Raises:
            WeightsError: the weights cannot be fetched or loaded.
        """
        await self._started()

    async def aclose(self) -> None:
        """Close this loop's connections. The server stays for others, and ends with the process."""
        if self._wire is not None:
            await self._wire.aclose()

    async def _started(self) -> OpenAIWire:
        if self._wire is None:
            server = await self._server()
            self._wire = OpenAIWire(
                server.url, model=server.model, api_key=server.key, name=self._name, dialect="llamacpp"
            )
        return self._wire

    async def _server(self) -> Running:
        source = self._source
        if isinstance(source, Path):
            return await running(str(source.resolve()), lambda _: source, source.stem)

        def locate(cancel: threading.Event) -> Path:
            return weights.fetch(source.name, cancel=cancel)

        return await running(source.name, locate, source.name)

    async def _group(
        self,
        wire: OpenAIWire,
        slots: _Slots,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        first: int,
        n: int,
    ) -> AsyncGenerator[Completion, None]:
        """The choices `first` to `first + n - 1`, which fit into the slots together."""
        if sampling.seed is not None and first:
            sampling = sampling.model_copy(update={"seed": sampling.seed + first})
        await slots.acquire(n)
        held = n
        try:
            async with aclosing(wire.generate(messages, n=n, sampling=sampling)) as completions:
                async for completion in completions:
                    slots.release(1)
                    held -= 1
                    yield completion.model_copy(update={"index": completion.index + first})
        finally:
            slots.release(held)


class _Slots:
    """Counts free slots; who asked first is served first, so that wide requests are not starved by narrow ones."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def acquire(self, count: int) -> None:
        if not self._queue and self._free >= count:
            self._free -= count
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((count, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(count)
            else:
                self._queue = deque(entry for entry in self._queue if entry[1] is not turn)
                self.release(0)
            raise

    def release(self, count: int) -> None:
        self._free += count
        while self._queue and (self._queue[0][1].cancelled() or self._free >= self._queue[0][0]):
            wanted, turn = self._queue.popleft()
            if not turn.cancelled():
                self._free -= wanted
                turn.set_result(None)


def open_model(rest: str) -> Local:
    """Open `local`, `local:NAME` or `local:PATH.gguf`; cheap, nothing is loaded yet.

    Raises:
        ModelStringError: neither a catalogue name nor a file.
        ConfigError: `MODULO_WEIGHTS` is wrong.
        MissingExtraError: llama.cpp is not installed.
    """
    name = f"local:{rest}" if rest else "local"
    source: Weights | Path
    if rest.endswith(".gguf") or "/" in rest or "\\" in rest:
        source = Path(rest).expanduser()
        if not source.is_file():
            raise ModelStringError(f"model string {name!r}: there is no file {source}")
        if source.suffix != ".gguf":
            raise ModelStringError(f"model string {name!r}: {source} is not a .gguf file")
    else:
        source = lookup(rest)
        given = weights.override()
        if not rest and given is not None and given.is_file():
            source = given
    require_xllamacpp()
    return Local(source, name=name)
