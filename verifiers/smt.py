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
from typing import Any, Literal, cast

from pydantic import (
    Field,
    JsonValue,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)

from modulo.errors import ProblemError, WorkerError
from modulo.protocols import Sandbox
from modulo.types import AnswerFormat, Guarantee, Problem, Value, Verdict
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
        mode: what an answer is: `satisfy`, values; `infeasible`, the claim that none satisfy; `decide`, either;
            `entailed`, `entails` and `equivalent`, a formula that follows from the constraints, implies them, or both;
            `formalise`, an SMT-LIB script that means the same as the constraints, if there are any.
        minimize, maximize: what values must make as small or as large as the constraints let it be.
        core: whether a claim must name constraints that are in conflict, and as few as possible.
        partial: tell an answer that lacks values what in it prevents completion. It fails in any case.
        status: what a script's `(check-sat)` must say.
        accept, reject: values that a script must let through, and must not.
        rlimit: steps of the solver for each question it is asked, the same on every machine.
        seconds: deadline of one check.
    """

    smtlib: StrictStr | None = None
    smtlib_file: StrictStr | None = None
    variables: dict[str, JsonValue] | None = None
    constraints: JsonValue = None
    mode: Literal["satisfy", "decide", "infeasible", "entailed", "entails", "equivalent", "formalise"] = "satisfy"
    minimize: StrictStr | None = None
    maximize: StrictStr | None = None
    core: Literal["any", "required", "minimal"] = "any"
    partial: StrictBool = False
    status: Literal["sat", "unsat"] | None = None
    accept: tuple[dict[str, JsonValue], ...] = ()
    reject: tuple[dict[str, JsonValue], ...] = ()
    rlimit: StrictInt = Field(default=10_000_000, ge=1000, le=4_000_000_000)
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
        least = 0 if self.mode == "formalise" and self.status is not None else 1
        if not least <= sum(forms) <= 1:
            raise ValueError("give exactly one of smtlib, smtlib_file, or variables with constraints")
        if (self.variables is None and self.constraints is not None) or (
            self.variables is not None and self.constraints is None and self.mode != "formalise"
        ):
            raise ValueError("variables and constraints go together")
        return self

    @model_validator(mode="after")
    def _fits_the_mode(self) -> SmtSpec:
        objectives = [name for name in ("minimize", "maximize") if getattr(self, name) is not None]
        if len(objectives) > 1:
            raise ValueError("give one of minimize and maximize")
        if objectives and self.mode != "satisfy":
            raise ValueError(f"{objectives[0]} belongs to the mode satisfy, not {self.mode}")
        if self.core != "any" and self.mode not in ("decide", "infeasible"):
            raise ValueError(f"core belongs to the modes infeasible and decide, not {self.mode}")
        if self.mode != "formalise" and (self.status or self.accept or self.reject):
            raise ValueError(f"status, accept and reject belong to the mode formalise, not {self.mode}")
        if self.partial and self.mode not in ("satisfy", "decide"):
            raise ValueError(f"partial belongs to the modes satisfy and decide, not {self.mode}")
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
        return cast("dict[str, JsonValue] | None", schema)

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        """Judge one answer, with a critique for every violated constraint."""
        return await judge(
            self.name,
            self.version,
            function="modulo.verifiers.smt_check:check",
            payload={**self._payload(problem), "candidate": candidate},
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
            payload=self._payload(problem),
            candidates=candidates,
            preload=_PRELOAD,
            seconds=self._seconds,
            hard=self.hard,
            guarantee=self.guarantee,
        )

    def _payload(self, problem: Problem) -> dict[str, JsonValue]:
        as_json = problem.answer is AnswerFormat.JSON
        return {"spec": self._text, "seconds": 0.8 * self._seconds, "as_json": as_json}


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
