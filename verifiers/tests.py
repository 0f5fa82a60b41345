"""`tests`: a Python program must do as tests say. A pass means: on these tests.

    tests:
      entry: square
      cases:  [{args: [3], expect: 9}, {args: [x], raises: TypeError}]     # public: a critique may show them
      hidden: [{args: [-4], expect: 16}]                                   # never shown, only counted

Four kinds of test, which one spec may combine: calls of a function, as above (`tests_calls.py`); runs of the whole
program, `{stdin: …, stdout: …}` (`tests_scripts.py`); free-form tests, `code:`; and properties of a function,
`properties:` (both `tests_free.py`). `tests_spec.py` has all fields.

The program runs in a sandbox that is told arguments and input, and never an expectation: no test, no expected value and
no comparison is ever where the program is.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from modulo.protocols import Sandbox
from modulo.types import Critique, Guarantee, Outcome, Problem, Verdict
from modulo.verifiers.tests_calls import CallCases
from modulo.verifiers.tests_free import FreeTests
from modulo.verifiers.tests_parts import Clock, Part, PartReport
from modulo.verifiers.tests_scripts import ScriptCases
from modulo.verifiers.tests_spec import Case, TestsSpec, load_spec

__all__ = ["Case", "TestsFactory", "TestsSpec", "TestsVerifier", "factory"]

_NAME, _VERSION = "tests", "2"
_MAX_PROGRAM = 1_000_000
_MAX_CRITIQUES = 10


class TestsVerifier:
    """Judges Python programs against one loaded spec."""

    __test__ = False  # not a pytest class

    name, version, guarantee = _NAME, _VERSION, Guarantee.TESTS

    def __init__(self, spec: TestsSpec, *, hard: bool, sandbox: Sandbox) -> None:
        self.hard = hard
        self._spec, self._sandbox = spec, sandbox
        self._parts = _parts(spec)

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        """Judge one program.

        Raises:
            SandboxUnavailableError: it could not be run at all.
            ProblemError: the tests themselves cannot be run.
        """
        start = time.perf_counter()
        if not candidate.strip():
            return self._verdict(Outcome.FAIL, start, (Critique(message="the program is empty"),), score=0.0)
        if len(candidate) > _MAX_PROGRAM:
            fault = Critique(message=f"the program is longer than {_MAX_PROGRAM} characters")
            return self._verdict(Outcome.FAIL, start, (fault,), score=0.0)
        clock, reports = Clock(self._spec.limits), list[PartReport]()
        for part in self._parts:
            reports.append(await part.run(candidate, self._sandbox, clock))
            if not reports[-1].loaded:
                break
        return self._judged(reports, start)

    def _judged(self, reports: list[PartReport], start: float) -> Verdict:
        public = [held for report in reports for held in report.public]
        hidden = [held for report in reports for held in report.hidden]
        evidence: dict[str, JsonValue] = {
            "kind": "+".join(dict.fromkeys(kind for report in reports for kind in report.kind.split("+"))),
            "backend": self._sandbox.name,
            "image": reports[-1].image,
            "public_passed": sum(public),
            "public_total": len(public),
            "hidden_passed": sum(hidden),
            "hidden_total": len(hidden),
        }
        held = [*public, *hidden]
        faults = [fault for report in reports for fault in report.faults]
        if faults or not held or not all(held):
            score = sum(held) / len(held) if held else 0.0
            return self._verdict(Outcome.FAIL, start, _limited(faults), evidence=evidence, score=score)
        doubts = [doubt for report in reports for doubt in report.doubts]
        if doubts:
            return self._verdict(Outcome.UNKNOWN, start, _limited(doubts), evidence=evidence)
        return self._verdict(Outcome.PASS, start, (), evidence=evidence, score=1.0)

    def _verdict(self, outcome: Outcome, start: float, critiques: tuple[Critique, ...], **fields: Any) -> Verdict:
        return Verdict(
            verifier=self.name,
            version=self.version,
            outcome=outcome,
            hard=self.hard,
            guarantee=self.guarantee,
            critiques=critiques,
            seconds=time.perf_counter() - start,
            **fields,
        )


def _limited(critiques: list[Critique]) -> tuple[Critique, ...]:
    """The first ones, and the last: it says how the hidden tests went."""
    return tuple(critiques if len(critiques) <= _MAX_CRITIQUES else [*critiques[: _MAX_CRITIQUES - 1], critiques[-1]])


def _parts(spec: TestsSpec) -> list[Part]:
    """The parts of a spec, in the order in which they run."""
    parts: list[Part] = []
    if cases := (*spec.cases, *spec.hidden):
        parts.append(ScriptCases(spec) if cases[0].is_script else CallCases(spec))
    if spec.code is not None or spec.properties:
        parts.append(FreeTests(spec, hidden=False))
    if spec.hidden_code is not None or spec.hidden_properties:
        parts.append(FreeTests(spec, hidden=True))
    return parts


class TestsFactory:
    """Loads and builds `tests` verifiers."""

    __test__ = False

    name = _NAME

    def load(self, spec: JsonValue, *, base: Path | None) -> JsonValue:
        """Check a spec; its values come back in their one canonical form, and files as their text.

        Raises:
            ProblemError: names the field, such as `cases[2].expect`, and the fix.
        """
        return load_spec(spec, base)

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> TestsVerifier:
        """A verifier for a loaded spec."""
        return TestsVerifier(TestsSpec.model_validate(spec), hard=hard, sandbox=sandbox)


factory = TestsFactory()
