r"""Quantities: a value with a unit, in `9.81 m/s^2`, `3\text{ cm}` or `9.81\,\mathrm{m}\,\mathrm{s}^{-2}` alike.

The candidate's value is converted to the reference's unit, exactly where the factor is rational (all of pint's are, but
for angles in degrees, which bring in π), and then compared like any other; a tolerance is in the reference's unit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from modulo.verifiers.math_equal import compare
from modulo.verifiers.math_findings import Job, finding, report
from modulo.verifiers.math_nodes import Add, Const, Expr, Mul, Num, Pow, is_expr, number, shown, symbols
from modulo.verifiers.math_read import MathFault, read
from modulo.verifiers.math_tokens import MAX_CHARS, unwrapped
from modulo.verifiers.math_unit_names import Unit, UnitError, parse_unit

__all__ = ["Quantity", "check_quantity", "looks_like_quantity", "quantity"]

_WORD = re.compile(r"\\(?:text|mathrm|mbox|textrm|textnormal|operatorname|rm|si|unit)\s*\{([^{}\\$]*)\}")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*([^{}]*[A-Za-zµΩ][^{}]*)\}\s*\{([^{}]*)\}")
_START = re.compile(r"(?<![A-Za-z\\(])(?:(?:\(\s*)?[A-Za-zµμΩ°℃℉]|(?<=[0-9}).\s])\(?1?\s?/)")
_NUMBER_AND_REST = re.compile(
    r"\s*-?[0-9][0-9.,]*(?:\s*\\(?:cdot|times)\s*10\^\{?-?[0-9]+\}?)?"
    r"(?:\s+|\s*\\[,; ]\s*|\s*(?=\\(?:text|mathrm|mbox)))(.+)"
)
_CLEAR = re.compile(r"[A-Za-zµΩ]{2}|/|\^|[²³°℃℉]")


@dataclass(frozen=True)
class Quantity:
    """A value and its unit."""

    value: Expr
    unit: Unit


def quantity(text: str) -> Quantity:
    """A text as a quantity.

    Raises:
        UnitError | MathFault: it is none; says why.
    """
    if len(text) > MAX_CHARS:
        raise MathFault(f"it is longer than {MAX_CHARS:,} characters")
    body = unwrapped(text)
    body = _FRACTION.sub(r"(\1)/(\2)", _WORD.sub(r" \1", body))
    body = re.sub(r"\\(?:,|;|:|!|quad|qquad|cdot(?=\s*[A-Za-z])|\s)|~", " ", body)
    body = re.sub(r"\^\s*\{\s*\\circ\s*\}|\^\s*\\circ", "°", body)
    body = re.sub(r"\^\s*\{\s*(-?[0-9]+)\s*\}(?=[^0-9]*$|\s*[A-Za-z/*])", r"^\1", body)
    body = re.sub(r"°\s+(?=[CF]\b)", "°", body)
    fault: Exception | None = None
    for start in _START.finditer(body):
        head, tail = body[: start.start()].rstrip(" *·").strip(), body[start.start() :]
        if not head:
            break
        try:
            value = read(head)
            if is_expr(value) and not symbols(value):
                return Quantity(value, parse_unit(tail))  # type: ignore[arg-type]
        except (UnitError, MathFault) as error:
            fault = fault or error
    raise fault or UnitError("there is no unit: give one, as in 3 m")


def looks_like_quantity(text: str) -> bool:
    """Whether a reference without `units` is one: a number, a space, and a unit that can hardly be a variable."""
    match = _NUMBER_AND_REST.match(text)
    if match is None or not (_CLEAR.search(match[1]) or _WORD.search(match[1])):
        return False
    try:
        quantity(text)
    except (UnitError, MathFault):
        return False
    return True


def check_quantity(job: Job) -> dict[str, Any]:
    """Judge by `equals` with a unit."""
    expected = quantity(job.spec["equals"])
    try:
        own = quantity(job.text)
    except UnitError as error:
        return finding("fail", f"the answer is no quantity: {error}", {"readable": False})
    except MathFault as fault:
        return finding("fail", f"the value of the answer cannot be read: {fault}", {"readable": False})
    evidence = {"read_as": f"{shown(own.value)} {own.unit.text}"}
    if own.unit.dimensions != expected.unit.dimensions:
        message = f"{own.unit.text} is a unit of {_dimension(own.unit)}, which is not what is asked for"
        return finding("fail", message, evidence, locus="unit")
    here = _converted(own, expected.unit)
    decision = compare(here, expected.value, job.settings())
    found = report(decision, own.value, f"your answer, {shown(own.value)} {own.unit.text}, is not the expected one")
    return found | {"evidence": {**decision.evidence, **evidence}}


def _converted(own: Quantity, unit: Unit) -> Expr:
    """The value in another unit of the same dimension."""
    value = own.value if not own.unit.offset else Add((own.value, Num(own.unit.offset)))
    scale: list[Expr] = [value, Num(own.unit.factor / unit.factor)]
    if own.unit.pi != unit.pi:
        scale.append(Pow(Const("pi"), number(own.unit.pi - unit.pi)))
    product = Mul(tuple(scale))
    return product if not unit.offset else Add((product, Num(-unit.offset)))


def _dimension(unit: Unit) -> str:
    parts = []
    for name, power in sorted(unit.dimensions.items(), key=lambda item: -item[1]):
        parts.append(name if power == 1 else f"{name}^{_power(power)}")
    return "·".join(parts) or "a pure number"


def _power(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else f"({value})"
