"""`kill -9` in mid-solve, then the same call again: no attempt lost, none repeated, the trace complete."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modulo.traces import read_traces
from modulo.types import Status

ROOT = Path(__file__).resolve().parents[2]


def start(folder: Path, strategy: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.crash_child", str(folder), strategy],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("strategy", ["best_of_n", "critique_retry"])
@pytest.mark.parametrize("kill_after", [1, 4])
def test_a_killed_solve_resumes(tmp_path: Path, strategy: str, kill_after: int) -> None:
    child = start(tmp_path, strategy)
    assert child.stdout is not None
    for _ in range(kill_after):
        assert child.stdout.readline().startswith("attempt ")
    # The next completion comes 50 ms later: what was told of is saved by then, and nothing more is drawn yet.
    os.kill(child.pid, signal.SIGSTOP)
    os.kill(child.pid, signal.SIGKILL)
    child.stdout.close()
    assert child.wait(30) == -signal.SIGKILL
    assert not (tmp_path / "t.jsonl").exists()

    again = start(tmp_path, strategy)
    out, _ = again.communicate(timeout=60)
    assert again.returncode == 0
    assert out.splitlines()[-1] == "end verified 42"

    (trace,) = read_traces(tmp_path / "t.jsonl")
    assert trace.status is Status.VERIFIED
    drawn = (tmp_path / "draws.log").read_text().splitlines()
    assert [a.candidate for a in trace.attempts] == [f"answer {i}" for i in range(1, len(drawn))] + ["42"]
    assert [trace.nodes[a.node].message.content for a in trace.attempts] == [a.candidate for a in trace.attempts]
    assert trace.usage.completion_tokens == len(drawn) == 8

    third = start(tmp_path, strategy)
    out, _ = third.communicate(timeout=60)
    assert out.splitlines() == ["end verified 42"]
    assert (tmp_path / "draws.log").read_text().splitlines() == drawn
    assert len(list(read_traces(tmp_path / "t.jsonl"))) == 1
