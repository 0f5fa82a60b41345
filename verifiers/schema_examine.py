"""Goes through every subschema when a schema is loaded, and refuses what would let answers pass unchecked."""

from __future__ import annotations

from typing import Any, NoReturn

from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012, specification_with

from modulo.verifiers.schema_formats import FORMATS
from modulo.verifiers.schema_patterns import PatternError, compile_pattern
from modulo.verifiers.strict_json import shorten

__all__ = ["SpecError", "dotted", "examine"]


class SpecError(ValueError):
    """The schema cannot be used; `field` says where."""

    def __init__(self, message: str, field: str = "") -> None:
        self.field = field
        super().__init__(message)


def dotted(path: list[str | int]) -> str:
    """A place in a schema, such as `properties.a.anyOf[1]`."""
    field = ""
    for part in path:
        field += f"[{part}]" if isinstance(part, int) else f".{part}" if field else part
    return field


def examine(schema: dict[str, Any], dialect: str) -> None:
    """Look at every subschema that can be reached, and drop `$schema` from it.

    jsonschema would judge a subschema that names its dialect with its own keywords, in place of ours.

    Raises:
        SpecError: a format that cannot be checked, a pattern that cannot be matched, a reference that leads nowhere or
            to another document, another dialect inside.
    """
    specification: Any = specification_with(dialect, default=DRAFT202012)
    resource: Any = Resource.from_contents(schema, default_specification=specification)
    _Walk(schema, dialect, specification).visit(resource, Registry().resolver_with_root(resource))


class _Walk:
    def __init__(self, root: dict[str, Any], dialect: str, specification: Any) -> None:
        self._root, self._dialect, self._specification = root, dialect, specification
        self._seen: set[int] = set()

    def visit(self, resource: Any, resolver: Any) -> None:
        contents = resource.contents
        if not isinstance(contents, dict) or id(contents) in self._seen:
            return
        self._seen.add(id(contents))
        self._check_format(contents)
        self._check_patterns(contents)
        targets = [
            self._look_up(resolver, contents, keyword)
            for keyword in ("$ref", "$dynamicRef", "$recursiveRef")
            if isinstance(contents.get(keyword), str)
        ]
        subresources = list(resource.subresources())
        if contents.pop("$schema", self._dialect) != self._dialect:
            self._refuse("a part cannot have a dialect of its own; write $schema at the top only", contents)
        for sub in subresources:
            self.visit(sub, resolver.in_subresource(sub))
        for target in targets:
            found = Resource.from_contents(target.contents, default_specification=self._specification)
            self.visit(found, target.resolver)

    def _check_format(self, contents: dict[str, Any]) -> None:
        name = contents.get("format")
        if isinstance(name, str) and name not in FORMATS.checkers:
            known = ", ".join(sorted(FORMATS.checkers))
            message = f"the format {shorten(name)!r} cannot be checked; use `pattern`, or one of {known}"
            self._refuse(message, contents, "format")

    def _check_patterns(self, contents: dict[str, Any]) -> None:
        named = contents.get("patternProperties")
        for keyword, patterns in (("pattern", [contents.get("pattern")]), ("patternProperties", named or ())):
            for pattern in patterns:
                if not isinstance(pattern, str):
                    continue
                try:
                    compile_pattern(pattern)
                except PatternError as error:
                    self._refuse(f"the pattern {shorten(pattern)!r} cannot be used: {error}", contents, keyword)

    def _look_up(self, resolver: Any, contents: dict[str, Any], keyword: str) -> Any:
        reference = shorten(contents[keyword])
        try:
            target = resolver.lookup(contents[keyword])
        except (Unresolvable, ValueError):  # the latter for what is no URI
            message = f"{keyword} {reference!r} is not in this schema; other documents are never fetched"
            self._refuse(message, contents, keyword)
        if not isinstance(target.contents, dict | bool):
            self._refuse(f"{keyword} {reference!r} does not lead to a schema", contents, keyword)
        return target

    def _refuse(self, message: str, contents: dict[str, Any], *keywords: str) -> NoReturn:
        raise SpecError(message, dotted([*_place(self._root, contents), *keywords]))


def _place(root: Any, wanted: dict[str, Any]) -> list[str | int]:
    """Where in the schema this very part stands."""
    stack: list[tuple[Any, list[str | int]]] = [(root, [])]
    while stack:
        value, path = stack.pop()
        if value is wanted:
            return path
        if isinstance(value, dict):
            stack += [(item, [*path, key]) for key, item in value.items()]
        elif isinstance(value, list):
            stack += [(item, [*path, index]) for index, item in enumerate(value)]
    return []
