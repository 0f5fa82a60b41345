"""No attack is accepted, none outlasts its limit, none disturbs the honest program after it, none touches the host."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.attacks.clocked import Run, clocked
from tests.attacks.corpus import SHARED, Attack, Setting, attacks, setting
from tests.attacks.world import Containers, World, processes_of

from modulo.adapters.sandboxes import open_sandbox
from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.bank import Bank
from modulo.plugins import verifier_factory
from modulo.types import Verdict, accepted, overall

GRACE = 1.0
"""Seconds that a verdict may come after its limit: the contract."""
BUSY = 2.0
"""Seconds more for a machine that does other things too; measured on two cores that eight programs shared."""

CASES = [
    pytest.param(
        backend,
        attack,
        id=f"{backend}-{attack.kind}-{attack.name}",
        marks=pytest.mark.docker if backend == "docker" else (),
    )
    for backend in ("docker", "bubblewrap", "unsafe-subprocess", "workers")
    for attack in attacks()
    if backend in attack.where
]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World(Path(__file__).parent / "__pycache__")  # beside the tests, and in nobody's way if this is killed
    yield made
    made.close()


@pytest.fixture(scope="module")
def sandbox(request: pytest.FixtureRequest, world: World) -> Iterator[ThreadedSandbox]:
    kind: str = request.param
    if kind == "unsafe-subprocess" and os.getuid() != 0:
        pytest.skip("without a uid of its own a plain process can kill, outlive and read: it is called unsafe for that")
    # One slot: what a run leaves behind meets the next one. Workers need none, and this one is never started.
    opened = open_sandbox("bubblewrap" if kind == "workers" else kind, slots=1)
    assert isinstance(opened, ThreadedSandbox)
    yield opened
    opened.close()


async def judge(sandbox: ThreadedSandbox, given: Setting, text: str, *, whole: bool = False) -> tuple[Verdict, ...]:
    """All verdicts, by critics that remember nothing."""
    problem = given.resolved
    critics = [verifier_factory(s.name).build(s.spec, hard=s.hard, sandbox=sandbox) for s in problem.verifiers]
    bank = Bank(problem, critics)
    return (await bank.judge_text(text))[1] if whole else await bank.judge(text)


@pytest.fixture(scope="module")
def containers() -> Iterator[Callable[[], Containers]]:
    """The engine, asked only where the attack ran in it."""
    opened = cache(Containers)
    yield opened
    if opened.cache_info().currsize:
        opened().close()


@pytest.mark.parametrize(("sandbox", "attack"), CASES, indirect=["sandbox"])
async def test_attack(
    sandbox: ThreadedSandbox, attack: Attack, world: World, containers: Callable[[], Containers]
) -> None:
    given = attack.setting
    if attack.first is not None:
        earlier = (attack.folder / attack.first.file).read_text(encoding="utf-8")
        await judge(sandbox, setting(SHARED / f"{attack.first.problem}.yaml"), earlier)
    with clocked(sandbox) as runs:
        verdicts = await judge(sandbox, given, attack.text(world.marks), whole=attack.whole)
    told = check_told(attack, verdicts)
    check_time(given, verdicts, runs)
    check_gone(runs)
    if sandbox.name == "docker":
        containers().check()
    if sandbox.name != "unsafe-subprocess":
        world.check(told)
    # What runs in the sandbox meets the next program there, the cheapest; each problem's own has a test below.
    following = setting(SHARED / "square.yaml") if given.sandboxed else given
    after = await judge(sandbox, following, following.honest)
    assert accepted(after), f"the honest candidate after it: {after}"


def check_told(attack: Attack, verdicts: tuple[Verdict, ...]) -> str:
    """The verdicts are as the attack's file says; returns all that they tell."""
    told = "\n".join(v.model_dump_json(exclude={"seconds"}) for v in verdicts)
    assert overall(verdicts) in attack.outcome, told
    assert accepted(verdicts) == attack.honest, told
    messages = [c.message for v in verdicts for c in v.critiques]
    assert bool(messages) != attack.honest, told
    assert all(len(message) < 1200 and message.isprintable() for message in messages), told
    for fragment in attack.says:
        assert any(fragment in message for message in messages), told
    for fragment in attack.hides:
        assert fragment not in told, told
    return told


def check_time(given: Setting, verdicts: tuple[Verdict, ...], runs: list[Run]) -> None:
    """Each run, counted from its guest's readiness, and each verdict without a run came in time."""
    for run in runs:
        assert run.seconds < given.seconds + GRACE + BUSY
    if not runs:
        for verdict in verdicts:
            assert verdict.seconds < given.seconds + GRACE + BUSY


def check_gone(runs: list[Run]) -> None:
    """No process of the run is left."""
    for run in runs:
        if run.uid not in (None, os.getuid()):
            assert processes_of(run.uid) == [], run.uid


CONTROLS = [
    pytest.param(
        backend,
        place,
        id=f"{backend}-{place.stem if place.parent == SHARED else place.parent.name}",
        marks=pytest.mark.docker if backend == "docker" else (),
    )
    for backend in ("docker", "bubblewrap", "workers")
    for place in sorted({attack.place for attack in attacks() if backend in attack.where})
]


@pytest.mark.parametrize(("sandbox", "place"), CONTROLS, indirect=["sandbox"])
async def test_the_honest_answer_passes(sandbox: ThreadedSandbox, place: Path) -> None:
    given = setting(place)
    verdicts = await judge(sandbox, given, given.honest)
    assert accepted(verdicts), verdicts
    assert not any(verdict.critiques for verdict in verdicts)
