"""Room for recursion over terms and values that are as deep as somebody chose to write them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["recursion_limit"]


@contextmanager
def recursion_limit(frames: int) -> Iterator[None]:
    """Allow at least `frames` Python frames inside. A worker's 8 MB of C stack carry some ten thousand."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, frames))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
