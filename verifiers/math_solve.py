"""Solutions of equations, checked by putting them in; and whether they are all there are.

How many there are is known from the spec's `count`, or else counted: for rational equations in one unknown by isolating
the roots, for linear systems by rank, for polynomial systems when the spec is loaded (`counted`), and else by Bézout's
bound where the answer reaches it.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from typing import Any

import flint

from modulo.verifiers.math_assignments import AssignmentError, assignments
from modulo.verifiers.math_balls import InconclusiveError, OutsideError, PoleError, evaluate, precision
from modulo.verifiers.math_equal import Decision, Settings, compare
from modulo.verifiers.math_findings import FORM, Job, finding, passed, reference
from modulo.verifiers.math_follow import coefficients
from modulo.verifiers.math_nodes import (
    Add,
    Const,
    Div,
    Equation,
    Expr,
    Mul,
    Num,
    Pow,
    Sym,
    is_expr,
    negated,
    shown,
    substituted,
    symbols,
    walk,
)
from modulo.verifiers.math_points import Domain
from modulo.verifiers.math_poly import Ratio, Root, in_domain, ratio, roots

__all__ = ["check_solutions", "countable", "counted"]

_MAX_SOLUTIONS = 100
_BITS = 256


def check_solutions(job: Job) -> dict[str, Any]:
    """Judge by `solves`."""
    spec = job.spec["solves"]
    equations: list[Equation] = [reference(text, job.declared) for text in spec["equation"]]  # type: ignore[misc]
    unknowns: list[str] = spec["unknowns"]
    names = frozenset[str](unknowns).union(*map(symbols, equations))
    answer = job.read(names=names, form="give the solutions, such as x = 1 or x = 2, or x = 1, y = 2")
    try:
        given = assignments(answer, unknowns)
    except AssignmentError as error:
        return finding("fail", f"{error}; {FORM}", {"read_as": shown(answer)})
    evidence: dict[str, Any] = {"read_as": shown(answer)}
    if len(given) > _MAX_SOLUTIONS:
        return finding("fail", f"more than {_MAX_SOLUTIONS} solutions are given", evidence)
    settings = job.settings()
    proof, undecided = True, ""
    for solution in given:
        shown_as = ", ".join(f"{name} = {shown(value)}" for name, value in solution.items())
        foreign = sorted(frozenset[str]().union(*map(symbols, solution.values())) - (names - set(unknowns)))
        if foreign:
            return finding("fail", f"{', '.join(foreign)} should not occur in the value of an unknown", evidence)
        decision = _holds(solution, shown_as, equations, settings)
        if decision.verdict == "different":
            return finding("fail", decision.why, evidence, locus=shown_as)
        if decision.verdict == "unknown":
            undecided = undecided or f"whether {shown_as} is a solution could not be decided: {decision.why}"
        proof = proof and decision.proof
    if not undecided:
        fault = _complete(given, equations, unknowns, settings, spec)
        if fault is None or fault[0] == "proof":
            how = "each solution put in" + ("" if fault is None else f"; all of them: {fault[1]}")
            return passed({**evidence, "method": how, "solutions": len(given)}, proof=proof)
        return finding(fault[0], fault[1], evidence)
    return finding("unknown", undecided, evidence)


def _holds(solution: dict[str, Expr], shown_as: str, equations: list[Equation], settings: Settings) -> Decision:
    """Whether a solution lies in its domains and satisfies every equation."""
    for name, value in solution.items():
        domain = settings.domains.get(name, "real")
        try:
            inside = _inside(value, domain)
        except PoleError:
            return Decision("different", why=f"{name} = {shown(value)} is not defined")
        if inside is False:
            return Decision("different", why=f"{name} = {shown(value)} is outside of what {name} may be ({domain})")
        if inside is None:
            return Decision("unknown", why=f"whether {name} lies in its domain could not be told")
    parameters = frozenset[str]().union(*map(symbols, solution.values()))
    if parameters:  # roots of what may be negative: principal values
        domains: dict[str, Domain] = dict.fromkeys(parameters, "complex")
        settings = replace(settings, domains=domains | dict(settings.domains))
    proof = True
    for number_, equation in enumerate(equations, 1):
        left, right = (substituted(side, solution) for side in (equation.left, equation.right))  # type: ignore[arg-type]
        decision = compare(left, right, settings)
        which = f"equation {number_} ({shown(equation)})" if len(equations) > 1 else "the equation"
        if decision.verdict == "different":
            why = f"{shown_as} does not satisfy {which}"
            if decision.left == decision.right != "":
                why += ": the two sides are close, but differ"
            elif decision.left and decision.right and not decision.point:
                why += f": the left side is {decision.left}, the right side {decision.right}"
            elif "not defined" in decision.why or "divides by zero" in decision.why:
                why += ": it is not defined there"
            return Decision("different", why=why)
        if decision.verdict == "unknown":
            return decision
        proof = proof and decision.proof
    return Decision("equal", proof=proof)


def _inside(value: Expr, domain: Domain) -> bool | None:
    """Whether a value lies in a domain; values with parameters are taken to."""
    if domain == "complex" or symbols(value):
        return True
    imaginary = Const("i") in walk(value)
    with precision(_BITS):
        try:
            ball = evaluate(value, {}, real=not imaginary)
        except OutsideError:
            return False
        except InconclusiveError:
            return None
    if imaginary and not ball.imag.contains(0):
        return False
    real = ball.real if imaginary else ball
    if domain in ("integer", "natural") and not (isinstance(value, Num) and value.value.denominator == 1):
        exact = compare(value, Num(_nearest(real)), Settings())
        return exact.verdict == "equal" and (domain == "integer" or bool(real > 0.5))
    return in_domain(Root(flint.acb(real), True, 1), domain)


def _nearest(ball: Any) -> Fraction:
    """The integer nearest to a ball's centre."""
    mantissa, exponent = ball.mid().man_exp()
    value = Fraction(int(mantissa)) * Fraction(2) ** int(exponent) if abs(int(exponent)) < 10_000 else Fraction(0)
    return Fraction(round(value))


def _complete(
    given: list[dict[str, Expr]], equations: list[Equation], unknowns: list[str], settings: Settings, spec: Any
) -> tuple[str, str] | None:
    """`None` if any solution will do, ("proof", how) if these are all, else the outcome and why."""
    distinct = _distinct(given, settings)
    if distinct is None:
        return "unknown", "some of the solutions could not be told apart"
    if not spec["all"]:
        return None if given else ("fail", "no solution is given")
    expected, how = _number(equations, unknowns, settings, spec["count"])
    if expected is None:
        bound = _bound(equations, unknowns)
        if bound is not None and distinct >= bound:
            return "proof", "as many as the degrees allow"
        return "unknown", "whether these are all solutions could not be decided"
    if distinct > expected:
        return (
            "unknown",
            f"there are {distinct} solutions here, but only {expected} by count; the problem's spec is wrong",
        )
    if distinct < expected:
        some = f"the {distinct} given" if distinct else "none"
        return "fail", f"there are more solutions than {some}; find all of them"
    return "proof", how


def _distinct(given: list[dict[str, Expr]], settings: Settings) -> int | None:
    kept: list[dict[str, Expr]] = []
    for solution in given:
        same = False
        for other in kept:
            decisions = [compare(solution[name], other[name], settings).verdict for name in solution]
            if all(verdict == "equal" for verdict in decisions):
                same = True
            elif "different" not in decisions:
                return None
        if not same:
            kept.append(solution)
    return len(kept)


def counted(equations: list[Equation], unknowns: list[str]) -> int | None:
    """The number of real solutions of a small system of polynomials, by a lexicographic Gröbner basis over Q.

    If each unknown but the last stands alone in front of a basis element (shape position), the solutions are those of
    the last one, and real exactly where that is. `None` if the basis has another shape.
    """
    from modulo.verifiers.math_sympy import shape

    if (
        not 2 <= len(unknowns) <= 3
        or len(equations) > 4
        or _number(equations, unknowns, Settings(), None)[0] is not None
    ):
        return None
    zeros = [_zero(equation) for equation in equations]
    shapes = (shape(zeros, list(order), degree=4) for order in permutations(unknowns))
    last = next((found for found in shapes if found is not None), None)
    if last is None:
        return None
    found = flint.fmpq_poly([flint.fmpq(int(c.p), int(c.q)) for c in last])
    one = flint.fmpq_poly([1])
    with precision(_BITS):
        return sum(root.real for root in roots(Ratio(found, one, one)) or [])


def countable(equations: list[Equation], unknowns: list[str]) -> bool:
    """Whether the solutions can be counted, or bounded, without being told their number."""
    settings = Settings()
    return _number(equations, unknowns, settings, None)[0] is not None or _bound(equations, unknowns) is not None


def _number(
    equations: list[Equation], unknowns: list[str], settings: Settings, count: int | None
) -> tuple[int | None, str]:
    if count is not None:
        return count, "their number is given"
    zeros = [_zero(equation) for equation in equations]
    if frozenset[str]().union(*map(symbols, zeros)) - set(unknowns):
        return None, ""
    if len(unknowns) == 1 and len(zeros) == 1:
        found = ratio(zeros[0], unknowns[0])
        if found is None:
            return None, ""
        with precision(_BITS):
            inside = [in_domain(root, settings.domains.get(unknowns[0], "real")) for root in roots(found) or []]
            if found.top.degree() < 0 or None in inside:
                return None, ""
        return inside.count(True), "roots isolated and counted"
    rows = [coefficients(zero, unknowns) for zero in zeros]
    if any(row is None for row in rows):
        return None, ""
    table = [[flint.fmpq(v.numerator, v.denominator) for v in row] for row in rows if row is not None]
    rank, whole = flint.fmpq_mat([row[:-1] for row in table]).rank(), flint.fmpq_mat(table).rank()
    if whole > rank:
        return 0, "linear equations that contradict each other"
    return (1, "linear equations of full rank") if rank == len(unknowns) else (None, "")


def _zero(equation: Equation) -> Expr:
    assert is_expr(equation.right)
    return Add((equation.left, negated(equation.right)))  # type: ignore[arg-type]


def _bound(equations: list[Equation], unknowns: list[str]) -> int | None:
    """Bézout's bound for as many polynomial equations as unknowns; it holds where the solutions are finitely many."""
    if len(equations) != len(unknowns):
        return None
    bound = 1
    for equation in equations:
        degree = _degree(_zero(equation), frozenset(unknowns))
        if not degree:
            return None
        bound *= degree
    return bound


def _degree(expr: Expr, names: frozenset[str]) -> int | None:
    """The degree in some names, or more if terms cancel; `None` if it is no polynomial in them."""
    if not symbols(expr) & names:
        return 0
    match expr:
        case Sym():
            return 1
        case Add(args):
            parts = [_degree(a, names) for a in args]
            return None if None in parts else max(p for p in parts if p is not None)
        case Mul(args):
            parts = [_degree(a, names) for a in args]
            return None if None in parts else sum(p for p in parts if p is not None)
        case Div(top, bottom) if not symbols(bottom) & names:
            return _degree(top, names)
        case Pow(base, Num(exponent)) if exponent.denominator == 1 and 0 < exponent <= 100:
            inner = _degree(base, names)
            return None if inner is None else inner * int(exponent)
    return None
