"""Is the candidate the expected answer? The exact reading; the lenient one is `verifiers/math_grade.py`."""

from __future__ import annotations

from typing import Any

from modulo.verifiers.math_compare import compare_answers, free_symbols
from modulo.verifiers.math_equal import Decision
from modulo.verifiers.math_findings import FORM, Job, finding, place, reference, report
from modulo.verifiers.math_nodes import Obj, Text, shown, symbols
from modulo.verifiers.math_read import MathFault, UnsupportedFault, read
from modulo.verifiers.math_tokens import unwrapped

__all__ = ["CONSTANTS", "MORE_CONSTANTS", "check_equal", "compared"]

CONSTANTS = frozenset({"C", "C_0", "C_1", "C_2"})
"""Names of arbitrary constants."""

MORE_CONSTANTS = frozenset({"c", "K", "k", "c_0", "c_1"})
"""Further ones in a candidate, where the reference does not use them."""


def check_equal(job: Job) -> dict[str, Any]:
    """Judge by `equals`, read exactly."""
    expected = reference(job.spec["equals"], job.declared)
    if isinstance(expected, Text) and unwrapped(job.text).casefold() == expected.text:
        return report(Decision("equal", proof=True, evidence={"method": "word"}), expected, "")
    return compared(job, expected)


def compared(job: Job, expected: Obj) -> dict[str, Any]:
    """Judge by an answer to be equal to."""
    known = symbols(expected) | job.declared
    constant = job.spec["up_to_constant"]
    constants = (CONSTANTS | (MORE_CONSTANTS - known)) if constant else frozenset()
    try:
        candidate = read(job.text, names=known | constants, declared=job.declared)
    except UnsupportedFault as fault:
        return _unreadable(fault, job)
    except MathFault as fault:
        return finding("fail", f"the answer cannot be read: {fault}; {FORM}", {"readable": False})
    settings = job.settings(up_to_constant=constant, constants=constants - job.declared)
    decision = compare_answers(candidate, expected, settings)
    foreign = sorted(free_symbols(candidate) - known - constants)
    return report(decision, candidate, _words(decision, candidate, foreign, decimal="." in job.text))


def _words(decision: Decision, candidate: Obj, foreign: list[str], *, decimal: bool) -> str:
    """A critique that says what is wrong with the candidate and nothing about the reference's value."""
    message = f"your answer, read as {shown(candidate)}, is not the expected one"
    if decision.why == "it is not defined there":
        message = f"your answer, read as {shown(candidate)}, is not defined at {place(decision)}, where it should be"
    elif decision.why:
        message += f": {decision.why}"
    elif decision.point:
        message += f": it differs at {place(decision)}" + (f", where yours is {decision.left}" if decision.left else "")
    if foreign:
        message += f"; {', '.join(foreign)} should not occur in it"
    if decimal:
        message += "; decimals are taken exactly as written, so give fractions, roots or pi where they are meant"
    return message


def _unreadable(fault: MathFault, job: Job) -> dict[str, Any]:
    """Mathematics beyond our grammar is not called wrong: Math-Verify's opinion is noted, nothing accepted on it."""
    from modulo.verifiers.math_opinion import opinion

    text = job.spec["equals"]
    view = opinion(text, job.text) if text is not None else None
    if view is None:
        return finding("fail", f"the answer cannot be read: {fault}; {FORM}", {"readable": False})
    message = f"the answer cannot be decided: {fault}; carry it out and {FORM}"
    return finding("unknown", message, {"readable": False, "math_verify": view})
