"""Steps that hold unknowns: chains of expressions, equations and inequalities, each against the lines above."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from modulo.verifiers.math_compare import compare_answers, label
from modulo.verifiers.math_equal import Settings, compare
from modulo.verifiers.math_follow import as_zero, follows
from modulo.verifiers.math_nodes import (
    Add,
    Equation,
    Expr,
    FiniteSet,
    Obj,
    Relation,
    Sym,
    is_expr,
    negated,
    number,
    shown,
    symbols,
)
from modulo.verifiers.math_poly import ratio
from modulo.verifiers.math_read import MathFault, read
from modulo.verifiers.math_step import Step
from modulo.verifiers.math_steps_numbers import Judged, exact_value, link, near_value, value_text

__all__ = ["Block", "judge_formula"]


@dataclass
class Block:
    """What the lines above say."""

    number: int = 0
    facts: list[Expr] = field(default_factory=list)
    last: Relation | None = None
    derived: bool = False


def judge_formula(step: Step, block: Block, settings: Settings, *, rounding: bool, given: bool) -> Judged:
    """The verdict on a formula; what it adds to what is known goes into the block."""
    try:
        if len(step.sides) == 1:
            return _statement(step, read(step.sides[0]), block, settings, given=given)
        sides: list[Obj] = [read(side) for side in step.sides]
    except MathFault as fault:
        return Judged(step, "unreadable", str(fault))
    if len(sides) == 2 and "≈" not in step.signs and not step.goes_on:
        first = Sym(shown(sides[0])) if not is_expr(sides[0]) else sides[0]
        return _statement(step, Equation(first, sides[1]), block, settings, given=given)  # type: ignore[arg-type]
    if any(not is_expr(side) for side in sides):
        return Judged(step, "unreadable", "a chain joins single values")
    return _chain(step, sides, block, settings, rounding=rounding)  # type: ignore[arg-type]


def _chain(step: Step, sides: list[Expr], block: Block, settings: Settings, *, rounding: bool) -> Judged:
    """`a = b = c`: every link is an identity, or follows from what is above. A name that is new may stand in front."""
    names = frozenset[str]().union(*map(symbols, block.facts))
    defines = isinstance(sides[0], Sym) and sides[0].name not in names and not step.goes_on
    defines = defines and all(sides[0].name not in symbols(side) for side in sides[1:])  # type: ignore[union-attr]
    if defines:
        block.facts.append(as_zero(Equation(sides[0], sides[1])))  # type: ignore[arg-type]
    proof, rounded = True, False
    for at, sign in enumerate(step.signs):
        if at == 0 and defines:
            continue
        left, right, text = sides[at], sides[at + 1], step.sides[at + 1]
        if not symbols(left) | symbols(right):
            verdict, sure = link(left, right, step.sides[at], text, sign, rounding)
            if verdict == "wrong":
                value = value_text(left)
                return Judged(step, "wrong", f"{step.sides[at]} is {value or 'not'}{', not' if value else ''} {text}")
            if verdict == "unreadable":
                return Judged(step, "unreadable", f"{step.sides[at]} and {text} could not be compared")
            proof, rounded = proof and sure, rounded or verdict == "rounded"
            continue
        if sign == "≈":
            return Judged(step, "unreadable", "an approximation with unknowns")
        found = follows(as_zero(Equation(left, right)), block.facts, settings)  # type: ignore[arg-type]
        if found.verdict == "follows":
            proof = proof and found.proof
            continue
        decision = compare(left, right, settings)
        if decision.verdict == "different" and symbols(left) == symbols(right) and not symbols(left) & names:
            at_point = ", ".join(f"{name} = {value}" for name, value in decision.point.items())
            where = f"; at {at_point} the left side is {decision.left}, the right {decision.right}" if at_point else ""
            return Judged(step, "wrong", f"{step.sides[at]} is not equal to {text}{where}")
        if found.verdict == "fails":
            return Judged(step, "wrong", f"{step.sides[at]} = {text} does not follow: {found.why or found.method}")
        return Judged(step, "unreadable", f"{step.sides[at]} = {text}: {found.why}")
    return Judged(step, "rounded" if rounded else "right", proof=proof)


def _statement(step: Step, statement: Obj, block: Block, settings: Settings, *, given: bool) -> Judged:
    """One equation or inequality: a premise, or it follows from the lines above."""
    zero = as_zero(statement)
    if zero is None:
        if isinstance(statement, Relation):
            return _relation(step, statement, block, settings)
        return Judged(step, "unreadable", "it is neither an equation nor an inequality")
    if not symbols(zero):
        decision = compare(zero, number(0), settings)
        verdict = {"equal": "right", "different": "wrong"}.get(decision.verdict, "unreadable")
        return Judged(step, verdict, "" if verdict == "right" else "its sides are not equal", proof=decision.proof)
    names = frozenset[str]().union(*map(symbols, block.facts))
    found = follows(zero, block.facts, settings)
    if found.verdict == "follows":
        if found.method != "identity":
            block.facts.append(zero)
        block.derived = True
        return Judged(step, "right", found.method, proof=found.proof)
    sentence = not step.block and not step.implied
    system = not block.derived and len(block.facts) < len(names)
    new = bool(symbols(zero) - names)
    if (new or (not given and (sentence or system))) and not step.implied:
        if isinstance(statement, FiniteSet) and len({label(item) for item in statement.items}) < len(statement.items):
            return Judged(step, "unreadable", "it gives one name several values, and follows from no line above")
        if not sentence:
            block.facts.append(zero)
        return Judged(step, "premise")
    if found.verdict == "fails":
        return Judged(step, "wrong", f"it does not follow from the lines above: {found.why or found.method}")
    return Judged(step, "unreadable", found.why)


def _relation(step: Step, relation: Relation, block: Block, settings: Settings) -> Judged:
    """An inequality, against the last one."""
    if not symbols(relation):
        return _true_relation(step, relation)
    last, block.last = block.last, relation
    if last is None or not (step.block or step.implied):
        return Judged(step, "premise")
    decision = compare_answers(relation, last, settings)
    if decision.verdict == "equal":
        return Judged(step, "right", "the same inequality", proof=decision.proof)
    above, here = _bound(last), _bound(relation)
    if above is None or here is None or above[0] != here[0]:
        return Judged(step, "unreadable", "it could not be derived from the line above")
    (_, up, least, open_), (_, own_up, own_least, own_open) = above, here
    tighter = least - own_least if up else own_least - least
    if up == own_up and (tighter > 0 or (tighter == 0 and (open_ or not own_open))):
        return Judged(step, "right", "weaker than the inequality above")
    return Judged(step, "wrong", f"it does not follow from {shown(last)}")


def _bound(relation: Relation) -> tuple[str, bool, Fraction, bool] | None:
    """`x > 2` as (name, whether the unknown is above, 2, whether without 2), for a linear inequality in one unknown."""
    names = symbols(relation)
    if len(names) != 1 or len(relation.sides) != 2:
        return None
    name = next(iter(names))
    found = ratio(Add((relation.sides[1], negated(relation.sides[0]))), name)
    if found is None or found.top.degree() != 1 or found.bottom.degree() > 0 or found.cancelled.degree() > 0:
        return None
    line = found.top / found.bottom[0]
    slope, start = (Fraction(int(line[i].p), int(line[i].q)) for i in (1, 0))
    return name, slope > 0, -start / slope, relation.operators[0] == "<"


def _true_relation(step: Step, relation: Relation) -> Judged:
    for left, operator, right in zip(relation.sides, relation.operators, relation.sides[1:], strict=False):
        below, above = exact_value(left), exact_value(right)
        below = near_value(left) if below is None else below
        above = near_value(right) if above is None else above
        if below is None or above is None:
            return Judged(step, "unreadable", "its sides could not be compared")
        if below > above or (below == above and operator == "<"):
            return Judged(step, "wrong", f"{shown(left)} {operator} {shown(right)} is not so")
    return Judged(step, "right", proof=False)
