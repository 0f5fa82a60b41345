"""Thinking is kept apart from the answer, and answers about thinking are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modulo.thinking import split_thinking


@pytest.mark.parametrize(
    ("raw", "text", "reasoning"),
    [
        ("plain ", "plain ", None),
        ("", "", None),
        ("<think>a</think>b", "b", "a"),
        ("\n<think>\na\n</think>\n\nb\n", "b", "a"),
        ("<think>never closed", "", "never closed"),
        ("<think></think>b", "b", ""),
        ("opened in the prompt</think>b", "b", "opened in the prompt"),
        ("b1 <think>a1</think>b2<think>a2</think> b3", "b1 b2 b3", "a1\na2"),
        ("<think>a</think>b<think>cut", "b", "a\ncut"),
        ("<think>a <think> b</think>c", "c", "a <think> b"),
        (
            "```python\nre.sub('x', '<think>', s)\n<think>\n```",
            "```python\nre.sub('x', '<think>', s)\n<think>\n```",
            None,
        ),
        ('use `<think>` and "</think>"', 'use `<think>` and "</think>"', None),
        ("<think>```python</think>b", "b", "```python"),
        ("```a```</think>b", "b", "```a```"),
    ],
)
def test_split(raw: str, text: str, reasoning: str | None) -> None:
    assert split_thinking(raw) == (text, reasoning)


@given(st.lists(st.sampled_from(["<think>", "</think>", "```", "`", "'", "x", " ", "\n"])).map("".join))
def test_nothing_is_invented_and_plain_text_is_untouched(raw: str) -> None:
    text, reasoning = split_thinking(raw)
    assert raw.count("x") == text.count("x") + (reasoning or "").count("x")
    if "think>" not in raw:
        assert (text, reasoning) == (raw, None)


def test_many_tags_take_linear_time() -> None:
    assert split_thinking("<think></think>" * 100_000) == ("", "")
