"""Reading an SMT-LIB spec token by token, and writing out again only what is allowed.

Z3's own front end reads and writes files (`include`, `set-option :regular-output-channel`), so it never sees the spec's
text: it sees `Script.source`, written anew from the tokens read here. What this reader does not know is refused, and
there is nothing for two parsers to disagree about.

Grammar: SMT-LIB 2.6, section 3 (http://smtlib.cs.uiowa.edu), restricted to constants of the sorts a JSON candidate can
bind: Bool, Int, Real, `(_ BitVec n)` and enumerations.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Assertion", "Constant", "Script", "SmtlibError", "read"]

MAX_CHARS = 1_000_000
MAX_DEPTH = 500
MAX_DIGITS = 4000
MAX_INDEX = 4096
"""Widths and other numbers inside `(_ …)`."""

_TOKEN = re.compile(
    r"""\s+ | ;[^\n]*                              # skipped
    | (?P<paren>[()])
    | \|(?P<quoted>[^|\\]*)\|
    | (?P<string>"(?:[^"]|"")*")
    | (?P<word>:?[0-9A-Za-z~!@$%^&*_\-+=<>.?/]+ | (?:\#x[0-9a-fA-F]+ | \#b[01]+)\b)""",
    re.VERBOSE,
)
_SIMPLE = re.compile(r"[A-Za-z~!@$%^&*_\-+=<>.?/][0-9A-Za-z~!@$%^&*_\-+=<>.?/]*")
_NUMERAL = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_RESERVED = {"_", "!", "as", "let", "exists", "forall", "match", "par"}
_IGNORED = {"set-logic", "set-info", "check-sat", "get-model", "get-unsat-core", "exit"}
_ALLOWED = (
    "declare-const, declare-fun without arguments, declare-datatype(s) of names, define-fun, define-const, assert"
)


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
        return self.text


_Node: TypeAlias = "Atom | list[_Node]"


@dataclass(frozen=True)
class Constant:
    """A declared constant. `sort` is `Bool`, `Int`, `Real`, `BitVec` (with a `width`) or an enumeration's name."""

    name: str
    sort: str
    width: int = 0


@dataclass(frozen=True)
class Assertion:
    """One `assert`. `name` is its `:named` attribute, or "" without one; `text` its term as source."""

    name: str
    text: str


@dataclass
class Script:
    """What a spec declares and asserts.

    Attributes:
        enumerations: the names of each enumeration, in the order of declaration.
        source: declarations, definitions and assertions as SMT-LIB for Z3, one command a line.
    """

    constants: list[Constant] = field(default_factory=list)
    enumerations: dict[str, list[str]] = field(default_factory=dict)
    assertions: list[Assertion] = field(default_factory=list)
    source: str = ""


def read(text: str) -> Script:
    """Read a spec.

    Raises:
        SmtlibError: names the command, the place and what is allowed.
    """
    script = Script()
    lines = []
    for number, command in enumerate(_parse(text), 1):
        head = command[0] if isinstance(command, list) and command else None
        name = head.text if isinstance(head, Atom) and head.kind == "symbol" else None
        if name is None or not isinstance(command, list):
            raise SmtlibError(f"command {number} is not of the form (name …): {_excerpt(command)}")
        if name in _IGNORED:
            continue
        _no_strings(command)
        reader = _READERS.get(name)
        if reader is None:
            raise SmtlibError(f"the command {name!r} is not allowed in a spec; allowed are {_ALLOWED}")
        reader(script, command)
        lines.append(_source(command))
    script.source = "\n".join(lines)
    if not script.constants:
        raise SmtlibError("no constant is declared, so there is nothing to find; add (declare-const x Int)")
    if not script.assertions:
        raise SmtlibError("nothing is asserted, so every candidate would pass; add (assert …)")
    _distinct_names(script)
    return script


def _distinct_names(script: Script) -> None:
    seen: set[str] = set()
    names = [c.name for c in script.constants] + [n for names in script.enumerations.values() for n in names]
    for name in names + [a.name for a in script.assertions if a.name]:
        if name in seen:
            raise SmtlibError(f"the name {name!r} is declared twice")
        seen.add(name)


def _parse(text: str) -> list[_Node]:
    if len(text) > MAX_CHARS:
        raise SmtlibError(f"the spec has {len(text)} characters; at most {MAX_CHARS} are read")
    top: list[_Node] = []
    stack: list[list[_Node]] = [top]
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
        if quoted in _RESERVED:
            raise SmtlibError(f"|{quoted}| cannot be told from the reserved word {quoted}; choose another name")
        return Atom("symbol", quoted)
    if string is not None:
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


def _check_index(node: list[_Node]) -> None:
    if not (node and isinstance(node[0], Atom) and node[0].text == "_"):
        return
    for item in node[1:]:
        if isinstance(item, Atom) and item.kind == "numeral" and (len(item.text) > 6 or float(item.text) > MAX_INDEX):
            raise SmtlibError(f"{_excerpt(node)}: at most {MAX_INDEX} is allowed here")


def _no_strings(command: _Node) -> None:
    stack = [command]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif node.kind == "string":
            raise SmtlibError(f"strings are not supported in a spec: {node.text[:40]}")


def _declare_const(script: Script, command: list[_Node]) -> None:
    if len(command) != 3:
        raise SmtlibError(f"expected (declare-const name sort), not {_excerpt(command)}")
    _add_constant(script, command[1], command[2])


def _declare_fun(script: Script, command: list[_Node]) -> None:
    if len(command) != 4:
        raise SmtlibError(f"expected (declare-fun name () sort), not {_excerpt(command)}")
    if command[2] != []:
        raise SmtlibError(f"{_excerpt(command)}: a function with arguments cannot be bound by a JSON answer")
    _add_constant(script, command[1], command[3])


def _add_constant(script: Script, name: _Node, sort: _Node) -> None:
    if isinstance(sort, Atom) and sort.kind == "symbol":
        if sort.text in ("Bool", "Int", "Real") or sort.text in script.enumerations:
            script.constants.append(Constant(_symbol(name), sort.text))
            return
    elif isinstance(sort, list) and len(sort) == 3 and all(isinstance(part, Atom) for part in sort):
        head, kind, width = (part.text if isinstance(part, Atom) else "" for part in sort)
        if (head, kind) == ("_", "BitVec") and width.isdigit() and int(width) > 0:
            script.constants.append(Constant(_symbol(name), "BitVec", int(width)))
            return
    raise SmtlibError(
        f"{_symbol(name)}: the sort {_excerpt(sort)} is not supported; "
        "use Bool, Int, Real, (_ BitVec n) or an enumeration"
    )


def _declare_datatype(script: Script, command: list[_Node]) -> None:
    if len(command) != 3:
        raise SmtlibError(f"expected (declare-datatype Name ((a) (b))), not {_excerpt(command)}")
    _add_enumeration(script, command[1], command[2])


def _declare_datatypes(script: Script, command: list[_Node]) -> None:
    """`((Color 0)) (((red) (green)))`, as in SMT-LIB 2.6."""
    sorts, bodies = command[1:] if len(command) == 3 else (None, None)
    if not isinstance(sorts, list) or not isinstance(bodies, list) or len(sorts) != len(bodies) or not sorts:
        raise SmtlibError(f"expected (declare-datatypes ((Name 0)) (((a) (b)))), not {_excerpt(command)}")
    for sort, body in zip(sorts, bodies, strict=True):
        if not (isinstance(sort, list) and len(sort) == 2 and sort[1] == Atom("numeral", "0")):
            raise SmtlibError(f"expected (Name 0), not {_excerpt(sort)}")
        _add_enumeration(script, sort[0], body)


def _add_enumeration(script: Script, name: _Node, body: _Node) -> None:
    names = []
    for constructor in body if isinstance(body, list) else []:
        if isinstance(constructor, list) and len(constructor) == 1:
            constructor = constructor[0]
        if isinstance(constructor, list):
            raise SmtlibError(f"{_symbol(name)}: only names without fields are supported, not {_excerpt(constructor)}")
        names.append(_symbol(constructor))
    if not names:
        raise SmtlibError(f"{_symbol(name)}: an enumeration needs at least one name")
    if _symbol(name) in script.enumerations:
        raise SmtlibError(f"the sort {_symbol(name)!r} is declared twice")
    script.enumerations[_symbol(name)] = names


def _define(script: Script, command: list[_Node]) -> None:
    """A macro: Z3 checks it and replaces it by its body."""


def _assert(script: Script, command: list[_Node]) -> None:
    if len(command) != 2:
        raise SmtlibError(f"expected (assert term), not {_excerpt(command)}")
    term, name = command[1], ""
    if isinstance(term, list) and term and isinstance(term[0], Atom) and term[0].text == "!":
        if len(term) < 2:
            raise SmtlibError(f"expected (! term :named name), not {_excerpt(term)}")
        for key, value in zip(term[2::2], term[3::2], strict=False):
            if key == Atom("keyword", ":named"):
                name = _symbol(value)
        term = term[1]
    script.assertions.append(Assertion(name, _source(term)))


_READERS = {
    "declare-const": _declare_const,
    "declare-fun": _declare_fun,
    "declare-datatype": _declare_datatype,
    "declare-datatypes": _declare_datatypes,
    "define-fun": _define,
    "define-const": _define,
    "assert": _assert,
}


def _symbol(node: _Node) -> str:
    if isinstance(node, Atom) and node.kind == "symbol":
        return node.text
    raise SmtlibError(f"expected a name, not {_excerpt(node)}")


def _source(node: _Node) -> str:
    """The text of a node, without recursion: terms may be deep."""
    parts: list[str] = []
    stack: list[_Node | None] = [node]
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


def _excerpt(node: _Node) -> str:
    text = _source(node)
    return text if len(text) <= 60 else text[:59] + "…"


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
