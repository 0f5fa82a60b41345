"""`modulo solve`: what it prints, where, and how it exits."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import PROBLEMS, Ran, run, script, start

from modulo.traces import read_traces

RIGHT = '{"A": "red", "B": "green", "C": "blue", "D": "red", "E": "green"}'
WRONG = '{"A": "red", "B": "red", "C": "blue", "D": "red", "E": "green"}'
COLOURING = PROBLEMS / "three_colouring.yaml"
ROOT_OF_12 = PROBLEMS / "exact_root.yaml"


def solve(capsys: pytest.CaptureFixture[str], answers: list[Any], *arguments: str | Path) -> Ran:
    return run(capsys, "solve", "-m", script(Path("script.json"), *answers), *arguments)


def test_a_verified_answer_is_all_of_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    ran = solve(capsys, [f"Here it is:\n```json\n{RIGHT}\n```\nDone."], COLOURING, "-n", "1")
    assert (ran.code, ran.out) == (0, RIGHT + "\n")
    judged, solved, summary = ran.err.splitlines()
    assert judged.split() == ["three-colouring", "candidate", "1", "of", "1", "pass"]
    assert "smt · proof" in solved
    assert "verified" in solved
    assert summary.startswith("1 of 1 verified · traces in runs/traces.jsonl")
    (trace,) = read_traces("runs/traces.jsonl")
    assert trace.answer == RIGHT


@pytest.mark.parametrize(("strategy", "flag"), [("best_of_n", "--rounds"), ("critique_retry", "-n")])
def test_a_flag_of_the_other_strategy_is_noted(capsys: pytest.CaptureFixture[str], strategy: str, flag: str) -> None:
    ran = solve(capsys, [RIGHT], COLOURING, "--strategy", strategy, flag, "1")
    assert (ran.code, ran.out) == (0, RIGHT + "\n")
    assert f"note: {flag} is for " in ran.err


def test_an_unverified_answer_is_never_printed(capsys: pytest.CaptureFixture[str]) -> None:
    ran = solve(capsys, [WRONG, WRONG], COLOURING, "-n", "2")
    assert (ran.code, ran.out) == (1, "")
    assert "not verified" in ran.err
    assert "exhausted; closest: " in ran.err


def test_json_has_one_object_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    answers = {"Colour": [WRONG, RIGHT], "x^2 = 12": [r"\boxed{3.46}", r"\boxed{3.46}"]}
    Path("s.json").write_text(json.dumps(answers))
    ran = run(capsys, "solve", COLOURING, ROOT_OF_12, "-n", "2", "--json", "-m", "scripted:s.json")
    assert ran.code == 1
    good, bad = ran.rows
    assert {"problem_id", "status", "answer", "verdicts", "usage", "trace_id"} <= good.keys()
    assert good.keys() == bad.keys()
    assert (good["problem_id"], good["status"], good["answer"]) == ("three-colouring", "verified", RIGHT)
    assert [v["outcome"] for v in good["verdicts"]] == ["pass"]
    assert good["best"] is None
    assert good["usage"].keys() == {"prompt_tokens", "completion_tokens", "cost", "estimated"}
    assert (bad["problem_id"], bad["status"], bad["answer"]) == ("exact-root", "unverified", None)
    assert bad["best"]["candidate"] == "3.46"
    assert bad["best"]["critiques"]
    assert [t.trace_id for t in read_traces("runs/traces.jsonl")] == [good["trace_id"], bad["trace_id"]]


def test_critique_retry_feeds_the_critique_back(capsys: pytest.CaptureFixture[str]) -> None:
    ran = solve(capsys, [WRONG, RIGHT], COLOURING, "--rounds", "3", "--feedback", "first", "--seed", "7")
    assert (ran.code, ran.out) == (0, RIGHT + "\n")
    first, second = (line.split() for line in ran.err.splitlines()[:2])
    assert first[:6] == ["three-colouring", "round", "1", "of", "3", "fail"]
    assert "A-B" in first[7]
    assert second == ["three-colouring", "round", "2", "of", "3", "pass"]
    (trace,) = read_traces("runs/traces.jsonl")
    assert (trace.strategy, trace.settings["rounds"], trace.settings["feedback"]) == ("critique_retry", 3, "first")
    assert [m.role for m in trace.path(trace.attempts[1].node)] == ["user", "assistant", "user", "assistant"]
    assert "A-B" in trace.path(trace.attempts[1].node)[2].content
    assert trace.sampling.seed == 7


def test_jsonl_and_stdin(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"id": f"p{i}", "statement": f"Say {i}.", "answer": "math", "verifiers": [{"math": {"equals": i}}]}
        for i in (4, 5)
    ]
    lines = "\n".join(map(json.dumps, rows))
    Path("two.jsonl").write_text(lines)
    assert solve(capsys, ["4", "5"], "two.jsonl", "-n", "1").out == "4\n5\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert solve(capsys, ["4", "6"], "-", "-n", "1").out == "4\n"


def test_flags_over_environment_over_file(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("modulo.toml").write_text('n = 1\ntrace = "from_file.jsonl"\n')
    monkeypatch.setenv("MODULO_SEED", "11")
    assert solve(capsys, [WRONG, RIGHT], COLOURING).code == 1
    assert solve(capsys, [WRONG, RIGHT], COLOURING, "-n", "2").code == 0
    first, second = read_traces("from_file.jsonl")
    assert (first.settings["n"], first.sampling.seed, second.settings["n"]) == (1, 11, 2)
    assert not Path("runs").exists()


def test_a_budget_of_tokens_ends_a_solve(capsys: pytest.CaptureFixture[str]) -> None:
    spent = {"text": WRONG, "usage": {"completion_tokens": 60}, "delay": 0.01}
    ran = solve(capsys, [spent] * 8, COLOURING, "--max-tokens", "100", "--json")
    assert ran.code == 1
    assert ran.row["termination"] == "tokens"
    assert 100 <= ran.row["usage"]["completion_tokens"] < 480


def test_a_provider_that_fails_is_4_and_the_rest_is_not_tried(capsys: pytest.CaptureFixture[str]) -> None:
    ran = solve(capsys, [], COLOURING, ROOT_OF_12, "--json")
    assert ran.code == 4
    first, second = ran.rows
    assert (first["status"], first["termination"]) == ("error", "unavailable")
    assert "script exhausted" in first["error"]
    assert (second["status"], second["termination"], second["trace_id"]) == ("error", "not tried", None)
    assert {"problem_id", "status", "answer", "verdicts", "usage", "trace_id"} <= second.keys()


def test_a_broken_program_is_3(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("modulo.cli.solve.bind", broken)
    ran = solve(capsys, [RIGHT], COLOURING)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == "modulo: internal error: ZeroDivisionError: a bug (MODULO_DEBUG=1 shows where)\n"
    monkeypatch.setenv("MODULO_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        solve(capsys, [RIGHT], COLOURING)


@pytest.mark.parametrize("strategy", ["best_of_n", "critique_retry"])
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_is_130_with_the_trace_flushed(blow: signal.Signals, strategy: str) -> None:
    model = script(Path("script.json"), WRONG, {"text": RIGHT, "delay": 60})
    child = start(
        "solve", COLOURING, "-m", model, "--strategy", strategy, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stderr is not None
    first = child.stderr.readline()
    assert b"fail" in first
    child.send_signal(blow)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert out == b""
    assert b"Traceback" not in err
    assert err.splitlines()[-1] == b"modulo: interrupted"
    (trace,) = read_traces("runs/traces.jsonl")
    assert (trace.status, trace.termination) == ("unverified", "interrupted")
    assert [a.candidate for a in trace.attempts][:1] == [WRONG]
    assert trace.answer is None


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    model = script(Path("script.json"), {"text": RIGHT, "delay": 0.3})
    child = start("solve", COLOURING, "-m", model, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    err = child.stderr.read()
    child.stderr.close()
    assert child.wait(30) == 1
    assert b"Traceback" not in err
    assert b"Broken pipe" not in err


def test_a_terminal_gets_a_live_line() -> None:
    answers = [{"text": WRONG, "delay": 0.3}, {"text": RIGHT, "delay": 0.9}]
    ours, theirs = pty.openpty()
    child = start(
        "solve",
        COLOURING,
        "-m",
        script(Path("script.json"), *answers),
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={"TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(theirs)
    seen = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    out, _ = child.communicate(timeout=30)
    assert child.returncode == 0
    assert out.decode() == RIGHT + "\n"
    shown = seen.decode()
    assert "\x1b[?25l" in shown  # the cursor is hidden, and
    assert shown.rindex("\x1b[?25h") > shown.index("\x1b[?25l")  # shown again
    assert "1 of 8 drawn" in shown or "candidate 1 of 8" in shown
    assert "verified" in shown
    assert RIGHT not in shown
