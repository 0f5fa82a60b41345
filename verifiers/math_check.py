"""Worker side of the `math` verifier: a candidate's text against a reference, or against an integrand."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

from modulo.verifiers.math_compare import compare_answers, free_symbols
from modulo.verifiers.math_diff import NotDifferentiableError, derivative
from modulo.verifiers.math_equal import Decision, Settings, compare, gap_in
from modulo.verifiers.math_nodes import Add, Equation, Expr, Mul, Obj, Sym, Text, is_expr, number, shown, symbols
from modulo.verifiers.math_points import Domain
from modulo.verifiers.math_read import MathFault, UnsupportedFault, read
from modulo.verifiers.math_tokens import unwrapped

__all__ = ["CONSTANTS", "check"]

CONSTANTS = frozenset({"C", "C_0", "C_1", "C_2"})
"""Names of arbitrary constants; in a candidate also those below, where the reference does not use them."""

_MORE_CONSTANTS = frozenset({"c", "K", "k", "c_0", "c_1"})
_FORM = "give one answer in LaTeX or plain notation, such as \\frac{1}{2}, 2*x + 1 or {1, 2}, and nothing else"


def check(payload: dict[str, Any]) -> dict[str, Any]:
    """Judge `payload["candidate"]` by `payload["spec"]`, a loaded spec of the `math` verifier."""
    spec, text = payload["spec"], payload["candidate"]
    declared = frozenset(spec["variables"])
    integrand = spec["antiderivative_of"] is not None
    reference = read(spec["antiderivative_of"] if integrand else spec["equals"], declared=declared)
    known = symbols(reference) | declared
    constants = (CONSTANTS | (_MORE_CONSTANTS - known)) if integrand or spec["up_to_constant"] else frozenset()
    if isinstance(reference, Text) and unwrapped(text).casefold() == reference.text:
        return _report(Decision("equal", proof=True, evidence={"method": "word"}), reference, "")
    try:
        candidate = read(text, names=known | constants, declared=declared)
    except UnsupportedFault as fault:
        return _unreadable(fault, spec, text)
    except MathFault as fault:
        return _finding("fail", f"the answer cannot be read: {fault}; {_FORM}", {"readable": False})
    settings = Settings(
        domains={name: _domain(value) for name, value in spec["variables"].items()},
        tolerance=None if spec["tolerance"] is None else Fraction(spec["tolerance"]),
        seed=hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest(),
        up_to_constant=spec["up_to_constant"],
        constants=constants - declared,
    )
    if integrand:
        return _antiderivative(candidate, reference, spec["variable"], settings, known | constants)
    decision = compare_answers(candidate, reference, settings)
    foreign = sorted(free_symbols(candidate) - known - constants)
    return _report(decision, candidate, _words(decision, candidate, foreign, decimal="." in text))


def _domain(value: Any) -> Domain:
    return (value[0], value[1]) if isinstance(value, list) else value


def _antiderivative(
    candidate: Obj, integrand: Obj, variable: str, settings: Settings, known: frozenset[str]
) -> dict[str, Any]:
    if isinstance(candidate, Equation) and isinstance(candidate.left, Sym) and is_expr(candidate.right):
        candidate = candidate.right
    if not is_expr(candidate):
        return _finding("fail", f"an antiderivative is one expression in {variable}; {_FORM}", {})
    own: Expr = candidate  # type: ignore[assignment]
    if foreign := sorted(symbols(own) - known):
        return _finding("fail", f"{', '.join(foreign)} should not occur in it; write C for the constant", {})
    try:
        slope = derivative(own, variable)
    except NotDifferentiableError as error:
        return _finding("fail", f"{error} has no derivative everywhere; give a differentiable function", {})
    if settings.domains.get(variable, "real") == "real" and (gap := gap_in(own, integrand, variable)) is not None:  # type: ignore[arg-type]
        message = f"your answer is not defined at {variable} = {gap}, where the integrand is"
        return _report(Decision("different", evidence={"method": "balls"}), own, message)
    # Adding nothing times the answer makes the comparison notice where the answer itself is undefined.
    whole = Add((slope, Mul((number(0), own))))
    decision = compare(whole, integrand, replace(settings, up_to_constant=False))  # type: ignore[arg-type]
    read_as = f"d/d{variable} of your answer is {shown(slope)}"
    if decision.why == "it is not defined there":
        message = f"your answer is not defined at {_place(decision)}, where the integrand is"
        if "log(" in shown(own):
            message += " (mind log|…|, which is defined for negative arguments too)"
    elif decision.point and decision.left:
        message = f"{read_as}; at {_place(decision)} it is {decision.left}, but the integrand is {decision.right}"
    else:
        message = f"{read_as}, which is not the integrand"
    shown_data = {"at": decision.point, "derivative": decision.left, "integrand": decision.right}
    return _report(decision, own, message, counterexample=shown_data if decision.left else None)


def _place(decision: Decision) -> str:
    return ", ".join(f"{name} = {value}" for name, value in decision.point.items())


def _words(decision: Decision, candidate: Obj, foreign: list[str], *, decimal: bool) -> str:
    """A critique that says what is wrong with the candidate and nothing about the reference's value."""
    message = f"your answer, read as {shown(candidate)}, is not the expected one"
    if decision.why == "it is not defined there":
        message = f"your answer, read as {shown(candidate)}, is not defined at {_place(decision)}, where it should be"
    elif decision.why:
        message += f": {decision.why}"
    elif decision.point:
        message += f": it differs at {_place(decision)}" + (
            f", where yours is {decision.left}" if decision.left else ""
        )
    if foreign:
        message += f"; {', '.join(foreign)} should not occur in it"
    if decimal:
        message += "; decimals are taken exactly as written, so give fractions, roots or pi where they are meant"
    return message


def _report(decision: Decision, candidate: Obj, message: str, counterexample: Any = None) -> dict[str, Any]:
    evidence = {"read_as": shown(candidate), **decision.evidence}
    if decision.verdict == "equal":
        guarantee = "proof" if decision.proof else "evidence"
        return {"outcome": "pass", "critiques": [], "evidence": evidence, "score": 1.0, "guarantee": guarantee}
    if decision.verdict == "unknown":
        return _finding(
            "unknown", f"your answer, read as {shown(candidate)}, could not be decided: {decision.why}", evidence
        )
    if counterexample is None and (decision.point or decision.left):
        counterexample = {"at": decision.point, "yours": decision.left or None}
    return _finding("fail", message, evidence, counterexample)


def _finding(outcome: str, message: str, evidence: dict[str, Any], counterexample: Any = None) -> dict[str, Any]:
    critique = {"message": message, "locus": None, "counterexample": counterexample}
    score = 0.0 if outcome == "fail" else None
    return {"outcome": outcome, "critiques": [critique], "evidence": evidence, "score": score}


def _unreadable(fault: MathFault, spec: dict[str, Any], text: str) -> dict[str, Any]:
    """Mathematics beyond our grammar is not called wrong: Math-Verify's opinion is noted, nothing accepted on it."""
    from modulo.verifiers.math_opinion import opinion

    message = f"the answer cannot be decided: {fault}; carry it out and {_FORM}"
    view = opinion(spec["equals"], text) if spec["equals"] is not None else None
    if view is None:
        return _finding("fail", f"the answer cannot be read: {fault}; {_FORM}", {"readable": False})
    return _finding("unknown", message, {"readable": False, "math_verify": view})
