"""Whether a plan is optimal: compared with the optimum that Fast Downward finds, once for each task.

The planner's answer is not taken at its word: its plan is carried out by our own simulator, and a plan that beats it,
or a planner that finds none, is no verdict but a contradiction. That nothing is better is what it is believed in.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import weakref
from fractions import Fraction
from typing import Any, Final

from modulo.errors import WorkerError
from modulo.types import Critique, Outcome, Verdict, digest
from modulo.verifiers.pool import DeadlineError, MemoryLimitError, shared

__all__ = ["confirmed"]

PRELOAD: Final = ("modulo.verifiers.plan_check", "modulo.verifiers.plan_best")
MEMORY_MB: Final = 2048

_REMEMBERED = 1024
_GRACE = 0.5  # so that whoever searches ends first, and remembers that it was in vain
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
_BOOT = (
    "import sys; a = sys.argv; sys.path[:] = a[2:]; from modulo.verifiers.plan_downward import main; main(int(a[1]))"
)
_SOLVED, _UNSOLVABLE, _NO_MEMORY, _NO_TIME = (0,), (10, 11, 12), (20, 22, 24), (21, 23, -24, -9)
_WORSE = {"cost": "a cheaper plan exists", "length": "a shorter plan exists"}

_optima: dict[str, Fraction | str] = {}
_locks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.WeakValueDictionary[str, asyncio.Lock]] = (
    weakref.WeakKeyDictionary()
)


async def confirmed(verdict: Verdict, task: dict[str, Any], *, limit: float) -> Verdict:
    """`verdict`, a pass, if its plan is best; a fail if there is a better one; `unknown` if nobody can say.

    Args:
        verdict: with the plan's `steps` and `cost` in its evidence.
        task: `domain`, `problem` and `optimal` (`cost` or `length`) of the spec.
        limit: seconds for judging and search together, `verdict.seconds` of which are spent.

    Raises:
        WorkerError: Fast Downward is broken.
    """
    started, goal = time.monotonic(), task["optimal"]
    best = await _optimum(task, limit, limit - verdict.seconds)
    own = Fraction(str(verdict.evidence["steps" if goal == "length" else "cost"]))
    changed: dict[str, Any]
    if isinstance(best, Fraction) and own == best:
        changed = {"evidence": {**verdict.evidence, "optimal": goal, "optimum_by": "Fast Downward"}}
    elif isinstance(best, Fraction) and own > best:
        critique = Critique(message=f"the plan reaches the goal, but {_WORSE[goal]}", locus=goal)
        changed = {"outcome": Outcome.FAIL, "critiques": (critique,), "score": 0.99}
    else:
        why = best if isinstance(best, str) else "the plan beats Fast Downward's optimum"
        critique = Critique(message=f"the plan reaches the goal; whether it is optimal could not be decided: {why}")
        changed = {"outcome": Outcome.UNKNOWN, "critiques": (critique,), "score": None}
    return verdict.model_copy(update={**changed, "seconds": verdict.seconds + time.monotonic() - started})


async def _optimum(task: dict[str, Any], limit: float, seconds: float) -> Fraction | str:
    """The optimum, or why it is not known. Sought once for each task; a search that ran out of time is not repeated."""
    key = digest([task, limit])
    try:
        async with asyncio.timeout(max(seconds, 0) + _GRACE):
            locks = _locks.setdefault(asyncio.get_running_loop(), weakref.WeakValueDictionary())
            async with locks.setdefault(key, asyncio.Lock()):
                if key not in _optima:
                    if len(_optima) >= _REMEMBERED:
                        del _optima[next(iter(_optima))]
                    _optima[key] = await _within(task, limit, seconds)
                return _optima[key]
    except TimeoutError:  # while somebody else was searching
        return _late(limit)


async def _within(task: dict[str, Any], limit: float, seconds: float) -> Fraction | str:
    try:
        async with asyncio.timeout(seconds):
            return await _searched(task, seconds)
    except (TimeoutError, DeadlineError):
        return _late(limit)
    except MemoryLimitError as error:
        return str(error)


def _late(limit: float) -> str:
    return f"Fast Downward did not find the optimum within {limit:g} s"


async def _searched(task: dict[str, Any], seconds: float) -> Fraction | str:
    pool = shared(PRELOAD)
    prepared: Any = await pool.run("modulo.verifiers.plan_best:prepare", task, seconds=seconds)
    code, plan = await _downward({**prepared, "seconds": seconds, "memory_mb": MEMORY_MB})
    if code in _NO_MEMORY:
        return f"Fast Downward needs more than {MEMORY_MB} MiB"
    if code in _NO_TIME:
        raise TimeoutError
    if code in _UNSOLVABLE:
        return "Fast Downward says that there is no plan"
    if code not in _SOLVED:
        raise WorkerError(f"Fast Downward failed with exit status {code}")
    job = {**task, "plan": plan, "goal": prepared["goal"]}
    value: Any = await pool.run("modulo.verifiers.plan_best:appraise", job, seconds=seconds)
    return "Fast Downward's plan is none" if value is None else Fraction(value)


async def _downward(job: dict[str, Any]) -> tuple[int, str]:
    """Exit status and plan of one run, which is one process; it is killed if this is cancelled."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-c",
        _BOOT,
        str(os.getpid()),
        *map(os.path.abspath, sys.path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd="/",
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        start_new_session=True,
    )
    try:
        plan, _ = await process.communicate(json.dumps(job).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode is not None
    return process.returncode, plan.decode("utf-8", "replace")
