"""`modulo solve`."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from modulo.api import Solution, drive
from modulo.cli.view import open_view
from modulo.compose import bind, options
from modulo.config import load_settings
from modulo.errors import ProblemError, UsageError
from modulo.graphs.steps import solution_of
from modulo.plugins import strategy_builder
from modulo.problems import load_problems
from modulo.traces import TraceStore
from modulo.types import Problem, Status

__all__ = ["run"]


def run(paths: Sequence[str], flags: Mapping[str, Any], *, as_json: bool) -> int:
    """Solve every problem of every file in order. Returns the exit code."""
    settings = load_settings(flags)
    strategy = settings.strategy or ("critique_retry" if settings.rounds and not settings.n else "best_of_n")
    strategy_builder(strategy)
    for flag, owner in (("rounds", "critique_retry"), ("n", "best_of_n")):
        if flags.get(flag) is not None and owner != strategy and strategy in ("critique_retry", "best_of_n"):
            dash = "-" if flag == "n" else "--"
            sys.stderr.write(f"modulo: note: {dash}{flag} is for {owner}; {strategy} does not use it\n")
    if list(paths).count("-") > 1:
        raise UsageError("PROBLEM: - can be given once only: standard input is read once")
    problems = [problem for path in paths for problem in load_problems(path)]
    _check_ids(problems)
    context = bind(**options(settings))
    for problem in problems:
        context.bank_for(problem)
    TraceStore(settings.trace).prepare()
    # Like Ctrl-C, which asyncio turns into a cancellation of the solve rather than an exception anywhere.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    return asyncio.run(_solve_all(problems, context, strategy, as_json=as_json))


def _check_ids(problems: Sequence[Problem]) -> None:
    seen: set[str] = set()
    for problem in problems:
        if problem.id in seen:
            raise ProblemError(f"{problem.id!r} stands twice among the problems given", field="id")
        seen.add(problem.id)


async def _solve_all(problems: Sequence[Problem], context: Any, strategy: str, *, as_json: bool) -> int:
    statuses = []
    unavailable: Solution | None = None
    try:
        if (prepare := getattr(context.generator, "prepare", None)) is not None:
            await prepare()  # a download shows its own progress, so before the view
        with open_view(len(problems), context) as view:
            for problem in problems:
                if unavailable is not None:
                    statuses.append(Status.ERROR)
                    _print_untried(problem, unavailable, as_json=as_json)
                    continue
                view.start(problem)
                solution = None
                async for event in drive(problem, context, strategy):
                    if isinstance(event, Solution):
                        solution = event
                    else:
                        view.show(event)
                assert solution is not None
                view.finish(solution)
                statuses.append(solution.status)
                _print(solution, as_json=as_json)
                unavailable = solution if solution.status is Status.ERROR else None
            view.summary(statuses)
    finally:
        await context.generator.aclose()
    if Status.ERROR in statuses:
        return 4
    return 0 if all(s is Status.VERIFIED for s in statuses) else 1


def _print(solution: Solution, *, as_json: bool) -> None:
    if as_json:
        _line(solution_of(solution.trace))
    elif solution.candidate is not None:
        sys.stdout.write(solution.candidate.rstrip("\n") + "\n")
        sys.stdout.flush()


def _print_untried(problem: Problem, reason: Solution, *, as_json: bool) -> None:
    if as_json:
        _line(
            {
                "problem_id": problem.id,
                "status": "error",
                "answer": None,
                "verdicts": [],
                "termination": "not tried",
                "error": reason.error,
                "usage": {"prompt_tokens": 0, "completion_tokens": 0, "cost": None, "estimated": False},
                "trace_id": None,
            }
        )


def _line(data: Any) -> None:
    sys.stdout.write(json.dumps(data, ensure_ascii=True) + "\n")
    sys.stdout.flush()
