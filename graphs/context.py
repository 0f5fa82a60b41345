"""What travels beside the state: the parts and the settings of a solve. Nothing in here is ever checkpointed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import InstanceOf, JsonValue, WithJsonSchema

from modulo.bank import Bank
from modulo.budget import Budget
from modulo.protocols import Generator
from modulo.traces import TraceStore
from modulo.types import Feedback, Problem, Sampling

__all__ = ["SolveContext", "current"]

_PART = WithJsonSchema({"type": "null", "description": "set by modulo.graph(); not settable over the wire"})


@dataclass(frozen=True)
class SolveContext:
    """The `context_schema` of every strategy.

    `modulo.graph()` binds one at compile time, so a host needs to pass none. A host that does pass one may leave the
    parts `None` to keep the bound ones and override only settings.

    Attributes:
        generator: the model.
        bank_for: the critics of a problem.
        store: where the trace is written; `None` writes none.
        n: samples of `best_of_n`.
        rounds: attempts of `critique_retry`.
        mode: `race` stops at the first pass; `full` judges all `n`, for measuring.
    """

    generator: Annotated[InstanceOf[Generator] | None, _PART] = None
    bank_for: Annotated[Callable[[Problem], Bank] | None, _PART] = None
    store: Annotated[InstanceOf[TraceStore] | None, _PART] = None
    environment: dict[str, JsonValue] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    sampling: Sampling = field(default_factory=Sampling)
    feedback: Feedback = Feedback.COUNTEREXAMPLE
    n: int = 8
    rounds: int = 4
    mode: Literal["race", "full"] = "race"

    def parts(self) -> tuple[Generator, Callable[[Problem], Bank]]:
        """Generator and critics.

        Raises:
            TypeError: neither the graph nor the caller's context has them.
        """
        if self.generator is None or self.bank_for is None:
            raise TypeError("this graph has no generator: build it with modulo.graph(…, model=…) or pass a context")
        return self.generator, self.bank_for


def current(context: Any, bound: SolveContext) -> SolveContext:
    """The context of this run: the caller's over the bound one. A host's context of another type is not ours."""
    if not isinstance(context, SolveContext):
        return bound
    return replace(
        context,
        generator=context.generator or bound.generator,
        bank_for=context.bank_for or bound.bank_for,
        store=context.store or bound.store,
        environment=context.environment or bound.environment,
        budget=Budget.model_validate(context.budget),
        sampling=Sampling.model_validate(context.sampling),
        feedback=Feedback(context.feedback),
    )
