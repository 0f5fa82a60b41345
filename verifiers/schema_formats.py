"""What `format` and `pattern` of a JSON Schema mean here, the same on every machine. Runs in a worker.

Which formats jsonschema knows depends on what else is installed, and an unknown one passes everything; so the set is
fixed, and the syntax is that of the RFC that JSON Schema names for each (3339, 3986, 5321, 1123).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable

from jsonschema import FormatChecker

__all__ = ["FORMATS", "python_pattern"]

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*"
_DATE = r"\d{4}-\d\d-\d\d"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
_URI = r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_CLOCK = r"T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S)"
_SYNTAX = {
    "date": _DATE,
    "date-time": rf"{_DATE}[Tt ]{_TIME}",
    "duration": rf"P(?:(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D)(?:{_CLOCK})?|{_CLOCK}|\d+W)",
    "email": rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*@{_HOST}",
    "hostname": _HOST,
    "json-pointer": r"(?:/(?:[^~/]|~[01])*)*",
    "time": _TIME,
    "uri": rf"[A-Za-z][A-Za-z0-9+.-]*:(?=.)(?://(?:(?:{_URI}|[:@])*@)?(?:\[[0-9A-Fa-f:.]+\]|{_URI}*)(?::\d*)?(?=[/?#]|\Z)|(?!//))"
    rf"(?:{_URI}|[:@/])*(?:\?(?:{_URI}|[:@/?])*)?(?:#(?:{_URI}|[:@/?])*)?",
    "uuid": r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
}


def _matcher(name: str) -> Callable[[object], bool]:
    syntax = re.compile(_SYNTAX[name], re.ASCII | re.DOTALL)

    def matches(value: object) -> bool:
        if not isinstance(value, str):
            return True
        if syntax.fullmatch(value) is None:
            return False
        return not name.startswith("date") or _is_a_day(value[:10])

    return matches


def _is_a_day(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _checker() -> FormatChecker:
    checker = FormatChecker(formats=("ipv4", "ipv6", "regex"))
    for name in _SYNTAX:
        checker.checks(name)(_matcher(name))
    return checker


FORMATS = _checker()
"""The formats that can be asserted; others are refused when a schema is loaded."""


def python_pattern(pattern: str) -> str:
    r"""An ECMA 262 pattern for Python's `re`: `$` is the very end of the text, `\d` and `\w` are ASCII.

    In Python `$` also stands before a last line break, so that `^[a-z]+$` would let `"abc\n"` pass.

    Raises:
        re.error: the pattern would mean something else.
    """
    parts, in_class, escaped = ["(?a)"], False, False
    for char in pattern:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "[":
            in_class = True
        elif char == "]":
            if in_class and "".join(parts).endswith(("[", "[^")):
                raise re.error("an empty class means something else in Python")
            in_class = False
        elif char == "$" and not in_class:
            parts.append(r"\Z")
            continue
        parts.append(char)
    return "".join(parts)
