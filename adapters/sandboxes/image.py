"""The Docker images of the sandbox, made of the root file systems of `rootfs.py` without a registry.

An image is found by its tag but believed by its content: its one layer has the digest that this machine's own root file
system packs to, and nothing in its settings adds to the command that we give. What is then run is named by the image's
own digest, which covers both.
"""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from modulo.adapters.sandboxes import rootfs
from modulo.errors import SandboxUnavailableError
from modulo.protocols import ImageName

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["REPOSITORY", "ensure_image"]

REPOSITORY = "modulo-sandbox"
_SETTINGS = ("Entrypoint", "Cmd", "Env", "Volumes", "Healthcheck", "OnBuild", "User", "WorkingDir", "ExposedPorts")


def ensure_image(api: APIClient, image: ImageName = "base") -> str:
    """Digest (`sha256:…`) of an image of our own making, imported into the engine if it is not there yet.

    Raises:
        SandboxUnavailableError: the root file system cannot be built, or the engine made something else of it.
        docker.errors.DockerException: the engine refuses.
    """
    root = rootfs.build(image)
    name = f"{REPOSITORY}:{image}-{root.key}"
    layer = root.path.with_name("layer")
    if layer.is_file():
        found = _find(api, name, layer.read_text())
        if found is not None:
            return found
    with tempfile.TemporaryFile(prefix="modulo-image-") as archive:
        digest = _pack(root.path, archive)
        archive.seek(0)
        api.import_image_from_data(archive, repository=REPOSITORY, tag=name.partition(":")[2])
    found = _find(api, name, digest)
    if found is None:
        raise SandboxUnavailableError(f"Docker made another image of the sandbox's files than it was given: {name}")
    layer.write_text(digest)
    return found


def _find(api: Any, name: str, layer: str) -> str | None:
    """Digest of the image of this tag, if it is our files and nothing else."""
    from docker.errors import ImageNotFound

    try:
        found = api.inspect_image(name)
    except ImageNotFound:
        return None
    settings = found.get("Config") or {}
    ours = found["RootFS"].get("Layers") == [layer] and not any(settings.get(key) for key in _SETTINGS)
    return str(found["Id"]) if ours else None


def _pack(root: Path, archive: IO[bytes]) -> str:
    """Write the root file system as a tar archive that depends on its content alone; returns its digest."""
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(root, arcname=".", filter=_plain)
    archive.seek(0)
    told = hashlib.sha256()
    while piece := archive.read(1 << 20):
        told.update(piece)
    return "sha256:" + told.hexdigest()


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Owned by root, whole seconds (those that compiled files name), and open to every uid."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0 if entry.isdir() else int(entry.mtime)
    if entry.name == "./tmp":
        entry.mode = 0o1777
    return entry
