"""`smt`: a JSON answer must satisfy every constraint of a spec. A pass is a proof.

    smt: {smtlib: "(declare-const x Int) (assert (! (> x 3) :named big_enough))"}       or  {smtlib_file: spec.smt2}
    smt: {variables: {A: [red, green], x: int, r: real, b: bool, h: {int: [0, 23]}, v: {bitvec: 8}},
          constraints: {different: "A != B", late: "h >= 12 or b"}}                     or a list of expressions

The answer is one JSON object that gives each declared constant exactly one value: Int an integer; Real a number, read
as the decimal it spells, or "p/q"; Bool true or false; a bit-vector an integer in range or "#x…"; an enumeration one of
its names. Anything else is a fail, never a coercion. A constraint whose truth hangs on a division by zero is violated.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from pydantic import Field, JsonValue, StrictStr, ValidationError, field_validator, model_validator

from modulo.errors import ProblemError, WorkerError
from modulo.protocols import Sandbox
from modulo.types import Guarantee, Problem, Value, Verdict
from modulo.verifiers.judging import judge, judge_many
from modulo.verifiers.pool import DeadlineError, MemoryLimitError, PayloadSizeError, shared
from modulo.verifiers.specs import ensure_json, problem_error, read_beside

__all__ = ["SmtFactory", "SmtSpec", "SmtVerifier", "factory"]

_NAME, _VERSION = "smt", "2"
_PRELOAD = ("z3", "modulo.verifiers.smt_check")
_LOAD_SECONDS = 20.0
_MAX_ENTRIES = 10_000


class SmtSpec(Value):
    """Spec of `smt`: SMT-LIB text, a file of it, or variables with constraints as expressions.

    Attributes:
        seconds: deadline of one check.
    """

    smtlib: StrictStr | None = None
    smtlib_file: StrictStr | None = None
    variables: dict[str, JsonValue] | None = None
    constraints: JsonValue = None
    seconds: float = Field(default=10.0, gt=0, le=600)

    @field_validator("variables")
    @classmethod
    def _some_variables(cls, variables: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        if variables is not None and not 1 <= len(variables) <= _MAX_ENTRIES:
            raise ValueError(f"declare from 1 to {_MAX_ENTRIES} variables, such as x: int or A: [red, green]")
        return variables

    @field_validator("constraints")
    @classmethod
    def _expressions(cls, constraints: JsonValue) -> JsonValue:
        if not isinstance(constraints, dict | list) or not 1 <= len(constraints) <= _MAX_ENTRIES:
            raise ValueError(f"give from 1 to {_MAX_ENTRIES} constraints, as name: expression or as a list")
        items = constraints.items() if isinstance(constraints, dict) else enumerate(constraints)
        for place, expression in items:
            if not isinstance(expression, str):
                raise ValueError(f"{place}: a constraint is an expression in quotes, such as 'A != B'")
        return constraints

    @model_validator(mode="after")
    def _one_form(self) -> SmtSpec:
        forms = [self.smtlib is not None, self.smtlib_file is not None, self.variables is not None]
        if sum(forms) != 1:
            raise ValueError("give exactly one of smtlib, smtlib_file, or variables with constraints")
        if (self.variables is None) != (self.constraints is None):
            raise ValueError("variables and constraints go together")
        return self


class SmtVerifier:
    """Judges JSON answers against one loaded spec."""

    name, version, guarantee = _NAME, _VERSION, Guarantee.PROOF

    def __init__(self, spec: dict[str, Any], *, hard: bool) -> None:
        self.hard = hard
        self._seconds: float = SmtSpec.model_validate(spec).seconds
        self._spec = {key: value for key, value in spec.items() if key != "seconds"}
        self._text = json.dumps(self._spec)

    @cached_property
    def answer_schema(self) -> dict[str, JsonValue] | None:
        """JSON Schema of answers of the right form, for constrained decoding. Waits for a worker the first time."""
        try:
            schema: Any = shared(_PRELOAD).run_sync(
                "modulo.verifiers.smt_check:answer_schema", self._text, seconds=_LOAD_SECONDS
            )
        except WorkerError:
            return None
        return cast(dict[str, JsonValue], schema)

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        """Judge one answer, with a critique for every violated constraint."""
        return await judge(
            self.name,
            self.version,
            function="modulo.verifiers.smt_check:check",
            payload={**self._payload(), "candidate": candidate},
            preload=_PRELOAD,
            seconds=self._seconds,
            hard=self.hard,
            guarantee=self.guarantee,
        )

    async def verify_many(self, problem: Problem, candidates: Sequence[str]) -> list[Verdict]:
        """Judge many answers, each within the deadline of one."""
        return await judge_many(
            self.name,
            self.version,
            function="modulo.verifiers.smt_check:check_many",
            payload=self._payload(),
            candidates=candidates,
            preload=_PRELOAD,
            seconds=self._seconds,
            hard=self.hard,
            guarantee=self.guarantee,
        )

    def _payload(self) -> dict[str, JsonValue]:
        return {"spec": self._text, "seconds": 0.8 * self._seconds}


class SmtFactory:
    """Loads and builds `smt` verifiers."""

    name = _NAME

    def load(self, spec: JsonValue, *, base: Path | None) -> JsonValue:
        """Check a spec by compiling it in a worker; a file it names becomes text.

        Raises:
            ProblemError: names the field and what is wrong in it.
        """
        ensure_json(spec)
        try:
            model = SmtSpec.model_validate(spec)
        except ValidationError as error:
            raise problem_error(error) from None
        loaded: dict[str, Any] = model.model_dump(mode="json", exclude_unset=True)
        if model.smtlib_file is not None:
            loaded["smtlib"] = read_beside(loaded.pop("smtlib_file"), base, field="smtlib_file")
        source = {key: value for key, value in loaded.items() if key != "seconds"}
        try:
            fault: Any = shared(_PRELOAD).run_sync("modulo.verifiers.smt_check:load", source, seconds=_LOAD_SECONDS)
        except (DeadlineError, MemoryLimitError, PayloadSizeError) as error:
            raise ProblemError(f"the spec is too large to be compiled: {error}") from None
        if fault:
            raise ProblemError(fault["message"], field=fault["field"])
        return loaded

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> SmtVerifier:
        """A verifier for a loaded spec; needs no sandbox, since an answer is data."""
        assert isinstance(spec, dict)
        return SmtVerifier(spec, hard=hard)


factory = SmtFactory()
