"""`lint`: does a Python answer parse, and do its types fit? Always soft: it advises, and the program never runs.

    lint: {hard: false}                       syntax, and types with mypy (`pip install 'llm-modulo[lint]'`)
    lint: {types: false, hard: false}         syntax alone, which needs nothing installed

The score is the share of the program's lines without a fault. Types of Python's standard library are known, all other
imports are `Any`. What a program says to silence the check (`# type: ignore`, `# mypy: …`) is not listened to.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import Field, JsonValue, StrictBool, ValidationError

from modulo.errors import MissingExtraError, ProblemError
from modulo.protocols import Sandbox
from modulo.types import Guarantee, Problem, Value, Verdict
from modulo.verifiers.judging import judge, judge_many
from modulo.verifiers.specs import problem_error

__all__ = ["LintFactory", "LintSpec", "LintVerifier", "factory"]

_NAME: Final = "lint"
_VERSION: Final = "1"


class LintSpec(Value):
    """Spec of `lint`.

    Attributes:
        types: check types and names with mypy as well.
        seconds: deadline of one check.
    """

    types: StrictBool = True
    seconds: float = Field(default=10.0, gt=0, le=600)


class LintVerifier:
    """Looks over Python programs in a worker process."""

    name, version, guarantee, hard = _NAME, _VERSION, Guarantee.OPINION, False
    offline = True  # an opinion, but of a program

    def __init__(self, spec: LintSpec) -> None:
        self._spec = spec

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        """Look over one program, with a critique for each faulty place.

        Raises:
            MissingExtraError: types are to be checked, and mypy is not installed.
        """
        payload: JsonValue = {"types": self._spec.types, "candidate": candidate}
        return await judge(
            _NAME, _VERSION, function="modulo.verifiers.lint_check:check", payload=payload, **self._how()
        )

    async def verify_many(self, problem: Problem, candidates: Sequence[str]) -> list[Verdict]:
        """The verdicts that `verify` gives, in order.

        Raises:
            MissingExtraError: types are to be checked, and mypy is not installed.
        """
        return await judge_many(
            _NAME,
            _VERSION,
            function="modulo.verifiers.lint_check:check_many",
            payload={"types": self._spec.types},
            candidates=candidates,
            **self._how(),
        )

    def _how(self) -> dict[str, Any]:
        if self._spec.types and importlib.util.find_spec("mypy") is None:
            raise MissingExtraError(
                "lint checks types with mypy, which is not installed: pip install 'llm-modulo[lint]'; "
                "or write types: false for the syntax alone"
            )
        module = "modulo.verifiers.lint_warm" if self._spec.types else "modulo.verifiers.lint_check"
        return {
            "preload": (module,),
            "seconds": self._spec.seconds,
            "hard": False,
            "guarantee": self.guarantee,
        }


class LintFactory:
    """Loads and builds `lint` verifiers."""

    name = _NAME

    def load(self, spec: JsonValue, *, base: Path | None) -> JsonValue:
        """Check a spec.

        Raises:
            ProblemError: names the field that is wrong.
        """
        try:
            found = LintSpec.model_validate({} if spec is None else spec)
        except ValidationError as error:
            raise problem_error(error) from None
        loaded: JsonValue = found.model_dump(mode="json", exclude_unset=True)
        return loaded

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> LintVerifier:
        """A verifier for a loaded spec; needs no sandbox, since the program is read and never run.

        Raises:
            ProblemError: it is asked to gate acceptance.
        """
        if hard:
            raise ProblemError(
                "lint only advises, since a program with a wrong annotation may be right; add hard: false", field="hard"
            )
        return LintVerifier(LintSpec.model_validate(spec))


factory = LintFactory()
