"""What the verifiers of `verifiers/combine.py` share: asking their members, and telling what these said."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

from pydantic import JsonValue

from modulo.bank import Bank, offline
from modulo.protocols import Verifier
from modulo.types import Critique, Guarantee, Outcome, Problem, Verdict

__all__ = ["ORDER", "Combined", "Stop", "cost"]

Stop = Literal["first", "never"]

ORDER = list(Guarantee)
"""Guarantees, the strongest first."""

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
    def offline(self) -> bool:
        """Whether all members can be asked again with no model and no network."""
        return all(map(offline, self.members))

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
            guarantee=max(self.guarantee, self._meaning(given), key=ORDER.index),
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
