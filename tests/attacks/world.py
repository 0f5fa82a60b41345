"""The host as an attack could hurt it, with something to notice every hurt by."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from modulo.adapters.sandboxes.docker import LABEL, engine

__all__ = ["Containers", "World", "processes_of"]

_VARIABLE = "CANARY_API_KEY"


class World:
    """Canaries: files, sockets, a secret, a bystander.

    Attributes:
        marks: what a candidate's text may name, and what stands for it.
    """

    def __init__(self, beside: Path) -> None:
        self._secret = secrets.token_hex(16)
        os.environ[_VARIABLE] = self._secret
        self._folder = Path(tempfile.mkdtemp(prefix="modulo-canary-", dir="/tmp"))
        self._folder.chmod(0o777)
        beside.mkdir(exist_ok=True)
        self._files = [self._folder / "note", beside / f".canary-{os.getpid()}"]
        for file in self._files:
            file.write_text(self._secret)
            file.chmod(0o666)
        self._bystander = subprocess.Popen(["/bin/sleep", "3600"])
        self._tcp = [socket.create_server(("127.0.0.1", 0))]
        port = self._tcp[0].getsockname()[1]
        self._datagrams = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)]
        self._datagrams[1].close()
        self._datagrams[1] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._datagrams[0].bind(("127.0.0.1", port))
        self._datagrams[1].bind(f"\0modulo-canary-{os.getpid()}")
        for listening in (*self._tcp, *self._datagrams):
            listening.setblocking(False)
        self.marks = {
            "@PORT@": str(port),
            "@CANARY@": str(self._files[0]),
            "@PARENT@": str(os.getpid()),
            "@BYSTANDER@": str(self._bystander.pid),
            "@VARIABLE@": _VARIABLE,
        }

    def check(self, told: str) -> None:
        """Nothing was touched, nobody called, and `told`, all that came back, holds no secret."""
        assert self._secret not in told
        assert [file.read_text() for file in self._files] == [self._secret] * len(self._files)
        assert [place.name for place in self._folder.iterdir()] == [self._files[0].name]
        assert self._bystander.poll() is None
        for listening in self._tcp:
            with contextlib.suppress(BlockingIOError):
                raise AssertionError(f"a connection from {listening.accept()[1]}")
        for waiting in self._datagrams:
            with contextlib.suppress(BlockingIOError):
                raise AssertionError(f"a message: {waiting.recv(100)!r}")

    def close(self) -> None:
        """Take all of it away."""
        self._bystander.kill()
        self._bystander.wait()
        for open_socket in (*self._tcp, *self._datagrams):
            open_socket.close()
        self._files[1].unlink(missing_ok=True)
        shutil.rmtree(self._folder)
        del os.environ[_VARIABLE]


def processes_of(uid: int) -> list[int]:
    """Pids of the living processes of a uid."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                if place.stat().st_uid == uid and (place / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    found.append(int(place.name))
    return found


class Containers:
    """What the Docker engine says of this process's containers."""

    def __init__(self) -> None:
        self._api = engine()

    def check(self) -> None:
        """There is one at most, one guest waits in it and none other is left, and no attack made a container."""
        ours = self._api.containers(filters={"label": f"{LABEL}={os.getpid()}"})
        assert len(ours) <= 1
        for container in ours:
            table = self._api.top(container["Id"], ps_args="-eo pid,uid,args")
            root = str(Path(f"/proc/{self._api.inspect_container(container['Id'])['State']['Pid']}").stat().st_uid)
            guests = [line for line in table["Processes"] if line[1] != root]
            assert len(guests) <= 1, guests
        assert not self._api.containers(all=True, filters={"name": "modulo-attack"})

    def close(self) -> None:
        """Let the engine go."""
        self._api.close()
