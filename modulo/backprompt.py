"""Prompts: the first one from a problem, the next one from critiques.

A backprompt extends the conversation and never rewrites it, so that a server's prefix cache holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from modulo.extract import expected_form
from modulo.types import Critique, Feedback, Message, Outcome, Problem, Verdict, canonical_json

__all__ = ["backprompt", "first_prompt"]

_MAX_CRITIQUES = 12
_MAX_CHARACTERS = 1200


def first_prompt(problem: Problem) -> tuple[Message, ...]:
    """The messages that open a solve: the statement, and the form the answer must have."""
    return (Message(role="user", content=f"{problem.statement.rstrip()}\n\n{expected_form(problem.answer)}"),)


def backprompt(problem: Problem, verdicts: Sequence[Verdict], level: Feedback) -> Message | None:
    """The next user message, or `None` where the level asks for a fresh sample instead.

    Levels after arXiv 2411.14484: `none` says nothing and starts over; `binary` says only that the answer is wrong;
    `first` gives the first critique; `all` gives each with its place; `counterexample` adds the data that shows it.
    Hidden tests never reach a critique, so no level can leak them.
    """
    if level is Feedback.NONE:
        return None
    critiques = [c for v in verdicts if v.outcome is not Outcome.PASS for c in v.critiques]
    lines = ["Your answer is not correct."]
    if level is not Feedback.BINARY and critiques:
        shown = critiques[:1] if level is Feedback.FIRST else critiques[:_MAX_CRITIQUES]
        lines += ["What is wrong:", *(f"- {_line(c, level)}" for c in shown)]
        if level is not Feedback.FIRST and (more := len(critiques) - len(shown)) > 0:
            lines.append(f"- and {more} more")
    lines += ["Correct it and give the whole answer again.", expected_form(problem.answer)]
    return Message(role="user", content="\n".join(lines))


def _line(critique: Critique, level: Feedback) -> str:
    text = critique.message
    if critique.locus and critique.locus not in text:
        text = f"{critique.locus}: {text}"
    if level is Feedback.COUNTEREXAMPLE and critique.counterexample is not None:
        text += f" (counterexample: {canonical_json(critique.counterexample)})"
    return text if len(text) <= _MAX_CHARACTERS else text[:_MAX_CHARACTERS] + " …"
