"""Fixtures for all tests, and the one rule about Docker: required where asked for, skipped loudly elsewhere."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from modulo.adapters.sandboxes.docker import engine
from modulo.errors import SandboxUnavailableError

ROOT = Path(__file__).resolve().parent.parent


@cache
def _docker_fault() -> str | None:
    try:
        engine(timeout=5).close()
    except SandboxUnavailableError as error:
        return str(error)
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("MODULO_REQUIRE_DOCKER") == "1" or not any(i.get_closest_marker("docker") for i in items):
        return
    if (fault := _docker_fault()) is not None:
        skip = pytest.mark.skip(reason=f"NO DOCKER ENGINE, the Docker sandbox is not tested here: {fault}")
        for item in items:
            if item.get_closest_marker("docker"):
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("MODULO_") and name not in ("MODULO_REQUIRE_DOCKER", "MODULO_DATA", "MODULO_CACHE"):
            monkeypatch.delenv(name)
