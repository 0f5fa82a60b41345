"""No attack is accepted, none disturbs the honest program after it, and none makes a critique tell a hidden test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from modulo.adapters.sandboxes import KINDS, open_sandbox
from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.types import Outcome, Problem, Verdict
from modulo.verifiers.tests import factory

ATTACKS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("attacks.yaml").read_text(encoding="utf-8"))
BACKENDS = [pytest.param(k, marks=pytest.mark.docker if k == "docker" else ()) for k in KINDS if k != "auto"]
SPEC: dict[str, Any] = {
    "entry": "f",
    "cases": [{"args": [3], "expect": 9}],
    "hidden": [{"args": [-4], "expect": 16}, {"args": [100], "expect": 10000}],
}
LIMITS: dict[str, Any] = {"call_seconds": 1.0, "total_seconds": 3.0, "memory_mb": 128}
PROBLEM = Problem(statement="Write f.")
HONEST = "def f(x):\n    return x * x\n"


@pytest.fixture(scope="module", params=BACKENDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[ThreadedSandbox]:
    if request.param == "unsafe-subprocess" and os.getuid() != 0:
        pytest.skip("without a uid of its own a plain process can kill, outlive and read: it is called unsafe for that")
    opened = open_sandbox(request.param, slots=1)  # one slot: what a run leaves behind meets the next one
    assert isinstance(opened, ThreadedSandbox)
    yield opened
    opened.close()


async def judge(sandbox: ThreadedSandbox, program: str, spec: dict[str, Any] | None = None) -> Verdict:
    loaded = factory.load({**(spec or SPEC), **LIMITS}, base=None)
    return await factory.build(loaded, hard=True, sandbox=sandbox).verify(PROBLEM, program)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: str(attack["name"]))
async def test_attack(sandbox: ThreadedSandbox, attack: dict[str, Any]) -> None:
    verdict = await judge(sandbox, attack["program"], attack.get("spec"))
    assert verdict.outcome == attack.get("outcome", "fail"), verdict
    assert (verdict.outcome is Outcome.PASS) == (not verdict.critiques)
    assert all(len(c.message) < 1200 and c.message.isprintable() for c in verdict.critiques)
    assert (await judge(sandbox, HONEST)).outcome is Outcome.PASS


def test_attacks_have_names_of_their_own() -> None:
    names = [attack["name"] for attack in ATTACKS]
    assert len(set(names)) == len(names)
    assert sum(attack.get("outcome") == "pass" for attack in ATTACKS) >= 3


TELL_TALE: dict[str, Any] = {
    "entry": "f",
    "cases": [{"args": [3], "expect": 9}, {"args": [5], "expect": 25}],
    "hidden": [{"args": [777001], "expect": 777002}, {"args": ["swordfish"], "expect": "sesame"}],
}
LEAKS = {
    "in an exception": "def f(x):\n    raise ValueError(x)\n",
    "in the exception's name": "def f(x):\n    raise type(f'E{x}', (Exception,), {})\n",
    "in the value": "def f(x):\n    return [x, x]\n",
    "in later answers": "seen = []\ndef f(x):\n    seen.append(x)\n    return seen\n",
    "by the line": "def f(x):\n    if x == 777001:\n        1 / 0\n    return 9\n",
    "by the way it ends": "import os\ndef f(x):\n    if x == 777001:\n        os._exit(77)\n    return x * x\n",
}


@pytest.mark.parametrize("program", LEAKS.values(), ids=LEAKS)
async def test_a_hidden_test_is_never_told(sandbox: ThreadedSandbox, program: str) -> None:
    verdict = await judge(sandbox, program, TELL_TALE)
    assert verdict.outcome is Outcome.FAIL
    told = verdict.model_dump_json(exclude={"seconds"})
    for secret in ("777001", "777002", "swordfish", "sesame", "exit code 77"):
        assert secret not in told
    assert all(c.locus is None and c.counterexample is None for c in verdict.critiques if "hidden" in c.message)


KEEP = """
import ctypes, os
def everywhere():
    yield from (".", "/tmp", "/dev/shm", "/var/tmp", "/dev/mqueue", os.path.expanduser("~"))
"""
LEAVE = (
    KEEP
    + """
libc = ctypes.CDLL(None)
def f(x):
    for place in everywhere():
        try:
            with open(place + "/note", "a") as file: file.write(f"{x}\\n")
            os.chmod(place + "/note", 0o666)
        except OSError: pass
    number = libc.shmget(4242, 4096, 0o1666)
    if number >= 0:
        libc.shmat.restype = ctypes.c_void_p
        ctypes.memmove(libc.shmat(number, None, 0), str(x).encode(), len(str(x)))
    libc.syscall(248, b"user", b"note", str(x).encode(), len(str(x)), -4)
    for place in everywhere():
        try:
            if os.fork() == 0:
                os.setsid()
                while True:
                    with open(place + "/note", "w") as file: file.write(str(x))
        except OSError: pass
    return x * x if type(x) is int else x
"""
)
FIND = (
    KEEP
    + """
def f(x):
    found = []
    for place in everywhere():
        try: found.append(open(place + "/note").read())
        except OSError: pass
    if ctypes.CDLL(None).shmget(4242, 4096, 0o666) >= 0: found.append("shm")
    return found
"""
)


async def test_a_program_finds_nothing_of_an_earlier_one(sandbox: ThreadedSandbox) -> None:
    if sandbox.name == "unsafe-subprocess":
        pytest.skip("a plain process shares the machine's files: that is why it is called unsafe")
    await judge(sandbox, LEAVE, TELL_TALE)
    verdict = await judge(sandbox, FIND)
    assert verdict.critiques[0].message.startswith("f(3) returned [], expected 9")
