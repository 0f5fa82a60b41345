"""Verifiers made of verifiers: `all_of`, `any_of` and `weighted`.

    all_of(schema, tests)                  every hard member must pass; cheap ones first, up to the first that fails
    any_of(proof_a, proof_b)               one hard member that passes is enough
    weighted({lint: 1, judge: 3})          a mark to rank by; always soft

Only hard members gate, as in a bank: a soft one never makes `all_of` fail nor `any_of` pass. Nothing passes because
there was nothing to ask, so without any hard member the outcome is `unknown`.

`all_of`: a hard member that fails decides, whatever the others say; then an `error`, then an `unknown`; else it passes.
`any_of`: a hard member that passes decides; then an `error`, then an `unknown`; else it fails.
`weighted` fails if a hard member fails or the mark cannot reach the threshold; it passes if every hard member passes
and the mark reaches it whatever the undecided members would have said; else it is an `error` or `unknown`.

A pass of `all_of` means no more than its weakest hard member, one of `any_of` what the member that passed means.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from modulo.protocols import Verifier
from modulo.types import Critique, Guarantee, Outcome, Verdict, overall, weakest
from modulo.verifiers.combined import ORDER, Combined, Stop

__all__ = ["AllOf", "AnyOf", "Weighted", "all_of", "any_of", "weighted"]


class AllOf(Combined):
    """Every hard member must pass."""

    name = "all_of"

    @property
    def guarantee(self) -> Guarantee:
        """That of the weakest hard member; an opinion if there is none."""
        return max((gate.guarantee for gate in self.gates), key=ORDER.index, default=Guarantee.OPINION)

    @property
    def answer_schema(self) -> dict[str, JsonValue] | None:
        """JSON Schema of a hard member: whatever all accept, it accepts."""
        return next((schema for schema in map(_schema, self.gates) if schema), None)

    def _decided(self, verdicts: Sequence[Verdict]) -> bool:
        return overall(verdicts) is Outcome.FAIL

    def _outcome(self, verdicts: Sequence[Verdict]) -> Outcome:
        return overall(verdicts)

    def _meaning(self, verdicts: Sequence[Verdict]) -> Guarantee:
        return weakest(verdicts) or self.guarantee

    def _score(self, verdicts: Sequence[Verdict]) -> float | None:
        """Mean share of the hard members; one that was not asked any more counts 0."""
        marks = [_mark(verdict) or 0.0 for verdict in verdicts if verdict.hard]
        return sum(marks) / len(self.gates) if self.gates else None


class AnyOf(Combined):
    """One hard member that passes is enough."""

    name = "any_of"

    @property
    def guarantee(self) -> Guarantee:
        """That of the strongest hard member; an opinion if there is none."""
        return min((gate.guarantee for gate in self.gates), key=ORDER.index, default=Guarantee.OPINION)

    @property
    def answer_schema(self) -> dict[str, JsonValue] | None:
        """One of the hard members' JSON Schemas, if each of them has one."""
        schemas: list[JsonValue] = [schema for schema in map(_schema, self.gates) if schema]
        return {"anyOf": schemas} if schemas and len(schemas) == len(self.gates) else None

    def _decided(self, verdicts: Sequence[Verdict]) -> bool:
        return self._outcome(verdicts) is Outcome.PASS

    def _outcome(self, verdicts: Sequence[Verdict]) -> Outcome:
        found = {verdict.outcome for verdict in verdicts if verdict.hard}
        for outcome in (Outcome.PASS, Outcome.ERROR, Outcome.UNKNOWN):
            if outcome in found:
                return outcome
        return Outcome.FAIL if found else Outcome.UNKNOWN

    def _meaning(self, verdicts: Sequence[Verdict]) -> Guarantee:
        passed = [v.guarantee for v in verdicts if v.hard and v.outcome is Outcome.PASS]
        return min(passed, key=ORDER.index, default=self.guarantee)

    def _score(self, verdicts: Sequence[Verdict]) -> float | None:
        """The best mark of a hard member."""
        return max((_mark(verdict) or 0.0 for verdict in verdicts if verdict.hard), default=None)

    def _unavailable(self, verdicts: Sequence[Verdict]) -> bool:
        gates = [v for v in verdicts if v.hard]
        return all(v.outcome is Outcome.ERROR and v.evidence.get("unavailable") is True for v in gates)


class Weighted(Combined):
    """A weighted mean of the members' marks; always soft, because a good mark elsewhere must not outweigh a failure.

    A member's mark is 1 for a pass, else its score, else 0; a member that is undecided has none.
    """

    name = "weighted"

    def __init__(self, members: Sequence[Verifier], weights: Sequence[float], *, threshold: float) -> None:
        super().__init__(members, hard=False, stop="never")
        if len(weights) != len(members) or not all(math.isfinite(w) and w > 0 for w in weights):
            raise ValueError("weighted needs one weight over 0 for each verifier")
        if not 0 < threshold <= 1:
            raise ValueError("the threshold is over 0 and at most 1")
        self.weights, self.threshold = tuple(weights), threshold

    @property
    def guarantee(self) -> Guarantee:
        """That of the weakest member."""
        return max((member.guarantee for member in self.members), key=ORDER.index)

    def _decided(self, verdicts: Sequence[Verdict]) -> bool:
        return False

    def _bounds(self, verdicts: Sequence[Verdict]) -> tuple[float, float]:
        """The least and the largest mark that there can be, given what is undecided."""
        marks = [_mark(verdict) for verdict in verdicts]
        total = math.fsum(self.weights)
        least = math.fsum(w * m for w, m in zip(self.weights, marks, strict=True) if m is not None) / total
        undecided = math.fsum(w for w, m in zip(self.weights, marks, strict=True) if m is None) / total
        return min(least, 1.0), min(least + undecided, 1.0)

    def _outcome(self, verdicts: Sequence[Verdict]) -> Outcome:
        least, most = self._bounds(verdicts)
        gates = {verdict.outcome for verdict in verdicts if verdict.hard}
        if Outcome.FAIL in gates or most < self.threshold:
            return Outcome.FAIL
        if least >= self.threshold and gates <= {Outcome.PASS}:
            return Outcome.PASS
        return Outcome.ERROR if any(v.outcome is Outcome.ERROR for v in verdicts) else Outcome.UNKNOWN

    def _meaning(self, verdicts: Sequence[Verdict]) -> Guarantee:
        return max((verdict.guarantee for verdict in verdicts), key=ORDER.index)

    def _score(self, verdicts: Sequence[Verdict]) -> float | None:
        return self._bounds(verdicts)[0]

    def _remarks(self) -> list[Critique]:
        return []


def all_of(*verifiers: Verifier, stop: Stop = "first", hard: bool = True) -> AllOf:
    """A verifier that passes what every hard one of `verifiers` passes; see the module's text.

    Raises:
        ValueError: no verifier is given.
    """
    return AllOf(verifiers, hard=hard, stop=stop)


def any_of(*verifiers: Verifier, stop: Stop = "first", hard: bool = True) -> AnyOf:
    """A verifier that passes what one hard one of `verifiers` passes; see the module's text.

    Raises:
        ValueError: no verifier is given.
    """
    return AnyOf(verifiers, hard=hard, stop=stop)


def weighted(weights: Mapping[Any, float], *, threshold: float = 0.5) -> Weighted:
    """A soft verifier that ranks by the weighted mean of the marks; `weights` maps each verifier to its weight.

    Raises:
        ValueError: no verifier is given, a weight is not over 0, or the threshold is not in (0, 1].
    """
    return Weighted(list(weights), list(weights.values()), threshold=threshold)


def _mark(verdict: Verdict) -> float | None:
    if verdict.outcome is Outcome.PASS:
        return 1.0
    return (verdict.score or 0.0) if verdict.outcome is Outcome.FAIL else None


def _schema(verifier: Verifier) -> dict[str, JsonValue] | None:
    return getattr(verifier, "answer_schema", None)
