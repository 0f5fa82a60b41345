"""The compiled check against the solver: 10,000 candidates over specs of every kind, and they agree on each.

The referee shares no code with the check: Z3 evaluates the spec's own formulas at the candidate's values, which are
made into Z3 terms here. Where that leaves something open, and for a tenth of the candidates anyway, a solver is asked
whether the formulas could be false, so what hangs on a division by zero is refused, as the check refuses it.
"""

from __future__ import annotations

import ctypes
import json
import random
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
import z3
from tests.verifiers.smt_twenty import SPECS, Case

from modulo.verifiers.smt_check import check_many
from modulo.verifiers.smt_compile import compile_spec

CANDIDATES = 460
"""Of each spec: 10,000 in all."""


def term(value: Any, sort: Any) -> Any:
    """A Python value as a Z3 term."""
    if isinstance(value, tuple):
        array = z3.K(sort.domain(), term(value[0], sort.range()))
        for key, item in value[1].items():
            array = z3.Store(array, term(key, sort.domain()), term(item, sort.range()))
        return array
    if isinstance(sort, z3.DatatypeSortRef):
        return next(c() for c in map(sort.constructor, range(sort.num_constructors())) if c.name() == value)
    if sort == z3.StringSort(sort.ctx):
        return z3.StringVal("".join(f"\\u{{{ord(char):x}}}" for char in value), sort.ctx)
    if sort == z3.BoolSort(sort.ctx):
        return z3.BoolVal(value, sort.ctx)
    return sort.cast(str(value))


def value(term: Any) -> Any:
    """A value of a model as Python's."""
    if z3.is_string_value(term):
        size = z3.Z3_get_string_length(term.ctx_ref(), term.as_ast())
        codes = (ctypes.c_uint * size)()
        z3.Z3_get_string_contents(term.ctx_ref(), term.as_ast(), size, codes)
        return "".join(map(chr, codes))
    if z3.is_bool(term):
        return z3.is_true(term)
    if isinstance(term, z3.DatatypeRef):
        return term.decl().name()
    return Fraction(term.as_fraction()) if z3.is_real(term) else term.as_long()


def as_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return {"entries": [[as_json(k), as_json(v)] for k, v in value[1].items()], "default": as_json(value[0])}
    return f"{value.numerator}/{value.denominator}" if isinstance(value, Fraction) else value


class Referee:
    """One solver for one spec."""

    def __init__(self, case: Case) -> None:
        self.case = case
        if "smtlib" in case.spec:
            names = list(case.values)
            probes = "".join(f"(assert (= {name} {name}))" for name in names)
            parsed = list(z3.parse_smt2_string(case.spec["smtlib"] + probes, ctx=z3.Context()))
            formulas = parsed[: -len(names)]
            self.constants = {n: f.arg(0) for n, f in zip(names, parsed[-len(names) :], strict=True)}
        else:
            compiled = compile_spec(case.spec)
            formulas = [*(constraint.holds for constraint in compiled.constraints), *compiled.domains]
            self.constants = {v.name: v.const for v in compiled.variables}
            self.names = {v.name: dict(zip(v.sort.names, v.sort.terms, strict=True)) for v in compiled.variables}
        context = formulas[0].ctx
        self.all = z3.And(*formulas)
        self.solver, self.refuter = z3.Solver(ctx=context), z3.Solver(ctx=context)
        self.solver.add(self.all)

    def wanted(self, name: str, value: Any) -> Any:
        if "smtlib" not in self.case.spec and self.names[name]:
            return self.names[name][value]
        return term(value, self.constants[name].sort())

    def accepts(self, answer: dict[str, Any], *, thoroughly: bool) -> bool:
        pairs = [(self.constants[name], self.wanted(name, value)) for name, value in answer.items()]
        truth = z3.simplify(z3.substitute(self.all, *pairs))
        decided = z3.is_true(truth) if z3.is_true(truth) or z3.is_false(truth) else None
        if decided is None or thoroughly:
            self.refuter.reset()
            self.refuter.add(z3.Not(self.all), *(constant == value for constant, value in pairs))
            outcome = self.refuter.check()
            assert outcome != z3.unknown
            assert decided in (None, outcome == z3.unsat)
            decided = outcome == z3.unsat
        return bool(decided)

    def solutions(self, rng: random.Random) -> list[dict[str, Any]]:
        """Some answers that satisfy the spec, each near random values."""
        if self.case.known:
            return list(self.case.known)
        found = []
        for _ in range(12):
            self.solver.push()
            for name in rng.sample(list(self.constants), min(3, len(self.constants))):
                self.solver.push()
                self.solver.add(self.constants[name] == self.wanted(name, rng.choice(self.case.values[name])))
                if self.solver.check() != z3.sat:
                    self.solver.pop()
            assert self.solver.check() == z3.sat
            model = self.solver.model()
            answer = {n: value(model.eval(c, model_completion=True)) for n, c in self.constants.items()}
            if "smtlib" not in self.case.spec:
                for name, terms in self.names.items():
                    if terms:
                        answer[name] = next(n for n, t in terms.items() if t.as_long() == answer[name])
            found.append(answer)
            while self.solver.num_scopes():
                self.solver.pop()
        return found


@pytest.mark.parametrize("case", SPECS, ids=lambda case: case.name)
def test_the_compiled_check_and_the_solver_agree(case: Case) -> None:
    rng = random.Random(case.name)
    referee = Referee(case)
    solutions = referee.solutions(rng)
    answers = []
    for i in range(CANDIDATES):
        answer = dict(rng.choice(solutions))
        changed = [[], rng.sample(list(answer), 1), rng.sample(list(answer), min(2, len(answer))), list(answer)][i % 4]
        answers.append(answer | {name: rng.choice(case.values[name]) for name in changed})
    texts = [json.dumps({name: as_json(v) for name, v in answer.items()}) for answer in answers]
    findings = list(check_many({"spec": json.dumps(case.spec), "seconds": 10, "candidates": texts}))
    outcomes = Counter(finding["outcome"] for finding in findings)
    assert outcomes["pass"] > 0
    assert outcomes["fail"] > 0
    assert outcomes.keys() <= {"pass", "fail"}
    for i, (answer, finding) in enumerate(zip(answers, findings, strict=True)):
        accepted = referee.accepts(answer, thoroughly=i % 10 == 0)
        assert (finding["outcome"] == "pass") == accepted, (answer, finding)
    compiled = compile_spec(case.spec)
    assert bool(compiled.slow) == case.name.startswith("quantifiers")


def test_there_are_ten_thousand() -> None:
    assert len(SPECS) * CANDIDATES >= 10_000
