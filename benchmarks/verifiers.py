"""How fast the critics are, each against a named peer in the same run.

    python benchmarks/verifiers.py [tests|smt|math|pool …] [-- OPTIONS]

Each part is a program of its own that also runs alone: `speed_tests.py`, `speed_smt.py`, `speed_math.py` and
`pool_fairness.py`. Options after `--` go to the one part that is named.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PARTS = {"tests": "speed_tests", "smt": "speed_smt", "math": "speed_math", "pool": "pool_fairness"}


def main(arguments: list[str]) -> int:
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parts, options = arguments[:cut] or list(PARTS), arguments[cut + 1 :]
    for part in parts:
        if part not in PARTS:
            sys.stderr.write(f"{part} is none of {', '.join(PARTS)}\n")
            return 2
    if options and len(parts) != 1:
        sys.stderr.write("options go to one part: name it\n")
        return 2
    for part in parts:
        print(f"\n## {part}\n", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{PARTS[part]}", *options]
        if code := subprocess.run(command, cwd=Path(__file__).resolve().parent.parent, check=False).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
