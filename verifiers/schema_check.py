"""Checks a JSON answer against a JSON Schema. Runs in a worker, which `verifiers/schema.py` calls."""

from __future__ import annotations

import functools
import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from jsonschema import validators
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012, specification_with

from modulo.verifiers.deep import recursion_limit
from modulo.verifiers.schema_formats import FORMATS, python_pattern
from modulo.verifiers.strict_json import Number, StrictJsonError, exact, loads, shorten

__all__ = ["check", "load"]

_MAX_CRITIQUES = 10
_MAX_FRAMES = 5000
_SAMPLES: tuple[Any, ...] = (None, True, 0, "", [], {}, [0], {"": 0})


class _SpecError(ValueError):
    def __init__(self, message: str, field: str = "") -> None:
        self.field = field
        super().__init__(message)


def load(schema: dict[str, Any]) -> dict[str, Any]:
    """`{}` if the schema can be used, else `{"field": …, "message": …}`."""
    try:
        with recursion_limit(_MAX_FRAMES):
            validator, _ = _compile(json.dumps(schema))
            for sample in _SAMPLES:
                validator.is_valid(sample)
    except _SpecError as error:
        return {"field": error.field, "message": str(error)}
    except RecursionError:
        return {"field": "", "message": "the schema refers to itself without end, or is nested too deeply"}
    return {}


def check(payload: dict[str, Any]) -> dict[str, Any]:
    """A finding on `payload["candidate"]` for `payload["schema"]`."""
    validator, patterns = _compile(json.dumps(payload["schema"]))
    try:
        answer = loads(payload["candidate"], number=_number)
    except StrictJsonError as error:
        return {"outcome": "fail", "critiques": [{"message": str(error)}], "score": 0.0}
    try:
        with recursion_limit(_MAX_FRAMES):
            errors = sorted(validator.iter_errors(answer), key=lambda error: (error.json_path, error.message))
    except RecursionError:
        return {"outcome": "unknown", "critiques": [{"message": "the answer is nested too deeply to be checked"}]}
    evidence = {"faults": len(errors), "dialect": str(validator.META_SCHEMA.get("$schema", ""))}
    if not errors:
        return {"outcome": "pass", "evidence": evidence, "score": 1.0}
    critiques = [_critique(error, patterns) for error in errors[:_MAX_CRITIQUES]]
    return {"outcome": "fail", "critiques": critiques, "evidence": evidence}


@functools.lru_cache(maxsize=16)
def _compile(text: str) -> tuple[Any, dict[str, str]]:
    """A validator, and the patterns of the schema by what they became for Python."""
    schema = json.loads(text)
    dialect = schema.get("$schema", "https://json-schema.org/draft/2020-12/schema")
    nothing: Any = None
    known: Any = nothing
    if isinstance(dialect, str):
        known = validators.validator_for({"$schema": dialect}, default=nothing)
    if known is None:
        raise _SpecError(f"unknown dialect {shorten(str(dialect))}; leave it out for 2020-12", "$schema")
    try:
        known.check_schema(schema)
    except SchemaError as error:
        raise _SpecError(shorten(error.message, 300), _dotted(error.absolute_path)) from None
    if not any(keyword in known.VALIDATORS for keyword in schema):
        raise _SpecError("the schema requires nothing, so every JSON value would pass; add type, properties, …")
    patterns: dict[str, str] = {}
    _Walk(patterns).visit_root(schema, dialect)
    extend: Any = validators.extend
    bounds = _BOUNDS if "exclusiveMinimum" in known.VALIDATORS else {}  # earlier drafts have flags of that name
    extended = extend(known, {"multipleOf": _multiple_of, "divisibleBy": _multiple_of, **bounds})
    return extended(schema, registry=Registry(), format_checker=FORMATS), patterns


class _Walk:
    """Goes through every subschema: refuses what could not be checked, and makes patterns Python's."""

    def __init__(self, patterns: dict[str, str]) -> None:
        self._patterns = patterns
        self._seen: set[int] = set()

    def visit_root(self, schema: dict[str, Any], dialect: str) -> None:
        specification = specification_with(dialect, default=DRAFT202012)
        resource = Resource.from_contents(schema, default_specification=specification)
        self._visit(resource, Registry().resolver_with_root(resource), specification)

    def _visit(self, resource: Any, resolver: Any, specification: Any) -> None:
        contents = resource.contents
        if not isinstance(contents, dict) or id(contents) in self._seen:
            return
        self._seen.add(id(contents))
        self._check_format(contents)
        targets = [
            self._look_up(resolver, contents[keyword], keyword)
            for keyword in ("$ref", "$dynamicRef", "$recursiveRef")
            if isinstance(contents.get(keyword), str)
        ]
        self._translate(contents)
        for sub in resource.subresources():
            self._visit(sub, resolver.in_subresource(sub), specification)
        for target in targets:
            self._visit(
                Resource.from_contents(target.contents, default_specification=specification),
                target.resolver,
                specification,
            )

    @staticmethod
    def _check_format(contents: dict[str, Any]) -> None:
        name = contents.get("format")
        if isinstance(name, str) and name not in FORMATS.checkers:
            known = ", ".join(sorted(FORMATS.checkers))
            raise _SpecError(f"the format {shorten(name)!r} cannot be checked; use `pattern`, or one of {known}")

    @staticmethod
    def _look_up(resolver: Any, reference: str, keyword: str) -> Any:
        try:
            target = resolver.lookup(reference)
        except Unresolvable:
            raise _SpecError(
                f"{keyword} {shorten(reference)!r} is not in this schema; other documents are never fetched"
            ) from None
        if not isinstance(target.contents, dict | bool):
            raise _SpecError(f"{keyword} {shorten(reference)!r} does not lead to a schema")
        return target

    def _translate(self, contents: dict[str, Any]) -> None:
        if isinstance(contents.get("pattern"), str):
            contents["pattern"] = self._python(contents["pattern"])
        if isinstance(contents.get("patternProperties"), dict):
            properties = contents["patternProperties"]
            contents["patternProperties"] = {self._python(p): sub for p, sub in properties.items()}

    def _python(self, pattern: str) -> str:
        try:
            translated = python_pattern(pattern)
            re.compile(translated)
        except re.error as error:
            raise _SpecError(f"the pattern {shorten(pattern)!r} cannot be read: {error}") from None
        self._patterns[translated] = pattern
        return translated


def _number(text: str) -> int | float | Decimal:
    """The number as it is spelled: a decimal finer than a double stays one, for 10.00000000000000000001 is over 10."""
    if Number(text).is_integer_literal:
        try:
            return int(exact(text))
        except ValueError as error:
            raise StrictJsonError(str(error)) from None
    value = float(text)
    if math.isinf(value):
        raise StrictJsonError(f"the number {shorten(text)} is out of range")
    try:
        spelled = exact(text)
    except ValueError as error:
        raise StrictJsonError(str(error)) from None
    if spelled == _exactly(value):
        return value
    return int(spelled) if spelled.denominator == 1 else Decimal(text)


def _exactly(value: Any) -> Fraction:
    return Fraction(value) if isinstance(value, Decimal) else exact(repr(value))


def _bound(words: str, beyond: Callable[[Fraction, Fraction], bool]) -> Any:
    """A keyword that bounds a number, on the decimals as they are written."""

    def keyword(validator: Any, limit: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if validator.is_type(instance, "number") and beyond(_exactly(instance), _exactly(limit)):
            yield ValidationError(f"{instance} is {words} {limit!r}")

    return keyword


_BOUNDS = {
    "minimum": _bound("less than the minimum of", operator.lt),
    "maximum": _bound("greater than the maximum of", operator.gt),
    "exclusiveMinimum": _bound("less than or equal to the minimum of", operator.le),
    "exclusiveMaximum": _bound("greater than or equal to the maximum of", operator.ge),
}


def _multiple_of(validator: Any, factor: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "number") and _exactly(instance) % _exactly(factor) != 0:
        yield ValidationError(f"{instance} is not a multiple of {factor!r}")


def _critique(error: Any, patterns: dict[str, str]) -> dict[str, Any]:
    """One fault; of alternatives (`anyOf`, `oneOf`), the one the answer comes closest to."""
    cause: Any = best_match([error])
    message = cause.message
    if cause.validator == "pattern":
        written = str(cause.validator_value)
        message = f"{cause.instance!r} does not match {patterns.get(written, written)!r}"
    if cause is not error:
        message = f"fits no alternative of {error.validator}; in the closest, {message}"
    place = cause.json_path
    critique: dict[str, Any] = {"message": f"{place}: {shorten(message, 300)}", "locus": place}
    try:
        shown = json.dumps(cause.instance)
    except (RecursionError, TypeError):  # too deep, or a decimal
        return critique
    if len(shown) <= 200:
        critique["counterexample"] = cause.instance
    return critique


def _dotted(path: Iterable[str | int]) -> str:
    field = ""
    for part in path:
        field += f"[{part}]" if isinstance(part, int) else f".{part}" if field else part
    return field
