from __future__ import annotations

import pytest

from modulo.backprompt import backprompt, first_prompt
from modulo.types import AnswerFormat, Critique, Feedback, Outcome, Problem, Verdict

PROBLEM = Problem(statement="Sort it.\n", answer=AnswerFormat.JSON)


def failing(*critiques: Critique) -> list[Verdict]:
    passed = Verdict(verifier="ok", version="1", outcome=Outcome.PASS, critiques=(Critique(message="never shown"),))
    return [passed, Verdict(verifier="v", version="1", outcome=Outcome.FAIL, critiques=critiques)]


VERDICTS = failing(
    Critique(message="A and B are both red", locus="A-B", counterexample={"A": "red", "B": "red"}),
    Critique(message="C is missing", locus="C"),
)

CASES = [
    (Feedback.BINARY, ["not correct"], ["red", "C is missing"]),
    (Feedback.FIRST, ["A-B: A and B are both red"], ["C is missing", "counterexample"]),
    (Feedback.ALL, ["A-B: A and B are both red", "- C is missing"], ["counterexample", "C: C"]),
    (Feedback.COUNTEREXAMPLE, ['counterexample: {"A":"red","B":"red"}', "C is missing"], ["null"]),
]


@pytest.mark.parametrize(("level", "there", "absent"), CASES)
def test_each_level_shows_its_share(level: Feedback, there: list[str], absent: list[str]) -> None:
    message = backprompt(PROBLEM, VERDICTS, level)
    assert message is not None
    assert message.role == "user"
    assert all(part in message.content for part in there)
    assert not any(part in message.content for part in [*absent, "never shown"])


def test_no_feedback_asks_for_a_fresh_sample() -> None:
    assert backprompt(PROBLEM, VERDICTS, Feedback.NONE) is None


def test_many_and_long_critiques_are_bounded() -> None:
    many = failing(*(Critique(message="x" * 5000, locus=f"row {i}") for i in range(100)))
    message = backprompt(PROBLEM, many, Feedback.ALL)
    assert message is not None
    assert len(message.content) < 20_000
    assert "and 88 more" in message.content


def test_first_prompt_says_the_form() -> None:
    (message,) = first_prompt(PROBLEM)
    assert message.content == "Sort it.\n\nReply with one JSON value and nothing else."
