"""A second opinion from Math-Verify, for LaTeX beyond our own grammar (integrals, sums, limits, …).

It is only ever noted in the evidence of an `unknown`. Its LaTeX reader is generous: it rounds decimals to 53 bits,
drops degree signs, primes and the base of `54_9`, reads `1 000` as 0 and `\\pi \\approx 3` as π; comparing goes through
sympy's heuristics. Only the LaTeX reader is used: the one for plain text hands the text to `eval`.
"""

from __future__ import annotations

from typing import Any

__all__ = ["opinion"]


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
