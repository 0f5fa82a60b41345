"""From a check in a worker to a verdict, the same way for every verifier that uses the pool.

A check function returns one JSON object, the fields of `modulo.verifiers.finding.Finding`:

    {"outcome": "pass" | "fail" | "unknown",
     "critiques": [{"message": …, "locus": …, "counterexample": …}],     # may be left out
     "evidence": {…}, "score": 0…1 | null, "guarantee": "proof" | …}     # may be left out

It returns a `fail` for whatever a candidate may be, and raises only for a bug of its own. For batches it is a generator
function that yields such an object for each of many candidates.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue, ValidationError

from modulo.bank import error_verdict
from modulo.errors import WorkerError
from modulo.types import Critique, Guarantee, Verdict
from modulo.verifiers.finding import Finding, fail, unknown
from modulo.verifiers.pool import DeadlineError, MemoryLimitError, PayloadSizeError, shared

__all__ = ["judge", "judge_many", "printable", "verdict"]

_ORDER = {guarantee: place for place, guarantee in enumerate(Guarantee)}


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
        answer = await shared(preload).run(function, payload, seconds=seconds)
        finding = _finding(answer, function)
    except WorkerError as error:
        finding = _limit(error, seconds)
    return verdict(finding, verifier, version, hard=hard, guarantee=guarantee, seconds=time.monotonic() - started)


async def judge_many(
    verifier: str,
    version: str,
    *,
    function: str,
    payload: dict[str, JsonValue],
    candidates: Sequence[str],
    preload: tuple[str, ...],
    seconds: float,
    hard: bool,
    guarantee: Guarantee,
) -> list[Verdict]:
    """Verdicts on many candidates, in order, for `verify_many`; the same as `judge` gives on each.

    `function` names a generator function of `{**payload, "candidates": […]}` that yields one finding for each of its
    candidates, in order. It gets them in chunks, which are spread over the workers. Each candidate has `seconds` of
    its own, and one that hangs, crashes or eats memory is `unknown` or an `error` by itself: the others go on.

    Raises:
        WorkerError: the pool is closed.
    """

    def convert(body: bytes, spent: float) -> Verdict:
        return verdict(_parsed(body, function), verifier, version, hard=hard, guarantee=guarantee, seconds=spent)

    def settled(result: Verdict | WorkerError) -> Verdict:
        if isinstance(result, Verdict):
            return result
        spent = seconds if isinstance(result, DeadlineError) else 0.0
        try:
            finding = _limit(result, seconds)
        except WorkerError:  # it has been tried twice
            return error_verdict(verifier, version, result, hard=hard, guarantee=guarantee, seconds=spent)
        return verdict(finding, verifier, version, hard=hard, guarantee=guarantee, seconds=spent)

    results = await shared(preload).run_many(function, payload, candidates, seconds=seconds, convert=convert)
    return [settled(result) for result in results]


def _limit(error: WorkerError, seconds: float) -> Finding:
    """What it means that a limit was reached; any other error is raised again."""
    if isinstance(error, DeadlineError):
        return unknown(f"could not be decided within {seconds:g} s", evidence={"deadline_seconds": seconds})
    if isinstance(error, MemoryLimitError):
        return unknown(f"could not be decided: {error}", evidence={"memory_limit": True})
    if isinstance(error, PayloadSizeError):
        return fail("the answer is far too long to be checked")
    raise error


def _parsed(body: bytes, function: str) -> Finding:
    """A finding from its JSON, read in one go unless it may hold what UTF-8 cannot."""
    if b"\\ud" not in body:
        try:
            return Finding.model_validate_json(body)
        except ValidationError:  # or a number that only Python reads
            pass
    return _finding(json.loads(body), function)


def _finding(answer: Any, function: str) -> Finding:
    try:
        return Finding.model_validate(printable(answer))
    except ValidationError as error:
        raise WorkerError(f"{function} returned no finding: {error.errors()[0]['msg']}") from error


def verdict(
    finding: Finding, verifier: str, version: str, *, hard: bool, guarantee: Guarantee, seconds: float
) -> Verdict:
    """The verdict that a finding amounts to. A finding may weaken the verifier's guarantee, never strengthen it."""
    weakest = finding.guarantee
    if weakest is None or _ORDER[weakest] < _ORDER[guarantee]:
        weakest = guarantee
    # Not validated again: a finding is, and the rest is the verifier's own. It would cost more than many a check.
    return Verdict.model_construct(
        verifier=verifier,
        version=version,
        outcome=finding.outcome,
        hard=hard,
        guarantee=weakest,
        critiques=tuple(map(_on_paper, finding.critiques)),
        evidence=finding.evidence,
        score=finding.score,
        seconds=seconds,
        cached=False,
    )


def _on_paper(critique: Critique) -> Critique:
    """The critique without control characters, which a candidate may have lent it: it goes to terminals and prompts."""
    if critique.message.isprintable():
        return critique
    message = "".join(char if char.isprintable() or char in "\n\t" else " " for char in critique.message)
    return critique.model_copy(update={"message": message})


def printable(value: Any) -> Any:
    """The same JSON with lone surrogates, which a candidate may hold and UTF-8 cannot, shown as `?`."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list | tuple):
        return [printable(item) for item in value]
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    return value
