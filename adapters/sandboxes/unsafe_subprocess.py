"""A plain child process with resource limits and closed system calls: not isolation, and never chosen by itself.

The candidate can read what its uid can read, such as a problem file with the expected answers, and as your own user it
can kill your processes and outlive its run. It is for machines on which nothing better runs and for programs that are
trusted anyway. It never runs as root: a root process starts it under a uid that nobody has.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from modulo.adapters.sandboxes import packages, rootfs
from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.adapters.sandboxes.confine import PROCESSES, ConfinementError
from modulo.adapters.sandboxes.conversation import Channel
from modulo.adapters.sandboxes.process import ProcessChannel, tree
from modulo.adapters.sandboxes.uids import spare_uids
from modulo.adapters.sandboxes.wipe import wipe
from modulo.errors import SandboxUnavailableError
from modulo.protocols import ImageName, Limits

__all__ = ["UnsafeSubprocessSandbox"]

_T = TypeVar("_T")


class UnsafeSubprocessSandbox(ThreadedSandbox):
    """One process for each run."""

    name = "unsafe-subprocess"

    def on_channel(
        self, drive: Callable[[Channel, int], _T], *, limits: Limits, image: ImageName = "base"
    ) -> tuple[_T, str]:
        """See `ThreadedSandbox.on_channel`."""
        uid = None
        if os.getuid() == 0:
            try:
                (uid,) = spare_uids(1)
            except ConfinementError as error:
                raise SandboxUnavailableError(
                    f"unsafe-subprocess never runs as root, and {error}: use another user"
                ) from error
        root = rootfs.build(image, uid)
        scratch = tempfile.mkdtemp(prefix="modulo-unsafe-")
        try:
            if uid is not None:
                os.chown(scratch, uid, uid)
            channel = _spawn(root, image, uid, scratch)
            channel.watch_memory(limits.memory_mb + packages.RESIDENT_MB[image])
            processes = PROCESSES + (_tasks_of(os.getuid()) if uid is None else 0)
            result = drive(channel, processes)
        finally:
            wipe(scratch)
            with suppress(OSError):  # an orphan that escaped may still write
                os.rmdir(scratch)
        return result, root.digest

    def stop(self) -> None:
        """Nothing outlives a run."""


def _spawn(root: rootfs.RootFs, image: ImageName, uid: int | None, scratch: str) -> ProcessChannel:
    environment = {name: f"{root.path}{value}" for name, value in rootfs.ENVIRONMENT.items()}
    try:
        channel = ProcessChannel(
            rootfs.guest_command("guest", image, str(root.path)), environment=environment, uid=uid, cwd=scratch
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxUnavailableError(f"unsafe-subprocess cannot be started: {error}") from error
    if uid is None:
        channel.before_kill = _kill_tree
    else:
        channel.after_kill = lambda: _kill_uid(uid, root, environment)
    return channel


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    """As good as it gets without a uid or a namespace of its own: an orphan in another session escapes."""
    for pid in tree(process.pid)[1:]:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _kill_uid(uid: int, root: rootfs.RootFs, environment: dict[str, str]) -> None:
    """Kill every process of `uid`, as that uid, until there is none."""
    code = "import os; os.kill(-1, 9)"
    while _tasks_of(uid):
        subprocess.run(
            [f"{root.path}{rootfs.PYTHON}", "-I", "-S", "-c", code],
            env=environment,
            user=uid,
            group=uid,
            extra_groups=[],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )


def _tasks_of(uid: int) -> int:
    """How many threads the living processes of `uid` have."""
    count = 0
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with suppress(OSError, IndexError):
                if place.stat().st_uid == uid and (place / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    count += len(list((place / "task").iterdir()))
    return count
