"""Every backend in turn, one of each for a test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modulo.adapters.sandboxes import KINDS, open_sandbox
from modulo.adapters.sandboxes.base import ThreadedSandbox

BACKENDS = [pytest.param(k, marks=pytest.mark.docker if k == "docker" else ()) for k in KINDS if k != "auto"]


@pytest.fixture(scope="module", params=BACKENDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[ThreadedSandbox]:
    opened = open_sandbox(request.param)
    assert isinstance(opened, ThreadedSandbox)
    yield opened
    opened.close()
