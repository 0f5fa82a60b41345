"""Running the command in this process, and outside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modulo.cli import _run

ROOT = Path(__file__).resolve().parents[2]
PROBLEMS = ROOT / "examples" / "problems"
COMMAND = (sys.executable, "-c", "from modulo.cli import main; main()")


@dataclass(frozen=True)
class Ran:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """stdout as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def row(self) -> dict[str, Any]:
        """stdout as one JSON line."""
        (row,) = self.rows
        return row


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Ran:
    """Run in this process."""
    code = _run([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return Ran(code, out, err)


def start(*arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
    """Start outside; the caller waits."""
    environment = {**os.environ, **options.pop("env", {})}
    return subprocess.Popen([*COMMAND, *map(str, arguments)], env=environment, **options)


def script(path: Path, *answers: Any) -> str:
    """A model string for these answers."""
    path.write_text(json.dumps(answers), encoding="utf-8")
    return f"scripted:{path}"
