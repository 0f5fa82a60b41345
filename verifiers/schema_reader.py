"""Reads an ECMA 262 pattern, and writes each part of it again for RE2 and for Python. Runs in a worker."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

from modulo.verifiers.schema_classes import DIGIT, DOT, LAST, SPACE, WORD, CharSet, category

__all__ = ["START", "Look", "PatternError", "Piece", "Reader", "joined"]

_MAX_REPEAT = 1000
"""RE2's own limit of one counted repetition."""
_LONGEST = 100_000
"""Characters of one repetition that is written out for RE2 as several."""
_CONTROL = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_COUNT = re.compile(r"\{(\d{1,9})(?:(,)(\d{1,9})?)?\}", re.ASCII)
_REFERENCE = re.compile(r"([1-9]\d{0,5})|k<(\w+)>", re.ASCII)
_HEX = frozenset(string.hexdigits)


class PatternError(ValueError):
    """The pattern is none, or means something that is not supported; the message says what."""


@dataclass(frozen=True)
class Piece:
    """A part of a pattern for RE2 and for Python; `None` where that engine cannot express it."""

    linear: str | None
    python: str | None


START, END = Piece("^", "^"), Piece("$", r"\Z")


@dataclass(frozen=True)
class Look:
    """A look-ahead that stands right after the `^` of the whole pattern."""

    body: Piece
    wanted: bool


class Reader:
    """Recursive descent over one pattern.

    Attributes:
        looks: look-aheads that stand first in it, put aside by `whole`.
        references: numbers and names of its back-references.
    """

    def __init__(self, pattern: str) -> None:
        self._text, self._at = pattern, 0
        self._groups: set[str] = set()
        self._captures = 0
        self.references: list[str | int] = []
        self.looks: list[Look] = []

    def whole(self) -> Piece:
        """The whole pattern, without its `looks`."""
        found = self._disjunction(top=True)
        if self._at < len(self._text):
            raise PatternError("a parenthesis is closed that was not opened")
        for reference in self.references:
            if reference not in self._groups and not (isinstance(reference, int) and reference <= self._captures):
                raise PatternError(f"the back-reference {reference} leads to no group")
        return found

    def _disjunction(self, *, top: bool = False) -> Piece:
        start = self._at
        alternatives = [self._alternative(top=top)]
        while self._take("|"):
            if self.looks and top:  # of several alternatives: read them again as they stand
                self.looks, self._at, self._groups, self._captures, self.references = [], start, set(), 0, []
                return self._disjunction()
            alternatives.append(self._alternative())
        if len(alternatives) == 1:
            return alternatives[0]
        return joined(alternatives, "|")

    def _alternative(self, *, top: bool = False) -> Piece:
        found: list[Piece] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            if top and not found and self._take("^"):
                while (wanted := self._text[self._at : self._at + 3]) in ("(?=", "(?!"):
                    self._at += 3
                    self.looks.append(Look(_grouped(self._body()), wanted == "(?="))
                    self._not_repeated()
                found.append(START)
            else:
                found.append(self._term())
        return joined(found)

    def _term(self) -> Piece:
        char = self._text[self._at]
        if char == "^" or char == "$":
            self._at += 1
            self._not_repeated()
            return START if char == "^" else END
        for assertion, piece in ((r"\b", Piece(r"\b", r"\b")), (r"\B", Piece(None, r"\B"))):
            if self._take(assertion):
                self._not_repeated()
                return piece
        for opening in ("(?=", "(?!", "(?<=", "(?<!"):
            if self._take(opening):
                body = self._body()
                self._not_repeated()
                return Piece(None, None if body.python is None else f"{opening}{body.python})")
        return self._repeated(self._atom(char))

    def _atom(self, char: str) -> Piece:
        self._at += 1
        if char == "(":
            return _grouped(self._group())
        if char == ".":
            return _written(DOT)
        if char == "[":
            return _written(self._class())
        if char == "\\":
            if reference := _REFERENCE.match(self._text, self._at):
                self._at = reference.end()
                self.references.append(int(reference[1]) if reference[1] else reference[2])
                return Piece(None, None)
            return _written(self._escape(in_class=False))
        if char in "*+?" or (char == "{" and _COUNT.match(self._text, self._at - 1)):
            raise PatternError(f"nothing to repeat before {char!r}")
        return _written(CharSet.of(ord(self._unit(char))))

    def _group(self) -> Piece:
        if self._take("?:"):
            return self._body()
        if self._take("?<"):
            end = self._text.find(">", self._at)
            name = self._text[self._at : end] if end > 0 else ""
            if not name.isidentifier():
                raise PatternError("the name of a group is not one")
            if name in self._groups:
                raise PatternError(f"two groups are called {name!r}")
            self._groups.add(name)
            self._at = end + 1
        elif self._text[self._at : self._at + 1] == "?":
            raise PatternError(f"{self._text[self._at - 1 : self._at + 2]!r} is not of ECMA 262")
        self._captures += 1
        return self._body()

    def _body(self) -> Piece:
        found = self._disjunction()
        if not self._take(")"):
            raise PatternError("a parenthesis is not closed")
        return found

    def _repeated(self, atom: Piece) -> Piece:
        char = self._text[self._at : self._at + 1]
        if char and char in "*+?":
            self._at += 1
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
        elif count := _COUNT.match(self._text, self._at):
            self._at = count.end()
            least = int(count[1])
            most = (int(count[3]) if count[3] else None) if count[2] else least
            if most is not None and most < least:
                raise PatternError(f"the repetition {count[0]} counts backwards")
        else:
            return atom
        lazy = "?" if self._take("?") else ""
        self._not_repeated()
        python = f"{{{least},{'' if most is None else most}}}{lazy}"
        return Piece(_counted(atom.linear, least, most), None if atom.python is None else atom.python + python)

    def _not_repeated(self) -> None:
        char = self._text[self._at : self._at + 1]
        if char and (char in "*+?" or _COUNT.match(self._text, self._at)):
            raise PatternError(f"nothing to repeat before {char!r}")

    def _class(self) -> CharSet:
        negated = self._take("^")
        found = CharSet()
        while not self._take("]"):
            low = self._member()
            if self._text[self._at : self._at + 1] == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                high = self._member()
                first, last = low.single, high.single
                if first is None or last is None:
                    raise PatternError("a range has a class of characters at one end")
                if first > last:
                    raise PatternError("a range of characters runs backwards")
                low = CharSet.of(first, last)
            found |= low
        return ~found if negated else found

    def _member(self) -> CharSet:
        if self._at >= len(self._text):
            raise PatternError("a [ is not closed")
        char = self._text[self._at]
        self._at += 1
        return self._escape(in_class=True) if char == "\\" else CharSet.of(ord(self._unit(char)))

    def _escape(self, *, in_class: bool) -> CharSet:
        char = self._text[self._at : self._at + 1]
        if not char:
            raise PatternError("it ends in a backslash")
        self._at += 1
        if char in "dws":
            return {"d": DIGIT, "w": WORD, "s": SPACE}[char]
        if char in "DWS":
            return ~{"D": DIGIT, "W": WORD, "S": SPACE}[char]
        if char in "pP":
            end = self._text.find("}", self._at)
            if self._text[self._at : self._at + 1] != "{" or end < 0:
                raise PatternError(rf"\{char} needs a property in braces, such as \p{{L}}")
            name = self._text[self._at + 1 : end]
            self._at = end + 1
            try:
                found = category(name)
            except KeyError:
                raise PatternError(rf"the property \{char}{{{name}}} is not known here") from None
            return ~found if char == "P" else found
        if char in _CONTROL:
            return CharSet.of(_CONTROL[char])
        if char == "b" and in_class:
            return CharSet.of(8)
        if char == "0" and self._text[self._at : self._at + 1] not in tuple(string.digits):
            return CharSet.of(0)
        if char == "c" and (letter := self._text[self._at : self._at + 1]) and letter in string.ascii_letters:
            self._at += 1
            return CharSet.of(ord(letter) % 32)
        if char == "x":
            return CharSet.of(self._hex(2))
        if char == "u":
            return CharSet.of(self._unicode())
        if char.isalnum():
            raise PatternError(rf"\{char} means nothing in ECMA 262")
        return CharSet.of(ord(self._unit(char)))

    def _unicode(self) -> int:
        if self._take("{"):
            end = self._text.find("}", self._at)
            digits = self._text[self._at : end] if end >= 0 else ""
            if not digits or len(digits) > 8 or not set(digits) <= _HEX or int(digits, 16) > LAST:
                raise PatternError(r"\u{…} needs the hexadecimal number of a character")
            self._at = end + 1
            code = int(digits, 16)
        else:
            code = self._hex(4)
            if 0xD800 <= code < 0xDC00 and self._take(r"\u"):
                low = self._hex(4)
                if not 0xDC00 <= low < 0xE000:
                    raise PatternError("it holds half a surrogate pair")
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        if 0xD800 <= code < 0xE000:
            raise PatternError("it holds half a surrogate pair, which is not a character")
        return code

    def _hex(self, count: int) -> int:
        digits = self._text[self._at : self._at + count]
        if len(digits) < count or not set(digits) <= _HEX:
            raise PatternError(f"an escape needs {count} hexadecimal digits")
        self._at += count
        return int(digits, 16)

    def _take(self, text: str) -> bool:
        if self._text.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    @staticmethod
    def _unit(char: str) -> str:
        if "\ud800" <= char <= "\udfff":
            raise PatternError("it holds half a surrogate pair, which is not a character")
        return char


def joined(pieces: list[Piece], between: str = "") -> Piece:
    """The pieces one after the other; what an engine lacks for one of them, it lacks for the whole."""
    linear, python = [p.linear for p in pieces], [p.python for p in pieces]
    return Piece(
        None if None in linear else between.join(map(str, linear)),
        None if None in python else between.join(map(str, python)),
    )


def _grouped(piece: Piece) -> Piece:
    return Piece(
        None if piece.linear is None else f"(?:{piece.linear})",
        None if piece.python is None else f"(?:{piece.python})",
    )


def _written(chars: CharSet) -> Piece:
    return Piece(chars.for_re2(), chars.for_python())


def _counted(atom: str | None, least: int, most: int | None) -> str | None:
    """A repetition for RE2, which counts to 1,000 only: a larger one is written as several in a row."""
    if atom is None or max(least, most or 0) * len(atom) > _LONGEST * _MAX_REPEAT:
        return None
    must = _in_a_row(atom, least, exactly=True)
    return must + (f"{atom}*" if most is None else _in_a_row(atom, most - least, exactly=False))


def _in_a_row(atom: str, count: int, *, exactly: bool) -> str:
    if count == 1:
        return atom if exactly else f"{atom}?"
    sizes = [_MAX_REPEAT] * (count // _MAX_REPEAT) + ([count % _MAX_REPEAT] if count % _MAX_REPEAT else [])
    return "".join(f"{atom}{{{size}}}" if exactly else f"{atom}{{0,{size}}}" for size in sizes)
