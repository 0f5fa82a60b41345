"""CPU time of starting: `modulo --help` and `import modulo`, next to Python itself and to LangGraph's import.

python benchmarks/startup.py
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

COMMANDS = {
    'python -c "pass"': [sys.executable, "-c", "pass"],
    "import modulo": [sys.executable, "-c", "import modulo"],
    "modulo --help": [str(Path(sys.executable).with_name("modulo")), "--help"],
    "import langgraph.graph": [sys.executable, "-c", "import langgraph.graph"],
}


def cpu_seconds(command: list[str]) -> float:
    """User and system time of a command and its children."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} exited with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=21)
    runs = parser.parse_args().runs
    spent: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(runs + 1):
        for name, command in COMMANDS.items():
            seconds = cpu_seconds(command)
            if number:  # the first run compiles
                spent[name].append(1000 * seconds)
    base = median(spent['python -c "pass"'])
    print(f"user + system CPU of a fresh process, {runs} runs in turns")
    print("| | median ms | least ms | median above Python's own |\n|---|---|---|---|")
    for name, times in spent.items():
        print(f"| `{name}` | {median(times):.0f} | {min(times):.0f} | {median(times) - base:.0f} |")
