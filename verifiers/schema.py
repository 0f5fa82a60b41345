"""`schema`: a JSON answer must be valid under a JSON Schema. The spec is the schema itself.

    schema: {type: object, required: [start], properties: {start: {type: integer, minimum: 9, maximum: 17}}}

The dialect is 2020-12 unless `$schema` says otherwise. A `format` is asserted, not only noted; a format that cannot be
checked here, a pattern that cannot be matched and a `$ref` to another document are errors of the spec, since each would
let answers pass unchecked. So is a schema without any requirement. Numbers are compared as the decimals they
spell, and never rounded to doubles (0.07 is a multiple of 0.01). No answer makes a pattern run away: see
`verifiers/schema_patterns.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from modulo.errors import ProblemError
from modulo.protocols import Sandbox
from modulo.types import Guarantee, Problem, Verdict
from modulo.verifiers.judging import judge, judge_many
from modulo.verifiers.pool import DeadlineError, MemoryLimitError, PayloadSizeError, shared
from modulo.verifiers.specs import ensure_json

__all__ = ["SchemaFactory", "SchemaVerifier", "factory"]

_NAME, _VERSION = "schema", "2"
_PRELOAD = ("re2", "modulo.verifiers.schema_check")
_SECONDS = 10.0


class SchemaVerifier:
    """Judges JSON answers against one loaded schema."""

    name, version, guarantee = _NAME, _VERSION, Guarantee.PROOF

    def __init__(self, schema: dict[str, Any], *, hard: bool) -> None:
        self.hard = hard
        self._schema = schema

    @property
    def answer_schema(self) -> dict[str, JsonValue]:
        """The schema itself, for constrained decoding."""
        return self._schema

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        """Judge one answer, with a critique for each place that is wrong."""
        return await judge(
            self.name,
            self.version,
            function="modulo.verifiers.schema_check:check",
            payload={"schema": self._schema, "candidate": candidate},
            preload=_PRELOAD,
            seconds=_SECONDS,
            hard=self.hard,
            guarantee=self.guarantee,
        )

    async def verify_many(self, problem: Problem, candidates: Sequence[str]) -> list[Verdict]:
        """The verdicts that `verify` gives, in order."""
        return await judge_many(
            self.name,
            self.version,
            function="modulo.verifiers.schema_check:check_many",
            payload={"schema": self._schema},
            candidates=candidates,
            preload=_PRELOAD,
            seconds=_SECONDS,
            hard=self.hard,
            guarantee=self.guarantee,
        )


class SchemaFactory:
    """Loads and builds `schema` verifiers."""

    name = _NAME

    def load(self, spec: JsonValue, *, base: Path | None) -> JsonValue:
        """Check that the schema is one, in a worker.

        Raises:
            ProblemError: names the place in the schema and what is wrong there.
        """
        if not isinstance(spec, dict) or not spec:
            raise ProblemError("expected a JSON Schema with at least one requirement, such as {type: object, …}")
        ensure_json(spec)
        try:
            fault: Any = shared(_PRELOAD).run_sync("modulo.verifiers.schema_check:load", spec, seconds=_SECONDS)
        except (DeadlineError, MemoryLimitError, PayloadSizeError) as error:
            raise ProblemError(f"the schema is too large to be checked: {error}") from None
        if fault:
            raise ProblemError(fault["message"], field=fault["field"])
        return spec

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> SchemaVerifier:
        """A verifier for a loaded schema; needs no sandbox, since an answer is data."""
        assert isinstance(spec, dict)
        return SchemaVerifier(spec, hard=hard)


factory = SchemaFactory()
