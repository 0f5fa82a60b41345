"""Z3 formulas as Python functions: what checks a candidate in microseconds. Runs in a worker.

A ground check with the solver, or by substitution, walks the formula anew for every candidate. Here each formula is
translated once. The generated source holds nothing but operators, numbers, names that are made here (`v3`, `t7`,
`k2`), and the functions of `smt_semantics.py`; no text of a spec or of a candidate is in it. Terms that occur twice or
are deep become statements of their own, so that neither Python's parser nor its compiler meets a deep expression.

What has no translation raises `UncompilableError`, and the solver is asked instead.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import z3

from modulo.verifiers import smt_regex
from modulo.verifiers.smt_graph import Graph, Part
from modulo.verifiers.smt_python_ops import OPERATORS, Operand, UncompilableError
from modulo.verifiers.smt_semantics import NAMESPACE

__all__ = ["Function", "UncompilableError", "compile_check", "compile_term", "string_value"]

Function = Callable[[Any], Any]
"""A compiled term: takes the tuple of all variables' values, in the order of the spec."""

_MAX_DEPTH = 25
_WIDE = 60
_MAX_NODES = 300_000
_CHUNK = 4000
_INLINE = 1 << 64


def compile_check(formulas: Sequence[Any], positions: dict[str, int], graph: Graph) -> tuple[list[Function], set[int]]:
    """Functions that return the numbers of those formulas that are false, and the numbers that none of them covers.

    Args:
        formulas: Boolean terms.
        positions: of each constant's value in the tuple that the functions take.
        graph: where terms have been looked at before.
    """
    functions: list[Function] = []
    uncovered: set[int] = set()
    module = _Module(positions, graph)
    for number, formula in enumerate(formulas):
        if module.full:
            functions.append(module.finish("bad"))
            module = _Module(positions, graph)
        before = module.mark()
        try:
            module.lines.append(f" if not {module.term(formula)}: bad.append({number})")
        except UncompilableError:
            module.rewind(before)
            uncovered.add(number)
    functions.append(module.finish("bad"))
    return functions, uncovered


def compile_term(term: Any, positions: dict[str, int], graph: Graph | None = None) -> Function:
    """A function that returns a term's value.

    Raises:
        UncompilableError: it has no translation.
    """
    module = _Module(positions, graph or Graph())
    return module.finish(module.term(term))


@dataclass
class _Module:
    """One function in the making."""

    positions: dict[str, int]
    graph: Graph
    lines: list[str] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    done: dict[int, Operand] = field(default_factory=dict)
    nodes: int = 0

    @property
    def full(self) -> bool:
        return self.nodes >= _CHUNK

    def mark(self) -> int:
        return len(self.lines)

    def rewind(self, mark: int) -> None:
        del self.lines[mark:]
        self.done.clear()  # some may have been in those lines

    def finish(self, result: str) -> Function:
        unpack = [f" v{i} = v[{i}]" for i in sorted(self.used)]
        source = "\n".join(["def f(v):", " bad = []", *unpack, *self.lines, f" return {result}"])
        names: dict[str, Any] = {"__builtins__": {}, "Fraction": Fraction, "matches": smt_regex.matches}
        names |= NAMESPACE | self.constants
        exec(compile(source, "<constraints>", "exec", dont_inherit=True, optimize=1), names)
        function: Function = names["f"]
        return function

    def term(self, root: Any) -> str:
        """The Python expression of a term, after the statements that it needs."""
        key = self.graph.add(root)
        order, uses = _order(self.graph, key, self.done)
        self.nodes += len(order)
        if self.nodes > _MAX_NODES:
            raise UncompilableError("too large")
        for item in order:
            part = self.graph.parts[item]
            operand = self._operand(part, [self.done[child] for child in part.children])
            shared = uses[item] > 1 and not operand.simple
            if (shared or operand.depth > _MAX_DEPTH) and not callable(operand.value):
                name = self._name("t")
                self.lines.append(f" {name} = {operand.text}")
                operand = Operand(name, part.node)
            self.done[item] = operand
        return self.done[key].text

    def _name(self, kind: str) -> str:
        self.nodes += 1
        return f"{kind}{self.nodes}"

    def constant(self, value: Any) -> str:
        name = self._name("k")
        self.constants[name] = value
        return name

    def _operand(self, part: Part, parts: list[Operand]) -> Operand:
        node, kind = part.node, part.kind
        if kind is None:
            raise UncompilableError("a quantifier")
        if kind == z3.Z3_OP_UNINTERPRETED and not parts:
            place = self.positions.get(node.decl().name())
            if place is None:
                raise UncompilableError("a constant without a value")
            self.used.add(place)
            return Operand(f"v{place}", node)
        if (value := _literal(node, kind)) is not None:
            if isinstance(value, str | Fraction) or abs(value) > _INLINE:
                return Operand(self.constant(value), node, value=value)
            return Operand(str(value) if value >= 0 else f"({value})", node, value=value)
        if len(parts) > _WIDE and kind in _SPLIT:
            parts = self._split(kind, parts, node)
        operator = OPERATORS.get(kind) or OPERATORS.get(node.decl().name() if kind == z3.Z3_OP_INTERNAL else None)
        if operator is None:
            raise UncompilableError(node.decl().name())
        result = operator(node, parts, self.constant)
        if isinstance(result, str):
            if kind != z3.Z3_OP_SEQ_IN_RE and any(callable(part.value) for part in parts):
                raise UncompilableError("a choice or comparison of regular expressions")
            return Operand(result, node, depth=1 + max((part.depth for part in parts), default=0))
        return Operand("", node, value=result)  # a regular expression: made now, not when it is run

    def _split(self, kind: int, parts: list[Operand], node: Any) -> list[Operand]:
        """Wide sums and junctions in pieces, each a statement."""
        pieces = []
        for start in range(0, len(parts), _WIDE):
            text = OPERATORS[kind](node, parts[start : start + _WIDE], self.constant)
            name = self._name("t")
            self.lines.append(f" {name} = {text}")
            pieces.append(Operand(name, node))
        return self._split(kind, pieces, node) if len(pieces) > _WIDE else pieces


_SPLIT = {z3.Z3_OP_AND, z3.Z3_OP_OR, z3.Z3_OP_ADD, z3.Z3_OP_MUL, z3.Z3_OP_SEQ_CONCAT}


def _order(graph: Graph, root: int, done: Container[int]) -> tuple[list[int], dict[int, int]]:
    """The terms in a term that are not done, arguments first; and how often each is an argument."""
    order: list[int] = []
    uses: dict[int, int] = {root: 1}
    seen: set[int] = set()
    stack = [(root, False)]
    while stack:
        key, ready = stack.pop()
        if ready:
            order.append(key)
            continue
        if key in seen or key in done:
            continue
        seen.add(key)
        if len(seen) > _MAX_NODES:
            raise UncompilableError("too large")
        stack.append((key, True))
        for child in graph.parts[key].children:
            uses[child] = uses.get(child, 0) + 1
            stack.append((child, False))
    return order, uses


def _literal(node: Any, kind: int) -> bool | int | Fraction | str | None:
    """The value of a literal; `None` for any other term."""
    if kind == z3.Z3_OP_TRUE:
        return True
    if kind == z3.Z3_OP_FALSE:
        return False
    if kind == z3.Z3_OP_BNUM:
        return int(node.as_long())
    if kind == z3.Z3_OP_ANUM:
        number = Fraction(node.as_string())
        return number.numerator if number.denominator == 1 else number
    if kind == z3.Z3_OP_DT_CONSTRUCTOR and node.num_args() == 0:
        sort, name = node.sort(), node.decl().name()
        return next(i for i in range(sort.num_constructors()) if sort.constructor(i).name() == name)
    return string_value(node) if z3.is_string_value(node) else None


def string_value(node: Any) -> str:
    """The characters of a String literal, which Z3's own helpers give escaped."""
    length = z3.Z3_get_string_length(node.ctx_ref(), node.as_ast())
    codes = (ctypes.c_uint * length)()
    z3.Z3_get_string_contents(node.ctx_ref(), node.as_ast(), length, codes)
    return "".join(map(chr, codes))
