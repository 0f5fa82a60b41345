"""The Docker image of the sandbox, made of the root file system of `rootfs.py` without a registry."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modulo.adapters.sandboxes import rootfs

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["REPOSITORY", "ensure_image"]

REPOSITORY = "modulo-sandbox"


def ensure_image(api: APIClient) -> str:
    """Digest (`sha256:…`) of the image, imported into the engine if it is not there yet.

    Raises:
        SandboxUnavailableError: the root file system cannot be built.
        docker.errors.DockerException: the engine refuses.
    """
    from docker.errors import ImageNotFound

    root = rootfs.build()
    name = f"{REPOSITORY}:{root.key}"
    try:
        return _id(api, name)
    except ImageNotFound:
        pass
    with tempfile.TemporaryDirectory(prefix="modulo-image-") as folder:
        archive = Path(folder, "root.tar")
        with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
            tar.add(root.path, arcname=".", filter=_plain)
        api.import_image_from_file(str(archive), repository=REPOSITORY, tag=root.key)
    return _id(api, name)


def _id(api: Any, name: str) -> str:
    return str(api.inspect_image(name)["Id"])


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Owned by root, whole seconds (those that compiled files name), and open to every uid."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = int(entry.mtime)
    if entry.name == "./tmp":
        entry.mode = 0o1777
    return entry
