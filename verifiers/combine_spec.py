"""`all_of`, `any_of` and `weighted` in problem files: specs that hold the specs of other verifiers.

all_of:
  verifiers: [{schema: {…}}, {tests: {…}}]
  stop: first                                # never: ask all members, also after one has failed
weighted:
  verifiers: [{lint: {hard: false}}, {judge: {rubric: …, hard: false}}]
  weights: [1, 3]
  threshold: 0.5
  hard: false
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, JsonValue, ValidationError, model_validator

from modulo.errors import ProblemError
from modulo.plugins import verifier_factory
from modulo.problems import parse_problem
from modulo.protocols import Sandbox, Verifier
from modulo.types import Spec, Value
from modulo.verifiers.combine import AllOf, AnyOf, Weighted
from modulo.verifiers.combined import Stop
from modulo.verifiers.specs import problem_error

__all__ = ["CombinedFactory", "all_of_factory", "any_of_factory", "weighted_factory"]


class MembersSpec(Value):
    """Spec of `all_of` and `any_of`.

    Attributes:
        verifiers: the members' specs, each as in a problem file.
        stop: `first` or `never`; see `modulo.verifiers.combined.Combined`.
    """

    verifiers: list[JsonValue] = Field(min_length=1)
    stop: Stop = "first"


class WeightedSpec(Value):
    """Spec of `weighted`.

    Attributes:
        verifiers: the members' specs, each as in a problem file.
        weights: one for each member, over 0; all equal if not given.
        threshold: the mark, over 0 and at most 1, from which it passes.
    """

    verifiers: list[JsonValue] = Field(min_length=1)
    weights: list[float] | None = None
    threshold: float = Field(default=0.5, gt=0, le=1)

    @model_validator(mode="after")
    def _one_weight_each(self) -> WeightedSpec:
        weights = self.weights
        if weights is not None and (len(weights) != len(self.verifiers) or not all(0 < w < 1e9 for w in weights)):
            raise ValueError("give one weight over 0 for each verifier under weights, such as [1, 3]")
        return self


class CombinedFactory(ABC):
    """Loads and builds a combination, and its members with the factories of their names."""

    name: ClassVar[str]
    model: ClassVar[type[MembersSpec] | type[WeightedSpec]]

    def load(self, spec: JsonValue, *, base: Path | None) -> JsonValue:
        """Check a spec and load the members' specs.

        Raises:
            ProblemError: names the field, down into a member's own, such as `verifiers[0].tests.entry`.
        """
        try:
            found = self.model.model_validate(spec)
        except ValidationError as error:
            raise problem_error(error) from None
        members = parse_problem({"statement": f"members of {self.name}", "verifiers": found.verifiers}, base=base)
        loaded: dict[str, Any] = found.model_dump(mode="json", exclude_unset=True)
        loaded["verifiers"] = [member.to_mapping() for member in members.verifiers]
        return loaded

    @abstractmethod
    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> Verifier:
        """A verifier for a loaded spec."""

    def _members(self, found: MembersSpec | WeightedSpec, sandbox: Sandbox) -> list[Verifier]:
        members = []
        for index, given in enumerate(found.verifiers):
            member = Spec.model_validate(given)
            try:
                members.append(verifier_factory(member.name).build(member.spec, hard=member.hard, sandbox=sandbox))
            except ProblemError as error:
                raise error.at(prefix=f"verifiers[{index}].{member.name}") from error
        return members


class _AllOf(CombinedFactory):
    name, model = "all_of", MembersSpec

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> AllOf:
        found = MembersSpec.model_validate(spec)
        return AllOf(self._members(found, sandbox), hard=hard, stop=found.stop)


class _AnyOf(CombinedFactory):
    name, model = "any_of", MembersSpec

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> AnyOf:
        found = MembersSpec.model_validate(spec)
        return AnyOf(self._members(found, sandbox), hard=hard, stop=found.stop)


class _Weighted(CombinedFactory):
    name, model = "weighted", WeightedSpec

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> Weighted:
        if hard:
            raise ProblemError(
                "weighted only ranks, since a good mark elsewhere must not outweigh a failure; add hard: false here, "
                "and put what must hold into all_of",
                field="hard",
            )
        found = WeightedSpec.model_validate(spec)
        members = self._members(found, sandbox)
        return Weighted(members, found.weights or [1.0] * len(members), threshold=found.threshold)


all_of_factory = _AllOf()
any_of_factory = _AnyOf()
weighted_factory = _Weighted()
