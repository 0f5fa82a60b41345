"""Every backend in turn, one of each for a test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modulo.adapters.sandboxes import KINDS, open_sandbox
from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.adapters.sandboxes.docker import engine
from modulo.adapters.sandboxes.slotted import SlottedSandbox

UNNESTED = " without nesting"
"""What a backend falls back to where a slot cannot make namespaces within its own."""
KINDS_AND_FALLBACKS = [*(k for k in KINDS if k != "auto"), "docker" + UNNESTED, "bubblewrap" + UNNESTED]


def _marks(kind: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.docker] if kind.startswith(("docker", "gvisor")) else []


BACKENDS = [pytest.param(kind, marks=_marks(kind)) for kind in KINDS_AND_FALLBACKS]


@pytest.fixture(scope="module", params=BACKENDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[ThreadedSandbox]:
    if request.param == "gvisor":
        _need_gvisor()
    opened = open_sandbox(request.param.removesuffix(UNNESTED))
    assert isinstance(opened, ThreadedSandbox)
    if request.param.endswith(UNNESTED):
        assert isinstance(opened, SlottedSandbox)
        opened.nested = False
    yield opened
    opened.close()


def _need_gvisor() -> None:
    api = engine()
    try:
        known = api.info()["Runtimes"]
    finally:
        api.close()
    if "runsc" not in known:
        pytest.skip("NO GVISOR, its sandbox is not tested here: the Docker engine has no runtime `runsc`")
