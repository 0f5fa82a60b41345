"""Sandbox in Docker containers: a warm one for each slot, a fresh process under a fresh fork for each run.

A slot is a container of its own, so that two candidates at once do not even share a memory limit. In it `dispatcher.py`
forks a guest from a zygote that has never seen a job, relays bytes, and ends it. The container has no network, a
read-only root of our own making, a uid that nobody has, no capability, a pids and a memory cgroup, no new privileges,
and of the system calls those of `syscalls.py`. Its life hangs on the attached stream: when this process goes away,
however it ends, so does the container.

Every run has namespaces of its own inside of that (`cells.py`). Where the engine or the kernel forbids to make them,
the container's trusted processes are root, with the capabilities to change uid, and a run has a uid of its own.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar

from modulo.adapters.sandboxes import packages, rootfs
from modulo.adapters.sandboxes.confine import FILE_BYTES, PROCESSES, TRUSTED_PROCESSES
from modulo.adapters.sandboxes.image import ensure_image
from modulo.adapters.sandboxes.slot import Slot
from modulo.adapters.sandboxes.slotted import SlottedSandbox
from modulo.adapters.sandboxes.syscalls import profile
from modulo.adapters.sandboxes.uids import spare_uids
from modulo.errors import SandboxUnavailableError
from modulo.protocols import ImageName

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["DockerSandbox", "engine", "remaps"]

LABEL = "modulo.sandbox"
"""Label of every container of ours; its value is the pid of the process it belongs to."""

_MAP_OF_ALL, _MAP_OF_A_REMAPPED = "0 0 4294967295", "0 100000 65536"
_PIECE = 1 << 16
_ENGINE_SECONDS = 30
_TRUSTED_MB = 160
"""Memory for the dispatcher, the zygote and the temporary directory, beside the candidate's own."""


def engine(timeout: int = _ENGINE_SECONDS) -> APIClient:
    """A client of the Docker engine that the environment names (`DOCKER_HOST`), after it has answered.

    Raises:
        SandboxUnavailableError: it does not answer.
    """
    from docker import APIClient
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env
    from requests.exceptions import RequestException

    api = None
    try:
        _knock(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
        api = APIClient(**kwargs_from_env(), version="auto", timeout=timeout)
        api.ping()
    except (DockerException, RequestException, OSError) as error:
        if api is not None:
            api.close()
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise SandboxUnavailableError(f"no Docker engine answers ({reason}); start one, or set DOCKER_HOST") from error
    return api


def _knock(address: str) -> None:
    """Raise OSError if nobody listens at a Unix socket: docker-py would leak its own socket finding that out."""
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as door:
            door.connect(address.removeprefix("unix://"))


class DockerSandbox(SlottedSandbox):
    """Warm containers, one for each slot, started when first needed."""

    name = "docker"
    WALLS_WITHOUT_NESTING = "each run under a uid of its own, as the engine or the kernel forbids nested namespaces"
    runtime: str | None = None
    """Of the engine's runtimes, or its default."""
    environment: ClassVar[Mapping[str, str]] = {}
    overhead_mb = 0
    """Memory that the runtime itself takes from the container's."""
    pids = 64
    """Processes and threads of a container."""
    resizable = True
    """Whether the runtime can change the memory limit of a container that runs."""

    def __init__(self, slots: int | None = None) -> None:
        super().__init__(slots)
        self._api: APIClient | None = None
        self._digests: dict[ImageName, str] = {}
        self._info: dict[str, Any] = {}

    def find(self, image: ImageName) -> str:
        """See `SlottedSandbox.find`."""
        with _refusals():
            if self._api is None:
                api = engine()
                try:
                    self._info = api.info()
                    self.check(self._info)
                except BaseException:
                    api.close()
                    raise
                self._api = api
            if image not in self._digests:
                self._digests[image] = ensure_image(self._api, image)
            return self._digests[image]

    def walls(self) -> str:
        """See `ThreadedSandbox.walls`."""
        mapped = "maps" if remaps(self._info) else "does not map"
        return f"{super().walls()}; the engine {mapped} uids (userns-remap)"

    def check(self, info: dict[str, Any]) -> None:
        """Look at what the engine says of itself.

        Raises:
            SandboxUnavailableError: it lacks something.
        """

    def start(self, image: ImageName, digest: str, memory_mb: int, *, nested: bool) -> Slot:
        """See `SlottedSandbox.start`."""
        assert self._api is not None
        uid = spare_uids(1, _MAP_OF_A_REMAPPED if remaps(self._info) else _MAP_OF_ALL)[0] if nested else 0
        with _refusals():
            return _Container(self._api, self, image, digest, memory_mb, uid)

    def stop(self) -> None:
        """See `ThreadedSandbox.stop`."""
        super().stop()
        with self._start_lock:
            self._digests.clear()
            if self._api is not None:
                self._api.close()
                self._api = None


def remaps(info: dict[str, Any]) -> bool:
    """Whether an engine maps the uids of its containers, root's too, to some of their own on the host."""
    return bool({"name=userns", "name=rootless"} & set(info.get("SecurityOptions") or ()))


@contextmanager
def _refusals() -> Iterator[None]:
    """Make what the engine refuses unavailable, in one line."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except (DockerException, RequestException, OSError) as error:
        reason = str(error).splitlines()[0][:300]
        raise SandboxUnavailableError(f"Docker cannot start the sandbox: {reason}") from error


class _Container(Slot):
    """A running container and the stream to its dispatcher, which is `uid`: root if runs have uids of their own."""

    processes = PROCESSES + TRUSTED_PROCESSES

    def __init__(
        self, api: APIClient, kind: DockerSandbox, image: ImageName, digest: str, memory_mb: int, uid: int
    ) -> None:
        from docker.types import LogConfig

        super().__init__()
        self._api = api
        self.digest = digest
        self.resizable = kind.resizable
        self._trusted_mb = _TRUSTED_MB + packages.RESIDENT_MB[image] + kind.overhead_mb
        self.memory_mb = memory_mb
        self._errors = bytearray()
        self._raw = bytearray()
        memory = f"{memory_mb + self._trusted_mb}m"
        self._id: str = api.create_container(
            digest,
            rootfs.guest_command("dispatcher", image),
            user=f"{uid}:{uid}",
            hostname="sandbox",
            working_dir="/",
            environment={**rootfs.ENVIRONMENT, **kind.environment},
            stdin_open=True,
            labels={LABEL: str(os.getpid())},
            host_config=api.create_host_config(
                runtime=kind.runtime,
                network_mode="none",
                ipc_mode="none",
                read_only=True,
                tmpfs={"/tmp": f"size={FILE_BYTES},nr_inodes=1024,mode=1777,noexec,nosuid,nodev"},
                cap_drop=["ALL"],
                cap_add=[] if uid else ["SETUID", "SETGID"],
                security_opt=["no-new-privileges", f"seccomp={profile()}"],
                pids_limit=kind.pids,
                mem_limit=memory,
                memswap_limit=memory,
                auto_remove=True,
                log_config=LogConfig(type="none"),
            ),
        )["Id"]
        try:
            self._stream = api.attach_socket(self._id, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            self._socket: socket.socket = getattr(self._stream, "_sock", self._stream)
            api.start(self._id)
        except BaseException:
            self.stop()
            raise

    def prepare(self, memory_mb: int) -> None:
        """See `Slot.prepare`."""
        if memory_mb != self.memory_mb:
            memory = f"{memory_mb + self._trusted_mb}m"
            with _refusals():
                self._api.update_container(self._id, mem_limit=memory, memswap_limit=memory)
            self.memory_mb = memory_mb

    def write(self, data: memoryview, deadline: float) -> int:
        """See `Slot.write`."""
        self._socket.settimeout(max(deadline - time.monotonic(), 1e-6))
        return self._socket.send(data[:_PIECE])

    def read(self, deadline: float) -> bytes:
        """See `Slot.read`. In the engine's stream each piece is headed by its stream's number and its length."""
        found = b""
        while not found:
            self._socket.settimeout(max(deadline - time.monotonic(), 1e-6))
            piece = self._socket.recv(_PIECE)
            if not piece:
                return b""
            self._raw += piece
            while len(self._raw) >= 8:
                end = 8 + int.from_bytes(self._raw[4:8], "big")
                if len(self._raw) < end:
                    break
                if self._raw[0] == 1:
                    found += self._raw[8:end]
                else:
                    self._errors += self._raw[8:end]
                del self._raw[:end], self._errors[:-2000]
        return found

    def last_words(self) -> str:
        """See `Slot.last_words`."""
        return "".join(self._errors.decode("utf-8", "replace").strip().splitlines()[-1:])

    def stop(self) -> None:
        """See `Slot.stop`."""
        self.clean = False
        with suppress(Exception):
            self._socket.close()
        with suppress(Exception):
            self._stream.close()
        # Already gone, as the stream's end is the dispatcher's: or going, or the engine is down.
        with suppress(Exception):
            self._api.remove_container(self._id, force=True)
