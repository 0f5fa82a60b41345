"""Which lines of a response are the steps of its plan.

A malformed step is kept as it stands, so that the verifier refuses it: dropping it could make a wrong plan right. What
looks like a step but cannot be told from prose counts as one where the company it is in says so: a numbered list that
has a step has only steps, and so has a list in which steps are written without parentheses.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

__all__ = ["is_json_plan", "plan_lines", "plan_words"]

_LINE = re.compile(r"\r\n|\r|\n")
_MARKS = re.compile(r"^(?:[\s>|*_`•+-]|(?:step|action)?\s*\d+(?:\.\d+)?\s*[.)](?!\d))+", re.I)
_STAMP = re.compile(r"^((?:(?:step|action)\s*)?\d+(?:\.\d+)?\s*:)[\s*_`]*", re.I)
_NUMBER = re.compile(r"^[\s>|*_`•+-]*(?:(?:step|action)\s*)?(\d{1,6})\s*[.:)]", re.I)
_TAIL = r"[\s*_`|]*(?:(?:;.*|\[\s*[\d.]+\s*\]|[.,])[\s*_`|]*)?$"
_STEP = re.compile(r"^(\([^()]*\))" + _TAIL)
_CALL = re.compile(r"^([^\s(),*_`|][^\s(),*`|]*\([^()]*\))" + _TAIL)
_MENTIONED = re.compile(r"\(([^()]*)\)")
_JSON = re.compile(r"""(?:\[\s*(?:["{\[]|\]\s*\Z)|\{\s*["'](?:plan|steps|actions)["'])""", re.I)


@dataclass(frozen=True)
class _Line:
    """A line: what to keep of it, its number in a list, and whether it is a step, `like` one, or `mentions` some."""

    text: str
    number: int | None
    kind: str
    notation: str = ""


def is_json_plan(text: str) -> bool:
    """Whether a text without spaces around is meant as a plan in JSON, well-formed or not."""
    return _JSON.match(text) is not None and text[-1] in "]}"


@functools.lru_cache(maxsize=32)
def plan_words(pddl: str) -> tuple[frozenset[str], frozenset[str]]:
    """Names of the actions, and all names, of a planning task."""
    text = re.sub(r";[^\n]*", "", pddl).lower()
    return frozenset(re.findall(r"\(\s*:action\s+([^\s()]+)", text)), frozenset(re.findall(r"[^\s()]+", text))


def plan_lines(text: str, actions: frozenset[str], names: frozenset[str]) -> list[str]:
    """The steps, list marks and markdown aside; a number that a colon follows is kept, since it may be a time."""
    found = [line for raw in _LINE.split(text) if (line := _read(raw, actions, names)) is not None]
    notations = {line.notation for line in found if line.kind == "step"}
    if "" not in notations:
        found = [replace(x, kind="step") if x.kind == "like" and x.notation in notations else x for x in found]
    found = [line for line in _numbered(found) if line.kind in ("step", "mentions")]
    while found and found[-1].kind != "step":
        found.pop()
    while found and found[0].kind != "step":
        found.pop(0)
    whole = {_normal(line.text) for line in found if line.kind == "step"}
    # Prose between two steps may name steps of the plan, but hold none of its own.
    return [line.text for line in found if line.kind == "step" or not _restates(line.text, whole, actions)]


def _read(raw: str, actions: frozenset[str], names: frozenset[str]) -> _Line | None:
    number = int(match[1]) if (match := _NUMBER.match(raw)) else None
    rest = _MARKS.sub("", raw, count=1).strip()
    stamp = match[1] + " " if (match := _STAMP.match(rest)) else ""
    rest = rest[match.end() :] if match else rest
    if clean := _STEP.match(rest):
        return _Line(stamp + clean[1], number, "step")
    if rest.startswith("("):
        return _Line(stamp + rest, number, "step")
    folded = _folded(rest)
    if folded.startswith(("(", "[(")):
        return _Line(raw.strip(), number, "step")
    if call := _CALL.match(rest):
        known = call[1].partition("(")[0].lower() in actions | {name.replace("-", "_") for name in actions}
        return _Line(stamp + call[1], number, "step" if known else "like", "call")
    bare = rest.strip(" .,*_`|")
    words = folded.strip(" .,*_`|").split()
    if words and words[0] in actions:
        whole = names.issuperset(words) and (len(words) > 1 or number is not None)
        return _Line(stamp + bare, number, "step" if whole else "like", "words")
    if any(step.split()[:1] and step.split()[0] in actions for step in _MENTIONED.findall(folded)):
        return _Line(raw.strip(), number, "mentions")
    return _Line(raw.strip(), number, "other") if number is not None else None


def _folded(text: str) -> str:
    """What a text looks like: lookalikes of letters and signs replaced, invisible characters dropped."""
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return text.lower().strip()


def _numbered(lines: Sequence[_Line]) -> list[_Line]:
    """The lines, in which every member of a numbered list that has a step is a step."""
    runs, last = [0] * len(lines), None
    for i, line in enumerate(lines):
        runs[i] = runs[i - 1] if i else 0
        if line.number is not None:
            runs[i] += last is None or line.number != last + 1
            last = line.number
    listed = {run for run, line in zip(runs, lines, strict=True) if line.number is not None and line.kind == "step"}
    return [
        replace(line, kind="step") if line.number is not None and run in listed else line
        for run, line in zip(runs, lines, strict=True)
    ]


def _normal(text: str) -> str:
    return f"({' '.join(_STAMP.sub('', text).lower().strip('()').split())})"


def _restates(line: str, steps: set[str], actions: frozenset[str]) -> bool:
    """Whether every step that a line of prose names is one of the plan's."""
    named = [words for step in _MENTIONED.findall(line.lower()) if (words := step.split())]
    return all(f"({' '.join(words)})" in steps for words in named if words[0] in actions)
