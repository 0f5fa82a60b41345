"""What no recogniser of steps took: equations between words, in odd signs, or across formulas.

No equation is passed over. One that can be read as a calculation is a step like any other; one that cannot is a step
of kind `unread`, which leaves the verdict open. Only what defines a word is neither: `the total = 16 - 3`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from modulo.verifiers.math_step import Step

__all__ = ["has_words", "plain_text", "rest"]

_SIGN = re.compile(
    r"<?-{1,2}>|=>|[<>!:]?=+|[<>≤≥≠≈≃≅≡≐≑≒≔≕≗≙≜≝≟⩵⩶⁼₌゠꞊᐀]|[→⇒⟹⟶⟼↦∴⇔⟺↔]"
    r"|\\(?:approx|equiv|simeq|cong|doteq|ne|neq|leq?|geq?|to|mapsto|therefore|iff|implies"
    r"|(?:[Ll]ong)?(?:[Ll]eft)?[Rr]ightarrow|(?:Long)(?:left)?rightarrow)(?![A-Za-z])"
)
_EQUAL = {"=": "=", "==": "=", "≈": "≈", "\\approx": "≈"}
_REACH = 200
"""How far from a sign its sides are looked for."""
_STOP = re.compile(r"[\n;]|[.,:?](?=\s|$)|!(?=\s+[A-Z]|$)")
_CALCULATION = (
    r"(?:[0-9.,%$()\[\]{}^*/+\-·×÷√∛!²³⁴½⅓⅔¼¾⅛ ]|(?<=\s)x(?=\s)|(?<=[0-9.])e(?=[0-9])"
    r"|\\(?:frac|sqrt|cdot|times|div)(?![A-Za-z]))"
)
_LEFT = re.compile(rf"{_CALCULATION}+\Z")
_RIGHT = re.compile(rf"{_CALCULATION}+")
_OPERATOR = re.compile(r"[\^*/+\-·×÷√∛!²³⁴½⅓⅔¼¾⅛({\[\\]|[0-9]\s+x\s|[0-9]e[0-9]")
_GOES_ON = re.compile(r"[+*/×÷·^√]|-\s*[0-9(]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_KNOWN = re.compile(
    r"(?:arc|a)?(?:sin|cos|tan|cot|sec|csc)h?|log|ln|exp|sqrt|cbrt|abs|max|min|floor|ceil|factorial|pi|oo|infinity"
)
_NAME = re.compile(r"(?<!\w)([A-Za-z])\W*\Z")
_SAID = re.compile(r"/?\s*(?<![^\W\d_])(?:[^\W\d_]{2,}(?:[-’'][^\W\d_]+)*|(?<!\w)a(?!\w)|(?<=[0-9])[gmlhLs](?![^\W_]))")


def plain_text(text: str) -> str:
    """The text with one sign for each meaning: no invisible characters, and plain spaces, dashes and full-width forms.

    Superscripts and fractions stay as they are: `x²` is not `x2`.
    """
    return text if text.isascii() else "".join(map(_plain, text))


def _plain(char: str) -> str:
    if char.isascii():
        return char
    kind = unicodedata.category(char)
    if kind == "Cf":
        return ""
    if kind in ("Zl", "Zp"):
        return "\n"
    if kind in ("Zs", "Pd") or char == "−":
        return " " if kind == "Zs" else "-"
    if unicodedata.decomposition(char).startswith(("<wide>", "<narrow>", "<small>", "<font>")):
        wide = unicodedata.normalize("NFKC", char)
        return wide if wide == char else "".join(map(_plain, wide))
    return char


def has_words(text: str) -> bool:
    """Whether a text says anything in words, which are not checked."""
    bare = re.sub(r"\\(?:begin|end)\{[a-z]+\*?\}|\\[A-Za-z]+", " ", text)
    return any(not _KNOWN.fullmatch(word) for word in _WORD.findall(bare)) or any(
        unicodedata.category(char) == "Lo" for char in bare
    )


def rest(text: str, left_over: str, calculations: dict[int, str]) -> Iterator[Step]:
    """The equations in `left_over`, which is `text` with spaces where a step was recognised.

    `calculations` holds what annotations say, by their places: `16 eggs - 3 eggs = <<16-3=13>>13` is the annotation.
    """
    signs = [match for match in _SIGN.finditer(left_over) if _counts(match[0], match, text)]
    defined: Counter[str] = Counter()
    done = -1
    for match in signs:
        if match.start() < done:
            continue
        left, right = _around(text, match.start(), match.end())
        if match[0] == "=" and _is_label(left, defined):
            continue
        place = _next(calculations, text, match.end())
        if place is not None and _bare(left).endswith(_bare(calculations[place])):
            continue
        step = _read(text, match, signs)
        if step is not None:
            done = step.start + len(step.text)
            yield step
        elif _has_number(left) or _has_number(right) or place is not None:
            said = f"{left[-60:]}{match[0]}{right[:60]}".strip()
            yield Step("unread", said, (said,), start=match.start())


def _counts(sign: str, match: re.Match[str], text: str) -> bool:
    """Arrows and inequalities only between numbers: they are common in prose and in lists."""
    if sign in _EQUAL or sign in "≃≅≡≐≑≒≔≕≗≙≜≝≟⩵⩶⁼₌゠꞊᐀":
        return True
    before, after = text[: match.start()][-20:].rstrip(" $\\()[]{}"), text[match.end() :][:20].lstrip(" $\\()[]{}-√")
    return _has_number(before[-1:]) and _has_number(after[:1])


def _around(text: str, start: int, end: int) -> tuple[str, str]:
    """The clauses on both sides of a sign, to the next sign."""
    before, after = text[max(0, start - _REACH) : start], text[end : end + _REACH]
    cuts = [m.end() for m in _STOP.finditer(before)] + [m.end() for m in _SIGN.finditer(before)]
    stops = [m.start() for m in (_STOP.search(after), _SIGN.search(after)) if m]
    return before[max(cuts, default=0) :], after[: min(stops, default=len(after))]


def _is_label(left: str, defined: Counter[str]) -> bool:
    """Whether words are given a value, or a name for the first time."""
    if _has_number(left) or not any(char.isalpha() for char in left):
        return False
    if name := _NAME.search(left):
        defined[name[1]] += 1
        return defined[name[1]] == 1
    return has_words(left) and not re.search(r"[+*/^×÷√]", left)


def _has_number(text: str) -> bool:
    return any(char.isnumeric() for char in text)


def _next(calculations: dict[int, str], text: str, start: int) -> int | None:
    """The place of the annotation that follows at once."""
    gap = re.compile(r"[ $€£(]*").match(text, start, start + _REACH)
    return next((at for at in range(start, gap.end() + 1) if at in calculations), None) if gap else None


def _bare(text: str) -> str:
    """A calculation without words, spaces and signs of money, and `3 a day` for `3/day`."""
    text = re.sub(r"(?<=[\d\s)])x(?=[\d\s($])", "*", text)
    text = _SAID.sub(" ", text).translate(_SAME)
    return re.sub(r"\.0+(?!\d)|(?<!\d)0(?=\.)", "", text)


_SAME = str.maketrans("×·÷", "**/", " $€£,()")


def _read(text: str, sign: re.Match[str], signs: list[re.Match[str]]) -> Step | None:
    """A chain of calculations that begins at this sign, if both of its ends are ends."""
    by_start = {match.start(): match for match in signs}
    before = text[max(0, sign.start() - _REACH) : sign.start()]
    before = before[max((m.end() for m in _STOP.finditer(before[:-1])), default=0) :]
    if (found := _LEFT.search(before)) is None:
        return None
    left, ahead = found[0], before[: found.start()]
    if (
        (ahead and not left.startswith(" "))
        or re.match(r"\s*(?:[-+*/^×÷·=]|0[0-9])", left)
        or not _OPERATOR.search(left)
    ):
        return None
    sides, kinds, current = [left], list[str](), sign
    while True:
        if current[0] not in _EQUAL or (ran := _RIGHT.match(text, current.end(), current.end() + _REACH)) is None:
            return None
        sides.append(ran[0])
        kinds.append(_EQUAL[current[0]])
        end = ran.end()
        if end not in by_start:
            break
        current = by_start[end]
    after = text[end : end + _REACH]
    stop = _STOP.search(after)
    if after[:1].isalnum() and not ran[0].endswith(" ") and not re.match(r"[A-Za-z]{2}", after):
        return None
    if _SIGN.match(after) or _GOES_ON.search(after[: stop.start() if stop else len(after)]):
        return None
    clean = [_clean(side) for side in sides]
    start = sign.start() - len(left.lstrip())
    if not all(map(_has_number, clean)):
        return None
    return Step("numbers", text[start:end].strip(), tuple(clean), tuple(kinds), start=start)


def _clean(side: str) -> str:
    """A side without money, formula signs and what closes the sentence."""
    side = re.sub(r"\\[()\[\]]|\$", " ", side)
    side = re.sub(r"(?<=\s)x(?=\s)", "*", side).strip().rstrip(".,!" if side.count("!") else ".,").strip()
    while side.startswith(("(", "[")) and _depth(side) > 0:
        side = side[1:].strip()
    while (side.endswith((")", "]")) and _depth(side) < 0) or side.endswith(("(", "[", "{")):
        side = side[:-1].strip()
    return side


def _depth(text: str) -> int:
    return sum((char in "([") - (char in ")]") for char in text)
