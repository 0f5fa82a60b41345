"""SMT-LIB as tokens and lists: what is read here is all that ever reaches a solver, written out anew.

Z3's own front end reads and writes files and takes options, so it never sees anybody's text. A text becomes nodes here,
a command is let through by its name, and `source` writes it again in a form that two readers cannot read differently.

Grammar: SMT-LIB 2.6, section 3 (http://smtlib.cs.uiowa.edu).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "MAX_CHARS",
    "MAX_INDEX",
    "Atom",
    "Node",
    "SmtlibError",
    "excerpt",
    "head",
    "parse",
    "plain",
    "source",
    "symbol",
]

MAX_CHARS = 1_000_000
MAX_DEPTH = 500
MAX_DIGITS = 4000
MAX_INDEX = 4096
"""Widths and other numbers inside `(_ …)`."""

_TOKEN = re.compile(
    r"""[ \t\r\n]+ | ;[^\n]*                              # skipped
    | (?P<paren>[()])
    | \|(?P<quoted>[^|\\]*)\|
    | (?P<string>"(?:[^"]|"")*")
    | (?P<word>:?[0-9A-Za-z~!@$%^&*_\-+=<>.?/]+ | (?:\#x[0-9a-fA-F]+ | \#b[01]+)\b)""",
    re.VERBOSE,
)
_LAST_CHAR = "\U0002ffff"
_SIMPLE = re.compile(r"[A-Za-z~!@$%^&*_\-+=<>.?/][0-9A-Za-z~!@$%^&*_\-+=<>.?/]*")
_NUMERAL = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
RESERVED = {"_", "!", "as", "let", "exists", "forall", "match", "par"}


class SmtlibError(ValueError):
    """The script is malformed or holds something that is not allowed."""


@dataclass(frozen=True)
class Atom:
    """One token that is not a parenthesis. `kind` is `symbol`, `numeral`, `hex`, `keyword` or `string`."""

    kind: str
    text: str

    def source(self) -> str:
        """The token in a form Z3 reads back as the same."""
        if self.kind == "symbol" and not _SIMPLE.fullmatch(self.text):
            return f"|{self.text}|"
        if self.kind == "string" and not (self.text.isascii() and self.text.isprintable()):
            return "".join(char if " " <= char <= "~" else f"\\u{{{ord(char):x}}}" for char in self.text)
        return self.text


Node: TypeAlias = "Atom | list[Node]"


def parse(text: str) -> list[Node]:
    """The nodes of a text.

    Raises:
        SmtlibError: malformed, or over a cap on size, depth, digits or indices.
    """
    if len(text) > MAX_CHARS:
        raise SmtlibError(f"the text has {len(text)} characters; at most {MAX_CHARS} are read")
    top: list[Node] = []
    stack: list[list[Node]] = [top]
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise SmtlibError(f"unexpected {text[place]!r} on line {_line(text, place)}")
        if match["paren"] == "(":
            if len(stack) > MAX_DEPTH:
                raise SmtlibError(f"nested more than {MAX_DEPTH} deep on line {_line(text, place)}")
            stack.append([])
        elif match["paren"] == ")":
            if len(stack) == 1:
                raise SmtlibError(f"a ')' without its '(' on line {_line(text, place)}")
            done = stack.pop()
            _check_index(done)
            stack[-1].append(done)
        elif (atom := _atom(match)) is not None:
            stack[-1].append(atom)
        place = match.end()
    if len(stack) > 1:
        raise SmtlibError("a ')' is missing at the end")
    return top


def _atom(match: re.Match[str]) -> Atom | None:
    quoted, string, word = match["quoted"], match["string"], match["word"]
    if quoted is not None:
        if not quoted.isprintable():
            raise SmtlibError(f"the quoted symbol {quoted!r} holds a character that cannot be printed")
        if quoted in RESERVED:
            raise SmtlibError(f"|{quoted}| cannot be told from the reserved word {quoted}; choose another name")
        return Atom("symbol", quoted)
    if string is not None:
        if any(char > _LAST_CHAR for char in string):
            raise SmtlibError(f"the string {string[:40]} holds a character above U+{ord(_LAST_CHAR):X}")
        return Atom("string", string)
    if word is None:
        return None
    if len(word) > MAX_DIGITS:
        raise SmtlibError(f"the token {word[:20]}… is longer than {MAX_DIGITS} characters")
    if word.startswith("#"):
        return Atom("hex", word)
    if word.startswith(":"):
        return Atom("keyword", word)
    if _NUMERAL.fullmatch(word):
        return Atom("numeral", word)
    if _SIMPLE.fullmatch(word):
        return Atom("symbol", word)
    raise SmtlibError(f"{word[:40]!r} is neither a number nor a symbol")


def _check_index(node: list[Node]) -> None:
    if not (node and isinstance(node[0], Atom) and node[0].text == "_"):
        return
    for item in node[1:]:
        if isinstance(item, Atom) and item.kind == "numeral" and (len(item.text) > 6 or float(item.text) > MAX_INDEX):
            raise SmtlibError(f"{excerpt(node)}: at most {MAX_INDEX} is allowed here")


def head(command: Node) -> str | None:
    """The name of a command, or `None` if it has none."""
    first = command[0] if isinstance(command, list) and command else None
    return first.text if isinstance(first, Atom) and first.kind == "symbol" else None


def plain(node: Node) -> Node:
    """The node itself.

    Raises:
        SmtlibError: it holds an annotation `(! …)`, which could name a term.
    """
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif item.text == "!" or item.kind == "keyword":
            raise SmtlibError(f"annotations are not allowed here: {excerpt(node)}")
    return node


def symbol(node: Node) -> str:
    """The name that a node is."""
    if isinstance(node, Atom) and node.kind == "symbol":
        return node.text
    raise SmtlibError(f"expected a name, not {excerpt(node)}")


def source(node: Node) -> str:
    """The text of a node, without recursion: terms may be deep."""
    parts: list[str] = []
    stack: list[Node | None] = [node]
    while stack:
        item = stack.pop()
        if item is None:
            parts.append(")")
            continue
        if parts and parts[-1] != "(":
            parts.append(" ")
        if isinstance(item, list):
            parts.append("(")
            stack.append(None)
            stack.extend(reversed(item))
        else:
            parts.append(item.source())
    return "".join(parts)


def excerpt(node: Node) -> str:
    """A node in a few words."""
    text = source(node)
    return text if len(text) <= 60 else text[:59] + "…"


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
