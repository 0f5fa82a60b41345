"""Spec of `tests`: what a problem file may say, checked and made canonical."""

from __future__ import annotations

import ast
import builtins
import keyword
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, JsonValue, StrictBool, StrictStr, ValidationError, field_validator

from modulo.errors import ProblemError
from modulo.protocols import Limits
from modulo.tagged import TaggedError, canonical
from modulo.types import Value
from modulo.verifiers.specs import problem_error, read_beside
from modulo.verifiers.tests_compare import Tolerance
from modulo.verifiers.tests_source import outline

__all__ = ["Case", "Property", "TestsSpec", "load_spec"]

_GROUPS = ("cases", "hidden")
_CODES = ("code", "hidden_code")
_PROPERTIES = ("properties", "hidden_properties")
_CALL_ONLY = ("args", "kwargs", "expect", "raises", "match", "unordered")
_SCRIPT_ONLY = ("stdin", "stdout", "exit")


class Case(Value):
    """One call, or one run of the whole program, and what must become of it.

    Attributes:
        args: positional arguments, as tagged values.
        kwargs: keyword arguments, as tagged values.
        expect: the value that must be returned, tagged. `null` is Python's `None`.
        raises: exact name of the exception that must be raised.
        match: regular expression (RE2) that must be found in that exception's message.
        unordered: the elements of the returned list or tuple may come in any order.
        stdin: what the program can read, for a run of the whole.
        stdout: what it must print.
        exit: the code with which it must exit.
        tolerance: for floats, or for numbers that are printed; in place of the spec's.
        seconds: wall seconds, in place of the spec's `call_seconds`.
    """

    args: tuple[JsonValue, ...] = ()
    kwargs: dict[str, JsonValue] = Field(default_factory=dict)
    expect: JsonValue = None
    raises: StrictStr | None = None
    match: StrictStr | None = None
    unordered: StrictBool = False
    stdin: StrictStr = ""
    stdout: StrictStr | None = None
    exit: int = Field(default=0, ge=0, le=255, strict=True)
    tolerance: Tolerance | None = None
    seconds: float | None = Field(default=None, gt=0, le=600)

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

    @field_validator("match")
    @classmethod
    def _pattern(cls, match: str | None) -> str | None:
        if match is not None:
            import re2

            options = re2.Options()
            options.log_errors = False
            try:
                re2.compile(match, options)
            except re2.error as error:
                raise ValueError(f"is not a regular expression of RE2: {error}") from None
        return match

    @property
    def is_script(self) -> bool:
        """Whether the whole program is run, rather than one function called."""
        return bool(self.model_fields_set & set(_SCRIPT_ONLY))

    @property
    def has_value(self) -> bool:
        """Whether a value is expected, `None` included, rather than an exception."""
        return "expect" in self.model_fields_set


class Property(Value):
    """Something that must hold for all inputs.

    Attributes:
        name: what to call it.
        given: argument to hypothesis strategy, such as `lists(integers())`; in the order of the parameters.
        holds: Python expression over the arguments, `result`, `args` (the arguments after the call) and the function.
        assume: Python expression over the arguments; examples for which it is false are not tried.
    """

    name: StrictStr = Field(min_length=1, max_length=100)
    given: dict[str, StrictStr] = Field(min_length=1)
    holds: StrictStr
    assume: StrictStr | None = None


class TestsSpec(Value):
    """Spec of `tests`.

    Attributes:
        entry: name of the function to call.
        cases: public cases.
        hidden: cases that no critique shows.
        code: public free-form tests: `check(candidate)`, or functions and classes for pytest.
        hidden_code: the same, never shown.
        module: name by which free-form tests import the program.
        properties: public properties of `entry`.
        hidden_properties: the same, never shown.
        examples: how many inputs a property is tried on.
        tolerance: for floats, in every case that has none of its own.
        packages: what is installed beside the standard library.
        call_seconds: wall seconds for one call, one run, or loading.
        total_seconds: wall seconds for all of it.
        memory_mb: memory of the program, MiB.
    """

    __test__ = False  # not a pytest class

    entry: StrictStr | None = None
    cases: tuple[Case, ...] = ()
    hidden: tuple[Case, ...] = ()
    code: StrictStr | None = None
    hidden_code: StrictStr | None = None
    module: StrictStr = "solution"
    properties: tuple[Property, ...] = ()
    hidden_properties: tuple[Property, ...] = ()
    examples: int = Field(default=100, ge=1, le=100_000, strict=True)
    tolerance: Tolerance | None = None
    packages: tuple[Literal["numpy", "sympy"], ...] = ()
    call_seconds: float = Field(default=Limits().call_seconds, gt=0, le=600)
    total_seconds: float = Field(default=Limits().total_seconds, gt=0, le=3600)
    memory_mb: int = Field(default=Limits().memory_mb, ge=64, le=65536)

    @field_validator("entry", "module")
    @classmethod
    def _name(cls, name: str | None) -> str | None:
        if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
            raise ValueError(f"{name[:60]!r} is not a name in Python; give it alone, such as square")
        return name

    @property
    def limits(self) -> Limits:
        """Limits of the whole."""
        return Limits(call_seconds=self.call_seconds, total_seconds=self.total_seconds, memory_mb=self.memory_mb)


def load_spec(spec: JsonValue, base: Path | None) -> dict[str, JsonValue]:
    """Check a spec, read the files that it names, and bring its values into their one canonical form.

    Raises:
        ProblemError: names the field, such as `cases[2].expect`, and the fix.
    """
    spec = _with_files(spec, base)
    try:
        model = TestsSpec.model_validate(spec)
    except ValidationError as error:
        raise problem_error(error) from None
    _require_something(model)
    loaded: dict[str, Any] = model.model_dump(mode="json", exclude_unset=True, exclude={*_GROUPS, *_PROPERTIES})
    for group in _GROUPS:
        found: tuple[Case, ...] = getattr(model, group)
        if found:
            loaded[group] = [_loaded(case, f"{group}[{index}]", model) for index, case in enumerate(found)]
    for group in _CODES:
        if (text := getattr(model, group)) is not None:
            _check_code(text, group, model)
    for group in _PROPERTIES:
        properties: tuple[Property, ...] = getattr(model, group)
        for index, prop in enumerate(properties):
            _check_property(prop, f"{group}[{index}]", model)
        if properties:
            loaded[group] = [prop.model_dump(mode="json", exclude_unset=True) for prop in properties]
    return loaded


def _with_files(spec: JsonValue, base: Path | None) -> JsonValue:
    if not isinstance(spec, dict):
        return spec
    read = dict(spec)
    for group in _CODES:
        name = read.pop(f"{group}_file", None)
        if name is None:
            continue
        if not isinstance(name, str):
            raise ProblemError("is the name of a file", field=f"{group}_file")
        if group in read:
            raise ProblemError(f"give either {group} or {group}_file", field=f"{group}_file")
        read[group] = read_beside(name, base, field=f"{group}_file")
    return read


def _require_something(spec: TestsSpec) -> None:
    cases = (*spec.cases, *spec.hidden)
    if not (
        cases or spec.code is not None or spec.hidden_code is not None or spec.properties or spec.hidden_properties
    ):
        raise ProblemError("give at least one case, such as {args: [3], expect: 9}, or code", field="cases")
    if len({case.is_script for case in cases}) > 1:
        raise ProblemError("either call the function (args, expect) or run the program (stdin, stdout)", field="cases")
    calls = bool(cases) and not cases[0].is_script
    if spec.entry is None and (calls or spec.properties or spec.hidden_properties):
        raise ProblemError("is missing: the name of the function to call", field="entry")


def _loaded(case: Case, field: str, spec: TestsSpec) -> dict[str, JsonValue]:
    loaded = _loaded_script(case, field) if case.is_script else _loaded_call(case, field)
    if case.tolerance is not None:
        loaded["tolerance"] = case.tolerance.model_dump(mode="json")
    if case.seconds is not None:
        loaded["seconds"] = case.seconds
    return loaded


def _loaded_script(case: Case, field: str) -> dict[str, JsonValue]:
    for name in _CALL_ONLY:
        if name in case.model_fields_set:
            raise ProblemError("does not belong to a case with stdin or stdout", field=f"{field}.{name}")
    if case.stdout is None:
        raise ProblemError("is missing: what the program must print", field=f"{field}.stdout")
    loaded: dict[str, JsonValue] = {"stdin": case.stdin, "stdout": case.stdout}
    return {**loaded, "exit": case.exit} if case.exit else loaded


def _loaded_call(case: Case, field: str) -> dict[str, JsonValue]:
    if case.has_value == (case.raises is not None):
        raise ProblemError(
            "give exactly one of expect (the value that must be returned, null for None) "
            "and raises (an exception's name)",
            field=f"{field}.expect",
        )
    if case.match is not None and case.raises is None:
        raise ProblemError("belongs to raises: it is what the exception's message must hold", field=f"{field}.match")
    loaded: dict[str, JsonValue] = {}
    if case.args:
        loaded["args"] = [_canonical(value, f"{field}.args[{place}]") for place, value in enumerate(case.args)]
    if case.kwargs:
        loaded["kwargs"] = {name: _canonical(value, f"{field}.kwargs.{name}") for name, value in case.kwargs.items()}
    if case.has_value:
        loaded["expect"] = _canonical(case.expect, f"{field}.expect")
    else:
        loaded["raises"] = case.raises
    if case.match is not None:
        loaded["match"] = case.match
    if case.unordered:
        if not (isinstance(case.expect, list) or (isinstance(case.expect, dict) and "$tuple" in case.expect)):
            raise ProblemError("is for an expected list or tuple", field=f"{field}.unordered")
        loaded["unordered"] = True
    return loaded


def _canonical(value: JsonValue, field: str) -> JsonValue:
    try:
        return canonical(value)
    except TaggedError as error:
        raise ProblemError(str(error), field=field) from None


def _check_code(text: str, field: str, spec: TestsSpec) -> None:
    try:
        found = outline(text)
    except (SyntaxError, ValueError) as error:
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        raise ProblemError(f"is not Python: {line}{getattr(error, 'msg', error)}", field=field) from None
    if not found.check and not found.tests:
        raise ProblemError(
            "has no test: define check(candidate), or functions test_… or classes Test… as for pytest", field=field
        )
    if found.check and spec.entry is None:
        raise ProblemError("is missing: the name of what check(candidate) is given", field="entry")
    if found.check and found.tests and not found.plain:
        raise ProblemError("define check(candidate) or tests for pytest, not both", field=field)


def _check_property(prop: Property, field: str, spec: TestsSpec) -> None:
    from hypothesis import strategies

    for name, text in prop.given.items():
        if not name.isidentifier() or keyword.iskeyword(name) or name in ("result", "args", spec.entry):
            raise ProblemError("is not a name for an argument here", field=f"{field}.given.{name}")
        _check_expression(text, set(strategies.__all__), f"{field}.given.{name}", "the strategies of hypothesis")
    if prop.assume is not None:
        _check_expression(prop.assume, set(prop.given), f"{field}.assume", "the arguments")
    known = {*prop.given, "result", "args", spec.entry or ""}
    _check_expression(prop.holds, known, f"{field}.holds", "the arguments, result, args and the function")


def _check_expression(text: str, known: set[str], field: str, what: str) -> None:
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError) as error:
        raise ProblemError(f"is not an expression in Python: {getattr(error, 'msg', error)}", field=field) from None
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    own = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in names:
        if node.id not in known | own and not hasattr(builtins, node.id):
            raise ProblemError(f"{node.id} is not known here: there are {what}, and Python's builtins", field=field)
