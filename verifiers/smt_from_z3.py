"""A Python function that builds Z3 constraints, as a spec.

The function runs once, here, and what it built is written out as SMT-LIB. So the problem holds its whole spec: workers
and traces need neither the function nor the module it stands in.

    import z3
    from modulo.verifiers.smt_from_z3 import from_z3

    def rules():
        x, y = z3.Ints("x y")
        return {"sum": x + y == 10, "order": x < y}

    Problem(statement="…", answer="json", verifiers=[from_z3(rules)])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modulo.errors import ProblemError

if TYPE_CHECKING:
    import z3

__all__ = ["from_z3"]


def from_z3(
    build: Callable[[], Mapping[str, z3.BoolRef] | Sequence[z3.BoolRef]],
    *,
    minimize: Callable[[], z3.ArithRef] | None = None,
    maximize: Callable[[], z3.ArithRef] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """The verifier entry of a problem for the constraints that `build` returns, by name or as a list.

    Args:
        build: takes nothing. The constants in what it returns are those that an answer must bind.
        minimize: a function that returns a term that an answer must make as small as it can be.
        maximize: the same, as large.
        **fields: other fields of `modulo.verifiers.smt.SmtSpec`, such as `mode`.

    Raises:
        ProblemError: it returns something else, or a name that SMT-LIB cannot spell.
    """
    import z3

    built = build()
    named = list(built.items()) if isinstance(built, Mapping) else [("", formula) for formula in built]
    for name, formula in named:
        if not isinstance(formula, z3.BoolRef):
            raise ProblemError(f"constraint {name or repr(formula)} is no Z3 formula", field="smt")
    objectives = {"minimize": minimize, "maximize": maximize}
    terms = {sense: make() for sense, make in objectives.items() if make is not None}
    constants, sorts = _declared([*(formula for _, formula in named), *terms.values()])
    lines = [_datatype(sort) for sort in sorts]
    lines += [f"(declare-const {_spelled(str(c.decl().name()))} {c.sort().sexpr()})" for c in constants]
    for name, formula in named:
        term = f"(! {formula.sexpr()} :named {_spelled(name)})" if name else formula.sexpr()
        lines.append(f"(assert {term})")
    spec = {"smtlib": "\n".join(lines), **{sense: term.sexpr() for sense, term in terms.items()}, **fields}
    return {"smt": spec}


def _declared(terms: list[Any]) -> tuple[list[Any], list[Any]]:
    """The constants in terms, and the enumerations among their sorts, in order of occurrence."""
    import z3

    constants: dict[str, Any] = {}
    sorts: dict[str, Any] = {}
    seen: set[int] = set()
    stack = list(reversed(terms))
    while stack:
        term = stack.pop()
        if term.get_id() in seen:
            continue
        seen.add(term.get_id())
        if isinstance(term.sort(), z3.DatatypeSortRef):
            sorts[term.sort().name()] = term.sort()
        if z3.is_quantifier(term):
            stack.append(term.body())
        elif z3.is_app(term):
            if term.decl().kind() == z3.Z3_OP_UNINTERPRETED and term.num_args() == 0:
                constants.setdefault(term.decl().name(), term)
            stack.extend(reversed(term.children()))
    return list(constants.values()), list(sorts.values())


def _datatype(sort: Any) -> str:
    names = []
    for i in range(sort.num_constructors()):
        if sort.constructor(i).arity():
            raise ProblemError(
                f"the sort {sort.name()} is no enumeration: an answer cannot spell its values", field="smt"
            )
        names.append(f"({_spelled(sort.constructor(i).name())})")
    return f"(declare-datatypes (({_spelled(sort.name())} 0)) (({' '.join(names)})))"


def _spelled(name: str) -> str:
    from modulo.verifiers.smtlib_text import Atom

    if not name or "|" in name or "\\" in name or not name.isprintable():
        raise ProblemError(f"the name {name!r} cannot be written in SMT-LIB; choose another", field="smt")
    return Atom("symbol", name).source()
