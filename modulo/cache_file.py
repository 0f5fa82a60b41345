"""The verdict cache's file: SQLite, shared by any number of processes, safe against crashes.

Whoever can write the file can forge a verdict, so it has to belong to the user and be writable by nobody else. Each row
carries a digest of its key and content: a torn one is not there. A table of another version is left alone.

One thread does all reading and writing, so that no event loop waits for a disk. When the file fails while it is used,
it is given up, `fault` says why, and verdicts are made afresh.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import stat
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from modulo.errors import ConfigError

__all__ = ["CacheFile"]

_APPLICATION: Final = 0x4D4F4456
_TABLE: Final = "verdicts_1"
_LIMIT: Final = 1 << 30
_QUEUE: Final = 100_000
_ASKED: Final = 500
"""Keys in one query."""


class CacheFile:
    """Rows of bytes by key.

    Args:
        path: a file, made when it is missing; or a folder, in which it is `verdicts.sqlite`.
        limit: bytes on disk; with more, the oldest tenth is dropped.

    Raises:
        ConfigError: the file cannot be used, and why.
    """

    def __init__(self, path: str | Path, *, limit: int = _LIMIT) -> None:
        text = os.fspath(path)
        self.path = Path(text) / "verdicts.sqlite" if text.endswith("/") or Path(text).is_dir() else Path(text)
        self.limit = limit
        self.fault: str | None = None
        self._lock = threading.Lock()
        self._queue: list[tuple[bytes, bytes]] = []
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._connection = self._open()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="modulo-cache")

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            state = self.path.stat()
        except OSError as error:
            raise ConfigError(f"{self.path}: the verdict cache cannot be used: {error.strerror}") from error
        if not stat.S_ISREG(state.st_mode):
            raise ConfigError(f"{self.path}: the verdict cache is a file or a folder, not this")
        if state.st_uid != os.geteuid() or state.st_mode & 0o022:
            raise ConfigError(f"{self.path}: others can write this file and so forge verdicts; own it and chmod 600 it")
        try:
            connection = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise ConfigError(
                f"{self.path}: is no verdict cache, or a damaged one ({error}); delete it, or name another file"
            ) from error
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != _APPLICATION and (application or tables):
            raise ConfigError(f"{self.path}: holds something else than verdicts; name another file")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {_TABLE} (key BLOB PRIMARY KEY, row BLOB NOT NULL, digest BLOB NOT NULL)"
        )

    def read(self, keys: Sequence[bytes]) -> Future[dict[bytes, bytes]]:
        """Those of the rows that are there and whole."""
        self._ready()
        return self._thread.submit(self._read, list(keys))

    def write(self, key: bytes, row: bytes) -> None:
        """Write a row soon. With a hundred thousand waiting to be written it is dropped."""
        self._ready()
        with self._lock:
            idle = not self._queue
            if len(self._queue) < _QUEUE:
                self._queue.append((key, row))
        if idle:
            self._thread.submit(self._write)

    def close(self) -> None:
        """Write what waits, and let the file go. Idempotent."""
        if self._process == os.getpid():
            self._thread.shutdown(wait=True)
            self._connection.close()

    def _ready(self) -> None:
        """After a fork, the child takes a connection and a thread of its own: neither can be shared."""
        if self._process != os.getpid():
            self._lock, self._queue = threading.Lock(), []
            self._begin()

    def _read(self, keys: list[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        if self.fault is not None:
            return found
        try:
            for start in range(0, len(keys), _ASKED):
                some = keys[start : start + _ASKED]
                marks = ",".join("?" * len(some))
                rows = self._connection.execute(f"SELECT key, row, digest FROM {_TABLE} WHERE key IN ({marks})", some)
                found.update((key, row) for key, row, mark in rows if mark == _digest(key, row))
        except sqlite3.Error as error:
            self.fault = str(error)
        return found

    def _write(self) -> None:
        with self._lock:
            rows, self._queue = self._queue, []
        if self.fault is not None:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                f"INSERT OR REPLACE INTO {_TABLE} VALUES (?, ?, ?)", [(k, r, _digest(k, r)) for k, r in rows]
            )
            self._connection.execute("COMMIT")
            self._prune()
        except sqlite3.Error as error:
            self.fault = str(error)
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def _prune(self) -> None:
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        (free,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        (size,) = self._connection.execute("PRAGMA page_size").fetchone()
        if (pages - free) * size > self.limit:
            tenth = f"SELECT min(rowid) + (max(rowid) - min(rowid)) / 10 FROM {_TABLE}"
            self._connection.execute(f"DELETE FROM {_TABLE} WHERE rowid <= ({tenth})")


def _digest(key: bytes, row: object) -> bytes:
    return hashlib.sha256(key + row).digest()[:16] if isinstance(row, bytes) else b""
