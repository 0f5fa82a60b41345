"""What the loop itself costs: against bare LangGraph with a model that takes no time, and against peers over HTTP.

    python benchmarks/overhead.py [loop|wire]

`loop`: three attempts a solve, the third passes; modulo's two strategies, without and with a trace file, and the loop
written by hand in bare LangGraph (`bare_loop.py`), in turns in one process. Every solve is of another problem, so that
no verdict comes from a cache.

`wire`: best-of-8 on a server that answers each request after 50 ms and of whose eight answers the last is right;
modulo, its-hub and DSPy, each in a process and an environment of its own, in turns, on the same questions. The peers
are installed into `.venv-peers/` at the first run.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import modulo
from benchmarks.bare_loop import build
from benchmarks.stub_server import serving
from modulo.adapters.models.scripted import Scripted

ROOT = Path(__file__).resolve().parent.parent
ANSWERS = ("40", "41", "42")
PEERS = {
    "its-hub": "its-hub[lm]==1.2.0",
    "dspy": "dspy==3.4.1",
}
CONTENDERS = (
    ("modulo best_of_n", None, "modulo_best_of_8.py", ()),
    ("its-hub BestOfN", "its-hub", "its_hub_best_of_8.py", ()),
    ("dspy BestOfN", "dspy", "dspy_best_of_8.py", ("module",)),
    ("dspy Predict, n=8, by hand", "dspy", "dspy_best_of_8.py", ("at-once",)),
)


def check(candidate: str) -> tuple[bool, str]:
    return candidate == "42", f"{candidate} is not six times seven"


@modulo.verifier(guarantee="proof")
async def forty_two(problem: modulo.Problem, candidate: str) -> Any:
    passed, critique = check(candidate)
    return modulo.ok() if passed else modulo.fail(critique)


async def loop(solves: int, batch: int, folder: Path) -> None:
    """Print CPU and wall time a solve of every way, each also relative to the bare loop."""
    texts = itertools.cycle(ANSWERS)

    async def model(messages: list[dict[str, str]]) -> str:
        return next(texts)

    bare = build(model, check)

    def ours(strategy: str, **settings: Any) -> Callable[[str], Awaitable[Any]]:
        scripted = Scripted(ANSWERS, cycle=True)
        graph = modulo.graph(strategy, model=scripted, verifiers=[forty_two], n=3, **settings)
        return lambda statement: graph.ainvoke({"problem": {"statement": statement}})

    ways: dict[str, Callable[[str], Awaitable[Any]]] = {
        "bare LangGraph": lambda text: bare.ainvoke({"messages": [{"role": "user", "content": text}], "attempts": []}),
        "critique_retry": ours("critique_retry"),
        "best_of_n": ours("best_of_n"),
        "critique_retry, traced": ours("critique_retry", trace=folder / "critique_retry.jsonl"),
        "best_of_n, traced": ours("best_of_n", trace=folder / "best_of_n.jsonl"),
    }
    numbers = itertools.count()
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(solves // batch + 1):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(batch):
                result = await way(f"What is six times seven? Question {next(numbers)}.")
                assert len(result.get("attempts", ())) == 3 or result["solution"]["attempts"] == 3, result
            if number:  # the first batch warms up
                spent[name].append(((time.process_time() - cpu) / batch, (time.perf_counter() - wall) / batch))
    rows = {name: [1000 * median(column) for column in zip(*batches, strict=True)] for name, batches in spent.items()}
    base = rows["bare LangGraph"]
    print(f"loop: {solves} solves of 3 attempts each way, in turns of {batch}, median of turns")
    print("| | CPU ms a solve | × bare | wall ms a solve | × bare |\n|---|---|---|---|---|")
    for name, (cpu, wall) in rows.items():
        print(f"| {name} | {cpu:.2f} | {cpu / base[0]:.2f} | {wall:.2f} | {wall / base[1]:.2f} |")


def environment(name: str) -> str:
    """Interpreter of a peer's environment, which is made if it is not there."""
    folder = ROOT / ".venv-peers" / name
    python = folder / "bin" / "python"
    done = folder / PEERS[name]
    if not done.exists():
        print(f"installing {PEERS[name]} into {folder.relative_to(ROOT)} …", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        (folder.parent / ".gitignore").write_text("*\n")
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PEERS[name]]
        ended = subprocess.run(install, capture_output=True, text=True)
        if ended.returncode != 0:
            sys.exit(f"cannot install {PEERS[name]}: {ended.stderr.strip().splitlines()[-1]}")
        done.touch()
    return str(python)


def wire(solves: int, turns: int, delay: float) -> None:
    """Print wall and CPU time of a best-of-8 solve for each library, and wall time relative to the server's own."""
    pythons = {name: environment(name) for name in PEERS}
    settings = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    spent: dict[str, list[dict[str, float]]] = {name: [] for name, *_ in CONTENDERS}
    requests: dict[str, float] = {}
    with serving([delay]) as stub:
        for turn in range(turns):
            for name, peer, script, arguments in CONTENDERS:
                before = stub.stats().requests
                program = ROOT / "benchmarks" / "peers" / script
                command = [
                    pythons[peer] if peer else sys.executable,
                    str(program),
                    stub.url,
                    str(solves),
                    f"{name} {turn}",
                    *arguments,
                ]
                ended = subprocess.run(command, capture_output=True, text=True, env=settings)
                if ended.returncode != 0:
                    sys.exit(f"{name} failed:\n{ended.stderr}")
                spent[name] += [json.loads(line) for line in ended.stdout.splitlines()]
                requests[name] = (stub.stats().requests - before) / (solves + 3)
        own = median(stub.stats().service_seconds)
    print(f"wire: best-of-8, {turns * solves} solves each; the server's own time is {1000 * own:.1f} ms a request")
    print("| | requests a solve | wall ms | × server | CPU ms |\n|---|---|---|---|---|")
    for name, rows in spent.items():
        wall, cpu = median(row["wall"] for row in rows), median(row["cpu"] for row in rows)
        print(f"| {name} | {requests[name]:.0f} | {1000 * wall:.1f} | {wall / own:.2f} | {1000 * cpu:.1f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("loop", "wire", "both"), nargs="?", default="both")
    parser.add_argument("--solves", type=int, default=1000, help="solves of each way in `loop`")
    parser.add_argument("--wire-solves", type=int, default=20, help="solves of each library in each turn of `wire`")
    parser.add_argument("--turns", type=int, default=3, help="turns of `wire`")
    chosen = parser.parse_args()
    if chosen.part != "wire":
        with tempfile.TemporaryDirectory() as traces:
            asyncio.run(loop(chosen.solves, min(50, chosen.solves), Path(traces)))
    if chosen.part != "loop":
        wire(chosen.wire_solves, chosen.turns, 0.05)
