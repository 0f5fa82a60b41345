"""Inside the sandbox: import an image's packages before there is a job, so that a fork has them at once.

Standard library alone, but for what it is asked to import: this file is part of the program that is shipped into the
sandbox.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence

from modulo.adapters.sandboxes.confine import count_preloaded

__all__ = ["preload"]

_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_PARTS = {"numpy": ("numpy.linalg", "numpy.fft", "numpy.random", "numpy.polynomial")}
"""What these packages import only when it is used."""


def preload(packages: Sequence[str]) -> None:
    """Import `packages`, with no threads of their own (a thread does not survive a fork), and count their memory."""
    for name in _ONE_THREAD:
        os.environ[name] = "1"
    for package in packages:
        for name in (package, *_PARTS.get(package, ())):
            importlib.import_module(name)
    if "numpy" in packages:
        numpy = importlib.import_module("numpy")
        numpy.linalg.inv(numpy.eye(2))  # OpenBLAS takes its buffers at the first use
        # As `random` of the standard library does by itself: no two forks draw the same numbers.
        os.register_at_fork(after_in_child=numpy.random.seed)
    if packages:
        count_preloaded()
