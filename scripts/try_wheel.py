"""Use the built wheel as a stranger would: `try_wheel.py DIST LOCK`.

Installs the one wheel in DIST with the locked requirements into a clean environment outside the checkout, verifies a
right and a wrong answer with it, and checks that its files are all there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

PROBLEM = {
    "id": "big",
    "statement": "Give x above 3 as JSON.",
    "answer": "json",
    "verifiers": [{"smt": {"variables": {"x": "int"}, "constraints": {"big": "x > 3"}}}],
}
EXPECTED = {'{"x": 5}': 0, '{"x": 2}': 1, '{"x": true}': 1}


def main(dist: Path, lock: Path) -> int:
    """Returns 0 if the wheel works."""
    (wheel,) = dist.resolve().glob("*.whl")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        venv.create(home / "venv", with_pip=True)
        python = home / "venv" / "bin" / "python"
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps"]
        subprocess.run([*pip, "--require-hashes", "-r", lock.resolve()], check=True)
        subprocess.run([*pip, wheel], check=True)
        (home / "p.json").write_text(json.dumps(PROBLEM))
        modulo = home / "venv" / "bin" / "modulo"
        for candidate, code in EXPECTED.items():
            done = subprocess.run([modulo, "verify", "p.json", "-"], input=candidate, text=True, cwd=home, check=False)
            if done.returncode != code:
                sys.stderr.write(f"modulo verify of {candidate} exited {done.returncode}, not {code}\n")
                return 1
        listed = "import importlib.util as u; print(all(u.find_spec(m) for m in %r))" % (  # noqa: UP031
            [
                "modulo.cli",
                "modulo.graphs",
                "modulo.verifiers.smt",
                "modulo.adapters.models",
                "modulo.adapters.sandboxes",
            ],
        )
        found = subprocess.run([python, "-c", listed], text=True, capture_output=True, cwd=home, check=True)
        if found.stdout.strip() != "True":
            sys.stderr.write("the wheel lacks a package\n")
            return 1
    sys.stdout.write(f"{wheel.name} works in a clean environment\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
