"""Extractors: from a model's whole response, or a bare candidate, to the artefact that verifiers judge.

An extractor never repairs: it selects a part of the text, so that what was judged is what the model wrote. Where a
response holds several candidates the *last* one counts, since models revise as they go. Everything returned is a
verbatim slice, or for plans verbatim lines.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator

from modulo.thinking import split_thinking
from modulo.types import AnswerFormat, Problem

__all__ = ["expected_form", "extract"]

_FENCE = re.compile(
    r"^[ \t]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<lang>[\w+#.-]*)[^\n`]*\n(?P<body>.*?)(?:^[ \t]*(?P=mark)[ \t]*$|\Z)",
    re.S | re.M,
)
_TAG = re.compile(r"<answer>(.*?)</answer>", re.S | re.I)
_LIST_MARK = re.compile(r"^\s*(?:[-*•]\s+|(?:step\s*)?\d+\s*[.:)]\s*)?", re.I)
_PLAN_LINE = re.compile(r"^(\([^()]*\))\s*(?:;.*|\[[^\]]*\]|[.,])?\s*$")
_ANSWER_PHRASE = re.compile(r"\b(?:the\s+)?(?:final\s+)?answer\s+is\s*:?\s*(?P<value>[^\n]+)", re.I)
_LABEL = re.compile(r"^\s*\**(?:A|Answer|Final answer)\**\s*:\**\s*(?P<value>\S[^\n]*)$", re.I | re.M)
_HASHES = re.compile(r"^\s*####\s*(?P<value>\S[^\n]*)$", re.M)
_PROSE = re.compile(r"[A-Za-z]{2,}\s+[A-Za-z]{2,}\s+[A-Za-z]{2,}")

LANGUAGES = {
    AnswerFormat.PYTHON: {"python", "py", "python3", ""},
    AnswerFormat.JSON: {"json", "json5", "jsonc", ""},
    AnswerFormat.PLAN: {"pddl", "plan", "lisp", "text", ""},
    AnswerFormat.SMTLIB: {"smtlib", "smt2", "smt", "lisp", "smt-lib", ""},
    AnswerFormat.MATH: {"math", "latex", "tex", "text", ""},
}


def expected_form(answer: AnswerFormat) -> str:
    """One sentence that tells a model in which form to answer."""
    return {
        AnswerFormat.TEXT: "Reply with the answer only.",
        AnswerFormat.PYTHON: "Reply with the complete Python code in one ```python block.",
        AnswerFormat.JSON: "Reply with one JSON value and nothing else.",
        AnswerFormat.MATH: r"Give the final answer as one expression in \boxed{}.",
        AnswerFormat.PLAN: "Reply with the plan, one action a line, each as (action argument …).",
        AnswerFormat.SMTLIB: "Reply with the SMT-LIB script in one ```smt2 block.",
    }[answer]


def extract(text: str, problem: Problem) -> str | None:
    """The candidate in `text`, or `None` if there is none.

    Thinking is dropped first. An `<answer>…</answer>` block, if any, is where the search goes on. A bare candidate is
    returned whole.
    """
    answer, _ = split_thinking(text)
    if tagged := _TAG.findall(answer):
        answer = tagged[-1]
    if not answer.strip():
        return None
    return _EXTRACTORS[problem.answer](answer, problem)


def _blocks(text: str, answer: AnswerFormat) -> list[str]:
    """Bodies of fenced blocks of the right language; an unlabelled block counts for every language."""
    found = [(m["lang"].lower(), m["body"]) for m in _FENCE.finditer(text)]
    named = [body for lang, body in found if lang and lang in LANGUAGES[answer]]
    return named or [body for lang, body in found if lang in LANGUAGES[answer]]


def _text(text: str, problem: Problem) -> str | None:
    return text.strip()


def _python(text: str, problem: Problem) -> str | None:
    blocks = [b for b in _blocks(text, AnswerFormat.PYTHON) if b.strip()]
    if not blocks:
        return None if "```" in text and _FENCE.search(text) else text.strip("\n")
    wanted = _entries(problem)
    # The usage example after the function is a block too: prefer the last block that defines what will be called.
    return next((b for b in reversed(blocks) if wanted and wanted <= _defined(b)), blocks[-1]).strip("\n")


def _entries(problem: Problem) -> set[str]:
    entries = (s.spec.get("entry") for s in problem.verifiers if isinstance(s.spec, dict))
    return {e for e in entries if isinstance(e, str)}


def _defined(code: str) -> set[str]:
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(re.findall(r"^(?:async\s+def|def|class)\s+(\w+)", code, re.M))
    names = {n.name for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    targets = (t for n in body if isinstance(n, ast.Assign) for t in n.targets)
    return names | {t.id for t in targets if isinstance(t, ast.Name)}


def _json(text: str, problem: Problem) -> str | None:
    bare = text.strip()
    if _is_json(bare):
        return bare
    blocks = [b.strip() for b in _blocks(text, AnswerFormat.JSON) if b.strip()]
    for block in reversed(blocks):
        if block[0] in "{[" or _is_json(block):
            return block
    if bare[0] in "{[" and bare[-1] in "}]":
        return bare  # malformed, but clearly meant whole: the verifier says what is wrong with it
    values = list(_json_values(text))
    return values[-1] if values else None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _json_values(text: str) -> Iterator[str]:
    """Top-level objects and arrays inside prose, verbatim."""
    decoder, start, misses = json.JSONDecoder(), 0, 0
    while (match := re.compile(r"[{\[]").search(text, start)) and misses < 1000:
        try:
            _, end = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            start, misses = match.start() + 1, misses + 1
            continue
        yield text[match.start() : end]
        start = end


def _boxed(text: str) -> list[str]:
    r"""Contents of each `\boxed{…}`, braces balanced."""
    found = []
    for match in re.finditer(r"\\(?:boxed|fbox)\s*\{", text):
        depth = 1
        for i in range(match.end(), len(text)):
            depth += {"{": 1, "}": -1}.get(text[i], 0) if text[i - 1] != "\\" else 0
            if depth == 0:
                found.append(text[match.end() : i].strip())
                break
    return found


def _math(text: str, problem: Problem) -> str | None:
    if boxed := _boxed(text):
        return boxed[-1] or None
    for pattern in (_HASHES, _LABEL, _ANSWER_PHRASE):
        if matches := [m["value"] for m in pattern.finditer(text)]:
            return _trim(_first_formula(matches[-1]))
    if blocks := [b.strip() for b in _blocks(text, AnswerFormat.MATH) if b.strip()]:
        return blocks[-1]
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if len(lines) == 1 and not _PROSE.search(re.sub(r"\\[A-Za-z]+", "", lines[0])):
        return _trim(lines[0])
    return None


def _first_formula(value: str) -> str:
    """`$x$ because …` → `$x$`; anything else unchanged."""
    match = re.match(r"\s*(\$\$.+?\$\$|\$[^$]+\$|\\\(.+?\\\)|\\\[.+?\\\])", value, re.S)
    return match[1] if match else value


def _trim(value: str) -> str:
    value = value.strip().strip("*").strip()
    if value.endswith((".", "。")):
        value = value[:-1].rstrip()
    for left, right in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("`", "`")):
        if value.startswith(left) and value.endswith(right) and len(value) > len(left) + len(right):
            inner = value[len(left) : -len(right)]
            if left not in inner:
                return inner.strip()
    return value


def _plan(text: str, problem: Problem) -> str | None:
    blocks = [b for b in _blocks(text, AnswerFormat.PLAN) if _plan_lines(b)]
    lines = _plan_lines(blocks[-1] if blocks else text)
    if lines:
        return "\n".join(lines)
    bare = text.strip()
    return bare if bare.startswith("(") else None


def _plan_lines(text: str) -> list[str]:
    """Lines that open with a parenthesis. A malformed one is kept as it is, so that the verifier refuses it."""
    lines = (_LIST_MARK.sub("", line, count=1).strip() for line in text.splitlines())
    return [m[1] if (m := _PLAN_LINE.match(line)) else line for line in lines if line.startswith("(")]


def _smtlib(text: str, problem: Problem) -> str | None:
    blocks = [b for b in _blocks(text, AnswerFormat.SMTLIB) if b.strip()]
    if blocks:
        return blocks[-1].strip()
    bare = text.strip()
    return bare if bare.startswith(("(", ";")) else None


_EXTRACTORS: dict[AnswerFormat, Callable[[str, Problem], str | None]] = {
    AnswerFormat.TEXT: _text,
    AnswerFormat.PYTHON: _python,
    AnswerFormat.JSON: _json,
    AnswerFormat.MATH: _math,
    AnswerFormat.PLAN: _plan,
    AnswerFormat.SMTLIB: _smtlib,
}
