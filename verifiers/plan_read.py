"""Conditions, numbers and effects of PDDL: text to the trees of `verifiers/plan_logic.py`, checked as they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from modulo.verifiers.pddl_parts import Domain, Scope, arguments_of, atom, is_number, number, variables_of
from modulo.verifiers.plan_logic import (
    Arithmetic,
    Atom,
    Compare,
    Condition,
    Formula,
    Literal,
    Number,
    Quantified,
    conjuncts,
)
from modulo.verifiers.plan_task import Change
from modulo.verifiers.sexpr import Node, SyntaxFault

__all__ = ["TOTAL_COST", "changes", "condition", "expression"]

TOTAL_COST: Final[Atom] = ("total-cost",)
"""The fluent that `:action-costs` is about. It need not be declared."""

_COMPARISONS = ("<", "<=", "=", ">=", ">")
_NUMERIC = ("assign", "increase", "decrease", "scale-up", "scale-down")
_REFUSED = ("preference", "oneof", "probabilistic")


def condition(domain: Domain, node: Node, scope: Scope) -> Condition:
    """A condition; `()` is the empty conjunction.

    Raises:
        SyntaxFault: malformed, or beyond what is understood.
    """
    if node.name is not None:
        raise SyntaxFault(f"expected a condition, found {node}", node.line)
    head, parts = node.head, node.items[1:]
    if not node.items or head == "and":
        return Formula("and", tuple(condition(domain, part, scope) for part in parts))
    if head in domain.predicates:
        return Literal(atom(domain, node, scope))
    if head == "or":
        return Formula("or", tuple(condition(domain, part, scope) for part in parts))
    if head == "not":
        _count(node, 1)
        inner = condition(domain, parts[0], scope)
        return Literal(inner.atom, not inner.positive) if isinstance(inner, Literal) else Formula("not", (inner,))
    if head == "imply":
        _count(node, 2)
        return Formula("imply", (condition(domain, parts[0], scope), condition(domain, parts[1], scope)))
    if head in ("forall", "exists"):
        _count(node, 2)
        variables = _variables(domain, parts[0])
        return Quantified(head, variables, condition(domain, parts[1], {**scope, **dict.fromkeys(variables)}))
    if head in _COMPARISONS:
        _count(node, 2)
        if head == "=" and all(part.name in scope for part in parts):
            return Literal(atom(domain, node, scope, equality=True))
        return Compare(head, expression(domain, parts[0], scope), expression(domain, parts[1], scope))
    if head in _REFUSED:
        raise SyntaxFault(f"not supported: {head} in a condition", node.line)
    return Literal(atom(domain, node, scope))  # which says that it is not declared


def expression(domain: Domain, node: Node, scope: Scope) -> Number:
    """A number, a fluent, or arithmetic.

    Raises:
        SyntaxFault: malformed, or beyond what is understood.
    """
    if is_number(node):
        return number(node)
    if node.name is not None:
        raise SyntaxFault(f"expected a number or a (function …), found {node}", node.line)
    parts = node.items[1:]
    if (node.head,) == TOTAL_COST:
        domain.functions.setdefault(node.head, ())
    if node.head in domain.functions:
        return arguments_of(node, domain.functions[node.head], scope)
    if node.head in ("+", "*") and len(parts) >= 2:
        result = expression(domain, parts[0], scope)
        for part in parts[1:]:
            result = Arithmetic(node.head, result, expression(domain, part, scope))
        return result
    if node.head == "-" and len(parts) == 1:
        return Arithmetic("-", number(Node(node.line, "0")), expression(domain, parts[0], scope))
    if node.head in ("-", "/") and len(parts) == 2:
        return Arithmetic(node.head, expression(domain, parts[0], scope), expression(domain, parts[1], scope))
    known = ", ".join(sorted(domain.functions)) or "none"
    raise SyntaxFault(f"{str(node)[:60]}: function {node.head!r} is not declared (declared: {known})", node.line)


def changes(domain: Domain, node: Node, scope: Scope) -> Iterator[Change]:
    """The changes that an effect makes.

    Raises:
        SyntaxFault: malformed, or beyond what is understood.
    """
    if node.name is not None:
        raise SyntaxFault(f"expected an effect, found {node}", node.line)
    head, parts = node.head, node.items[1:]
    if not node.items or head == "and":
        for part in parts:
            yield from changes(domain, part, scope)
    elif head in domain.predicates:
        yield Change("add", atom(domain, node, scope))
    elif head == "not":
        _count(node, 1)
        yield Change("delete", atom(domain, parts[0], scope))
    elif head in _NUMERIC:
        _count(node, 2)
        target = expression(domain, parts[0], scope)
        if not isinstance(target, tuple):
            raise SyntaxFault(f"{node.head} changes a (function …), not {parts[0]}", node.line)
        yield Change(head, target, expression(domain, parts[1], scope))
    elif head == "when":
        _count(node, 2)
        when = condition(domain, parts[0], scope)
        for change in changes(domain, parts[1], scope):
            if change.when is not None or change.variables:
                raise SyntaxFault("not supported: when or forall inside (when …)", node.line)
            yield replace(change, when=when if conjuncts(when) else None)
    elif head == "forall":
        _count(node, 2)
        variables = _variables(domain, parts[0])
        for change in changes(domain, parts[1], {**scope, **dict.fromkeys(variables)}):
            if change.variables.keys() & variables.keys():
                raise SyntaxFault("a variable of (forall …) has the name of one around it", node.line)
            yield replace(change, variables={**variables, **change.variables})
    elif head in _REFUSED:
        raise SyntaxFault(f"not supported: {head} in an effect", node.line)
    else:
        yield Change("add", atom(domain, node, scope))  # which says that it is not declared


def _variables(domain: Domain, node: Node) -> Mapping[str, frozenset[str]]:
    if node.name is not None:
        raise SyntaxFault(f"expected (?variable …), found {node}", node.line)
    return variables_of(domain, node.items)


def _count(node: Node, count: int) -> None:
    if len(node.items) != count + 1:
        raise SyntaxFault(f"({node.head} …) has {len(node.items) - 1} parts, it takes {count}", node.line)
