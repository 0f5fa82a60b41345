"""Tagged values: a round trip is exact, comparison is by exact type, and hostile forms are refused."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modulo import tagged
from modulo.tagged import TaggedError, canonical, decode, encode, same, show

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**18, max_value=10**30),
    st.floats(),
    st.complex_numbers(),
    st.text(alphabet=st.characters(exclude_categories=())),
    st.binary(),
    st.sampled_from(["$tuple", "$", 2**63, -(2**63), 2**63 - 1, -(2**63) + 1, 1, True, 1.0, 0, False, 0.0, -0.0]),
)
HASHABLE = st.recursive(SCALARS, lambda inner: st.one_of(st.tuples(inner, inner), st.frozensets(inner)), max_leaves=4)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.sets(HASHABLE, max_size=4),
        st.frozensets(HASHABLE, max_size=4),
        st.dictionaries(HASHABLE, inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=4),
    ),
    max_leaves=12,
)


def alike(a: Any, b: Any) -> bool:
    """Equality by exact type, written apart from the code under test."""
    if type(a) is not type(b):
        return False
    if type(a) is float:
        return bool(a == b or (math.isnan(a) and math.isnan(b)))
    if type(a) is complex:
        return alike(a.real, b.real) and alike(a.imag, b.imag)
    if type(a) in (list, tuple):
        return len(a) == len(b) and all(map(alike, a, b))
    if type(a) in (set, frozenset):
        return len(a) == len(b) and _matched(list(a), list(b), alike)
    if type(a) is dict:
        return len(a) == len(b) and _matched(
            list(a.items()), list(b.items()), lambda p, q: alike(p[0], q[0]) and alike(p[1], q[1])
        )
    return bool(a == b)


def _matched(left: list[Any], right: list[Any], equal: Any) -> bool:
    for item in left:
        position = next((i for i, other in enumerate(right) if equal(item, other)), None)
        if position is None:
            return False
        del right[position]
    return True


def wire(value: object) -> Any:
    """As it arrives: encoded, through JSON."""
    return json.loads(json.dumps(encode(value), allow_nan=False))


@given(VALUES)
def test_round_trip(value: object) -> None:
    assert alike(decode(wire(value)), value)


@given(VALUES, VALUES)
def test_same_is_equality_by_exact_type(a: object, b: object) -> None:
    assert same(wire(a), wire(b)) == alike(a, b)
    assert same(wire(a), wire(a))


@given(VALUES)
def test_canonical_is_one_spelling(value: object) -> None:
    once = canonical(wire(value))
    assert json.dumps(canonical(once)) == json.dumps(once)
    assert same(once, wire(value))


@given(VALUES, st.integers(min_value=1, max_value=80))
def test_show_is_short_and_printable(value: object, limit: int) -> None:
    text = show(wire(value), limit)
    assert len(text) <= limit
    assert text.isprintable()


@given(VALUES)
def test_show_is_python(value: object) -> None:
    text = show(wire(value), 10**6)
    assert alike(eval(text, {"inf": math.inf, "nan": math.nan, "nanj": complex(0, math.nan), "infj": 0}), value) or (
        "nan" in text or "inf" in text or "j" in text
    )


JSON_LIKE: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                ["$tuple", "$set", "$frozenset", "$bytes", "$complex", "$float", "$int", "$dict", "$str", "$x", "a"]
            ),
            inner,
            max_size=2,
        ),
    ),
    max_leaves=10,
)


@given(JSON_LIKE)
def test_anything_else_is_refused_cleanly(value: object) -> None:
    try:
        form = canonical(value)
    except TaggedError:
        return
    assert same(form, value)
    assert same(encode(decode(form)), form)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1, True),
        (0, False),
        (1, 1.0),
        (True, 1),
        ([1], {"$tuple": [1]}),
        ({"$set": [1]}, {"$frozenset": [1]}),
        ({"$set": [1]}, [1]),
        ("1", 1),
        (None, False),
        (None, 0),
        ({"a": 1}, {"a": True}),
        ({"$dict": [[1, 2]]}, {"$dict": [[True, 2]]}),
        (0.3, 0.1 + 0.2),
        ("😀", {"$str": "7aC97biA"}),
        ({"$bytes": "YQ=="}, "a"),
        (9007199254740993, 9007199254740992),
        (1, {"$complex": [1.0, 0.0]}),
    ],
)
def test_not_the_same(expected: object, got: object) -> None:
    assert not same(expected, got)
    assert same(expected, expected)
    assert same(got, got)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"$set": [1, 2]}, {"$set": [2, 1]}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"$dict": [["a", 1]]}, {"a": 1}),
        ({"$dict": [[1, 1], [2, 2]]}, {"$dict": [[2, 2], [1, 1]]}),
        (0.0, -0.0),
        ({"$float": "nan"}, math.nan),
        ({"$float": "inf"}, math.inf),
        ({"$int": "5"}, 5),
        ({"$int": str(2**70)}, 2**70),
        ({"$int": str(-(2**63) + 1)}, -(2**63) + 1),
        ({"$str": "YQ=="}, "a"),
        ({"$complex": [0.0, 1.0]}, {"$complex": [-0.0, 1.0]}),
    ],
)
def test_the_same_in_another_spelling(one: object, other: object) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    "form",
    [
        {"$what": 1},
        {"$tuple": 1},
        {"$tuple": {}},
        {"$tuple": [1], "$set": [1]},
        {"$tuple": [1], "a": 1},
        {"$set": [1, 1]},
        {"$set": [1, True]},
        {"$set": [1, 1.0]},
        {"$set": [[1]]},
        {"$set": [{"a": 1}]},
        {"$set": [{}]},
        {"$set": [{"$tuple": [[1]]}]},
        {"$set": [{"$tuple": [1]}, {"$tuple": [1.0]}]},
        {"$dict": [[1, 2], [1, 3]]},
        {"$dict": [[[1], 2]]},
        {"$dict": [[1]]},
        {"$dict": {"a": 1}},
        {"$int": "007"},
        {"$int": "1.0"},
        {"$int": "１"},
        {"$int": "-0"},
        {"$int": 5},
        {"$int": "9" * (tagged.MAX_DIGITS + 1)},
        {"$float": "NaN"},
        {"$float": 1.0},
        {"$bytes": "not base64"},
        {"$bytes": "é"},
        {"$str": "/w=="},
        {"$complex": [1, 2]},
        {"$complex": [1.0]},
        {1: 2},
        (1,),
        object(),
    ],
)
def test_malformed(form: object) -> None:
    with pytest.raises(TaggedError) as error:
        canonical(form)
    assert "\n" not in str(error.value)


class Spoof(int):
    """Claims to be what it is not; every claim would be noticed."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("a method of the value was called")

    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __int__ = __index__ = __eq__  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]
    __repr__ = __str__ = __iter__ = __len__ = __reduce__ = __eq__  # type: ignore[assignment]


class Meta(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise AssertionError("the metaclass was asked")


class Odd(metaclass=Meta):
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise AssertionError("the value was asked for its class")


def test_other_types_are_refused_without_asking_them() -> None:
    for value in (Spoof(1), [Spoof(1)], Odd(), {"a": Odd()}, object(), int, len, bytearray(b"")):
        with pytest.raises(TaggedError, match="not a plain Python value"):
            encode(value)


def test_subclasses_of_containers_are_refused() -> None:
    for base in (list, dict, set, tuple, str, bytes, float):
        with pytest.raises(TaggedError, match="of type Sub"):
            encode(type("Sub", (base,), {})())


def test_recursive_deep_and_large_values_are_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    wide: list[Any] = []
    wide += [wide] * 1000
    deep: Any = 1
    for _ in range(tagged.MAX_DEPTH + 1):
        deep = [deep]
    for value in (loop, deep):
        with pytest.raises(TaggedError, match="deep"):
            encode(value)
    for value in (wide, "x" * 2000, [0] * 2000, b"x" * 2000):
        with pytest.raises(TaggedError, match=r"large|deep"):
            encode(value, size=1000)
    with pytest.raises(TaggedError, match="deep"):
        canonical(deep)
    with pytest.raises(TaggedError, match="digits"):
        encode(10**tagged.MAX_DIGITS)


def test_deepest_permitted_value_passes_through_pydantic() -> None:
    from modulo.protocols import CallReply

    deep: Any = 1
    for level in range(tagged.MAX_DEPTH):
        deep = {1: deep} if level % 2 else (deep,)
    reply = CallReply(kind="value", value=encode(deep))
    assert CallReply.model_validate_json(reply.model_dump_json()) == reply
    assert alike(decode(reply.value), deep)


def test_integers_longer_than_the_interpreter_writes() -> None:
    for value in (10**4299, 10**4300, -(10**4300), 7**9000, 10**12_000 + 1):
        assert decode(wire(value)) == value


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"$tuple": [1]}, "(1,)"),
        ({"$tuple": []}, "()"),
        ({"$set": []}, "set()"),
        ({"$set": [2, 1]}, "{1, 2}"),
        ({"$frozenset": [1]}, "frozenset({1})"),
        ({"$dict": [[1, "a"]]}, "{1: 'a'}"),
        ({"$bytes": "AAE="}, "b'\\x00\\x01'"),
        ({"$complex": [0.0, 1.0]}, "1j"),
        ([None, True, 1.5, "a\n\u202e"], "[None, True, 1.5, 'a\\n\\u202e']"),
    ],
)
def test_show(form: object, text: str) -> None:
    assert show(form) == text


def test_show_of_a_large_value_is_cut() -> None:
    assert show(list(range(10**5)), 20) == "[0, 1, 2, 3, 4, 5, …"
    assert show("x" * 10**6, 10) == "'xxxxxxxx…"
    assert show({"$int": "9" * 50_000}, 5) == "9999…"
