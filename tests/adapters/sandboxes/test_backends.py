"""What belongs to one backend: its end, its image, its fakes of a broken guest."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from modulo.adapters.sandboxes import bwrap, confine, dispatcher, image, rootfs, syscalls, uids, wipe
from modulo.adapters.sandboxes.bubblewrap import BubblewrapSandbox
from modulo.adapters.sandboxes.conversation import ChannelClosedError, Exit, UnaskedError, converse
from modulo.adapters.sandboxes.process import tree
from modulo.errors import SandboxUnavailableError
from modulo.protocols import Call, CallReply, Limits

HELD = """
import asyncio, os, sys
from modulo.adapters.sandboxes import open_sandbox
from modulo.protocols import Call, Limits
async def main():
    sandbox = open_sandbox(sys.argv[1])
    program = "import time\\ndef f(x):\\n    time.sleep(x)\\n    return x\\n"
    await sandbox.run(program, entry="f", calls=[Call(args=(0,))], limits=Limits())
    print("ready", flush=True)
    await sandbox.run(program, entry="f", calls=[Call(args=(60,))], limits=Limits(call_seconds=100, total_seconds=100))
asyncio.run(main())
"""


def eventually(condition: Callable[[], bool], what: str) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(what)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def hold(kind: str) -> subprocess.Popen[str]:
    """A process of ours in the middle of a run."""
    holder = subprocess.Popen([sys.executable, "-c", HELD, kind], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    return holder


def test_bubblewraps_die_with_a_process_that_is_killed() -> None:
    with hold("bubblewrap") as holder:
        eventually(lambda: len(tree(holder.pid)) > 2, "no run was started")
        below = tree(holder.pid)[1:]
        holder.kill()
    eventually(lambda: not any(map(alive, below)), "a sandbox outlived its owner")


@pytest.mark.docker
def test_containers_go_with_a_process_that_is_killed() -> None:
    from modulo.adapters.sandboxes.docker import LABEL, engine

    api = engine()
    try:
        with hold("docker") as holder:
            mine = {"label": f"{LABEL}={holder.pid}"}
            assert api.containers(filters=mine)
            holder.send_signal(signal.SIGKILL)
        eventually(lambda: not api.containers(all=True, filters=mine), "a container outlived its owner")
    finally:
        api.close()


@pytest.mark.docker
def test_the_container_is_as_closed_as_it_says() -> None:
    from modulo.adapters.sandboxes.docker import LABEL, engine

    api = engine()
    try:
        with hold("docker") as holder:
            (container,) = api.containers(filters={"label": f"{LABEL}={holder.pid}"})
            found = api.inspect_container(container["Id"])
            holder.kill()
    finally:
        api.close()
    host = found["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["IpcMode"] == "none"
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert int(found["Config"]["User"].split(":")[0]) > 10_000
    assert "no-new-privileges" in host["SecurityOpt"]
    (filtered,) = (option for option in host["SecurityOpt"] if option.startswith("seccomp="))
    assert json.loads(filtered.removeprefix("seccomp="))["defaultAction"] == "SCMP_ACT_ERRNO"
    assert 0 < host["PidsLimit"] <= 64
    assert 0 < host["Memory"] < 2**30
    assert not host["Binds"]
    assert not host["Privileged"]


@pytest.mark.docker
def test_a_foreign_image_of_our_tag_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from modulo.adapters.sandboxes.docker import engine

    api = engine()
    client: Any = api  # its own types are not checked everywhere
    # A name of this test's own: others use the images of the usual one at the same time.
    monkeypatch.setattr(image, "REPOSITORY", f"modulo-sandbox-test-{os.getpid()}")
    tag = f"base-{rootfs.build().key}"
    made = []
    try:
        made.append(image.ensure_image(api))
        assert image.ensure_image(api) == made[0]
        # The same files with other settings; and other files.
        for folder, changes in (
            (rootfs.build().path, ["ENV LD_PRELOAD=/tmp/x"]),
            (rootfs.build().path, ["ENTRYPOINT /bin/evil"]),
            (Path(__file__).parent, []),
        ):
            archive = io.BytesIO()
            image._pack(folder, archive)
            archive.seek(0)
            api.import_image_from_data(archive, repository=image.REPOSITORY, tag=tag, changes=changes)
            foreign = client.inspect_image(f"{image.REPOSITORY}:{tag}")["Id"]
            found = image.ensure_image(api)
            assert found != foreign
            assert client.inspect_image(found)["RootFS"] == client.inspect_image(made[0])["RootFS"]
            made += [foreign, found]
    finally:
        for digest in set(made):
            api.remove_image(digest, force=True)
        api.close()


@pytest.mark.parametrize(("program", "said"), [("/bin/false", "exit code 1"), ("/nonexistent", "cannot be started")])
async def test_a_bubblewrap_that_does_not_start_is_unavailable(
    program: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modulo.adapters.sandboxes.bubblewrap.reachable_bwrap", lambda uid: program)
    sandbox = BubblewrapSandbox(1)
    with pytest.raises(SandboxUnavailableError, match=said):
        await sandbox.run("def f(): pass", entry="f", calls=[Call()], limits=Limits())
    await sandbox.aclose()


async def test_bubblewrap_without_nesting_is_used_once_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    nested = []

    def launch(*args: Any, nesting: bool, **kwargs: Any) -> Any:
        nested.append(nesting)
        return bwrap.launch(*args, nesting=False, **kwargs)

    monkeypatch.setattr("modulo.adapters.sandboxes.bubblewrap.launch", launch)
    sandbox = BubblewrapSandbox(1)
    for _ in range(2):
        report = await sandbox.run("def f(): return 1", entry="f", calls=[Call()], limits=Limits())
        assert report.replies == (CallReply(kind="value", value=1),)
    assert sandbox.nested is False
    assert nested[:3] == [True, True, False]
    assert not any(nested[3:])
    await sandbox.aclose()


async def test_bubblewrap_starts_the_next_guest_ahead_and_ends_it_on_close() -> None:
    sandbox = BubblewrapSandbox(1)
    sandbox.nested = False
    before = set(tree(os.getpid()))
    await sandbox.run("def f(): pass", entry="f", calls=[Call()], limits=Limits())
    for _ in range(200):
        if set(tree(os.getpid())) - before:
            break
        await asyncio.sleep(0.02)
    ahead = set(tree(os.getpid())) - before
    assert ahead
    await sandbox.aclose()
    assert not any(map(alive, ahead))


def test_the_root_holds_nothing_of_the_host_and_can_be_read_by_all() -> None:
    root = rootfs.build().path
    names = [path.relative_to(root).as_posix() for path in root.rglob("*")]
    assert not any("site-packages" in name or "modulo/verifiers" in name for name in names)
    assert not any(name.startswith(("etc", "bin", "usr", "home", "root")) for name in names)
    for path in root.rglob("*"):
        mode = path.stat().st_mode
        assert mode & stat.S_IROTH
        assert not mode & (stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID)


def test_the_root_is_built_once_and_again_when_it_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rootfs, "shared_folder", lambda uid=None: tmp_path)
    first = rootfs.build()
    stamp = first.path.stat().st_ino
    assert rootfs.build() == first
    assert first.path.stat().st_ino == stamp
    assert [p.name for p in tmp_path.iterdir()] == [f"rootfs-{first.key}"]
    (first.path.parent / "digest").unlink()
    with pytest.raises(SandboxUnavailableError, match="remove"):
        rootfs.build()


def test_a_root_that_cannot_be_built_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rootfs, "shared_folder", lambda uid=None: tmp_path)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SandboxUnavailableError, match="ldd"):
        rootfs.build()
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_others_can_write_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "modulo" / "sandbox"
    shared.mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert rootfs.shared_folder() == shared
    shared.chmod(0o777)
    assert rootfs.shared_folder() != shared


def test_spare_uids_exist_in_the_namespace_and_are_nobodys() -> None:
    whole = "         0          0 4294967295\n"
    remapped = "         0     100000      65536\n"
    assert all(1_900_000_000 <= uid < 2_000_000_000 for uid in uids.spare_uids(3, whole))
    assert all(20_000 <= uid < 60_000 for uid in uids.spare_uids(3, remapped))
    assert len(set(uids.spare_uids(50, remapped))) == 50
    with pytest.raises(confine.ConfinementError):
        uids.spare_uids(1, "      1000       1000          1\n")


def test_a_containers_calls_are_none_of_those_that_a_candidate_gives_up() -> None:
    assert not set(syscalls.ALLOWED) & set(confine.FORBIDDEN)
    (rule,) = json.loads(syscalls.profile())["syscalls"]
    assert set(rule["names"]) & set(confine.FORBIDDEN) == {"mount", "setns", "unshare"}


def test_confinement_refuses_what_it_does_not_know() -> None:
    with pytest.raises(confine.ConfinementError, match="riscv64"):
        confine.seccomp_program("riscv64")
    assert confine.seccomp_program("x86_64") != confine.seccomp_program("aarch64")


def test_limits_are_refused_to_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(confine.ConfinementError, match="uid 0"):
        confine.limit_resources(memory_mb=64, cpu_seconds=1)


def test_wiping_is_not_stopped_by_depth_or_permissions(tmp_path: Path) -> None:
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep" / "file").write_text("x")
    folder = tmp_path / "wiped"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "keep")
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "c").write_text("x")
    (folder / "a" / "link").symlink_to(tmp_path / "keep", target_is_directory=True)
    (folder / "a" / "b").chmod(0)
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1100):  # deeper than the interpreter recurses
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    wipe.wipe(str(folder))
    assert list(folder.iterdir()) == []
    assert (tmp_path / "keep" / "file").read_text() == "x"


class Script:
    """A channel whose guest sends prepared bytes, one piece for each `receive`."""

    def __init__(self, *pieces: bytes, end: Exit | None = None) -> None:
        self.pieces, self.end, self.closed, self.sent = list(pieces), end or Exit(), False, b""

    def send(self, data: bytes, deadline: float) -> None:
        if self.closed:
            raise ChannelClosedError
        self.sent += data

    def receive(self, deadline: float) -> bytes:
        if not self.pieces:
            time.sleep(max(0.0, deadline - time.monotonic()))
            raise TimeoutError
        if self.pieces[0] == b"silence":
            self.pieces.pop(0)
            raise TimeoutError
        return self.pieces.pop(0)

    def close(self) -> Exit:
        self.closed = True
        return self.end


def frame(text: str) -> bytes:
    return len(text.encode()).to_bytes(4, "big") + text.encode()


START = (frame('{"index": -2, "kind": "ready"}'), frame('{"index": -2, "kind": "confined"}'))
LOADED = frame('{"index": -1, "kind": "value", "value": null}')
QUICK = Limits(call_seconds=0.2, total_seconds=1, output_bytes=1000)


def talk(*pieces: bytes, end: Exit | None = None, calls: int = 1) -> tuple[CallReply | None, tuple[CallReply, ...]]:
    channel = Script(*START, *pieces, end=end)
    outcome = converse(channel, "a\nb\n", entry="f", calls=[Call(args=(1,))] * calls, limits=QUICK)
    assert channel.closed
    return outcome


@pytest.mark.parametrize(
    "pieces",
    [(), (frame('{"index": -2, "kind": "broken"}'),), (frame("[]"),), (b"\xff\xff\xff\xff",), (b"",), START[:1] * 2],
)
def test_a_guest_that_does_not_start_is_not_the_candidates_fault(
    pieces: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modulo.adapters.sandboxes.conversation._START_SECONDS", 0.2)
    channel = Script(*pieces, end=Exit(code=1))
    with pytest.raises(SandboxUnavailableError, match="modulo doctor"):
        converse(channel, "", entry="f", calls=[Call()], limits=QUICK)
    assert channel.closed


def test_a_right_reply_in_single_bytes() -> None:
    reply = frame('{"index": 0, "kind": "value", "value": [1]}')
    pieces = [reply[i : i + 1] for i in range(len(reply))]
    assert talk(LOADED, b"silence", *pieces) == (None, (CallReply(kind="value", value=[1]),))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"index": 1, "kind": "value", "value": 1}', "protocol"),
        ('{"index": false, "kind": "value", "value": 1}', "protocol"),
        ('{"index": 0.0, "kind": "value", "value": 1}', "protocol"),
        ('{"kind": "value", "value": 1}', "protocol"),
        ('{"index": 0, "kind": "value"}', "protocol"),
        ('{"index": 0, "kind": "raised", "value": 1}', "protocol"),
        ('{"index": 0, "kind": "pass"}', "protocol"),
        ('{"index": 0, "kind": "skipped"}', "protocol"),
        ('{"index": 0, "kind": "value", "value": 1, "outcome": "pass"}', "protocol"),
        ('{"index": 0, "kind": "value", "value": 1, "value": 2}', "protocol"),
        ('{"index": 0, "kind": "value", "value": NaN}', "protocol"),
        ('{"index": 0, "kind": "value", "value": {"$what": 1}}', "protocol"),
        ('{"index": 0, "kind": "value", "value": ' + "9" * 900 + "}", "value"),
        ('{"index": 0, "kind": "raised", "error": 1}', "protocol"),
        ('{"index": 0, "kind": "value", "value": "é"}', "protocol"),
        ("[" * 900, "protocol"),
        ("", "protocol"),
        ("null", "protocol"),
        ('"value"', "protocol"),
        ('{"index": 0, "kind": "value", "value": "' + "x" * 6000 + '"}', "output"),
    ],
)
def test_a_reply_is_held_to_its_form(text: str, kind: str) -> None:
    load, replies = talk(LOADED, b"silence", frame(text), calls=2)
    assert load is None
    assert replies[0].kind == kind
    assert replies[1].kind == ("skipped" if kind != "value" else "timeout")


def test_bytes_before_the_call_are_not_an_answer() -> None:
    answer = frame('{"index": 0, "kind": "value", "value": 1}')
    assert talk(LOADED + answer)[1][0].kind == "protocol"
    assert talk(LOADED, answer)[1][0].kind == "protocol"


def test_a_line_outside_the_program_is_dropped_and_texts_are_cut() -> None:
    for line, told in (("2", 2), ("3", 3), ("4", None), ("0", None), ("true", None), ('"1"', None), ("1e9", None)):
        reply = frame('{"index": 0, "kind": "raised", "error": "' + "e" * 900 + '", "line": ' + line + "}")
        (got,) = talk(LOADED, b"silence", reply)[1]
        assert (got.kind, got.line) == ("raised", told)
        assert len(got.error) == 600


@pytest.mark.parametrize(
    ("end", "kind", "error"),
    [
        (Exit(code=0), "crash", "ended with exit code 0"),
        (Exit(signal=11), "crash", "ended by signal 11 (SIGSEGV)"),
        (Exit(signal=99), "crash", "ended by signal 99 (unknown)"),
        (Exit(signal=24), "timeout", "over its processor time"),
        (Exit(signal=9, memory=True), "memory", "over memory_mb = 512"),
        (Exit(), "crash", "closed its channel"),
    ],
)
def test_a_guest_that_ends_is_told_with_its_cause(end: Exit, kind: str, error: str) -> None:
    assert talk(LOADED, b"silence", b"", end=end)[1] == (CallReply.model_validate({"kind": kind, "error": error}),)
    load, replies = talk(b"", end=end)
    assert load is not None
    assert (load.kind, load.error) == (kind, error)
    assert replies == (CallReply(kind="skipped"),)


class Paced(Script):
    """A script that asks by itself, as a slot's channel does."""

    def ask_ahead(self, questions: Sequence[bytes], after: int) -> None:
        self.ahead = (list(questions), after)

    def receive(self, deadline: float) -> bytes:
        if self.pieces[:1] == [b"unasked"]:
            raise UnaskedError
        return super().receive(deadline)


def test_questions_that_are_known_go_ahead_in_one_piece() -> None:
    replies = [frame(f'{{"index": {k}, "kind": "value", "value": {k}}}') for k in range(2)]
    channel = Paced(*START, LOADED + replies[0] + replies[1])
    load, answers = converse(channel, "a", entry="f", calls=[Call(args=(5,)), Call(args=(6,))], limits=QUICK)
    assert (load, [answer.value for answer in answers]) == (None, [0, 1])
    questions, after = channel.ahead
    assert after == 3
    assert [json.loads(question[4:])["args"] for question in questions] == [[5], [6]]
    assert channel.sent.count(b'"args"') == 0


def test_questions_that_are_too_large_go_one_by_one() -> None:
    replies = [frame(f'{{"index": {k}, "kind": "value", "value": 1}}') for k in range(3)]
    channel = Paced(*START, LOADED, b"silence", replies[0], b"silence", replies[1], b"silence", replies[2])
    large = [Call(args=("x" * 1_500_000,))] * 3
    assert [answer.value for answer in converse(channel, "a", entry="f", calls=large, limits=QUICK)[1]] == [1, 1, 1]
    assert channel.sent.count(b'"args"') == 3


def test_a_byte_too_many_before_a_question_that_went_ahead() -> None:
    first = frame('{"index": 0, "kind": "value", "value": 1}')
    channel = Paced(*START, LOADED + first, b"unasked")
    replies = converse(channel, "a", entry="f", calls=[Call(args=(1,))] * 3, limits=QUICK)[1]
    assert [reply.kind for reply in replies] == ["value", "protocol", "skipped"]
    assert channel.closed


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 1000])
def test_frames_are_counted_however_they_are_cut(cut: int) -> None:
    stream = frame("{}") + frame("") + frame("[1, 2]") + b"rest"
    counter, passed = dispatcher._FrameCounter(), 0
    for start in range(0, len(stream), cut):
        piece = stream[start : start + cut]
        end = counter.count(piece, 3)
        passed += end
        if end < len(piece):
            break
    assert counter.frames == 3
    assert stream[passed:] == b"rest"
    assert dispatcher._FrameCounter().count(stream, None) == len(stream)
