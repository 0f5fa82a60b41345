"""What importing costs, and that every public name is there."""

from __future__ import annotations

import subprocess
import sys

import modulo

HEAVY = """anyio docker flint httpx jsonschema langgraph litellm pydantic rich sympy xllamacpp yaml z3"""
LOADED = f"import sys; print(*sorted({{m.partition('.')[0] for m in sys.modules}} & set({HEAVY.split()!r})))"


def loaded(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", f"{code}\n{LOADED}"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


def test_import_and_help_load_nothing_heavy() -> None:
    assert loaded("import modulo") == []
    assert loaded("import modulo, sys\nsys.argv = ['modulo', '--help']\nimport modulo.cli\nmodulo.cli._run(None)") == []
    assert set(loaded("import modulo.cli\nmodulo.cli._run(['solve', '--help'])")) <= {"pydantic"}  # which typer wants


def test_the_probe_sees_what_is_loaded() -> None:
    assert "pydantic" in loaded("from modulo import Problem")


def test_values_and_settings_do_not_load_what_solves() -> None:
    found = loaded("from modulo import Problem, Budget, Verdict, read_traces, load_problems, ModuloError, verifier, ok")
    assert set(found) <= {"anyio", "pydantic", "yaml"}


def test_all_is_complete_sorted_and_importable() -> None:
    assert modulo.__all__ == sorted(modulo.__all__)
    assert len(set(modulo.__all__)) == len(modulo.__all__)
    assert set(modulo.__all__) == {name for names in modulo._HOMES.values() for name in names}
    for name in modulo.__all__:
        value = getattr(modulo, name)
        assert getattr(value, "__doc__", None), name
    assert set(modulo.__all__) <= set(dir(modulo))


def test_a_name_that_is_not_there_says_so() -> None:
    assert not hasattr(modulo, "resolve_everything")
