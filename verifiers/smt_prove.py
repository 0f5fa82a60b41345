"""Asking a solver, with limits: Z3, and cvc5 for a second opinion on what is said to be impossible. Runs in a worker.

`rlimit` counts the solver's own steps, so an undecided question is undecided on every machine; the deadline is only for
what does not count its steps, and ends in `unknown` too.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import z3

from modulo.verifiers.smt_python import string_value
from modulo.verifiers.smt_values import Sort, Variable

__all__ = ["Answer", "Limits", "confirmed", "find", "model_values", "valid"]


@dataclass(frozen=True)
class Limits:
    """Steps for each question, and the moment on the monotonic clock when all must be answered."""

    rlimit: int
    deadline: float

    def solver(self, context: Any) -> Any | None:
        """A fresh solver under the limits; `None` if there is no time left."""
        left = int((self.deadline - time.monotonic()) * 1000)
        if left <= 0:
            return None
        solver = z3.Solver(ctx=context)
        solver.set("timeout", left)
        solver.set("rlimit", self.rlimit)
        return solver


@dataclass(frozen=True)
class Answer:
    """`outcome` is `sat`, `unsat` or `unknown`; a `sat` has its model."""

    outcome: str
    model: Any = None


def find(context: Any, formulas: Iterable[Any], limits: Limits) -> Answer:
    """Whether the formulas can hold together."""
    solver = limits.solver(context)
    if solver is None:
        return Answer("unknown")
    solver.add(*formulas)
    outcome = str(solver.check())
    return Answer(outcome, solver.model() if outcome == "sat" else None)


def valid(formula: Any, limits: Limits) -> bool | None:
    """Whether a closed formula is true whatever Z3 leaves open; `None` if it cannot tell."""
    outcome = find(formula.ctx, [z3.Not(formula)], limits).outcome
    return None if outcome == "unknown" else outcome == "unsat"


def confirmed(context: Any, formulas: Sequence[Any], limits: Limits) -> str:
    """What cvc5 says of formulas that Z3 calls unsat: `unsat`, `sat`, `unknown`, or why it was not asked."""
    if find_spec("cvc5") is None:
        return "not installed"
    left = int((limits.deadline - time.monotonic()) * 1000)
    if left <= 0:
        return "no time left"
    solver = z3.Solver(ctx=context)
    solver.add(*formulas)
    text = solver.to_smt2()
    cvc5: Any = import_module("cvc5")  # an extra
    try:
        second = cvc5.Solver(cvc5.TermManager())
        second.setOption("tlimit-per", str(left))
        second.setOption("rlimit-per", str(limits.rlimit))
        parser = cvc5.InputParser(second)
        parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, "(set-logic ALL)\n" + text, "claim")
        symbols, said = parser.getSymbolManager(), "unknown"
        while not (command := parser.nextCommand()).isNull():
            said = str(command.invoke(second, symbols)).strip() or said
    except RuntimeError:  # what Z3 writes in a dialect of its own
        return "cannot read the formulas"
    return said if said in ("sat", "unsat") else "unknown"


def model_values(variables: Sequence[Variable], model: Any) -> tuple[Any, ...] | None:
    """A model as the values of all variables, in order; `None` if one has no form that an answer could have."""
    try:
        return tuple(_value(v.sort, model.eval(v.const, model_completion=True)) for v in variables)
    except _ShapelessError:
        return None


class _ShapelessError(ValueError):
    """A value that no answer can spell, such as an irrational number."""


def _value(sort: Sort, term: Any) -> Any:
    if sort.kind == "bool":
        return z3.is_true(term)
    if sort.kind == "string" and z3.is_string_value(term):
        return string_value(term)
    if sort.kind == "enum":
        for code, member in zip(sort.codes, sort.terms, strict=True):
            if member.eq(term):
                return code
    if sort.kind == "real" and z3.is_rational_value(term):
        number = term.as_fraction()
        return number.numerator if number.denominator == 1 else number
    if sort.kind in ("int", "bitvec"):
        with contextlib.suppress(AttributeError):
            return term.as_long()
    if sort.index is not None and sort.element is not None:
        entries: dict[Any, Any] = {}
        while z3.is_store(term):
            array, index, element = term.children()
            entries.setdefault(_value(sort.index, index), _value(sort.element, element))
            term = array
        if z3.is_K(term):
            return _value(sort.element, term.arg(0)), entries
    raise _ShapelessError
