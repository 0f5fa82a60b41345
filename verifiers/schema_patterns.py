r"""ECMA 262 patterns, as JSON Schema means them, matched in time linear in the text. Runs in a worker.

A pattern is read by a small parser of its own and written out again for RE2, so that what differs between dialects is
decided here and not by chance: the search is not anchored, `$` is the very end, `\d`, `\w` and `\b` are ASCII, `\s` and
`.` are ECMA's, `\p{…}` names a category or a script. RE2 never backtracks, so no text can make it hang.

It has no look-around. Where a pattern begins `^(?=…)(?!…)`, as those for passwords and forbidden names do, each is
matched on its own, which means the same. Any other look-around is left to Python's `re`, which may take forever; the
worker's deadline then makes the verdict `unknown`. Back-references are refused: they mean different things in the two.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modulo.verifiers.schema_reader import START, PatternError, Reader, joined

__all__ = ["Matcher", "PatternError", "compile_pattern", "is_pattern"]

_MEMORY = 64 << 20


@dataclass(frozen=True)
class Matcher:
    """A compiled pattern. `linear` is false where a text could make it take forever."""

    pattern: str
    linear: bool
    search: Callable[[str], bool]


@functools.lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> Matcher:
    """Compile an ECMA 262 pattern.

    Raises:
        PatternError: it is malformed, or holds what is not supported; the message says what.
    """
    reader = Reader(pattern)
    whole = reader.whole()
    if reader.references:
        raise PatternError("back-references are not supported; they cannot be matched in bounded time")
    parts = [(whole, True), *((joined([START, look.body]), look.wanted) for look in reader.looks)]
    if all(piece.linear is not None for piece, _ in parts):
        compiled = [(_re2(str(piece.linear)), wanted) for piece, wanted in parts]
        if all(engine is not None for engine, _ in compiled):
            return Matcher(
                pattern, True, lambda text: all((e.search(text) is not None) is wanted for e, wanted in compiled)
            )
    if any(piece.python is None for piece, _ in parts):
        raise PatternError(r"it combines look-around with \p{…}, or is too large; write two patterns under allOf")
    try:
        slow = [(re.compile(str(piece.python), re.ASCII), wanted) for piece, wanted in parts]
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"{error}; a look-behind must have a fixed width") from None
    return Matcher(pattern, False, lambda text: all((e.search(text) is not None) is wanted for e, wanted in slow))


def is_pattern(text: str) -> bool:
    """Whether `text` is an ECMA 262 pattern; of Unicode properties, those that are known here."""
    try:
        Reader(text).whole()
    except (PatternError, RecursionError):
        return False
    return True


def _re2(pattern: str) -> Any:
    """RE2's program, or `None` if it would be too large."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.never_capture = True
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None
