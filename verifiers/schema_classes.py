r"""Sets of characters, as the patterns of a JSON Schema name them: `[a-z]`, `\s`, `.`, `\p{Lu}`.

A set is ranges of code points, which can be united and complemented here, and Unicode properties, which only RE2 knows.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

__all__ = ["DIGIT", "DOT", "LAST", "SPACE", "WORD", "CharSet", "category"]

LAST = 0x10FFFF
"""The last code point."""


@dataclass(frozen=True)
class CharSet:
    r"""A set of characters.

    Attributes:
        ranges: first and last code point of each range; sorted, apart from each other.
        named: properties for RE2, such as `\p{Lu}`, united with the ranges.
        negated: the set is all that is in neither; only where there are `named` ones.
    """

    ranges: tuple[tuple[int, int], ...] = ()
    named: tuple[str, ...] = ()
    negated: bool = False

    @classmethod
    def of(cls, first: int, last: int | None = None) -> CharSet:
        """One character, or a range of them."""
        return cls(((first, first if last is None else last),))

    @property
    def single(self) -> int | None:
        """The one code point of a set that has only one."""
        if self.named or len(self.ranges) != 1 or self.ranges[0][0] != self.ranges[0][1]:
            return None
        return self.ranges[0][0]

    def __or__(self, other: CharSet) -> CharSet:
        assert not self.negated
        assert not other.negated
        merged: list[tuple[int, int]] = []
        for first, last in sorted(self.ranges + other.ranges):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = merged[-1][0], max(last, merged[-1][1])
            else:
                merged.append((first, last))
        return CharSet(tuple(merged), self.named + other.named)

    def __invert__(self) -> CharSet:
        if len(self.named) == 1 and not self.ranges:  # stays a member that a class can hold
            (name,) = self.named
            return CharSet(named=(("\\P" if name[1] == "p" else "\\p") + name[2:],))
        if self.named:
            return CharSet(self.ranges, self.named, not self.negated)
        edges, gaps = [(-1, -1), *self.ranges, (LAST + 1, LAST + 1)], []
        for (_, before), (after, _) in itertools.pairwise(edges):
            if before + 1 < after:
                gaps.append((before + 1, after - 1))
        return CharSet(tuple(gaps))

    def for_re2(self) -> str:
        """As RE2 writes it."""
        if not self.ranges and not self.named:
            return rf"[^\x{{0}}-\x{{{LAST:x}}}]"
        inside = "".join(rf"\x{{{a:x}}}" if a == b else rf"\x{{{a:x}}}-\x{{{b:x}}}" for a, b in self.ranges)
        if self.single is not None:
            return inside
        return f"[{'^' if self.negated else ''}{inside}{''.join(self.named)}]"

    def for_python(self) -> str | None:
        """As Python's `re` writes it; `None` if it cannot."""
        if self.named:
            return None
        if not self.ranges:
            return "(?!)"
        inside = "".join(rf"\U{a:08x}" if a == b else rf"\U{a:08x}-\U{b:08x}" for a, b in self.ranges)
        return inside if self.single is not None else f"[{inside}]"


def _set(*members: int | tuple[int, int]) -> CharSet:
    found = CharSet()
    for member in members:
        found |= CharSet.of(*member) if isinstance(member, tuple) else CharSet.of(member)
    return found


DIGIT = _set((0x30, 0x39))
WORD = _set((0x30, 0x39), (0x41, 0x5A), 0x5F, (0x61, 0x7A))
SPACE = _set((9, 13), 0x20, 0xA0, 0x1680, (0x2000, 0x200A), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF)
DOT = ~_set(10, 13, 0x2028, 0x2029)

# ECMA 262, table 68: long names of general categories.
_CATEGORIES = {
    "Letter": "L",
    "Uppercase_Letter": "Lu",
    "Lowercase_Letter": "Ll",
    "Titlecase_Letter": "Lt",
    "Modifier_Letter": "Lm",
    "Other_Letter": "Lo",
    "Mark": "M",
    "Combining_Mark": "M",
    "Nonspacing_Mark": "Mn",
    "Spacing_Mark": "Mc",
    "Enclosing_Mark": "Me",
    "Number": "N",
    "Decimal_Number": "Nd",
    "digit": "Nd",
    "Letter_Number": "Nl",
    "Other_Number": "No",
    "Punctuation": "P",
    "punct": "P",
    "Connector_Punctuation": "Pc",
    "Dash_Punctuation": "Pd",
    "Open_Punctuation": "Ps",
    "Close_Punctuation": "Pe",
    "Initial_Punctuation": "Pi",
    "Final_Punctuation": "Pf",
    "Other_Punctuation": "Po",
    "Symbol": "S",
    "Math_Symbol": "Sm",
    "Currency_Symbol": "Sc",
    "Modifier_Symbol": "Sk",
    "Other_Symbol": "So",
    "Separator": "Z",
    "Space_Separator": "Zs",
    "Line_Separator": "Zl",
    "Paragraph_Separator": "Zp",
    "Control": "Cc",
    "cntrl": "Cc",
    "Format": "Cf",
    "Private_Use": "Co",
}
_SHORT = frozenset(_CATEGORIES.values())


@functools.lru_cache(maxsize=256)
def category(name: str) -> CharSet:
    r"""The set that `\p{name}` means: a general category, a script (`Script=Greek`), `ASCII` or `Any`.

    Raises:
        KeyError: no such property, or one that is not known here.
    """
    if name in ("Any", "ASCII"):
        return CharSet.of(0, LAST if name == "Any" else 0x7F)
    key, equals, value = name.partition("=")
    if equals and key in ("Script", "sc"):
        found = value if value.replace("_", "").isalpha() and len(value) > 2 else ""
    elif not equals or key in ("General_Category", "gc"):
        wanted = value if equals else key
        found = _CATEGORIES.get(wanted, wanted if wanted in _SHORT else "")
    else:
        found = ""
    if not found or not _known_to_re2(found):
        raise KeyError(name)
    return CharSet(named=(rf"\p{{{found}}}",))


def _known_to_re2(name: str) -> bool:
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(rf"\p{{{name}}}", options)
    except re2.error:
        return False
    return True
