"""Process verification: every step of a derivation or a chain of thought gets a verdict.

right      the equality or inference holds (or the number is the value)
rounded    the number is the value, correctly rounded (`math_rounding.py`)
wrong      certainly not: the first of these is the critique
premise    taken as given: it opens a block of formulas, brings in a new name, or stands in a sentence
unreadable not read as mathematics, or not decided; an equation that cannot be read is never passed over

A candidate passes if no step is wrong or unreadable, at least `required` steps could be checked, and the final answer
is the expected one, where the spec has one. Words are not checked, and beside words a pass is no proof. A step counts
once, and only if it says something: `1 = 1` does not.
"""

from __future__ import annotations

import re
from typing import Any

from modulo.extract import extract
from modulo.types import AnswerFormat, Problem
from modulo.verifiers.math_compare import compare_answers
from modulo.verifiers.math_equal import Settings
from modulo.verifiers.math_findings import Job, finding, passed, reference
from modulo.verifiers.math_follow import as_zero
from modulo.verifiers.math_nodes import Obj, shown, symbols
from modulo.verifiers.math_read import MathFault, read
from modulo.verifiers.math_step import Step
from modulo.verifiers.math_steps_formulas import Block, judge_formula
from modulo.verifiers.math_steps_numbers import Judged, judge_numbers
from modulo.verifiers.math_steps_read import TooLongError, steps_in

__all__ = ["check_steps", "judged"]

_SHOWN = 200
_UNREAD = "it is no equation that can be read; write it with numbers and signs alone, on a line of its own"
_NUMBER = re.compile(r"-?[0-9]*\.?[0-9]*%?")


def check_steps(job: Job) -> dict[str, Any]:
    """Judge by `steps`."""
    spec = job.spec["steps"]
    given = [reference(text, job.declared) for text in spec["given"]]
    try:
        steps, words = steps_in(job.text)
    except TooLongError as error:
        return finding("fail", f"the answer cannot be checked step by step: {error}", {})
    found = judged(steps, job.settings(), given=given, rounding=spec["rounding"] == "written")
    counts = {verdict: sum(j.verdict == verdict for j in found) for verdict in dict.fromkeys(j.verdict for j in found)}
    evidence: dict[str, Any] = {
        "steps": [
            {"step": number_, "kind": j.step.kind, "text": j.step.text[:120], "verdict": j.verdict}
            | ({"why": j.why} if j.why else {})
            for number_, j in enumerate(found[:_SHOWN], 1)
        ],
        "counts": counts,
    }
    for number_, j in enumerate(found, 1):
        if j.verdict == "wrong":
            message = f"step {number_}, {j.step.text[:120]}: {j.why}"
            return finding("fail", message, evidence, locus=f"step {number_}") | {"score": _score(found)}
    if spec["answer"] is not None and (fault := _final(job, spec["answer"], evidence)) is not None:
        return fault
    checked = len({_said(j.step) for j in found if j.verdict in ("right", "rounded")} - {None})
    if checked < spec["required"]:
        message = (
            f"only {checked} different steps can be checked, {spec['required']} are needed; write each as an equation"
        )
        return finding("fail", message, evidence)
    for number_, j in enumerate(found, 1):
        if j.verdict == "unreadable":
            message = f"step {number_}, {j.step.text[:120]}, could not be decided: {j.why}"
            return finding("unknown", message, evidence, locus=f"step {number_}")
    proof = (
        not words
        and all(j.proof and j.verdict not in ("rounded", "premise") for j in found)
        and evidence.get("answer_proof", True)
    )
    return passed(evidence, proof=proof)


def judged(
    steps: list[Step], settings: Settings, *, given: list[Obj] | None = None, rounding: bool = True
) -> list[Judged]:
    """The verdict on every step.

    With `given`, no line of a block is a premise unless it brings in a new name.
    """
    premises = [zero for statement in given or [] if (zero := as_zero(statement)) is not None]
    block = Block(facts=list(premises))
    found: list[Judged] = []
    for step in steps:
        if step.kind == "unread":
            found.append(Judged(step, "unreadable", _UNREAD))
            continue
        if step.kind != "formula" or (len(step.sides) > 1 and _is_arithmetic(step)):
            found.append(judge_numbers(step, rounding))
            continue
        if step.block != block.number and not premises:
            block = Block(step.block)
        found.append(judge_formula(step, block, settings, rounding=rounding, given=bool(premises)))
    return found


def _final(job: Job, expected: str, evidence: dict[str, Any]) -> dict[str, Any] | None:
    """The fault of the final answer, if it has one."""
    text = extract(job.text, Problem(statement="?", answer=AnswerFormat.MATH))
    if text is None:
        return finding("fail", "there is no final answer: put it in \\boxed{} at the end", evidence, locus="answer")
    evidence["answer"] = text[:_SHOWN]
    try:
        own = read(text, names=symbols(reference(expected, job.declared)), declared=job.declared)
    except MathFault as fault:
        return finding("fail", f"the final answer cannot be read: {fault}", evidence, locus="answer")
    decision = compare_answers(own, reference(expected, job.declared), job.settings())
    evidence["answer_proof"] = decision.proof
    if decision.verdict == "equal":
        return None
    outcome = "fail" if decision.verdict == "different" else "unknown"
    return finding(outcome, f"the final answer {shown(own)} is not the expected one", evidence, locus="answer")


def _said(step: Step) -> str | None:
    """What a step says, to be counted once; nothing, if it repeats a number."""
    sides = [re.sub(r"[\s$,(){}\[\]]", "", side) for side in step.sides]
    if len(sides) > 1 and (len(set(sides)) == 1 or all(map(_NUMBER.fullmatch, sides))):
        return None
    return "=".join(sides)


def _score(found: list[Judged]) -> float:
    """The share of the steps before the first wrong one."""
    first = next(i for i, j in enumerate(found) if j.verdict == "wrong")
    return round(0.9 * first / len(found), 4)


def _is_arithmetic(step: Step) -> bool:
    try:
        return all(not symbols(read(side)) for side in step.sides)
    except MathFault:
        return False
