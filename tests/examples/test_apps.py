"""The example apps run, with scripted answers for a model."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.support.cli import ROOT, script

from modulo.traces import read_traces

EXAMPLES = ROOT / "examples"
COLOURED = '{"A": "red", "B": "green", "C": "blue", "D": "red", "E": "green"}'
CLASHING = '{"A": "red", "B": "red", "C": "blue", "D": "red", "E": "green"}'
QUESTION = "Ann is busy at 9, 10 and 12. Ben is busy at 9, 11 and 14."


def run(name: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, EXAMPLES / name, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # where its annotations are looked up
    spec.loader.exec_module(module)
    return module


def test_plain_python(tmp_path: Path) -> None:
    assert run("plain_python.py", script(tmp_path / "s.json", *[COLOURED] * 24)) == COLOURED + "\n"
    said = run("plain_python.py", script(tmp_path / "s.json", *[CLASHING] * 24))
    assert said.startswith("not verified: [")
    assert "A-B" in said


def test_langgraph_agent(tmp_path: Path) -> None:
    model = script(tmp_path / "s.json", '{"start": 9}', '{"start": 12}', '{"start": 13}')
    lines = run("langgraph_agent.py", QUESTION, "--model", model).splitlines()
    assert lines == [
        'round 1: {"start": 9}  fail',
        'round 2: {"start": 12}  fail',
        'round 3: {"start": 13}  pass',
        'Everybody is free: {"start": 13}',
    ]


async def test_the_agent_never_passes_a_bad_hour_off_as_a_free_one(tmp_path: Path) -> None:
    agent = loaded(EXAMPLES / "langgraph_agent.py").agent
    bad = await agent(script(tmp_path / "s.json", *['{"start": 9}'] * 8)).ainvoke({"question": QUESTION})
    assert bad["reply"].startswith("No hour found that holds. The closest try: ")
    assert "Ann is free" in bad["reply"]
    down = await agent(script(tmp_path / "s.json")).ainvoke({"question": QUESTION})
    assert down["reply"].startswith("No answer: script exhausted")


def test_the_server_offers_both_strategies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `langgraph.json` names can be loaded, is a graph, takes the settings, and solves."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODULO_MODEL", script(tmp_path / "s.json", CLASHING, COLOURED))
    monkeypatch.setenv("MODULO_ROUNDS", "1")
    config: dict[str, Any] = json.loads((ROOT / "langgraph.json").read_text())
    assert sorted(config["graphs"]) == ["best_of_n", "critique_retry"]
    problem = {
        "statement": "Is it?",
        "answer": "json",
        "verifiers": [{"schema": {"type": "object", "properties": {"B": {"const": "green"}}}}],
    }
    for name, place in config["graphs"].items():
        file, _, attribute = place.partition(":")
        compiled = getattr(loaded(ROOT / file), attribute)
        assert compiled.name == name == attribute
        assert (
            compiled.invoke({"problem": problem})["solution"]["attempts"] == {"best_of_n": 2, "critique_retry": 1}[name]
        )
    assert [t.status for t in read_traces("runs/traces.jsonl")] == ["verified", "unverified"]
