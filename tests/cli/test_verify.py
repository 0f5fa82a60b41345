"""`modulo verify`: candidates, batches and traces, with no model."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.cli import PROBLEMS, run, script, start

from modulo.cache import _caches, open_cache

COLOURING = PROBLEMS / "three_colouring.yaml"
RIGHT = '{"A": "red", "B": "green", "C": "blue", "D": "red", "E": "green"}'
WRONG = '{"A": "red", "B": "red", "C": "blue", "D": "blue", "E": "green"}'
KEYS = {"problem_id", "index", "accepted", "outcome", "verdicts"}


@pytest.fixture(autouse=True)
def _candidates(_own_folder: None) -> None:
    Path("right.json").write_text(RIGHT)
    Path("wrong.json").write_text(WRONG)


def stdin(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_words(capsys: pytest.CaptureFixture[str]) -> None:
    good = run(capsys, "verify", COLOURING, "right.json")
    assert (good.code, good.out, good.err) == (0, "three-colouring: pass\n  smt: pass (proof)\n", "")
    bad = run(capsys, "verify", COLOURING, "wrong.json")
    assert bad.code == 1
    assert bad.out.startswith("three-colouring: fail\n  smt: fail (proof)\n    ")
    assert "A-B" in bad.out
    assert "C-D" in bad.out
    assert bad.err == ""


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    good = run(capsys, "verify", COLOURING, "right.json", "--json")
    assert good.code == 0
    assert good.row.keys() == KEYS
    assert (good.row["problem_id"], good.row["index"], good.row["accepted"]) == ("three-colouring", 0, True)
    bad = run(capsys, "verify", COLOURING, "wrong.json", "--json")
    assert bad.code == 1
    assert (bad.row["accepted"], bad.row["outcome"]) == (False, "fail")
    (verdict,) = bad.row["verdicts"]
    assert {"verifier", "version", "outcome", "hard", "guarantee", "critiques", "evidence", "seconds"} <= verdict.keys()
    assert {c["locus"] for c in verdict["critiques"]} == {"A-B", "C-D"}
    assert all(c.keys() == {"message", "locus", "counterexample"} for c in verdict["critiques"])


def test_a_whole_response_works_like_a_bare_candidate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in (RIGHT, f"<think>{WRONG}</think>First\n```json\n{WRONG}\n```\nno:\n```json\n{RIGHT}\n```\n"):
        stdin(monkeypatch, text)
        assert run(capsys, "verify", COLOURING, "-").code == 0
        stdin(monkeypatch, text)
        assert run(capsys, "verify", COLOURING).code == 0


def test_the_problem_may_come_from_stdin(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, COLOURING.read_text())
    assert run(capsys, "verify", "-", "right.json").code == 0


def test_an_empty_candidate_fails(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").write_bytes(b"")
    ran = run(capsys, "verify", COLOURING, "empty", "--json")
    assert (ran.code, ran.row["outcome"], ran.row["verdicts"][0]["verifier"]) == (1, "fail", "extractor")


def test_a_soft_verdict_decides_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    specs = [{"math": {"equals": "4"}}, {"math": {"equals": "5", "hard": False}}]
    Path("p.json").write_text(json.dumps({"id": "p", "statement": "s", "answer": "math", "verifiers": specs}))
    Path("four").write_text("4")
    Path("five").write_text("5")
    four, five = run(capsys, "verify", "p.json", "four", "--json"), run(capsys, "verify", "p.json", "five", "--json")
    assert (four.code, four.row["accepted"]) == (0, True)
    assert [(v["outcome"], v["hard"]) for v in four.row["verdicts"]] == [("pass", True), ("fail", False)]
    assert (five.code, five.row["accepted"]) == (1, False)


def batch(path: Path, rows: list[tuple[str, str]]) -> None:
    lines = [json.dumps({"problem_id": i, "candidate": c, "more": 1}) for i, c in rows]
    path.write_text("\n".join(lines) + "\n\n")


def test_a_batch_comes_back_in_input_order(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    problems = [json.loads(line) for line in problem_lines(3)]
    Path("problems.jsonl").write_text("\n".join(map(json.dumps, problems)))
    rows = [(f"p{i % 3}", str(i % 5)) for i in range(40)]
    batch(Path("b.jsonl"), rows)
    ran = run(capsys, "verify", "--batch", "b.jsonl", "--problems", "problems.jsonl", "--json")
    assert ran.code == 1
    assert [(r["problem_id"], r["index"]) for r in ran.rows] == [(p, i) for i, (p, _) in enumerate(rows)]
    assert [r["accepted"] for r in ran.rows] == [p == f"p{c}" for p, c in rows]
    assert all(r.keys() == KEYS for r in ran.rows)

    batch(Path("b.jsonl"), [("p1", "1"), ("p2", "2")])
    assert run(capsys, "verify", "--batch", "b.jsonl", "--problems", "problems.jsonl", "--json").code == 0
    stdin(monkeypatch, Path("b.jsonl").read_text())
    assert run(capsys, "verify", "--batch", "-", "--problems", "problems.jsonl").out.splitlines()[0] == "p1: pass"


def problem_lines(count: int) -> list[str]:
    return [
        json.dumps({"id": f"p{i}", "statement": f"{i}?", "answer": "math", "verifiers": [{"math": {"equals": i}}]})
        for i in range(count)
    ]


def test_an_empty_batch_is_all_accepted_and_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("problems.jsonl").write_text(problem_lines(1)[0])
    Path("b.jsonl").write_text("")
    ran = run(capsys, "verify", "--batch", "b.jsonl", "--problems", "problems.jsonl", "--json")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_a_trace_file_is_checked_again(capsys: pytest.CaptureFixture[str]) -> None:
    model = script(Path("s.json"), WRONG, RIGHT)
    assert run(capsys, "solve", COLOURING, "-m", model, "--rounds", "2", "--trace", "t.jsonl").code == 0
    same = run(capsys, "verify", "t.jsonl")
    assert (same.code, same.out) == (0, "2 verdicts of 1 traces checked again: all the same\n")
    row = run(capsys, "verify", "t.jsonl", "--json").row
    assert row == {
        "traces": 1,
        "verdicts": 2,
        "differing": 0,
        "differences": [],
        "undecided": 0,
        "opinions": 0,
        "unjudged": 0,
        "reworded": 0,
        "versions": [],
        "unavailable": None,
        "same": True,
        "skipped_lines": 0,
    }

    text = Path("t.jsonl").read_text()
    forged = json.loads(text)
    forged["attempts"][0]["verdicts"][0]["outcome"] = "pass"
    Path("t.jsonl").write_text(json.dumps(forged) + "\n" + text[:100])
    ran = run(capsys, "verify", "t.jsonl", "--json")
    assert ran.code == 1
    assert (ran.row["same"], ran.row["skipped_lines"]) == (False, 1)
    (difference,) = ran.row["differences"]
    assert difference == {
        "trace_id": forged["trace_id"],
        "field": "outcome",
        "attempt": 0,
        "verifier": "smt",
        "stored": "pass",
        "now": "fail",
    }
    assert ran.err == "modulo: t.jsonl:2: skipped, torn line\n"
    assert run(capsys, "verify", "t.jsonl").out == (
        f"{forged['trace_id']} attempt 0 smt: stored pass, now fail\n"
        "2 verdicts of 1 traces checked again: 1 differ\n  1 lines could not be read\n"
    )


def test_a_cache_file_is_used_and_not_when_traces_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    for cached in (False, True):
        row = run(capsys, "verify", COLOURING, "right.json", "--json", "--cache", "v.sqlite").row
        assert [v["cached"] for v in row["verdicts"]] == [cached]
        open_cache("v.sqlite").close()
        _caches.clear()  # as in another process
    assert run(capsys, "verify", COLOURING, "right.json", "--json", "--cache", "right.json").code == 2
    model = script(Path("s.json"), RIGHT)
    ran = run(capsys, "solve", COLOURING, "-m", model, "--trace", "t.jsonl", "--json", "--cache", "v.sqlite")
    assert [v["cached"] for v in ran.row["verdicts"]] == [True]
    assert run(capsys, "verify", "t.jsonl", "--cache", "v.sqlite", "--json").row["verdicts"] == 1
    open_cache("v.sqlite").close()
    _caches.clear()


def test_an_untrusted_cache_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "verify", COLOURING, "right.json", "--cache", "right.json")
    assert (ran.code, ran.out) == (2, "")
    assert "right.json: others can" in ran.err or "is no verdict cache" in ran.err


BATCH = ("verify", "--batch", "-", "--problems", "problems.jsonl", "--json")


def write_problems(count: int) -> None:
    Path("problems.jsonl").write_text("\n".join(problem_lines(count)))


def test_a_bad_line_of_a_file_is_found_before_anything_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    write_problems(1)
    batch(Path("b.jsonl"), [("p0", "0")] * 3000)
    with Path("b.jsonl").open("a") as file:
        file.write('{"problem_id": "p0"}\n')
    ran = run(capsys, "verify", "--batch", "b.jsonl", "--problems", "problems.jsonl")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "modulo: b.jsonl:3002: candidate: is missing or not text\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", "is a JSON object"),
        ('{"problem_id": "p0", "candidate": 0}', "candidate: is missing or not text"),
        ('{"problem_id": "p9", "candidate": "0"}', "problem_id: no problem is called 'p9'"),
        ('{"problem_id": "p0"', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_a_bad_line_of_standard_input_comes_after_what_stood_before_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str, message: str
) -> None:
    write_problems(1)
    good = [json.dumps({"problem_id": "p0", "candidate": str(i)}) for i in range(100)]
    stdin(monkeypatch, "\n".join([*good, "", line, *good]))
    ran = run(capsys, *BATCH)
    assert ran.code == 2
    assert [row["index"] for row in ran.rows] == list(range(100))
    assert ran.err.startswith(f"modulo: <stdin>:102: {message}")


def test_lines_without_an_end_and_across_blocks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_problems(2)
    rows = [(f"p{i % 2}", " " * (37 * i % 5000) + str(i % 2)) for i in range(1000)]
    monkeypatch.setattr("modulo.cli.batch._BLOCK", 777)
    stdin(monkeypatch, "\r\n".join(json.dumps({"problem_id": p, "candidate": c}) for p, c in rows))
    ran = run(capsys, *BATCH)
    assert [(row["problem_id"], row["index"], row["accepted"]) for row in ran.rows] == [
        (p, i, True) for i, (p, _) in enumerate(rows)
    ]


def test_a_line_that_never_ends_is_refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write_problems(1)
    monkeypatch.setattr("modulo.cli.batch._MAX_LINE", 1000)
    monkeypatch.setattr("modulo.cli.batch._BLOCK", 100)
    stdin(monkeypatch, "x" * 5000)
    ran = run(capsys, *BATCH)
    assert (ran.code, ran.err) == (2, "modulo: <stdin>:1: is longer than 0 MiB\n")


def line(candidate: str) -> bytes:
    return json.dumps({"problem_id": "p0", "candidate": candidate}).encode() + b"\n"


def test_a_line_is_answered_while_the_next_is_awaited_and_an_interrupt_ends_it() -> None:
    write_problems(1)
    with start(*BATCH, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        for i in range(3):
            process.stdin.write(line(str(i)))
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["index"] == i
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == b""
        assert process.stderr.read() == b"modulo: interrupted\n"
        assert process.wait(timeout=60) == 130


def test_a_closed_pipe_ends_it() -> None:
    write_problems(1)
    Path("b.jsonl").write_bytes(line("0") * 20_000)
    with start(
        "verify", "--batch", "b.jsonl", "--problems", "problems.jsonl", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"p0: pass\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 1


def test_progress(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write_problems(1)
    batch(Path("b.jsonl"), [("p0", str(i % 2)) for i in range(300)])
    monkeypatch.setattr("modulo.cli.progress._EVERY", 0.0)
    ran = run(capsys, "verify", "--batch", "b.jsonl", "--problems", "problems.jsonl", "--json")
    assert len(ran.rows) == 300
    assert re.fullmatch(r"(modulo: \d+ of 300 checked, \d+ accepted, [\d,]+/s\n)+", ran.err)
    assert "300 of 300 checked, 150 accepted" in ran.err

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    ran = run(capsys, "verify", "--batch", "b.jsonl", "--problems", "problems.jsonl", "--json")
    assert len(ran.rows) == 300
    assert "150 accepted" in screen.getvalue()
