"""What a solve says while it runs. Nodes write these as plain JSON; the API gives them back as values."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from modulo.types import Attempt, Completion, Status, Usage, Value

__all__ = ["AttemptEvent", "CompletionEvent", "Event", "FinishedEvent", "StartedEvent", "parse_event"]


class _Event(Value):
    problem_id: str
    trace_id: str


class StartedEvent(_Event):
    """A solve began."""

    kind: Literal["started"] = "started"
    strategy: str
    model: str


class CompletionEvent(_Event):
    """The model answered; the verdict is still to come. `round` is 1-based, `drawn` counts samples so far."""

    kind: Literal["completion"] = "completion"
    completion: Completion
    round: int
    drawn: int
    of: int | None = None


class AttemptEvent(_Event):
    """A candidate was judged. `usage` and `seconds` are the solve's so far."""

    kind: Literal["attempt"] = "attempt"
    attempt: Attempt
    round: int
    of: int | None = None
    usage: Usage
    seconds: float


class FinishedEvent(_Event):
    """The solve ended. `termination` says why: `verified`, `exhausted`, or the limit or error that stopped it."""

    kind: Literal["finished"] = "finished"
    status: Status
    termination: str
    usage: Usage
    seconds: float


Event = StartedEvent | CompletionEvent | AttemptEvent | FinishedEvent

_ADAPTER: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def parse_event(data: Any) -> Event:
    """The event a node wrote as JSON."""
    return _ADAPTER.validate_python(data)
