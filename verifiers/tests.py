"""`tests`: a Python program must answer calls as expected. A pass means: on these cases.

    tests:
      entry: square
      cases:  [{args: [3], expect: 9}, {args: [x], raises: TypeError}]     # public: a critique may show them
      hidden: [{args: [-4], expect: 16}]                                   # never shown, only counted

Values are plain YAML, or tagged where YAML has no such type: see `modulo.tagged`. They are compared by exact type.
`raises` is the exact name of an exception. The program runs in a sandbox that is told the arguments, one call at a
time, and never an expected value; the comparison is made here.

Public calls come before hidden ones, in one process that ends with the run: what a program returns to a public call,
which a critique may show, is fixed before the program has seen a hidden argument.
"""

from __future__ import annotations

import keyword
import time
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue, StrictStr, ValidationError, field_validator

from modulo.errors import ProblemError
from modulo.protocols import Call, CallReply, Limits, Sandbox
from modulo.tagged import TaggedError, canonical, same, show
from modulo.types import Critique, Guarantee, Outcome, Problem, Value, Verdict
from modulo.verifiers.specs import problem_error

__all__ = ["Case", "TestsFactory", "TestsSpec", "TestsVerifier", "factory"]

_NAME, _VERSION = "tests", "1"
_MAX_PROGRAM = 1_000_000
_MAX_CRITIQUES = 10
_TEXT, _VALUE = 300, 160


class Case(Value):
    """One call and what must become of it; exactly one of `expect` and `raises`.

    Attributes:
        args: positional arguments, as tagged values.
        kwargs: keyword arguments, as tagged values.
        expect: the value that must be returned, tagged. `null` is Python's `None`.
        raises: exact name of the exception that must be raised.
    """

    args: tuple[JsonValue, ...] = ()
    kwargs: dict[str, JsonValue] = Field(default_factory=dict)
    expect: JsonValue = None
    raises: StrictStr | None = None

    @field_validator("args", mode="before")
    @classmethod
    def _list(cls, args: object) -> object:
        if not isinstance(args, list | tuple):
            raise ValueError("write the arguments as a list, such as args: [3]")
        return args

    @field_validator("raises")
    @classmethod
    def _exception_name(cls, raises: str | None) -> str | None:
        if raises is not None and not raises.isidentifier():
            raise ValueError("give the name of an exception alone, such as ValueError")
        return raises

    @property
    def has_value(self) -> bool:
        """Whether a value is expected, `None` included, rather than an exception."""
        return "expect" in self.model_fields_set


class TestsSpec(Value):
    """Spec of `tests`.

    Attributes:
        entry: name of the function to call.
        cases: public cases.
        hidden: cases that no critique shows.
        call_seconds: wall seconds for one call.
        total_seconds: wall seconds for all calls.
        memory_mb: memory of the program, MiB.
    """

    __test__ = False  # not a pytest class

    entry: StrictStr
    cases: tuple[Case, ...] = ()
    hidden: tuple[Case, ...] = ()
    call_seconds: float = Field(default=Limits().call_seconds, gt=0, le=600)
    total_seconds: float = Field(default=Limits().total_seconds, gt=0, le=3600)
    memory_mb: int = Field(default=Limits().memory_mb, ge=64, le=65536)

    @field_validator("entry")
    @classmethod
    def _function_name(cls, entry: str) -> str:
        if not entry.isidentifier() or keyword.iskeyword(entry):
            raise ValueError(f"{entry[:60]!r} is not the name of a Python function; give it alone, such as square")
        return entry


class TestsVerifier:
    """Judges Python programs against one loaded spec."""

    __test__ = False

    name, version, guarantee = _NAME, _VERSION, Guarantee.TESTS

    def __init__(self, spec: TestsSpec, *, hard: bool, sandbox: Sandbox) -> None:
        self.hard = hard
        self._spec, self._sandbox = spec, sandbox
        self._limits = Limits(
            call_seconds=spec.call_seconds, total_seconds=spec.total_seconds, memory_mb=spec.memory_mb
        )

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        """Judge one program.

        Raises:
            SandboxUnavailableError: it could not be run at all.
        """
        start = time.perf_counter()
        if not candidate.strip():
            return self._fail(start, Critique(message="the program is empty"))
        if len(candidate) > _MAX_PROGRAM:
            return self._fail(start, Critique(message=f"the program is longer than {_MAX_PROGRAM} characters"))
        cases = (*self._spec.cases, *self._spec.hidden)
        report = await self._sandbox.run(
            candidate,
            entry=self._spec.entry,
            calls=[Call(args=case.args, kwargs=case.kwargs) for case in cases],
            limits=self._limits,
        )
        held = [report.load is None and _holds(case, reply) for case, reply in zip(cases, report.replies, strict=True)]
        public = len(self._spec.cases)
        shown, unseen = held[:public], held[public:]
        evidence: dict[str, JsonValue] = {
            "backend": report.backend,
            "image": report.image,
            "public_passed": sum(shown),
            "public_total": len(shown),
            "hidden_passed": sum(unseen),
            "hidden_total": len(unseen),
        }
        if report.load is not None:
            return self._fail(start, self._load_fault(report.load, candidate), evidence=evidence)
        outcomes = list(zip(cases, report.replies, held, strict=True))
        faults = [
            self._fault(case, reply, candidate)
            for case, reply, holds in outcomes[:public]
            if not holds and reply.kind != "skipped"
        ][:_MAX_CRITIQUES]
        # Hidden tests that a fault of a public one kept from running tell nothing.
        if any(not holds and reply.kind != "skipped" for _, reply, holds in outcomes[public:]):
            count = f"{unseen.count(False)} of {len(unseen)} hidden tests"
            faults.append(Critique(message=f"a hidden test fails ({count})"))
        if held and all(held):
            return self._verdict(Outcome.PASS, start, evidence=evidence, score=1.0)
        return self._fail(start, *faults, evidence=evidence, score=sum(held) / len(held))

    def _fault(self, case: Case, reply: CallReply, program: str) -> Critique:
        """What is wrong with the reply to a public case."""
        call = self._call(case)
        wanted = show(case.expect, _VALUE) if case.has_value else f"it to raise {case.raises}"
        counterexample: dict[str, JsonValue] = {"call": call, "expected": wanted}
        if reply.kind == "value":
            got = show(reply.value, _VALUE)
            counterexample["returned"] = got
            more = " (they differ beyond what is shown)" if got == wanted else ""
            message = f"{call} returned {got}, expected {wanted}{more}"
        else:
            became = self._became(reply, program)
            counterexample["became"] = became
            message = f"{call} {became}; expected {wanted}"
        return Critique(message=message, locus=call, counterexample=counterexample)

    def _became(self, reply: CallReply, program: str) -> str:
        error = _clean(reply.error)
        if reply.kind == "raised":
            return f"raised {error}{_where(reply, program)}"
        if reply.kind == "timeout":
            return f"did not return in time ({error})"
        if reply.kind == "memory":
            return f"used more than {self._limits.memory_mb} MiB of memory"
        if reply.kind == "crash":
            return f"ended the whole process ({error})"
        if reply.kind == "output":
            return f"returned something that cannot be checked ({error})"
        return f"did not answer as a function does ({error})"

    def _load_fault(self, load: CallReply, program: str) -> Critique:
        """What is wrong with a program that did not load."""
        line = f"line {load.line}" if load.line else None
        name, _, text = load.error.partition(": ")
        if name in ("SyntaxError", "IndentationError", "TabError"):
            message = f"the program does not compile: {_clean(load.error)}{_where(load, program)}"
        elif name == "NameError" and load.line is None:
            message = _clean(text)
        elif name in ("ModuleNotFoundError", "ImportError"):
            message = (
                f"an import fails: {_clean(load.error)}{_where(load, program)}; "
                "only Python's standard library is installed"
            )
        else:
            message = f"loading the program {self._became(load, program)}"
        return Critique(message=message, locus=line)

    def _call(self, case: Case) -> str:
        shown = [show(value, _VALUE) for value in case.args]
        shown += [f"{_clean(name)}={show(value, _VALUE)}" for name, value in case.kwargs.items()]
        return _cut(f"{self._spec.entry}({', '.join(shown)})")

    def _fail(
        self,
        start: float,
        *critiques: Critique,
        evidence: dict[str, JsonValue] | None = None,
        score: float = 0.0,
    ) -> Verdict:
        return self._verdict(Outcome.FAIL, start, critiques=critiques, evidence=evidence or {}, score=score)

    def _verdict(self, outcome: Outcome, start: float, **fields: Any) -> Verdict:
        return Verdict(
            verifier=self.name,
            version=self.version,
            outcome=outcome,
            hard=self.hard,
            guarantee=self.guarantee,
            seconds=time.perf_counter() - start,
            **fields,
        )


class TestsFactory:
    """Loads and builds `tests` verifiers."""

    __test__ = False

    name = _NAME

    def load(self, spec: JsonValue, *, base: Path | None) -> JsonValue:
        """Check a spec; its values come back in their one canonical form.

        Raises:
            ProblemError: names the field, such as `cases[2].expect`, and the fix.
        """
        try:
            model = TestsSpec.model_validate(spec)
        except ValidationError as error:
            raise problem_error(error) from None
        if not model.cases and not model.hidden:
            raise ProblemError("give at least one case, such as {args: [3], expect: 9}", field="cases")
        loaded: dict[str, Any] = model.model_dump(mode="json", exclude_unset=True, exclude={"cases", "hidden"})
        for group in ("cases", "hidden"):
            found: tuple[Case, ...] = getattr(model, group)
            if found:
                loaded[group] = [_loaded(case, f"{group}[{index}]") for index, case in enumerate(found)]
        return loaded

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> TestsVerifier:
        """A verifier for a loaded spec."""
        return TestsVerifier(TestsSpec.model_validate(spec), hard=hard, sandbox=sandbox)


factory = TestsFactory()


def _loaded(case: Case, field: str) -> dict[str, JsonValue]:
    if case.has_value == (case.raises is not None):
        raise ProblemError(
            "give exactly one of expect (the value that must be returned, null for None) "
            "and raises (an exception's name)",
            field=f"{field}.expect",
        )
    loaded: dict[str, JsonValue] = {}
    if case.args:
        loaded["args"] = [_canonical(value, f"{field}.args[{place}]") for place, value in enumerate(case.args)]
    if case.kwargs:
        loaded["kwargs"] = {name: _canonical(value, f"{field}.kwargs.{name}") for name, value in case.kwargs.items()}
    if case.has_value:
        loaded["expect"] = _canonical(case.expect, f"{field}.expect")
    else:
        loaded["raises"] = case.raises
    return loaded


def _canonical(value: JsonValue, field: str) -> JsonValue:
    try:
        return canonical(value)
    except TaggedError as error:
        raise ProblemError(str(error), field=field) from None


def _holds(case: Case, reply: CallReply) -> bool:
    if case.has_value:
        return reply.kind == "value" and same(case.expect, reply.value)
    return reply.kind == "raised" and reply.error.partition(":")[0] == case.raises


def _where(reply: CallReply, program: str) -> str:
    """Where in the candidate's own text; the line's number was checked against its length."""
    if reply.line is None:
        return ""
    lines = program.split("\n")
    text = _cut(_clean(lines[reply.line - 1].strip()), 120) if reply.line <= len(lines) else ""
    return f" on line {reply.line}" + (f": `{text}`" if text else "")


def _clean(text: str) -> str:
    """Text of the candidate's making, on one line, without control characters, of limited length."""
    return _cut("".join(c if c.isprintable() else " " for c in text[: 2 * _TEXT]))


def _cut(text: str, limit: int = _TEXT) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
