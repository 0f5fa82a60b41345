"""S-expressions with line numbers: the outer form of PDDL.

ASCII letters are lower-cased, since PDDL does not distinguish case. Sizes and depth are capped, so that reading is
linear and cannot exhaust the stack whatever the text is.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

__all__ = ["Node", "SyntaxFault", "ascii_lower", "read_one"]

MAX_CHARS = 2_000_000
MAX_DEPTH = 60

_TOKEN = re.compile(r"\n|;[^\n]*|[()]|[^\s();]+", re.A)
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class SyntaxFault(Exception):  # noqa: N818 (a fault of the text, not of the program)
    """The text is not what it should be; `line` is 1-based."""

    def __init__(self, message: str, line: int) -> None:
        self.message, self.line = message, line
        super().__init__(f"line {line}: {message}")


@dataclass(slots=True)  # frozen would double the time of reading
class Node:
    """A list (`items`) or an atom (`name`), and the line it starts on."""

    line: int
    name: str | None = None
    items: tuple[Node, ...] = ()

    @property
    def head(self) -> str:
        """First atom of a list, or ""."""
        return (self.items[0].name or "") if self.items else ""

    def __str__(self) -> str:
        return self.name if self.name is not None else "(" + " ".join(map(str, self.items)) + ")"


def ascii_lower(text: str) -> str:
    """`text` with A–Z lower-cased. `str.lower` would turn the Kelvin sign into a `k`."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def read_one(text: str) -> tuple[Node, tuple[str, ...]]:
    """The single list that `text` holds, and warnings.

    Closing parentheses too many after the end are a warning, since many published problem files have one.

    Raises:
        SyntaxFault: no list, something after it, unbalanced parentheses, or over a cap.
    """
    if len(text) > MAX_CHARS:
        raise SyntaxFault(f"longer than {MAX_CHARS:,} characters", 1)
    line, surplus, done = 1, 0, None
    open_lists: list[tuple[int, list[Node]]] = []
    for token in _TOKEN.findall(ascii_lower(text)):
        if token == "\n":
            line += 1
        elif token[0] == ";":
            pass
        elif done is not None:
            if token != ")":
                raise SyntaxFault(f"unexpected {token!r} after the end", line)
            surplus += 1
        elif token == "(":
            if len(open_lists) >= MAX_DEPTH:
                raise SyntaxFault(f"nested deeper than {MAX_DEPTH}", line)
            open_lists.append((line, []))
        elif token == ")":
            if not open_lists:
                raise SyntaxFault("a closing parenthesis before any opening one", line)
            start, items = open_lists.pop()
            node = Node(start, None, tuple(items))
            if open_lists:
                open_lists[-1][1].append(node)
            else:
                done = node
        elif not open_lists:
            raise SyntaxFault(f"expected '(', found {token[:40]!r}", line)
        else:
            open_lists[-1][1].append(Node(line, token))
    if done is None:
        raise SyntaxFault(f"{len(open_lists)} parentheses are not closed" if open_lists else "the text is empty", line)
    return done, (f"{surplus} closing parenthesis too many at the end",) if surplus else ()
