"""`tests` on programs that read standard input: every case is a run from scratch, and the host compares the output."""

from __future__ import annotations

from typing import Any

import pytest
from tests.verifiers.tests_support import judge, messages

from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.types import Outcome

DOUBLE = "import sys\nfor line in sys.stdin:\n    print(int(line) * 2)\n"
CASES: list[dict[str, Any]] = [{"stdin": "1\n2\n", "stdout": "2\n4\n"}, {"stdout": ""}]
HIDDEN: list[dict[str, Any]] = [{"stdin": "777001\n", "stdout": "1554002\n"}]


async def test_a_right_program_passes(sandbox: ThreadedSandbox) -> None:
    verdict = await judge(sandbox, DOUBLE, cases=CASES, hidden=HIDDEN)
    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["kind"] == "programs"
    assert verdict.evidence["backend"] == sandbox.name
    assert str(verdict.evidence["image"]).startswith("sha256:")
    assert (verdict.evidence["public_passed"], verdict.evidence["hidden_passed"]) == (2, 1)


async def test_a_wrong_line_is_shown_with_its_input(sandbox: ThreadedSandbox) -> None:
    verdict = await judge(sandbox, DOUBLE.replace("* 2", "* 2 + (int(line) > 1)"), cases=CASES, hidden=HIDDEN)
    assert messages(verdict) == [
        r"with the input '1\n2\n' line 2 of the output is '5', expected '4'",
        "a hidden test fails (1 of 1 hidden tests)",
    ]
    assert verdict.critiques[0].counterexample == {"stdin": "1\n2\n", "expected": "2\n4\n", "printed": "2\n5\n"}
    assert verdict.score == pytest.approx(1 / 3)
    assert not any(secret in verdict.model_dump_json() for secret in ("777001", "1554002", "1554003"))


@pytest.mark.parametrize(
    "program",
    [
        "n = int(input())\nprint(n * n)",
        "print(int(open(0).read()) ** 2)",
        "import os\nos.write(1, b'%d' % int(os.read(0, 100)) ** 2)".replace(
            "% int(os.read(0, 100)) ** 2", "% (int(os.read(0, 100)) ** 2)"
        ),
        "import sys\nsys.stdout.buffer.write(str(int(sys.stdin.buffer.readline()) ** 2).encode() + b'  \\n\\n')",
        "if __name__ == '__main__':\n    print(eval(input()) ** 2)\n    raise SystemExit",
        "import atexit\nn = int(input())\natexit.register(lambda: print(n * n))",
        "import threading\nn = int(input())\nthreading.Timer(0.05, lambda: print(n * n)).start()",
        "import sys\nprint(int(input()) ** 2)\nsys.exit(0)",
        "import multiprocessing, sys\nprint(int(sys.stdin.readline()) ** 2, flush=True)",
    ],
)
async def test_every_usual_way_to_read_and_print(sandbox: ThreadedSandbox, program: str) -> None:
    verdict = await judge(sandbox, program, cases=[{"stdin": "12\n", "stdout": "144"}])
    assert verdict.outcome is Outcome.PASS, messages(verdict)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            "print(1 / 0)",
            "with empty input the program raised ZeroDivisionError: division by zero on line 1: `print(1 / 0)`",
        ),
        ("print(144)\nraise SystemExit(3)", "with empty input the program exited with code 3, expected 0"),
        ("print(144)\nimport os\nos._exit(5)", "with empty input the program exited with code 5, expected 0"),
        ("raise SystemExit('no')", "with empty input the program exited with code 1, expected 0"),
        ("print(144", "the program does not compile: SyntaxError: '(' was never closed on line 1: `print(144`"),
        (
            "import os\nos.kill(os.getpid(), 11)",
            "with empty input the program ended the whole process (ended by signal 11 (SIGSEGV))",
        ),
        ("while True: pass", "with empty input the program did not end in time (over call_seconds = 0.5 s)"),
        ("while True: print('x' * 1000)", "with empty input the program printed more than 750000 bytes"),
        ("x = 'x' * 10**9", "with empty input the program used more than 128 MiB of memory"),
        ("import os\nos.write(1, b'\\xff')", "with empty input the program printed what is not UTF-8"),
        ("pass", "with empty input line 1 of the output is '(there is no such line)', expected '144'"),
        (
            "print(144)\nprint()\nprint(7)",
            "with empty input line 2 of the output is '', expected '(there is no such line)'",
        ),
    ],
)
async def test_what_else_can_become_of_a_run(sandbox: ThreadedSandbox, program: str, message: str) -> None:
    verdict = await judge(sandbox, program, cases=[{"stdout": "144"}], call_seconds=0.5, memory_mb=128)
    assert verdict.outcome is Outcome.FAIL
    assert messages(verdict) == [message]


async def test_an_exit_code_may_be_expected_and_a_limit_set_for_one_case(sandbox: ThreadedSandbox) -> None:
    program = "import sys, time\ntime.sleep(float(input()))\nsys.exit(3)\n"
    cases: list[dict[str, Any]] = [
        {"stdin": "0", "stdout": "", "exit": 3},
        {"stdin": "0.6", "stdout": "", "exit": 3, "seconds": 5},
    ]
    assert (await judge(sandbox, program, cases=cases, call_seconds=0.4)).outcome is Outcome.PASS
    del cases[1]["seconds"]
    assert (await judge(sandbox, program, cases=cases, call_seconds=0.4)).outcome is Outcome.FAIL


async def test_nothing_is_left_of_an_earlier_run(sandbox: ThreadedSandbox) -> None:
    program = """
import os, time
seen = os.path.exists("note")
open("note", "w").close()
if os.fork() == 0:
    os.setsid()
    time.sleep(30)
    os._exit(0)
print(seen)
"""
    verdict = await judge(sandbox, program, cases=[{"stdout": "False"}] * 3)
    assert verdict.outcome is Outcome.PASS, messages(verdict)


async def test_a_time_out_ends_one_run_and_the_total_all(sandbox: ThreadedSandbox) -> None:
    program = "n = int(input())\nwhile n: pass\nprint(n)\n"
    cases = [{"stdin": "1", "stdout": "1"}, {"stdin": "0", "stdout": "0"}]
    verdict = await judge(sandbox, program, cases=cases, call_seconds=0.5)
    assert (len(verdict.critiques), verdict.evidence["public_passed"]) == (1, 1)
    verdict = await judge(sandbox, program, cases=cases[:1] * 9, hidden=cases[1:], call_seconds=0.5, total_seconds=1.2)
    assert verdict.outcome is Outcome.FAIL
    assert 1 < len(verdict.critiques) < 9
    assert verdict.evidence["hidden_passed"] == 0


async def test_a_large_input_and_one_that_is_not_read(sandbox: ThreadedSandbox) -> None:
    text = "x" * 400_000 + "\n"
    verdict = await judge(sandbox, "print(len(input()))", cases=[{"stdin": text, "stdout": "400000"}])
    assert verdict.outcome is Outcome.PASS, messages(verdict)
    verdict = await judge(sandbox, "print(5)", cases=[{"stdin": text, "stdout": "5"}])
    assert verdict.outcome is Outcome.PASS, messages(verdict)


async def test_numbers_within_a_tolerance(sandbox: ThreadedSandbox) -> None:
    program = "print('x', 1/3, 'y')\nprint(2e-9)\n"
    case = {"stdout": "x 0.333333 y\n0.0\n"}
    assert (await judge(sandbox, program, cases=[case])).outcome is Outcome.FAIL
    assert (await judge(sandbox, program, cases=[case], tolerance=1e-5)).outcome is Outcome.PASS
    assert (await judge(sandbox, program, cases=[case], tolerance={"relative": 1e-5})).outcome is Outcome.FAIL
