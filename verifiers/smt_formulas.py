"""Candidates that are formulas: written in the language of the spec, and compared with it. Runs in a worker.

A formula is an expression where the spec is written in expressions, and an SMT-LIB term (or assertions) where the spec
is SMT-LIB. It may use the spec's constants and nothing else the spec defines or names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import z3

from modulo.verifiers.smt_bind import MisfitError, read
from modulo.verifiers.smt_defined import UnsupportedError, analyse, surely
from modulo.verifiers.smt_expr import ExprError
from modulo.verifiers.smt_prove import Limits, confirmed, find, model_values
from modulo.verifiers.smt_spec import Compiled
from modulo.verifiers.smt_values import bind_terms, shown, text
from modulo.verifiers.smtlib_text import SmtlibError
from modulo.verifiers.strict_json import shorten

__all__ = ["compare"]

_MAX_CHARS = 20_000


def compare(compiled: Compiled, candidate: str, limits: Limits, *, as_json: bool) -> dict[str, Any]:
    """A finding on a formula, for the modes `entailed`, `entails` and `equivalent`."""
    try:
        formula = _formula(compiled, candidate, as_json=as_json)
    except _FormulaError as error:
        return {"outcome": "fail", "critiques": [{"message": str(error)}], "score": 0.0}
    reference = z3.And(*(c.holds for c in compiled.constraints), compiled.context)
    domains = list(compiled.domains)
    mode = compiled.options.mode
    asked = []
    if mode in ("entailed", "equivalent"):
        formulas = [*domains, reference, z3.Not(formula)]
        asked.append((formulas, "the constraints hold, but your formula does not"))
    if mode in ("entails", "equivalent"):
        formulas = [*domains, formula, z3.Not(reference)]
        asked.append((formulas, "your formula holds, but not every constraint does"))
    seconds = {}
    for formulas, words in asked:
        answer = find(compiled.context, formulas, limits)
        if answer.outcome == "sat":
            return _refuted(compiled, answer.model, formulas, words)
        if answer.outcome == "unknown":
            return _undecided()
        seconds[words] = confirmed(compiled.context, formulas, limits)
    if mode != "equivalent":
        empty = [*domains, z3.Not(formula) if mode == "entailed" else formula]
        outcome = find(compiled.context, empty, limits).outcome
        if outcome == "unknown":
            return _undecided()
        if outcome == "unsat":
            says = "always holds, so it says nothing" if mode == "entailed" else "never holds, so it entails anything"
            return {"outcome": "fail", "critiques": [{"message": f"your formula {says}"}], "score": 0.0}
    evidence = {"mode": mode, "proved_by": {"z3": "unsat", "cvc5": "; ".join(dict.fromkeys(seconds.values()))}}
    if "sat" in seconds.values():
        return {**_undecided(), "evidence": evidence}
    return {"outcome": "pass", "evidence": evidence, "score": 1.0}


class _FormulaError(ValueError):
    """The candidate is not a formula that can be compared, in words."""


def _formula(compiled: Compiled, candidate: str, *, as_json: bool) -> Any:
    """Where the candidate's formula is true and defined."""
    written = candidate.strip()
    if as_json:
        try:
            answer = read(candidate)
        except MisfitError as error:
            raise _FormulaError(str(error)) from None
        if not isinstance(answer, dict) or answer.keys() != {"formula"} or not isinstance(answer["formula"], str):
            raise _FormulaError('answer with one JSON object, {"formula": "…"}')
        written = answer["formula"]
    if len(written) > _MAX_CHARS:
        raise _FormulaError(f"the formula has {len(written)} characters; at most {_MAX_CHARS} are read")
    reader: Callable[[str], Any] = compiled.scope.formula
    try:
        formula = reader(written)
        _, partial = analyse(formula)
        return surely(formula)[0] if partial else formula
    except (ExprError, SmtlibError, UnsupportedError) as error:
        raise _FormulaError(str(error)) from None
    except RecursionError:
        raise _FormulaError("the formula is nested too deeply") from None


def _refuted(compiled: Compiled, model: Any, formulas: list[Any], words: str) -> dict[str, Any]:
    values = model_values(compiled.variables, model)
    if values is None:
        return {"outcome": "fail", "critiques": [{"message": f"for some values {words}"}], "score": 0.0}
    # A solver's model is evidence only once it has been evaluated.
    pairs = bind_terms(compiled.variables, values)
    if any(z3.is_false(z3.simplify(z3.substitute(formula, *pairs))) for formula in formulas):
        return _undecided()
    variables = list(zip(compiled.variables, values, strict=True))
    listed = ", ".join(f"{v.name} = {shorten(text(v.sort, value), 80)}" for v, value in variables)
    counterexample = {v.name: shown(v.sort, value) for v, value in variables}
    critique = {"message": f"with {shorten(listed, 500)} {words}", "counterexample": counterexample}
    return {"outcome": "fail", "critiques": [critique], "score": 0.0}


def _undecided() -> dict[str, Any]:
    message = "the solver cannot decide how your formula and the constraints are related"
    return {"outcome": "unknown", "critiques": [{"message": message}]}
