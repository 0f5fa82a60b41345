"""Call cases: one function is called, and the host compares what it returns.

Public calls come before hidden ones, in one process that ends with the run: what a program returns to a public call,
which a critique may show, is fixed before the program has seen a hidden argument.
"""

from __future__ import annotations

import time

from pydantic import JsonValue

from modulo.protocols import Call, CallReply, Sandbox
from modulo.tagged import show
from modulo.types import Critique
from modulo.verifiers.tests_compare import same_value
from modulo.verifiers.tests_parts import Clock, PartReport, hidden_failure, load_fault, reply_words
from modulo.verifiers.tests_spec import Case, TestsSpec
from modulo.verifiers.tests_words import clean, cut

__all__ = ["CallCases"]

_VALUE = 160


class CallCases:
    """The call cases of a spec."""

    def __init__(self, spec: TestsSpec) -> None:
        self._spec = spec
        self._entry = spec.entry or ""

    async def run(self, program: str, sandbox: Sandbox, clock: Clock) -> PartReport:
        """See `Part.run`."""
        spec, start = self._spec, time.monotonic()
        cases = (*spec.cases, *spec.hidden)
        report = await sandbox.run(
            program,
            entry=self._entry,
            calls=[Call(args=case.args, kwargs=case.kwargs, seconds=case.seconds) for case in cases],
            limits=clock.limits() or spec.limits,
            image="science" if spec.packages else "base",
        )
        clock.spend(start)
        held = [
            report.load is None and self._holds(case, reply) for case, reply in zip(cases, report.replies, strict=True)
        ]
        public = len(spec.cases)
        part = PartReport(kind="calls", public=held[:public], hidden=held[public:], image=report.image)
        if report.load is not None:
            part.loaded = False
            part.faults.append(load_fault(report.load, program, spec.limits, spec.packages))
            return part
        outcomes = list(zip(cases, report.replies, held, strict=True))
        part.faults += [
            self._fault(case, reply, program)
            for case, reply, holds in outcomes[:public]
            if not holds and reply.kind != "skipped"
        ]
        # Hidden tests that a fault of a public one kept from running tell nothing.
        if any(not holds and reply.kind != "skipped" for _, reply, holds in outcomes[public:]):
            part.faults.append(hidden_failure(part.hidden.count(False), len(part.hidden)))
        return part

    def _holds(self, case: Case, reply: CallReply) -> bool:
        if case.has_value:
            tolerance = case.tolerance or self._spec.tolerance
            return reply.kind == "value" and same_value(
                case.expect, reply.value, tolerance=tolerance, unordered=case.unordered
            )
        name, _, message = reply.error.partition(": ")
        return reply.kind == "raised" and name == case.raises and (case.match is None or _found(case.match, message))

    def _fault(self, case: Case, reply: CallReply, program: str) -> Critique:
        """What is wrong with the reply to a public case."""
        call, wanted = self._call(case), self._wanted(case)
        counterexample: dict[str, JsonValue] = {"call": call, "expected": wanted}
        if reply.kind == "value":
            got = show(reply.value, _VALUE)
            counterexample["returned"] = got
            more = " (they differ beyond what is shown)" if got == wanted else ""
            message = f"{call} returned {got}, expected {wanted}{more}"
        else:
            became = reply_words(reply, program, self._spec.limits)
            counterexample["became"] = became
            message = f"{call} {became}; expected {wanted}"
        return Critique(message=message, locus=call, counterexample=counterexample)

    def _wanted(self, case: Case) -> str:
        if case.has_value:
            shown = show(case.expect, _VALUE)
            return f"{shown}, in any order" if case.unordered else shown
        return f"it to raise {case.raises}" + (f" with a message matching {clean(case.match)}" if case.match else "")

    def _call(self, case: Case) -> str:
        shown = [show(value, _VALUE) for value in case.args]
        shown += [f"{clean(name)}={show(value, _VALUE)}" for name, value in case.kwargs.items()]
        return cut(f"{self._entry}({', '.join(shown)})")


def _found(pattern: str, message: str) -> bool:
    """Whether the pattern is in the message: by RE2, whose time is linear in what the candidate wrote."""
    import re2

    return re2.search(pattern, message) is not None
