"""Keywords of JSON Schema as they are judged here, where jsonschema's own are not safe or not exact. Runs in a worker.

What differs: patterns are matched in linear time (`verifiers/schema_patterns.py`); numbers are compared as the decimals
they spell, never as doubles; equality is by text of a canonical form, which makes `uniqueItems`, `enum` and `const`
linear and tells 1 from true; the properties that `unevaluatedProperties` looks at are found by one rule for all drafts.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from jsonschema.exceptions import ValidationError
from referencing.jsonschema import DRAFT202012, lookup_recursive_ref

from modulo.verifiers.schema_patterns import compile_pattern
from modulo.verifiers.strict_json import exact

__all__ = ["canonical", "decimal", "keywords"]

Found = Iterator[ValidationError]


def keywords(known: dict[str, Any], *, flags: bool) -> dict[str, Any]:
    """The keywords that stand in for those of the same name in `known`, the dialect's own.

    Args:
        known: keyword functions of the dialect.
        flags: `exclusiveMinimum` and its sibling are flags beside the bound, as in drafts 3 and 4.
    """
    own = {**_OWN, **(_FLAGGED if flags else _BOUNDS), "enum": _enum()}
    return {name: function for name, function in own.items() if name in known}


def canonical(value: Any) -> str:
    """Text that is equal for two JSON values exactly if they are: `1` and `1.0` are, `1` and `true` are not."""
    if isinstance(value, str):
        return json.dumps(value)
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(map(canonical, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{canonical(value[key])}" for key in sorted(value)) + "}"
    return str(decimal(value))


def decimal(value: Any) -> Fraction:
    """The number that was written: a double stands for the shortest decimal that reads as it."""
    return Fraction(value) if isinstance(value, int | Decimal) else exact(repr(value))


def _enum() -> Any:
    sets: dict[int, frozenset[str]] = {}  # by the list's identity: the schema keeps its lists as long as this lives

    def keyword(validator: Any, allowed: list[Any], instance: Any, schema: Any) -> Found:
        if id(allowed) not in sets:
            sets[id(allowed)] = frozenset(map(canonical, allowed))
        if canonical(instance) not in sets[id(allowed)]:
            yield ValidationError(f"{instance!r} is not one of {allowed!r}")

    return keyword


def _const(validator: Any, wanted: Any, instance: Any, schema: Any) -> Found:
    if canonical(wanted) != canonical(instance):
        yield ValidationError(f"{wanted!r} was expected")


def _unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Found:
    if not wanted or not isinstance(instance, list):
        return
    seen: dict[str, int] = {}
    for index, item in enumerate(instance):
        first = seen.setdefault(canonical(item), index)
        if first != index:
            yield ValidationError(f"items {first} and {index} are equal: {item!r}")
            return


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Found:
    if isinstance(instance, str) and not compile_pattern(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: dict[str, Any], instance: Any, schema: Any) -> Found:
    if not isinstance(instance, dict):
        return
    for pattern, subschema in patterns.items():
        search = compile_pattern(pattern).search
        for key, value in instance.items():
            if search(key):
                yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _additional_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Found:
    if not isinstance(instance, dict):
        return
    declared = schema.get("properties", {})
    searches = [compile_pattern(pattern).search for pattern in schema.get("patternProperties", {})]
    extras = [key for key in instance if key not in declared and not any(search(key) for search in searches)]
    if isinstance(wanted, dict):
        for key in extras:
            yield from validator.descend(instance[key], wanted, path=key)
    elif not wanted and extras:
        yield ValidationError(f"unexpected properties: {_listed(extras)}")


def _unevaluated_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Found:
    if not isinstance(instance, dict):
        return
    evaluated = _evaluated(validator, instance, {k: v for k, v in schema.items() if k != "unevaluatedProperties"})
    extras = [key for key in instance if key not in evaluated]
    if wanted is False and extras:
        yield ValidationError(f"unexpected properties: {_listed(extras)}")
    elif isinstance(wanted, dict):
        for key in extras:
            yield from validator.descend(instance[key], wanted, path=key)


def _evaluated(validator: Any, instance: dict[str, Any], schema: Any) -> set[str]:
    """Keys of `instance` that a schema it is valid under has looked at (core specification, section 11.3)."""
    if not isinstance(schema, dict):
        return set()
    found: set[str] = instance.keys() & schema.get("properties", {}).keys()
    for pattern in schema.get("patternProperties", {}):
        found |= {key for key in instance if compile_pattern(pattern).search(key)}
    if "additionalProperties" in schema or "unevaluatedProperties" in schema:
        return set(instance)  # all the rest, since the instance is valid under it
    subschemas = [sub for keyword in ("allOf", "anyOf", "oneOf") for sub in schema.get(keyword, [])]
    subschemas += [sub for key, sub in schema.get("dependentSchemas", {}).items() if key in instance]
    if "if" in schema:
        branch = "then" if _valid(validator, instance, schema["if"]) else "else"
        subschemas += [schema["if"], schema.get(branch, True)]
    for subschema in subschemas:
        if isinstance(subschema, dict) and _valid(validator, instance, subschema):
            resource = DRAFT202012.create_resource(subschema)  # an $id there changes what a $ref means
            inside = validator.evolve(schema=subschema, _resolver=validator._resolver.in_subresource(resource))
            found |= _evaluated(inside, instance, subschema)
    for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
        if isinstance(schema.get(keyword), str):
            resolver = validator._resolver
            lookup = lookup_recursive_ref(resolver) if keyword == "$recursiveRef" else resolver.lookup(schema[keyword])
            target = validator.evolve(schema=lookup.contents, _resolver=lookup.resolver)
            found |= _evaluated(target, instance, lookup.contents)
    return found


def _valid(validator: Any, instance: Any, schema: Any) -> bool:
    return next(iter(validator.descend(instance, schema)), None) is None


def _listed(keys: list[str]) -> str:
    return ", ".join(repr(key) for key in sorted(keys)[:20]) + (", …" if len(keys) > 20 else "")


def _multiple_of(validator: Any, factor: Any, instance: Any, schema: Any) -> Found:
    if validator.is_type(instance, "number") and decimal(instance) % decimal(factor) != 0:
        yield ValidationError(f"{instance} is not a multiple of {factor!r}")


def _bound(words: str, beyond: Callable[[Fraction, Fraction], bool]) -> Any:
    """A keyword that bounds a number, on the decimals as they are written."""

    def keyword(validator: Any, limit: Any, instance: Any, schema: Any) -> Found:
        if validator.is_type(instance, "number") and beyond(decimal(instance), decimal(limit)):
            yield ValidationError(f"{instance} is {words} {limit!r}")

    return keyword


_BOUNDS = {
    "minimum": _bound("less than the minimum of", operator.lt),
    "maximum": _bound("greater than the maximum of", operator.gt),
    "exclusiveMinimum": _bound("less than or equal to the minimum of", operator.le),
    "exclusiveMaximum": _bound("greater than or equal to the maximum of", operator.ge),
}


def _flagged(plain: str, exclusive: str) -> Any:
    def keyword(validator: Any, limit: Any, instance: Any, schema: Any) -> Found:
        chosen = _BOUNDS[exclusive if schema.get(exclusive) is True else plain]
        yield from chosen(validator, limit, instance, schema)

    return keyword


_FLAGGED = {
    "minimum": _flagged("minimum", "exclusiveMinimum"),
    "maximum": _flagged("maximum", "exclusiveMaximum"),
}

_OWN: dict[str, Any] = {
    "additionalProperties": _additional_properties,
    "const": _const,
    "divisibleBy": _multiple_of,
    "multipleOf": _multiple_of,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "unevaluatedProperties": _unevaluated_properties,
    "uniqueItems": _unique_items,
}
