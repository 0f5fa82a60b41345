"""Z3's own regression scripts through the guard and the disposable process: no crash, no hang, no disagreement.

    MODULO_Z3TEST=…/z3test/regressions python benchmarks/z3_regressions.py [--seconds 4] [--limit 200] [--verbose]

A script is compared where its recorded output has an answer for each of its checks; `unknown`, ours or theirs, decides
nothing. What holds a command or option that is not let through, or is over a cap, is refused, and counted by reason.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from modulo.errors import WorkerError
from modulo.verifiers.pool import Pool

ORIGINAL = "https://github.com/Z3Prover/z3test"
PRELOAD = ("z3", "modulo.verifiers.smt_script")
STATUSES = ("sat", "unsat", "unknown", "timeout")


def recorded(root: Path) -> list[tuple[Path, list[str], bool]]:
    """Scripts that have a recorded output: the answers in it, and whether it has errors."""
    found = []
    for script in sorted(root.rglob("*.smt2")):
        output = script.with_suffix(".expected.out")
        if output.is_file():
            lines = [line.strip() for line in output.read_text("utf-8", "replace").splitlines()]
            answers = [line for line in lines if line in STATUSES]
            found.append((script, answers, any("(error" in line for line in lines)))
    return found


def judge(pool: Pool, script: Path, rlimit: int, seconds: float) -> dict[str, Any]:
    """What became of one script, and how long it took."""
    started = time.monotonic()
    text = script.read_bytes().decode("utf-8", "replace")
    payload: dict[str, Any] = {"text": text, "rlimit": rlimit, "seconds": seconds}
    try:
        outcome: Any = pool.run_sync("modulo.verifiers.smt_script:run", payload, seconds=seconds + 2)
    except WorkerError as error:
        outcome = {"crash": str(error)}
    return {**outcome, "seconds": time.monotonic() - started}


def verdict(outcome: dict[str, Any], expected: list[str], errors: bool) -> str:
    """One script's row in the table."""
    if "crash" in outcome:
        return "crash or hang"
    if "refused" in outcome:
        return "refused"
    if "undecided" in outcome:
        return f"undecided: {outcome['undecided']}"
    if "error" in outcome:
        return "refused by Z3, as recorded" if errors else "refused by Z3"
    answers = outcome["answers"]
    if errors or len(answers) != len(expected):
        return "not comparable: recorded with errors" if errors else "not comparable: another number of answers"
    if not answers:
        return "nothing to compare: no check"
    pairs = list(zip(answers, expected, strict=True))
    if any({a, b} == {"sat", "unsat"} for a, b in pairs):
        return "DISAGREES"
    return "agrees" if answers == expected else "agrees where decided"


def reason(message: str) -> str:
    """What a refusal is about, without its particulars."""
    for pattern in (r"the command '[^']*'", r"the option :[\w.\-]*", r"nested more than", r"longer than", "characters"):
        if found := re.search(pattern, message):
            return found[0]
    return message[:50]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rlimit", type=int, default=5_000_000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--limit", type=int, help="only so many scripts, spread over all")
    parser.add_argument("--verbose", action="store_true", help="name every script that is not compared")
    options = parser.parse_args()
    folder = os.environ.get("MODULO_Z3TEST")
    root = Path(folder) if folder else None
    scripts = recorded(root) if root is not None and root.is_dir() else []
    if root is None or not scripts:
        print(f"no regression scripts: get {ORIGINAL} and set MODULO_Z3TEST to its folder `regressions`")
        return 2
    if options.limit:
        scripts = scripts[:: max(1, len(scripts) // options.limit)]
    pool = Pool(PRELOAD, workers=2)
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    checks, slowest = 0, 0.0
    started = time.monotonic()
    with ThreadPoolExecutor(2) as threads:
        outcomes = threads.map(lambda item: judge(pool, item[0], options.rlimit, options.seconds), scripts)
        for (script, expected, errors), outcome in zip(scripts, outcomes, strict=True):
            row = verdict(outcome, expected, errors)
            counts[row] += 1
            slowest = max(slowest, outcome["seconds"])
            if row.startswith("agrees"):
                checks += sum(answer in ("sat", "unsat") for answer in outcome["answers"])
            if row == "refused":
                reasons[reason(outcome["refused"])] += 1
            if row in ("DISAGREES", "crash or hang") or (options.verbose and not row.startswith("agrees")):
                print(f"{script.relative_to(root)}: {row}: {outcome}"[:300], file=sys.stderr)
    pool.close()
    print(f"{len(scripts)} scripts with recorded output, {time.monotonic() - started:.0f} s, slowest {slowest:.1f} s\n")
    print("| What became of it | Scripts |\n|---|---|")
    for row, count in counts.most_common():
        print(f"| {row} | {count} |")
    print(f"\n{checks} answers `sat` or `unsat` compared\n\n| Refused because of | Scripts |\n|---|---|")
    for row, count in reasons.most_common(25):
        print(f"| {row} | {count} |")
    return 1 if counts["DISAGREES"] or counts["crash or hang"] else 0


if __name__ == "__main__":
    sys.exit(main())
