"""The verdict cache: what was judged before is not judged again.

A verdict is kept under everything that decides it: verifier and version, whether it is hard, its guarantee, its own
spec, the sandbox, the problem's id, statement and answer format, and the candidate; on disk also the installed
packages, the interpreter and the machine. Only `pass` and `fail` are kept. A verifier that is a Python object, with no
spec to know it by, is remembered for its own bank alone, and neither it nor an opinion is written to disk.

A cached verdict says so. Checking traces again never reads the cache.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import sys
import threading
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from modulo.cache_file import CacheFile
from modulo.protocols import Verifier
from modulo.types import Guarantee, Outcome, Problem, Verdict, digest

__all__ = ["Shelf", "VerdictCache", "open_cache"]

_BYTES: Final = 64 << 20
_ENTRY: Final = 250
"""Bytes that a verdict takes in memory beside its own."""
_KEPT = (Outcome.PASS, Outcome.FAIL)
_ORDER = list(Guarantee)


class VerdictCache:
    """Verdicts by key: the latest in memory, and all of them in a file if one is given. For any thread and loop.

    Args:
        path: a file, made when it is missing; or a folder, in which it is `verdicts.sqlite`.
        limit: bytes of verdicts kept in memory, least recently used dropped first.

    Raises:
        ConfigError: the file cannot be used, and why.
    """

    def __init__(self, path: str | Path | None = None, *, limit: int = _BYTES) -> None:
        self.file = None if path is None else CacheFile(path)
        self._limit, self._size = limit, 0
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Verdicts in memory."""
        return len(self._kept)

    def close(self) -> None:
        """Write what is still to be written."""
        if self.file is not None:
            self.file.close()

    def _read(self, key: bytes) -> bytes | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _keep(self, key: bytes, row: bytes) -> None:
        with self._lock:
            if (before := self._kept.pop(key, None)) is not None:
                self._size -= len(before) + _ENTRY
            self._kept[key] = row
            self._size += len(row) + _ENTRY
            while self._size > self._limit:
                self._size -= len(self._kept.popitem(last=False)[1]) + _ENTRY


class Shelf:
    """One verifier's part of a cache, for one problem.

    Args:
        scope: digest of the verifier's spec and of where it runs; `None` for an object that came without a spec.
    """

    def __init__(self, cache: VerdictCache, verifier: Verifier, problem: Problem, scope: str | None) -> None:
        self._cache, self._verifier = cache, verifier
        self._on_disk = cache.file is not None and scope is not None and verifier.guarantee is not Guarantee.OPINION
        self._prefix = hashlib.sha256(
            digest(
                [
                    [verifier.name, verifier.version, verifier.hard, verifier.guarantee.value],
                    [uuid.uuid4().hex, problem.problem_hash] if scope is None else scope,
                    [problem.id, problem.statement, problem.answer.value],
                    _machine() if self._on_disk else "",
                ]
            ).encode()
        )

    def key(self, candidate: str) -> bytes:
        """Under what the verdict on a candidate is kept."""
        key = self._prefix.copy()
        key.update(candidate.encode("utf-8", "surrogatepass"))
        return key.digest()

    def get(self, key: bytes) -> Verdict | None:
        """A verdict that is in memory."""
        row = self._cache._read(key)
        return None if row is None else self._verdict(row)

    async def find(self, keys: Sequence[bytes]) -> dict[bytes, Verdict]:
        """Verdicts that are on disk. Never blocks the event loop, never fails: what cannot be read is not there."""
        if not self._on_disk or self._cache.file is None or not keys:
            return {}
        found = {}
        for key, row in (await asyncio.wrap_future(self._cache.file.read(keys))).items():
            if (verdict := self._verdict(row)) is not None:
                self._cache._keep(key, row)
                found[key] = verdict
        return found

    def put(self, key: bytes, verdict: Verdict) -> None:
        """Keep a verdict, if it is one of those that are kept."""
        if verdict.outcome not in _KEPT:
            return
        try:
            row = verdict.model_dump_json(exclude={"cached"}).encode()
        except ValueError:  # a verifier of somebody else's made it of what JSON cannot say
            return
        self._cache._keep(key, row)
        if self._on_disk and self._cache.file is not None:
            self._cache.file.write(key, row)

    def _verdict(self, row: bytes) -> Verdict | None:
        """A row as a verdict, if it can be one of this verifier's."""
        try:
            verdict = Verdict.model_validate_json(row)
        except ValidationError:
            return None
        verifier = self._verifier
        same = (verdict.verifier, verdict.version, verdict.hard) == (verifier.name, verifier.version, verifier.hard)
        weaker = _ORDER.index(verdict.guarantee) >= _ORDER.index(verifier.guarantee)
        if not same or not weaker or verdict.outcome not in _KEPT:
            return None
        return verdict.model_copy(update={"cached": True, "seconds": 0.0})


@cache
def _machine() -> str:
    """Digest of the installed packages and their versions, the interpreter and the machine."""
    installed: set[str] = set()
    for folder in sys.path:
        try:
            installed.update(name for name in os.listdir(folder or ".") if name.endswith((".dist-info", ".egg-info")))
        except OSError:
            continue  # a path that does not exist, or a zip file
    return digest([sorted(installed), sys.version, platform.machine(), platform.system()])


_caches: dict[str, VerdictCache] = {}
_caches_lock = threading.Lock()


def open_cache(path: str | Path | None = None) -> VerdictCache:
    """The process's cache for a file or folder, or the one that is in memory only.

    Raises:
        ConfigError: the file cannot be used, and why.
    """
    name = "" if path is None else os.path.realpath(path)
    with _caches_lock:
        if name not in _caches:
            _caches[name] = VerdictCache(path)
        return _caches[name]
