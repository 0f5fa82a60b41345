"""Sandbox in Docker containers: a warm one for each slot, a fresh process under a fresh fork for each run.

A slot is a container of its own, so that two candidates share neither pids nor temporary files nor a memory limit. In
it `dispatcher.py` forks a guest from a zygote that has never seen a job, relays bytes, and sweeps. The container has no
network, a read-only root of our own making, no capability but those to change uid, a pids and a memory cgroup, and no
new privileges. Its life hangs on the attached stream: when this process goes away, however it ends, so does the
container.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from modulo.adapters.sandboxes import rootfs
from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.adapters.sandboxes.confine import FILE_BYTES, PROCESSES
from modulo.adapters.sandboxes.conversation import Channel, Exit
from modulo.adapters.sandboxes.image import ensure_image
from modulo.errors import SandboxUnavailableError
from modulo.protocols import ImageName, Limits

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["DockerSandbox", "engine"]

LABEL = "modulo.sandbox"
"""Label of every container of ours; its value is the pid of the process it belongs to."""

_T = TypeVar("_T")
_PIECE = 1 << 16
_SWEEP_SECONDS = 20.0
_ENGINE_SECONDS = 30
_PIDS = 64
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


class _LostError(Exception):
    """The container went away, or cannot be trusted to be clean."""


class DockerSandbox(ThreadedSandbox):
    """Warm containers, one for each slot, started when first needed."""

    name = "docker"

    def __init__(self, slots: int | None = None) -> None:
        super().__init__(slots)
        self._start_lock = threading.Lock()
        self._api: APIClient | None = None
        self._images: dict[ImageName, str] = {}
        self._idle: list[_Container] = []
        self._finalizer = weakref.finalize(self, _stop_all, self._idle)

    def on_channel(
        self, drive: Callable[[Channel, int], _T], *, limits: Limits, image: ImageName = "base"
    ) -> tuple[_T, str]:
        """See `ThreadedSandbox.on_channel`."""
        for attempt in (1, 2):
            container = self._take(image, limits.memory_mb)
            try:
                result = drive(_ContainerChannel(container), PROCESSES)
            except _LostError as error:
                container.stop()
                if attempt == 2:
                    raise SandboxUnavailableError(f"the sandbox's container was lost: {error}") from error
                continue
            except BaseException:
                self._give_back(container)
                raise
            self._give_back(container)
            return result, container.digest
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """See `ThreadedSandbox.stop`."""
        _stop_all(self._idle)
        with self._start_lock:
            if self._api is not None:
                self._api.close()
                self._api = None
                self._images.clear()

    def _take(self, image: ImageName, memory_mb: int) -> _Container:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            with self._start_lock:
                if self._api is None:
                    self._api = engine()
                if image not in self._images:
                    self._images[image] = ensure_image(self._api, image)
                api, digest = self._api, self._images[image]
                container = next((c for c in self._idle if c.digest == digest), None)
                if container is not None:
                    self._idle.remove(container)
            if container is None:
                return _Container(api, image, digest, memory_mb)
            container.allow(memory_mb)
            return container
        except (DockerException, RequestException, OSError) as error:
            reason = str(error).splitlines()[0][:300]
            raise SandboxUnavailableError(f"Docker cannot start the sandbox: {reason}") from error

    def _give_back(self, container: _Container) -> None:
        if container.clean:
            self._idle.append(container)
        else:
            container.stop()


def _stop_all(idle: list[_Container]) -> None:
    while idle:
        idle.pop().stop()


class _Container:
    """A running container and the stream to its dispatcher. Used by one thread at a time."""

    def __init__(self, api: APIClient, image: ImageName, digest: str, memory_mb: int) -> None:
        from docker.types import LogConfig

        self._api = api
        self.digest = digest
        self.memory_mb = memory_mb
        self.clean = True
        self.errors = bytearray()
        self._raw = bytearray()
        self._frames = bytearray()
        memory = f"{memory_mb + _TRUSTED_MB}m"
        self._id: str = api.create_container(
            digest,
            rootfs.guest_command("dispatcher", image),
            user="0:0",
            hostname="sandbox",
            working_dir="/",
            environment=rootfs.ENVIRONMENT,
            stdin_open=True,
            labels={LABEL: str(os.getpid())},
            host_config=api.create_host_config(
                network_mode="none",
                ipc_mode="none",
                read_only=True,
                tmpfs={"/tmp": f"size={FILE_BYTES},nr_inodes=1024,mode=1777,noexec,nosuid,nodev"},
                cap_drop=["ALL"],
                cap_add=["SETUID", "SETGID"],
                security_opt=["no-new-privileges"],
                pids_limit=_PIDS,
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

    def allow(self, memory_mb: int) -> None:
        """Raise the memory limit to what a run asks for."""
        if memory_mb > self.memory_mb:
            memory = f"{memory_mb + _TRUSTED_MB}m"
            self._api.update_container(self._id, mem_limit=memory, memswap_limit=memory)
            self.memory_mb = memory_mb

    def send(self, kind: bytes, body: bytes, deadline: float) -> None:
        """Send one frame to the dispatcher."""
        rest = memoryview(kind + len(body).to_bytes(4, "big") + body)
        try:
            while rest:
                self._socket.settimeout(max(deadline - time.monotonic(), 1e-6))
                rest = rest[self._socket.send(rest[:_PIECE]) :]
        except TimeoutError:
            self.clean = False  # half a frame is on its way
            raise
        except OSError as error:
            raise self._lost(error) from error

    def receive(self, deadline: float) -> tuple[bytes, bytes]:
        """The next frame of the dispatcher."""
        while True:
            if len(self._frames) >= 5:
                end = 5 + int.from_bytes(self._frames[1:5], "big")
                if len(self._frames) >= end:
                    kind, body = bytes(self._frames[:1]), bytes(self._frames[5:end])
                    del self._frames[:end]
                    return kind, body
            self._read_some(deadline)

    def _read_some(self, deadline: float) -> None:
        """Read from the engine's stream, in which each piece is headed by its stream's number and its length."""
        self._socket.settimeout(max(deadline - time.monotonic(), 1e-6))
        try:
            piece = self._socket.recv(_PIECE)
        except TimeoutError:
            raise
        except OSError as error:
            raise self._lost(error) from error
        if not piece:
            raise self._lost(None)
        self._raw += piece
        while len(self._raw) >= 8:
            end = 8 + int.from_bytes(self._raw[4:8], "big")
            if len(self._raw) < end:
                return
            target = self._frames if self._raw[0] == 1 else self.errors
            target += self._raw[8:end]
            del self._raw[:end], self.errors[:-2000]

    def _lost(self, error: OSError | None) -> _LostError:
        self.clean = False
        last = self.errors.decode("utf-8", "replace").strip().splitlines()[-1:]
        return _LostError(" ".join([str(error or "its stream ended"), *last])[:300])

    def stop(self) -> None:
        """Kill it and everything in it. Idempotent."""
        self.clean = False
        with suppress(Exception):
            self._socket.close()
        with suppress(Exception):
            self._stream.close()
        # Already gone, as the stream's end is the dispatcher's: or going, or the engine is down.
        with suppress(Exception):
            self._api.remove_container(self._id, force=True)


class _ContainerChannel:
    """A `Channel` to one fresh guest in a container."""

    def __init__(self, container: _Container) -> None:
        self._container = container
        self._exit: Exit | None = None

    def send(self, data: bytes, deadline: float) -> None:
        """See `Channel.send`. A guest that is gone shows at the next `receive`."""
        self._container.send(b"D", data, deadline)

    def receive(self, deadline: float) -> bytes:
        """See `Channel.receive`."""
        kind, body = self._container.receive(deadline)
        return body if kind == b"D" else b""

    def close(self) -> Exit:
        """See `Channel.close`."""
        if self._exit is None:
            self._exit = Exit()
            if self._container.clean:
                self._exit = self._sweep()
        return self._exit

    def _sweep(self) -> Exit:
        deadline = time.monotonic() + _SWEEP_SECONDS
        try:
            self._container.send(b"K", b"", deadline)
            while True:
                kind, body = self._container.receive(deadline)
                if kind == b"X":
                    break
        except TimeoutError:
            self._container.clean = False
            raise _LostError("it does not answer") from None
        report = json.loads(body)
        self._container.clean = bool(report["clean"])
        status, memory = report["status"], bool(report["memory"])
        if status is None:
            return Exit(memory=memory)
        if os.WIFSIGNALED(status):
            return Exit(signal=os.WTERMSIG(status), memory=memory)
        return Exit(code=os.WEXITSTATUS(status), memory=memory)
