"""PDDL text to a checked STRIPS task.

Understood: `:strips`, `:typing` (hierarchies, `either` in parameters), `:negative-preconditions`, `:equality`,
constants, and `:action-costs`. Everything else (conditional effects, quantifiers, disjunction, numbers, derived
predicates, time) raises a fault that names it: nothing is ever silently left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from modulo.verifiers.sexpr import Node, SyntaxFault, read_one
from modulo.verifiers.strips import Action, Atom, Literal, Task, Term

__all__ = ["Domain", "parse_domain", "parse_problem"]

_OBJECT = "object"
_REQUIREMENTS = {
    f":{name}"
    for name in (
        "strips typing negative-preconditions equality action-costs disjunctive-preconditions adl fluents "
        "existential-preconditions universal-preconditions quantified-preconditions conditional-effects "
        "numeric-fluents object-fluents durative-actions derived-predicates timed-initial-literals preferences "
        "constraints"
    ).split()
}
_CONDITIONS = {"or", "imply", "forall", "exists", "preference", "<", ">", "<=", ">="}
_EFFECTS = {"when", "forall", "assign", "decrease", "scale-up", "scale-down", "oneof", "probabilistic"}

Signature = tuple[frozenset[str], ...]
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
        above = {kind, _OBJECT}
        while (kind := self.types.get(kind, _OBJECT)) not in above:
            above.add(kind)
        return frozenset(above)


def parse_domain(text: str) -> Domain:
    """Parse and check a domain.

    Raises:
        SyntaxFault: malformed, inconsistent, or beyond what is understood; names the line.
    """
    root, warnings = read_one(text)
    domain = Domain(_defined(root, "domain"), warnings=warnings)
    sections = _sections(root)
    for node in sections.pop(":requirements", []):
        for flag in node.items[1:]:
            if flag.name not in _REQUIREMENTS:
                raise SyntaxFault(f"not supported: requirement {flag}", flag.line)
    readers = {
        ":types": _read_types,
        ":constants": _read_constants,
        ":predicates": _read_predicates,
        ":functions": _read_functions,
    }
    for name, reader in readers.items():
        nodes = sections.pop(name, [])
        if len(nodes) > 1:
            raise SyntaxFault(f"a second {name} section", nodes[1].line)
        for node in nodes:
            reader(domain, node)
    for node in sections.pop(":action", []):
        action = _read_action(domain, node)
        if action.name in domain.actions:
            raise SyntaxFault(f"action {action.name} is declared twice", node.line)
        domain.actions[action.name] = action
    _no_more(sections)
    if not domain.actions:
        raise SyntaxFault("the domain has no actions", root.line)
    return domain


def parse_problem(domain: Domain, text: str) -> Task:
    """Parse a problem and check it against its domain.

    Raises:
        SyntaxFault: malformed, inconsistent, or beyond what is understood; names the line.
    """
    root, warnings = read_one(text)
    _defined(root, "problem")
    sections = _sections(root)
    one = {name: _only(sections, name) for name in (":domain", ":requirements", ":objects", ":init", ":goal", ":metric")}
    _no_more(sections)
    if (node := one[":domain"]) is not None and [i.name for i in node.items[1:]] != [domain.name]:
        warnings += (f"the problem is for {node}, the domain is called {domain.name}",)
    objects = dict(domain.constants)
    if (node := one[":objects"]) is not None:
        for line, name, kinds in _typed_list(node.items[1:]):
            kind = _single(domain, kinds, line)
            if objects.setdefault(name, kind) != kind or (name not in domain.constants and name.startswith("?")):
                raise SyntaxFault(f"object {name} is declared twice, with different types", line)
    scope = {name: domain.ancestry(kind) for name, kind in objects.items()}
    if one[":init"] is None or one[":goal"] is None:
        raise SyntaxFault(f"there is no {':init' if one[':init'] is None else ':goal'} section", root.line)
    init, costs = _read_init(domain, one[":init"], scope)
    goal_node = one[":goal"]
    if len(goal_node.items) != 2:
        raise SyntaxFault("(:goal …) holds exactly one condition", goal_node.line)
    return Task(
        actions=domain.actions,
        objects=scope,
        init=init,
        goal=tuple(_condition(domain, goal_node.items[1], scope)),
        costs=costs,
        has_costs=any(action.costs for action in domain.actions.values()),
        warnings=domain.warnings + warnings,
    )


def _defined(root: Node, what: str) -> str:
    if root.head != "define" or len(root.items) < 2 or root.items[1].head != what or len(root.items[1].items) != 2:
        raise SyntaxFault(f"expected (define ({what} NAME) …)", root.line)
    return str(root.items[1].items[1])


def _sections(root: Node) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for node in root.items[2:]:
        if not node.head.startswith(":"):
            raise SyntaxFault(f"expected a section such as (:action …), found {str(node)[:40]}", node.line)
        found.setdefault(node.head, []).append(node)
    return found


def _no_more(sections: dict[str, list[Node]]) -> None:
    for name, nodes in sections.items():
        raise SyntaxFault(f"not supported: ({name} …)", nodes[0].line)


def _only(sections: dict[str, list[Node]], name: str) -> Node | None:
    nodes = sections.pop(name, [])
    if len(nodes) > 1:
        raise SyntaxFault(f"a second {name} section", nodes[1].line)
    return nodes[0] if nodes else None


def _typed_list(items: Sequence[Node]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
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


def _single(domain: Domain, kinds: tuple[str, ...], line: int) -> str:
    if len(kinds) > 1:
        raise SyntaxFault("not supported: either in the type of an object or a type", line)
    return next(iter(_kinds(domain, kinds, line)))


def _kinds(domain: Domain, kinds: tuple[str, ...], line: int) -> frozenset[str]:
    for kind in kinds:
        if kind != _OBJECT and kind not in domain.types:
            raise SyntaxFault(f"type {kind} is not declared in (:types …)", line)
    return frozenset(kinds or (_OBJECT,))


def _read_types(domain: Domain, node: Node) -> None:
    lines = {}
    for line, name, kinds in _typed_list(node.items[1:]):
        if len(kinds) > 1:
            raise SyntaxFault("not supported: either in the type of an object or a type", line)
        if name == _OBJECT:
            continue
        parent = kinds[0] if kinds else _OBJECT
        if domain.types.setdefault(name, parent) != parent:
            raise SyntaxFault(f"type {name} is declared twice", line)
        lines[name] = line
    for parent in list(domain.types.values()):  # `car - vehicle` alone declares vehicle too
        domain.types.setdefault(parent, _OBJECT)
    domain.types.pop(_OBJECT, None)
    for name, line in lines.items():
        seen, kind = {name}, domain.types[name]
        while kind != _OBJECT:
            if kind in seen:
                raise SyntaxFault(f"type {name} is below itself", line)
            seen.add(kind)
            kind = domain.types[kind]


def _read_constants(domain: Domain, node: Node) -> None:
    for line, name, kinds in _typed_list(node.items[1:]):
        if name in domain.constants:
            raise SyntaxFault(f"constant {name} is declared twice", line)
        domain.constants[name] = _single(domain, kinds, line)


def _parameters(domain: Domain, items: Sequence[Node]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line, name, kinds in _typed_list(items):
        if not name.startswith("?") or len(name) < 2:
            raise SyntaxFault(f"expected a ?variable, found {name}", line)
        if name in found:
            raise SyntaxFault(f"variable {name} is declared twice", line)
        found[name] = _kinds(domain, kinds, line)
    return found


def _read_predicates(domain: Domain, node: Node) -> None:
    for entry in node.items[1:]:
        if not entry.head or entry.head.startswith("?"):
            raise SyntaxFault(f"expected (name ?argument …), found {str(entry)[:40]}", entry.line)
        if entry.head in domain.predicates or entry.head in ("=", "and", "not"):
            raise SyntaxFault(f"predicate {entry.head} is declared twice or reserved", entry.line)
        domain.predicates[entry.head] = tuple(_parameters(domain, entry.items[1:]).values())


def _read_functions(domain: Domain, node: Node) -> None:
    items = [i for i in node.items[1:] if i.name not in ("-", "number")]
    for entry in items:
        if not entry.head:
            raise SyntaxFault(f"not supported: a function that is no number: {str(entry)[:40]}", entry.line)
        if entry.head in domain.functions:
            raise SyntaxFault(f"function {entry.head} is declared twice", entry.line)
        domain.functions[entry.head] = tuple(_parameters(domain, entry.items[1:]).values())


def _read_action(domain: Domain, node: Node) -> Action:
    if len(node.items) < 2 or node.items[1].name is None or len(node.items) % 2:
        raise SyntaxFault("expected (:action NAME :parameters (…) :precondition … :effect …)", node.line)
    fields: dict[str, Node] = {}
    for key, value in zip(node.items[2::2], node.items[3::2], strict=True):
        if key.name not in (":parameters", ":precondition", ":effect"):
            raise SyntaxFault(f"not supported: {key} in an action", key.line)
        if key.name in fields:
            raise SyntaxFault(f"a second {key.name}", key.line)
        fields[key.name] = value
    parameters = _parameters(domain, fields[":parameters"].items) if ":parameters" in fields else {}
    scope = {
        **{name: domain.ancestry(kind) for name, kind in domain.constants.items()},
        **dict.fromkeys(parameters),
    }
    condition = tuple(_condition(domain, fields[":precondition"], scope)) if ":precondition" in fields else ()
    adds: list[Atom] = []
    deletes: list[Atom] = []
    costs: list[Term] = []
    if ":effect" in fields:
        _effect(domain, fields[":effect"], scope, adds, deletes, costs)
    return Action(str(node.items[1]), parameters, condition, tuple(adds), tuple(deletes), tuple(costs))


Scope = Mapping[str, frozenset[str] | None]
"""Names that may stand as arguments: with the types an object has, or `None` for a variable."""


def _condition(domain: Domain, node: Node, scope: Scope) -> Iterator[Literal]:
    if node.name is not None:
        raise SyntaxFault(f"expected a condition, found {node}", node.line)
    if not node.items:
        return
    if node.head == "and":
        for part in node.items[1:]:
            yield from _condition(domain, part, scope)
    elif node.head == "not":
        if len(node.items) != 2:
            raise SyntaxFault("(not …) takes one condition", node.line)
        if node.items[1].head in ("and", "not"):
            raise SyntaxFault(f"not supported: not around {node.items[1].head}", node.line)
        yield Literal(_atom(domain, node.items[1], scope, equality=True), positive=False)
    else:
        yield Literal(_atom(domain, node, scope, equality=True))


def _atom(domain: Domain, node: Node, scope: Scope, *, equality: bool = False) -> Atom:
    name = node.head
    if name in _CONDITIONS and name not in domain.predicates:
        raise SyntaxFault(f"not supported: {name} in a condition", node.line)
    if name == "=" and equality:
        signature: Signature = (frozenset([_OBJECT]),) * 2
    elif name in domain.predicates:
        signature = domain.predicates[name]
    else:
        known = ", ".join(sorted(domain.predicates)) or "none"
        raise SyntaxFault(f"{str(node)[:60]}: predicate {name!r} is not declared (declared: {known})", node.line)
    return _arguments(node, signature, scope)


def _arguments(node: Node, signature: Signature, scope: Scope) -> Atom:
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


def _effect(
    domain: Domain, node: Node, scope: Scope, adds: list[Atom], deletes: list[Atom], costs: list[Term]
) -> None:
    if node.name is not None:
        raise SyntaxFault(f"expected an effect, found {node}", node.line)
    if not node.items:
        return
    if node.head == "and":
        for part in node.items[1:]:
            _effect(domain, part, scope, adds, deletes, costs)
    elif node.head == "increase":
        if len(node.items) != 3 or str(node.items[1]) != "(total-cost)":
            raise SyntaxFault("not supported: a numeric effect other than (increase (total-cost) …)", node.line)
        costs.append(_cost(domain, node.items[2], scope))
    elif node.head in _EFFECTS and node.head not in domain.predicates:
        raise SyntaxFault(f"not supported: {node.head} in an effect", node.line)
    elif node.head == "not":
        if len(node.items) != 2:
            raise SyntaxFault("(not …) takes one atom", node.line)
        deletes.append(_atom(domain, node.items[1], scope))
    else:
        adds.append(_atom(domain, node, scope))


def _cost(domain: Domain, node: Node, scope: Scope) -> Term:
    if node.name is not None:
        return _number(node)
    if node.head not in domain.functions:
        raise SyntaxFault(f"not supported: {node} as a cost; a number or a declared function", node.line)
    return _arguments(node, domain.functions[node.head], scope)


def _number(node: Node) -> Fraction:
    text = node.name or ""
    whole, _, part = text.partition(".")
    if not (whole + part).isascii() or not (whole + part).isdigit() or len(text) > 40:
        raise SyntaxFault(f"expected a number that is not negative, found {str(node)[:40]}", node.line)
    return Fraction(text)


def _read_init(
    domain: Domain, node: Node, scope: Mapping[str, frozenset[str]]
) -> tuple[frozenset[Atom], dict[Atom, Fraction]]:
    true: set[Atom] = set()
    false: set[Atom] = set()
    costs: dict[Atom, Fraction] = {}
    for entry in node.items[1:]:
        if entry.head == "=":
            if len(entry.items) != 3 or entry.items[1].head not in domain.functions:
                raise SyntaxFault(f"{str(entry)[:60]}: expected (= (function …) number)", entry.line)
            key = _arguments(entry.items[1], domain.functions[entry.items[1].head], scope)
            if costs.setdefault(key, _number(entry.items[2])) != _number(entry.items[2]):
                raise SyntaxFault(f"{entry.items[1]} is given two values", entry.line)
        elif entry.head == "at" and len(entry.items) == 3 and entry.items[2].name is None:
            raise SyntaxFault("not supported: a timed initial literal", entry.line)
        elif entry.head == "not" and len(entry.items) == 2:
            false.add(_atom(domain, entry.items[1], scope))
        else:
            true.add(_atom(domain, entry, scope))
    if both := true & false:
        raise SyntaxFault(f"(:init …) says both that {' '.join(min(both))} holds and that it does not", node.line)
    return frozenset(true), costs
