"""The loop inside a host's own LangGraph app."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from tests.support.doubles import PROBLEM, Echo, Equals
from typing_extensions import TypedDict

from modulo import graph
from modulo.errors import ModuloError


class HostState(TypedDict, total=False):
    question: str
    problem: dict[str, Any]
    solution: dict[str, Any]
    report: str


class HostContext(TypedDict):
    user: str


def host(strategy: str, *, checkpointer: Any = None) -> Any:
    def ask(state: HostState) -> HostState:
        return {"problem": {**PROBLEM.to_json(), "statement": state["question"]}}

    def report(state: HostState) -> HostState:
        return {"report": f"{state['solution']['status']}: {state['solution']['answer']}"}

    builder = StateGraph(HostState, context_schema=HostContext)
    builder.add_node("ask", ask)
    builder.add_node("solve", graph(strategy, model=Echo(["a", "42"] * 4), verifiers=[Equals()]))
    builder.add_node("report", report)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "solve")
    builder.add_edge("solve", "report")
    builder.add_edge("report", END)
    return builder.compile(checkpointer=checkpointer)


@pytest.mark.parametrize("strategy", ["best_of_n", "critique_retry"])
async def test_as_a_subgraph_sync_and_async(strategy: str) -> None:
    app = host(strategy)
    for out in (app.invoke({"question": "q"}), await app.ainvoke({"question": "q"}, context={"user": "u"})):
        assert out["report"] == "verified: 42"


@pytest.mark.parametrize("strategy", ["best_of_n", "critique_retry"])
async def test_under_a_hosts_checkpointer_one_thread_can_ask_twice(
    strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGGRAPH_STRICT_MSGPACK", "true")
    app = host(strategy, checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "one"}}
    first = await app.ainvoke({"question": "q"}, config)
    second = await app.ainvoke({"question": "again"}, config)
    assert first["report"] == second["report"] == "verified: 42"
    assert first["solution"]["trace_id"] != second["solution"]["trace_id"]


async def test_events_reach_the_hosts_stream() -> None:
    kinds = [
        part["kind"]
        async for _, part in host("best_of_n").astream({"question": "q"}, stream_mode="custom", subgraphs=True)
    ]
    assert kinds[0] == "started"
    assert kinds[-1] == "finished"


@pytest.mark.parametrize(
    "bad",
    [None, "text", {}, {"statement": ""}, {"statement": "s", "x": 1}, {"statement": "s", "verifiers": [{"nope": {}}]}],
)
async def test_a_malformed_problem_is_the_hosts_error_before_any_token(bad: Any) -> None:
    model = Echo(["42"])
    with pytest.raises(ModuloError) as caught:
        await graph("best_of_n", model=model, verifiers=[Equals()]).ainvoke({"problem": bad})
    assert "\n" not in str(caught.value)
    assert model.drawn == 0
