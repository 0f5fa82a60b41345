"""Sandbox in gVisor: Docker containers whose system calls are served by `runsc`, a kernel in user space.

It is asked for, never chosen by itself: stronger walls between a candidate and the host's kernel, at several times the
cost of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from modulo.adapters.sandboxes.docker import DockerSandbox
from modulo.errors import SandboxUnavailableError

__all__ = ["GvisorSandbox"]

_RUNTIME = "runsc"


class GvisorSandbox(DockerSandbox):
    """`DockerSandbox` with the runtime `runsc`, which the engine must know."""

    name = "gvisor"
    runtime = _RUNTIME
    environment: ClassVar[Mapping[str, str]] = {"GVISOR": "1"}
    overhead_mb = 256
    pids = 512
    resizable = False

    def check(self, info: dict[str, Any]) -> None:
        """See `DockerSandbox.check`."""
        if _RUNTIME not in (info.get("Runtimes") or ()):
            raise SandboxUnavailableError(
                f"the Docker engine has no runtime `{_RUNTIME}`: install gVisor, and start the engine with "
                f"`--add-runtime {_RUNTIME}=/usr/bin/{_RUNTIME}` or name it under `runtimes` in its daemon.json"
            )
