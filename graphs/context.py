"""What travels beside the state: the parts and the settings of a solve. Nothing in here is ever checkpointed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal

from pydantic import InstanceOf, JsonValue, WithJsonSchema

from modulo.bank import Bank
from modulo.budget import Budget
from modulo.protocols import Generator
from modulo.traces import TraceStore
from modulo.types import Feedback, Problem, Sampling

__all__ = ["Bound", "SolveContext", "current"]

_PART = WithJsonSchema({"type": "null", "description": "set by modulo.graph(); not settable over the wire"})


@dataclass(frozen=True)
class Bound:
    """Parts and settings of a solve, complete. `modulo.graph()` binds one to a graph when it is compiled.

    Attributes:
        generator: the model.
        bank_for: the critics of a problem.
        store: where the trace is written; `None` writes none.
        n: samples of `best_of_n`.
        rounds: attempts of `critique_retry`.
        mode: `race` stops at the first pass; `full` judges all `n`, for measuring.
    """

    generator: Generator
    bank_for: Callable[[Problem], Bank]
    store: TraceStore | None
    environment: dict[str, JsonValue]
    budget: Budget
    sampling: Sampling
    feedback: Feedback
    n: int
    rounds: int
    mode: Literal["race", "full"]


@dataclass(frozen=True)
class SolveContext:
    """The `context_schema` of every strategy: what a run overrides of its graph's `Bound`; `None` overrides nothing."""

    generator: Annotated[InstanceOf[Generator] | None, _PART] = None
    bank_for: Annotated[Callable[[Problem], Bank] | None, _PART] = None
    store: Annotated[InstanceOf[TraceStore] | None, _PART] = None
    budget: Budget | None = None
    sampling: Sampling | None = None
    feedback: Feedback | None = None
    n: int | None = None
    rounds: int | None = None
    mode: Literal["race", "full"] | None = None


def current(context: Any, bound: Bound) -> Bound:
    """The bound settings with what this run's context overrides. A host's context of another type overrides nothing."""
    if not isinstance(context, SolveContext):
        return bound
    given = {f.name: value for f in fields(context) if (value := getattr(context, f.name)) is not None}
    for name, read in (
        ("budget", Budget.model_validate),
        ("sampling", Sampling.model_validate),
        ("feedback", Feedback),
    ):
        if name in given:  # over the wire it is plain JSON
            given[name] = read(given[name])
    return replace(bound, **given)
