"""`lint`: what it sees in a program, what it is blind to on purpose, and what no program can make it do."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from modulo.bank import Bank
from modulo.errors import MissingExtraError, ProblemError
from modulo.types import Guarantee, Outcome, Problem, Verdict, accepted
from modulo.verifiers.contract import NoSandbox
from modulo.verifiers.lint import factory
from modulo.verifiers.lint_check import check, check_many

PROBLEM = Problem(statement="write it")


async def look(program: str, **spec: Any) -> Verdict:
    verifier = factory.build(factory.load(spec, base=None), hard=False, sandbox=NoSandbox())
    return await verifier.verify(PROBLEM, program)


@pytest.mark.parametrize(
    ("program", "line", "words"),
    [
        ("def f(:\n", 1, "invalid syntax: `def f(:`"),
        ("x = (\n", 1, "'(' was never closed"),
        ("def f():\nreturn 1\n", 2, "expected an indented block"),
        ("def f(a):\n    return b\n", 2, 'Name "b" is not defined'),
        ("def f(a: int) -> str:\n    return a + 1\n", 2, "Incompatible return value type"),
        ("import math\nmath.squareroot(2)\n", 2, 'Module has no attribute "squareroot"'),
        ("from math import squareroot\n", 1, 'has no attribute "squareroot"'),
        ("def f(x: int) -> int:\n    return x\n\nf('1')\n", 4, "incompatible type"),
        ("f()\nf: int = 1\nf()\n", 1, "not callable"),
    ],
)
async def test_faults_have_their_line(program: str, line: int, words: str) -> None:
    verdict = await look(program)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.critiques[0].locus == f"line {line}"
    assert verdict.critiques[0].message.startswith(f"line {line}: ")
    assert words in verdict.critiques[0].message


async def test_the_score_is_the_share_of_clean_lines() -> None:
    verdict = await look("a: int = ''\n\nb = 1\nc = 2\nd: str = 3\n")
    assert verdict.score == 0.5
    assert verdict.evidence == {"lines": 4, "faults": 2}
    assert (await look("x = 1\n")).score == 1.0
    assert (await look("x = (")).score == 0.0
    many = await look("x: int = ''\n" + "".join(f"y{i}: int = ''\n" for i in range(30)))
    assert (len(many.critiques), many.evidence["faults"]) == (10, 31)


@pytest.mark.parametrize(
    "silencer",
    [
        "# mypy: ignore-errors",
        "# mypy: ignore-errors=True",
        "# mypy: disable-error-code=assignment",
        "# type: ignore",
        "#type:ignore",
        '"""\n# mypy: ignore-errors\n"""',
        "import sys",
    ],
)
async def test_it_is_not_silenced(silencer: str) -> None:
    for program in (f"{silencer}\nx: int = ''\n", f"{silencer}\nx: int = ''  # type: ignore[assignment]\n"):
        verdict = await look(program)
        assert verdict.outcome is Outcome.FAIL
        assert "Incompatible types in assignment" in verdict.critiques[0].message


async def test_it_never_runs_the_program_nor_reads_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.py").write_text("password: int = 1\n")
    (tmp_path / "mypy.ini").write_text("[mypy]\nplugins = evil.py\nignore_errors = True\n")
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MYPYPATH", str(tmp_path))
    touch = f"open({str(tmp_path / 'ran')!r}, 'w').close()\n"
    trail = str(tmp_path).strip("/").replace("/", ".").replace("-", "_")
    imports = f"import secret\nfrom secret import nothing\nimport modulo\nimport {trail}.secret\n"
    program = f"{touch}{imports}x: str = secret.password\n"
    verdict = await look(program)
    assert verdict.outcome is Outcome.PASS, verdict.critiques  # what it imports is unknown, so nothing is said of it
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / ".mypy_cache").exists()
    assert (await look("x: int = ''\n")).outcome is Outcome.FAIL  # the configuration beside it is not read


@pytest.mark.parametrize(
    "program",
    [
        "-" * 150_000 + "1",
        "1+" * 90_000 + "1",
        "1+" * 400 + "1",
        "a" + ".a" * 90_000,
        "a" + "()" * 90_000,
        "not " * 40_000 + "1",
        "lambda: " * 20_000 + "1",
        "1 if 1 else " * 15_000 + "1",
        "if 1:\n pass\n" + "elif 1:\n pass\n" * 10_000,
        "x: " + "list[" * 180 + "int" + "]" * 180,
        "9" * 100_000,
        "x" * 200_001,
        "from . import x",
        "\0",
        "\ud800",
        "# nothing but a remark",
    ],
    ids=lambda program: program[:12],
)
async def test_hostile_programs_are_faulty_ones(program: str) -> None:
    verdict = await look(program)
    assert verdict.outcome is Outcome.FAIL
    assert all(len(critique.message) < 600 for critique in verdict.critiques)


async def test_a_program_that_takes_too_long_is_unknown() -> None:
    verdict = await look("def f():\n" + " x = f()()()()()()()()()\n" * 7000, seconds=0.2)
    assert verdict.outcome is Outcome.UNKNOWN


async def test_one_program_tells_nothing_to_the_next() -> None:
    assert (await look("class A:\n    x: int = 1\nsecret = A()\n")).outcome is Outcome.PASS
    assert "not defined" in (await look("print(secret.x)\n")).critiques[0].message
    assert (await look("import typing\ntyping.cast = 1  # type: ignore\n")).outcome is Outcome.FAIL
    assert (await look("import typing\nx: int = typing.cast(int, '')\n")).outcome is Outcome.PASS


async def test_syntax_alone_needs_no_mypy(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "mypy" else find(name, *a))
    assert (await look("x: int = ''\n", types=False)).outcome is Outcome.PASS
    assert (await look("x = (\n", types=False)).outcome is Outcome.FAIL
    with pytest.raises(MissingExtraError, match=r"pip install 'llm-modulo\[lint\]'"):
        await look("x = 1\n")
    built = factory.build({}, hard=False, sandbox=NoSandbox())
    (verdict,) = await Bank(PROBLEM, [built]).judge("x = 1")
    assert (verdict.outcome, accepted([verdict])) == (Outcome.ERROR, False)


def test_it_is_never_hard() -> None:
    assert factory.load(None, base=None) == {}
    verifier = factory.build({}, hard=False, sandbox=NoSandbox())
    assert (verifier.hard, verifier.guarantee) == (False, Guarantee.OPINION)
    with pytest.raises(ProblemError, match="add hard: false") as caught:
        factory.build({}, hard=True, sandbox=NoSandbox())
    assert caught.value.field == "hard"


def test_a_checker_that_breaks_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(program: str) -> list[str]:
        raise SystemExit(2)

    monkeypatch.setattr("modulo.verifiers.lint_types.examine", breaks)
    found = check({"types": True, "candidate": "x = 1"})
    assert found["outcome"] == "unknown"


def test_a_check_without_reading_ahead_says_the_same() -> None:
    (found,) = check_many({"types": True, "candidates": ["x: int = ''\n"]})
    assert found["critiques"][0]["message"].startswith("line 1: Incompatible types in assignment")
