"""Reading an SMT-LIB spec: which constants it declares and what it asserts, with everything else refused.

The solver sees `Script.source`, written anew from the tokens that were read (`smtlib_text.py`). What this reader does
not know is refused, and there is nothing for two parsers to disagree about. Constants are of the sorts that a JSON
answer can bind: Bool, Int, Real, String, `(_ BitVec n)`, enumerations, and arrays of these.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from modulo.verifiers.smtlib_text import Atom, Node, SmtlibError, excerpt, head, parse, source, symbol

__all__ = ["Assertion", "Script", "read"]

_SORTS = ("Bool", "Int", "Real", "String")
_MAX_NESTED_ARRAYS = 3
_IGNORED = {"set-logic", "set-info", "check-sat", "get-model", "get-unsat-core", "exit"}
_ALLOWED = (
    "declare-const, declare-fun without arguments, declare-datatype(s) of names, define-fun, define-const, assert"
)


@dataclass(frozen=True)
class Assertion:
    """One `assert`. `name` is its `:named` attribute, or "" without one; `text` its term as source."""

    name: str
    text: str


@dataclass
class Script:
    """What a spec declares and asserts.

    Attributes:
        constants: their names, in the order of declaration.
        enumerations: the names of each enumeration, in the order of declaration.
        source: declarations, definitions and assertions as SMT-LIB for Z3, one command a line.
    """

    constants: list[str] = field(default_factory=list)
    enumerations: dict[str, list[str]] = field(default_factory=dict)
    assertions: list[Assertion] = field(default_factory=list)
    source: str = ""


def read(text: str, *, asserting: bool = True) -> Script:
    """Read a spec. `asserting`: one that asserts nothing is refused.

    Raises:
        SmtlibError: names the command, the place and what is allowed.
    """
    script = Script()
    lines = []
    for number, command in enumerate(parse(text), 1):
        name = head(command)
        if name is None or not isinstance(command, list):
            raise SmtlibError(f"command {number} is not of the form (name …): {excerpt(command)}")
        if name in _IGNORED:
            continue
        reader = _READERS.get(name)
        if reader is None:
            raise SmtlibError(f"the command {name!r} is not allowed here; allowed are {_ALLOWED}")
        reader(script, command)
        lines.append(source(command))
    script.source = "\n".join(lines)
    if not script.constants:
        raise SmtlibError("no constant is declared, so there is nothing to find; add (declare-const x Int)")
    if asserting and not script.assertions:
        raise SmtlibError("nothing is asserted, so every candidate would pass; add (assert …)")
    _distinct_names(script)
    return script


def _distinct_names(script: Script) -> None:
    seen: set[str] = set()
    names = script.constants + [n for names in script.enumerations.values() for n in names]
    for name in names + [a.name for a in script.assertions if a.name]:
        if name in seen:
            raise SmtlibError(f"the name {name!r} is declared twice")
        seen.add(name)


def _declare_const(script: Script, command: list[Node]) -> None:
    if len(command) != 3:
        raise SmtlibError(f"expected (declare-const name sort), not {excerpt(command)}")
    _add_constant(script, command[1], command[2])


def _declare_fun(script: Script, command: list[Node]) -> None:
    if len(command) != 4:
        raise SmtlibError(f"expected (declare-fun name () sort), not {excerpt(command)}")
    if command[2] != []:
        raise SmtlibError(f"{excerpt(command)}: a function with arguments cannot be bound by a JSON answer")
    _add_constant(script, command[1], command[3])


def _add_constant(script: Script, name: Node, sort: Node) -> None:
    if not _bindable(script, sort):
        raise SmtlibError(
            f"{symbol(name)}: the sort {excerpt(sort)} is not supported; use Bool, Int, Real, String, (_ BitVec n), "
            "an enumeration, or (Array index element) of these"
        )
    script.constants.append(symbol(name))


def _bindable(script: Script, sort: Node, depth: int = 0) -> bool:
    if isinstance(sort, Atom):
        return sort.kind == "symbol" and (sort.text in _SORTS or sort.text in script.enumerations)
    if len(sort) != 3 or depth > _MAX_NESTED_ARRAYS:
        return False
    if sort[0] == Atom("symbol", "Array"):  # an index is compared as it is spelled, so no array may be one
        return head(sort[1]) != "Array" and all(_bindable(script, part, depth + 1) for part in sort[1:])
    return sort[:2] == [Atom("symbol", "_"), Atom("symbol", "BitVec")] and _is_width(sort[2])


def _is_width(node: Node) -> bool:
    return isinstance(node, Atom) and node.kind == "numeral" and node.text.isdigit() and int(node.text) > 0


def _declare_datatype(script: Script, command: list[Node]) -> None:
    if len(command) != 3:
        raise SmtlibError(f"expected (declare-datatype Name ((a) (b))), not {excerpt(command)}")
    _add_enumeration(script, command[1], command[2])


def _declare_datatypes(script: Script, command: list[Node]) -> None:
    """`((Color 0)) (((red) (green)))`, as in SMT-LIB 2.6."""
    sorts, bodies = command[1:] if len(command) == 3 else (None, None)
    if not isinstance(sorts, list) or not isinstance(bodies, list) or len(sorts) != len(bodies) or not sorts:
        raise SmtlibError(f"expected (declare-datatypes ((Name 0)) (((a) (b)))), not {excerpt(command)}")
    for sort, body in zip(sorts, bodies, strict=True):
        if not (isinstance(sort, list) and len(sort) == 2 and sort[1] == Atom("numeral", "0")):
            raise SmtlibError(f"expected (Name 0), not {excerpt(sort)}")
        _add_enumeration(script, sort[0], body)


def _add_enumeration(script: Script, name: Node, body: Node) -> None:
    names = []
    for constructor in body if isinstance(body, list) else []:
        if isinstance(constructor, list) and len(constructor) == 1:
            constructor = constructor[0]
        if isinstance(constructor, list):
            raise SmtlibError(f"{symbol(name)}: only names without fields are supported, not {excerpt(constructor)}")
        names.append(symbol(constructor))
    if not names:
        raise SmtlibError(f"{symbol(name)}: an enumeration needs at least one name")
    if symbol(name) in script.enumerations:
        raise SmtlibError(f"the sort {symbol(name)!r} is declared twice")
    script.enumerations[symbol(name)] = names


def _define(script: Script, command: list[Node]) -> None:
    """A macro: Z3 checks it and replaces it by its body."""


def _assert(script: Script, command: list[Node]) -> None:
    if len(command) != 2:
        raise SmtlibError(f"expected (assert term), not {excerpt(command)}")
    term, name = command[1], ""
    if isinstance(term, list) and term and isinstance(term[0], Atom) and term[0].text == "!":
        if len(term) < 2:
            raise SmtlibError(f"expected (! term :named name), not {excerpt(term)}")
        for key, value in zip(term[2::2], term[3::2], strict=False):
            if key == Atom("keyword", ":named"):
                name = symbol(value)
        term = term[1]
    script.assertions.append(Assertion(name, source(term)))


_READERS = {
    "declare-const": _declare_const,
    "declare-fun": _declare_fun,
    "declare-datatype": _declare_datatype,
    "declare-datatypes": _declare_datatypes,
    "define-fun": _define,
    "define-const": _define,
    "assert": _assert,
}
