"""The packages of the `science` image, taken from where this interpreter has them installed."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path

from modulo.errors import SandboxUnavailableError
from modulo.protocols import ImageName

__all__ = ["PACKAGES", "RESIDENT_MB", "folders", "stamp", "versions"]

PACKAGES: dict[ImageName, tuple[str, ...]] = {"base": (), "science": ("numpy", "sympy", "mpmath")}
"""Top-level packages of each image, beside the standard library."""
RESIDENT_MB: dict[ImageName, int] = {"base": 0, "science": 128}
"""Memory that these take once they are loaded, MiB, rounded up: not the candidate's to pay for."""


def folders(image: ImageName) -> list[Path]:
    """The folders to copy side by side: each package, and the shared libraries that its wheel brought (`numpy.libs`).

    Raises:
        SandboxUnavailableError: one of them is not installed here.
    """
    found = []
    for name in PACKAGES[image]:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise SandboxUnavailableError(
                f"the sandbox image `{image}` is made of what is installed here, and {name} is not: "
                'pip install "llm-modulo[science]"'
            )
        package = Path(spec.origin).parent
        found.append(package)
        libraries = package.with_name(f"{name}.libs")
        if libraries.is_dir():
            found.append(libraries)
    return found


def stamp(image: ImageName) -> str:
    """Changes when one of the packages is installed anew; looks at the files of their top folders alone."""
    lines = []
    for folder in folders(image):
        for path in sorted(folder.glob("*.[ps][yo]*")):  # not the folder, whose time changes with its compiled files
            status = path.stat()
            lines.append(f"{path} {status.st_size} {status.st_mtime_ns}")
    return "\n".join(lines)


def versions(image: ImageName) -> list[str]:
    """Name and version of each package.

    Raises:
        SandboxUnavailableError: one of them is not installed here.
    """
    folders(image)
    return [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES[image]]
