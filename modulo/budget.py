"""Budget: what a solve may spend. Meter: what it has spent, the one mutable object of a solve."""

from __future__ import annotations

import time

from pydantic import Field, JsonValue

from modulo.errors import BudgetExhaustedError
from modulo.types import Usage, Value

__all__ = ["Budget", "Meter"]


class Budget(Value):
    """Limits of one solve; `None` is no limit.

    Attributes:
        samples: completions drawn.
        tokens: completion tokens over all samples. A request's `max_tokens` is clipped to what is left, so the excess
            is at most what was in flight.
        cost: US dollars. Only spent money counts: a model of unknown price never reaches it.
        wall_seconds: from the first request to the end of the solve.
        verifier_seconds: summed over verdicts.
    """

    samples: int | None = Field(default=None, ge=1)
    tokens: int | None = Field(default=None, ge=1)
    cost: float | None = Field(default=None, gt=0)
    wall_seconds: float | None = Field(default=None, gt=0)
    verifier_seconds: float | None = Field(default=None, gt=0)


class Meter:
    """Counts what a solve spends against its budget. Saved into and rebuilt from graph state as plain JSON.

    Attributes:
        usage: tokens and cost so far. `cost` is `None` from the first unpriced completion on.
        samples: completions drawn so far.
        verifier_seconds: summed over verdicts so far.
    """

    def __init__(self, budget: Budget, saved: dict[str, JsonValue] | None = None) -> None:
        self.budget = budget
        state = _Saved.model_validate(saved or {})
        self.usage, self.samples, self.verifier_seconds = state.usage, state.samples, state.verifier_seconds
        self._priced = state.priced
        self._earlier, self._since = state.wall_seconds, time.monotonic()

    @property
    def wall_seconds(self) -> float:
        """Seconds since the solve began, without the time between a crash and its resume."""
        return self._earlier + time.monotonic() - self._since

    def save(self) -> dict[str, JsonValue]:
        """State to rebuild this meter from, in this process or another."""
        return _Saved(
            usage=self.usage,
            samples=self.samples,
            verifier_seconds=self.verifier_seconds,
            wall_seconds=self.wall_seconds,
            priced=self._priced,
        ).model_dump(mode="json")

    def charge(self, usage: Usage) -> None:
        """Count one completion."""
        self.samples += 1
        self.usage = usage if self.samples == 1 else self.usage + usage
        self._priced += usage.cost or 0.0

    def charge_verifier(self, seconds: float) -> None:
        """Count the time of one verdict."""
        self.verifier_seconds += seconds

    def exhausted(self) -> str | None:
        """Name of the first limit that is reached, or `None`."""
        budget = self.budget
        spent: tuple[tuple[str, float, float | None], ...] = (
            ("samples", self.samples, budget.samples),
            ("tokens", self.usage.completion_tokens, budget.tokens),
            ("cost", self._priced, budget.cost),
            ("wall_seconds", self.wall_seconds, budget.wall_seconds),
            ("verifier_seconds", self.verifier_seconds, budget.verifier_seconds),
        )
        return next((name for name, used, limit in spent if limit is not None and used >= limit), None)

    def check(self) -> None:
        """Raise if any limit is reached.

        Raises:
            BudgetExhaustedError: names the limit.
        """
        if (limit := self.exhausted()) is not None:
            raise BudgetExhaustedError(limit)

    def seconds_left(self) -> float | None:
        """Wall seconds until the budget ends, at least 0; `None` without such a limit."""
        limit = self.budget.wall_seconds
        return None if limit is None else max(0.0, limit - self.wall_seconds)

    def samples_left(self, wanted: int) -> int:
        """How many of `wanted` samples the budget still allows."""
        limit = self.budget.samples
        return wanted if limit is None else min(wanted, max(0, limit - self.samples))

    def clip_tokens(self, wanted: int | None) -> int | None:
        """`max_tokens` for the next request: `wanted`, but never more than what is left, and at least 1."""
        if self.budget.tokens is None:
            return wanted
        left = max(1, self.budget.tokens - self.usage.completion_tokens)
        return left if wanted is None else min(wanted, left)


class _Saved(Value):
    usage: Usage = Usage()
    samples: int = 0
    verifier_seconds: float = 0.0
    wall_seconds: float = 0.0
    priced: float = 0.0
