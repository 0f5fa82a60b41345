"""The text of a plan to its steps, in the notations that planners and models use.

- lines of `(action argument …)`, several on a line too; `;` begins a comment, as in PDDL;
- the same behind a list mark or a number (`3.`, `3)`, `Step 3:`), or as VAL writes it, `0.000: (action …) [1]`. A
  number that a colon follows says when the step is taken, so these have to rise;
- `action argument …` or `action(argument, …)` alone on a line;
- JSON: a list of such texts, of `{"action": …, "args": […]}` or of `["action", argument, …]`, or an object that holds
  this list as `plan`, `steps` or `actions`.

Nothing is repaired or passed over. What is no step is a fault at its place, so that no misreading can make a wrong plan
right. Only ASCII letters are lower-cased and only ASCII spaces separate, so a lookalike is never taken for a name.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from modulo.verifiers.plan_logic import Atom
from modulo.verifiers.sexpr import ascii_lower
from modulo.verifiers.strict_json import StrictJsonError, loads

__all__ = ["NoStep", "read_steps"]

_EXPECTED = "not an action; write each as (action argument …), one a line"
_LINE = re.compile(r"\r\n|\r|\n")
_FENCE = re.compile(r"\s*(?:`{3,}|~{3,})[\w+.-]*\s*", re.A)
_MARK = re.compile(
    r"\s*(?:[-*+>•]\s+)?(?:(?:(?:step|action)\s*)?(?P<number>[0-9]{1,18}(?:\.[0-9]{1,18})?)\s*(?P<mark>[.:)]))?\s*",
    re.A,
)
_STEP = re.compile(r"\s*\(\s*([^\s()]+(?:\s+[^\s()]+)*)\s*\)(?:\s*\[\s*[0-9]+(?:\.[0-9]+)?\s*\])?", re.A)
_CALL = re.compile(r"([^\s(),]+)\(([^()]*)\)", re.A)
_SPACES = re.compile(r"\s+", re.A)
_WORD = re.compile(r"[^\s()]+", re.A)
_JSON = re.compile(r"""\s*(?:\{|\[\s*(?:["{\[]|\]\s*\Z))""", re.A)
_LISTS = ("plan", "steps", "actions")
_ARGUMENTS = ("args", "arguments", "parameters", "params")
_NAMES = ("action", "name")
_NUMBERS = ("step", "number")


@dataclass(frozen=True, slots=True)
class NoStep:
    """What stands in the place of a step and is none, and why."""

    text: str
    why: str = _EXPECTED


def read_steps(text: str, actions: Collection[str]) -> list[Atom | NoStep]:
    """Each step as name and arguments, or what stands in its place. `actions` are the names of the domain's actions."""
    text = ascii_lower(text)
    if _JSON.match(text):
        return _read_json(text, actions)
    steps: list[Atom | NoStep] = []
    last: Fraction | None = None
    for line in _LINE.split(text):
        rest = line.partition(";")[0]
        if not rest or rest.isspace() or _FENCE.fullmatch(rest):
            continue
        mark = _MARK.match(rest)
        assert mark is not None  # every part of it is optional
        if mark["mark"] == ":":
            number = Fraction(mark["number"])
            if last is not None and number <= last:
                steps.append(NoStep(line.strip(), f"its number {mark['number']} does not come after {last}"))
                continue
            last = number
        _read_line(rest[mark.end() :], actions, steps)
    return steps


def _read_line(rest: str, actions: Collection[str], steps: list[Atom | NoStep]) -> None:
    rest = rest.rstrip()
    if not rest.startswith("("):
        steps.append(_bare(rest, actions))
        return
    position = 0
    while position < len(rest):
        match = _STEP.match(rest, position)
        if match is None:
            steps.append(NoStep(rest[position:].strip()))
            return
        steps.append(tuple(_WORD.findall(match[1])))
        position = match.end()


def _bare(text: str, actions: Collection[str]) -> Atom | NoStep:
    """A step without its parentheses around."""
    if call := _CALL.fullmatch(text):
        arguments = [a.strip(" \t") for a in call[2].split(",")] if call[2].strip(" \t") else []
        if all(_WORD.fullmatch(a) for a in arguments):
            return (_spelled(call[1], actions), *arguments)
        return NoStep(text)
    words = _SPACES.split(text)
    if words[0] in actions and all(_WORD.fullmatch(word) for word in words):
        return tuple(words)
    return NoStep(text)


def _spelled(name: str, actions: Collection[str]) -> str:
    """The action meant by a function's name, where `-` cannot stand: `pick_up` is `pick-up` if only that is."""
    if name in actions:
        return name
    meant = [action for action in actions if action.replace("-", "_") == name]
    return meant[0] if len(meant) == 1 else name


def _read_json(text: str, actions: Collection[str]) -> list[Atom | NoStep]:
    try:
        value = loads(text)
    except StrictJsonError as error:
        return [NoStep(text.strip(), f"not an action: {error}")]
    if isinstance(value, dict):
        named = [key for key in _LISTS if key in value]
        if len(named) != 1 or not isinstance(value[named[0]], list):
            return [NoStep(text.strip(), 'not an action; write {"plan": ["(action argument …)", …]}')]
        value = value[named[0]]
    first = value[0] if value and isinstance(value[0], dict) else {}
    base = 0 if any(getattr(first.get(key), "text", "") == "0" for key in _NUMBERS) else 1
    return [_item(item, number, actions) for number, item in enumerate(value, base)]


def _item(item: Any, number: int, actions: Collection[str]) -> Atom | NoStep:
    if isinstance(item, str):
        text = item.strip(string.whitespace)
        match = _STEP.fullmatch(text)
        return tuple(_WORD.findall(match[1])) if match else _bare(text, actions)
    shown = _shown(item)
    if isinstance(item, list):
        return tuple(item) if item and all(map(_is_word, item)) else NoStep(shown)
    if not isinstance(item, dict):
        return NoStep(shown)
    keys = [next((key for key in known if key in item), None) for known in (_NAMES, _ARGUMENTS, _NUMBERS)]
    name, arguments, place = (item.get(key) if key else None for key in keys)
    if set(item) - set(keys):
        return NoStep(shown, 'not an action; write {"action": "…", "args": ["…", …]}')
    if place is not None and getattr(place, "text", "") != str(number):
        return NoStep(shown, f"it is step {number} and is numbered otherwise")
    if keys[1] is None:
        return _item(name, number, actions) if isinstance(name, str) else NoStep(shown)
    if isinstance(arguments, list) and all(map(_is_word, [name, *arguments])):
        return (_spelled(str(name), actions), *arguments)
    return NoStep(shown)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def _shown(value: Any, depth: int = 3) -> str:
    if isinstance(value, dict | list) and not depth:
        return "…"
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{k}": {_shown(v, depth - 1)}' for k, v in list(value.items())[:5]) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(v, depth - 1) for v in value[:5]) + "]"
    return f'"{value}"' if isinstance(value, str) else str(getattr(value, "text", value))
