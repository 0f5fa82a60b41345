"""What every sandbox must do, the same for all backends."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from pydantic import JsonValue

from modulo.adapters.sandboxes import packages
from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.errors import SandboxUnavailableError
from modulo.protocols import Call, CallReply, Limits, RunReport, Sandbox

LIMITS = Limits(call_seconds=2.0, total_seconds=8.0, memory_mb=256)
SHORT = LIMITS.model_copy(update={"call_seconds": 0.5})


async def run(sandbox: Sandbox, program: str, *args: JsonValue, limits: Limits = LIMITS) -> RunReport:
    """Call `f` once with each of `args`."""
    return await sandbox.run(program, entry="f", calls=[Call(args=(arg,)) for arg in args], limits=limits)


async def value(sandbox: Sandbox, program: str) -> JsonValue:
    report = await run(sandbox, program, None)
    assert report.load is None
    assert report.replies[0].kind == "value", report.replies[0]
    return report.replies[0].value


def test_it_is_a_sandbox(sandbox: ThreadedSandbox) -> None:
    assert isinstance(sandbox, Sandbox)


async def test_answers_calls_in_order(sandbox: ThreadedSandbox) -> None:
    report = await run(sandbox, "def f(x):\n    return x * 2\n", 1, "a", [1], {"$tuple": [1]}, 0.5)
    assert report.load is None
    assert [r.value for r in report.replies] == [2, "aa", [1, 1], {"$tuple": [1, 1]}, 1.0]
    assert report.backend == sandbox.name
    assert report.image is not None
    assert report.image.startswith("sha256:")


async def test_passes_keyword_arguments(sandbox: ThreadedSandbox) -> None:
    calls = [Call(args=(1,), kwargs={"y": {"$set": [2]}})]
    report = await sandbox.run("def f(x, *, y):\n    return x, y\n", entry="f", calls=calls, limits=LIMITS)
    assert report.replies[0].value == {"$tuple": [1, {"$set": [2]}]}


async def test_state_lives_for_one_run_only(sandbox: ThreadedSandbox) -> None:
    program = "seen = []\ndef f(x):\n    seen.append(x)\n    return seen\n"
    for _ in range(2):
        report = await run(sandbox, program, 1, 2)
        assert [r.value for r in report.replies] == [[1], [1, 2]]


async def test_an_exception_names_the_candidates_line_and_the_run_goes_on(sandbox: ThreadedSandbox) -> None:
    program = "import json\ndef f(x):\n    return json.loads(x)\n"
    report = await run(sandbox, program, "{", "1")
    first, second = report.replies
    assert (first.kind, first.line) == ("raised", 3)
    assert first.error.startswith("JSONDecodeError: ")
    assert second.value == 1


@pytest.mark.parametrize(
    ("program", "error", "line"),
    [
        ("def f(x):\n    return (\n", "SyntaxError: ", 2),
        ("import math\nimport no_such_module\n", "ModuleNotFoundError: ", 2),
        ("g = 1\n", "NameError: the program does not define a function f", None),
        ("f = 1\n", "NameError: the program does not define a function f", None),
        ("raise SystemExit(0)\n", "SystemExit: 0", 1),
        ("x = 1\0\n", "", None),
    ],
)
async def test_a_program_that_does_not_load(
    sandbox: ThreadedSandbox, program: str, error: str, line: int | None
) -> None:
    report = await run(sandbox, program, 1, 2)
    assert report.load is not None
    assert report.load.kind == "raised"
    assert report.load.error.startswith(error)
    assert line is None or report.load.line == line
    assert [r.kind for r in report.replies] == ["skipped", "skipped"]


async def test_main_block_does_not_run(sandbox: ThreadedSandbox) -> None:
    program = "name = __name__\ndef f(x):\n    return name\nif __name__ == '__main__':\n    raise ValueError\n"
    assert await value(sandbox, program) == "candidate"


async def test_dataclasses_and_standard_library_work(sandbox: ThreadedSandbox) -> None:
    program = """
import asyncio, dataclasses, decimal, fractions, hashlib, random, re, sqlite3, statistics, tempfile, zoneinfo
from collections import Counter
@dataclasses.dataclass
class P:
    x: int
async def g():
    return 1
def f(_):
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
    return [P(1).x, asyncio.run(g()), hashlib.sha256(b"").hexdigest()[:4], Counter("aab")["a"], random.random() < 1]
"""
    assert await value(sandbox, program) == [1, 1, "e3b0", 2, True]


SCIENCE = """
import os, sys
here = sorted(name for name in ("numpy", "sympy", "mpmath") if name in sys.modules)
import numpy, sympy
def f(x):
    inverse = numpy.linalg.inv(numpy.array([[2.0, 0.0], [0.0, 4.0]]))
    symbol = sympy.Symbol("x")
    threads = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self") else 1
    return [here, inverse.tolist(), str(sympy.integrate(2 * symbol, symbol)), threads, float(numpy.random.rand())]
"""


async def test_the_science_image_has_numpy_and_sympy_loaded(sandbox: ThreadedSandbox) -> None:
    draws = set()
    for _ in range(2):
        report = await sandbox.run(SCIENCE, entry="f", calls=[Call(args=(1,))], limits=LIMITS, image="science")
        assert report.load is None
        answer = report.replies[0].value
        assert isinstance(answer, list)
        assert answer[:4] == [["mpmath", "numpy", "sympy"], [[0.5, 0.0], [0.0, 0.25]], "x**2", 1]
        draws.add(answer[4])
    assert len(draws) == 2  # forks of one process, but not of one random state


async def test_the_base_image_has_neither(sandbox: ThreadedSandbox) -> None:
    for package in ("numpy", "sympy", "mpmath"):
        report = await run(sandbox, f"import {package}\ndef f(x):\n    return x\n", 1)
        assert report.load is not None
        assert report.load.error.startswith("ModuleNotFoundError")


async def test_a_package_that_is_missing_here_is_unavailable(
    sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sandbox.aclose()
    monkeypatch.setitem(packages.PACKAGES, "science", ("no_such_package",))
    with pytest.raises(SandboxUnavailableError, match=r'no_such_package is not: pip install "llm-modulo\[science\]"'):
        await sandbox.run(SCIENCE, entry="f", calls=[Call(args=(1,))], limits=LIMITS, image="science")


async def test_an_answer_to_a_call_not_yet_made_is_refused(sandbox: ThreadedSandbox) -> None:
    # Finds its end of the channel and writes the replies that the host will wait for, right ones even.
    program = """
import os
def f(x):
    bodies = [b'{"index":%d,"kind":"value","value":%d}' % (index, 10 + index) for index in range(2)]
    frames = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)
    os.write(next(fd for fd in range(3, 64) if is_socket(fd)), frames)
    os.read(next(fd for fd in range(3, 64) if is_socket(fd)), 1)
def is_socket(fd):
    import stat
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False
"""
    report = await run(sandbox, program, 10, 11, 12)
    assert [reply.kind for reply in report.replies] == ["value", "protocol", "skipped"]


async def test_an_endless_call_is_a_timeout_and_ends_the_run(sandbox: ThreadedSandbox) -> None:
    program = "def f(x):\n    while x: pass\n    return x\n"
    report = await run(sandbox, program, 0, 1, 0, limits=SHORT)
    assert [r.kind for r in report.replies] == ["value", "timeout", "skipped"]
    assert "call_seconds" in report.replies[1].error


async def test_an_endless_load_is_a_timeout(sandbox: ThreadedSandbox) -> None:
    report = await run(sandbox, "while True: pass\n", 1, limits=SHORT)
    assert report.load is not None
    assert report.load.kind == "timeout"


async def test_the_whole_run_has_a_limit_too(sandbox: ThreadedSandbox) -> None:
    program = "import time\ndef f(x):\n    time.sleep(0.3)\n"
    limits = Limits(call_seconds=2, total_seconds=0.7)
    report = await run(sandbox, program, *range(6), limits=limits)
    kinds = [r.kind for r in report.replies]
    assert kinds.count("timeout") == 1
    assert kinds[-1] == "skipped"


async def test_memory_is_limited(sandbox: ThreadedSandbox) -> None:
    program = "def f(x):\n    return len(b'x' * x)\n"
    report = await run(sandbox, program, 1, 400_000_000, 2)
    assert [r.kind for r in report.replies] == ["value", "memory", "value"]


async def test_memory_of_children_counts(sandbox: ThreadedSandbox) -> None:
    if sandbox.name == "gvisor":
        pytest.skip("memory for which there is no room ends all of gVisor's kernel, and the run is an error")
    program = """
import os, time
def f(x):
    for _ in range(8):
        if os.fork() == 0:
            block = bytearray(150_000_000)
            for i in range(0, len(block), 4096): block[i] = 1
            time.sleep(30)
    time.sleep(30)
"""
    report = await run(sandbox, program, 1, limits=LIMITS.model_copy(update={"call_seconds": 5.0}))
    # With a container's own limit the kernel may take the children and leave the parent to its deadline.
    assert report.replies[0].kind in ("memory", "timeout", "crash")
    assert (await run(sandbox, "def f(x):\n    return x\n", 5)).replies[0].value == 5


async def test_a_crash_is_told_with_its_cause(sandbox: ThreadedSandbox) -> None:
    segfault = "import ctypes\ndef f(x):\n    ctypes.string_at(0)\n"
    report = await run(sandbox, segfault, 1, 2)
    assert [r.kind for r in report.replies] == ["crash", "skipped"]
    assert "SIGSEGV" in report.replies[0].error
    report = await run(sandbox, "import os\ndef f(x):\n    os._exit(3)\n", 1)
    assert (report.replies[0].kind, report.replies[0].error) == ("crash", "ended with exit code 3")


@pytest.mark.parametrize(
    "expression",
    ["object()", "iter([])", "f", "[[object()]]", "type('I', (int,), {})(1)", "bytearray(b'')", "'x' * 2_000_000"],
)
async def test_a_result_that_is_not_plain_or_too_large(sandbox: ThreadedSandbox, expression: str) -> None:
    report = await run(sandbox, f"def f(x):\n    return {expression} if x else 0\n", 1, 0)
    assert [r.kind for r in report.replies] == ["output", "value"]


async def test_a_recursive_result_is_refused(sandbox: ThreadedSandbox) -> None:
    report = await run(sandbox, "def f(x):\n    a = [1]\n    a.append(a)\n    return a\n", 1)
    assert report.replies[0].kind == "output"


async def test_a_program_of_a_megabyte_and_large_arguments(sandbox: ThreadedSandbox) -> None:
    program = "#" * 1_000_000 + "\ndef f(x):\n    return len(x)\n"
    report = await run(sandbox, program, "y" * 900_000, "z" * 900_000)
    assert [r.value for r in report.replies] == [900_000, 900_000]


CONFINED = """
import ctypes, os, socket
def refused(action):
    try:
        action()
    except OSError:
        return True
    return False
libc = ctypes.CDLL(None, use_errno=True)
def f(_):
    return {
        "root": 0 in os.getresuid() + os.getresgid() or 0 in os.getgroups(),
        "environment": len(os.environ),
        "inet": refused(lambda: socket.socket()),
        "unix": refused(lambda: socket.socket(socket.AF_UNIX)),
        "ptrace": libc.ptrace(0, 0, 0, 0),
        "unshare": libc.unshare(0x10000000),
        "io_uring": libc.syscall(425, 1, 0),
        "shm": libc.shmget(1, 4096, 0o1666),
        "new privileges": libc.prctl(39, 0, 0, 0, 0),
        "files": os.listdir("."),
        "descriptors": [fd for fd in range(256) if not refused(lambda: os.fstat(fd))].__len__(),
    }
"""


async def test_what_the_inside_may_not(sandbox: ThreadedSandbox) -> None:
    assert await value(sandbox, CONFINED) == {
        "root": False,
        "environment": 0,
        "inet": True,
        "unix": True,
        "ptrace": -1,
        "unshare": -1,
        "io_uring": -1,
        "shm": -1,
        "new privileges": 1,
        "files": [],
        "descriptors": 4,
    }


async def test_processes_are_limited(sandbox: ThreadedSandbox) -> None:
    if sandbox.name == "gvisor":
        pytest.skip("gVisor's kernel does not know this limit; the container's ends all of it, and the run is an error")
    # Bounded by itself at 200, so that a missing limit shows here and hurts nobody.
    program = """
import os, time
def f(x):
    started = 0
    try:
        for _ in range(200):
            if os.fork() == 0:
                time.sleep(5)
                os._exit(0)
            started += 1
    except OSError:
        pass
    return started
"""
    started = await value(sandbox, program)
    assert isinstance(started, int)
    assert started < 40


def _named(name: str) -> list[Path]:
    return [comm.parent for comm in Path("/proc").glob("[0-9]*/comm") if _text(comm) == name + "\n"]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


async def test_the_host_does_not_see_uid_0(sandbox: ThreadedSandbox) -> None:
    if sandbox.name == "gvisor":
        pytest.skip("the host sees no process of gVisor's")
    # The candidate gives its process a name, by which the host finds it.
    program = """
import ctypes, time
def f(x):
    ctypes.CDLL(None).prctl(15, b"modulo-%d" % x, 0, 0, 0)
    time.sleep(1.5)
"""
    mark = os.getpid()
    task = asyncio.create_task(run(sandbox, program, mark))
    found: list[Path] = []
    while not found and not task.done():
        await asyncio.sleep(0.05)
        found = _named(f"modulo-{mark}")
    assert found, "the candidate's process is not visible from here"
    status = _text(found[0] / "status")
    uids = next(line.split()[1:] for line in status.splitlines() if line.startswith("Uid:"))
    assert len(set(uids)) == 1
    assert int(uids[0]) != 0
    assert os.getuid() != 0 or int(uids[0]) > 100_000
    await task


async def test_nothing_of_a_run_outlives_it(sandbox: ThreadedSandbox) -> None:
    # Leaves orphans in other sessions, and files that cannot be listed.
    if sandbox.name == "unsafe-subprocess" and os.getuid() != 0:
        pytest.skip("without a uid of its own, orphans in another session are not found")
    program = """
import os, time
def f(x):
    os.makedirs("a/b")
    open("a/b/c", "w").close()
    os.chmod("a/b", 0)
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(60)
            os._exit(0)
    return os.getpid()
"""
    await value(sandbox, program)
    seen = """
import os
def f(x):
    mine = os.getuid()
    others = []
    for name in os.listdir("/proc") if os.path.isdir("/proc/1") else []:
        try:
            if name.isdigit() and int(name) != os.getpid() and os.stat("/proc/" + name).st_uid == mine:
                others.append(name)
        except OSError:
            pass
    return [os.listdir("."), others]
"""
    assert await value(sandbox, seen) == [[], []]


async def test_runs_at_once_do_not_mix(sandbox: ThreadedSandbox) -> None:
    program = "import time\ndef f(x):\n    time.sleep(0.01)\n    return x\n"
    reports = await asyncio.gather(*(run(sandbox, program, i, -i) for i in range(12)))
    assert [[r.value for r in report.replies] for report in reports] == [[i, -i] for i in range(12)]


async def test_cancelling_ends_the_run_and_the_next_one_works(sandbox: ThreadedSandbox) -> None:
    limits = Limits(call_seconds=60, total_seconds=60)
    tasks = [asyncio.create_task(run(sandbox, "def f(x):\n    while True: pass\n", 1, limits=limits)) for _ in range(4)]
    await asyncio.sleep(0.5)
    start = time.monotonic()
    for task in tasks:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in done)
    assert (await run(sandbox, "def f(x):\n    return x\n", 7)).replies == (CallReply(kind="value", value=7),)
    assert time.monotonic() - start < limits.call_seconds / 2  # they did not sit out their limit


def test_serves_several_event_loops_and_starts_again_after_closing(sandbox: ThreadedSandbox) -> None:
    async def once() -> JsonValue:
        return (await run(sandbox, "def f(x):\n    return x\n", 1)).replies[0].value

    assert asyncio.run(once()) == 1
    assert asyncio.run(once()) == 1
    asyncio.run(sandbox.aclose())
    asyncio.run(sandbox.aclose())
    assert asyncio.run(once()) == 1
