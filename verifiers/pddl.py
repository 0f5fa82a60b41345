"""PDDL text to a checked planning task.

Understood: `:strips`, `:typing` (hierarchies, `either` in parameters), `:negative-preconditions`, `:equality`,
constants, `:action-costs`, `:adl` and `:numeric-fluents`. Everything else (time, derived predicates, preferences,
object fluents) raises a fault that names it: nothing is ever silently left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

from modulo.verifiers.pddl_parts import OBJECT, Domain, arguments_of, atom, kinds_of, number, typed_list, variables_of
from modulo.verifiers.plan_logic import Atom, conjuncts
from modulo.verifiers.plan_read import TOTAL_COST, changes, condition, expression
from modulo.verifiers.plan_task import Metric, PlanTask, Schema
from modulo.verifiers.sexpr import Node, SyntaxFault, read_one

__all__ = ["Domain", "parse_domain", "parse_problem", "parsed_task"]

_RESERVED = {"=", "<", "<=", ">=", ">", "and", "or", "not", "imply", "forall", "exists", "when"}
_RESERVED |= {"assign", "increase", "decrease", "scale-up", "scale-down"}
_MAX_TYPE_DEPTH = 200
_REQUIREMENTS = {
    f":{name}"
    for name in [
        "strips",
        "typing",
        "negative-preconditions",
        "equality",
        "action-costs",
        "disjunctive-preconditions",
        "adl",
        "fluents",
        "existential-preconditions",
        "universal-preconditions",
        "quantified-preconditions",
        "conditional-effects",
        "numeric-fluents",
        "object-fluents",
        "durative-actions",
        "derived-predicates",
        "timed-initial-literals",
        "preferences",
        "constraints",
    ]
}


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


def parse_problem(domain: Domain, text: str) -> PlanTask:
    """Parse a problem and check it against its domain.

    Raises:
        SyntaxFault: malformed, inconsistent, or beyond what is understood; names the line.
    """
    root, warnings = read_one(text)
    _defined(root, "problem")
    sections = _sections(root)
    one = {
        name: _only(sections, name) for name in (":domain", ":requirements", ":objects", ":init", ":goal", ":metric")
    }
    _no_more(sections)
    if (node := one[":domain"]) is not None and [i.name for i in node.items[1:]] != [domain.name]:
        warnings += (f"the problem is for {node}, the domain is called {domain.name}",)
    objects = dict(domain.constants)
    if (node := one[":objects"]) is not None:
        for line, name, kinds in typed_list(node.items[1:]):
            kind = _single(domain, kinds, line)
            if name.startswith("?"):
                raise SyntaxFault(f"expected an object, found {name}", line)
            if objects.setdefault(name, kind) != kind:
                raise SyntaxFault(f"object {name} is declared twice, with different types", line)
    scope = {name: domain.ancestry(kind) for name, kind in objects.items()}
    if one[":init"] is None or one[":goal"] is None:
        raise SyntaxFault(f"there is no {':init' if one[':init'] is None else ':goal'} section", root.line)
    init, numbers = _read_init(domain, one[":init"], scope)
    goal_node = one[":goal"]
    if len(goal_node.items) != 2:
        raise SyntaxFault("(:goal …) holds exactly one condition", goal_node.line)
    return PlanTask(
        actions=domain.actions,
        objects=scope,
        predicates={name: len(signature) for name, signature in domain.predicates.items()},
        functions={name: len(signature) for name, signature in domain.functions.items()},
        init=init,
        numbers=numbers,
        goal=conjuncts(condition(domain, goal_node.items[1], scope)),
        metric=_metric(domain, one[":metric"], scope),
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


def _single(domain: Domain, kinds: tuple[str, ...], line: int) -> str:
    if len(kinds) > 1:
        raise SyntaxFault("not supported: either in the type of an object or a type", line)
    return next(iter(kinds_of(domain, kinds, line)))


def _read_types(domain: Domain, node: Node) -> None:
    lines = {}
    for line, name, kinds in typed_list(node.items[1:]):
        if len(kinds) > 1:
            raise SyntaxFault("not supported: either in the type of an object or a type", line)
        if name == OBJECT:
            continue
        parent = kinds[0] if kinds else OBJECT
        if domain.types.setdefault(name, parent) != parent:
            raise SyntaxFault(f"type {name} is declared twice", line)
        lines[name] = line
    for parent in list(domain.types.values()):  # `car - vehicle` alone declares vehicle too
        domain.types.setdefault(parent, OBJECT)
    domain.types.pop(OBJECT, None)
    for name, line in lines.items():
        seen, kind = {name}, domain.types[name]
        while kind != OBJECT:
            if kind in seen:
                raise SyntaxFault(f"type {name} is below itself", line)
            seen.add(kind)
            if len(seen) > _MAX_TYPE_DEPTH:
                raise SyntaxFault(f"types are nested deeper than {_MAX_TYPE_DEPTH}", line)
            kind = domain.types[kind]


def _read_constants(domain: Domain, node: Node) -> None:
    for line, name, kinds in typed_list(node.items[1:]):
        if name in domain.constants:
            raise SyntaxFault(f"constant {name} is declared twice", line)
        domain.constants[name] = _single(domain, kinds, line)


def _read_predicates(domain: Domain, node: Node) -> None:
    for entry in node.items[1:]:
        if not entry.head or entry.head.startswith("?"):
            raise SyntaxFault(f"expected (name ?argument …), found {str(entry)[:40]}", entry.line)
        signature = tuple(variables_of(domain, entry.items[1:]).values())
        if entry.head in _RESERVED or domain.predicates.setdefault(entry.head, signature) != signature:
            raise SyntaxFault(f"predicate {entry.head} is declared twice or reserved", entry.line)


def _read_functions(domain: Domain, node: Node) -> None:
    items = [i for i in node.items[1:] if i.name not in ("-", "number")]
    for entry in items:
        if not entry.head:
            raise SyntaxFault(f"not supported: a function that is no number: {str(entry)[:40]}", entry.line)
        if entry.head in domain.functions:
            raise SyntaxFault(f"function {entry.head} is declared twice", entry.line)
        domain.functions[entry.head] = tuple(variables_of(domain, entry.items[1:]).values())


def _read_action(domain: Domain, node: Node) -> Schema:
    if len(node.items) < 2 or node.items[1].name is None or len(node.items) % 2:
        raise SyntaxFault("expected (:action NAME :parameters (…) :precondition … :effect …)", node.line)
    fields: dict[str, Node] = {}
    for key, value in zip(node.items[2::2], node.items[3::2], strict=True):
        if key.name not in (":parameters", ":precondition", ":effect"):
            raise SyntaxFault(f"not supported: {key} in an action", key.line)
        if key.name in fields:
            raise SyntaxFault(f"a second {key.name}", key.line)
        fields[key.name] = value
    parameters = variables_of(domain, fields[":parameters"].items) if ":parameters" in fields else {}
    scope = {
        **{name: domain.ancestry(kind) for name, kind in domain.constants.items()},
        **dict.fromkeys(parameters),
    }
    needs = conjuncts(condition(domain, fields[":precondition"], scope)) if ":precondition" in fields else ()
    effects = tuple(changes(domain, fields[":effect"], scope)) if ":effect" in fields else ()
    return Schema(str(node.items[1]), parameters, needs, effects)


def _metric(domain: Domain, node: Node | None, scope: Mapping[str, frozenset[str]]) -> Metric | None:
    if node is None:
        return None
    if len(node.items) != 3 or node.items[1].name not in ("minimize", "maximize"):
        raise SyntaxFault("expected (:metric minimize …) or (:metric maximize …)", node.line)
    goal, what = str(node.items[1]), node.items[2]
    if str(what) in ("(total-time)", "total-time") and "total-time" not in domain.functions:
        return Metric(goal, ("total-time",))
    if what.name is not None and what.name in domain.functions:
        what = Node(what.line, None, (what,))  # `minimize total-cost`, as some problems have it
    return Metric(goal, expression(domain, what, scope))


def _read_init(
    domain: Domain, node: Node, scope: Mapping[str, frozenset[str]]
) -> tuple[frozenset[Atom], dict[Atom, Fraction]]:
    true: set[Atom] = set()
    false: set[Atom] = set()
    costs: dict[Atom, Fraction] = {}
    for entry in node.items[1:]:
        if entry.head == "=":
            name = entry.items[1].head if len(entry.items) == 3 else ""
            if name not in domain.functions and (name,) != TOTAL_COST:
                raise SyntaxFault(f"{str(entry)[:60]}: expected (= (function …) number)", entry.line)
            key = arguments_of(entry.items[1], domain.functions.get(name, ()), scope)
            if costs.setdefault(key, number(entry.items[2])) != number(entry.items[2]):
                raise SyntaxFault(f"{entry.items[1]} is given two values", entry.line)
        elif entry.head == "at" and len(entry.items) == 3 and entry.items[2].name is None:
            raise SyntaxFault("not supported: a timed initial literal", entry.line)
        elif entry.head == "not" and len(entry.items) == 2:
            false.add(atom(domain, entry.items[1], scope))
        else:
            true.add(atom(domain, entry, scope))
    if both := true & false:
        raise SyntaxFault(f"(:init …) says both that {' '.join(min(both))} holds and that it does not", node.line)
    return frozenset(true), costs


@lru_cache(maxsize=32)
def parsed_task(domain: str, problem: str) -> PlanTask:
    """The task of two PDDL texts.

    Raises:
        SyntaxFault: one of them is malformed, inconsistent, or beyond what is understood.
    """
    return parse_problem(parse_domain(domain), problem)
