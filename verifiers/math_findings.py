"""What every task of the `math` verifier shares: reading texts, and saying what was found."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from modulo.verifiers.math_compare import bare
from modulo.verifiers.math_equal import Decision, Settings
from modulo.verifiers.math_nodes import Expr, Obj, is_expr, shown
from modulo.verifiers.math_points import Domain
from modulo.verifiers.math_read import MathFault, read

__all__ = ["FORM", "Job", "SettledError", "finding", "passed", "place", "reference", "report"]

FORM = "give one answer in LaTeX or plain notation, such as \\frac{1}{2}, 2*x + 1 or {1, 2}, and nothing else"


class SettledError(Exception):
    """The finding is clear before the check is done."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.finding = found
        super().__init__(found["outcome"])


@dataclass(frozen=True)
class Job:
    """One candidate and the loaded spec it is judged by."""

    spec: Mapping[str, Any]
    text: str

    @property
    def declared(self) -> frozenset[str]:
        """Names that the spec declares as variables."""
        return frozenset(self.spec["variables"])

    @property
    def seed(self) -> str:
        """Of the sample points: nobody can write a candidate for its own points."""
        return hashlib.sha256(json.dumps([self.spec, self.text], sort_keys=True).encode()).hexdigest()

    def settings(self, **more: Any) -> Settings:
        """How to compare, from the spec."""
        tolerance = self.spec["tolerance"]
        domains: dict[str, Domain] = {
            name: (value[0], value[1]) if isinstance(value, list) else value
            for name, value in self.spec["variables"].items()
        }
        base: dict[str, Any] = {
            "domains": domains,
            "tolerance": None if tolerance is None else Fraction(tolerance),
            "seed": self.seed,
        }
        return Settings(**(base | more))

    def read(self, *, names: frozenset[str] = frozenset(), form: str = FORM) -> Obj:
        """The candidate as mathematics.

        Raises:
            SettledError: it cannot be read.
        """
        try:
            return read(self.text, names=names | self.declared, declared=self.declared)
        except MathFault as fault:
            message = f"the answer cannot be read: {fault}; {form}"
            raise SettledError(finding("fail", message, {"readable": False})) from None

    def value(self, what: str, *, names: frozenset[str] = frozenset()) -> Expr:
        """The candidate as one expression, without a label such as `x =` in front.

        Raises:
            SettledError: it is none.
        """
        found = bare(self.read(names=names))
        if not is_expr(found):
            raise SettledError(finding("fail", f"{what} is one expression; {FORM}", {}))
        return found  # type: ignore[return-value]


@functools.lru_cache(maxsize=256)
def reference(text: str, declared: frozenset[str] = frozenset()) -> Obj:
    """A text of the spec, which could be read when it was loaded."""
    return read(text, declared=declared)


def place(decision: Decision) -> str:
    """The point at which a difference shows."""
    return ", ".join(f"{name} = {value}" for name, value in decision.point.items())


def finding(
    outcome: str, message: str, evidence: dict[str, Any], counterexample: Any = None, locus: str | None = None
) -> dict[str, Any]:
    """A finding with one critique."""
    critique = {"message": message, "locus": locus, "counterexample": counterexample}
    score = 0.0 if outcome == "fail" else None
    return {"outcome": outcome, "critiques": [critique], "evidence": evidence, "score": score}


def passed(evidence: dict[str, Any], *, proof: bool) -> dict[str, Any]:
    """A pass."""
    guarantee = "proof" if proof else "evidence"
    return {"outcome": "pass", "critiques": [], "evidence": evidence, "score": 1.0, "guarantee": guarantee}


def report(decision: Decision, candidate: Obj, message: str, counterexample: Any = None) -> dict[str, Any]:
    """The finding that a decision amounts to."""
    evidence = {"read_as": shown(candidate), **decision.evidence}
    if decision.verdict == "equal":
        return passed(evidence, proof=decision.proof)
    if decision.verdict == "unknown":
        why = f"your answer, read as {shown(candidate)}, could not be decided: {decision.why}"
        return finding("unknown", why, evidence)
    if counterexample is None and (decision.point or decision.left):
        counterexample = {"at": decision.point, "yours": decision.left or None}
    return finding("fail", message, evidence, counterexample)
