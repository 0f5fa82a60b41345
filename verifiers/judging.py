"""From a check in a worker to a verdict, the same way for every verifier that uses the pool.

A check function returns one JSON object, the fields of `modulo.verifiers.finding.Finding`:

    {"outcome": "pass" | "fail" | "unknown",
     "critiques": [{"message": …, "locus": …, "counterexample": …}],     # may be left out
     "evidence": {…}, "score": 0…1 | null, "guarantee": "proof" | …}     # may be left out

It returns a `fail` for whatever a candidate may be, and raises only for a bug of its own.
"""

from __future__ import annotations

import time
from typing import Any

from pydantic import JsonValue, ValidationError

from modulo.errors import WorkerError
from modulo.types import Guarantee, Verdict
from modulo.verifiers.finding import Finding, fail, unknown
from modulo.verifiers.pool import DeadlineError, MemoryLimitError, PayloadSizeError, shared

__all__ = ["judge", "printable", "verdict"]


async def judge(
    verifier: str,
    version: str,
    *,
    function: str,
    payload: JsonValue,
    preload: tuple[str, ...],
    seconds: float,
    hard: bool,
    guarantee: Guarantee,
) -> Verdict:
    """Run `function` ("package.module:name") on `payload` in the shared pool of `preload`, and make a verdict of it.

    A deadline or a memory limit that is reached is `unknown`: it says nothing about the candidate. A payload over the
    pool's size limit is a `fail`, since loading the spec has already shown that the spec itself fits.

    Raises:
        WorkerError: the worker broke, or the check function has a bug; the bank makes an `error` of it.
    """
    started = time.monotonic()
    try:
        answer: Any = await shared(preload).run(function, payload, seconds=seconds)
        finding = Finding.model_validate(printable(answer))
    except DeadlineError:
        finding = unknown(f"could not be decided within {seconds:g} s", evidence={"deadline_seconds": seconds})
    except MemoryLimitError as error:
        finding = unknown(f"could not be decided: {error}", evidence={"memory_limit": True})
    except PayloadSizeError:
        finding = fail("the answer is far too long to be checked")
    except ValidationError as error:
        raise WorkerError(f"{function} returned no finding: {error.errors()[0]['msg']}") from error
    return verdict(finding, verifier, version, hard=hard, guarantee=guarantee, seconds=time.monotonic() - started)


def verdict(
    finding: Finding, verifier: str, version: str, *, hard: bool, guarantee: Guarantee, seconds: float
) -> Verdict:
    """The verdict that a finding amounts to. A finding may weaken the verifier's guarantee, never strengthen it."""
    order = list(Guarantee)
    return Verdict(
        verifier=verifier,
        version=version,
        outcome=finding.outcome,
        hard=hard,
        guarantee=max(guarantee, finding.guarantee or guarantee, key=order.index),
        critiques=finding.critiques,
        evidence=finding.evidence,
        score=finding.score,
        seconds=seconds,
    )


def printable(value: Any) -> Any:
    """The same JSON with lone surrogates, which a candidate may hold and UTF-8 cannot, shown as `?`."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list | tuple):
        return [printable(item) for item in value]
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    return value
