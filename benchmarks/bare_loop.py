"""Critique and retry written by hand in bare LangGraph: what modulo's own graph is measured against.

    generate ─► verify ─► accepted, or out of rounds? ─► END
       ▲                     │ no
       └─────────────────────┘

A loop, a message list and a list of attempts; no traces, events, budgets, verdict values, extraction or cancelling.
"""

from __future__ import annotations

import operator
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

Model = Callable[[list[dict[str, str]]], Awaitable[str]]
Check = Callable[[str], tuple[bool, str]]


class State(TypedDict):
    messages: Annotated[list[dict[str, str]], operator.add]
    attempts: Annotated[list[dict[str, Any]], operator.add]


def build(model: Model, check: Check, *, rounds: int = 4) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The loop around an async model function and a check that says whether an answer passes and what is wrong."""

    async def generate(state: State) -> dict[str, Any]:
        text = await model(state["messages"])
        return {"messages": [{"role": "assistant", "content": text}]}

    async def verify(state: State) -> dict[str, Any]:
        candidate = state["messages"][-1]["content"].strip()
        passed, critique = check(candidate)
        attempt = {"candidate": candidate, "passed": passed, "critique": critique}
        if passed:
            return {"attempts": [attempt]}
        words = (
            f"Your answer is not correct.\nWhat is wrong:\n- {critique}\nCorrect it and give the whole answer again."
        )
        return {"attempts": [attempt], "messages": [{"role": "user", "content": words}]}

    def after_verify(state: State) -> Literal["generate", "__end__"]:
        over = state["attempts"][-1]["passed"] or len(state["attempts"]) >= rounds
        return END if over else "generate"  # type: ignore[return-value]

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    graph.add_node("generate", generate)
    graph.add_node("verify", verify)
    graph.add_edge(START, "generate")
    graph.add_edge("generate", "verify")
    graph.add_conditional_edges("verify", after_verify)
    return graph.compile()
