"""Checks a JSON answer against a JSON Schema. Runs in a worker, which `verifiers/schema.py` calls."""

from __future__ import annotations

import functools
import itertools
import json
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from jsonschema import FormatChecker, validators
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry

from modulo.verifiers.deep import recursion_limit
from modulo.verifiers.schema_examine import SpecError, dotted, examine
from modulo.verifiers.schema_formats import FORMATS
from modulo.verifiers.schema_keywords import decimal, keywords
from modulo.verifiers.strict_json import Number, StrictJsonError, exact, loads, shorten

__all__ = ["check", "check_many", "load"]

_MAX_CRITIQUES = 10
_MAX_FAULTS = 100
_MAX_FRAMES = 5000
_SAMPLES: tuple[Any, ...] = (None, True, 0, "", [], {}, [0], {"": 0})


def load(schema: dict[str, Any]) -> dict[str, Any]:
    """`{}` if the schema can be used, else `{"field": …, "message": …}`."""
    try:
        with recursion_limit(_MAX_FRAMES):
            validator = _compile(json.dumps(schema))
            for sample in _SAMPLES:
                validator.is_valid(sample)
    except SpecError as error:
        return {"field": error.field, "message": str(error)}
    except RecursionError:
        return {"field": "", "message": "the schema refers to itself without end, or is nested too deeply"}
    return {}


def check(payload: dict[str, Any]) -> dict[str, Any]:
    """A finding on `payload["candidate"]` for `payload["schema"]`."""
    return _judged(_compile(json.dumps(payload["schema"])), payload["candidate"])


def check_many(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A finding on each of `payload["candidates"]`, in order."""
    validator = _compile(json.dumps(payload["schema"]))
    for candidate in payload["candidates"]:
        yield _judged(validator, candidate)


def _judged(validator: Any, candidate: str) -> dict[str, Any]:
    try:
        answer = loads(candidate, number=_number)
    except StrictJsonError as error:
        return {"outcome": "fail", "critiques": [{"message": str(error)}], "score": 0.0}
    try:
        with recursion_limit(_MAX_FRAMES):
            errors = list(itertools.islice(validator.iter_errors(answer), _MAX_FAULTS))
    except RecursionError:
        return {"outcome": "unknown", "critiques": [{"message": "the answer is nested too deeply to be checked"}]}
    errors.sort(key=lambda error: (error.json_path, error.message))
    evidence = {"faults": len(errors), "dialect": str(validator.META_SCHEMA.get("$schema", ""))}
    if not errors:
        return {"outcome": "pass", "evidence": evidence, "score": 1.0}
    return {"outcome": "fail", "critiques": [_critique(e) for e in errors[:_MAX_CRITIQUES]], "evidence": evidence}


@functools.lru_cache(maxsize=16)
def _compile(text: str) -> Any:
    """A validator for the schema with this JSON text."""
    schema = json.loads(text)
    dialect = schema.get("$schema", "https://json-schema.org/draft/2020-12/schema")
    nothing: Any = None
    known: Any = nothing
    if isinstance(dialect, str):
        known = validators.validator_for({"$schema": dialect}, default=nothing)
    if known is None:
        raise SpecError(f"unknown dialect {shorten(str(dialect))}; leave it out for 2020-12", "$schema")
    try:
        known.check_schema(schema, format_checker=FormatChecker(formats=()))  # patterns are ECMA's, not Python's
    except SchemaError as error:
        raise SpecError(shorten(error.message, 300), dotted(list(error.absolute_path))) from None
    if not any(keyword in known.VALIDATORS for keyword in schema):
        raise SpecError("the schema requires nothing, so every JSON value would pass; add type, properties, …")
    examine(schema, dialect)
    flags = "exclusiveMinimum" not in known.VALIDATORS
    extend: Any = validators.extend
    own = extend(known, keywords(known.VALIDATORS, flags=flags))
    return own(schema, registry=Registry(), format_checker=FORMATS)


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
    if spelled == decimal(value):
        return value
    return int(spelled) if spelled.denominator == 1 else Decimal(text)


def _critique(error: Any) -> dict[str, Any]:
    """One fault; of alternatives (`anyOf`, `oneOf`), the one the answer comes closest to."""
    cause: Any = best_match([error])
    message = cause.message
    if cause is not error:
        message = f"fits no alternative of {error.validator}; in the closest, {message}"
    place = cause.json_path
    critique: dict[str, Any] = {"message": f"{shorten(place)}: {shorten(message, 300)}", "locus": shorten(place)}
    try:
        shown = json.dumps(cause.instance)
    except (RecursionError, TypeError):  # too deep, or a decimal
        return critique
    if len(shown) <= 200:
        critique["counterexample"] = cause.instance
    return critique
