"""Problem files: YAML, JSON or JSON lines in, validated and self-contained `Problem` values out.

Every error is one line that names the file, the line or the field, and what to write instead.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from modulo.errors import ProblemError
from modulo.plugins import verifier_factory
from modulo.types import AnswerFormat, Problem, Spec

__all__ = ["load_problems", "parse_problem", "resolve", "validate_problem"]

_MAX_BYTES = 64 * 1024 * 1024


def load_problems(path: str) -> Iterator[Problem]:
    """Problems of a file, in order; `-` is standard input. Files named in specs are read relative to the file.

    Raises:
        ProblemError: names the file and the line or field.
    """
    if path == "-":
        source, base, text = "<stdin>", Path.cwd(), _decode(sys.stdin.buffer.read(_MAX_BYTES + 1), "<stdin>")
    else:
        file = Path(path)
        source, base = path, file.parent
        try:
            if file.is_dir():
                raise ProblemError("is a directory; give a problem file", source=source)
            with file.open("rb") as stream:
                text = _decode(stream.read(_MAX_BYTES + 1), source)
        except OSError as error:
            raise ProblemError(f"cannot be read: {error.strerror}", source=source) from error
    count = 0
    for where, data in _documents(text, source, Path(path).suffix.lower()):
        count += 1
        yield parse_problem(data, source=where, base=base)
    if count == 0:
        raise ProblemError("holds no problem", source=source)


def validate_problem(data: Any, *, source: str = "") -> Problem:
    """One problem from plain data, its specs not looked at yet.

    Raises:
        ProblemError: names the field, and `source` if given.
    """
    if not isinstance(data, dict):
        raise ProblemError(f"a problem is a mapping with statement and verifiers, not {_kind(data)}", source=source)
    try:
        flaw = _not_json(data)
    except RecursionError as error:
        raise ProblemError("nested too deeply", source=source) from error
    if flaw is not None:
        raise ProblemError(flaw, source=source)
    if not isinstance(data.get("verifiers", []), list | tuple):
        raise ProblemError(
            "is a list, one `- name: spec` a verifier; put a dash before each", field="verifiers", source=source
        )
    try:
        return Problem.model_validate(data)
    except ValidationError as error:
        raise _from_validation(error, source) from error


def parse_problem(data: Any, *, source: str = "", base: Path | None = None) -> Problem:
    """One problem from plain data, its specs validated by their verifiers, of which it has at least one.

    Raises:
        ProblemError: names the field, and `source` if given.
    """
    if isinstance(data, dict) and not data.get("verifiers"):
        raise ProblemError(
            "give at least one, such as `- tests: {entry: f, cases: […]}`", field="verifiers", source=source
        )
    return resolve(validate_problem(data, source=source), source=source, base=base)


def resolve(problem: Problem, *, source: str = "", base: Path | None = None) -> Problem:
    """The same problem with every spec validated and made self-contained. Idempotent.

    Raises:
        ProblemError: names the verifier and the field inside its spec.
    """
    specs = []
    for i, spec in enumerate(problem.verifiers):
        try:
            factory = verifier_factory(spec.name)
        except ProblemError as error:
            raise error.at(prefix=f"verifiers[{i}]", source=source) from error
        try:
            specs.append(Spec(name=spec.name, spec=factory.load(spec.spec, base=base), hard=spec.hard))
        except ProblemError as error:
            raise error.at(prefix=f"verifiers[{i}].{spec.name}", source=source) from error
    return problem.model_copy(update={"verifiers": tuple(specs)})


def _decode(raw: bytes, source: str) -> str:
    if len(raw) > _MAX_BYTES:
        raise ProblemError(f"larger than {_MAX_BYTES >> 20} MiB; split it into several files", source=source)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ProblemError("is not UTF-8 text; save it as UTF-8", source=f"{source}:{line}") from error


def _documents(text: str, source: str, suffix: str) -> Iterator[tuple[str, Any]]:
    """(place, plain data) of each problem in a file."""
    if suffix in (".jsonl", ".ndjson"):
        yield from _json_lines(text, source)
    elif suffix == ".json" or (suffix not in (".yaml", ".yml") and text.lstrip()[:1] == "{"):
        try:
            whole = _strict_json(text)
        except json.JSONDecodeError as error:
            if error.msg == "Extra data" and suffix != ".json":
                yield from _json_lines(text, source)
                return
            raise ProblemError(
                f"is not JSON: {error.msg} at column {error.colno}", source=f"{source}:{error.lineno}"
            ) from error
        except (ValueError, RecursionError) as error:
            raise ProblemError(f"is not JSON: {_reason(error)}", source=source) from error
        yield source, whole
    else:
        yield from _yaml(text, source)


def _json_lines(text: str, source: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{source}:{number}"
        try:
            yield where, _strict_json(line)
        except json.JSONDecodeError as error:
            raise ProblemError(f"is not JSON: {error.msg} at column {error.colno}", source=where) from error
        except (ValueError, RecursionError) as error:
            raise ProblemError(f"is not JSON: {_reason(error)}", source=where) from error


def _strict_json(text: str) -> Any:
    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ValueError(f"the key {twice!r} stands twice in one object")
        return found

    def no_constants(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    return json.loads(text, object_pairs_hook=no_duplicates, parse_constant=no_constants)


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _yaml(text: str, source: str) -> Iterator[tuple[str, Any]]:
    try:
        loader = _Loader(text)
        try:
            while loader.check_data():  # type: ignore[no-untyped-call]
                yield source, loader.get_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}" if mark else source
        raise ProblemError(f"is not YAML: {error.problem or error.context}", source=where) from error
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        raise ProblemError(f"is not YAML: {_first_line(_reason(error))}", source=source) from error


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key may not stand twice, an alias may not stand at all, and a date is just text."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem="aliases (*name) are not supported; write the value out", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} is not text; put it in quotes", problem_mark=key_node.start_mark
                )
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _from_validation(error: ValidationError, source: str) -> ProblemError:
    first = error.errors(include_url=False)[0]
    field = ""
    for part in first["loc"]:
        field += f"[{part}]" if isinstance(part, int) else ("." if field else "") + str(part)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"is not a field of a problem; the fields are {', '.join(Problem.model_fields)}"
    elif first["type"] == "missing":
        message = "is missing"
    elif field == "answer":
        message = f"is one of {', '.join(AnswerFormat)}, not {first['input']!r}"
    return ProblemError(_first_line(message), field=field, source=source)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "malformed"


def _kind(data: Any) -> str:
    names = {list: "a list (put several problems in a .jsonl file)", str: "text", type(None): "empty"}
    return names.get(type(data), type(data).__name__)


def _not_json(data: Any, path: str = "") -> str | None:
    """Where `data` stops being plain JSON, in words."""
    if isinstance(data, dict):
        for key, value in data.items():
            if not isinstance(key, str):
                return f"{path or 'top level'}: the key {key!r} is not text; put it in quotes"
            if found := _not_json(value, f"{path}.{key}" if path else key):
                return found
    elif isinstance(data, list):
        for i, value in enumerate(data):
            if found := _not_json(value, f"{path}[{i}]"):
                return found
    elif isinstance(data, float) and not math.isfinite(data):
        return f"{path}: {data} is not a JSON number"
    elif data is not None and not isinstance(data, str | bool | int | float):
        return f"{path}: {type(data).__name__} is not a JSON value; put it in quotes"
    return None
