"""The `plan` verifier: is the candidate a plan that solves a PDDL problem, within bounds, or an optimal one?

A pass is a proof: the plan was executed step by step. See `verifiers/pddl.py` for the PDDL that is understood, and
`verifiers/plan_text.py` for the notations of a plan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BeforeValidator, Field, JsonValue, ValidationError

from modulo.errors import MissingExtraError, ProblemError
from modulo.protocols import Sandbox
from modulo.types import Guarantee, Outcome, Problem, Value, Verdict
from modulo.verifiers.judging import judge, judge_many
from modulo.verifiers.pddl import parse_domain, parse_problem
from modulo.verifiers.plan_check import is_strips
from modulo.verifiers.plan_encode import UnsuitableError, encode, objective
from modulo.verifiers.plan_optimal import PRELOAD, confirmed
from modulo.verifiers.plan_task import PlanTask
from modulo.verifiers.sexpr import SyntaxFault
from modulo.verifiers.specs import problem_error, read_beside
from modulo.verifiers.strips import compiled

__all__ = ["PlanSpec", "PlanVerifier", "factory"]

NAME: Final = "plan"
VERSION: Final = "2"
_MAX_PATH: Final = 1000
EXTRA: Final = 'pip install "llm-modulo[planning]"'


def _exact(value: object) -> str:
    """The number as an exact fraction's text, whichever way it was written."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        return str(Fraction(str(value)))
    except (ValueError, ZeroDivisionError):
        raise ValueError('expected a number, such as 12, 2.5 or "5/2"') from None


def _best_in(value: object) -> object:
    if isinstance(value, bool) or value in ("cost", "length"):
        return value
    raise ValueError("expected true, cost or length")


class PlanSpec(Value):
    """Spec of the `plan` verifier.

    Attributes:
        domain: PDDL text, or the path of a file beside the problem file (a value without a parenthesis is a path).
        problem: the same for the problem.
        max_steps: the most steps that a plan may have.
        max_cost: the most that it may cost.
        optimal: the plan has to be the best in `cost` or in `length`; `true`: in what the problem's metric says.
        seconds: deadline of one check, the search for the optimum included.
    """

    domain: str
    problem: str
    max_steps: int | None = Field(default=None, ge=0, strict=True)
    max_cost: Annotated[str, BeforeValidator(_exact)] | None = None
    optimal: Annotated[bool | Literal["cost", "length"], BeforeValidator(_best_in)] = False
    seconds: float = Field(default=10.0, gt=0, le=600)


class PlanVerifier:
    """Judges plans for one PDDL problem, in a worker process."""

    name = NAME
    version = VERSION
    guarantee = Guarantee.PROOF

    def __init__(self, spec: PlanSpec, *, hard: bool) -> None:
        self._spec = spec
        self.hard = hard
        self._preload: tuple[str, ...] | None = None
        self._payload: dict[str, JsonValue] = spec.model_dump(include={"domain", "problem", "max_steps", "max_cost"})

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        """Execute the plan; see `verifiers/plan_check.py`."""
        preload = await self._modules()
        verdict = await judge(
            NAME,
            VERSION,
            function="modulo.verifiers.plan_check:check",
            payload={**self._payload, "candidate": candidate},
            preload=preload,
            seconds=self._spec.seconds,
            hard=self.hard,
            guarantee=self.guarantee,
        )
        return await self._best(verdict)

    async def verify_many(self, problem: Problem, candidates: Sequence[str]) -> list[Verdict]:
        """Execute many plans, in order."""
        preload = await self._modules()
        verdicts = await judge_many(
            NAME,
            VERSION,
            function="modulo.verifiers.plan_check:check_many",
            payload=self._payload,
            candidates=candidates,
            preload=preload,
            seconds=self._spec.seconds,
            hard=self.hard,
            guarantee=self.guarantee,
        )
        return [await self._best(verdict) for verdict in verdicts]

    async def _modules(self) -> tuple[str, ...]:
        """What its workers have to have imported: a second opinion takes a second to import."""
        if self._preload is None:
            plain = await asyncio.to_thread(is_strips, self._spec.domain, self._spec.problem)
            self._preload = PRELOAD if plain else (*PRELOAD, "modulo.verifiers.plan_library")
        return self._preload

    async def _best(self, verdict: Verdict) -> Verdict:
        if not self._spec.optimal or verdict.outcome is not Outcome.PASS:
            return verdict
        task = self._spec.model_dump(include={"domain", "problem", "optimal"})
        return await confirmed(verdict, task, limit=self._spec.seconds)


class PlanFactory:
    """Builds `PlanVerifier`s; the entry point `plan`."""

    name = NAME

    def load(self, spec: JsonValue, *, base: Path | None) -> JsonValue:
        """Inline the two files, parse and check both texts, and make `optimal: true` say what is meant.

        Raises:
            ProblemError: a file is missing, or the PDDL is wrong or not supported; names field, file and line.
            MissingExtraError: the task, or `optimal`, needs a library that is not installed.
        """
        parsed = _validated(spec)
        domain_text, domain_file = _text("domain", parsed.domain, base)
        problem_text, problem_file = _text("problem", parsed.problem, base)
        domain = _parsed("domain", domain_file, lambda: parse_domain(domain_text))
        task = _parsed("problem", problem_file, lambda: parse_problem(domain, problem_text))
        loaded: dict[str, Any] = {"domain": domain_text, "problem": problem_text, "seconds": parsed.seconds}
        if compiled(task) is None and find_spec("unified_planning") is None:
            raise MissingExtraError(f"plan: conditional or quantified parts and numbers need an extra: {EXTRA}")
        if parsed.max_steps is not None:
            loaded["max_steps"] = parsed.max_steps
        if parsed.max_cost is not None:
            _check_cost(task)
            loaded["max_cost"] = parsed.max_cost
        if parsed.optimal:
            loaded["optimal"] = _objective(task, parsed.optimal)
        return loaded

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> PlanVerifier:
        """A verifier for a loaded spec; the sandbox is not needed."""
        return PlanVerifier(_validated(spec), hard=hard)


def _check_cost(task: PlanTask) -> None:
    if task.metric is not None and (task.metric.goal != "minimize" or task.metric.expression == ("total-time",)):
        raise ProblemError("the problem's metric is no cost to minimize", field="max_cost")
    if task.metric is None and "total-cost" not in task.functions:
        raise ProblemError("nothing here has a cost; write max_steps", field="max_cost")


def _objective(task: PlanTask, asked: str | bool) -> str:
    try:
        goal = objective(task, asked)
        encode(task, goal)
    except UnsuitableError as error:
        raise ProblemError(str(error), field="optimal") from None
    if find_spec("up_fast_downward") is None or find_spec("fast_downward") is None:
        raise MissingExtraError(f"plan: optimal needs Fast Downward, an extra: {EXTRA}")
    return goal


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
    if not value.strip() or "\n" in value.strip() or len(value) > _MAX_PATH:
        raise ProblemError("give PDDL text or the path of a file", field=field)
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
