"""Best of n: n fresh samples, judged as they finish.

    begin ─► sample ─► finish

*Race* cancels what is still running at the first pass: the race is inside the node, since a LangGraph fan-out is a
barrier that waits for the slowest. *Full* judges all n, for measuring pass@k.

Each arrival passes through a LangGraph task, so that under a checkpointer a resumed solve draws only what is missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_config
from langgraph.func import task
from langgraph.graph.state import CompiledStateGraph

from modulo.graphs.context import Bound
from modulo.graphs.state import SolveState
from modulo.graphs.steps import ENDINGS, Run, ended_by, frame, node, seal, synchronous
from modulo.protocols import Generator
from modulo.traces import Node
from modulo.types import Attempt, Completion, Message, Sampling, Verdict

__all__ = ["NAME", "build"]

NAME = "best_of_n"

_SAVE_TRIES = 1000

Write = Callable[[Any], None]
Saver = BaseCheckpointSaver[Any]
Judged = tuple[Completion, str | None, tuple[Verdict, ...]]


@dataclass
class _Draws:
    """The live stream of completions, opened at the first pull and closed at most once."""

    generator: Generator
    messages: Sequence[Message]
    open: Callable[[int], Sampling]
    wanted: int
    received: int = 0
    stream: AsyncGenerator[Completion, None] | None = None
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def pull(self) -> dict[str, Any]:
        """The next completion as JSON, `{}` at the end, or `{"ended": …}` where the provider broke."""
        if self.stream is None:
            left = self.wanted - self.received
            if left <= 0:
                return {}
            self.stream = self.generator.generate(self.messages, n=left, sampling=self.open(self.received))
        arrival = asyncio.ensure_future(anext(self.stream, None))
        closing = asyncio.ensure_future(self.closed.wait())
        try:
            await asyncio.wait({arrival, closing}, return_when=asyncio.FIRST_COMPLETED)
            if not arrival.done():
                return {}
            completion = arrival.result()
            return {} if completion is None else {"completion": completion.model_dump(mode="json")}
        except ENDINGS as error:
            return {"ended": ended_by(error)}
        finally:
            closing.cancel()
            if not arrival.done():
                arrival.cancel()
            await asyncio.wait({arrival, closing})

    async def close(self) -> None:
        """Cancel what is still running at the provider. No pull may be under way."""
        if self.stream is not None:
            await self.stream.aclose()


async def sample(state: SolveState, context: Bound, write: Write, saver: Saver | None) -> dict[str, Any]:
    """Draw n completions and judge each as it arrives."""
    run = Run(context, state, write, NAME)
    generator = context.generator
    wanted = run.meter.samples_left(context.n)
    draws = _Draws(generator, run.messages(state["leaf"]), run.sampling, wanted)
    race = _Race(run, draws, stop_at_pass=context.mode == "race", of=wanted, saver=saver)
    try:
        await race.run_to_end()
    finally:
        await race.cancel()
    return {
        "nodes": [*state["nodes"], *(n.model_dump(mode="json") for n in race.nodes)],
        "attempts": [a.model_dump(mode="json") for a in race.attempts],
        "meter": run.meter.save(),
        "ended": race.ended or {"termination": "exhausted", "error": None},
    }


class _Race:
    """Drawing and judging at once, until the first pass or the end of the draws, whichever the mode asks for."""

    def __init__(self, run: Run, draws: _Draws, *, stop_at_pass: bool, of: int, saver: Saver | None) -> None:
        self.run, self.draws, self.stop_at_pass, self.of = run, draws, stop_at_pass, of
        self.nodes: list[Node] = []
        self.attempts: list[Attempt] = []
        self.ended: dict[str, Any] | None = None
        self._saver = None if synchronous.get() else saver
        self._stop = False
        self._drawing: asyncio.Future[dict[str, Any]] | None = None
        self._judging: dict[asyncio.Task[tuple[str | None, tuple[Verdict, ...]]], Completion] = {}
        # A synchronous host runs this node in a loop of its own, out of reach of LangGraph's task machinery.
        # And without a checkpointer, ours or a host's, there is nowhere to save a task's result.
        saved = not synchronous.get() and get_config().get("configurable", {}).get("__pregel_checkpointer")
        self._pull = task(draws.pull) if saved else draws.pull

    async def run_to_end(self) -> None:
        """Race until over; `ended` then says why, or is `None` where all draws were judged without one passing."""
        self._draw_next()
        while (self._drawing is not None or self._judging) and not self._stop:
            waiting: set[asyncio.Future[Any]] = {
                *self._judging,
                *([self._drawing] if self._drawing is not None else []),
            }
            done, _ = await asyncio.wait(
                waiting, timeout=self.run.meter.seconds_left(), return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                self.ended, self._stop = self.ended or ended_by(TimeoutError()), True
            for judging in [t for t in self._judging if t in done]:
                self._record(self._judging.pop(judging), *judging.result())
            if self._drawing in done and not self._stop:
                await self._arrived()

    async def cancel(self) -> None:
        """Stop drawing and judging; what was drawn and not judged is kept as an attempt without verdicts."""
        self.draws.closed.set()
        if self._drawing is not None:
            await asyncio.wait({self._drawing})
            if not self._drawing.cancelled() and "completion" in (arrival := self._drawing.result()):
                self._received(arrival)
        await self.draws.close()
        for judging in self._judging:
            judging.cancel()
        if self._judging:
            await asyncio.wait(self._judging)
        for completion in self._judging.values():
            self._keep(completion, None, ())
        self._judging.clear()

    def _draw_next(self) -> None:
        try:
            self.run.meter.check()
        except ENDINGS as error:
            self._drawing, self.ended = None, self.ended or ended_by(error)
            return
        self._drawing = asyncio.ensure_future(self._pull())

    async def _arrived(self) -> None:
        assert self._drawing is not None
        arrival, self._drawing = self._drawing.result(), None
        if "completion" in arrival:
            await self._saved()
            self._received(arrival)
            self._draw_next()
        else:
            self.ended = self.ended or arrival.get("ended")

    async def _saved(self) -> None:
        """Wait until the checkpointer has this draw, so that nothing is told of that a crash could lose.

        LangGraph saves a task's result in the background and gives no handle on that, hence the look at the saver.
        """
        if self._saver is None:
            return
        thread = {
            "configurable": {"thread_id": get_config().get("configurable", {}).get("thread_id"), "checkpoint_ns": ""}
        }
        for _ in range(_SAVE_TRIES):
            found = await self._saver.aget_tuple(cast(RunnableConfig, thread))
            writes = (found.pending_writes if found else None) or []
            if sum(channel == "__return__" for _, channel, _ in writes) > self.draws.received:
                return
            await asyncio.sleep(0.001)

    def _received(self, arrival: dict[str, Any]) -> None:
        self.draws.received += 1
        completion = Completion.model_validate(arrival["completion"])
        self.run.drawn(completion, round=1, of=self.of)
        self._judging[asyncio.ensure_future(self.run.judge(completion))] = completion

    def _record(self, completion: Completion, candidate: str | None, verdicts: tuple[Verdict, ...]) -> None:
        attempt = self._keep(completion, candidate, verdicts)
        ended = self.run.judged(attempt, round=1, of=self.of)
        if attempt.accepted:
            self.ended, self._stop = ended, self._stop or self.stop_at_pass
        elif ended is not None:
            self.ended, self._stop = self.ended or ended, True

    def _keep(self, completion: Completion, candidate: str | None, verdicts: tuple[Verdict, ...]) -> Attempt:
        node_ = Node(
            id=len(self.run.state["nodes"]) + len(self.nodes),
            parent=self.run.state["leaf"],
            message=Message(role="assistant", content=completion.text),
        )
        attempt = Attempt(
            index=len(self.attempts), node=node_.id, completion=completion, candidate=candidate, verdicts=verdicts
        )
        self.nodes.append(node_)
        self.attempts.append(attempt)
        return attempt


def build(bound: Bound, *, checkpointer: Any = None, name: str | None = None) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Compile the strategy around a bound context. The result is a graph, a node or a subgraph, like any other.

    Args:
        bound: parts and settings; a caller's `context=` may override it run by run.
        checkpointer: a LangGraph checkpointer, if solves are to be resumable.
        name: name of the compiled graph, if several stand in one host.
    """
    graph = frame(bound, NAME, first="sample")
    saver = checkpointer if isinstance(checkpointer, BaseCheckpointSaver) else None

    async def sample_saved(state: SolveState, context: Bound, write: Write) -> dict[str, Any]:
        return await sample(state, context, write, saver)

    graph.add_node("sample", node(sample_saved, bound))
    graph.add_edge("sample", "finish")
    return seal(graph, checkpointer=checkpointer, name=name or NAME)
