"""The pool's side of a zygote: start one, have it fork workers, end them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass

from modulo.errors import WorkerError

__all__ = ["Worker", "WorkerDiedError", "Zygote"]

_START_SECONDS = 120.0
_CONTROL_SECONDS = 30.0
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
# What native libraries need to load; everything else, keys and tokens above all, stays out of the workers.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "Z3_LIBRARY_PATH", "OMP_NUM_THREADS")
_BOOT = (
    "import sys; a = sys.argv; sys.path[:] = a[4:]; "
    "from modulo.verifiers.zygote import main; main(int(a[1]), int(a[2]), [m for m in a[3].split(',') if m])"
)


class WorkerDiedError(WorkerError):
    """The worker ended without an answer."""


@dataclass(eq=False)
class Worker:
    """A forked worker and the socket to it. `jobs` counts what it has served, `number` what it was sent."""

    pid: int
    sock: socket.socket
    zygote: Zygote
    jobs: int = 0
    number: int = 0

    def quiet(self) -> bool:
        """Whether it is alive, and has said nothing but what it was asked."""
        try:
            self.sock.setblocking(False)
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False


class Zygote:
    """One zygote process and the control socket to it. Calls are serialised."""

    def __init__(self, preload: tuple[str, ...], memory_mb: int) -> None:
        self._lock = threading.Lock()
        self._workers: set[Worker] = set()
        self.broken = False
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = [os.path.abspath(entry) for entry in sys.path]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BOOT, str(theirs.fileno()), str(memory_mb), ",".join(preload), *path],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                start_new_session=True,  # Ctrl-C is for the parent, which then closes the control socket
            )
        self._control.settimeout(_START_SECONDS)
        try:
            greeting = self._control.recv(4096).decode("utf-8", "replace")
        except OSError as error:
            greeting = str(error)
        if greeting != "ready":
            self._process.kill()
            reason = greeting.removeprefix("failed ") or self._last_error_line()
            self.close()
            raise WorkerError(f"verifier workers cannot start: {reason}")
        self._control.settimeout(_CONTROL_SECONDS)

    def _last_error_line(self) -> str:
        assert self._process.stderr is not None
        lines = self._process.stderr.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "the process ended at once"

    def fork(self) -> Worker:
        """A new worker.

        Raises:
            WorkerError: the machine has no room for another process, or the zygote is gone (`broken` is then set).
        """
        message, fds = self._call(b"fork")
        if not fds:
            raise WorkerError(f"no verifier worker can be started: {message.decode('utf-8', 'replace')}")
        worker = Worker(int(message.split()[1]), socket.socket(fileno=fds[0]), self)
        self._workers.add(worker)
        return worker

    def kill(self, worker: Worker) -> None:
        """Kill a worker."""
        self._let_go(worker)
        with contextlib.suppress(WorkerDiedError):  # the zygote is gone, and its workers with it
            self._call(b"kill %d" % worker.pid)

    def end(self, worker: Worker) -> tuple[int, int]:
        """Kill a worker that is as good as dead and wait for it: its wait status, its largest resident size in KiB."""
        self._let_go(worker)
        try:
            message, _ = self._call(b"end %d" % worker.pid)
        except WorkerDiedError:
            return 0, 0
        _, status, peak = message.split()
        return int(status), int(peak)

    def _let_go(self, worker: Worker) -> None:
        self._workers.discard(worker)
        with contextlib.suppress(OSError):
            worker.sock.close()

    def make_way(self, worker: Worker) -> None:
        """Let a worker run after the others from now on; it cannot be undone."""
        with contextlib.suppress(WorkerDiedError):
            self._call(b"yield %d" % worker.pid)

    def _call(self, message: bytes) -> tuple[bytes, list[int]]:
        with self._lock:
            try:
                self._control.send(message)
                answer, fds, _, _ = socket.recv_fds(self._control, 256, 1, _CLOSE_ON_EXEC)
            except OSError:
                answer, fds = b"", []
        if not answer:
            self.broken = True
            raise WorkerDiedError("the process that starts verifier workers is gone")
        return answer, fds

    def disown(self) -> None:
        """In a forked child: close what was inherited, so that it is the parent alone that keeps the zygote alive."""
        self.broken = True
        self._process.returncode = 0  # it is not this process's child
        for sock in (self._control, *(worker.sock for worker in self._workers)):
            sock.close()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def close(self) -> None:
        """Let it and its workers go. Idempotent."""
        self.broken = True
        for worker in list(self._workers):
            worker.sock.close()
        self._workers.clear()
        self._control.close()  # the zygote reads the end of the stream, kills its workers, and exits
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
