"""Sandboxes for the verifiers that run programs, one of each for a test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modulo.adapters.sandboxes import open_sandbox
from modulo.adapters.sandboxes.base import ThreadedSandbox

BACKENDS = [pytest.param("docker", marks=pytest.mark.docker), "bubblewrap"]


@pytest.fixture(scope="module", params=BACKENDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[ThreadedSandbox]:
    opened = open_sandbox(request.param, slots=2)
    assert isinstance(opened, ThreadedSandbox)
    yield opened
    opened.close()
