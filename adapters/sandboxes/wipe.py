"""Empty a folder in which untrusted code has written: any depth, any permissions.

Standard library alone: this file is part of the program that is shipped into the container.
"""

from __future__ import annotations

import os
from contextlib import suppress

__all__ = ["wipe"]


def wipe(folder: str) -> None:
    """Remove all that is in `folder`, as far as permitted. Nobody else may be writing there any more.

    What is in a subfolder is moved up before the subfolder is removed, so that no path gets long and nothing recurses.
    """
    number = 0
    progress = True
    while progress:
        progress = False
        for name in os.listdir(folder):
            path = f"{folder}/{name}"
            with suppress(OSError):
                if not _is_folder(path):
                    os.unlink(path)
                    progress = True
                    continue
                os.chmod(path, 0o700)
                for inner in os.listdir(path):
                    number += 1
                    if _is_folder(f"{path}/{inner}"):
                        os.chmod(f"{path}/{inner}", 0o700)  # a folder that is not writable cannot be moved
                    os.rename(f"{path}/{inner}", f"{folder}/.wiped-{os.getpid()}-{number}")
                    progress = True
                os.rmdir(path)
                progress = True


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)
