"""Strict reading of JSON and of decimals."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modulo.verifiers.strict_json import Number, StrictJsonError, exact, loads

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(JSON)
def test_whatever_json_writes_is_read_back(value: Any) -> None:
    assert loads(json.dumps(value), number=int) == value
    assert loads(f" \n\t{json.dumps(value, ensure_ascii=False)}\r\n", number=int) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("{} {}", "Extra data"),
        ("```json\n{}\n```", "not one JSON value"),
        ("\ufeff{}", "not one JSON value"),
        ("{'a': 1}", "not one JSON value"),
        ('{"a": 1,}', "not one JSON value"),
        ("[01]", "not one JSON value"),
        ("[+1]", "not one JSON value"),
        ("[.5]", "not one JSON value"),
        ("[1.]", "not one JSON value"),
        ("[١]", "not one JSON value"),
        ('["\n"]', "not one JSON value"),
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ('{"a": 1, "a": 1}', 'key "a" occurs twice'),
        ('[{"b": {"\\u0061": 1, "a": 2}}]', 'key "a" occurs twice'),
        ('"\\ud800"', "half a surrogate"),
        ('{"\ud800": 1}', "half a surrogate"),
        ('[["\\uDfff"]]', "half a surrogate"),
        ("[" * 100_000, "nested too deeply"),
        ('"' + "x" * 1_000_000 + '"', "at most 1000000"),
    ],
)
def test_nothing_is_forgiven(text: str, message: str) -> None:
    with pytest.raises(StrictJsonError, match=message):
        loads(text)


def test_numbers_keep_their_spelling() -> None:
    assert loads('[1, 1.0, -0.10, 1E2, "\\ud83d\\ude00"]') == [
        Number("1"),
        Number("1.0"),
        Number("-0.10"),
        Number("1E2"),
        "😀",
    ]
    assert Number("-12").is_integer_literal
    assert not any(Number(text).is_integer_literal for text in ("1.0", "1e2", "1E2"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", Fraction(1, 10)),
        ("-0.5", Fraction(-1, 2)),
        ("-1.50e3", Fraction(-1500)),
        ("3E-2", Fraction(3, 100)),
        ("-0", Fraction(0)),
        ("0.30000000000000000001", Fraction(30000000000000000001, 10**20)),
    ],
)
def test_decimals_are_exact(text: str, value: Fraction) -> None:
    assert exact(text) == value


@pytest.mark.parametrize(
    "text", ["", "x", "1e", "1/2", "١", "1_0", "1e999999999999", "1e-5000", "9" * 5000, " 1", "1\n"]
)
def test_what_is_no_decimal_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"decimal number|4000 digits"):
        exact(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_is_read_as_what_its_repr_spells(value: float) -> None:
    assert float(exact(repr(value))) == value
