"""Critique and retry: one conversation, in which the verifiers' critiques become the next prompt.

    begin ─► draft ─► judge ─► accepted, out of rounds, or out of budget? ─► finish
               ▲                     │ no
               └──── backprompt ◄────┘

The loop of LLM-Modulo (Kambhampati et al. 2024, arXiv 2402.01817). At feedback level `none` each draft is a fresh
sample, the baseline that any feedback has to beat (arXiv 2402.08115).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from modulo.backprompt import backprompt
from modulo.graphs.context import Bound
from modulo.graphs.state import SolveState
from modulo.graphs.steps import ENDINGS, Run, ended_by, frame, node, seal
from modulo.traces import Node
from modulo.types import Attempt, Completion, Message

__all__ = ["NAME", "build"]

NAME = "critique_retry"

Write = Callable[[Any], None]


async def draft(state: SolveState, context: Bound, write: Write) -> Command[str]:
    """Draw one completion that continues the conversation."""
    run = Run(context, state, write, NAME)
    generator = context.generator
    round_ = len(state["attempts"]) + 1
    try:
        run.meter.check()
        async with asyncio.timeout(run.meter.seconds_left()):
            sampling = run.sampling(round_ - 1)
            async with aclosing(generator.generate(run.messages(state["leaf"]), n=1, sampling=sampling)) as stream:
                completion = await anext(stream, None)
    except ENDINGS as error:
        return _step(run, "judge", ended=ended_by(error))
    if completion is None:
        return _step(
            run, "judge", ended={"termination": "unavailable", "error": f"{generator.name} gave no completion"}
        )
    run.drawn(completion, round=round_, of=context.rounds)
    return _step(run, "judge", pending=completion.model_dump(mode="json"))


async def judge(state: SolveState, context: Bound, write: Write) -> Command[str]:
    """Judge the draft; compile its critiques into the next prompt unless the solve is over."""
    run = Run(context, state, write, NAME)
    completion = Completion.model_validate(state["pending"])
    nodes, index = list(state["nodes"]), len(state["attempts"])
    answer = Node(id=len(nodes), parent=state["leaf"], message=Message(role="assistant", content=completion.text))
    nodes.append(answer.model_dump(mode="json"))
    try:
        async with asyncio.timeout(run.meter.seconds_left()):
            candidate, verdicts = await run.judge(completion)
        ended = None
    except TimeoutError as error:
        candidate, verdicts, ended = None, (), ended_by(error)
    attempt = Attempt(
        index=index,
        parent=index - 1 if nodes[state["leaf"]]["parent"] is not None else None,
        node=answer.id,
        completion=completion,
        candidate=candidate,
        verdicts=verdicts,
    )
    ended = run.judged(attempt, round=index + 1, of=context.rounds) or ended
    leaf = state["leaf"]
    if ended is None and index + 1 >= context.rounds:
        ended = {"termination": "exhausted", "error": None}
    if ended is None:
        words = backprompt(run.problem, verdicts, context.feedback)
        if words is None:
            leaf = 0
        else:
            leaf = len(nodes)
            nodes.append(Node(id=leaf, parent=answer.id, message=words).model_dump(mode="json"))
    attempts = [*state["attempts"], attempt.model_dump(mode="json")]
    return _step(run, "draft", nodes=nodes, leaf=leaf, attempts=attempts, pending=None, ended=ended)


def _step(run: Run, after: str, **changes: Any) -> Command[str]:
    """Save changes and go on: to `after`, or to the end if the solve is over."""
    goto = "finish" if changes.get("ended") else after
    return Command(update={**changes, "meter": run.meter.save()}, goto=goto)


def build(bound: Bound, *, checkpointer: Any = None, name: str | None = None) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Compile the strategy around a bound context. The result is a graph, a node or a subgraph, like any other.

    Args:
        bound: parts and settings; a caller's `context=` may override it run by run.
        checkpointer: a LangGraph checkpointer, if solves are to be resumable.
        name: name of the compiled graph, if several stand in one host.
    """
    graph = frame(bound, NAME, first="draft")
    # A node names its successor itself: a conditional edge would cost a hop through a thread each round.
    graph.add_node("draft", node(draft, bound), destinations=("judge", "finish"))
    graph.add_node("judge", node(judge, bound), destinations=("draft", "finish"))
    return seal(graph, checkpointer=checkpointer, name=name or NAME)
