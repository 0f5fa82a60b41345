"""Comparison of values with tolerance and without order, and of printed text."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.modulo.test_tagged import VALUES

from modulo.tagged import encode, same
from modulo.verifiers.tests_compare import Tolerance, first_difference, same_value

LOOSE = Tolerance(absolute=1e-6, relative=1e-6)
FLOATS = st.floats(-1e6, 1e6)


@given(VALUES, VALUES)
def test_without_options_it_is_the_exact_comparison(a: object, b: object) -> None:
    one, other = encode(a), encode(b)
    assert same_value(one, other) == same(one, other)
    assert same_value(one, one, tolerance=LOOSE, unordered=True)


@given(st.lists(st.one_of(FLOATS, st.integers(), st.text(max_size=2), st.tuples(FLOATS, st.booleans()))), st.data())
def test_a_small_change_of_floats_is_within_and_a_large_one_is_not(value: list[Any], data: st.DataObject) -> None:
    def moved(item: Any, by: float) -> Any:
        if type(item) is float:
            return item + by
        return tuple(moved(part, by) for part in item) if type(item) is tuple else item

    near, far = [moved(item, 5e-7) for item in value], [moved(item, 3.0 + 1e-5) for item in value]
    assert same_value(encode(value), encode(near), tolerance=LOOSE)
    assert same_value(encode(value), encode(far), tolerance=LOOSE) == (value == far)
    shuffled = data.draw(st.permutations(near))
    assert same_value(encode(value), encode(shuffled), tolerance=LOOSE, unordered=True)
    if value:
        assert not same_value(encode(value), encode(near[1:]), tolerance=LOOSE, unordered=True)
        assert not same_value(encode(value), encode([*near, near[0]]), tolerance=LOOSE, unordered=True)


@given(st.lists(st.integers(0, 3)), st.lists(st.integers(0, 3)))
def test_unordered_is_a_multiset(a: list[int], b: list[int]) -> None:
    assert same_value(encode(a), encode(b), unordered=True) == (sorted(a) == sorted(b))
    assert same_value(encode(tuple(a)), encode(tuple(b)), unordered=True) == (sorted(a) == sorted(b))
    assert not same_value(encode(a), encode(tuple(b)), unordered=True)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=7), st.lists(st.integers(0, 12), min_size=1, max_size=7))
def test_unordered_with_tolerance_is_a_perfect_matching(a: list[int], b: list[int]) -> None:
    # Pairs of floats, which no sorting puts side by side: compared with every permutation.
    left = [(float(n // 4), float(n % 4)) for n in a]
    right = [(float(n // 4), float(n % 4)) for n in b]
    wide = Tolerance(absolute=1.0)

    def fits(places: list[int]) -> bool:
        return all(max(abs(p - q) for p, q in zip(left[i], right[j], strict=True)) <= 1 for i, j in enumerate(places))

    def any_matching(taken: list[int]) -> bool:
        if len(taken) == len(left):
            return True
        options = (j for j in range(len(right)) if j not in taken and fits_one(len(taken), j))
        return any(any_matching([*taken, j]) for j in options)

    def fits_one(i: int, j: int) -> bool:
        return max(abs(p - q) for p, q in zip(left[i], right[j], strict=True)) <= 1

    wanted = len(left) == len(right) and any_matching([])
    assert same_value(encode(left), encode(right), tolerance=wide, unordered=True) == wanted


@pytest.mark.parametrize(
    ("expected", "got", "equal"),
    [
        (1.0, 1, False),
        (1, 1.0, False),
        (1.0, True, False),
        (0.3, 0.1 + 0.2, True),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        (1.0, math.nan, False),
        (math.inf, math.inf, True),
        (math.inf, 1e308, False),
        (math.inf, -math.inf, False),
        (1 + 1j, 1 + 1.0000001j, True),
        ({"a": [0.5]}, {"a": [0.50000001]}, True),
        ({1: 0.5}, {1: 0.50000001}, True),
        ({1: 0.5}, {2: 0.5}, False),
        ({"a": 0.5}, {"b": 0.5}, False),
        ({0.5}, {0.50000001}, False),
        ({0.5: 1}, {0.50000001: 1}, False),
        ((0.5,), [0.5], False),
        ([0.5], [0.5, 0.5], False),
        ("0.5", "0.50000001", False),
        (b"a", b"a", True),
    ],
)
def test_what_a_tolerance_loosens(expected: Any, got: Any, equal: bool) -> None:
    assert same_value(encode(expected), encode(got), tolerance=LOOSE) is equal


def test_absolute_and_relative_are_two_things() -> None:
    assert Tolerance.model_validate(0.5) == Tolerance(absolute=0.5, relative=0.5)
    assert Tolerance(relative=0.1).near(1000.0, 1099.0)
    assert not Tolerance(relative=0.1).near(0.0, 0.01)
    assert Tolerance(absolute=0.1).near(0.0, 0.01)
    assert not Tolerance(absolute=0.1).near(1000.0, 1099.0)


def test_many_unordered_floats_are_compared_quickly() -> None:
    values = [random.Random(1).random() for _ in range(5000)]
    moved = [value + 1e-9 for value in values]
    random.Random(2).shuffle(moved)
    assert same_value(encode(values), encode(moved), tolerance=Tolerance(absolute=1e-6), unordered=True)


@pytest.mark.parametrize(
    ("expected", "got", "difference"),
    [
        ("a\nb\n", "a\nb", None),
        ("a\nb", "a  \nb\t\n\n\n", None),
        ("a\r\nb", "a\nb", None),
        ("a", " a", (1, "a", " a")),
        ("a b", "a  b", (1, "a b", "a  b")),
        ("a\nb", "a\nc", (2, "b", "c")),
        ("a\nb", "a", (2, "b", "(there is no such line)")),
        ("a", "a\n\nb", (2, "(there is no such line)", "")),
        ("", "", None),
        ("", "\n\n", None),
        ("1.0", "1", (1, "1.0", "1")),
    ],
)
def test_printed_text(expected: str, got: str, difference: Any) -> None:
    assert first_difference(expected, got) == difference


@pytest.mark.parametrize(
    ("expected", "got", "equal"),
    [
        ("1.0 x", "1.0000001  x", True),
        ("1", "1.0000001", True),
        ("1 2", "1", False),
        ("nan", "nan", True),
        ("nan", "1", False),
        ("1", "nan", False),
        ("inf", "inf", True),
        ("x", "y", False),
        ("10", "1_0", False),
        ("1", "１", False),
        ("1\n2", "1 2", False),
    ],
)
def test_printed_numbers(expected: str, got: str, equal: bool) -> None:
    assert (first_difference(expected, got, LOOSE) is None) is equal
