"""Inside the sandbox: where a guest is forked to, and how everything of it is ended. Two ways, as the zygote may do.

Standard library alone: this file is part of the program that is shipped into the sandbox.

    NamespaceCell   dispatcher and zygote are nobody, with `CAP_SYS_ADMIN` in a user namespace alone, which `bwrap`
                    gives and which in a container they make: a guest has a pid, a mount and an ipc namespace, and a
                    temporary directory, of its own; it is the first process of its pid namespace, and all others there
                    end with it; process and file numbers begin anew
    UidCell         where that is not allowed, they are root of a container: a guest has a uid that nobody else has, and
                    everything of that uid is killed and wiped

A cell is made once, in the zygote, and closes for it all the system calls that it does not need itself. A guest
inherits that.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from modulo.adapters.sandboxes import confine, guest
from modulo.adapters.sandboxes.uids import spare_uids
from modulo.adapters.sandboxes.wipe import wipe

__all__ = ["Cell", "NamespaceCell", "UidCell"]

_SCRATCH = "/tmp"
_RETRY_SECONDS = 0.001
_DEVICES = ("null", "zero", "random", "urandom")
_PR_SET_CHILD_SUBREAPER = 36
_MEMORY_EVENTS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
_CLONE_NEWNS, _CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWPID = 0x00020000, 0x08000000, 0x10000000, 0x20000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_BIND, _MS_MOVE, _MS_REC, _MS_PRIVATE = 1 << 5, 1 << 12, 1 << 13, 1 << 14, 1 << 18
_BARE = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC


class Cell(Protocol):
    """Holds one guest at a time. Made in the dispatcher, used in the zygote alone."""

    def enter(self) -> None:
        """Called once, in the zygote, before the first guest."""
        ...

    def start(self, connection: socket.socket) -> int:
        """Fork a guest that serves `connection`; returns its pid."""
        ...

    def end(self) -> dict[str, object]:
        """Kill and reap every process of the guest's, and leave nothing that it wrote.

        Returns:
            `status`, its wait status, or `None` if it was alive and well; `clean`, whether nothing of it is left;
            `memory`, whether the kernel killed for want of memory meanwhile.
        """
        ...


class NamespaceCell:
    """See the module. Everything outside the guest's namespaces is out of its reach, or read-only.

    Raises:
        OSError: the kernel, or what is around it, does not allow it.
    """

    def __init__(self) -> None:
        self._memory = _MemoryKills()
        self._processes = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
        self._here = self._guest = 0
        if not confine.capabilities():
            _make_user_namespace()
        _must("unshare", _CLONE_NEWNS)
        _must("mount", None, b"/", None, _MS_REC | _MS_PRIVATE, None)
        _cover()
        # The zygote needs a pid namespace that its own user namespace owns, to come back to it.
        _must("unshare", _CLONE_NEWPID)

    def enter(self) -> None:
        """See `Cell.enter`."""
        self._here = os.pidfd_open(os.getpid())
        confine.close_system_calls(keep=("mount", "setns", "unshare"))

    def start(self, connection: socket.socket) -> int:
        """See `Cell.start`."""
        _must("setns", self._here, _CLONE_NEWPID)  # forks went to the last guest's
        _must("unshare", _CLONE_NEWPID)
        self._guest = os.fork()
        if self._guest == 0:
            _become_guest(connection, self._inside)
        return self._guest

    def end(self) -> dict[str, object]:
        """See `Cell.end`."""
        alive = _runs(self._guest)
        os.kill(self._guest, signal.SIGKILL)
        _, status = os.waitpid(self._guest, 0)  # before it, as the first of its namespace, the kernel ends all others
        return {"status": _as_found(status, alive), "clean": True, "memory": self._memory.more()}

    def _inside(self) -> None:
        _offer_to_oom_killer(self._processes)
        _must("unshare", _CLONE_NEWNS | _CLONE_NEWIPC)
        _must("mount", None, b"/", None, _MS_REC | _MS_PRIVATE, None)
        size = b"mode=1777,nr_inodes=1024,size=%d" % confine.FILE_BYTES
        _must("mount", b"tmpfs", _SCRATCH.encode(), b"tmpfs", _BARE, size)
        confine.drop_capabilities()


class UidCell:
    """See the module. Orphans come to the zygote, a subreaper; or, in gVisor, to the dispatcher, which ignores them."""

    def __init__(self) -> None:
        self._memory = _MemoryKills()
        self._places = [place for place in (_SCRATCH, "/dev/shm") if os.path.isdir(place)]
        (self._uid,) = spare_uids(1)
        self._guest = 0

    def enter(self) -> None:
        """See `Cell.enter`."""
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)
        confine.close_system_calls()

    def start(self, connection: socket.socket) -> int:
        """See `Cell.start`."""
        self._guest = os.fork()
        if self._guest == 0:
            _become_guest(connection, self._inside)
        return self._guest

    def end(self) -> dict[str, object]:
        """See `Cell.end`."""
        alive = _runs(self._guest)
        # With the guest's effective uid, and only with it, its processes can be killed and its files removed; theirs is
        # not the real or saved one here, so that they cannot do the same.
        os.setresuid(0, self._uid, 0)
        try:
            status = self._kill_all()
            for place in self._places:
                if os.listdir(place):
                    wipe(place)
            clean = not any(map(os.listdir, self._places))
        finally:
            os.setresuid(0, 0, 0)
        return {"status": _as_found(status, alive), "clean": clean, "memory": self._memory.more()}

    def _inside(self) -> None:
        with suppress(OSError):
            _offer_to_oom_killer(os.open("/proc", os.O_RDONLY | os.O_DIRECTORY))
        os.setgroups([])
        os.setresgid(self._uid, self._uid, self._uid)
        os.setresuid(self._uid, self._uid, self._uid)

    def _kill_all(self) -> int | None:
        status, left = None, True
        while True:
            # All at once, so that a fork cannot slip through; but for the first process of the container.
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                left = False
            try:
                pid, code = os.waitpid(-1, 0)
            except ChildProcessError:
                if not left:
                    return status
                time.sleep(_RETRY_SECONDS)  # an orphan that the first process is about to reap (gVisor)
                continue
            if pid == self._guest:
                status = code


class _MemoryKills:
    """How many processes of this container the kernel has killed for want of memory."""

    def __init__(self) -> None:
        self._file: int | None = None
        for path in _MEMORY_EVENTS:
            with suppress(OSError):
                self._file = os.open(path, os.O_RDONLY)
                break
        self._count = self._read()

    def more(self) -> bool:
        """Whether there are more than at the last time."""
        before, self._count = self._count, self._read()
        return self._count > before

    def _read(self) -> int:
        if self._file is not None:
            for line in os.pread(self._file, 4096, 0).decode().splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
        return 0


_libc = ctypes.CDLL(None, use_errno=True)


def _must(name: str, *arguments: object) -> None:
    if _libc[name](*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name} is refused")


def _make_user_namespace() -> None:
    """Enter one in which this process is still who it was, and has the capabilities over the namespaces to come."""
    uid, gid = os.getuid(), os.getgid()
    _must("unshare", _CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        file = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(file, text.encode())
        os.close(file)


def _cover() -> None:
    """Take `/proc`, `/sys` and `/dev` out of sight, but for four devices, read-only: written to, but not touched."""
    _must("mount", b"tmpfs", b"/tmp", b"tmpfs", _MS_NOSUID | _MS_NOEXEC, b"mode=755,nr_inodes=16,size=64k")
    for name in _DEVICES:
        source, target = f"/dev/{name}", f"/tmp/{name}"
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        _must("mount", source.encode(), target.encode(), None, _MS_BIND, None)
        _make_read_only(target)
    _make_read_only("/tmp")
    _must("mount", b"/tmp", b"/dev", None, _MS_MOVE, None)
    for place in (b"/proc", b"/sys"):
        _must("mount", b"tmpfs", place, b"tmpfs", _MS_RDONLY | _BARE, b"mode=755,nr_inodes=1,size=4k")


def _make_read_only(path: str) -> None:
    kept = os.statvfs(path).f_flag & _BARE
    _must("mount", None, path.encode(), None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | kept, None)


def _offer_to_oom_killer(processes: int) -> None:
    """When the container runs out of memory, let it be this process, not the dispatcher."""
    with suppress(OSError):
        score = os.open("self/oom_score_adj", os.O_WRONLY, dir_fd=processes)
        os.write(score, b"1000")


def _become_guest(connection: socket.socket, inside: Callable[[], None]) -> None:
    try:
        os.setsid()
        inside()
        os.chdir(_SCRATCH)
        guest.isolate(connection.fileno())
        guest.serve(connection)
    finally:
        os._exit(1)


def _runs(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def _as_found(status: int | None, alive: bool) -> int | None:
    """A wait status, unless it is only our own kill's."""
    return None if alive and status == signal.SIGKILL else status
