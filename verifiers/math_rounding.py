"""Whether a written number is a value, correctly rounded.

The rule: the number has at least one decimal, and is the value rounded to as many decimals as it has (halves up or to
even); or it has at least 15 significant digits and is off by no more than a computation in double precision may be. A
result that is written as a whole number has to be exact.
"""

from __future__ import annotations

import re
from fractions import Fraction

__all__ = ["is_rounded"]

_WRITTEN = re.compile(r"-?[0-9,]*\.([0-9]+)")
_DOUBLE = Fraction(1, 10**14)


def is_rounded(value: Fraction, written: str, number: Fraction) -> bool:
    """Whether `written`, which reads as `number`, is `value` rounded by the rule above."""
    match = _WRITTEN.fullmatch(written.strip())
    if match is None:
        return False
    if number in (_half_up(value, len(match[1])), _half_even(value, len(match[1]))):
        return True
    digits = len(re.sub(r"\D", "", written).lstrip("0"))
    return digits >= 15 and abs(value - number) <= _DOUBLE * max(abs(value), Fraction(1))


def _half_up(value: Fraction, decimals: int) -> Fraction:
    scale = 10**decimals
    whole = (abs(value) * scale * 2 + 1) // 2
    return Fraction(whole if value >= 0 else -whole, scale)


def _half_even(value: Fraction, decimals: int) -> Fraction:
    return Fraction(round(value * 10**decimals), 10**decimals)
