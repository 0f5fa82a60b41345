"""`modulo models` and `modulo doctor`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.cli import run

from modulo.adapters.models.catalogue import DEFAULT


def test_models_lists_what_is_here_and_how_to_get_the_rest(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODULO_CACHE", str(tmp_path))
    ran = run(capsys, "models", "--json")
    assert ran.code == 0
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert [(r["model"], r["path"]) for r in rows] == [("local:0.5b", None), ("local:1.5b", None)]
    assert rows[0]["sha256"] == DEFAULT.sha256
    shown = run(capsys, "models")
    assert "modulo models fetch 0.5b" in shown.out.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []


def test_removing_says_what_it_did(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODULO_CACHE", str(tmp_path))
    file = tmp_path / "weights" / DEFAULT.file
    file.parent.mkdir()
    file.write_bytes(b"partial")
    assert "removed qwen" in run(capsys, "models", "remove", "0.5b").err
    assert not file.exists()
    again = run(capsys, "models", "remove", "0.5b")
    assert (again.code, again.out) == (0, "")
    assert "was not here" in again.err


@pytest.mark.parametrize("verb", ["fetch", "remove"])
def test_an_unknown_name_is_named(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    ran = run(capsys, "models", verb, "70b")
    assert (ran.code, ran.out) == (2, "")
    assert "70b" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_doctor_tries_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "doctor", "--json")
    rows = {(r["kind"], r["name"]): r for r in map(json.loads, ran.out.splitlines())}
    assert ran.code == 0
    for solver in ("smt", "math", "plan", "schema"):
        assert rows["solver", solver]["works"]
    assert rows["sandbox", "bubblewrap"]["works"] or rows["sandbox", "docker"]["works"]
    assert all(r["detail"] for r in rows.values())


def test_doctor_says_how_to_get_what_is_missing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODULO_CACHE", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    shown = " ".join(run(capsys, "doctor").out.split())
    assert "modulo models fetch" in shown
    assert "start one, or set DOCKER_HOST" in shown
