r"""The steps in a text: calculator annotations, chains of numbers in prose, formulas and lines of a derivation.

A *step* is a statement that can be checked by itself or against the lines above:

- `<<16-3=13>>13`: an annotation, with the number that the text repeats behind it;
- `16 - 3 - 4 = 9` in a sentence: a chain of numbers; words between the numbers end it;
- `$…$`, `\(…\)`, `\[…\]`, `$$…$$`, an `align` environment, or a line that holds nothing but mathematics: rows are cut
  at `\\`, and at `\Rightarrow`, `\implies`, `\iff`, `=>` and their like. A row that opens with `=` goes on from
  the last side of the row above.

A *block* is a run of formula lines without prose between them. Within one each line has to follow from those above.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from modulo.verifiers.math_step import Step
from modulo.verifiers.math_steps_rest import has_words, plain_text, rest

__all__ = ["TooLongError", "steps_in"]

MAX_CHARS = 50_000
MAX_STEPS = 500


class TooLongError(Exception):
    """More text or more steps than are judged."""


_ANNOTATION = re.compile(r"<<([^<>\n]*)>>[ ]*(?:[$€£]\s?)?(-?(?:[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?|\.[0-9]+)\s?%?)?")
_OPEN = re.compile(r"<<[^\n]{0,80}")
_DISPLAY = re.compile(
    r"\\begin\{(?P<env>align|aligned|eqnarray|gather|equation|split)(?P<star>\*?)\}(?P<rows>.{,4000}?)\\end\{(?P=env)(?P=star)\}"
    r"|\$\$(?P<dollars>[^$]{1,4000}?)\$\$|\\\[(?P<square>(?:(?!\\[\[\]]).){1,4000}?)\\\]|(?<!\\)\$(?P<inline>[^$\n]+)(?<!\\)\$|\\\((?P<round>(?:(?!\\[()]).){1,4000}?)\\\)",
    re.S,
)
_DELIMITERS = re.compile(r"\$+|\\[()\[\]]|\\(?:begin|end)\{(?:align|aligned|eqnarray|gather|equation|split)\*?\}")
_ARROW = re.compile(
    r"\\(?:Long)?[Rr]ightarrow(?![a-z])|\\implies(?![a-z])|\\iff(?![a-z])|\\(?:Long)?[Ll]eftrightarrow(?![a-z])"
    r"|\\therefore(?![a-z])|[⇒⟹→∴⇔⟺]|=>|-->|->"
)
_NUM = r"[(]*\$?[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?%?[)]*|[(]*\$?\.[0-9]+%?[)]*"
_OP = r"[ ]*[-+*/÷×·−][ ]*|[ ]+x[ ]+"
_EXPR = rf"(?:{_NUM})(?:(?:{_OP})(?:{_NUM}))*"
_CHAIN = re.compile(rf"(?:{_NUM})(?:(?:{_OP})(?:{_NUM})){{1,100}}(?:[ ]*=[ ]*-?{_EXPR})+")
_NEAR = 60
_DEFINES = re.compile(r"(?:[A-Za-z][A-Za-z)]|(?<![\w^.])[A-Za-z])\s*=[ $]*\Z")
_GOES_ON_BEFORE = re.compile(r"[-+*/×÷·^=√∛!\])}½⅓⅔¼¾²³\\0-9][ $]*\Z|[.]\Z|(?:[0-9)\]}]\s+)x[ $]*\Z|\\[A-Za-z]+[ ]*\Z")
_GOES_ON_AFTER = re.compile(
    r"[ ]*(?:[*/^×÷+·√∛½⅓⅔¼¾²³]|[-]\s*[0-9(.]|\(\s*-?[0-9.]|!\s*[-+*/^=!0-9])|[.,][0-9]|[(\[{\\]|[xyzei](?![A-Za-z])"
    r"|[ ]*=[ ]*[-(\[{√½⅓⅔¼¾\\0-9.]"
)
_LIST_MARK = re.compile(
    r"^\s*(?:[-*•>]\s+|\(?[0-9a-z]{1,2}[.)]\s+|(?:step|line)\s*[0-9]+\s*[:.)]\s*|therefore,?\s+|so,?\s+|thus,?\s+|hence,?\s+)+",
    re.I,
)
_WORD = re.compile(r"[A-Za-z]{2,}")
_FUNCTIONS = r"(?:arc|a)?(?:sin|cos|tan|cot|sec|csc)h?|log|ln|exp|sqrt|cbrt|abs|max|min|floor|ceil|factorial|erf|gamma"
_KNOWN_WORD = re.compile(
    rf"{_FUNCTIONS}|binomial|root|pi|infinity|oo|and|or|alpha|beta|theta|lambda|mu|phi|omega", re.I
)
_DROPPED = re.compile(
    r"&|\\(?:quad|qquad|nonumber|notag|displaystyle|label\{[^}]*\}|tag\{[^}]*\})(?![A-Za-z])|\\text\{\s*\}"
)
_TAIL = re.compile(r"(?:\s*\\(?:text|mbox|textrm)\{[^{}]*\})?[\s.,;:]*$")


def steps_in(text: str) -> tuple[list[Step], bool]:
    """All steps of a text, in order, and whether words stand beside them.

    Raises:
        TooLongError: more than 50,000 characters or 500 steps.
    """
    if len(text) > MAX_CHARS:
        raise TooLongError(f"it has more than {MAX_CHARS:,} characters")
    text = plain_text(text)
    found: list[Step] = []
    said: set[tuple[str, str]] = set()
    calculations: dict[int, str] = {}
    for match in _ANNOTATION.finditer(text):
        shown = match[1].strip()
        sides = tuple(side.strip() for side in shown.split("="))
        signs = ("=",) * (len(sides) - 1)
        written = (match[2] or "").strip()
        found.append(Step("annotation", shown, sides, signs, written, match.start()))
        said |= {(_normal("=".join(sides[:-1])), _normal(value)) for value in (sides[-1], written)}
        calculations[match.start()] = "=".join(sides[:-1])
    bare = re.sub(r"\$?[ ]?<<[^<>\n]*>>", lambda m: " " * len(m[0]), text)
    found += [Step("annotation", m[0][:60], (m[0],), start=m.start()) for m in _OPEN.finditer(bare)]
    bare = _OPEN.sub(lambda m: " " * len(m[0]), bare)
    unmarked = bare
    pieces = list(_formulas(bare, annotated=bool(found)))
    if len(pieces) > 4 * MAX_STEPS:
        raise TooLongError(f"it has more than {4 * MAX_STEPS:,} formulas")
    bare = _blanked(bare, pieces)
    lines = [line for line in _formula_lines(bare) if "<<" not in text[line[0] : line[0] + len(line[1])]]
    bare = _blanked(bare, lines)
    chains = list(_prose(bare))
    # What an annotation says is no second step, but with another result it is one.
    found += [step for step in chains if tuple(map(_normal, step.text.rsplit("=", 1))) not in said]
    found += _blocks(bare, sorted(pieces + lines))
    bare = _blanked(bare, [(step.start, step.text, False) for step in chains])
    found += rest(unmarked, bare, calculations)
    if len(found) > MAX_STEPS:
        raise TooLongError(f"it has more than {MAX_STEPS} steps")
    return sorted(found, key=lambda step: step.start), has_words(text)


def _blanked(text: str, pieces: list[tuple[int, str, bool]]) -> str:
    """The text with spaces where the pieces stand."""
    out, at = [], 0
    for start, body, _ in pieces:
        out += [text[at:start], re.sub(r"[^\n]", " ", body)]
        at = start + len(body)
    return "".join([*out, text[at:]])


def _is_price(body: str, after: str) -> bool:
    """Whether the dollar signs of `body` stand for money, as in `$5 and $6`, and not round a formula."""
    opens = re.match(r"\$\s*[0-9.,]", body) is not None
    words = _WORD.search(re.sub(r"\\[A-Za-z]+", "", body)) is not None
    return opens and (words or re.match(r"\s*[0-9]", after) is not None or body.rstrip("$ ").endswith("="))


def _formulas(text: str, *, annotated: bool) -> Iterator[tuple[int, str, bool]]:
    """Place and text of each formula between delimiters, and whether it is displayed."""
    for match in _DISPLAY.finditer(text):
        kind = match.lastgroup
        body = match[0]
        if kind == "inline" and (annotated or _is_price(body, text[match.end() :])):
            continue
        yield match.start(), match[0], kind not in ("inline", "round")


def _formula_lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """The same of lines that hold nothing but mathematics."""
    at = 0
    for line in text.splitlines(keepends=True):
        content = _LIST_MARK.sub("", line).strip()
        if (re.search(r"[=<>≤≥≈]|\\approx|\\[lg]eq?\b", content) or _ARROW.search(content)) and _is_formula(content):
            yield at + line.find(content), content, True
        at += len(line)


def _prose(text: str) -> Iterator[Step]:
    """Chains of numbers in sentences, but not those that are a part of something longer."""
    for match in _CHAIN.finditer(text):
        before = text[max(0, match.start() - _NEAR) : match.start()]
        defines = _DEFINES.search(before) is not None
        if not defines and _GOES_ON_BEFORE.search(before):
            continue
        if re.match(r"0[0-9]", match[0]):
            continue  # the end of 400, 000
        if before[-1:].isalnum() or _GOES_ON_AFTER.match(text, match.end()):
            continue
        sides = tuple(_plain(side) for side in match[0].split("="))
        yield Step("numbers", match[0].strip(), sides, ("=",) * (len(sides) - 1), start=match.start())


def _normal(text: str) -> str:
    return re.sub(r"\s+x\s+", "*", text).translate(str.maketrans("×·÷−", "**/-", " $,"))


def _plain(side: str) -> str:
    """A side without currency signs and without brackets that the sentence opened or closes."""
    side = re.sub(r"\s+x\s+", "*", side).replace("$", "").strip()
    while side.startswith("(") and side.count("(") > side.count(")"):
        side = side[1:]
    while side.endswith(")") and side.count(")") > side.count("("):
        side = side[:-1]
    return side


def _blocks(prose: str, pieces: list[tuple[int, str, bool]]) -> Iterator[Step]:
    """Formula steps, with the numbers of their blocks. `prose` is the text without the formulas."""
    block, end = 1, 0
    previous: Step | None = None
    for start, body, display in pieces:
        if _WORD.search(_LIST_MARK.sub("", prose[end:start].strip() + " ")) and previous is not None:
            block += 1
            previous = None
        end = start + len(body)
        line = prose[prose.rfind("\n", 0, start) + 1 : (prose.find("\n", end) + 1 or len(prose))]
        alone = display or not _WORD.search(_LIST_MARK.sub("", line))
        for step in _rows(_DELIMITERS.sub("", body), start):
            sides = step.sides
            if step.kind == "unread":
                yield step
                continue
            if step.goes_on:
                if previous is None:
                    yield Step("unread", step.text, (step.text,), start=start)
                    continue
                sides = (previous.sides[-1], *sides)
            previous = replace(step, sides=sides, block=block if alone else 0)
            yield previous


def _is_formula(content: str) -> bool:
    words = _WORD.findall(re.sub(r"\\[A-Za-z]+|\\(?:text|mathrm)\{[^{}]*\}", " ", content))
    return all(map(_KNOWN_WORD.fullmatch, words)) and not re.search(r"<<|>>", content)


def _rows(body: str, start: int) -> Iterator[Step]:
    matrices = re.search(r"\\begin\{[a-zA-Z]*matrix|\\begin\{(?:array|cases)", body)
    rows = [body] if matrices else re.split(r"\\\\(?:\[[^\]]*\])?|\n", body)
    for row in rows:
        parts = _ARROW.split(row)
        for index, part in enumerate(parts):
            clean = _TAIL.sub("", _DROPPED.sub(" ", part)).strip()
            if not clean:
                continue
            sides, signs = _sides(clean)
            goes_on = bool(sides) and not sides[0] and len(sides) > 1
            kept = tuple(sides[1:] if goes_on else sides)
            if not all(kept):
                yield Step("unread", clean, (clean,), start=start)  # its rest is elsewhere
                continue
            if len(sides) < 2 and not re.search(r"[=<>≤≥]|\\[lg]e|\\in\b", clean):
                if len(parts) > 1 and re.search(r"[0-9]", clean):
                    yield Step("unread", clean, (clean,), start=start)  # `16 - 3 → 12`
                continue
            yield Step("formula", clean, kept, tuple(signs), start=start, implied=index > 0, goes_on=goes_on)


def _sides(text: str) -> tuple[list[str], list[str]]:
    """What stands between the top-level relation signs `=` and `≈`."""
    if re.search(r",|;|\bor\b|\band\b|\\text\{\s*(?:or|and)|\\pm|±|\\lor|\\vee", text):
        return [text], []
    sides, signs, depth = [""], list[str](), 0
    for piece in re.split(r"(\\approx(?![A-Za-z])|≈|(?<![<>!\\:])=(?![>=])|\\[{}]|[{}()\[\]])", text):
        if piece in ("{", "(", "[", "\\{"):
            depth += 1
        elif piece in ("}", ")", "]", "\\}"):
            depth -= 1
        if piece in ("\\approx", "≈", "=") and depth == 0:
            sides.append("")
            signs.append("=" if piece == "=" else "≈")
        else:
            sides[-1] += piece
    return [side.strip() for side in sides], signs
