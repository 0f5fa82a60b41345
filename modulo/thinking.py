"""Keeps a reasoning model's thinking apart from its answer."""

from __future__ import annotations

import re

__all__ = ["split_thinking"]

_QUOTED = re.compile(r"(?:[\"']|(?<!``)`)\Z")
_MARK = re.compile(r"</?think>|```")


def split_thinking(text: str) -> tuple[str, str | None]:
    """Split raw model text into its answer and what stands in `<think>…</think>`.

    An unclosed `<think>` makes everything after it reasoning: the model was cut off while thinking. A
    `</think>` without an opening tag makes everything before it reasoning: some chat templates put the
    opening tag into the prompt. A tag inside a fenced code block, or right after a quote or backtick, is
    part of the answer, because programs about such tags exist. Linear in the length of the text.

    Returns:
        The answer, stripped if there was any thinking, and the reasoning, or `None` if there was none.
    """
    answer: list[str] = []
    thoughts: list[str] = []
    position = 0  # where the piece being read begins
    thinking = fenced = False
    for mark in _MARK.finditer(text):
        if thinking:
            if mark.group() == "</think>":
                thoughts.append(text[position : mark.start()])
                position, thinking = mark.end(), False
        elif mark.group() == "```":
            fenced = not fenced
        elif fenced or _QUOTED.search(text, max(0, mark.start() - 3), mark.start()):
            continue
        else:
            answer.append(text[position : mark.start()])
            position = mark.end()
            if mark.group() == "<think>":
                thinking = True
            else:
                thoughts.extend(answer)
                answer.clear()
    (thoughts if thinking else answer).append(text[position:])
    if thoughts:
        return "".join(answer).strip(), "\n".join(part for part in map(str.strip, thoughts) if part)
    return text, None
