"""Tokens of mathematical text, plain or LaTeX: the one alphabet the `math` verifier understands.

Whatever is not in the tables below is a fault, so no character and no command is ever passed over in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["GREEK", "MathFault", "Token", "UnsupportedFault", "tokenize", "unwrapped"]

MAX_CHARS = 10_000
_MAX_DIGITS = 4_000
_MAX_TOKENS = 8_000


class MathFault(Exception):  # noqa: N818 (a fault of the text, not of the program)
    """The text is not mathematics that can be read in exactly one way."""


class UnsupportedFault(MathFault):
    """It looks like mathematics, but beyond what is understood here."""


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: `num` (with `value`), `name` (letters), `cmd` (a LaTeX command), `word` (text in braces), `op`, `end`."""

    kind: str
    text: str
    value: Fraction | None = None


_SKIPPED = frozenset(
    [
        "left",
        "right",
        "big",
        "Big",
        "bigg",
        "Bigg",
        "bigl",
        "bigr",
        "Bigl",
        "Bigr",
        "displaystyle",
        "textstyle",
        "limits",
        "boxed",
        "fbox",
        "quad",
        "qquad",
    ]
) | {",", ";", ":", "!", " ", ">"}
_SYNONYMS = {
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "pm": "±", "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=",
    "geq": ">=", "geqslant": ">=", "lt": "<", "gt": ">", "cup": "∪", "in": "∈", "%": "%", "{": "\\{", "}": "\\}",
    "lbrace": "\\{", "rbrace": "\\}", "lvert": "|", "rvert": "|", "vert": "|", "lbrack": "[", "rbrack": "]",
    "lparen": "(", "rparen": ")", "degree": "°", "emptyset": "∅", "varnothing": "∅", "\\": "\\\\", "mid": "|",
}  # fmt: skip
_WORDS = frozenset(["text", "mathrm", "mbox", "textrm", "operatorname", "textbf", "mathbf", "mathit", "textit", "rm"])
_UNICODE = {
    "−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "∗": "*", "÷": "/", "∕": "/", "≤": "<=", "≥": ">=",
    "∞": " oo ",
    "√": " sqrt ", "∛": " cbrt ", "π": " pi ", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "∣": "|",
    "′": "'",
}  # fmt: skip
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega"
)
GREEK = frozenset(f"{_GREEK_NAMES} varepsilon vartheta varphi hbar ell".split())
_GREEK_LETTERS = dict(zip("αβγδεζηθικλμνξρστυφχψωΓΔΘΛΞΣΦΨΩ", _GREEK_NAMES.split(), strict=True))
_SUPER = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿˣ", "0123456789+-()nx", strict=True))
_SUB = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
_VULGAR = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8", "⅙": "1/6"}
_MIXED = re.compile(rf"[0-9](?:[\s~{{}}]|\\(?:quad|qquad|displaystyle|textstyle|[^A-Za-z]))*[{''.join(_VULGAR)}]")
"""A number and a fraction behind it, whatever space or brace is between them: people read their sum."""

_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:(?:,|\{,\}|\\,|\\!,|,\\!\s*)[0-9]{3})+(?![0-9])(?:\.[0-9]+)?")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+")
_REPEATING = re.compile(r"([0-9]*)\.([0-9]*)\\(?:overline|bar)\{([0-9]+)\}")
_SCIENTIFIC = re.compile(r"[eE][+-]?[0-9]{1,4}(?![0-9.A-Za-z_^])")
_LETTERS = re.compile(r"log(?:10|2)(?=\()|[A-Za-z]+")
_COMMAND = re.compile(r"\\(?:[A-Za-z]+|.)", re.S)
_WORD = re.compile(r"\s*\{([^{}\\$]*)\}")
_OPERATORS = ("**", "<=", ">=", "==", *"+-*/^_()[]{}|,;=<>!%&'±∪∈∅°")


def unwrapped(text: str) -> str:
    r"""The text without math delimiters, `\boxed{}`, a leading dollar sign, and one closing full stop."""
    text = text.strip()
    for _ in range(8):
        before = text
        if text.endswith((".", "。")) and not text.endswith(".."):
            text = text[:-1].rstrip()
        for left, right in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("`", "`")):
            inner = text[len(left) : -len(right)]
            if text.startswith(left) and text.endswith(right) and len(text) > len(left + right) and left not in inner:
                text = inner.strip()
        if (match := re.fullmatch(r"\\(?:boxed|fbox)\s*\{(.*)\}", text, re.S)) and _balanced(match[1]):
            text = match[1].strip()
        if text == before:
            break
    return re.sub(r"^(-?)\s*\\?\$\s*(?=[0-9.])", r"\1", text)


def _balanced(text: str) -> bool:
    depth = 0
    for token in re.findall(r"\\.|[{}]", text, re.S):
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth < 0:
            return False
    return depth == 0


def tokenize(text: str, *, latex: bool) -> list[Token]:
    """All tokens of `text` and an `end`.

    In LaTeX, `2e3` is a product with Euler's number; in plain text it is 2000.

    Raises:
        MathFault: a character or command without a meaning here, or over a cap.
    """
    if len(text) > MAX_CHARS:
        raise MathFault(f"it is longer than {MAX_CHARS:,} characters")
    text = _ascii(text)
    tokens: list[Token] = []
    at, depth = 0, 0
    while at < len(text):
        if len(tokens) > _MAX_TOKENS:
            raise MathFault("it is far too long")
        char = text[at]
        if char.isspace() or char == "~":
            at += 1
        elif char.isdigit() or char == ".":
            token, at = _number(text, at, depth, latex=latex)
            tokens.append(token)
        elif match := _LETTERS.match(text, at):
            tokens.append(Token("name", match[0]))
            at = match.end()
        elif char == "\\":
            at = _command(text, at, tokens)
        else:
            operator = next((o for o in _OPERATORS if text.startswith(o, at)), None)
            if operator is None:
                raise MathFault(f"the character {char!r} has no meaning here")
            tokens.append(Token("op", {"**": "^", "==": "="}.get(operator, operator)))
            at += len(operator)
        last = tokens[-1].text if tokens and tokens[-1].kind == "op" and text[at - 1] == tokens[-1].text[-1] else ""
        depth += 1 if last in ("(", "[", "\\{", "{") else -1 if last in (")", "]", "\\}", "}") else 0
    tokens.append(Token("end", "the end"))
    return tokens


def _ascii(text: str) -> str:
    """Known Unicode as ASCII; superscripts as `^(…)`, subscripts as `_…`."""
    if text.isascii():
        return text
    if _MIXED.search(text):
        raise MathFault("write a mixed number as a sum or an improper fraction")
    text = re.sub(f"[{re.escape(''.join(_SUPER))}]+", lambda m: f"^({''.join(_SUPER[c] for c in m[0])})", text)
    text = re.sub(f"[{''.join(_SUB)}]+", lambda m: "_{" + "".join(_SUB[c] for c in m[0]) + "}", text)
    out: list[str] = []
    for char in text:
        if char in _VULGAR:
            out.append(f"({_VULGAR[char]})")
        else:
            out.append(_UNICODE.get(char) or (f" {_GREEK_LETTERS[char]} " if char in _GREEK_LETTERS else char))
    return "".join(out)


def _number(text: str, at: int, depth: int, *, latex: bool) -> tuple[Token, int]:
    if match := _REPEATING.match(text, at):
        whole, fixed, cycle = match.groups()
        if len(match[0]) > _MAX_DIGITS:
            raise MathFault("a number has too many digits")
        value = Fraction(int(whole + fixed or "0"), 10 ** len(fixed))
        return Token(
            "num", match[0], value + Fraction(int(cycle), 10 ** len(fixed) * (10 ** len(cycle) - 1))
        ), match.end()
    match = (_GROUPED.match(text, at) if depth == 0 else None) or _NUMBER.match(text, at)
    if match is None:
        raise MathFault("a full stop stands where a number or an operator is expected")
    digits, end = re.sub(r"[^0-9.]", "", match[0]), match.end()
    if len(digits) > _MAX_DIGITS:
        raise MathFault("a number has too many digits")
    if not latex and (exponent := _SCIENTIFIC.match(text, end)):
        digits, end = digits + exponent[0], exponent.end()
    return Token("num", text[at:end], Fraction(digits)), end


def _command(text: str, at: int, tokens: list[Token]) -> int:
    match = _COMMAND.match(text, at)
    if match is None:
        raise MathFault("a lone backslash at the end")
    name, end = match[0][1:], match.end()
    if name == "newline":
        raise MathFault("more than one line")
    if name in _WORDS:
        word = _WORD.match(text, end)
        if word is None:
            raise MathFault(f"\\{name} without a word in braces")
        if _NUMBER.fullmatch(word[1].strip()):
            tokens.append(Token("num", word[1].strip(), Fraction(word[1].strip())))
            return word.end()
        tokens.append(Token("word", " ".join(word[1].split())))
        return word.end()
    if name in ("begin", "end"):
        word = _WORD.match(text, end)
        tokens.append(Token("cmd", f"{name}:{word[1] if word else ''}"))
        return word.end() if word else end
    if name in _SYNONYMS:
        tokens.append(Token("op", _SYNONYMS[name]))
    elif name not in _SKIPPED:
        tokens.append(Token("cmd", name))
    return end
