"""The pool of workers: what a job may do to itself, and what it may never do to others."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modulo.errors import WorkerError
from modulo.verifiers.pool import DeadlineError, MemoryLimitError, PayloadSizeError, Pool, shared

JOBS = "tests.verifiers.pool_jobs:"
PRELOAD = ("tests.verifiers.pool_jobs",)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(PRELOAD, workers=2, memory_mb=512)
    yield pool
    pool.close()


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def gone(pid: int) -> bool:
    """No such process, or one that is dead and waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "é\ud800\0", [1, {"a": []}], {"x": "y" * 300_000}, 10**400])
def test_json_goes_there_and_comes_back(pool: Pool, value: Any) -> None:
    assert pool.run_sync(JOBS + "echo", value, seconds=30) == value


def test_a_worker_is_reused(pool: Pool) -> None:
    assert len({pool.run_sync(JOBS + "pid", None, seconds=30) for _ in range(5)}) == 1


def test_one_pool_serves_many_event_loops_and_threads(pool: Pool) -> None:
    async def many() -> list[Any]:
        return await asyncio.gather(*(pool.run(JOBS + "echo", i, seconds=30) for i in range(50)))

    seen: list[Any] = []
    threads = [threading.Thread(target=lambda: seen.append(asyncio.run(many()))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [list(range(50))] * 3
    assert asyncio.run(many()) == list(range(50))


def test_a_job_may_ask(pool: Pool) -> None:
    def answer(question: Any) -> Any:
        return question + 1

    assert pool.run_sync(JOBS + "doubled", [1, 2, 3], seconds=30, answer=answer) == [4, 6, 8]
    with pytest.raises(WorkerError, match="nobody is there"):
        pool.run_sync(JOBS + "doubled", [1], seconds=30)


@pytest.mark.parametrize("error", [KeyError("what"), TimeoutError("late"), OSError("lost"), ValueError("odd")])
def test_what_an_answer_raises_comes_out(pool: Pool, error: Exception) -> None:
    def answer(question: Any) -> Any:
        raise error

    with pytest.raises(type(error)) as caught:
        pool.run_sync(JOBS + "doubled", [1], seconds=30, answer=answer)
    assert caught.value is error
    assert pool.run_sync(JOBS + "echo", 1, seconds=30) == 1


def test_time_to_answer_counts_against_the_deadline(pool: Pool) -> None:
    def answer(question: Any) -> Any:
        time.sleep(0.3)
        return 1

    with pytest.raises(DeadlineError):
        pool.run_sync(JOBS + "doubled", [1, 2], seconds=0.2, answer=answer)


def test_a_job_over_its_deadline_is_killed_and_the_next_one_runs(pool: Pool, tmp_path: Path) -> None:
    before = pool.run_sync(JOBS + "pid", None, seconds=30)
    with pytest.raises(DeadlineError, match=r"within 0\.2 s"):
        pool.run_sync(JOBS + "hang", str(tmp_path / "mark"), seconds=0.2)
    assert isinstance(before, int)
    assert eventually(lambda: gone(before))
    assert pool.run_sync(JOBS + "pid", None, seconds=30) != before


async def test_waiting_for_a_worker_does_not_count_against_the_deadline(tmp_path: Path) -> None:
    pool = Pool(PRELOAD, workers=1)
    try:
        await pool.run(JOBS + "echo", 0, seconds=30)
        hostile = asyncio.create_task(pool.run(JOBS + "hang", str(tmp_path / "mark"), seconds=1.5))
        await asyncio.sleep(0)
        innocent = [asyncio.create_task(pool.run(JOBS + "echo", i, seconds=0.75)) for i in range(3)]
        assert await asyncio.gather(*innocent) == [0, 1, 2]
        with pytest.raises(DeadlineError):
            await hostile
    finally:
        pool.close()


async def test_a_hostile_job_does_not_hold_up_another(pool: Pool, tmp_path: Path) -> None:
    hostile = asyncio.create_task(pool.run(JOBS + "hang", str(tmp_path / "mark"), seconds=60))
    assert await asyncio.to_thread(eventually, (tmp_path / "mark").exists)
    assert await pool.run(JOBS + "echo", 1, seconds=30) == 1
    assert not hostile.done()
    hostile.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hostile


async def test_jobs_that_hang_hold_up_nobody(pool: Pool, tmp_path: Path) -> None:
    marks = [tmp_path / str(i) for i in range(6)]
    hostile = [asyncio.create_task(pool.run(JOBS + "hang", str(mark), seconds=60)) for mark in marks]
    innocent = [asyncio.create_task(pool.run(JOBS + "echo", i, seconds=60)) for i in range(50)]
    assert await asyncio.gather(*innocent) == list(range(50))
    assert all(mark.exists() for mark in marks)
    assert not any(task.done() for task in hostile)
    for task in hostile:
        task.cancel()
    await asyncio.gather(*hostile, return_exceptions=True)


async def test_the_slow_lane_is_bounded_and_then_the_others_wait(tmp_path: Path) -> None:
    pool = Pool(PRELOAD, workers=1)
    try:
        await pool.run(JOBS + "echo", 0, seconds=30)
        marks = [tmp_path / str(i) for i in range(12)]
        hostile = [asyncio.create_task(pool.run(JOBS + "hang", str(mark), seconds=2)) for mark in marks]
        innocent = asyncio.create_task(pool.run(JOBS + "echo", 1, seconds=30))
        assert await asyncio.to_thread(eventually, marks[8].exists)
        assert not any(mark.exists() for mark in marks[9:])
        assert await innocent == 1
        assert all(isinstance(e, DeadlineError) for e in await asyncio.gather(*hostile, return_exceptions=True))
    finally:
        pool.close()


async def test_a_job_that_made_way_has_a_low_priority_and_its_worker_ends(pool: Pool) -> None:
    own = os.nice(0)
    slow = [asyncio.create_task(pool.run(JOBS + "busy", 1.0, seconds=30)) for _ in range(2)]
    await asyncio.sleep(0)
    assert await pool.run(JOBS + "echo", 1, seconds=30) == 1
    results: list[Any] = await asyncio.gather(*slow)
    ended = [pid for pid, nice in results if nice > own]
    assert ended
    assert await asyncio.to_thread(eventually, lambda: all(map(gone, ended)))


async def test_a_job_that_nobody_waits_for_keeps_its_priority(pool: Pool) -> None:
    result: Any = await pool.run(JOBS + "busy", 0.5, seconds=30)
    assert result[1] == os.nice(0)


async def test_a_cancelled_job_leaves_the_queue_at_once(tmp_path: Path) -> None:
    pool = Pool(PRELOAD, workers=1)
    try:
        running = asyncio.create_task(pool.run(JOBS + "hang", str(tmp_path / "mark"), seconds=60))
        assert await asyncio.to_thread(eventually, (tmp_path / "mark").exists)
        waiting = [asyncio.create_task(pool.run(JOBS + "hang", "/nowhere", seconds=60)) for _ in range(200)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert not pool.lanes.crowded
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    finally:
        pool.close()


async def test_cancelling_kills_the_worker(tmp_path: Path) -> None:
    pool = Pool(PRELOAD, workers=1)
    try:
        worker = await pool.run(JOBS + "pid", None, seconds=30)
        task = asyncio.create_task(pool.run(JOBS + "hang", str(tmp_path / "mark"), seconds=600))
        assert await asyncio.to_thread(eventually, (tmp_path / "mark").exists)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert isinstance(worker, int)
        assert await asyncio.to_thread(eventually, lambda: gone(worker))
        assert await pool.run(JOBS + "echo", 7, seconds=30) == 7
    finally:
        pool.close()


@pytest.mark.parametrize(
    ("job", "payload", "message"),
    [
        ("raises", "odd", "ValueError: odd"),
        ("leaves", 3, "SystemExit: 3"),
        ("not_json", None, "TypeError"),
        ("missing", None, "AttributeError"),
        ("answer_of", 5_000_000, "5000010 bytes long"),
        ("die", signal.SIGSEGV, "SIGSEGV"),
        ("die", signal.SIGKILL, "SIGKILL"),
    ],
)
def test_a_broken_job_is_a_worker_error(pool: Pool, job: str, payload: Any, message: str) -> None:
    with pytest.raises(WorkerError, match=message) as caught:
        pool.run_sync(JOBS + job, payload, seconds=30)
    assert not isinstance(caught.value, DeadlineError | MemoryLimitError)
    assert pool.run_sync(JOBS + "echo", 1, seconds=30) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 4,  # 4 GB to come
        b"\0\0\0\x02%b[]",
        b"\0\0\0\x04%bnull",
        b"\0\0\0\x03%b{,}",
        b"\0\0\0\x02%b{}",
        b"\0\0\0\x02%b\xff\xfe",
        b"\0\0\0\x0a\0\0\0\0" + b'{"ok": 12}',
    ],
)
def test_a_worker_that_answers_garbage_is_ended(pool: Pool, data: bytes) -> None:
    with pytest.raises(WorkerError, match="malformed answer"):
        pool.run_sync(JOBS + "say", data.hex(), seconds=30)
    assert pool.run_sync(JOBS + "echo", 1, seconds=30) == 1


def test_an_answer_too_many_is_nobodys(pool: Pool) -> None:
    for _ in range(3):
        forged = b'\0\0\0\x10%b{"ok": "forged"}'
        assert pool.run_sync(JOBS + "say", forged.hex(), seconds=30) == "forged"
        assert pool.run_sync(JOBS + "echo", "mine", seconds=30) == "mine"


def test_a_worker_that_died_while_idle_is_no_fault_of_the_next_job(pool: Pool) -> None:
    pid: Any = pool.run_sync(JOBS + "pid", None, seconds=30)
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: gone(pid))
    assert pool.run_sync(JOBS + "doubled", [1], seconds=30, answer=lambda question: question) == [2]


def test_no_descriptor_is_left_behind(pool: Pool) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    pool.run_sync(JOBS + "echo", 1, seconds=30)
    before = descriptors()
    for i in range(60):
        pool.run_sync(JOBS + "echo", i, seconds=30)
        with pytest.raises(WorkerError):
            pool.run_sync(JOBS + "die", signal.SIGKILL, seconds=30)
    assert descriptors() <= before + 2


def test_a_worker_that_dies_is_replaced_once(pool: Pool, tmp_path: Path) -> None:
    assert pool.run_sync(JOBS + "die_unless_marked", str(tmp_path / "mark"), seconds=30) == "second time"


def test_the_memory_limit_is_told_apart(pool: Pool) -> None:
    assert pool.run_sync(JOBS + "allocate", 100, seconds=30) == 100 << 20
    with pytest.raises(MemoryLimitError, match="512 MiB"):
        pool.run_sync(JOBS + "allocate", 1000, seconds=30)
    with pytest.raises(MemoryLimitError):
        pool.run_sync(JOBS + "grow_then_abort", 300, seconds=30)
    with pytest.raises(WorkerError, match="SIGABRT"):
        pool.run_sync(JOBS + "grow_then_abort", 1, seconds=30)


async def test_what_earlier_jobs_left_behind_is_not_held_against_a_job(pool: Pool) -> None:
    used = await asyncio.gather(*(pool.run(JOBS + "leak", 300, seconds=30) for _ in range(2)))
    assert len(set(used)) == 2
    assert await pool.run(JOBS + "allocate", 300, seconds=30) == 300 << 20


def test_a_job_that_is_too_large_is_not_sent(pool: Pool) -> None:
    with pytest.raises(PayloadSizeError):
        pool.run_sync(JOBS + "echo", "x" * 16_000_001, seconds=30)


def test_what_a_worker_sees(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "secret")
    target = tmp_path / "written"
    with open(tmp_path / "held", "w") as held:
        os.set_inheritable(held.fileno(), True)
        seen: Any = pool.run_sync(JOBS + "surroundings", str(target), seconds=30)
    assert seen["written"] == 0
    assert target.stat().st_size == 0
    assert seen["stdio"] == [os.devnull] * 3
    assert len(seen["files"]) <= 6  # stdio, /dev/null once more, the job socket, and the listing itself
    assert seen["secret"] is None
    assert (seen["core"], seen["address_space"]) == (0, 512 << 20)
    assert seen["cwd"] == "/"
    assert seen["isolated"] == 1


def test_a_module_that_cannot_be_imported_is_named() -> None:
    pool = Pool(preload=("no_such_module",))
    try:
        with pytest.raises(WorkerError, match="No module named 'no_such_module'"):
            pool.run_sync(JOBS + "echo", 1, seconds=30)
    finally:
        pool.close()


def test_a_zygote_that_was_killed_is_started_again(pool: Pool) -> None:
    ids: Any = pool.run_sync(JOBS + "pids", None, seconds=30)
    os.kill(ids[1], signal.SIGKILL)
    assert eventually(lambda: gone(ids[0]) and gone(ids[1]))
    again: Any = pool.run_sync(JOBS + "pids", None, seconds=30)
    assert not set(ids) & set(again)


def test_closing_ends_processes_and_running_jobs(tmp_path: Path) -> None:
    pool = Pool(PRELOAD, workers=1)
    ids: Any = pool.run_sync(JOBS + "pids", None, seconds=30)
    faults: list[Exception] = []

    def hang() -> None:
        try:
            pool.run_sync(JOBS + "hang", str(tmp_path / "mark"), seconds=600)
        except WorkerError as error:
            faults.append(error)

    threads = [threading.Thread(target=hang) for _ in range(2)]  # one runs, one waits its turn
    for thread in threads:
        thread.start()
    assert eventually((tmp_path / "mark").exists)
    pool.close()
    pool.close()
    for thread in threads:
        thread.join()
    assert len(faults) == 2
    assert eventually(lambda: gone(ids[0]) and gone(ids[1]))
    with pytest.raises(WorkerError, match="closed"):
        pool.run_sync(JOBS + "echo", 1, seconds=30)


def test_no_process_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    command = [sys.executable, "-m", "tests.verifiers.pool_jobs", str(mark)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as parent:
        assert parent.stdout is not None
        worker, zygote = map(int, parent.stdout.readline().split())
        assert eventually(mark.exists)
        assert not gone(worker)
        parent.kill()
    assert eventually(lambda: gone(worker) and gone(zygote))


def test_a_forked_child_has_workers_of_its_own(pool: Pool) -> None:
    mine: Any = pool.run_sync(JOBS + "pids", None, seconds=30)
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that this process has threads, which is the point
        child = os.fork()
    if child == 0:
        try:
            ids: Any = pool.run_sync(JOBS + "pids", None, seconds=30)
            assert pool.run_sync(JOBS + "echo", "child", seconds=30) == "child"
            pool.close()
            os.write(writing, b" ".join(b"%d" % i for i in ids))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        theirs = [int(word) for word in file.read().split()]
    os.waitpid(child, 0)
    assert len(theirs) == 2
    assert not set(mine) & set(theirs)
    assert pool.run_sync(JOBS + "pids", None, seconds=30) == mine


def test_a_forked_child_keeps_no_worker_alive(tmp_path: Path) -> None:
    program = """
import os, sys, time
from modulo.verifiers.pool import Pool
pool = Pool(workers=1)
ids = pool.run_sync("tests.verifiers.pool_jobs:pids", None, seconds=60)
if os.fork() == 0:
    os.close(1)
    time.sleep(600)
print(*ids, flush=True)
print(os.getpid(), flush=True)
time.sleep(600)
"""
    command = [sys.executable, "-W", "ignore", "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True, start_new_session=True) as parent:
        assert parent.stdout is not None
        worker, zygote = map(int, parent.stdout.readline().split())
        parent.stdout.readline()
        os.kill(parent.pid, signal.SIGKILL)
        try:
            assert eventually(lambda: gone(worker) and gone(zygote))
        finally:
            os.killpg(parent.pid, signal.SIGKILL)  # the child that was forked


def test_a_process_has_one_pool_for_each_set_of_modules() -> None:
    assert shared(("json",)) is shared(("json",))
    assert shared(("json",)) is not shared(("decimal",))
