"""Extractors: from a model's whole response, or a bare candidate, to the artefact that verifiers judge.

An extractor never repairs: it selects a part of the text, so that what was judged is what the model wrote. Where a
response holds several candidates the *last* one counts, since models revise as they go. Everything returned is a
verbatim slice, for plans verbatim lines, and for several boxes or formulas joined by "and" their list. What stands out
as a malformed part of the answer is never dropped, for that could make a wrong answer right: it goes along, and the
verifier refuses it.
"""

from __future__ import annotations

import ast
import functools
import json
import re
from collections.abc import Callable, Iterator

from modulo.extract_box import part_of
from modulo.extract_plan import is_json_plan, plan_lines, plan_words
from modulo.thinking import split_thinking
from modulo.types import AnswerFormat, Problem

__all__ = ["expected_form", "extract"]

_FENCE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<lang>[\w+#.-]*)[^\n`]*\n"
    r"(?P<body>.*?)(?:^(?:(?P=indent))? {0,3}(?P=mark)[ \t]*$|\Z)",
    re.S | re.M,
)
"""A fenced block. A mark indented further than its first line does not close it: it stands in a docstring."""
_TAG = re.compile(r"<(?P<end>/)?answer>", re.I)
_ANSWER_PHRASE = re.compile(r"\b(?:the\s+)?(?:final\s+)?answer\s+is\s*:?\s*(?P<value>[^\n]+)", re.I)
_LABEL = re.compile(r"^\s*\**(?:A|Answer|Final answer)\**\s*:\**\s*(?P<value>\S[^\n]*)$", re.I | re.M)
_HASHES = re.compile(r"^\s*####\s*(?P<value>\S[^\n]*)$", re.M)
_FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$]+\$|\\\(.+?\\\)|\\\[.+?\\\]", re.S)
_JOINT = re.compile(r"\s*(?:,?\s*(?:and|or|\\text\{\s*(?:and|or)\s*\})\s*|,\s*(?:\\(?:quad|qquad|[ ,;])\s*)?)", re.I)
"""What joins the parts of one answer."""
_GOES_ON = re.compile(
    r"\s*(?:[+/^=<>]|\*(?!\*)|-\s*[\d$\\]|(?:or|and)\b|\\(?:cdot|times|pm|div|\(|\[)|\$)|[A-Za-z0-9(]"
)
"""After a formula: there is more of it."""
_BRACES = re.compile(r"\\(?:boxed|fbox)\s*\{|\\[{}]|[{}]")
_JSON_LIKE = re.compile(r"""\{\s*(?:["'\[]|[\w$]+\s*:)|\[\s*["{\[]""")
_PROSE = re.compile(r"[A-Za-z]{2,}\s+[A-Za-z]{2,}\s+[A-Za-z]{2,}")

LANGUAGES = {
    AnswerFormat.PYTHON: {"python", "py", "python3", ""},
    AnswerFormat.JSON: {"json", "json5", "jsonc", ""},
    AnswerFormat.PLAN: {"pddl", "plan", "lisp", "text", "json", ""},
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

    A bare candidate is returned whole. Else thinking is dropped first; an `<answer>…</answer>` block, if any, is where
    the search goes on.
    """
    if problem.answer is AnswerFormat.JSON and (_is_bare_object(text) or _is_json(text)):
        return text.strip()
    if problem.answer is AnswerFormat.PYTHON and (wanted := _entries(problem)) and wanted <= (_parsed(text) or set()):
        return text.strip("\n")
    answer, _ = split_thinking(text)
    if (tagged := _tagged(answer)) is not None:
        answer = tagged
    if not answer.strip():
        return None
    return _EXTRACTORS[problem.answer](answer, problem)


def _tagged(text: str) -> str | None:
    """What the last `<answer>…</answer>` holds; an opening tag inside one is a part of it."""
    start, found = None, None
    for tag in _TAG.finditer(text):
        if not tag["end"]:
            start = tag.end() if start is None else start
        elif start is not None:
            start, found = None, text[start : tag.start()]
    return found


def _blocks(text: str, answer: AnswerFormat) -> list[str]:
    """Bodies of fenced blocks of the right language; an unlabelled block counts for every language."""
    found = [(m["lang"].lower(), _dedented(m["body"], m["indent"])) for m in _FENCE.finditer(text)]
    named = [body for lang, body in found if lang and lang in LANGUAGES[answer]]
    return named or [body for lang, body in found if lang in LANGUAGES[answer]]


def _dedented(body: str, indent: str) -> str:
    """The body of a block inside a list item, without the item's indentation."""
    lines = body.split("\n")
    if not indent or not all(line.startswith(indent) for line in lines if line.strip()):
        return body
    return "\n".join(line.removeprefix(indent) for line in lines)


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
    """Names that the verifiers ask a program for."""
    found: set[str] = set()
    for spec in (s.spec for s in problem.specs if isinstance(s.spec, dict)):
        entry, module = spec.get("entry"), str(spec.get("module", "solution"))
        found |= {entry} if isinstance(entry, str) else set()
        for tests in (spec.get("code"), spec.get("hidden_code")):
            found |= _imported(tests, module) if isinstance(tests, str) else set()
    return found


@functools.lru_cache(maxsize=64)
def _imported(code: str, module: str) -> frozenset[str]:
    """Names that tests import from the program, which is `module` to them."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == module]
    return frozenset(alias.name for node in froms for alias in node.names if alias.name != "*")


def _defined(code: str) -> set[str]:
    found = _parsed(code)
    return set(re.findall(r"^(?:async\s+def|def|class)\s+(\w+)", code, re.M)) if found is None else found


def _parsed(code: str) -> set[str] | None:
    """Names that a whole program defines; `None` if it is no program."""
    try:
        body = ast.parse(code.strip("\n")).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names = {n.name for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    targets = (t for n in body if isinstance(n, ast.Assign) for t in n.targets)
    return names | {t.id for t in targets if isinstance(t, ast.Name)}


def _json(text: str, problem: Problem) -> str | None:
    bare = text.strip()
    if _is_json(bare) or (bare[0] == "{" and bare[-1] == "}"):
        return bare  # perhaps malformed, but clearly meant whole: the verifier says what is wrong with it
    blocks = [b.strip() for b in _blocks(text, AnswerFormat.JSON) if b.strip()]
    for block in reversed(blocks):
        if block[0] in "{[" or _is_json(block):
            return block
    if bare[0] in "{[" and bare[-1] in "}]":
        return bare
    values = list(_json_values(text))
    if any(spec.name == "smt" for spec in problem.specs):  # which wants an object: `[1]` is a remark
        values = [value for value in values if value[0] == "{" or _JSON_LIKE.match(value)] or values
    return values[-1] if values else None


def _is_bare_object(text: str) -> bool:
    """Braces around all of it and no tag: taken whole whatever is in it, so nobody need read it for that."""
    bare = text.strip()
    return bare.startswith("{") and bare.endswith("}") and "<" not in bare


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _json_values(text: str) -> Iterator[str]:
    """Top-level objects and arrays inside prose, verbatim; also malformed ones, whole, never a part of one."""
    decoder, start, misses = json.JSONDecoder(), 0, 0
    while (match := re.compile(r"[{\[]").search(text, start)) and misses < 1000:
        try:
            _, end = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            if not _JSON_LIKE.match(text, match.start()):
                start, misses = match.start() + 1, misses + 1
                continue
            end = _closed(text, match.start())
        yield text[match.start() : end]
        start = end


def _closed(text: str, start: int) -> int:
    """Where the bracket at `start` is closed, brackets inside double quotes aside; the end if nowhere."""
    depth = 0
    for match in re.compile(r'"(?:[^"\\\n]|\\.)*"|[{}\[\]]').finditer(text, start):
        depth += 1 if match[0] in "{[" else -1 if match[0] in "}]" else 0
        if depth == 0 and match[0] in "}]":
            return match.end()
    return len(text)


def _boxes(text: str) -> list[tuple[int, int, str]]:
    r"""Place and contents of each `\boxed{…}`, braces balanced, in one pass."""
    found: list[tuple[int, int, str]] = []
    opened: list[tuple[int, int] | None] = []
    for match in _BRACES.finditer(text):
        if match[0] == "}":
            box = opened.pop() if opened else None
            if box is not None:
                found.append((box[0], match.end(), text[box[1] : match.start()].strip()))
        elif match[0] == "{":
            opened.append(None)
        elif match[0][-1] == "{" and len(match[0]) > 2:
            opened.append((match.start(), match.end()))
    return sorted(found)


def _boxed(text: str, boxes: list[tuple[int, int, str]]) -> str | None:
    r"""What the last box says, with the boxes it is joined to, or with the rest of its formula, as in `-\boxed{3}`."""
    start, end, content = boxes[-1]
    contents = [content]
    for left, right, inner in reversed(boxes[:-1]):
        if right > start or not _JOINT.fullmatch(text[right:start].replace("$", "")):
            break
        start = left
        contents.insert(0, inner)
    if whole := part_of(text, start, end):
        return _trim(text[whole[0] : whole[1]])
    if len(set(contents)) > 1:
        return ", ".join(contents)
    return content or None


def _math(text: str, problem: Problem) -> str | None:
    if _whole(problem):
        return text.strip()
    if boxes := _boxes(text):
        return _boxed(text, boxes)
    last = next((m for m in reversed(list(_LABEL.finditer(text))) if not _is_choice(m, text)), None)
    labels = [] if last is None else [last]
    for matches in (list(_HASHES.finditer(text)), labels, list(_ANSWER_PHRASE.finditer(text))):
        if matches:
            value = _opened(text, matches[-1].start("value"), matches[-1]["value"])
            return _trim(_first_formula(_trim(value)))
    if blocks := [b.strip() for b in _blocks(text, AnswerFormat.MATH) if b.strip()]:
        return blocks[-1]
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if len(lines) == 1 and not _PROSE.search(re.sub(r"\\[A-Za-z]+", "", lines[0])):
        return _trim(lines[0])
    return None


def _whole(problem: Problem) -> bool:
    """Whether all mathematics is judged on the whole text: its steps, or what the lenient reading finds in it."""
    specs = [s.spec for s in problem.specs if s.name == "math" and isinstance(s.spec, dict)]
    return bool(specs) and all(spec.get("steps") is not None or spec.get("reading") == "lenient" for spec in specs)


def _is_choice(label: re.Match[str], text: str) -> bool:
    """Whether `A: 1` is the first of several choices rather than the answer."""
    return label[0].lstrip(" *\n")[:2] == "A:" and re.search(r"^\s*\**B\**\s*:", text[label.end() :], re.M) is not None


def _opened(text: str, start: int, value: str) -> str:
    """A displayed formula that begins on the answer's line, to where it is closed."""
    for left, right in (("$$", "$$"), (r"\[", r"\]")):
        end = text.find(right, start + 2)
        if value.strip() == left and end > 0:
            return text[start : end + 2]
    return value


def _first_formula(value: str) -> str:
    """`$x$ because …` → `$x$`, and `$x$ or $y$` → `x, y`; unchanged if it goes on otherwise, as in `$x$ + 1`."""
    first = _FORMULA.match(value.lstrip())
    if first is None:
        return value
    text, parts, end = value.lstrip(), [first[0]], first.end()
    while (joint := _JOINT.match(text, end)) and (following := _FORMULA.match(text, joint.end())):
        parts.append(following[0])
        end = following.end()
    if _GOES_ON.match(text, end):
        return value
    return first[0] if len(parts) == 1 else ", ".join(map(_trim, parts))


def _trim(value: str) -> str:
    for _ in range(2):  # both `**1.**` and `**1**.`
        value = value.strip().strip("*").strip()
        if value.endswith((".", "。")) and not value.endswith(".."):
            value = value[:-1].rstrip()
    for left, right in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("`", "`")):
        if value.startswith(left) and value.endswith(right) and len(value) > len(left) + len(right):
            inner = value[len(left) : -len(right)]
            if left not in inner:
                return inner.strip()
    return value


def _plan(text: str, problem: Problem) -> str | None:
    specs = (s.spec for s in problem.specs if s.name == "plan" and isinstance(s.spec, dict))
    words = plan_words("\n".join(str(spec.get(part, "")) for spec in specs for part in ("domain", "problem")))
    blocks = _blocks(text, AnswerFormat.PLAN)
    for part in [*reversed(blocks), text]:
        bare = part.strip()
        if is_json_plan(bare):
            return bare
        if lines := plan_lines(part, *words):
            return "\n".join(lines)
    if values := [value for value in _json_values(text) if is_json_plan(value)]:
        return values[-1]
    empty = blocks[-1] if blocks else text
    return empty.strip() if all(line.lstrip().startswith(";") for line in empty.split("\n") if line.strip()) else None


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
