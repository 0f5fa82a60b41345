"""Batches through the pool: one bad item costs itself, and nobody else."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modulo.errors import WorkerError
from modulo.types import Guarantee, Outcome, Verdict
from modulo.verifiers import judging
from modulo.verifiers.pool import Pool, shared

JOB = "tests.verifiers.pool_jobs:judged"
PRELOAD = ("tests.verifiers.pool_jobs",)


async def judge(candidates: list[str], *, seconds: float = 30.0, payload: Any = None) -> list[Verdict]:
    return await judging.judge_many(
        "toy",
        "7",
        function=JOB,
        payload=payload or {},
        candidates=candidates,
        preload=PRELOAD,
        seconds=seconds,
        hard=False,
        guarantee=Guarantee.TESTS,
    )


def right(candidate: str, verdict: Verdict) -> bool:
    """Whether this is the verdict on this candidate, a number."""
    wanted = Outcome.FAIL if int(candidate) % 2 else Outcome.PASS
    return verdict.evidence.get("candidate") == candidate and verdict.outcome is wanted


async def test_verdicts_come_in_order_from_all_workers() -> None:
    candidates = [str(i) for i in range(3000)]
    verdicts = await judge(candidates)
    assert len(verdicts) == 3000
    assert all(map(right, candidates, verdicts))
    assert len({v.evidence["pid"] for v in verdicts}) >= 2
    assert all((v.verifier, v.version, v.hard, v.guarantee) == ("toy", "7", False, Guarantee.TESTS) for v in verdicts)
    assert all(v == Verdict.model_validate_json(v.model_dump_json()) for v in verdicts)
    assert all(0 <= v.seconds < 30 for v in verdicts)


async def test_what_a_worker_prepares_is_no_reason_to_step_aside() -> None:
    candidates = [str(i) for i in range(3000)]
    function = JOB.replace("judged", "prepared_first")
    results: list[Any] = await shared(PRELOAD).run_many(
        function, {"preparing": 0.6}, candidates, seconds=30, convert=lambda body, _: json.loads(body)["evidence"]
    )
    assert [evidence["candidate"] for evidence in results] == candidates
    assert len({evidence["pid"] for evidence in results}) <= max(2, os.cpu_count() or 2)


async def test_an_empty_batch_is_empty() -> None:
    assert await judge([]) == []


HOSTILE: dict[str, tuple[Outcome, str]] = {
    "hang": (Outcome.UNKNOWN, "could not be decided within 2 s"),
    "allocate 5000": (Outcome.UNKNOWN, "more than 2048 MiB needed"),
    "die": (Outcome.ERROR, "died (SIGKILL)"),
    "raise odd": (Outcome.ERROR, "ValueError: odd"),
    "exit": (Outcome.ERROR, "SystemExit: 3"),
    "stop": (Outcome.ERROR, "results for"),
    "odd": (Outcome.ERROR, "returned no finding"),
    "long 5000000": (Outcome.ERROR, "bytes long"),
    "garbage": (Outcome.ERROR, "malformed answer"),
    "x" * 16_000_001: (Outcome.FAIL, "far too long"),
    "surrogate": (Outcome.FAIL, "? is no text"),
}


async def test_each_hostile_item_costs_itself_and_nobody_else() -> None:
    candidates = [str(i) for i in range(700)]
    places = dict(zip(range(0, 700, 699 // (len(HOSTILE) - 1)), HOSTILE, strict=False))
    assert len(places) == len(HOSTILE)
    for place, text in places.items():
        candidates[place] = text
    verdicts = await judge(candidates, seconds=2)
    for place, (candidate, verdict) in enumerate(zip(candidates, verdicts, strict=True)):
        if place in places:
            outcome, words = HOSTILE[candidate]
            assert verdict.outcome is outcome, candidate[:50]
            assert words in verdict.critiques[0].message
        else:
            assert right(candidate, verdict), candidate


async def test_nothing_but_hostile_items() -> None:
    verdicts = await judge(["hang", "die", "hang", "raise x", "stop", "hang"], seconds=1)
    assert [v.outcome.value for v in verdicts] == ["unknown", "error", "unknown", "error", "error", "unknown"]


async def test_the_deadline_is_each_items_own() -> None:
    verdicts = await judge([f"burn 0.4 {i}" for i in range(8)], seconds=5)
    assert [v.outcome for v in verdicts] == [Outcome.PASS, Outcome.FAIL] * 4
    assert sum(v.seconds for v in verdicts) > 3


async def test_a_worker_that_died_once_is_not_held_against_an_item(tmp_path: Path) -> None:
    candidates = [str(i) for i in range(40)]
    candidates[20] = f"once {tmp_path / 'mark'} 20"
    verdicts = await judge(candidates)
    assert verdicts[20].outcome is Outcome.PASS
    assert all(right(c, v) for i, (c, v) in enumerate(zip(candidates, verdicts, strict=True)) if i != 20)


async def test_what_an_item_leaves_behind_is_not_held_against_the_next() -> None:
    verdicts = await judge(["leak 1200", "leak 1200", "leak 1200", "leak 1200"])
    assert [v.outcome for v in verdicts] == [Outcome.PASS] * 4


async def test_what_stands_behind_a_hanging_item_goes_elsewhere() -> None:
    first = asyncio.create_task(judge(["hang", *[str(i) for i in range(7)]], seconds=600))
    await asyncio.sleep(0)
    await judge([str(i) for i in range(100)])
    second = await judge([str(i) for i in range(100)], seconds=20)
    assert all(right(str(i), v) for i, v in enumerate(second))
    assert not first.done()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(PRELOAD, workers=2, memory_mb=512)
    yield pool
    pool.close()


async def test_items_are_not_held_up_by_one_before_them(pool: Pool) -> None:
    done: list[int] = []
    hanging = asyncio.create_task(
        pool.run_many(
            JOB, {}, ["hang", "hang", *map(str, range(500))], seconds=600, convert=lambda _b, _s: done.append(1)
        )
    )
    for _ in range(2000):
        if len(done) == 500:
            break
        await asyncio.sleep(0.01)
    assert len(done) == 500
    assert not hanging.done()
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    assert not pool.lanes.crowded


async def test_closing_ends_a_batch(pool: Pool) -> None:
    batch = asyncio.create_task(pool.run_many(JOB, {}, ["hang"] * 50, seconds=600, convert=lambda b, _: b))
    await asyncio.sleep(0.3)
    await asyncio.to_thread(pool.close)
    with pytest.raises(WorkerError, match="cancelled"):
        await batch
    with pytest.raises(WorkerError, match="closed"):
        await pool.run_many(JOB, {}, ["1"], seconds=1, convert=lambda b, _: b)


async def test_a_pool_that_cannot_start_says_so_for_each_item() -> None:
    broken = Pool(("no_such_module",))
    try:
        results = await broken.run_many(JOB, {}, ["1", "2", "3"], seconds=1, convert=lambda b, _: b)
        assert all(isinstance(r, WorkerError) and "no_such_module" in str(r) for r in results)
    finally:
        broken.close()


async def test_a_payload_that_cannot_be_sent_is_a_fail_of_every_item() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for payload in ({"x": deep}, {"x": "y" * 16_000_000}):
        assert [v.outcome for v in await judge(["1", "2"], payload=payload)] == [Outcome.FAIL] * 2
    while deep:
        deep = deep[0]


async def test_many_batches_at_once_from_many_loops() -> None:
    async def some(start: int) -> bool:
        candidates = [str(i) for i in range(start, start + 300)]
        return all(map(right, candidates, await judge(candidates)))

    assert all(await asyncio.gather(*(some(i) for i in range(10))))
    assert all(await asyncio.gather(*(asyncio.to_thread(asyncio.run, some(i)) for i in range(4))))


def test_after_all_that_the_pool_is_as_it_was() -> None:
    ids: set[Any] = {shared(PRELOAD).run_sync("tests.verifiers.pool_jobs:pid", None, seconds=30) for _ in range(3)}
    assert len(ids) == 1
    assert os.getpid() not in ids


ITEMS = st.lists(
    st.one_of(
        st.integers(0, 99).map(str),
        st.sampled_from(["die", "raise x", "stop", "odd", "exit", "garbage", "burn 0.15 2"]),
    ),
    max_size=60,
)


@settings(max_examples=20, deadline=None)
@given(ITEMS)
def test_whatever_the_mixture_each_gets_its_own(candidates: list[str]) -> None:
    verdicts = asyncio.run(judge(candidates))
    kinds = Counter(v.outcome for v in verdicts)
    assert sum(kinds.values()) == len(candidates)
    for candidate, verdict in zip(candidates, verdicts, strict=True):
        if candidate.isdigit():
            assert right(candidate, verdict)
        else:
            assert verdict.outcome is (Outcome.PASS if candidate.startswith("burn") else Outcome.ERROR)
