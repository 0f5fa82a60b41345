"""Verifiers in one line: only `True` itself passes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from modulo import check
from modulo.errors import WorkerError
from modulo.types import Outcome, Problem

PROBLEM = Problem(statement="say it")


async def test_a_predicate_is_a_verifier() -> None:
    short = check(lambda answer: len(answer.split()) <= 2, "use two words", guarantee="proof")
    assert (short.name, short.version, short.guarantee, short.hard) == ("check", "1", "proof", True)
    assert (await short.verify(PROBLEM, "a b")).outcome is Outcome.PASS
    bad = await short.verify(PROBLEM, "a b c")
    assert (bad.outcome, bad.critiques[0].message) == (Outcome.FAIL, "use two words")

    def polite(answer: str) -> bool:
        return "please" in answer

    assert check(polite, "say please", guarantee="tests", hard=False).name == "polite"
    assert check(polite, "say please", guarantee="tests", name="manners").name == "manners"
    assert check(str.isupper, "shout", guarantee="proof").name == "isupper"


@pytest.mark.parametrize("value", [1, 1.0, "yes", [0], None, 0, "", (), re.match("a", "a"), Outcome.PASS, int])
async def test_only_true_and_false_count(value: Any) -> None:
    with pytest.raises(WorkerError, match=r"return True or False"):
        await check(lambda answer: value, "no", guarantee="tests").verify(PROBLEM, "x")


async def test_what_it_raises_is_an_error_unless_it_refuses_by_that() -> None:
    def adult(answer: str) -> bool:
        return bool(json.loads(answer)["age"] >= 18)

    with pytest.raises(WorkerError, match="JSONDecodeError"):
        await check(adult, "18 or more", guarantee="proof").verify(PROBLEM, "?")
    strict = check(adult, "18 or more", guarantee="proof", refuses=(ValueError, KeyError))
    assert (await strict.verify(PROBLEM, '{"age": 18}')).outcome is Outcome.PASS
    for candidate in ("?", "{}", '{"age": 1}'):
        assert (await strict.verify(PROBLEM, candidate)).outcome is Outcome.FAIL
    with pytest.raises(WorkerError, match="TypeError"):
        await strict.verify(PROBLEM, "[]")


def test_what_makes_no_verifier() -> None:
    with pytest.raises(ValueError, match="needs a message"):
        check(str.isupper, " ", guarantee="proof")
    with pytest.raises(ValueError, match="opinion cannot gate"):
        check(str.isupper, "shout", guarantee="opinion")
    with pytest.raises(ValueError, match="certainty"):
        check(str.isupper, "shout", guarantee="certainty")
