"""Slots: lost ones are replaced, hostile ones hold up nobody else, and each is made ready for the run it gets."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from modulo.adapters.sandboxes import open_sandbox
from modulo.adapters.sandboxes.process import tree
from modulo.adapters.sandboxes.slot import LostError, Slot, SlotChannel
from modulo.adapters.sandboxes.slotted import SlottedSandbox
from modulo.errors import SandboxUnavailableError
from modulo.protocols import Call, CallReply, ImageName, Limits

PROGRAM = "def f(x):\n    return x\n"
FIVE = (CallReply(kind="value", value=5),)
BACKENDS = [pytest.param("docker", marks=pytest.mark.docker), "bubblewrap"]


@pytest.fixture(params=BACKENDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[SlottedSandbox]:
    opened = open_sandbox(request.param, slots=2)
    assert isinstance(opened, SlottedSandbox)
    yield opened
    opened.close()


async def answers(sandbox: SlottedSandbox, program: str = PROGRAM, **limits: float) -> tuple[CallReply, ...]:
    report = await sandbox.run(program, entry="f", calls=[Call(args=(5,))], limits=Limits(**limits))
    return report.replies


def kill(slot: Any) -> None:
    """End a slot as the machine might: its container, or all its processes."""
    if hasattr(slot, "_id"):
        slot._api.kill(slot._id)
    else:
        for pid in tree(slot._channel.process.pid):
            os.kill(pid, signal.SIGKILL)


async def test_a_slot_that_is_lost_between_runs_is_replaced(sandbox: SlottedSandbox) -> None:
    assert await answers(sandbox) == FIVE
    (slot,) = sandbox._idle
    kill(slot)
    assert await answers(sandbox) == FIVE
    assert slot not in sandbox._idle
    assert len(sandbox._idle) == 1


async def test_a_slot_that_is_lost_during_a_run_is_replaced_and_the_run_repeated(
    sandbox: SlottedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []

    def take(image: ImageName, memory_mb: int, nested: bool, original: Any = sandbox._take) -> Slot:
        taken.append(original(image, memory_mb, nested))
        return taken[-1]  # type: ignore[no-any-return]

    monkeypatch.setattr(sandbox, "_take", take)
    assert await answers(sandbox) == FIVE
    run = asyncio.create_task(answers(sandbox, "import time\ndef f(x):\n    time.sleep(1)\n    return x\n"))
    for _ in range(500):
        if len(taken) == 2:
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    kill(taken[1])
    assert await run == FIVE
    assert len(taken) == 3


async def test_a_slot_that_is_lost_twice_is_no_verdict(sandbox: SlottedSandbox) -> None:
    def drive(channel: Any, processes: int) -> None:
        raise LostError("its stream ended")

    assert await answers(sandbox) == FIVE
    with pytest.raises(SandboxUnavailableError, match="was lost: its stream ended"):
        sandbox.on_channel(drive, limits=Limits())
    assert sandbox._idle == []
    assert await answers(sandbox) == FIVE


async def test_a_hostile_run_holds_up_no_other(sandbox: SlottedSandbox) -> None:
    hostile = """
import os, signal
for number in range(1, 32):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
def f(x):
    while True:
        try:
            os.fork()
        except OSError:
            pass
"""
    limits = {"call_seconds": 3.0, "total_seconds": 3.0}
    bomb = asyncio.create_task(answers(sandbox, hostile, **limits))
    for _ in range(5):
        assert await answers(sandbox, call_seconds=10.0) == FIVE
    assert [reply.kind for reply in await bomb] == ["timeout"]
    assert await asyncio.gather(*(answers(sandbox) for _ in range(4))) == [FIVE] * 4


@pytest.mark.docker
async def test_a_containers_memory_is_what_the_present_run_may_have() -> None:
    sandbox = open_sandbox("docker", slots=1)
    assert isinstance(sandbox, SlottedSandbox)
    held = []
    for memory_mb in (512, 128, 512):
        await answers(sandbox, memory_mb=memory_mb)
        slot: Any = sandbox._idle[0]
        held.append((slot._id, slot._api.inspect_container(slot._id)["HostConfig"]["Memory"] // 2**20))
    await sandbox.aclose()
    assert len({name for name, _ in held}) == 1
    assert [memory - held[0][1] for _, memory in held] == [0, -384, 0]


class Fixed(Slot):
    """A slot whose dispatcher's bytes are given, and which keeps what it is sent."""

    def __init__(self, said: bytes) -> None:
        super().__init__()
        self.said, self.sent, self.stopped = said, b"", False

    def write(self, data: memoryview, deadline: float) -> int:
        self.sent += bytes(data)
        return len(data)

    def read(self, deadline: float) -> bytes:
        said, self.said = self.said, b""
        return said

    def stop(self) -> None:
        self.stopped = True


def said(kind: bytes, body: bytes = b"") -> bytes:
    return kind + len(body).to_bytes(4, "big") + body


SWEPT = said(b"X", b'{"status": null, "clean": true, "memory": false}')


def test_a_run_that_was_swept_by_itself_is_not_ended_again() -> None:
    slot = Fixed(said(b"D", b"reply") + SWEPT + said(b"D", b"next"))
    channel = SlotChannel(slot)
    assert channel.receive(0) == b"reply"
    channel.close()
    assert slot.sent == b""
    assert (slot.clean, slot.guest) == (True, 1)
    assert SlotChannel(slot).receive(0) == b"next"


def test_a_run_is_ended_by_its_number() -> None:
    slot = Fixed(said(b"E") + said(b"D", b"late") + SWEPT)
    channel = SlotChannel(slot)
    slot.guest = 7
    assert channel.receive(0) == b""
    channel.close()
    channel.close()
    assert slot.sent == said(b"K", (7).to_bytes(4, "big"))


def test_a_slot_that_is_not_clean_or_breaks_off_is_not_used_again() -> None:
    dirty = Fixed(SWEPT.replace(b"true", b"null"))
    SlotChannel(dirty).close()
    assert not dirty.clean
    gone = Fixed(b"X\0\0")
    with pytest.raises(LostError, match="its stream ended"):
        SlotChannel(gone).close()
    assert not gone.clean
