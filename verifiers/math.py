"""The `math` verifier: answers, identities, calculus, equations, matrices, quantities, and the steps that lead there.

Exact unless the spec says otherwise. A pass is a `proof` where the matter was decided exactly, and `evidence` where it
was certified numerically at many points (`verifiers/math_equal.py`) or read by the conventions of answer keys
(`verifiers/math_lenient.py`). How text is read: `verifiers/math_read.py`. The specs: `verifiers/math_spec.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import JsonValue

from modulo.protocols import Sandbox
from modulo.types import Guarantee, Problem, Verdict
from modulo.verifiers.judging import judge, judge_many
from modulo.verifiers.math_load import loaded
from modulo.verifiers.math_spec import MathSpec, validated

__all__ = ["MathSpec", "MathVerifier", "factory"]

NAME: Final = "math"
VERSION: Final = "2"
_LIGHT: Final = ("modulo.verifiers.math_check",)
_HEAVY: Final = ("modulo.verifiers.math_check", "modulo.verifiers.math_warm")
"""Workers for what may need sympy or Math-Verify, which take seconds to import."""


class MathVerifier:
    """Judges answers by one spec, in a worker process."""

    name = NAME
    version = VERSION
    guarantee = Guarantee.PROOF

    def __init__(self, spec: MathSpec, *, hard: bool) -> None:
        self._spec = spec
        self.hard = hard
        heavy = spec.reading == "lenient" or spec.limit_of is not None
        self._settings: dict[str, Any] = {
            "preload": _HEAVY if heavy else _LIGHT,
            "seconds": spec.seconds,
            "hard": hard,
            "guarantee": self.guarantee,
        }
        self._payload: dict[str, JsonValue] = {"spec": spec.model_dump(mode="json", by_alias=True, exclude={"seconds"})}

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        """Judge one; see `verifiers/math_check.py`."""
        function = "modulo.verifiers.math_check:check"
        payload: JsonValue = {**self._payload, "candidate": candidate}
        return await judge(NAME, VERSION, function=function, payload=payload, **self._settings)

    async def verify_many(self, problem: Problem, candidates: Sequence[str]) -> list[Verdict]:
        """Judge many, in order."""
        function = "modulo.verifiers.math_check:check_many"
        return await judge_many(
            NAME, VERSION, function=function, payload=self._payload, candidates=candidates, **self._settings
        )


class MathFactory:
    """Builds `MathVerifier`s; the entry point `math`."""

    name = NAME

    def load(self, spec: JsonValue, *, base: Path | None) -> JsonValue:
        """Check the spec and that what it holds can be read.

        Raises:
            ProblemError: names the field and the fix.
        """
        dumped: JsonValue = loaded(validated(spec)).model_dump(mode="json", by_alias=True)
        return dumped

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> MathVerifier:
        """A verifier for a loaded spec; the sandbox is not needed."""
        return MathVerifier(validated(spec), hard=hard)


factory = MathFactory()
