"""Parts of PDDL shared by domains and problems: typed lists, atoms, conditions, effects; each checked as it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from modulo.verifiers.sexpr import Node, SyntaxFault
from modulo.verifiers.strips import Action, Atom, Literal, Term

__all__ = [
    "OBJECT",
    "Domain",
    "Scope",
    "Signature",
    "arguments_of",
    "atom",
    "condition",
    "effect",
    "number",
    "typed_list",
]

OBJECT = "object"
_CONDITIONS = {"or", "imply", "forall", "exists", "preference", "<", ">", "<=", ">="}
_EFFECTS = {"when", "forall", "assign", "decrease", "scale-up", "scale-down", "oneof", "probabilistic"}

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
    actions: dict[str, Action] = field(default_factory=dict)
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
            pending.append((node.line, node.name))
            position += 1
    yield from ((line, name, ()) for line, name in pending)


Scope: TypeAlias = Mapping[str, frozenset[str] | None]
"""Names that may stand as arguments: with the types an object has, or `None` for a variable."""


def condition(domain: Domain, node: Node, scope: Scope) -> Iterator[Literal]:
    """The literals of a conjunction."""
    if node.name is not None:
        raise SyntaxFault(f"expected a condition, found {node}", node.line)
    if not node.items:
        return
    if node.head == "and":
        for part in node.items[1:]:
            yield from condition(domain, part, scope)
    elif node.head == "not":
        if len(node.items) != 2:
            raise SyntaxFault("(not …) takes one condition", node.line)
        if node.items[1].head in ("and", "not"):
            raise SyntaxFault(f"not supported: not around {node.items[1].head}", node.line)
        yield Literal(atom(domain, node.items[1], scope, equality=True), positive=False)
    else:
        yield Literal(atom(domain, node, scope, equality=True))


def atom(domain: Domain, node: Node, scope: Scope, *, equality: bool = False) -> Atom:
    """An atom of a declared predicate, its arguments in scope and of the right types."""
    name = node.head
    if name in _CONDITIONS and name not in domain.predicates:
        raise SyntaxFault(f"not supported: {name} in a condition", node.line)
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


def effect(domain: Domain, node: Node, scope: Scope, adds: list[Atom], deletes: list[Atom], costs: list[Term]) -> None:
    """Collect what an effect adds, deletes and costs."""
    if node.name is not None:
        raise SyntaxFault(f"expected an effect, found {node}", node.line)
    if not node.items:
        return
    if node.head == "and":
        for part in node.items[1:]:
            effect(domain, part, scope, adds, deletes, costs)
    elif node.head == "increase":
        if len(node.items) != 3 or str(node.items[1]) != "(total-cost)":
            raise SyntaxFault("not supported: a numeric effect other than (increase (total-cost) …)", node.line)
        costs.append(_cost(domain, node.items[2], scope))
    elif node.head in _EFFECTS and node.head not in domain.predicates:
        raise SyntaxFault(f"not supported: {node.head} in an effect", node.line)
    elif node.head == "not":
        if len(node.items) != 2:
            raise SyntaxFault("(not …) takes one atom", node.line)
        deletes.append(atom(domain, node.items[1], scope))
    else:
        adds.append(atom(domain, node, scope))


def _cost(domain: Domain, node: Node, scope: Scope) -> Term:
    if node.name is not None:
        return number(node)
    if node.head not in domain.functions:
        raise SyntaxFault(f"not supported: {node} as a cost; a number or a declared function", node.line)
    return arguments_of(node, domain.functions[node.head], scope)


def number(node: Node) -> Fraction:
    """A decimal number that is not negative."""
    text = node.name or ""
    whole, _, part = text.partition(".")
    if not (whole + part).isascii() or not (whole + part).isdigit() or len(text) > 40:
        raise SyntaxFault(f"expected a number that is not negative, found {str(node)[:40]}", node.line)
    return Fraction(text)
