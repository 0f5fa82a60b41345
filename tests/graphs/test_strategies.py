"""What holds for every strategy, and what each does its own way."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.doubles import PROBLEM, Echo, Equals

from modulo import Budget, Feedback, Problem, Sampling, Solution, asolve, astream, graph, solve
from modulo.errors import ProviderError, SandboxUnavailableError, UsageError
from modulo.events import AttemptEvent, CompletionEvent, FinishedEvent, StartedEvent, parse_event
from modulo.graphs.context import SolveContext
from modulo.traces import read_traces
from modulo.types import Status

STRATEGIES = ["best_of_n", "critique_retry"]


@pytest.fixture(params=STRATEGIES)
def strategy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def run(strategy: str, texts: list[str], **settings: Any) -> Solution:
    settings = {"model": Echo(texts), "verifiers": [Equals()], "n": 4, "rounds": 4, **settings}
    return await asolve(PROBLEM, strategy=strategy, **settings)


async def test_a_pass_is_verified_and_ends_the_solve(strategy: str) -> None:
    model = Echo(["a", "42", "b", "c"], delay=0.005)
    solution = await run(strategy, [], model=model)
    assert solution.verified
    assert (solution.candidate, solution.termination, solution.guarantee) == ("42", "verified", "proof")
    assert model.drawn < 4
    assert solution.best is not None
    assert solution.best.index == 1


async def test_exhaustion_is_not_verified_and_keeps_the_best(strategy: str) -> None:
    solution = await run(strategy, ["a", "b", "c", "d"])
    assert (solution.status, solution.candidate, solution.termination) == (Status.UNVERIFIED, None, "exhausted")
    assert solution.best is not None
    assert solution.best.critiques[0].message == "a is not it"
    assert [a.candidate for a in solution.trace.attempts] == ["a", "b", "c", "d"]


async def test_no_hard_verifier_means_never_verified(strategy: str) -> None:
    solution = await run(strategy, ["42"] * 4, verifiers=[Equals(hard=False)])
    assert not solution.verified
    assert solution.candidate is None


async def test_every_attempt_and_verdict_is_streamed_in_order(strategy: str) -> None:
    stream = astream(PROBLEM, strategy=strategy, model=Echo(["a", "42"], delay=0.005), verifiers=[Equals()])
    events = [event async for event in stream]
    assert isinstance(events[0], StartedEvent)
    assert isinstance(events[-1], FinishedEvent)
    judged = [e.attempt for e in events if isinstance(e, AttemptEvent)]
    assert [a.candidate for a in judged] == ["a", "42"]
    assert [e.completion.text for e in events if isinstance(e, CompletionEvent)][:2] == ["a", "42"]
    assert stream.solution is not None
    assert stream.solution.trace.attempts == tuple(judged)


async def test_the_trace_is_written_and_tells_the_same(strategy: str, tmp_path: Path) -> None:
    solution = await run(strategy, ["a", "42"], trace=tmp_path / "t.jsonl", sampling=Sampling(seed=7))
    (trace,) = read_traces(tmp_path / "t.jsonl")
    assert trace.model_dump() == solution.trace.model_dump()
    assert trace.path(trace.attempts[0].node)[0].content.startswith("What is six times seven?")
    assert trace.settings["feedback"] == "counterexample"
    assert trace.environment["z3-solver"]
    for attempt in trace.attempts:
        assert trace.nodes[attempt.node].message.content == attempt.completion.text


@pytest.mark.parametrize("failing_at", [0, 1])
async def test_a_dead_provider_is_an_error_that_keeps_what_there_is(strategy: str, failing_at: int) -> None:
    model = Echo(["a"][:failing_at], error=ProviderError("connection refused"))
    solution = await run(strategy, [], model=model)
    assert (solution.status, solution.error) == (Status.ERROR, "connection refused")
    assert len(solution.trace.attempts) == failing_at
    assert solution.candidate is None


async def test_a_verifier_that_cannot_run_stops_the_spending(strategy: str) -> None:
    model = Echo(["a", "b", "c", "d"], delay=0.01)
    solution = await run(strategy, [], model=model, verifiers=[Equals(error=SandboxUnavailableError("no sandbox"))])
    assert solution.status is Status.ERROR
    assert "no sandbox" in str(solution.error)
    assert model.drawn <= 2


@pytest.mark.parametrize(
    ("budget", "termination"),
    [(Budget(samples=2), None), (Budget(tokens=4), "tokens"), (Budget(wall_seconds=0.05), "wall_seconds")],
)
async def test_budgets_hold(strategy: str, budget: Budget, termination: str | None) -> None:
    model = Echo(["a", "b", "c", "d"], delay=0.02)
    solution = await run(strategy, [], model=model, budget=budget)
    assert solution.status is Status.UNVERIFIED
    assert len(solution.trace.attempts) <= 3
    if termination:
        assert solution.termination == termination
    for sampling in model.samplings:
        assert budget.tokens is None or (sampling.max_tokens or 0) <= budget.tokens


async def test_a_pass_beats_a_budget_that_ends_with_it(strategy: str) -> None:
    solution = await run(strategy, ["42", "b"], budget=Budget(samples=1))
    assert solution.verified


def test_synchronous_hosts_get_the_same(strategy: str) -> None:
    compiled = graph(strategy, model=Echo(["a", "42", "b", "c"]), verifiers=[Equals()])
    out = compiled.invoke({"problem": PROBLEM.to_json()})
    assert out["solution"]["answer"] == "42"
    assert set(out) == {"solution"}
    json.dumps(out)
    parts = list(
        graph(strategy, model=Echo(["42"]), verifiers=[Equals()]).stream(
            {"problem": PROBLEM.to_json()}, stream_mode="custom"
        )
    )
    assert [parse_event(p).kind for p in parts] == ["started", "completion", "attempt", "finished"]


async def test_solve_works_inside_a_running_loop(strategy: str) -> None:
    assert solve(PROBLEM, strategy=strategy, model=Echo(["42"]), verifiers=[Equals()]).verified


async def test_an_empty_context_overrides_nothing(strategy: str) -> None:
    compiled = graph(strategy, model=Echo(["a"] * 9), verifiers=[Equals()], n=3, rounds=3, feedback="none")
    empty: Any = {}
    for context in (SolveContext(), empty, None):
        out = await compiled.ainvoke({"problem": PROBLEM.to_json()}, context=context)
        assert out["solution"]["attempts"] == 3


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(UsageError, match="seed: is not a setting"):
        graph("best_of_n", model=Echo([]), seed=1)


async def test_a_host_may_override_settings_but_keep_the_parts(strategy: str) -> None:
    compiled = graph(strategy, model=Echo(["a", "b", "c", "d"]), verifiers=[Equals()])
    out = await compiled.ainvoke({"problem": PROBLEM.to_json()}, context=SolveContext(n=2, rounds=2))
    assert out["solution"]["attempts"] == 2
    from_the_wire: Any = {"n": 1, "rounds": 1, "feedback": "binary", "budget": {"samples": 9}}
    out = await compiled.ainvoke({"problem": PROBLEM.to_json()}, context=from_the_wire)
    assert out["solution"]["attempts"] == 1


def test_schemas_are_json_for_a_development_server(strategy: str) -> None:
    compiled = graph(strategy, model=Echo([]), verifiers=[Equals()])
    for schema in (
        compiled.get_context_jsonschema(),
        compiled.get_input_jsonschema(),
        compiled.get_output_jsonschema(),
    ):
        assert json.loads(json.dumps(schema))
    assert strategy in compiled.get_name()
    assert "begin" in compiled.get_graph().draw_mermaid()


async def test_cancelling_a_solve_cancels_the_model_and_keeps_the_trace(strategy: str, tmp_path: Path) -> None:
    model = Echo(["a", "b", "c", "d"], delay=0.05)
    work = asyncio.ensure_future(run(strategy, [], model=model, trace=tmp_path / "t.jsonl"))
    await asyncio.sleep(0.08)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    (trace,) = read_traces(tmp_path / "t.jsonl")
    assert (trace.termination, trace.status) == ("interrupted", Status.UNVERIFIED)
    assert [a.candidate for a in trace.attempts] == ["a"]
    drawn = model.drawn
    await asyncio.sleep(0.1)
    assert model.drawn == drawn


async def test_leaving_a_stream_early_keeps_the_trace(strategy: str, tmp_path: Path) -> None:
    stream = astream(
        PROBLEM, strategy=strategy, model=Echo(["a", "b"], delay=0.01), verifiers=[Equals()], trace=tmp_path / "t.jsonl"
    )
    iterator = aiter(stream)
    async for event in iterator:
        if isinstance(event, AttemptEvent):
            break
    await iterator.aclose()  # type: ignore[attr-defined]
    (trace,) = read_traces(tmp_path / "t.jsonl")
    assert trace.termination == "interrupted"
    assert len(trace.attempts) == 1


class TestCritiqueRetry:
    async def test_the_critique_reaches_the_next_prompt_and_the_prefix_is_kept(self) -> None:
        model = Echo(["a", "b", "42"])
        solution = await run("critique_retry", [], model=model)
        assert solution.verified
        first, second, third = model.prompts
        assert second[: len(first)] == first
        assert third[: len(second)] == second
        assert "a is not it" in second[-1].content
        assert [a.parent for a in solution.trace.attempts] == [None, 0, 1]

    async def test_without_feedback_each_draft_is_fresh(self) -> None:
        model = Echo(["a", "b", "42"])
        solution = await run("critique_retry", [], model=model, feedback=Feedback.NONE)
        assert model.prompts[0] == model.prompts[1] == model.prompts[2]
        assert [a.parent for a in solution.trace.attempts] == [None, None, None]

    async def test_each_round_has_its_own_seed(self) -> None:
        model = Echo(["a", "b", "c", "d"])
        await run("critique_retry", [], model=model, sampling=Sampling(seed=10))
        assert [s.seed for s in model.samplings] == [10, 11, 12, 13]


class TestBestOfN:
    async def test_the_race_stops_the_others(self) -> None:
        model = Echo(["a", "42", "b", "c", "d"], delay=0.02)
        solution = await run("best_of_n", [], model=model, n=5)
        assert solution.verified
        assert (model.drawn, model.cancelled) == (2, 1)

    async def test_full_mode_judges_all(self) -> None:
        solution = await run("best_of_n", ["42", "a", "42", "b"], mode="full")
        assert solution.verified
        assert [a.accepted for a in solution.trace.attempts] == [True, False, True, False]
        assert all(a.verdicts for a in solution.trace.attempts)

    async def test_a_slow_verdict_does_not_hold_up_the_others(self) -> None:
        class Uneven(Equals):
            async def verify(self, problem: Problem, candidate: str) -> Any:
                await asyncio.sleep(5 if candidate == "a" else 0)
                return await super().verify(problem, candidate)

        async with asyncio.timeout(2):
            solution = await run("best_of_n", ["a", "42"], verifiers=[Uneven()], n=2)
        assert solution.verified
        assert [(a.candidate, len(a.verdicts)) for a in solution.trace.attempts] == [("42", 1), (None, 0)]

    async def test_duplicates_are_judged_once_and_counted_all(self) -> None:
        verifier = Equals()
        solution = await run("best_of_n", ["a"] * 4, verifiers=[verifier])
        assert verifier.calls == ["a"]
        assert [a.outcome.value for a in solution.trace.attempts] == ["fail"] * 4

    async def test_fewer_samples_than_asked_for_is_exhaustion(self) -> None:
        solution = await run("best_of_n", ["a", "b"], n=8)
        assert (solution.termination, len(solution.trace.attempts)) == ("exhausted", 2)
