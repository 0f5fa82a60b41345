"""A small LangGraph agent with the loop inside it: find an hour in which everybody is free.

    python examples/langgraph_agent.py "Ann is busy at 9, 10 and 12. Ben is busy at 9, 11 and 14." [--model MODEL]

    read ─► solve (a modulo subgraph) ─► report

`read` turns the question into a problem with a critic; `solve` answers only what the critic has passed; `report` tells
the user, and never passes an unverified hour off as a free one.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from typing import Any

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from modulo import graph


class AgentState(TypedDict, total=False):
    question: str
    problem: dict[str, Any]  # what the subgraph takes
    solution: dict[str, Any]  # what it gives back
    reply: str


def read(state: AgentState) -> AgentState:
    busy = dict(re.findall(r"(\w+) is busy at ([\d, and]+)", state["question"]))
    hours = {name: sorted(map(int, re.findall(r"\d+", found))) for name, found in busy.items()}
    problem = {
        "statement": f"Find one whole hour from 9 to 16 in which nobody is busy. {state['question']}"
        ' Reply as JSON with its start, such as {"start": 9}.',
        "answer": "json",
        "verifiers": [
            {
                "smt": {
                    "variables": {"start": {"int": [9, 16]}},
                    "constraints": {f"{name} is free": f"not (start in {taken})" for name, taken in hours.items()},
                }
            }
        ],
    }
    return {"problem": problem}


def report(state: AgentState) -> AgentState:
    solution = state["solution"]
    if solution["status"] == "verified":
        return {"reply": f"Everybody is free: {solution['answer']}"}
    if solution["best"] is None:
        return {"reply": f"No answer: {solution['error'] or solution['termination']}"}
    faults = "; ".join(critique["message"] for critique in solution["best"]["critiques"])
    return {"reply": f"No hour found that holds. The closest try: {faults}"}


def agent(model: str = "local") -> Any:
    builder = StateGraph(AgentState)
    builder.add_node("read", read)
    builder.add_node("solve", graph("critique_retry", model=model, rounds=8))
    builder.add_node("report", report)
    builder.add_edge(START, "read")
    builder.add_edge("read", "solve")
    builder.add_edge("solve", "report")
    builder.add_edge("report", END)
    return builder.compile()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("question")
    parser.add_argument("--model", default="local")
    arguments = parser.parse_args()
    stream = agent(arguments.model).astream(
        {"question": arguments.question}, stream_mode=["custom", "values"], subgraphs=True
    )
    reply = ""
    async for _, mode, part in stream:
        if mode == "custom" and part["kind"] == "attempt":
            attempt = part["attempt"]
            print(f"round {part['round']}: {attempt['candidate']}  {attempt['verdicts'][0]['outcome']}")
        elif mode == "values":
            reply = part.get("reply", reply)
    print(reply)


if __name__ == "__main__":
    asyncio.run(main())
