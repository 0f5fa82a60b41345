"""Why a partial answer cannot be completed: what is in conflict, and what to change. Runs in a worker.

A *minimal unsatisfiable set* of values and constraints cannot hold together, and any part of it can. A *minimal
correction set* is a set of values whose removal lets the rest be completed, none of which may be kept. Both are found
by removing one item after the other, in the order of the spec, so they are the same every time; both are left out where
the solver's limits do not suffice. Marques-Silva, Janota and Mencía, Minimal sets on propositional formulae (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import z3

from modulo.verifiers.smt_prove import Limits
from modulo.verifiers.smt_spec import Compiled
from modulo.verifiers.smt_values import text, to_z3
from modulo.verifiers.strict_json import shorten

__all__ = ["why_not"]

_MAX_ITEMS = 2000


class _UndecidedError(Exception):
    """The solver's limits do not suffice."""


@dataclass(frozen=True)
class _Item:
    """A value or a constraint: `formula` holds wherever `switch` is on."""

    switch: Any
    formula: Any
    name: str
    is_value: bool


class _Question:
    """Whether sets of items can hold together, asked of one solver by its switches."""

    def __init__(self, compiled: Compiled, items: list[_Item], limits: Limits) -> None:
        solver = limits.solver(compiled.context)
        if solver is None:
            raise _UndecidedError
        solver.add(*compiled.domains, *(z3.Implies(item.switch, item.formula) for item in items))
        self._solver, self._items = solver, items

    def conflict(self, items: list[_Item]) -> list[_Item] | None:
        """`None` if the items can hold together, else those of them that the solver found in conflict, in order."""
        outcome = self._solver.check(*(item.switch for item in items))
        if outcome == z3.unknown:
            raise _UndecidedError
        if outcome == z3.sat:
            return None
        core = {switch.get_id() for switch in self._solver.unsat_core()}
        return [item for item in items if item.switch.get_id() in core]


def why_not(compiled: Compiled, values: dict[str, Any], limits: Limits) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Critiques on the values that a partial answer gives, and evidence; no critiques if it can be completed."""
    bound = [
        _item(compiled, v.const == to_z3(v.sort, values[v.name], v.const.sort()), v.name, is_value=True)
        for v in compiled.variables
        if v.name in values
    ]
    sorts = {v.name: v.sort for v in compiled.variables}
    rules = [_item(compiled, c.holds, c.name, is_value=False) for c in compiled.constraints]
    if len(bound) + len(rules) > _MAX_ITEMS:
        return [], {"completable": "not asked"}
    try:
        question = _Question(compiled, bound + rules, limits)
        core = question.conflict(bound + rules)
        if core is None:
            return [], {"completable": True}
        core = _minimal(question, core)
        change = _to_change(question, bound, rules)
    except _UndecidedError:
        return [], {"completable": "undecided"}
    given = [item.name for item in core if item.is_value]
    against = [item.name for item in core if not item.is_value]
    evidence = {"completable": False, "values_in_conflict": given, "constraints_in_conflict": against}
    listed = ", ".join(f"{name} = {shorten(text(sorts[name], values[name]), 80)}" for name in given)
    if not given:
        return [{"message": f"no answer is possible: {_join(against)} are in conflict by themselves"}], evidence
    what = f"{shorten(listed, 300)} cannot be completed" + (f", because of {_join(against)}" if against else "")
    names = [item.name for item in change]
    return [
        {"message": what, "counterexample": {"values": given, "constraints": against}},
        {"message": f"the rest can be completed if {_join(names)} changes", "locus": names[0]},
    ], {**evidence, "change": names}


def _item(compiled: Compiled, formula: Any, name: str, *, is_value: bool) -> _Item:
    return _Item(z3.FreshConst(z3.BoolSort(compiled.context), "on"), formula, name, is_value)


def _minimal(question: _Question, core: list[_Item]) -> list[_Item]:
    """Constraints go first where they can, so that what is left tells as much as possible about the values."""
    for item in sorted(core, key=lambda item: item.is_value):
        if item in core and (smaller := question.conflict([other for other in core if other is not item])) is not None:
            core = smaller
    return core


def _to_change(question: _Question, bound: list[_Item], rules: list[_Item]) -> list[_Item]:
    kept = list(rules)
    change = []
    for item in bound:
        if question.conflict([*kept, item]) is None:
            kept.append(item)
        else:
            change.append(item)
    return change


def _join(names: list[str]) -> str:
    return shorten(" and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0], 300)
