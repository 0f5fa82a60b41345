"""Free-form tests and properties: they run in a trusted worker, the candidate in its sandbox, and this joins the two.

A thread of the sandbox holds the conversation with the candidate. In it the worker is given its job, and what the job
asks is passed on to the candidate. Public tests and hidden ones have a sandbox each, the public ones first: what a
critique may show is fixed before the program has seen anything of a hidden test.
"""

from __future__ import annotations

import time
from typing import Any

from pydantic import JsonValue

from modulo.errors import ProblemError
from modulo.protocols import CallReply, Limits, Sandbox, Session
from modulo.types import Critique
from modulo.verifiers.judging import printable
from modulo.verifiers.pool import DeadlineError, MemoryLimitError, shared
from modulo.verifiers.tests_parts import Clock, PartReport, hidden_failure, load_fault
from modulo.verifiers.tests_source import outline
from modulo.verifiers.tests_spec import Property, TestsSpec
from modulo.verifiers.tests_words import cut

__all__ = ["FreeTests"]

_PLAIN = ("modulo.verifiers.tests_job",)
_WHOLE = (*_PLAIN, "modulo.verifiers.tests_pytest", "modulo.verifiers.tests_properties")
_GRACE_SECONDS = 0.5
_MESSAGE = 700


class FreeTests:
    """The free-form tests and properties of a spec, the public or the hidden ones."""

    def __init__(self, spec: TestsSpec, *, hidden: bool) -> None:
        self._spec, self._hidden = spec, hidden
        self._code = spec.hidden_code if hidden else spec.code
        self._properties: tuple[Property, ...] = spec.hidden_properties if hidden else spec.properties
        found = outline(self._code) if self._code is not None else None
        self._kind = "+".join(["functions"] * (found is not None) + ["properties"] * bool(self._properties))
        # Without pytest and hypothesis a worker starts sooner.
        self._preload = (
            _PLAIN if not self._properties and found is not None and (found.plain or found.check) else _WHOLE
        )
        self._expected = len(self._properties) + (found.check + len(found.tests) if found is not None else 0)

    async def run(self, program: str, sandbox: Sandbox, clock: Clock) -> PartReport:
        """See `Part.run`."""
        limits, report = clock.limits(), PartReport(kind=self._kind)
        if limits is None:
            self._add_failure(report, [f"there was no time left: over total_seconds = {self._spec.total_seconds:g} s"])
            return report
        payload = self._payload(program, limits)

        def drive(session: Session) -> tuple[Any, CallReply | None, float]:
            loads: list[CallReply] = []
            started = [time.monotonic()]

            def answer(question: Any) -> JsonValue:
                if "load" not in question:
                    return session.ask(question).model_dump()
                started[:] = [time.monotonic()]
                if (load := session.load()) is None:
                    return None
                loads.append(load)
                return load.model_dump()

            try:
                found: Any = shared(self._preload).run_sync(
                    "modulo.verifiers.tests_job:run",
                    payload,
                    seconds=limits.total_seconds + _GRACE_SECONDS,
                    answer=answer,
                )
            except DeadlineError:
                found = {"late": True}
            except MemoryLimitError:
                found = {"memory": True}
            return found, loads[0] if loads else None, time.monotonic() - started[0]

        (found, load, seconds), report.image = await sandbox.interact(
            program, drive, kind="objects", limits=limits, image="science" if self._spec.packages else "base"
        )
        clock.spend(time.monotonic() - seconds)
        if load is not None:
            report.loaded = False
            self._count(report, [False] * self._expected)
            report.faults.append(load_fault(load, program, self._spec.limits, self._spec.packages))
        elif found.get("late"):
            self._add_failure(report, [f"the tests did not end within total_seconds = {self._spec.total_seconds:g} s"])
        elif found.get("memory"):
            self._add_failure(report, ["what the program returned takes more memory than tests may use"])
        else:
            self._read(report, printable(found))
        return report

    def _payload(self, program: str, limits: Limits) -> dict[str, JsonValue]:
        spec = self._spec
        return {
            "program": program,
            "module": spec.module,
            "entry": spec.entry,
            "code": self._code,
            "properties": [prop.model_dump(mode="json") for prop in self._properties],
            "examples": spec.examples,
            "memory_mb": spec.memory_mb,
            "call_seconds": spec.call_seconds,
            "total_seconds": limits.total_seconds,
        }

    def _read(self, report: PartReport, found: dict[str, Any]) -> None:
        """Take over what the worker found."""
        if (fault := found["tests_fault"]) is not None:
            # What is wrong with hidden tests could tell what is in them.
            told = "the hidden tests cannot be run" if self._hidden else fault
            raise ProblemError(told, field="hidden_" * self._hidden + found["field"])
        tests: list[dict[str, Any]] = found["tests"]
        self._count(report, [test["passed"] for test in tests])
        failed = [test for test in tests if not test["passed"]]
        if failed and self._hidden:
            report.faults.append(hidden_failure(len(failed), len(tests)))
        elif failed:
            report.faults += map(_critique, failed)
        for test in tests:
            if test["passed"] and not test["asked"]:
                name = "a hidden test" if self._hidden else test["name"]
                report.doubts.append(
                    Critique(message=f"{name} asks the program nothing, so that it passes shows nothing")
                )

    def _count(self, report: PartReport, passed: list[bool]) -> None:
        (report.hidden if self._hidden else report.public).extend(passed)

    def _add_failure(self, report: PartReport, messages: list[str]) -> None:
        self._count(report, [False] * self._expected)
        report.faults += [Critique(message=message) for message in messages]


def _critique(test: dict[str, Any]) -> Critique:
    message = f"{test['name']}: {test['why']}"
    counterexample = dict(test["counterexample"] or {})
    if test["example"]:
        message = f"{message}; smallest failing example: {test['example']}"
        counterexample["example"] = test["example"]
    return Critique(message=cut(message, _MESSAGE), locus=cut(test["name"], 200), counterexample=counterexample or None)
