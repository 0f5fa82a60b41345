"""Judge programs by `tests` specs in real sandboxes."""

from __future__ import annotations

from typing import Any

from modulo.adapters.sandboxes.base import ThreadedSandbox
from modulo.types import Outcome, Problem, Verdict
from modulo.verifiers.tests import factory

PROBLEM = Problem(statement="Write it.")


async def judge(sandbox: ThreadedSandbox, program: str, **spec: Any) -> Verdict:
    """The verdict on a program; every verdict is well formed."""
    verdict = await factory.build(factory.load(spec, base=None), hard=True, sandbox=sandbox).verify(PROBLEM, program)
    assert (verdict.outcome is Outcome.PASS) == (not verdict.critiques), verdict
    assert all(critique.message.isprintable() and len(critique.message) < 1500 for critique in verdict.critiques)
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict
    return verdict


def messages(verdict: Verdict) -> list[str]:
    """What the critiques say."""
    return [critique.message for critique in verdict.critiques]
