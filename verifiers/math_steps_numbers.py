"""Steps that hold numbers alone: annotations, and chains of numbers in prose and formulas."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from modulo.verifiers.math_balls import InconclusiveError, OutsideError, PoleError, evaluate, precision
from modulo.verifiers.math_equal import Settings, compare
from modulo.verifiers.math_exact import DivisionByZeroError, difference
from modulo.verifiers.math_nodes import Div, Expr, Num, Obj, is_expr, number, symbols
from modulo.verifiers.math_read import MathFault, read
from modulo.verifiers.math_rounding import is_rounded
from modulo.verifiers.math_step import Step

__all__ = ["Judged", "exact_value", "judge_numbers", "link", "near_value", "value_text"]


@dataclass(frozen=True)
class Judged:
    """A step with its verdict; `why` says what is wrong or what the verdict rests on."""

    step: Step
    verdict: str
    why: str = ""
    proof: bool = True


_WHY = {"unreadable": "the two sides could not be compared", "rounded": "rounded to the written digits"}


def judge_numbers(step: Step, rounding: bool) -> Judged:
    """A chain of numbers: every side against the one before it. In a sentence a `%` may be a mere unit."""
    found = _literally(step, rounding)
    if found.verdict == "wrong" and step.kind == "numbers" and "%" in step.text:
        plain = _literally(replace(step, sides=tuple(side.replace("%", "") for side in step.sides)), rounding)
        if plain.verdict in ("right", "rounded"):
            return replace(plain, step=step)
    return found


def _literally(step: Step, rounding: bool) -> Judged:
    if len(step.sides) < 2:
        return Judged(step, "unreadable", "it is no equation")
    try:
        values = [read(side) for side in step.sides]
        if step.written and is_expr(values[-1]):
            values.append(_written(step.written, values[-1]))
    except MathFault as fault:
        return Judged(step, "unreadable", str(fault))
    if any(not is_expr(value) or symbols(value) for value in values):
        return Judged(step, "unreadable", "it holds an unknown")
    verdicts = []
    texts = [*step.sides, step.written.replace(" ", "")] if step.written else list(step.sides)
    signs = [*step.signs, "written"] if step.written else list(step.signs)
    for at, sign in enumerate(signs):
        left, right = values[at], values[at + 1]
        verdicts.append(link(left, right, texts[at], texts[at + 1], sign, rounding))  # type: ignore[arg-type]
        if verdicts[-1][0] == "wrong":
            value = value_text(left)  # type: ignore[arg-type]
            if sign == "written":
                why = f"the text says {step.written}, the calculation {texts[at]}"
            else:
                why = f"{texts[at]} is {value}, not {texts[at + 1]}" if value else f"{texts[at]} is not {texts[at + 1]}"
            return Judged(step, "wrong", why)
    for verdict in ("unreadable", "rounded"):
        if any(v == verdict for v, _ in verdicts):
            return Judged(step, verdict, _WHY[verdict], proof=False)
    return Judged(step, "right", proof=all(proof for _, proof in verdicts))


def _written(text: str, value: Obj) -> Expr:
    """The number behind an annotation; `25%` behind 0.25 and behind 25 alike."""
    plain: Expr = read(text.rstrip("% "))  # type: ignore[assignment]
    if text.endswith("%") and value != plain:
        return Div(plain, number(100))
    return plain


def link(left: Expr, right: Expr, said: str, text: str, sign: str, rounding: bool) -> tuple[str, bool]:
    """Verdict on `left = right`, which are written as `said` and `text`; whether it is a proof."""
    decision = compare(left, right, Settings())
    if decision.verdict == "equal":
        return "right", decision.proof
    exact = exact_value(left)
    if (rounding or sign == "≈") and isinstance(right, Num):
        value = exact if exact is not None else near_value(left)
        if value is not None and is_rounded(value, text, right.value):
            return "rounded", False
        if sign == "written" and isinstance(left, Num) and is_rounded(right.value, said, left.value):
            return "rounded", False
        if sign == "≈":
            return "unreadable", False
    return ("wrong" if decision.verdict == "different" and sign != "≈" else "unreadable"), False


def exact_value(expr: Expr) -> Fraction | None:
    """The value of a constant, if it is rational and not too large."""
    try:
        found = difference(expr, number(0))
    except DivisionByZeroError:
        return None
    return None if found is None else found.constant


def near_value(expr: Expr) -> Fraction | None:
    """A rational within 2^-400 of a constant, which rounds as it does unless it lies on a half."""
    with precision(500):
        try:
            ball = evaluate(expr, {}, real=True)
        except (OutsideError, PoleError, InconclusiveError):
            return None
        mantissa, exponent = ball.mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent) if abs(int(exponent)) < 10_000 else None


def value_text(expr: Expr) -> str:
    """The value of a calculation, which is no secret: exact, or to six digits."""
    exact = exact_value(expr)
    if exact is not None:
        if exact.denominator == 1:
            return str(exact.numerator) if exact.numerator.bit_length() < 300 else ""
        return f"{float(exact):.6g}" if abs(exact) < 10**15 else ""
    near = near_value(expr)
    return f"{float(near):.6g}" if near is not None and abs(near) < 10**15 else ""
