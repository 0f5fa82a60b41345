"""Conversations with a program: what every sandbox and every program of either kind must do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from modulo.adapters.sandboxes import open_sandbox
from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.protocols import Call, CallReply, Limits, ProgramKind, Session
from modulo.tagged import decode, encode

T = TypeVar("T")
LIMITS = Limits(call_seconds=2.0, total_seconds=8.0, memory_mb=256)


async def hold(
    sandbox: ThreadedSandbox, program: str, drive: Callable[[Session], T], kind: ProgramKind = "script"
) -> T:
    result, image = await sandbox.interact(program, drive, kind=kind, limits=LIMITS)
    assert image is not None
    assert image.startswith("sha256:")
    return result


def told(**body: Any) -> dict[str, Any]:
    message = {"kwargs": [], "cells": [], "drop_cells": [], "drop_objects": [], **body}
    return {"tell": encode(message)}


def returned(reply: CallReply) -> Any:
    assert reply.kind == "value", reply
    value = decode(reply.value)
    assert value["did"] == "returned", value
    return value["value"]


async def test_a_script_is_asked_once_more_and_starts_anew(sandbox: ThreadedSandbox) -> None:
    program = "import os\nseen = globals().get('seen', 0) + 1\nprint(seen, input())\n"

    def drive(session: Session) -> list[Any]:
        assert session.load() is None
        return [decode(session.ask({"stdin": encode(text)}).value) for text in ("a\n", "b\n")]

    printed = await hold(sandbox, program, drive)
    assert [run["stdout"] for run in printed] == [b"1 a\n", b"1 b\n"]
    assert [run["code"] for run in printed] == [0, 0]


async def test_objects_stay_where_they_are(sandbox: ThreadedSandbox) -> None:
    program = "class P:\n    def __init__(self, x): self.x = x\n    def up(self): self.x += 1; return self\n"

    def drive(session: Session) -> Any:
        assert session.load() is None
        kind = returned(session.ask(told(do="get", args=[["object", 1], "P"])))
        made = returned(session.ask(told(do="call", args=[kind, 5])))
        method = returned(session.ask(told(do="get", args=[made, "up"])))
        assert returned(session.ask(told(do="call", args=[method]))) == made
        return kind[0], made[0], returned(session.ask(told(do="get", args=[made, "x"])))

    assert await hold(sandbox, program, drive, "objects") == ("class", "object", 6)


@pytest.mark.parametrize("kind", ["script", "objects"])
async def test_a_program_that_does_not_load_cannot_be_asked(sandbox: ThreadedSandbox, kind: ProgramKind) -> None:
    def drive(session: Session) -> tuple[CallReply | None, bool, CallReply]:
        return session.load(), session.over, session.ask({"stdin": ""})

    load, over, reply = await hold(sandbox, "x = (", drive, kind)
    assert load is not None
    assert load.error.startswith("SyntaxError")
    assert over
    assert reply.kind == "skipped"


async def test_a_question_has_its_own_limit_and_after_it_there_is_none(sandbox: ThreadedSandbox) -> None:
    program = "import time\ntime.sleep(float(input()))\n"

    def drive(session: Session) -> list[str]:
        session.load()
        return [session.ask({"stdin": text}, seconds=0.5).kind for text in ("0", "60", "0")]

    assert await hold(sandbox, program, drive) == ["value", "timeout", "skipped"]


async def test_what_drive_raises_ends_the_session_and_comes_back(sandbox: ThreadedSandbox) -> None:
    def drive(session: Session) -> None:
        session.load()
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await hold(sandbox, "pass", drive)
    assert (await sandbox.run("def f(x): return x", entry="f", calls=[Call(args=(1,))], limits=LIMITS)).replies[
        0
    ].value == 1


async def test_cancelling_ends_a_question(sandbox: ThreadedSandbox) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def drive(session: Session) -> CallReply:
        session.load()
        loop.call_soon_threadsafe(asked.set)
        return session.ask({"stdin": ""}, seconds=100)

    long = LIMITS.model_copy(update={"total_seconds": 100.0})
    task = asyncio.create_task(sandbox.interact("while True: pass", drive, kind="script", limits=long))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await hold(sandbox, "print(1)", lambda session: session.load())) is None


async def test_printing_is_told_and_limited(sandbox: ThreadedSandbox) -> None:
    program = "def f():\n    print('x' * 10**6)\n    return 1\n"

    def drive(session: Session) -> Any:
        session.load()
        f = returned(session.ask(told(do="get", args=[["object", 1], "f"])))
        return decode(session.ask(told(do="call", args=[f])).value)

    reply = await hold(sandbox, program, drive, "objects")
    assert reply["value"] == 1
    assert reply["out"] == "x" * 20_000


async def test_auto_holds_conversations_too() -> None:
    sandbox = open_sandbox("auto", slots=1)
    result, _ = await sandbox.interact("print(5)", lambda s: s.load(), kind="script", limits=LIMITS)
    assert result is None
    assert sandbox.name != "auto"
    await sandbox.aclose()
