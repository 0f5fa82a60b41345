"""ECMA 262 patterns: what they match, which are refused, and that no text makes them run away."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modulo.verifiers.schema_classes import CharSet
from modulo.verifiers.schema_patterns import PatternError, compile_pattern, is_pattern

LINEAR = [
    ("^[a-z]+$", ["abc"], ["abc\n", "ab1"]),
    (r"^\d[$]$", ["5$"], ["٥$", "5"]),
    ("[^]", ["a", "\n"], [""]),
    ("[]", [], ["", "a"]),
    ("[]a]", [], ["a", "]"]),
    (r"^\w+\b.$", ["ab!"], ["é!", "a\n"]),
    (r"^.$", ["é", "🐲"], ["\n", "\r", "\u2028", "\u2029"]),
    (r"^\s$", ["\ufeff", "\u00a0", "\v"], ["\u200b", "x"]),
    (r"^[\S]$", ["\u200b"], ["\ufeff"]),
    (r"^\p{L}$", ["é", "日"], ["1"]),
    (r"^\p{Lowercase_Letter}$", ["é"], ["É"]),
    (r"^\P{L}$", ["1"], ["é"]),
    (r"^[\P{L}é]$", ["1", "é"], ["e"]),
    (r"^[^\p{L}\d]$", ["-"], ["é", "1"]),
    (r"^\p{Script=Greek}\p{gc=Nd}$", ["α1"], ["a1"]),
    (r"^\cC\x41\u0042\u{1F432}\ud83d\udc32\0$", ["\x03AB🐲🐲\0"], ["AB"]),
    (r"^\-\_\@\/\.$", ["-_@/."], ["-_@/x"]),
    ("^{a}]$", ["{a}]"], ["a"]),
    ("^a{,3}$", ["a{,3}"], ["aa"]),
    ("^🐲{2}$", ["🐲🐲"], ["🐲"]),
    ("[[a&&b||c~~e]", ["[", "&", "~"], ["x"]),
    ("^.{1,4000}$", ["a" * 4000], ["", "a" * 4001]),
    ("^(?:ab){2500}$", ["ab" * 2500], ["ab" * 2499, "ab" * 2501]),
    ("^a{1500,}$", ["a" * 1500, "a" * 1600], ["a" * 1499]),
    ("a|", ["x"], []),
    ("^(?<year>\\d{4})-(\\d\\d)$", ["2024-02"], ["2024-2"]),
    (r"^(?=.*\d)(?=.*[a-z]).{4,}$", ["abc1"], ["abcd", "1234", "a1"]),
    (r"^(?!foo$)(?!bar)\w+$", ["foob"], ["foo", "bar", "bars"]),
    (r"^(?=[\b]|x)", ["\b", "x"], ["b"]),
]


@pytest.mark.parametrize(("pattern", "good", "bad"), LINEAR)
def test_what_a_pattern_matches(pattern: str, good: list[str], bad: list[str]) -> None:
    matcher = compile_pattern(pattern)
    assert matcher.linear
    assert [text for text in good if not matcher.search(text)] == []
    assert [text for text in bad if matcher.search(text)] == []


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("(?<=a)b", ["ab"], ["b"]),
        ("x(?!y)", ["xz", "x"], ["xy"]),
        ("^(?!foo$)\\w+$|^x", ["foob", "x!"], ["foo"]),
        (r"a\B", ["ab"], ["a"]),
        ("^(?:a{900}){900}$", ["a" * 810_000], ["a" * 809_999]),
    ],
)
def test_what_re2_cannot_do_is_left_to_python(pattern: str, good: list[str], bad: list[str]) -> None:
    matcher = compile_pattern(pattern)
    assert not matcher.linear
    assert [text for text in good if not matcher.search(text)] == []
    assert [text for text in bad if matcher.search(text)] == []


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "not closed"),
        (")", "was not opened"),
        ("[a", "[ is not closed"),
        ("a**", "nothing to repeat"),
        ("a{2}{3}", "nothing to repeat"),
        ("*", "nothing to repeat"),
        ("{2}", "nothing to repeat"),
        ("^*", "nothing to repeat"),
        ("(?=a)+", "nothing to repeat"),
        ("a{3,2}", "counts backwards"),
        ("[z-a]", "runs backwards"),
        (r"[a-\d]", "class of characters at one end"),
        (r"\a", "means nothing"),
        (r"\Z", "means nothing"),
        ("\\", "ends in a backslash"),
        (r"\x4", "2 hexadecimal digits"),
        (r"\u{110000}", "number of a character"),
        (r"\ud83d", "half a surrogate pair"),
        ("\ud83d", "half a surrogate pair"),
        (r"\p{Emoji}", "not known here"),
        (r"\pL", "in braces"),
        ("(?i)a", "not of ECMA 262"),
        ("(?P<n>a)", "not of ECMA 262"),
        ("(?>a)", "not of ECMA 262"),
        ("(?<n>a)(?<n>b)", "two groups"),
        (r"(a)\1", "back-references are not supported"),
        (r"(?<n>a)\k<n>", "back-references are not supported"),
        (r"\1", "leads to no group"),
        (r"(?=\p{L}x)a", "combines look-around"),
        ("(?<=a+)b", "fixed width"),
    ],
)
def test_what_cannot_be_used_says_why(pattern: str, words: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "^(a|a)*$", "(x+x+)+y", "^(?=(a+)+$)", "^(a|aa)+$", "(.*)*(.*)*=", "(a*)*b"]
)
def test_catastrophic_patterns_are_matched_at_once(pattern: str) -> None:
    assert not compile_pattern(pattern).search("a" * 300_000 + "!" + "x" * 300_000)


ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", r"\S", "^", "$", r"\b", "é", "(?:ab|)"])
PARTS = st.tuples(ATOMS, st.sampled_from(["", "*", "+", "?", "{2}", "{0,2}", "{1,}", "+?"])).map(
    lambda part: part[0] if part[0] in ("^", "$", r"\b") else "".join(part)
)
PATTERNS = st.recursive(
    st.lists(PARTS, min_size=1, max_size=4).map("".join),
    lambda inner: st.tuples(inner, inner).map("|".join) | inner.map(lambda p: f"({p})*"),
    max_leaves=4,
)


@given(PATTERNS, st.text("ab1é !", max_size=8))
def test_it_matches_what_python_matches_where_both_mean_the_same(pattern: str, text: str) -> None:
    theirs = re.compile(pattern.replace("$", r"\Z"), re.ASCII)
    assert compile_pattern(pattern).search(text) == (theirs.search(text) is not None)
    assert is_pattern(pattern)


@given(st.text("ab()[]{}*+?|^$\\dpP,-=!<>:1", max_size=12))
def test_any_text_is_a_pattern_or_says_why_not(text: str) -> None:
    try:
        compile_pattern(text)
    except PatternError:  # anything else it raises is a bug
        return
    assert is_pattern(text)


RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted), max_size=5)


@given(RANGES)
def test_sets_of_characters_are_sets(ranges: list[list[int]]) -> None:
    found = CharSet()
    for first, last in ranges:
        found |= CharSet.of(first, last)
    wanted = {code for first, last in ranges for code in range(first, last + 1)}

    def members(chars: CharSet) -> set[int]:
        return {code for first, last in chars.ranges for code in range(first, min(last, 60) + 1)}

    assert members(found) == wanted
    assert members(~found) == set(range(61)) - wanted
    assert ~~found == found
