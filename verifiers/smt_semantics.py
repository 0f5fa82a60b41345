"""What SMT-LIB's operators mean, on Python's values. Runs in a worker, called by code that `smt_python.py` generates.

Int and Real are `int` and `Fraction` (a whole Real may be an `int`), Bool is `bool`, a bit-vector is an `int` in
[0, 2^width), an enumeration's value is its position, String is `str`, and an array is a pair of a default and the
`dict` of the entries that were given. Every function is total: where the standard leaves a result open (division by
zero) the value is never looked at, because definedness is a condition of its own (`smt_defined.py`).

SMT-LIB theories Ints, Reals, FixedSizeBitVectors, ArraysEx, Strings (http://smtlib.cs.uiowa.edu/theories.shtml); `rem`,
`ext_rotate_left` and the overflow predicates as in Z3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

__all__ = ["MAX_CHAR", "NAMESPACE", "Equality"]

MAX_CHAR = 0x2FFFF
"""The largest code point that a String can hold."""

_DIGITS = 4000  # Python converts at most 4,300 at a time
Rational: TypeAlias = "int | Fraction"
Equality: TypeAlias = "tuple[int, Equality | None]"
"""Of an array's sort: how many indices there are (0: infinitely many), and the elements' own if they are arrays."""


def divide(a: Rational, b: Rational) -> Rational:
    """`/` on Real."""
    if b == 0:
        return 0
    quotient = Fraction(a, b)
    return quotient.numerator if quotient.denominator == 1 else quotient


def div(a: int, b: int) -> int:
    """`div`: the quotient that leaves a remainder in [0, |b|)."""
    return 0 if b == 0 else a // b if b > 0 else -(a // -b)


def mod(a: int, b: int) -> int:
    """`mod`: that remainder."""
    return 0 if b == 0 else a % abs(b)


def rem(a: int, b: int) -> int:
    """`rem`: `mod` with the sign of the divisor."""
    return mod(a, b) if b >= 0 else -mod(a, b)


def signed(a: int, width: int) -> int:
    """A bit-vector read in two's complement."""
    return a - (1 << width) if a >> (width - 1) else a


def bvudiv(a: int, b: int, width: int) -> int:
    """`bvudiv`; all ones for a divisor of 0."""
    return (1 << width) - 1 if b == 0 else a // b


def bvurem(a: int, b: int) -> int:
    """`bvurem`; the dividend for a divisor of 0."""
    return a if b == 0 else a % b


def bvsdiv(a: int, b: int, width: int) -> int:
    """`bvsdiv`: truncated towards zero."""
    x, y = signed(a, width), signed(b, width)
    if y == 0:
        return 1 if x < 0 else (1 << width) - 1
    quotient = abs(x) // abs(y)
    return (quotient if (x < 0) == (y < 0) else -quotient) & ((1 << width) - 1)


def bvsrem(a: int, b: int, width: int) -> int:
    """`bvsrem`: the sign of the dividend."""
    x, y = signed(a, width), signed(b, width)
    if y == 0:
        return a
    remainder = abs(x) % abs(y)
    return (-remainder if x < 0 else remainder) & ((1 << width) - 1)


def bvsmod(a: int, b: int, width: int) -> int:
    """`bvsmod`: the sign of the divisor."""
    y = signed(b, width)
    return a if y == 0 else (signed(a, width) % y) & ((1 << width) - 1)


def bvshl(a: int, b: int, width: int) -> int:
    """`bvshl`; 0 for a shift of the width or more."""
    return 0 if b >= width else (a << b) & ((1 << width) - 1)


def bvlshr(a: int, b: int, width: int) -> int:
    """`bvlshr`; 0 for a shift of the width or more."""
    return 0 if b >= width else a >> b


def bvashr(a: int, b: int, width: int) -> int:
    """`bvashr`; the sign alone for a shift of the width or more."""
    return (signed(a, width) >> min(b, width)) & ((1 << width) - 1)


def rotate_left(a: int, by: int, width: int) -> int:
    """`rotate_left`."""
    by %= width
    return ((a << by) | (a >> (width - by))) & ((1 << width) - 1)


def sign_extend(a: int, width: int, more: int) -> int:
    """`sign_extend` by `more` bits."""
    return signed(a, width) & ((1 << (width + more)) - 1)


def repeat(a: int, width: int, times: int) -> int:
    """`repeat`."""
    result = 0
    for _ in range(times):
        result = (result << width) | a
    return result


def outside(value: int, width: int) -> bool:
    """Whether an integer does not fit in a signed bit-vector: the overflow predicates."""
    return not -(1 << (width - 1)) <= value < 1 << (width - 1)


def select(array: Any, index: Any) -> Any:
    """`select`."""
    return array[1].get(index, array[0])


def store(array: Any, index: Any, value: Any) -> Any:
    """`store`."""
    return array[0], {**array[1], index: value}


def same_array(a: Any, b: Any, how: Equality) -> bool:
    """`=` on arrays: the same element at every index."""
    size, inner = how
    keys = {**a[1], **b[1]}

    def same(x: Any, y: Any) -> bool:
        return bool(x == y) if inner is None else same_array(x, y, inner)

    if not all(same(a[1].get(key, a[0]), b[1].get(key, b[0])) for key in keys):
        return False
    return bool(size and len(keys) >= size) or same(a[0], b[0])


def all_differ(arrays: Any, how: Equality) -> bool:
    """`distinct` on arrays."""
    return not any(same_array(a, b, how) for i, a in enumerate(arrays) for b in arrays[:i])


def str_at(text: str, index: int) -> str:
    """`str.at`."""
    return text[index] if 0 <= index < len(text) else ""


def str_substr(text: str, start: int, length: int) -> str:
    """`str.substr`."""
    return text[start : start + length] if 0 <= start < len(text) and length > 0 else ""


def str_indexof(text: str, part: str, start: int) -> int:
    """`str.indexof`."""
    return text.find(part, start) if 0 <= start <= len(text) else -1


def str_replace(text: str, old: str, new: str) -> str:
    """`str.replace`: the first occurrence; an empty one is at the start."""
    return text.replace(old, new, 1) if old else new + text


def str_replace_all(text: str, old: str, new: str) -> str:
    """`str.replace_all`; nothing is an occurrence of the empty string."""
    return text.replace(old, new) if old else text


def str_to_int(text: str) -> int:
    """`str.to_int`: -1 unless the text is one or more ASCII digits."""
    if not text.isascii() or not text.isdigit():
        return -1
    value = 0
    for start in range(0, len(text), _DIGITS):
        piece = text[start : start + _DIGITS]
        value = value * 10 ** len(piece) + int(piece)
    return value


def str_from_int(value: int) -> str:
    """`str.from_int`: "" for a negative number."""
    if value < 0:
        return ""
    pieces: list[str] = []
    while value >= 10**_DIGITS:
        value, low = divmod(value, 10**_DIGITS)
        pieces.append(str(low).zfill(_DIGITS))
    return str(value) + "".join(reversed(pieces))


def str_to_code(text: str) -> int:
    """`str.to_code`: -1 unless the text is one character."""
    return ord(text) if len(text) == 1 else -1


def str_from_code(code: int) -> str:
    """`str.from_code`: "" where there is no such character."""
    return chr(code) if 0 <= code <= MAX_CHAR else ""


def str_is_digit(text: str) -> bool:
    """`str.is_digit`: one of 0 to 9."""
    return len(text) == 1 and "0" <= text <= "9"


NAMESPACE: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        divide, div, mod, rem, signed, bvudiv, bvurem, bvsdiv, bvsrem, bvsmod, bvshl, bvlshr, bvashr, rotate_left,
        sign_extend, repeat, outside, select, store, same_array, all_differ, str_at, str_substr, str_indexof,
        str_replace, str_replace_all, str_to_int, str_from_int, str_to_code, str_from_code, str_is_digit,
        abs, len, sum, bool, math.floor,
    )
}  # fmt: skip
"""The functions that generated code may call, by name."""
