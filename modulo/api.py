"""The Python agent API: `solve`, `asolve`, `astream`, `verify`, `recheck`."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from modulo.audit import Difference, Recheck, arecheck
from modulo.bank import Bank
from modulo.compose import Banks, CacheChoice, bind_any
from modulo.config import SandboxKind
from modulo.errors import MissingExtraError, UsageError
from modulo.events import AttemptEvent, Event, parse_event
from modulo.plugins import strategy_builder
from modulo.protocols import Verifier
from modulo.traces import Node, Trace, read_traces
from modulo.types import Attempt, Guarantee, Message, Problem, Status, Usage, Value, Verdict

if TYPE_CHECKING:
    from modulo.graphs.context import Bound

__all__ = [
    "Difference",
    "Recheck",
    "Solution",
    "SolveStream",
    "StoredTrace",
    "arecheck",
    "asolve",
    "astream",
    "averify",
    "averify_many",
    "recheck",
    "solve",
    "verify",
    "verify_many",
]

T = TypeVar("T")


class StoredTrace(Trace):
    """A trace that can be checked again."""

    def recheck(self, *, verifiers: Sequence[Verifier] = (), sandbox: SandboxKind = "auto") -> Recheck:
        """Judge every stored candidate again, offline, with no model. `verifiers` as they were passed to `solve`."""
        return run_sync(arecheck([self], verifiers=verifiers, sandbox=sandbox))


class Solution(Value):
    """How a solve ended.

    Attributes:
        status: `verified` only if every hard verifier passed `candidate`.
        candidate: the verified answer; `None` unless `verified`.
        best: the attempt that was accepted, or the closest one with its critiques; `None` if nothing was drawn.
        guarantee: what the pass means: the weakest of its hard verdicts.
        termination: `verified`, `exhausted`, or the limit or error that ended it.
    """

    problem: Problem
    status: Status
    candidate: str | None
    best: Attempt | None
    guarantee: Guarantee | None
    termination: str
    error: str | None
    usage: Usage
    seconds: float
    trace: StoredTrace

    @property
    def verified(self) -> bool:
        """True if every hard critic passed; nothing else is ever called verified."""
        return self.status is Status.VERIFIED

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Verdicts on `best`."""
        return self.best.verdicts if self.best else ()

    @classmethod
    def of(cls, trace: Trace) -> Solution:
        """The solution that a trace tells of."""
        return cls(
            problem=trace.problem,
            status=trace.status,
            candidate=trace.answer,
            best=trace.attempts[trace.best] if trace.best is not None else None,
            guarantee=trace.guarantee,
            termination=trace.termination,
            error=trace.error,
            usage=trace.usage,
            seconds=trace.seconds,
            trace=StoredTrace.model_construct(**{k: getattr(trace, k) for k in Trace.model_fields}),
        )


class SolveStream:
    """Events of one solve, then its `solution`. Leaving the iteration early cancels the solve; its trace is kept."""

    def __init__(self, events: AsyncGenerator[Event | Solution, None]) -> None:
        self._events = events
        self.solution: Solution | None = None

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._iterate()

    async def _iterate(self) -> AsyncGenerator[Event, None]:
        async with aclosing(self._events) as events:
            async for event in events:
                if isinstance(event, Solution):
                    self.solution = event
                else:
                    yield event


def astream(
    problem: Problem,
    *,
    strategy: str = "best_of_n",
    checkpointer: Any = None,
    thread_id: str | None = None,
    **settings: Any,
) -> SolveStream:
    """Solve a problem and show every completion and verdict as it comes.

    Args:
        problem: with verifier specs, unless `verifiers=` objects judge it.
        strategy: `best_of_n`, `critique_retry`, or an installed strategy's name.
        checkpointer: a LangGraph checkpointer that works under asyncio, or the path of an SQLite file.
        thread_id: identity of this solve at the checkpointer. Calling again with the same one resumes what a crash
            cut off, and gives the stored solution if it was finished.
        **settings: as for `modulo.graph`.

    Raises:
        UsageError: a setting, model string or spec is wrong.
    """
    if (checkpointer is None) != (thread_id is None):
        raise UsageError("checkpointer and thread_id go together: give both to make a solve resumable, or neither")
    context = bind_any(settings)
    owned = isinstance(settings.get("model", "local"), str)
    return SolveStream(drive(problem, context, strategy, checkpointer, thread_id, close_model=owned))


async def asolve(problem: Problem, **options: Any) -> Solution:
    """Solve a problem. Options are those of `astream`; errors of the outside end up in `Solution.error`."""
    stream = astream(problem, **options)
    async for _ in stream:
        pass
    assert stream.solution is not None
    return stream.solution


def solve(problem: Problem, **options: Any) -> Solution:
    """`asolve` for code that is not async; works inside a running event loop too (a notebook), which it blocks."""
    return run_sync(asolve(problem, **options))


async def averify(
    problem: Problem,
    candidate: str,
    *,
    verifiers: Sequence[Verifier] = (),
    sandbox: SandboxKind = "auto",
    cache: CacheChoice = None,
) -> tuple[Verdict, ...]:
    """Verdicts on a candidate or a whole model response; no model is called.

    Raises:
        ProblemError: a spec is malformed.
        ConfigError: the file of the verdict cache cannot be used.
    """
    bank = await _bank(problem, verifiers, sandbox, cache)
    return (await bank.judge_text(candidate))[1]


async def averify_many(
    problem: Problem,
    candidates: Sequence[str],
    *,
    verifiers: Sequence[Verifier] = (),
    sandbox: SandboxKind = "auto",
    cache: CacheChoice = None,
) -> list[tuple[Verdict, ...]]:
    """`averify` on many candidates or responses, in order: the same verdicts, on all cores, in less time for each.

    Raises:
        ProblemError: a spec is malformed.
        ConfigError: the file of the verdict cache cannot be used.
    """
    bank = await _bank(problem, verifiers, sandbox, cache)
    return [verdicts for _, verdicts in await bank.judge_texts(candidates)]


async def _bank(problem: Problem, verifiers: Sequence[Verifier], sandbox: SandboxKind, cache: CacheChoice) -> Bank:
    """Reading a spec may wait for a worker, and opening a cache for a disk: not in the loop."""

    def ready() -> Bank:
        usual = not verifiers and cache is None
        return (_usual(sandbox) if usual else Banks(verifiers, sandbox=sandbox, cache=cache))(problem)

    return await asyncio.to_thread(ready)


@functools.cache
def _usual(sandbox: SandboxKind) -> Banks:
    """Banks that outlive a call: a spec is read once, however often candidates for it come."""
    return Banks(sandbox=sandbox)


def verify_many(problem: Problem, candidates: Sequence[str], **options: Any) -> list[tuple[Verdict, ...]]:
    """`averify_many` for code that is not async."""
    return run_sync(averify_many(problem, candidates, **options))


def verify(problem: Problem, candidate: str, **options: Any) -> tuple[Verdict, ...]:
    """`averify` for code that is not async."""
    return run_sync(averify(problem, candidate, **options))


def recheck(path: str | Path, *, report: Callable[[str], None] | None = None, **options: Any) -> Recheck:
    """Check a trace file again, offline. `report` is told of each line that cannot be read.

    Raises:
        TraceError: the file cannot be read.
    """
    return run_sync(arecheck(read_traces(path, report=report), **options))


async def drive(
    problem: Problem,
    context: Bound,
    strategy: str,
    checkpointer: Any = None,
    thread_id: str | None = None,
    *,
    close_model: bool = False,
) -> AsyncGenerator[Event | Solution, None]:
    """Run one solve: its events as they come, then its `Solution`. Interrupted, it still writes its trace."""
    from modulo.graphs.state import SolveState
    from modulo.graphs.steps import Ended, Run, trace_of

    async with AsyncExitStack() as stack:
        if close_model:
            stack.push_async_callback(context.generator.aclose)
        saver = await _open_checkpointer(checkpointer, stack)
        compiled = strategy_builder(strategy)(context, checkpointer=saver)
        options: dict[str, Any] = {"config": {"configurable": {"thread_id": thread_id}}} if saver is not None else {}
        start: dict[str, Any] | None = {"problem": problem.to_json()}
        state: Any = {}
        seen: list[Attempt] = []
        finished = False
        if saver is not None:
            snapshot = await compiled.aget_state(options["config"])
            same = snapshot.values.get("problem", {}).get("id") == problem.id
            if same and (snapshot.next or snapshot.values.get("solution")):
                start, state, finished = None, snapshot.values, not snapshot.next
            options["durability"] = "sync"
        try:
            if not finished:
                stream = compiled.astream(
                    start, stream_mode=["values", "custom"], output_keys=list(SolveState.__annotations__), **options
                )
                async with aclosing(stream) as parts:
                    async for kind, part in parts:
                        if kind == "values":
                            state = part
                        else:
                            event = parse_event(part)
                            if isinstance(event, AttemptEvent):
                                seen.append(event.attempt)
                            yield event
                finished = True
        finally:
            if not finished and context.store is not None and state.get("trace_id"):
                _add_unsaved(state, seen)
                run = Run(context, state, lambda _: None, strategy)
                context.store.append(trace_of(run, Ended(termination="interrupted")))
        run = Run(context, state, lambda _: None, strategy)
        yield Solution.of(trace_of(run, Ended.model_validate(state["ended"])))


def _add_unsaved(state: Any, seen: Sequence[Attempt]) -> None:
    """Add attempts that were told of after the last state was saved, so that an interrupted trace has them all."""
    state["attempts"], state["nodes"] = list(state["attempts"]), list(state["nodes"])
    for attempt in sorted(seen, key=lambda a: a.index):
        if attempt.index == len(state["attempts"]) and attempt.node == len(state["nodes"]):
            node = Node(
                id=attempt.node,
                parent=state["leaf"],
                message=Message(role="assistant", content=attempt.completion.text),
            )
            state["nodes"].append(node.model_dump(mode="json"))
            state["attempts"].append(attempt.model_dump(mode="json"))


async def _open_checkpointer(checkpointer: Any, stack: AsyncExitStack) -> Any:
    if not isinstance(checkpointer, str | Path):
        return checkpointer
    try:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    except ImportError as error:
        raise MissingExtraError('a checkpoint file needs SQLite: pip install "llm-modulo[resume]"') from error
    return await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(str(checkpointer)))


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end from code that is not async, whether or not a loop is running in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1, thread_name_prefix="modulo-sync") as executor:
        return executor.submit(contextvars.copy_context().run, asyncio.run, work).result()
