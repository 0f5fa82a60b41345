"""Graph state: plain JSON only, so that any checkpointer can keep it and any host can show it."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

__all__ = ["ProblemInput", "SolutionOutput", "SolveState"]


class ProblemInput(TypedDict):
    """What a host puts in: a problem as its file would hold it."""

    problem: dict[str, Any]


class SolutionOutput(TypedDict):
    """What a host gets back: the solution as JSON; `status` is `verified`, `unverified` or `error`."""

    solution: dict[str, Any]


class SolveState(ProblemInput, SolutionOutput):
    """Working state of a solve. Each key is written whole by one node at a time.

    Attributes:
        trace_id: identity of this solve.
        started_at: UTC time in ISO form.
        nodes: the message tree so far (`modulo.traces.Node`).
        leaf: node whose conversation the next completion continues.
        pending: a completion that is drawn and not judged yet.
        attempts: judged attempts (`modulo.types.Attempt`), in order.
        meter: what is spent (`modulo.budget.Meter.save`).
        ended: `{"termination": …, "error": …}` once the solve is over.
    """

    trace_id: str
    started_at: str
    nodes: list[dict[str, Any]]
    leaf: int
    pending: dict[str, Any] | None
    attempts: list[dict[str, Any]]
    meter: dict[str, Any]
    ended: dict[str, Any] | None
