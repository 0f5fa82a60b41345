"""The verdict cache: what is remembered, under what, and what is never believed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.doubles import PROBLEM, Equals

from modulo.bank import Bank
from modulo.cache import Shelf, VerdictCache, open_cache
from modulo.cache_file import CacheFile
from modulo.compose import Banks
from modulo.errors import ConfigError
from modulo.types import AnswerFormat, Critique, Guarantee, Outcome, Problem, Verdict, accepted


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "v.sqlite"


@pytest.fixture
def open_at(path: Path) -> Iterator[Any]:
    opened: list[VerdictCache] = []

    def opener(limit: int = 1 << 20) -> VerdictCache:
        opened.append(VerdictCache(path, limit=limit))
        return opened[-1]

    yield opener
    for cache in opened:
        cache.close()


def bank(cache: VerdictCache, verifier: Equals | None = None, problem: Problem = PROBLEM, scope: str = "s") -> Bank:
    return Bank(problem, [verifier or Equals()], scopes=[scope], cache=cache)


async def cached(cache: VerdictCache, candidate: str = "41", **options: Any) -> bool:
    ((verdict,), (again,)) = await bank(cache, **options).judge_many([candidate, candidate])
    assert again.cached
    assert again == verdict.model_copy(update={"cached": True, "seconds": 0.0})
    return verdict.cached


async def test_banks_share_what_they_know_by_a_spec() -> None:
    cache, verifier = VerdictCache(), Equals()
    assert not await cached(cache, verifier=verifier)
    assert await cached(cache, verifier=Equals())
    (verdict,) = await bank(cache).judge("41")
    assert verdict.cached
    assert verdict.seconds == 0
    assert verdict.critiques == (Critique(message="41 is not it", locus="answer"),)


OTHERWISE: list[dict[str, Any]] = [
    {"candidate": "41 "},
    {"scope": "another spec"},
    {"verifier": Equals(version="2")},
    {"verifier": Equals(name="equal")},
    {"verifier": Equals(hard=False)},
    {"verifier": Equals(guarantee=Guarantee.TESTS)},
    {"problem": PROBLEM.model_copy(update={"statement": "What is six times eight?"})},
    {"problem": PROBLEM.model_copy(update={"id": "another"})},
    {"problem": PROBLEM.model_copy(update={"answer": AnswerFormat.MATH})},
]


@pytest.mark.parametrize("other", OTHERWISE)
async def test_whatever_decides_a_verdict_is_part_of_the_key(other: dict[str, Any], open_at: Any) -> None:
    for cache in (VerdictCache(), open_at()):
        assert not await cached(cache)
        assert not await cached(cache, **other)
        assert await cached(cache)


async def test_a_verifier_without_a_spec_is_remembered_for_its_bank_alone(open_at: Any, path: Path) -> None:
    cache = open_at()
    verifier = Equals()
    first = Bank(PROBLEM, [verifier], cache=cache)
    await first.judge("41")
    assert (await first.judge("41"))[0].cached
    assert not (await Bank(PROBLEM, [verifier], cache=cache).judge("41"))[0].cached
    cache.close()
    assert rows(path) == []


async def test_an_opinion_is_not_written_down(open_at: Any, path: Path) -> None:
    cache = open_at()
    verifier = Equals(guarantee=Guarantee.OPINION, hard=False)
    assert not await cached(cache, verifier=verifier)
    assert await cached(cache, verifier=verifier)
    cache.close()
    assert rows(path) == []


async def test_only_decided_verdicts_are_kept(open_at: Any, path: Path) -> None:
    class Undecided(Equals):
        async def verify(self, problem: Problem, candidate: str) -> Verdict:
            return (await super().verify(problem, candidate)).model_copy(update={"outcome": Outcome(candidate)})

    cache = open_at()
    for outcome in Outcome:
        for _ in range(2):
            (verdict,) = await bank(cache, Undecided()).judge(outcome.value)
        assert verdict.cached == (outcome in (Outcome.PASS, Outcome.FAIL))
    cache.close()
    assert len(rows(path)) == 2


async def test_memory_is_bounded_and_keeps_what_was_used_last() -> None:
    cache = VerdictCache(limit=5000)
    one = bank(cache)
    for i in range(100):
        await one.judge(f"{i}")
        await one.judge("0")
    assert 2 < len(cache) < 30
    assert (await one.judge("0"))[0].cached
    assert not (await one.judge("1"))[0].cached


async def test_a_file_outlives_its_process_and_the_memory(open_at: Any, path: Path) -> None:
    first = open_at()
    rows_of_first = await bank(first).judge_many([str(i) for i in range(1500)])
    first.close()
    assert len(rows(path)) == 1500
    second = open_at()
    assert all(v.cached for (v,) in await bank(second).judge_many([str(i) for i in range(1500)]))
    (verdict,) = await bank(open_at()).judge("42")
    assert (verdict.outcome, verdict.cached) == (Outcome.PASS, True)
    assert rows_of_first[42][0].outcome is Outcome.PASS


def rows(path: Path) -> list[tuple[bytes, bytes, bytes]]:
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT key, row, digest FROM verdicts_1").fetchall()
    connection.close()
    return found


def change(path: Path, statement: str, *values: Any) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement, values)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE verdicts_1 SET row = replace(CAST(row AS TEXT), '\"fail\"', '\"pass\"')",
        "UPDATE verdicts_1 SET row = CAST(replace(CAST(row AS TEXT), '\"fail\"', '\"pass\"') AS BLOB)",
        "UPDATE verdicts_1 SET row = substr(row, 1, 20)",
        "UPDATE verdicts_1 SET row = 7",
        "UPDATE verdicts_1 SET digest = x''",
        "UPDATE verdicts_1 SET key = x'00'",
    ],
)
async def test_a_changed_row_is_not_there(open_at: Any, path: Path, statement: str) -> None:
    first = open_at()
    assert not await cached(first)
    first.close()
    change(path, statement)
    (verdict,) = await bank(open_at()).judge("41")
    assert (verdict.outcome, verdict.cached) == (Outcome.FAIL, False)


@pytest.mark.parametrize(
    "forged",
    [
        {"verifier": "other"},
        {"version": "0"},
        {"hard": False},
        {"outcome": "unknown"},
        {"outcome": "maybe"},
        {"more": 1},
        {"score": 7},
    ],
)
async def test_a_row_that_its_verifier_cannot_have_written_is_not_believed(
    open_at: Any, path: Path, forged: dict[str, Any]
) -> None:
    cache = open_at()
    verifier = Equals(guarantee=Guarantee.TESTS)
    shelf = Shelf(cache, verifier, PROBLEM, "s")
    verdict = (await verifier.verify(PROBLEM, "42")).model_dump(mode="json", exclude={"cached"})
    key = shelf.key("41")
    for changed, believed in (
        (verdict, True),
        ({**verdict, **forged}, False),
        ({**verdict, "guarantee": "proof"}, False),
    ):
        cache.file.write(key, json.dumps(changed).encode())
        await asyncio.wrap_future(cache.file.read([]))  # one thread does both in order
        assert bool(await shelf.find([key])) is believed


def test_a_file_that_cannot_be_trusted_is_refused(tmp_path: Path, path: Path) -> None:
    path.write_text("no database, and longer than its header would be" * 10)
    with pytest.raises(ConfigError, match="is no verdict cache, or a damaged one"):
        CacheFile(path)
    path.unlink()
    change(path, "CREATE TABLE mine (x)")
    with pytest.raises(ConfigError, match="holds something else"):
        CacheFile(path)
    path.unlink()
    CacheFile(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="others can write this file"):
        CacheFile(path)
    with pytest.raises(ConfigError, match="cannot be used"):
        CacheFile(path / "below" / "a" / "file")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="not this"):
        CacheFile(tmp_path / "pipe")


def test_a_folder_will_do(tmp_path: Path) -> None:
    for given in (str(tmp_path), f"{tmp_path}/new/"):
        file = CacheFile(given)
        file.close()
        assert file.path == Path(given) / "verdicts.sqlite"


async def test_a_file_that_fails_in_use_is_given_up(open_at: Any, path: Path) -> None:
    cache = open_at()
    change(path, "DROP TABLE verdicts_1")
    assert not await cached(cache, "41")
    assert not await cached(cache, "40")
    assert accepted(await bank(cache).judge("42"))
    assert "verdicts_1" in str(cache.file.fault)


def test_a_file_is_bounded(path: Path) -> None:
    file = CacheFile(path, limit=200_000)
    for i in range(200):
        file.write(i.to_bytes(32), os.urandom(4000))
        file.read([b""]).result()
    file.close()
    kept = {int.from_bytes(key) for key, _, _ in rows(path)}
    assert 199 in kept
    assert 0 not in kept
    assert 10 < len(kept) < 60


def _write(path: str, start: int, *, die: bool) -> None:
    file = CacheFile(path)
    for i in range(start, start + 300):
        file.write(i.to_bytes(32), b"%d" % i * 50)
    file.read([b""]).result()
    if die:
        os.kill(os.getpid(), signal.SIGKILL)
    file.close()


def test_many_processes_share_a_file_and_may_be_killed(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write, args=(str(path), k * 1000), kwargs={"die": k == 1}) for k in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        process.close()
    assert {int.from_bytes(key) for key, _, _ in rows(path)} >= {*range(300), *range(2000, 2300)}
    with contextlib.closing(CacheFile(path)) as file:
        assert file.read([(5).to_bytes(32)]).result() == {(5).to_bytes(32): b"5" * 50}


def test_a_process_has_one_cache_for_each_file(path: Path) -> None:
    assert open_cache() is open_cache()
    cache = open_cache(path)
    assert open_cache(str(path)) is cache
    assert Banks(cache=path).cache is cache
    assert Banks(cache=False).cache is None
    assert Banks().cache is open_cache()
    cache.close()
