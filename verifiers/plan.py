"""The `plan` verifier: is the candidate a plan that solves a PDDL problem?

A pass is a proof: the plan was executed step by step. See `verifiers/pddl.py` for the PDDL that is understood.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from pydantic import Field, JsonValue, ValidationError

from modulo.errors import ProblemError
from modulo.protocols import Sandbox
from modulo.types import Guarantee, Problem, Value, Verdict
from modulo.verifiers.judging import judge
from modulo.verifiers.pddl import parse_domain, parse_problem
from modulo.verifiers.sexpr import SyntaxFault
from modulo.verifiers.specs import problem_error, read_beside

__all__ = ["PlanSpec", "PlanVerifier", "factory"]

NAME: Final = "plan"
VERSION: Final = "1"


class PlanSpec(Value):
    """Spec of the `plan` verifier.

    Attributes:
        domain: PDDL text, or the path of a file beside the problem file (a value without a parenthesis is a path).
        problem: the same for the problem.
        seconds: deadline of one check.
    """

    domain: str
    problem: str
    seconds: float = Field(default=10.0, gt=0, le=600)


class PlanVerifier:
    """Judges plans for one PDDL problem, in a worker process."""

    name = NAME
    version = VERSION
    guarantee = Guarantee.PROOF

    def __init__(self, spec: PlanSpec, *, hard: bool) -> None:
        self._spec = spec
        self.hard = hard

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        """Execute the plan; see `verifiers/plan_check.py`."""
        return await judge(
            NAME,
            VERSION,
            function="modulo.verifiers.plan_check:check",
            payload={"domain": self._spec.domain, "problem": self._spec.problem, "candidate": candidate},
            preload=("modulo.verifiers.plan_check",),
            seconds=self._spec.seconds,
            hard=self.hard,
            guarantee=self.guarantee,
        )


class PlanFactory:
    """Builds `PlanVerifier`s; the entry point `plan`."""

    name = NAME

    def load(self, spec: JsonValue, *, base: Path | None) -> JsonValue:
        """Inline the two files, and parse and check both texts.

        Raises:
            ProblemError: a file is missing, or the PDDL is wrong or not supported; names field, file and line.
        """
        parsed = _validated(spec)
        domain_text, domain_file = _text("domain", parsed.domain, base)
        problem_text, problem_file = _text("problem", parsed.problem, base)
        domain = _parsed("domain", domain_file, lambda: parse_domain(domain_text))
        _parsed("problem", problem_file, lambda: parse_problem(domain, problem_text))
        return {"domain": domain_text, "problem": problem_text, "seconds": parsed.seconds}

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> PlanVerifier:
        """A verifier for a loaded spec; the sandbox is not needed."""
        return PlanVerifier(_validated(spec), hard=hard)


T = TypeVar("T")


def _validated(spec: JsonValue) -> PlanSpec:
    try:
        return PlanSpec.model_validate(spec)
    except ValidationError as error:
        raise problem_error(error) from None


def _text(field: str, value: str, base: Path | None) -> tuple[str, str]:
    """The PDDL text of a field, and the file it came from or ""."""
    if "(" in value:
        return value, ""
    if not value.strip():
        raise ProblemError("empty; give PDDL text or a path", field=field)
    text, name = read_beside(value.strip(), base, field=field), str((base or Path()) / value.strip())
    if "(" not in text:
        raise ProblemError(f"{name} holds no PDDL", field=field)
    return text, name


def _parsed(field: str, file: str, parse: Callable[[], T]) -> T:
    try:
        return parse()
    except SyntaxFault as fault:
        place = f"{file}:{fault.line}" if file else f"line {fault.line}"
        raise ProblemError(f"{place}: {fault.message}", field=field) from None


factory = PlanFactory()
