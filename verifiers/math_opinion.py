"""Math-Verify, for mathematics beyond our own grammar (integrals, sums, limits, ratios, …).

In the exact reading its view is only ever noted in the evidence of an `unknown`; in the lenient reading it decides what
our own grammar could not read. Its LaTeX reader is generous: it rounds decimals to 53 bits, drops degree signs, primes
and the base of `54_9`, reads `1 000` as 0 and `\\pi \\approx 3` as π; comparing goes through sympy's heuristics.
Only the LaTeX reader is used: the one for plain text hands the text to `eval`. Its alarm signal is off: the worker's
deadline stands in for it.
"""

from __future__ import annotations

import logging
import re
from typing import Any

__all__ = ["graded", "opinion"]

_MAX_CHARS = 1_000
_WILD = re.compile(r"!|[0-9]{40}|\\(?:int|iint|prod)\b|\^\s*(?:[0-9]{4}|\{\s*-?[0-9]{4})|\^[^,=]{0,20}\^[^,=]{0,20}\^")
"""What sympy may carry out for ever: factorials, huge numbers, towers of powers, integrals."""


def opinion(reference: str, candidate: str) -> bool | None:
    """Whether Math-Verify takes the candidate for the reference; `None` if it cannot read one of them."""
    from math_verify import verify

    gold, prediction = _read(reference), _read(candidate)
    if gold is None or prediction is None:
        return None
    try:
        # Both are sympy objects: nothing is parsed from text here. The worker's deadline replaces its alarm signal.
        return bool(verify(gold, prediction, timeout_seconds=None))
    except Exception:  # noqa: BLE001 - sympy raises anything; no opinion is an answer too
        return None


def graded(reference: str, candidate: str, *, digits: int) -> bool | None:
    """Math-Verify's grade by its own reading, gold first; `None` where it reads one of them not at all, or must not.

    Numbers are rounded to so many decimal digits.
    """
    from math_verify import verify

    gold, prediction = _parsed(reference), _parsed(candidate)
    if not gold or not prediction:
        return None
    try:
        return bool(verify(gold, prediction, float_rounding=digits, timeout_seconds=None))
    except Exception:  # noqa: BLE001 - sympy raises anything; no grade is an answer too
        return None


def _parsed(text: str) -> list[Any]:
    from math_verify import LatexExtractionConfig, parse

    if len(text) > _MAX_CHARS or _WILD.search(text):
        return []
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its alarm is off, which is meant so
    config = LatexExtractionConfig(boxed_match_priority=0)
    found: list[Any] = parse(
        f"${' '.join(text.split())}$",
        [config],
        fallback_mode="no_fallback",
        parsing_timeout=0,
    )
    return found


def _read(text: str) -> Any:
    from latex2sympy2_extended import latex2sympy
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig
    from sympy import Basic, MatrixBase

    from modulo.verifiers.math_tokens import MAX_CHARS, unwrapped

    if len(text) > MAX_CHARS:
        return None
    try:
        found = latex2sympy(
            unwrapped(text), normalization_config=None, conversion_config=ConversionConfig(lowercase_symbols=False)
        )
    except Exception:  # noqa: BLE001 - its grammar raises bare exceptions
        return None
    return found if isinstance(found, Basic | MatrixBase) else None
