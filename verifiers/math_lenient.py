r"""The lenient reading: answers as the keys of data sets write them and as Math-Verify grades them.

The exact reading refuses whatever is not one expression. This one finds the final answer in a text, and passes over
what carries no value in such keys: units and words behind a number, degree and currency signs, all of a chain
`a = b = c` but its last part. A comma between digits is a thousands sign or, in a plain number, a decimal comma.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["finals", "is_decimal", "squeezed", "tidied", "weights"]

_MAX_CHARS = 20_000
"""What is searched of a text, from its end. With the bounds below it keeps hostile texts from taking long."""
_MAX_BOX = 2_000
_SPACE = r"\s|~|\\(?:quad|qquad)(?![A-Za-z])|\\[,;:! ]"
_MAX_MARKS = 5
_MAX_BOXES = 20
_BARE_CHARS = 1_000
_BOX = re.compile(r"\\+(?:boxed|fbox)\s*\{")
_FORMULA = (
    r"(?:\$\$(?:[^$]|\\\$){1,1000}?\$\$|(?<!\\)\$(?:\\\$|[^$\n]){1,1000}?(?<!\\)\$"
    r"|\\\((?:(?!\\[()])[^\n]){1,1000}?\\\)|\\\[(?:(?!\\[\[\]]).){1,1000}?\\\])"
)
_BROKEN = re.compile(r"(?<!\$)\$[ \t]*\n[^$]*\$(?!\$)|\\\([ \t]*\n.*?\\\)", re.S)
"""Not a formula: one within a line does not begin with a new line."""
_PERCENT = r"\s*(?:\\?%|[Pp]ercent(?:age)?\b|[Pp]ct\b)"
_NUMBER = (
    r"(?:(?<![\w.,\\{^])[$€£¥]?-?(?:[1-9]\d{0,2}(?:[ ,]\d{3})+(?!\d)(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)"
    r"(?:\s*[/*^+-]\s*\(?-?\d+(?:\.\d+)?\)?)*)"
)
_JOINT = r"(?:\s*,?\s*(?:\b(?:and|or)\b|\\text\{\s*(?:and|or)\s*\})\s*|\s*[,;]\s*)"
_ITEM = re.compile(rf"{_FORMULA}(?:{_PERCENT})?(?:{_JOINT}{_FORMULA}(?:{_PERCENT})?)*|{_NUMBER}(?:{_PERCENT})?", re.S)
_STATED = re.compile(rf"\bfinal answer is\s*:?\s*(?P<item>{_ITEM.pattern})\.?\s*I hope", re.I | re.S)
_MARK = re.compile(r"\b(?:final\s+)?answer(?:\s+is)?\b\s*:?", re.I)
_SENTENCE_END = re.compile(r"\.\s|\n\s*\n|\bI hope\b")
_LONE_SYMBOL = re.compile(r"[\s$\\(]*(?:[A-Za-z]|[A-Za-z]\([A-Za-z]\)|[A-Z]{2,})[\s$\\)]*")
_SEPARATOR = re.compile(r",|;|\b(?:and|or)\b")
_VALUED = (
    r"(?:hundred|thousand|million|billion|trillion|dozen|score|half|halves|thirds?|quarters?|twice|double|times"
    r"|hundredths?|thousandths?|tenths?|minus|negative|plus|pairs?|gross|mille)s?"
)
"""Words that change a number's value, and so are no units."""
_VALUED_BEHIND = re.compile(rf"[\s$\\)}}~]*(?:\\?text\s*\{{\s*)?(?P<word>{_VALUED})\b", re.I)
_WEIGHT = re.compile(rf"\b{_VALUED}\b|(?<=[\d}}])\s*(?:'|\\prime|\^\s*\{{?\s*\\prime)|(?<=\d)(?:{_SPACE})+(?=\d)", re.I)
_DENIED_BEFORE = re.compile(
    rf"(?:\b(?:not|never|{_VALUED}|(?:half|twice|double)\s+of|(?:less|more|other)\s+than)|n['’]t)\s+(?:be\s+)?[\s$\\(]*\Z"
    r"|\bbetween\s[^.\n]{1,60}\b(?:and|to)\s+[\s$\\(]*\Z|\bbetween\s+[\s$\\(]*\Z",
    re.I,
)
_DENIED_BEHIND = re.compile(r"[\s$\\)]*(?:(?:is|was|are|be|would\s+be)\s+)?(?:wrong|incorrect|false|not)\b", re.I)
_UNITS = (
    r"(?:(?:square|cubic|sq|cu)\s+)?(?:[cmk]?m|kg|g|mg|ml|l|lbs?|oz|ft|in|inch(?:es)?|feet|foot|yards?|miles?|hours?"
    r"|minutes?|seconds?|days?|weeks?|months?|years?|dollars?|cents?|yuan|euros?|pounds?|degrees?|units?|points?|people"
    r"|(?:centi|milli|kilo)?met(?:er|re)s?|(?:kilo|milli)?grams?|(?:milli)?lit(?:er|re)s?|mph)"
)
_GROUP = r"\\(?:text|mbox|textbf|textnormal|textrm|mathrm|rm|hbox)\s*"
_ARRAY = r"\\begin\{array\}\s*\{[clr| ]*\}(.*?)\\end\{array\}"
_LABEL = r"(?:[A-Za-z]+'?(?:_\{?\w+\}?)?(?:\([A-Za-z0-9]\))?)"
_REWRITES = tuple(
    (re.compile(pattern, re.S), replacement)
    for pattern, replacement in (
        (r"\\[$]|[$€£¥₹]|\\\(|\\\)|(?<!\\)\\\[|\\\]|\^\s*\{?\\circ\}?|\\degree\b|°|\\displaystyle\b|<\|\w+\|>", ""),
        (r"\s*\\?%|(?<=[\d}\s])(?:[Pp]ercent(?:age)?|[Pp]ct)\b", r"\\%"),
        (rf"(?<=[\d}})])\s*{_GROUP}\{{\s*(?!\s|(?:and|or)\b|[^{{}}]*\b{_VALUED}\b)[^{{}}]*\}}(?:\^\{{?[23]\}}?)?", ""),
        (rf"(?<=\d)\s+{_UNITS}(?:\^\{{?[23]\}}?|[²³])?(?![\w(])", ""),
        (rf"{_GROUP}\{{\s*(and|or)\s*\}}", r" \1 "),
        (r"(?<=[\d)\]}])(and|or)(?=[A-Z\d(\[{\\-])", r" \1 "),
        (r"\\(quad|qquad)(?=[A-Za-z])", r"\\\1 "),
        (r"(\d)\s*\{\s*,\s*\}\s*(?=\d{3})", r"\1{,}"),
        (rf"\\left\s*[\[(]\s*{_ARRAY}\s*\\right\s*[\])]", r"\\begin{pmatrix}\1\\end{pmatrix}"),
        (_ARRAY, r"\\begin{pmatrix}\1\\end{pmatrix}"),
        (r"^\s*\(\s*(\\begin\{[bp]matrix\}.*\\end\{[bp]matrix\})\s*\)\s*$", r"\1"),
        (r"!=|\\neq?(?![A-Za-z])", r"\\ne "),
        (r"\b([A-Za-z])\(([A-Za-z])\)", r"\1_{\2}"),
        (r"(?<=[\d\s]);(?=[\d\s.-]+[;)])(?=[^()]*\))", ","),
    )
)
"""In this order: signs without value, percent, units in LaTeX and in words, joints, digit groups, matrices, `f(x)`."""

_WORDS = re.compile(
    r"\\[A-Za-z]+|\{[^{}]*\}|\b(?:arc)?(?:sin|cos|tan|sqrt|sinh|cosh|tanh|log|exp|max|min|sec|csc|cot|and)\b"
    r"|percent(?:age)?|pct|infinity|(?<=\d)(?:or|and)(?=[A-Z])"
    rf"|(?<=\d)\s*\b{_UNITS}\b"
)


def finals(text: str) -> Iterator[str]:
    """What may be the final answer of a text, the likeliest first.

    The last box, with those it is joined to. Else the whole text, if it is a bare answer. Else the last formula or
    number in the sentence that the last "answer" opens, else of the text.
    """
    text = text[-_MAX_CHARS:].strip()
    boxes = list(_boxes(text))
    if boxes and (stated := list(_STATED.finditer(text, boxes[-1][1]))):
        yield _unescaped(stated[-1]["item"])
    if boxes:
        yield _unescaped(_joined(text, boxes))
        return
    text = _BROKEN.sub(" ", text)
    if len(text) <= _BARE_CHARS and not re.search(r"[A-Za-z]{3,}|\n\s*\n", _WORDS.sub(" ", text)):
        yield _unescaped(_decimal_comma(text))
    for mark in list(_MARK.finditer(text))[: -_MAX_MARKS - 1 : -1]:
        end = _SENTENCE_END.search(text, mark.end())
        items = _items(text, mark.end(), end.start() if end else len(text))
        telling = [item for item in items if not _LONE_SYMBOL.fullmatch(item[0])] or items
        if telling:
            yield _unescaped(_weighed(telling[-1], text))
            break
    if found := _items(text, 0, len(text)):
        yield _unescaped(_weighed(found[-1], text))
    elif len(text) <= _BARE_CHARS and not _ITEM.search(text):
        yield _unescaped(text)


def _items(text: str, start: int, end: int) -> list[re.Match[str]]:
    """The formulas and numbers, but not those that the text denies: `not 12`, `12 is wrong`, `between 11 and 12`."""
    return [
        item
        for item in _ITEM.finditer(text, start, end)
        if not _DENIED_BEFORE.search(text[max(0, item.start() - 80) : item.start()])
        and not _DENIED_BEHIND.match(text, item.end())
    ]


def _weighed(item: re.Match[str], text: str) -> str:
    """An item with the word behind it that changes its value."""
    word = _VALUED_BEHIND.match(text, item.end())
    return f"{item[0]} {word['word']}" if word else _decimal_comma(item[0])


def weights(text: str) -> list[str]:
    """What gives the numbers of an answer another value: words, primes, and spaces between digits."""
    return [found[0].casefold().strip() for found in _WEIGHT.finditer(text)]


def _unescaped(text: str) -> str:
    r"""`\\frac` as `\frac`, where all commands of a text are escaped like that."""
    if re.search(r"\\\\[A-Za-z]", text) and not re.search(r"(?<!\\)\\[A-Za-z]", text):
        return re.sub(r"\\\\(?=[A-Za-z()\[\]{}%$])", r"\\", text)
    return text


def _decimal_comma(text: str) -> str:
    bare = text.lstrip("$€£¥ ").rstrip(" .") if text.count("$") < 2 else ""
    bare = bare.rstrip(" $€£¥")
    return bare.replace(",", ".") if re.fullmatch(r"-?(?:0,\d+|\d+,(?:\d{1,2}|\d{4,}))", bare) else text


def _boxes(text: str) -> Iterator[tuple[int, int, str]]:
    """Place and contents of each box; one that is not closed goes to the end."""
    for match in list(_BOX.finditer(text))[-_MAX_BOXES:]:
        depth, end = 1, match.end()
        while end < min(len(text), match.end() + _MAX_BOX) and depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0) if text[end - 1] != "\\" else 0
            end += 1
        yield match.start(), end, text[match.end() : end if depth else end - 1].strip()


def _joined(text: str, boxes: list[tuple[int, int, str]]) -> str:
    """The last box with those it is joined to, and a percent sign behind it."""
    start, end, content = boxes[-1]
    parts = [content]
    for left, right, inner in reversed(boxes[:-1]):
        between = text[right:start]
        bare = re.sub(r"\\[A-Za-z]+\{?|[}$\s]", "", between)
        if len(between) > 70 or not (_SEPARATOR.search(between) or not re.search(r"\w", bare)):
            break
        if inner not in parts:
            parts.insert(0, inner)
        start = left
    percent = re.match(rf"[\s$.)\\\]]*?(?:{_PERCENT})", text[end:])
    word = _VALUED_BEHIND.match(text, end)
    if word:
        return f"{', '.join(parts)} {word['word']}"
    return ", ".join(parts) + (r"\%" if percent and "%" not in content else "")


def tidied(text: str) -> str:
    """The text without what carries no value in answer keys."""
    text = text.strip().rstrip(".,:; ")
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    text = text.strip().rstrip(".,:; ")
    if re.fullmatch(r"-?[1-9]\d{0,2}(?: \d{3})+(?:\.\d+)?", text):
        text = text.replace(" ", "")
    if text.startswith("{") and text.endswith("}"):
        text = rf"\{{{text[1:-1]}\}}"
    return _last_relation(text)


def _last_relation(text: str) -> str:
    r"""`x = a = b` as `x = b`; `a = b \approx c` as `a = b`; a lone `\approx` as `=`; `A:B = c` as `c`."""
    before, approx, _ = text.partition(r"\approx")
    if approx:
        text = before.strip() if "=" in before else text.replace(r"\approx", "=")
    text = re.sub(rf"^\s*{_LABEL}\s*:\s*{_LABEL}\s*=", "", text)
    if re.search(r"[,;]|\b(?:and|or)\b", text):
        return text
    parts = [""]
    depth = 0
    for piece in re.split(r"((?<![<>!\\])=|[{}])", text):
        depth += {"{": 1, "}": -1}.get(piece, 0)
        if piece == "=" and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    if len(parts) <= 2:
        return text
    return f"{parts[0]}={parts[-1]}" if re.fullmatch(rf"\s*{_LABEL}\s*", parts[0]) else parts[-1]


def squeezed(text: str) -> str:
    """A form in which texts that differ in style alone are the same: spacing, size of brackets, a word's case.

    Between digits a space stays: `2 1/2` is not `21/2`.
    """
    text = re.sub(rf"\\(?:left|right)(?![A-Za-z])|(?<!\d)(?:{_SPACE})+|(?:{_SPACE})+(?![\d\s~]|\\)", "", text)
    text = re.sub(rf"(?<=\d)(?:{_SPACE})+(?=\d|\\[dtc]?frac)", " ", text)
    text = re.sub(rf"(?:{_SPACE})+(?!\d|\\frac)", "", text)
    text = re.sub(r"\\[dtc]frac", r"\\frac", text)
    word = re.fullmatch(rf"(?:{_GROUP}\{{)?\(?([^{{}}()\\]*)\)?\}}?", text)
    bare = word[1] if word else text
    return bare.casefold() if bare.isalpha() and len(bare) > 1 else bare


def is_decimal(text: str) -> bool:
    """Whether a number in it is written with a decimal point."""
    return re.search(r"\.\d", text) is not None
