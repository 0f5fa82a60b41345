from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from tests.support.doubles import PROBLEM, Equals

from modulo import all_of, any_of, ok, verifier
from modulo.bank import EXTRACTOR, Bank, down, offline
from modulo.cache import VerdictCache
from modulo.errors import SandboxUnavailableError, WorkerError
from modulo.types import AnswerFormat, Outcome, Problem, Verdict, accepted


async def test_equal_candidates_are_judged_once_and_never_skipped() -> None:
    verifier = Equals(delay=0.01)
    bank = Bank(PROBLEM, [verifier], cache=VerdictCache())
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
    bank = Bank(PROBLEM, [verifier], cache=VerdictCache())
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


async def test_without_a_cache_everything_is_judged_afresh() -> None:
    verifier = Equals()
    bank = Bank(PROBLEM, [verifier])
    for _ in range(2):
        (verdict,) = await bank.judge("41")
        assert not verdict.cached
    assert not any(verdicts[0].cached for verdicts in await bank.judge_many(["41", "41"]))
    assert verifier.calls == ["41"] * 4


@dataclass
class Batched(Equals):
    """Takes batches, and does with them what it is told."""

    batches: list[list[str]] = field(default_factory=list)
    failure: Exception | None = None
    drop: int = 0

    async def verify_many(self, problem: Problem, candidates: Sequence[str]) -> list[Verdict]:
        self.batches.append(list(candidates))
        if self.failure is not None:
            raise self.failure
        return [await Equals.verify(self, problem, c) for c in candidates][self.drop :]


ASKED = ["42", "41", "42", "7", "41"]


@pytest.mark.parametrize("verifier", [Equals(), Batched()])
async def test_a_batch_is_judged_in_order_and_equal_candidates_once(verifier: Equals) -> None:
    bank = Bank(PROBLEM, [verifier, Equals("7", name="other")], cache=VerdictCache())
    rows = await bank.judge_many(ASKED)
    assert [[v.outcome is Outcome.PASS for v in row] for row in rows] == [[c == "42", c == "7"] for c in ASKED]
    assert [[v.verifier for v in row] for row in rows] == [["equals", "other"]] * 5
    assert [row[0].cached for row in rows] == [False, False, True, False, True]
    assert verifier.calls == ["42", "41", "7"]
    assert all(v.cached for row in await bank.judge_many(ASKED) for v in row)
    assert (await bank.judge("7"))[1].cached
    assert verifier.calls == ["42", "41", "7"]


async def test_a_verifier_without_batches_has_a_bounded_number_at_once() -> None:
    running, most = 0, 0

    class Slow(Equals):
        async def verify(self, problem: Problem, candidate: str) -> Verdict:
            nonlocal running, most
            running += 1
            most = max(most, running)
            verdict = await super().verify(problem, candidate)
            running -= 1
            return verdict

    rows = await Bank(PROBLEM, [Slow(delay=0.001)]).judge_many([str(i) for i in range(200)])
    assert [row[0].outcome is Outcome.PASS for row in rows] == [i == 42 for i in range(200)]
    assert 1 < most <= 32


@pytest.mark.parametrize("broken", [Batched(failure=RuntimeError("bug")), Batched(drop=1)])
async def test_a_batch_that_breaks_is_judged_one_by_one(broken: Batched) -> None:
    rows = await Bank(PROBLEM, [broken]).judge_many(["41", "42"])
    assert [row[0].outcome for row in rows] == [Outcome.FAIL, Outcome.PASS]
    assert broken.batches == [["41", "42"]]


async def test_a_batch_that_cannot_run_here_is_not_tried_again() -> None:
    broken = Batched(failure=SandboxUnavailableError("no engine"))
    rows = await Bank(PROBLEM, [broken]).judge_many(["41", "42"])
    assert [down(row) for row in rows] == ["equals: the verifier did not run: no engine"] * 2
    assert broken.calls == []


async def test_many_responses_are_extracted_and_judged_in_order() -> None:
    problem = Problem(statement="s", answer=AnswerFormat.JSON)
    verifier = Batched("[42]")
    texts = ["I cannot.", *(f"It is\n```json\n[{i}]\n```" for i in range(3000)), "nor I"]
    judged = await Bank(problem, [verifier]).judge_texts(texts)
    assert [candidate for candidate, _ in judged] == [None, *(f"[{i}]" for i in range(3000)), None]
    assert [i for i, (_, verdicts) in enumerate(judged) if accepted(verdicts)] == [43]
    assert [v.verifier for _, (v,) in judged] == [EXTRACTOR, *["equals"] * 3000, EXTRACTOR]
    assert len(verifier.batches) > 1


def test_what_asks_a_model_is_not_asked_again() -> None:
    judge = verifier(guarantee="opinion", hard=False, name="judge")(lambda problem, candidate: ok())
    exact = Equals()
    assert offline(exact)
    assert not offline(judge)
    assert offline(all_of(exact, exact))
    assert not offline(all_of(exact, judge))
    assert not offline(any_of(all_of(exact, judge), exact))
