from __future__ import annotations

import asyncio

import pytest
from tests.support.doubles import PROBLEM, Equals

from modulo.bank import EXTRACTOR, Bank, down
from modulo.errors import SandboxUnavailableError, WorkerError
from modulo.types import AnswerFormat, Outcome, Problem, accepted


async def test_equal_candidates_are_judged_once_and_never_skipped() -> None:
    verifier = Equals(delay=0.01)
    bank = Bank(PROBLEM, [verifier])
    first, second = await asyncio.gather(bank.judge("41"), bank.judge("41"))
    third = await bank.judge("41")
    assert verifier.calls == ["41"]
    assert [v[0].outcome for v in (first, second, third)] == [Outcome.FAIL] * 3
    assert [v[0].cached for v in (first, second, third)] == [False, True, True]


async def test_all_verifiers_speak_in_order() -> None:
    bank = Bank(PROBLEM, [Equals(name="slow", delay=0.02), Equals("7", name="quick")])
    assert [v.verifier for v in await bank.judge("42")] == ["slow", "quick"]
    assert not accepted(await bank.judge("42"))


@pytest.mark.parametrize("error", [WorkerError("killed"), RuntimeError("bug"), MemoryError()])
async def test_a_verifier_that_breaks_gives_an_error_that_accepts_nothing(error: Exception) -> None:
    verifier = Equals(error=error)
    (verdict,) = await Bank(PROBLEM, [verifier]).judge("42")
    assert verdict.outcome is Outcome.ERROR
    assert not accepted([verdict])
    assert down([verdict]) is None
    assert len(verifier.calls) == (2 if isinstance(error, WorkerError) else 1)


async def test_a_verifier_that_cannot_run_here_is_told_apart() -> None:
    bank = Bank(PROBLEM, [Equals(error=SandboxUnavailableError("no engine"))])
    assert down(await bank.judge("42")) == "equals: the verifier did not run: no engine"


async def test_errors_are_not_remembered() -> None:
    verifier = Equals(error=RuntimeError("once"))
    bank = Bank(PROBLEM, [verifier])
    await bank.judge("42")
    verifier.error = None
    assert accepted(await bank.judge("42"))


async def test_cancelling_one_solve_does_not_cancel_anothers_verdict() -> None:
    bank = Bank(PROBLEM, [Equals(delay=0.05)])
    doomed = asyncio.ensure_future(bank.judge("42"))
    await asyncio.sleep(0.01)
    other = asyncio.ensure_future(bank.judge("42"))
    await asyncio.sleep(0.01)
    doomed.cancel()
    assert accepted(await other)


async def test_a_response_without_a_candidate_fails() -> None:
    problem = Problem(statement="s", answer=AnswerFormat.JSON)
    candidate, verdicts = await Bank(problem, [Equals()]).judge_text("I cannot.")
    assert candidate is None
    assert [(v.verifier, v.outcome, v.hard) for v in verdicts] == [(EXTRACTOR, Outcome.FAIL, True)]
    assert "one JSON value" in verdicts[0].critiques[0].message


async def test_the_memory_is_bounded() -> None:
    bank = Bank(PROBLEM, [Equals()], cache_size=3)
    for i in range(10):
        await bank.judge(str(i))
    assert len(bank._cache) == 3
