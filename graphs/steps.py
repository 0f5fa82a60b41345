"""What every strategy does the same way: begin, record an attempt, end, and run under sync and async hosts alike."""

from __future__ import annotations

import asyncio
import contextvars
import json
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command
from langgraph.utils.runnable import RunnableCallable  # type: ignore[attr-defined]

from modulo.backprompt import first_prompt
from modulo.bank import Bank, down
from modulo.budget import Meter
from modulo.errors import BudgetExhaustedError, UnavailableError
from modulo.events import AttemptEvent, CompletionEvent, FinishedEvent, StartedEvent
from modulo.graphs.context import Bound, SolveContext, current
from modulo.graphs.state import ProblemInput, SolutionOutput, SolveState
from modulo.problems import validate_problem
from modulo.traces import Node, Trace
from modulo.types import Attempt, Completion, Message, Problem, Sampling, Status, Value, Verdict, weakest

__all__ = ["ENDINGS", "Run", "ended_by", "frame", "node", "seal", "synchronous"]

Update = dict[str, Any] | Command[str]
"""What a step gives back: changes of the state, and maybe where to go on."""

synchronous: ContextVar[bool] = ContextVar("modulo_synchronous", default=False)
"""Whether the host runs the graph synchronously, so that a node has an event loop of its own."""

ENDINGS = (BudgetExhaustedError, UnavailableError, TimeoutError)
"""What ends a solve with what there is, instead of escaping from its graph."""


class Ended(Value):
    """Why a solve is over."""

    termination: str
    error: str | None = None


def ended_by(error: BaseException) -> dict[str, Any]:
    """`ended` state for one of `ENDINGS`."""
    if isinstance(error, BudgetExhaustedError):
        return Ended(termination=error.limit).model_dump()
    if isinstance(error, TimeoutError):
        return Ended(termination="wall_seconds").model_dump()
    return Ended(termination="unavailable", error=str(error)).model_dump()


@lru_cache(maxsize=256)
def _problem(text: str) -> Problem:
    """The problem of a state; one value for all nodes of a solve, so that its hashes are computed once."""
    return Problem.model_validate_json(text)


@dataclass
class Run:
    """One node's view of a solve: its state as values, and how to speak."""

    context: Bound
    state: SolveState
    write: Callable[[Any], None]
    strategy: str
    problem: Problem = field(init=False)
    meter: Meter = field(init=False)

    def __post_init__(self) -> None:
        self.problem = _problem(json.dumps(self.state["problem"]))
        self.meter = Meter(self.context.budget, self.state.get("meter"))

    @property
    def trace_id(self) -> str:
        """Identity of the solve."""
        return self.state["trace_id"]

    def messages(self, leaf: int) -> list[Message]:
        """The conversation that ends at node `leaf`."""
        nodes, chain = self.state["nodes"], list[Message]()
        at: int | None = leaf
        while at is not None:
            chain.append(Message.model_validate(nodes[at]["message"]))
            at = nodes[at]["parent"]
        return chain[::-1]

    def sampling(self, offset: int) -> Sampling:
        """Sampling for a request whose first completion is the solve's sample number `offset`."""
        base = self.context.sampling
        update: dict[str, Any] = {"max_tokens": self.meter.clip_tokens(base.max_tokens)}
        if base.json_schema is None:
            update["json_schema"] = self.bank.answer_schema
        if base.seed is not None:
            update["seed"] = (base.seed + offset) % 2**31
        return base.model_copy(update=update)

    def drawn(self, completion: Completion, *, round: int, of: int | None) -> None:
        """Charge a completion and tell the world."""
        self.meter.charge(completion.usage)
        event = CompletionEvent(
            problem_id=self.problem.id,
            trace_id=self.trace_id,
            completion=completion,
            round=round,
            drawn=self.meter.samples,
            of=of,
        )
        self.write(event.model_dump(mode="json"))

    @property
    def bank(self) -> Bank:
        """The problem's critics."""
        return self.context.bank_for(self.problem)

    async def judge(self, completion: Completion) -> tuple[str | None, tuple[Verdict, ...]]:
        """Candidate and verdicts of a completion."""
        return await self.bank.judge_text(completion.text)

    def judged(self, attempt: Attempt, *, round: int, of: int | None) -> dict[str, Any] | None:
        """Charge an attempt's verdicts and tell the world. Returns `ended` state if the solve is over with it."""
        self.meter.charge_verifier(sum(v.seconds for v in attempt.verdicts))
        event = AttemptEvent(
            problem_id=self.problem.id,
            trace_id=self.trace_id,
            attempt=attempt,
            round=round,
            of=of,
            usage=self.meter.usage,
            seconds=self.meter.wall_seconds,
        )
        self.write(event.model_dump(mode="json"))
        if attempt.accepted:
            return Ended(termination="verified").model_dump()
        if (reason := down(attempt.verdicts)) is not None:
            return Ended(termination="unavailable", error=reason).model_dump()
        return None


def _prepare(bank_for: Callable[[Problem], Bank], problem: Problem) -> Bank:
    bank = bank_for(problem)
    _ = bank.answer_schema
    return bank


async def begin(started: SolveState, context: Bound, write: Callable[[Any], None], strategy: str) -> dict[str, Any]:
    """Fresh state for a solve; earlier solves of the same thread leave nothing behind."""
    problem = validate_problem(started.get("problem"))
    generator, bank_for = context.generator, context.bank_for
    # A bad spec is the caller's error, before any token is spent. Reading it may wait for a worker: not in the loop.
    problem = (await asyncio.to_thread(_prepare, bank_for, problem)).problem
    trace_id = uuid.uuid4().hex
    nodes: list[dict[str, Any]] = []
    for message in first_prompt(problem):
        node_ = Node(id=len(nodes), parent=len(nodes) - 1 if nodes else None, message=message)
        nodes.append(node_.model_dump(mode="json"))
    event = StartedEvent(problem_id=problem.id, trace_id=trace_id, strategy=strategy, model=generator.name)
    write(event.model_dump(mode="json"))
    return {
        "problem": problem.to_json(),
        "trace_id": trace_id,
        "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "nodes": nodes,
        "leaf": len(nodes) - 1,
        "pending": None,
        "attempts": [],
        "meter": Meter(context.budget).save(),
        "ended": None,
        "solution": {},
    }


def trace_of(run: Run, ended: Ended) -> Trace:
    """The trace of a solve from its state, finished or not."""
    state, context = run.state, run.context
    attempts = tuple(Attempt.model_validate(a) for a in state.get("attempts", ()))
    winner = next((a for a in attempts if a.accepted), None)
    best = winner or max(attempts, key=lambda a: (a.score, -a.index), default=None)
    status = Status.VERIFIED if winner else Status.ERROR if ended.error else Status.UNVERIFIED
    generator = context.generator
    return Trace(
        trace_id=state["trace_id"],
        problem=run.problem,
        problem_hash=run.problem.problem_hash,
        spec_hash=run.problem.spec_hash,
        model=generator.name,
        strategy=run.strategy,
        settings={
            "n": context.n,
            "rounds": context.rounds,
            "mode": context.mode,
            "feedback": context.feedback.value,
            "budget": context.budget.model_dump(mode="json"),
        },
        sampling=context.sampling,
        started_at=state["started_at"],
        seconds=state["solution"].get("seconds", run.meter.wall_seconds),
        nodes=tuple(Node.model_validate(n) for n in state["nodes"]),
        attempts=attempts,
        status=status,
        termination=ended.termination,
        error=ended.error,
        answer=winner.candidate if winner else None,
        best=best.index if best else None,
        guarantee=weakest(winner.verdicts) if winner else None,
        usage=run.meter.usage,
        environment=context.environment,
    )


async def finish(run: Run) -> dict[str, Any]:
    """Write the trace and give the solution."""
    trace = trace_of(run, Ended.model_validate(run.state["ended"] or {"termination": "exhausted"}))
    if run.context.store is not None:
        await asyncio.to_thread(run.context.store.append, trace)
    event = FinishedEvent(
        problem_id=run.problem.id,
        trace_id=run.trace_id,
        status=trace.status,
        termination=trace.termination,
        usage=trace.usage,
        seconds=trace.seconds,
    )
    run.write(event.model_dump(mode="json"))
    return {"solution": solution_of(trace)}


def solution_of(trace: Trace) -> dict[str, Any]:
    """A trace's outcome as the JSON that hosts and the command line get.

    `answer` is there only if it is verified; the closest attempt of an unverified solve is under `best`.
    """
    best = trace.attempts[trace.best] if trace.best is not None else None
    return {
        "problem_id": trace.problem.id,
        "status": trace.status.value,
        "answer": trace.answer,
        "guarantee": trace.guarantee.value if trace.guarantee else None,
        "verdicts": [v.model_dump(mode="json") for v in best.verdicts] if best else [],
        "best": None
        if best is None or trace.answer is not None
        else {
            "candidate": best.candidate,
            "critiques": [c.model_dump(mode="json") for c in best.critiques],
        },
        "termination": trace.termination,
        "error": trace.error,
        "attempts": len(trace.attempts),
        "usage": trace.usage.model_dump(mode="json"),
        "seconds": trace.seconds,
        "trace_id": trace.trace_id,
    }


def node(
    step: Callable[[SolveState, Bound, Callable[[Any], None]], Coroutine[Any, Any, Update]],
    bound: Bound,
) -> RunnableCallable:
    """A LangGraph node from one async step. Under a synchronous host the step gets a loop in a thread of its own."""

    async def run(state: SolveState, runtime: Runtime[SolveContext]) -> Update:
        return await step(state, current(runtime.context, bound), runtime.stream_writer)

    def run_sync(state: SolveState, runtime: Runtime[SolveContext]) -> Update:
        def in_thread() -> Update:
            synchronous.set(True)
            return asyncio.run(step(state, current(runtime.context, bound), runtime.stream_writer))

        with ThreadPoolExecutor(1, thread_name_prefix="modulo-node") as executor:
            return executor.submit(contextvars.copy_context().run, in_thread).result()

    return RunnableCallable(run_sync, run, name=step.__name__, trace=False, recurse=False)


def frame(bound: Bound, strategy: str, *, first: str) -> StateGraph[Any, Any, Any, Any]:
    """A graph with what all strategies share: `begin`, which goes on to `first`, and `finish`, which ends."""

    async def open_solve(state: SolveState, context: Bound, write: Callable[[Any], None]) -> dict[str, Any]:
        return await begin(state, context, write, strategy)

    async def close_solve(state: SolveState, context: Bound, write: Callable[[Any], None]) -> dict[str, Any]:
        return await finish(Run(context, state, write, strategy))

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(
        SolveState, context_schema=SolveContext, input_schema=ProblemInput, output_schema=SolutionOutput
    )
    graph.add_node("begin", node(open_solve, bound))
    graph.add_node("finish", node(close_solve, bound))
    graph.add_edge(START, "begin")
    graph.add_edge("begin", first)
    graph.add_edge("finish", END)
    return graph


def seal(
    graph: StateGraph[Any, Any, Any, Any], *, checkpointer: Any, name: str
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Compile. Rounds and budgets end a solve; LangGraph's own count of steps must not do so first."""
    return graph.compile(checkpointer=checkpointer, name=name).with_config(recursion_limit=1_000_000)
