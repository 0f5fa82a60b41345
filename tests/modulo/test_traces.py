from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modulo.errors import TraceError
from modulo.traces import Node, Trace, TraceStore, read_traces
from modulo.types import Attempt, Completion, Message, Outcome, Problem, Status, Usage, Verdict

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def trace(trace_id: str = "t1", text: str = "42", *, passed: bool = True) -> Trace:
    problem = Problem(id="p", statement="s")
    verdict = Verdict(verifier="v", version="1", outcome=Outcome.PASS if passed else Outcome.FAIL)
    attempt = Attempt(index=0, node=1, completion=Completion(text=text), candidate=text, verdicts=(verdict,))
    return Trace(
        trace_id=trace_id,
        problem=problem,
        problem_hash=problem.problem_hash,
        spec_hash=problem.spec_hash,
        model="m",
        strategy="best_of_n",
        started_at="2026-01-01T00:00:00+00:00",
        nodes=(
            Node(id=0, message=Message(role="user", content="s")),
            Node(id=1, parent=0, message=Message(role="assistant", content=text)),
        ),
        attempts=(attempt,),
        status=Status.VERIFIED,
        termination="verified",
        answer=text,
        best=0,
        usage=Usage(completion_tokens=3),
    )


@given(st.lists(TEXT, max_size=5))
def test_traces_survive_the_file(texts: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = TraceStore(Path(folder) / "deep" / "runs.jsonl")
        written = [trace(str(i), text) for i, text in enumerate(texts)]
        for one in written:
            store.append(one)
        if written:
            assert list(read_traces(store.path)) == written


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_a_torn_last_line_is_reported_and_costs_nothing_else(tmp_path: Path, cut: int) -> None:
    store = TraceStore(tmp_path / "t.jsonl")
    store.append(trace("a"))
    store.append(trace("b"))
    raw = store.path.read_bytes()
    store.path.write_bytes(raw[:-cut])
    said: list[str] = []
    kept = [t.trace_id for t in read_traces(store.path, report=said.append)]
    assert kept == (["a", "b"] if cut == 1 else ["a"])
    store.append(trace("c"))
    said.clear()
    assert [t.trace_id for t in read_traces(store.path, report=said.append)][-1] == "c"
    assert len(said) == (0 if cut == 1 else 1)
    assert all("t.jsonl:2: skipped, torn line" in line for line in said)


def test_a_line_that_is_no_trace_is_named(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "t.jsonl")
    store.path.write_text('{"trace_id": 5}\n\n')
    store.append(trace("a"))
    said: list[str] = []
    assert [t.trace_id for t in read_traces(store.path, report=said.append)] == ["a"]
    assert len(said) == 1
    assert "t.jsonl:1: skipped, not a trace" in said[0]


def test_a_solve_written_twice_is_read_once(tmp_path: Path) -> None:
    store = TraceStore(tmp_path / "t.jsonl")
    store.append(trace("a", "old"))
    store.append(trace("b"))
    store.append(trace("a", "new"))
    assert [(t.trace_id, t.answer) for t in read_traces(store.path)] == [("b", "42"), ("a", "new")]


def _write_many(path: str, start: int) -> None:
    store = TraceStore(path)
    for i in range(50):
        store.append(trace(f"{start + i}", "x" * 5000))


def test_concurrent_writers_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_many, args=(str(tmp_path / "t.jsonl"), k * 1000)) for k in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
        worker.close()
    said: list[str] = []
    assert len(list(read_traces(tmp_path / "t.jsonl", report=said.append))) == 150
    assert said == []


def test_a_path_is_a_conversation() -> None:
    assert [m.content for m in trace().path(1)] == ["s", "42"]


def test_unwritable_and_unreadable_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = TraceStore(tmp_path / "file" / "t.jsonl")
    for act in (store.prepare, lambda: store.append(trace()), lambda: list(read_traces(tmp_path / "none.jsonl"))):
        with pytest.raises(TraceError, match=str(tmp_path)):
            act()
