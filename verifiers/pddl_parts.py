"""Parts of PDDL shared by domains and problems: typed lists, atoms, numbers; each checked as it is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from modulo.verifiers.plan_logic import Atom
from modulo.verifiers.plan_task import Schema
from modulo.verifiers.sexpr import Node, SyntaxFault

__all__ = [
    "OBJECT",
    "Domain",
    "Scope",
    "Signature",
    "arguments_of",
    "atom",
    "is_number",
    "kinds_of",
    "number",
    "typed_list",
    "variables_of",
]

OBJECT = "object"
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)", re.A)

Signature: TypeAlias = tuple[frozenset[str], ...]
"""Types of a predicate's or function's arguments, each a choice."""


@dataclass
class Domain:
    """A parsed domain."""

    name: str = ""
    types: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    predicates: dict[str, Signature] = field(default_factory=dict)
    functions: dict[str, Signature] = field(default_factory=dict)
    actions: dict[str, Schema] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def ancestry(self, kind: str) -> frozenset[str]:
        """The type and all types above it."""
        above = {kind, OBJECT}
        while (kind := self.types.get(kind, OBJECT)) not in above:
            above.add(kind)
        return frozenset(above)


def typed_list(items: Sequence[Node]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Line, name and types of each entry of `a b - t  c - (either t u)  d`; `()` where there is no type."""
    pending: list[tuple[int, str]] = []
    position = 0
    while position < len(items):
        node = items[position]
        if node.name is None:
            raise SyntaxFault(f"expected a name, found {str(node)[:40]}", node.line)
        if node.name == "-":
            if not pending or position + 1 == len(items):
                raise SyntaxFault("'-' stands between names and their type", node.line)
            kind = items[position + 1]
            kinds = (kind.name,) if kind.name is not None else tuple(str(i) for i in kind.items[1:])
            if kind.name is None and (kind.head != "either" or not kinds):
                raise SyntaxFault(f"expected a type, found {kind}", kind.line)
            yield from ((line, name, kinds) for line, name in pending)
            pending, position = [], position + 2
        else:
            if node.name.startswith((":", "-")):
                raise SyntaxFault(f"expected a name, found {node.name}", node.line)
            pending.append((node.line, node.name))
            position += 1
    yield from ((line, name, ()) for line, name in pending)


Scope: TypeAlias = Mapping[str, frozenset[str] | None]
"""Names that may stand as arguments: with the types an object has, or `None` for a variable."""


def atom(domain: Domain, node: Node, scope: Scope, *, equality: bool = False) -> Atom:
    """An atom of a declared predicate, its arguments in scope and of the right types."""
    name = node.head
    if name == "=" and equality:
        signature: Signature = (frozenset([OBJECT]),) * 2
    elif name in domain.predicates:
        signature = domain.predicates[name]
    else:
        known = ", ".join(sorted(domain.predicates)) or "none"
        raise SyntaxFault(f"{str(node)[:60]}: predicate {name!r} is not declared (declared: {known})", node.line)
    return arguments_of(node, signature, scope)


def arguments_of(node: Node, signature: Signature, scope: Scope) -> Atom:
    """Name and arguments of a predicate or function, checked against its signature."""
    arguments = node.items[1:]
    if len(arguments) != len(signature):
        raise SyntaxFault(f"{node} has {len(arguments)} arguments, {node.head} takes {len(signature)}", node.line)
    for argument, kinds in zip(arguments, signature, strict=True):
        if argument.name is None:
            raise SyntaxFault(f"not supported: {argument} as an argument", argument.line)
        if argument.name not in scope:
            what = "variable" if argument.name.startswith("?") else "object"
            raise SyntaxFault(f"{node}: {what} {argument} is not declared", argument.line)
        own = scope[argument.name]
        if own is not None and not own & kinds:
            raise SyntaxFault(f"{node}: {argument} is not of type {' or '.join(sorted(kinds))}", argument.line)
    return (node.head, *(str(a) for a in arguments))


def number(node: Node) -> Fraction:
    """The number that a decimal spells."""
    text = node.name or ""
    if not is_number(node) or len(text) > 40:
        raise SyntaxFault(f"expected a number, found {str(node)[:40]}", node.line)
    return Fraction(text)


def is_number(node: Node) -> bool:
    """Whether it is spelled as a number."""
    return node.name is not None and _NUMBER.fullmatch(node.name) is not None


def kinds_of(domain: Domain, kinds: tuple[str, ...], line: int) -> frozenset[str]:
    """The types of one entry of a typed list, checked; `object` where there is none."""
    for kind in kinds:
        if kind != OBJECT and kind not in domain.types:
            raise SyntaxFault(f"type {kind} is not declared in (:types …)", line)
    return frozenset(kinds or (OBJECT,))


def variables_of(domain: Domain, items: Sequence[Node]) -> dict[str, frozenset[str]]:
    """Variables of an action, a predicate or a quantifier, with their types."""
    found: dict[str, frozenset[str]] = {}
    for line, name, kinds in typed_list(items):
        if not name.startswith("?") or len(name) < 2:
            raise SyntaxFault(f"expected a ?variable, found {name}", line)
        if name in found:
            raise SyntaxFault(f"variable {name} is declared twice", line)
        found[name] = kinds_of(domain, kinds, line)
    return found
