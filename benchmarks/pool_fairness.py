"""What hostile jobs cost the innocent: the pool of workers against pebble's and the standard library's.

    .venv/bin/python -m benchmarks.pool_fairness [--jobs 1000] [--deadline 1] [--share 0.05] [--at-once 32]

A stream of short jobs, of which one in twenty computes until it is killed. So many are submitted at once, and an
innocent one's latency is from its submission to its answer. Peers: `pebble.ProcessPool`, whose `timeout=` kills the
worker, and `concurrent.futures.ProcessPoolExecutor`, which cannot kill: there the hostile jobs end by themselves at the
deadline. Pebble is installed into `.venv-peers/` at the first run. All have as many workers as there are processors.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WORKERS = os.cpu_count() or 2
INNOCENT_SECONDS = 0.001


def work(job: dict[str, Any]) -> int:
    """Compute for a while. A hostile job does so until its deadline and beyond, or up to it where nobody kills it."""
    seconds = INNOCENT_SECONDS if not job["hostile"] else job["until"]
    end, count = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        count += 1
    return count


def jobs(count: int, share: float, until: float) -> list[dict[str, Any]]:
    """The same for everybody: one hostile job in `1 / share`, at random places."""
    hostile = set(random.Random(7).sample(range(count), int(count * share)))
    return [{"hostile": i in hostile, "until": until} for i in range(count)]


async def measured(
    todo: list[dict[str, Any]], run: Callable[[dict[str, Any]], Awaitable[None]], at_once: int
) -> dict[str, Any]:
    """Latencies of the innocent and the seconds of it all, with `at_once` submitted at a time."""
    latencies: list[float] = []
    queue = iter(todo)
    lost = 0

    async def client() -> None:
        nonlocal lost
        for job in queue:
            began = time.perf_counter()
            try:
                await run(job)
            except Exception:  # noqa: BLE001 - a deadline; only an innocent job's counts
                lost += not job["hostile"]
                continue
            if not job["hostile"]:
                latencies.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(at_once)))
    latencies.sort()
    at = {f"p{q}": latencies[min(len(latencies) - 1, int(q / 100 * len(latencies)))] for q in (50, 90, 99)}
    return {**at, "max": latencies[-1], "seconds": time.perf_counter() - began, "lost": lost}


async def modulo_pool(options: argparse.Namespace) -> dict[str, Any]:
    """Our own."""
    from modulo.verifiers.pool import Pool

    pool = Pool(("benchmarks.pool_fairness",), workers=WORKERS)
    try:

        async def run(job: dict[str, Any]) -> None:
            await pool.run("benchmarks.pool_fairness:work", job, seconds=options.deadline)

        await run({"hostile": False})
        return await measured(jobs(options.jobs, options.share, 3600.0), run, options.at_once)
    finally:
        pool.close()


async def pebble_pool(options: argparse.Namespace) -> dict[str, Any]:
    """Pebble's."""
    from pebble import ProcessPool  # type: ignore[import-not-found]

    with ProcessPool(WORKERS, context=get_context("forkserver")) as pool:

        async def run(job: dict[str, Any]) -> None:
            await asyncio.wrap_future(pool.schedule(work, args=(job,), timeout=options.deadline))

        await run({"hostile": False})
        return await measured(jobs(options.jobs, options.share, 3600.0), run, options.at_once)


async def standard_pool(options: argparse.Namespace) -> dict[str, Any]:
    """The standard library's, with hostile jobs that are polite enough to end at their deadline."""
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("forkserver")) as pool:

        async def run(job: dict[str, Any]) -> None:
            await asyncio.wrap_future(pool.submit(work, job))

        await run({"hostile": False})
        return await measured(jobs(options.jobs, options.share, options.deadline), run, options.at_once)


RUNS = {"modulo": modulo_pool, "pebble": pebble_pool, "ProcessPoolExecutor": standard_pool}


def peer_python() -> str:
    """The interpreter of an environment that has pebble."""
    folder = ROOT / ".venv-peers" / "pebble"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "pebble==5.2.3"], check=True)
    return str(python)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--deadline", type=float, default=1.0)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--only", choices=RUNS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(asyncio.run(RUNS[options.only](options))))
        return
    passed = [
        f"--{name.replace('_', '-')}={getattr(options, name)}" for name in ("jobs", "deadline", "share", "at_once")
    ]
    rows: dict[str, dict[str, Any]] = {}
    for name in RUNS:
        python = peer_python() if name == "pebble" else sys.executable
        command = [python, "-m", "benchmarks.pool_fairness", f"--only={name}", *passed]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        rows[name] = json.loads(done.stdout)
    own = rows["modulo"]
    hostile = int(options.jobs * options.share)
    print(
        f"{options.jobs} jobs of {INNOCENT_SECONDS * 1000:g} ms, {hostile} of them hostile with a deadline of"
        f" {options.deadline:g} s, {options.at_once} at once, {WORKERS} workers. Latency of the innocent, ms.\n"
    )
    print("| Pool | p50 | p90 | p99 | max | p99 against modulo | all done, s | innocent lost |")
    print("|---|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        times = " | ".join(f"{1000 * row[key]:,.0f}" for key in ("p50", "p90", "p99", "max"))
        ratio = f"{row['p99'] / own['p99']:.1f} ×"
        print(f"| {name} | {times} | {ratio} | {row['seconds']:.1f} | {row['lost']} |")


if __name__ == "__main__":
    main()
