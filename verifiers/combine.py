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
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import JsonValue

from modulo.bank import Bank
from modulo.protocols import Verifier
from modulo.types import Critique, Guarantee, Outcome, Problem, Verdict, overall, weakest

__all__ = ["AllOf", "AnyOf", "Combined", "Stop", "Weighted", "all_of", "any_of", "weighted"]

Stop = Literal["first", "never"]

_ORDER = list(Guarantee)
_MAX_CRITIQUES = 20
_COST = {"schema": 0, "lint": 2, "tests": 3, "judge": 4}
_USUAL_COST = 1


def cost(verifier: Verifier) -> int:
    """Rank of a verifier when the cheap ones go first: `schema`, then solvers and functions, `lint`, `tests`, `judge`.

    A combination costs what its dearest member does.
    """
    if isinstance(verifier, Combined):
        return max(map(cost, verifier.members))
    return _COST.get(verifier.name, _USUAL_COST)


class Combined:
    """What the combinations share: asking the members, and telling what they said.

    Members are asked through a bank, so that one which cannot run has an `error` verdict and is tried a second time.

    Args:
        members: at least one.
        hard: whether the combination gates acceptance.
        stop: `first` asks one member after the other, cheap ones first and soft ones last, and stops where the rest
            cannot change the outcome; `never` asks all of them at once.

    Raises:
        ValueError: there is no member.
    """

    name = "combined"

    def __init__(self, members: Sequence[Verifier], *, hard: bool, stop: Stop) -> None:
        if not members:
            raise ValueError(f"{self.name} needs at least one verifier")
        for member in members:
            if not isinstance(member, Verifier):
                raise TypeError(f"{member!r} is not a verifier; decorate a function with @modulo.verifier(…)")
        if stop not in ("first", "never"):
            raise ValueError(f"stop is first or never, not {stop!r}")
        self.members, self.hard, self.stop = tuple(members), hard, stop
        self._labels = _labels(self.members)
        # A verdict hangs on the members' versions: they are part of the name it is kept under.
        self.version = f"1({','.join(f'{member.name}:{member.version}' for member in self.members)})"

    @property
    def guarantee(self) -> Guarantee:
        """The best that a pass can mean."""
        raise NotImplementedError

    @property
    def gates(self) -> list[Verifier]:
        """The hard members."""
        return [member for member in self.members if member.hard]

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        """Ask the members, and put together what they say."""
        (verdict,) = await self.verify_many(problem, [candidate])
        return verdict

    async def verify_many(self, problem: Problem, candidates: Sequence[str]) -> list[Verdict]:
        """The verdicts that `verify` gives, in order; each member is asked about all that are still open at once."""
        started = time.monotonic()
        rows: list[list[Verdict | None]] = [[None] * len(self.members) for _ in candidates]
        for stage in self._stages():
            open_ = [place for place, row in enumerate(rows) if not self._decided([v for v in row if v is not None])]
            if not open_:
                break
            bank = Bank(problem, [self.members[index] for index in stage])
            if len(open_) == 1:
                answers = [await bank.judge(candidates[open_[0]])]
            else:
                answers = await bank.judge_many([candidates[place] for place in open_])
            for place, verdicts in zip(open_, answers, strict=True):
                for index, verdict in zip(stage, verdicts, strict=True):
                    # The member says whether it gates, not the verdict of a careless one.
                    rows[place][index] = verdict.model_copy(update={"hard": self.members[index].hard})
        seconds = (time.monotonic() - started) / max(1, len(candidates))
        return [self._together(row, seconds) for row in rows]

    def _stages(self) -> list[list[int]]:
        """Members by their place, those of one stage asked at the same time."""
        places = range(len(self.members))
        if self.stop == "never":
            return [list(places)]
        return [[place] for place in sorted(places, key=lambda p: (not self.members[p].hard, cost(self.members[p])))]

    def _decided(self, verdicts: Sequence[Verdict]) -> bool:
        """Whether no further verdict can change the outcome."""
        raise NotImplementedError

    def _outcome(self, verdicts: Sequence[Verdict]) -> Outcome:
        raise NotImplementedError

    def _score(self, verdicts: Sequence[Verdict]) -> float | None:
        raise NotImplementedError

    def _meaning(self, verdicts: Sequence[Verdict]) -> Guarantee:
        """What a pass means, or the best it could."""
        raise NotImplementedError

    def _together(self, row: Sequence[Verdict | None], seconds: float) -> Verdict:
        given = [verdict for verdict in row if verdict is not None]
        outcome = self._outcome(given)
        critiques = self._remarks()
        for label, verdict in sorted(
            zip(self._labels, row, strict=True), key=lambda pair: not (pair[1] and pair[1].hard)
        ):
            # What a gate of another alternative found is no fault of a candidate that passed.
            if verdict is not None and not (outcome is Outcome.PASS and verdict.hard):
                critiques += [_said_by(label, critique) for critique in verdict.critiques]
        evidence: dict[str, JsonValue] = {
            "members": [_told(member, v) for member, v in zip(self.members, row, strict=True)]
        }
        if outcome is Outcome.ERROR:
            evidence["unavailable"] = self._unavailable(given)
        return Verdict(
            verifier=self.name,
            version=self.version,
            outcome=outcome,
            hard=self.hard,
            guarantee=max(self.guarantee, self._meaning(given), key=_ORDER.index),
            critiques=tuple(critiques[:_MAX_CRITIQUES]),
            evidence=evidence,
            score=self._score(given),
            seconds=seconds,
        )

    def _remarks(self) -> list[Critique]:
        if self.gates:
            return []
        return [Critique(message=f"{self.name} has no hard member, so it decides nothing and never passes")]

    def _unavailable(self, verdicts: Sequence[Verdict]) -> bool:
        """Whether no candidate at all could be judged here now."""
        errors = [v for v in verdicts if v.hard and v.outcome is Outcome.ERROR]
        return any(v.evidence.get("unavailable") is True for v in errors)


class AllOf(Combined):
    """Every hard member must pass."""

    name = "all_of"

    @property
    def guarantee(self) -> Guarantee:
        """That of the weakest hard member; an opinion if there is none."""
        return max((gate.guarantee for gate in self.gates), key=_ORDER.index, default=Guarantee.OPINION)

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
        return min((gate.guarantee for gate in self.gates), key=_ORDER.index, default=Guarantee.OPINION)

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
        return min(passed, key=_ORDER.index, default=self.guarantee)

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
        return max((member.guarantee for member in self.members), key=_ORDER.index)

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
        return max((verdict.guarantee for verdict in verdicts), key=_ORDER.index)

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


def _labels(members: Sequence[Verifier]) -> list[str]:
    names = [member.name for member in members]
    return [n if names.count(n) == 1 else f"{n} {names[: i + 1].count(n)}" for i, n in enumerate(names)]


def _said_by(label: str, critique: Critique) -> Critique:
    return critique.model_copy(update={"message": f"{label}: {critique.message}"})


def _told(member: Verifier, verdict: Verdict | None) -> JsonValue:
    """What a member said, for an audit; its critiques stand in the verdict itself."""
    if verdict is None:
        return {"verifier": member.name, "version": member.version, "hard": member.hard, "outcome": None}
    return verdict.model_dump(mode="json", exclude={"critiques", "seconds", "cached"})
