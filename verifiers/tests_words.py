"""Words for what a candidate did: on one line, of limited length, with its own line quoted. It wrote part of them."""

from __future__ import annotations

__all__ = ["became", "clean", "cut", "where"]

_TEXT = 300


def became(kind: str, error: str, line: int | None, program: str, memory_mb: int) -> str:
    """What became of a call that returned nothing, to follow the call itself.

    Args:
        kind: as `modulo.protocols.CallReply.kind`.
        error: what is said about it.
        line: of the program.
        program: the candidate's source.
        memory_mb: what it may use.
    """
    said = clean(error)
    if kind == "raised":
        return f"raised {said}{where(line, program)}"
    if kind == "timeout":
        return f"did not return in time ({said})"
    if kind == "memory":
        return f"used more than {memory_mb} MiB of memory"
    if kind == "crash":
        return f"ended the whole process ({said})"
    if kind == "output":
        return f"returned something that cannot be checked ({said})"
    return f"did not answer as a function does ({said})"


def where(line: object, program: str) -> str:
    """Where in the candidate's own text, if that line exists."""
    lines = program.split("\n")
    if type(line) is not int or not 1 <= line <= len(lines):
        return ""
    text = cut(clean(lines[line - 1].strip()), 120)
    return f" on line {line}" + (f": `{text}`" if text else "")


def clean(text: str) -> str:
    """Text of the candidate's making, on one line, without control characters, of limited length."""
    return cut("".join(c if c.isprintable() else " " for c in text[: 2 * _TEXT]))


def cut(text: str, limit: int = _TEXT) -> str:
    """At most `limit` characters of a text."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
