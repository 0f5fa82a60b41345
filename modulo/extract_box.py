r"""Whether a box holds a whole answer or a part of one, as in `\boxed{3}/2`, `x \le \boxed{3}` and `(4, \boxed{3})`.

Inside a formula, what stands beside the box must be known to leave its value alone; in prose, what is glued to it must
not look like mathematics.
"""

from __future__ import annotations

import re

__all__ = ["part_of"]

_NAMES = r"(?:align|gather|equation|multline|eqnarray|split)(?:ed)?\*?"
_FORMULA = re.compile(
    rf"\$\$.+?\$\$|\$[^$]+\$|\\\(.+?\\\)|\\\[.+?\\\]|\\begin\{{(?P<name>{_NAMES})\}}.+?\\end\{{(?P=name)\}}", re.S
)
_DELIMITER = re.compile(r"\$\$?|\\[(\[]|\\begin\{[a-z]+\*?\}")
_END = re.compile(r"\$|\\\)|\\\]|\\end\{|\n|\Z")
_COMMAND = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname|begin|end|tag\*?|label|color)\s*\{[^{}]*\}"
    r"|\\[A-Za-z]+"
)
_SPACE = r"\\(?:[,;:!> ]|quad\b|qquad\b|hspace\*?\{[^{}]*\})|[\s~&]"
_LOOK = r"\\(?:displaystyle|textstyle|color\{[^{}]*\}|[Ll]arge|LARGE|[hH]uge|bf)"
_TEXT = r"\\(?:text|textbf|textrm|mathrm|mbox)\s*"
_JOINS = (
    r"\\(?:Rightarrow|Longrightarrow|rightarrow|longrightarrow|implies|iff|Leftrightarrow|to|therefore|approx|equiv|in)"
)
_ENV = rf"\\begin\{{{_NAMES}\}}"
_LEADS_IN = re.compile(
    rf"(?:\A|=|\\\\|\\q?quad|{_JOINS}|{_TEXT}\{{[^{{}}]*[A-Za-z:=]{{2}}[^{{}}]*\}}\s*[:,]?|[A-Za-z]{{2}}\s*:|{_ENV})"
    rf"(?:{_SPACE}|{_LOOK})*\Z"
)
"""What may stand before a box in its formula."""
_LEADS_OUT = re.compile(
    rf"(?:{_SPACE})*(?:{_TEXT}\{{(?!\s*(?:[ei]|pi)\s*\}})[^{{}}]*\}}(?:\^\{{?-?\d\}}?)?(?:{_SPACE})*)*"
    rf"(?:\Z|[.。](?!\d)|,(?!\s*[-\d(\\{{])|,(?:{_SPACE})*{_TEXT}|,?\s*\\q?quad|;|=|:(?!\s*[\d(\\])|{_JOINS}\b|\\\\"
    r"|\\(?:end|tag\*?|label|pmod)\b|\\(?:blacksquare|square|qed|checkmark|hfill)(?![A-Za-z]))"
)
"""What may follow it."""
_GLUED_BEFORE = re.compile(
    r"(?:(?:[+/^−≤≥]|(?<!\*)\*|-|\\(?:cdot|times|pm|mp|div|leq?|geq?|lt|gt|pi|sqrt|d?t?frac))\s*"
    r"|(?<![A-Za-z</])[A-Za-z0-9]\s*[<>]=?\s*|[A-Za-z)}]_|\d[.,]?|[A-Za-zπ√)|}])\Z"
)
_GLUED_AFTER = re.compile(
    r"\s*(?:[+/^≤≥°π√]|\\?%|\*(?!\*)|-\s*[\d\\]|[<>]\s*[\d\\A-Za-z](?![A-Za-z]*\s*/?>)"
    r"|\\(?:cdot|times|pm|mp|div|leq?|geq?|lt|gt|pi|sqrt|d?t?frac|ln|log|sin|cos|tan|cup|cap)(?![A-Za-z]))"
    r"|[.,]\d|\{,\}|[A-Za-z0-9(\[{|]|_[\w{]"
)
_SAYS = re.compile(rf"(?:{_JOINS}|{_LOOK}|\\q?quad|\\newline|{_TEXT}\{{[^{{}}]*\}})\s*\Z")
"""Commands before a box in prose that do not calculate."""
_BEFORE_FORMULA = re.compile(r"(?:(?<![-\w])[-−+/^]|\d)\Z")
_AFTER_FORMULA = re.compile(r"\s*[/^+]\s*[\d$\\(]|\\?%|\d")
_WRAPPER = re.compile(r"(?:\\(?:text|textbf|textit|mathbf|mathrm|boldsymbol|bm|underline)\s*|(?:\A|(?<=[\s=$]))){\s*\Z")
_BRACKET = re.compile(r"\\begin\{[a-zA-Z]+\*?\}|\\end\{[a-zA-Z]+\*?\}|\\[{}]|[(){}\[\]]|\\.", re.S)
_NEAR = 400


def part_of(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The formula of which the box from `start` to `end` is a part only; `None` if the box holds a whole answer."""
    left, right = _peeled(text, start, end)
    formula = next((m for m in _FORMULA.finditer(text) if m.start() <= start and end <= m.end()), None)
    if formula is not None and not _prose(text, formula, start, end):
        opening, closing = _inside(formula)
        before = text[opening:left]
        beside = _BEFORE_FORMULA.search(text[: formula.start()][-9:]) or _AFTER_FORMULA.match(text, formula.end())
        if beside and formula[0].startswith("$"):
            opening, closing = text.rfind("\n", 0, start) + 1, _line_end(text, formula.end())
        elif not _open(before, "({[") and _LEADS_IN.search(_near(before)) and _LEADS_OUT.match(text[right:closing]):
            return None
        return _statement(text, opening, start), closing
    line = text.rfind("\n", 0, start) + 1
    before, after = text[line:left], text[right:]
    says = _words(before)
    listed = re.fullmatch(r"\s*(?:[-*+]|\d+[.)])\s+", before)
    opened = _open(before, "{" if says else "({[") or (after.startswith("!") and not says)
    glued = not listed and _GLUED_BEFORE.search(_near(before)) and not _SAYS.search(_near(before))
    if not opened and not glued and not _GLUED_AFTER.match(after):
        return None
    opening = max((m.end() for m in _DELIMITER.finditer(text, line, start)), default=line)
    found = _END.search(text, end)
    return _statement(text, opening, start), found.start() if found else len(text)


def _near(before: str) -> str:
    return before if len(before) <= _NEAR else "=" * (not before[-_NEAR:].strip()) + before[-_NEAR:]


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _words(text: str) -> bool:
    return re.search("[A-Za-z]{3}|[A-Za-z]{2} ", _COMMAND.sub(" ", text)) is not None


def _peeled(text: str, start: int, end: int) -> tuple[int, int]:
    r"""The box with braces that change its looks only, as in `\textbf{\boxed{3}}`."""
    while (wrapper := _WRAPPER.search(text[max(0, start - 40) : start])) and (
        tail := re.compile(r"\s*\}").match(text, end)
    ):
        start, end = start - len(wrapper[0]), tail.end()
    return start, end


def _inside(formula: re.Match[str]) -> tuple[int, int]:
    if formula["name"]:
        return formula.start(), formula.end()
    width = 2 if formula[0].startswith(("$$", "\\")) else 1
    return formula.start() + width, formula.end() - width


def _prose(text: str, formula: re.Match[str], start: int, end: int) -> bool:
    """Whether it is no formula but what stands between two, or between dollar signs that mean money."""
    beside = f"{text[formula.start() : start]} {text[end : formula.end()]}"
    return formula[0].startswith("$") and _words(beside)


def _open(before: str, kinds: str) -> bool:
    """Whether a bracket of these kinds, or a matrix, is open at the end."""
    return _depths(before, kinds, [])[-1] > 0


def _depths(text: str, kinds: str, marks: list[int]) -> list[int]:
    """How many brackets are open at each of the ascending marks, and at the end. Of `[0, 1)` any closes any."""
    ends = kinds.translate(str.maketrans("({[", ")}]"))
    depth, found = 0, []
    rest = list(marks)
    for match in _BRACKET.finditer(text):
        while rest and rest[0] <= match.start():
            found.append(depth)
            del rest[0]
        token = match[0]
        if token.startswith(("\\begin", "\\end")):
            if not re.search(rf"\{{{_NAMES}\}}", token):
                depth += 1 if token.startswith("\\begin") else -1
        elif token[0] != "\\" or token in ("\\{", "\\}"):
            depth += 1 if token[-1] in kinds else -1 if token[-1] in ends else 0
        depth = max(depth, 0)
    return found + [depth] * (len(rest) + 1)


def _statement(text: str, opening: int, start: int) -> int:
    r"""Where the box's own statement begins: after the last `=` or `\\` outside brackets."""
    marks = list(re.finditer(r"=|\\\\", text[opening:start]))
    depths = _depths(text[opening:start], "({[", [m.start() for m in marks])
    return opening + max((m.end() for m, depth in zip(marks, depths, strict=False) if depth == 0), default=0)
