"""Units of measurement: their text, and what they come to in base units, exactly (pint's definitions).

The text is tokenised here, and only single names are looked up in pint's registry: pint never parses an expression.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

__all__ = ["Unit", "UnitError", "parse_unit"]

_TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-zµμΩ℃℉°]+)|(?P<power>\^|\*\*)|(?P<int>-?[0-9]{1,2})|(?P<op>[*·⋅/()]))")
_SUPER = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_WORDS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_SPELLINGS = {"°C": "degC", "℃": "degC", "°F": "degF", "℉": "degF", "°": "degree", "degrees": "degree", "Ω": "ohm"}
_CONSTANTS = frozenset({"e", "pi", "i", "k", "c", "R", "G", "avogadro_number"})
"""Names that pint has for constants, which are no units here."""


class UnitError(Exception):
    """The text is no unit; says why."""


@dataclass(frozen=True)
class Unit:
    """A unit: a value v of it is `(v + offset) · factor · π^pi` in base units.

    Attributes:
        dimensions: powers of pint's base units.
        offset: of a temperature scale, else 0.
    """

    text: str
    factor: Fraction = Fraction(1)
    pi: int = 0
    dimensions: dict[str, Fraction] = field(default_factory=dict)
    offset: Fraction = Fraction(0)


def parse_unit(text: str) -> Unit:
    """The unit that a text names, such as `m/s^2`, `kg*m^2`, `N m`, `square feet` or `°C`.

    Raises:
        UnitError: it names none, or one that can be read in two ways.
    """
    text = re.sub(r"([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)", lambda m: "^" + m[1].translate(_SUPER), text).strip()
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or not match[0].strip():
            raise UnitError(f"{text[at : at + 10]!r} stands in the unit")
        kind = match.lastgroup or ""
        tokens.append(("op", "/") if match[kind] == "per" else (kind, match[kind]))
        at = match.end()
    if not tokens or len(tokens) > 40:
        raise UnitError("there is no unit")
    reader = _Reader(tokens)
    found = reader.product()
    if reader.at < len(tokens):
        raise UnitError(f"the unit goes on after its end with {tokens[reader.at][1]!r}")
    return Unit(text, found.factor, found.pi, found.dimensions, found.offset)


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens, self.at = tokens, 0

    def next(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def product(self) -> Unit:
        found, divided, several = self.factor(), False, False
        while True:
            kind, text = self.next()
            if (kind, text) == ("op", "/"):
                self.at += 1
                found, divided = _times(found, _power(self.factor(), -1)), True
            elif (kind == "op" and text in "*·⋅") or kind == "name" or (kind, text) == ("op", "("):
                if divided:
                    raise UnitError("put brackets round what stands under the /")
                self.at += kind == "op" and text != "("
                found = _times(found, self.factor())
            else:
                return found
            several = True
            if several and found.offset:
                raise UnitError("a temperature scale stands alone")

    def factor(self) -> Unit:
        kind, text = self.next()
        self.at += 1
        if kind == "name" and text in _WORDS and self.next()[0] == "name":
            return _power(self.factor(), _WORDS[text])
        if (kind, text) == ("op", "("):
            found = self.product()
            if self.next() != ("op", ")"):
                raise UnitError("a bracket is not closed")
            self.at += 1
        elif kind == "name":
            found = _named(text)
        elif (kind, text) == ("int", "1") and self.next() == ("op", "/"):
            return Unit("1")
        else:
            raise UnitError(f"{text[:30]!r} is no unit")
        if self.next()[0] == "power":
            self.at += 1
            kind, text = self.next()
            bracket = (kind, text) == ("op", "(")
            if bracket:
                self.at += 1
                kind, text = self.next()
            if kind != "int":
                raise UnitError("the power of a unit is a whole number")
            self.at += 1
            if bracket:
                self.at += 1
            found = _power(found, int(text))
        return found


def _times(a: Unit, b: Unit) -> Unit:
    if a.offset or b.offset:
        raise UnitError("a temperature scale stands alone")
    powers = {
        name: a.dimensions.get(name, Fraction(0)) + b.dimensions.get(name, Fraction(0))
        for name in a.dimensions | b.dimensions
    }
    return Unit("", a.factor * b.factor, a.pi + b.pi, {n: p for n, p in powers.items() if p})


def _power(unit: Unit, exponent: int) -> Unit:
    if unit.offset and exponent != 1:
        raise UnitError("a temperature scale has no powers")
    powers = {name: power * exponent for name, power in unit.dimensions.items()}
    return Unit("", unit.factor**exponent, unit.pi * exponent, {n: p for n, p in powers.items() if p}, unit.offset)


@functools.lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    exact: Any = Fraction  # pint's annotation knows no type but float
    return pint.UnitRegistry(non_int_type=exact, cache_folder=None)


@functools.lru_cache(maxsize=1024)
def _named(name: str) -> Unit:
    """One name in pint's registry, which also knows prefixes and plurals."""
    import pint

    spelled = _SPELLINGS.get(name, name.replace("μ", "µ").replace("Ω", "ohm"))
    if spelled in _CONSTANTS or len(spelled) > 30 or not re.fullmatch(r"[A-Za-zµ]+", spelled):
        raise UnitError(f"{name[:30]!r} is no unit")
    if spelled == "degree":
        return Unit(name, Fraction(1, 180), 1)
    registry = _registry()
    try:
        factor, base = registry.get_base_units(spelled)
        zero = registry.Quantity(Fraction(0), spelled).to(base).magnitude
    except (pint.errors.PintError, AttributeError, TypeError, ValueError):
        raise UnitError(f"{name[:30]!r} is no unit that is known here") from None
    factor, zero = Fraction(factor), Fraction(zero)
    powers = {str(n): Fraction(p) for n, p in dict(base._units).items() if str(n) != "radian"}
    return Unit(name, factor, 0, powers, zero / factor)
