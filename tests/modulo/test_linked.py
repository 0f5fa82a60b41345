"""Linked values: what crosses keeps its value and its identity, both ways, and malformed forms are refused."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.modulo.test_tagged import VALUES, alike

from modulo.linked import Linker, LinkError
from modulo.tagged import decode, encode


def wire(message: Any) -> Any:
    return decode(json.loads(json.dumps(encode(message), allow_nan=False)))


class Pair:
    """Two sides in one process."""

    def __init__(self) -> None:
        self.here, self.there = Linker(0), Linker(1)

    def cross(self, value: Any, *, back: bool = False) -> Any:
        """Hand a value from here to there, or back."""
        one, other = (self.there, self.here) if back else (self.here, self.there)
        form = one.pack(value)
        told = wire({"form": form, "cells": one.changes()})
        other.learn(told["cells"])
        return other.open(told["form"])


@given(VALUES)
def test_values_cross(value: object) -> None:
    assert alike(Pair().cross(value), value)


@given(st.lists(st.integers(0, 3), max_size=5), st.lists(st.integers(4, 9), min_size=1, max_size=3), st.data())
def test_what_one_side_does_the_other_sees(start: list[int], more: list[int], data: st.DataObject) -> None:
    pair, mine = Pair(), list(start)
    theirs = pair.cross(mine)
    for item in more:
        if data.draw(st.booleans()):
            mine.append(item)
            assert pair.cross(mine) is theirs
        else:
            theirs.insert(0, item)
            assert pair.cross(theirs, back=True) is mine
        assert mine == theirs


def test_identity_and_recursion_survive() -> None:
    pair = Pair()
    inner: list[Any] = [1]
    outer: list[Any] = [inner, inner, (inner, {"k": inner})]
    outer.append(outer)
    got = pair.cross(outer)
    assert got[0] is got[1]
    assert got[2][0] is got[0]
    assert got[2][1]["k"] is got[0]
    assert got[3] is got
    assert pair.cross(got[0], back=True) is inner
    got[0].append(2)
    pair.cross(None, back=True)
    assert inner == [1, 2]


@pytest.mark.parametrize(
    "value",
    [
        Counter("aab"),
        OrderedDict([("b", 1), ("a", 2)]),
        deque([1, 2], maxlen=2),
        bytearray(b"ab"),
        Decimal("-1.10"),
        Decimal("NaN"),
        Fraction(2, 3),
        date(2024, 2, 29),
        datetime(2024, 2, 29, 1, 2, 3, 4),
        datetime(2024, 2, 29, tzinfo=UTC),
        time(1, 2),
        timedelta(days=-1, microseconds=5),
        range(1, 9, 2),
        slice(1, None, 2),
        UUID(int=5),
        PurePosixPath("a/b"),
        int,
        ValueError,
        ValueError("x", 3),
        KeyError("k"),
        {"z": 1, "a": 2},
        {"z": 1, "a": 2}.keys(),
        {"z": 1, "a": 2}.values(),
        {"z": 1, "a": 2}.items(),
    ],
    ids=repr,
)
def test_values_of_the_standard_library_cross_with_their_type(value: Any) -> None:
    got = Pair().cross(value)
    assert type(got) is type(value)
    assert repr(got) == repr(value)


def test_a_defaultdict_keeps_its_factory_and_minus_zero_its_sign() -> None:
    got = Pair().cross(defaultdict(list, {1: [2]}))
    assert got == {1: [2]}
    assert got[5] == []
    assert math.copysign(1, Pair().cross([-0.0])[0]) == -1


def test_arrays_cross_and_are_shared() -> None:
    numpy = pytest.importorskip("numpy")
    pair, mine = Pair(), numpy.arange(6.0).reshape(2, 3)
    theirs = pair.cross(mine)
    assert theirs.dtype == mine.dtype
    assert (theirs == mine).all()
    theirs[0, 0] = 9
    assert pair.cross(theirs, back=True) is mine
    assert mine[0, 0] == 9
    scalar = pair.cross(numpy.float32(0.5))
    assert type(scalar) is numpy.float32
    assert scalar == 0.5


class Own(int):
    pass


@pytest.mark.parametrize("value", [Own(1), object(), [Own(1)], {"a": object()}, Own, lambda: 0, KeyboardInterrupt()])
def test_what_is_not_plain_is_left_to_each_side(value: Any) -> None:
    with pytest.raises(LinkError):
        Pair().cross(value)


NESTED: Any = 1
for _ in range(60):
    NESTED = (NESTED,)


@pytest.mark.parametrize(
    ("form", "cells"),
    [
        (["cell", 0], []),
        (["cell", 1], []),
        (["cell", "1"], []),
        (["cell"], []),
        (["what", 1], []),
        (["type", "no_such_type"], []),
        (["type", "len"], []),
        (["error", "KeyboardInterrupt"], []),
        (["error", "int"], []),
        (["value", "os", "system", "true"], []),
        (["value", "fractions", "Fraction", 1, 0], []),
        (["value", "decimal", "Decimal", "x"], []),
        (["value", "numpy", "O", b""], []),
        (["dict_keys", ["cell", 1]], [[1, "list", None]]),
        (["dict_items", 1], []),
        (["frozenset", ["cell", 1]], [[1, "list", None]]),
        ({"a": 1}, []),
        ([], []),
        (None, [[0, "list", None]]),
        (None, [[-1, "list", None]]),
        (None, [[1, "what", None]]),
        (None, [[1]]),
        (None, [[True, "list", None]]),
        (None, [[1, "dict", None, 1]]),
        (None, [[1, "dict", None, ["cell", 1], 1]]),
        (None, [[1, "set", None, ["cell", 1]]]),
        (None, [[1, "bytearray", None, "text"]]),
        (None, [[1, "deque", "x"]]),
        (None, [[1, "defaultdict", 5]]),
        (None, [[1, "ndarray", ["tuple", "<f8", ["tuple", 10**9]], b""]]),
        (None, [[1, "ndarray", ["tuple", "|O8", ["tuple", 1]], b"12345678"]]),
        (None, [[1, "list", None], [1, "dict", None]]),
        (None, "cells"),
    ],
)
def test_malformed_forms_are_refused(form: Any, cells: Any) -> None:
    def take() -> None:
        here = Linker(0)
        here.learn(cells)
        here.open(form)

    with pytest.raises(LinkError):
        take()


def test_depth_is_limited() -> None:
    with pytest.raises(LinkError, match="deep"):
        Linker(0).pack(NESTED)


def test_forgotten_cells_are_new_again() -> None:
    pair, mine = Pair(), [1]
    theirs = pair.cross(mine)
    for side in (pair.here, pair.there):
        side.forget([0, 0, 7])
    again = pair.cross(mine)
    assert again == theirs
    assert again is not theirs
    assert sys.getrefcount(theirs) == 2
