"""Programs that read standard input: each case runs the whole program from scratch, in a sandbox of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from modulo.protocols import CallReply, Sandbox, Session
from modulo.tagged import decode, encode
from modulo.types import Critique
from modulo.verifiers.tests_compare import first_difference
from modulo.verifiers.tests_parts import Clock, PartReport, hidden_failure, load_fault, reply_words
from modulo.verifiers.tests_spec import Case, TestsSpec
from modulo.verifiers.tests_words import clean, cut, where

__all__ = ["ScriptCases"]

_VALUE = 160
_LINE = 120


@dataclass(frozen=True)
class _Run:
    """What became of one run: `load` or `reply` if it did not end by itself, else what it printed and its end."""

    load: CallReply | None = None
    reply: CallReply | None = None
    printed: str | None = None
    code: int = 0
    error: str = ""
    line: int | None = None


class ScriptCases:
    """The stdin/stdout cases of a spec."""

    def __init__(self, spec: TestsSpec) -> None:
        self._spec = spec

    async def run(self, program: str, sandbox: Sandbox, clock: Clock) -> PartReport:
        """See `Part.run`."""
        spec = self._spec
        part = PartReport(kind="programs")
        unseen = 0
        for index, case in enumerate((*spec.cases, *spec.hidden)):
            public = index < len(spec.cases)
            run = await self._once(case, program, sandbox, clock, part)
            if run is not None and run.load is not None:
                part.loaded = False
                part.faults = [load_fault(run.load, program, spec.limits, spec.packages)]
                break
            wrong = self._wrong(case, run, program) if run is not None else None
            (part.public if public else part.hidden).append(run is not None and wrong is None)
            if wrong is not None and public:
                part.faults.append(wrong)
            unseen += wrong is not None and not public
        part.public += [False] * (len(spec.cases) - len(part.public))
        part.hidden += [False] * (len(spec.hidden) - len(part.hidden))
        if unseen:
            part.faults.append(hidden_failure(part.hidden.count(False), len(part.hidden)))
        elif not part.faults and not all((*part.public, *part.hidden)):
            part.faults.append(Critique(message=f"all runs together took more than {spec.total_seconds:g} s"))
        return part

    async def _once(self, case: Case, program: str, sandbox: Sandbox, clock: Clock, part: PartReport) -> _Run | None:
        """One run; `None` if there is no time left for it."""
        limits = clock.limits()
        if limits is None:
            return None

        def drive(session: Session) -> tuple[_Run, float]:
            start = time.monotonic()
            if (load := session.load()) is not None:
                return _Run(load=load), time.monotonic() - start
            return _taken(session.ask({"stdin": encode(case.stdin)}, seconds=case.seconds)), time.monotonic() - start

        (run, seconds), part.image = await sandbox.interact(
            program, drive, kind="script", limits=limits, image="science" if self._spec.packages else "base"
        )
        clock.spend(time.monotonic() - seconds)
        return run

    def _wrong(self, case: Case, run: _Run, program: str) -> Critique | None:
        """What is wrong with one run, in the words of a public case."""
        given = f"with the input {_shown(case.stdin)}" if case.stdin else "with empty input"
        counterexample: dict[str, JsonValue] = {
            "stdin": cut(case.stdin, 1000),
            "expected": cut(case.stdout or "", 1000),
        }
        if run.reply is not None:
            became = reply_words(run.reply, program, self._spec.limits).replace("did not return", "did not end")
            if run.reply.kind == "output":
                became = clean(run.reply.error).replace("it printed", "printed")
            return Critique(
                message=f"{given} the program {became}", counterexample={**counterexample, "became": became}
            )
        if run.printed is None:
            return Critique(message=f"{given} the program printed what is not UTF-8", counterexample=counterexample)
        counterexample["printed"] = cut(run.printed, 1000)
        if run.error:
            message = f"{given} the program raised {clean(run.error)}{where(run.line, program)}"
        elif run.code != case.exit:
            message = f"{given} the program exited with code {run.code}, expected {case.exit}"
        else:
            differing = first_difference(case.stdout or "", run.printed, case.tolerance or self._spec.tolerance)
            if differing is None:
                return None
            number, wanted, got = differing
            message = f"{given} line {number} of the output is {_line(got)}, expected {_line(wanted)}"
        return Critique(message=message, counterexample=counterexample)


def _taken(reply: CallReply) -> _Run:
    """A reply, whose form is the candidate's to forge, as a run."""
    if reply.kind != "value":
        return _Run(reply=reply)
    told: Any = decode(reply.value)
    wanted = {"stdout": bytes, "code": int, "error": str}
    if type(told) is not dict or any(type(told.get(name)) is not kind for name, kind in wanted.items()):
        return _Run(reply=CallReply(kind="protocol", error="a reply is not as it must be"))
    try:
        printed = told["stdout"].decode("utf-8")
    except UnicodeDecodeError:
        printed = None
    line = told.get("line")
    return _Run(printed=printed, code=told["code"], error=told["error"], line=line if type(line) is int else None)


def _shown(text: str) -> str:
    return cut(repr(text[: 2 * _VALUE]), _VALUE)


def _line(text: str) -> str:
    return cut(repr(text[: 2 * _LINE]), _LINE)
