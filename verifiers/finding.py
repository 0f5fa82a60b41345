"""What a check finds out about a candidate, before a verdict is made of it; and three ways to say it."""

from __future__ import annotations

from typing import Any

from pydantic import Field, JsonValue

from modulo.types import Critique, Guarantee, Outcome, Value

__all__ = ["Finding", "fail", "ok", "unknown"]


class Finding(Value):
    """The part of a verdict that depends on the candidate; see `modulo.types.Verdict` for the fields.

    Attributes:
        guarantee: set where this pass means less than the verifier's best.
    """

    outcome: Outcome
    critiques: tuple[Critique, ...] = ()
    evidence: dict[str, JsonValue] = Field(default_factory=dict)
    score: float | None = Field(default=None, ge=0, le=1)
    guarantee: Guarantee | None = None

    def __bool__(self) -> bool:
        """True for a pass, so that a forgotten `.outcome` cannot turn a fail into one."""
        return self.outcome is Outcome.PASS


def ok(*, evidence: dict[str, Any] | None = None, guarantee: Guarantee | str | None = None) -> Finding:
    """The candidate is right. `evidence` is JSON for an audit; `guarantee` may be weaker than the verifier's own."""
    return Finding(
        outcome=Outcome.PASS,
        evidence=evidence or {},
        score=1.0,
        guarantee=None if guarantee is None else Guarantee(guarantee),
    )


def fail(
    *messages: str | Critique,
    locus: str | None = None,
    counterexample: JsonValue = None,
    score: float | None = None,
    evidence: dict[str, Any] | None = None,
) -> Finding:
    """The candidate is wrong, and why: one message, or several `Critique`s that each carry their own locus.

    Args:
        messages: at least one. A text becomes a critique with `locus` and `counterexample`.
        locus: where the fault is, such as a key or a line.
        counterexample: JSON data that shows it.
        score: share of the requirements that holds, in [0, 1].
        evidence: JSON for an audit.
    """
    if not messages:
        raise TypeError("fail() needs a message that says what is wrong")
    critiques = tuple(
        m if isinstance(m, Critique) else Critique(message=m, locus=locus, counterexample=counterexample)
        for m in messages
    )
    return Finding(outcome=Outcome.FAIL, critiques=critiques, score=score, evidence=evidence or {})


def unknown(message: str, *, evidence: dict[str, Any] | None = None) -> Finding:
    """It could not be decided, and why. Neither accepted nor trained on."""
    return Finding(outcome=Outcome.UNKNOWN, critiques=(Critique(message=message),), evidence=evidence or {})
