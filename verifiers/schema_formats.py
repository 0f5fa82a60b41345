"""What `format` of a JSON Schema means here, the same on every machine. Runs in a worker.

Which formats jsonschema knows depends on what else is installed, and an unknown one passes everything; so the set is
fixed, and the syntax is that of the RFC that JSON Schema names for each (3339, 3986, 5321, 1123).
"""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Callable

import idna
from jsonschema import FormatChecker

from modulo.verifiers.schema_patterns import is_pattern

__all__ = ["FORMATS"]

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
    further = _FURTHER.get(name)

    def matches(value: object) -> bool:
        if not isinstance(value, str):
            return True
        return syntax.fullmatch(value) is not None and (further is None or further(value))

    return matches


def _is_day(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_time(text: str) -> bool:
    """A leap second, which is only ever 23:59:60 in UTC, stands where its offset puts it (RFC 3339, appendix D)."""
    if text[6:8] != "60":
        return True
    offset = 0 if text[-1] in "Zz" else int(text[-6] + "1") * (int(text[-5:-3]) * 60 + int(text[-2:]))
    return (int(text[:2]) * 60 + int(text[3:5]) - offset) % (24 * 60) == 24 * 60 - 1


def _is_date_time(text: str) -> bool:
    return _is_day(text[:10]) and _is_time(text[11:])


def _is_host(text: str) -> bool:
    """Only an A-label has hyphens in its third and fourth place, and it stands for a valid U-label (RFC 5891)."""
    for label in text.split("."):
        if label[2:4] == "--":
            try:
                idna.ulabel(label.lower())
            except idna.IDNAError:
                return False
            if not label.lower().startswith("xn--"):
                return False
    return True


def _is_uri(text: str) -> bool:
    """An address in brackets is one of IPv6; the syntax has seen to the rest."""
    if (literal := re.search(r"//[^/?#]*\[([^\]]*)\]", text)) is None:
        return True
    try:
        ipaddress.IPv6Address(literal[1])
    except ValueError:
        return False
    return True


_FURTHER: dict[str, Callable[[str], bool]] = {
    "date": _is_day,
    "date-time": _is_date_time,
    "email": lambda text: _is_host(text.rpartition("@")[2]),
    "hostname": _is_host,
    "time": _is_time,
    "uri": _is_uri,
}


def _checker() -> FormatChecker:
    checker = FormatChecker(formats=("ipv4", "ipv6"))
    checker.checks("regex")(lambda value: not isinstance(value, str) or is_pattern(value))
    for name in _SYNTAX:
        checker.checks(name)(_matcher(name))
    return checker


FORMATS = _checker()
"""The formats that can be asserted; others are refused when a schema is loaded."""
