"""First-order mutants of a Python program: one small change each, by seeded choice among all that there are.

The operators are the usual ones (Offutt and others 1996): comparison, arithmetic, constant, boolean, return and
condition. Docstrings and annotations stay as they are.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator

__all__ = ["mutants"]

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Add, ast.FloorDiv), ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div, ast.Mult), ast.Mod: (ast.FloorDiv,), ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,), ast.BitOr: (ast.BitAnd,), ast.BitXor: (ast.BitAnd,),
    ast.LShift: (ast.RShift,), ast.RShift: (ast.LShift,),
}  # fmt: skip
Change = Callable[[ast.AST], None]


def mutants(source: str, *, seed: str, limit: int) -> list[str]:
    """Up to `limit` different mutants of a program, none of which is the program written otherwise."""
    original = ast.unparse(ast.parse(source))
    count = len(list(_changes(ast.parse(source))))
    order = list(range(count))
    random.Random(seed).shuffle(order)
    found: dict[str, None] = {}
    for place in order:
        if len(found) == limit:
            break
        tree = ast.parse(source)
        node, change = list(_changes(tree))[place]
        change(node)
        text = ast.unparse(ast.fix_missing_locations(tree))
        if text != original:
            found.setdefault(text)
    return list(found)


def _changes(tree: ast.AST) -> Iterator[tuple[ast.AST, Change]]:
    """Every node that can be changed, with each way to change it, in one order."""
    for node in _living(tree):
        for change in _ways(node):
            yield node, change


def _living(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below `node` that are executed: no docstring, no annotation, no import."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.Import | ast.ImportFrom):
                continue
            text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if not text:
                yield from _living(child)


def _ways(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            for other in _COMPARISONS[type(operator)]:
                yield lambda found, place=place, other=other: found.ops.__setitem__(place, other())  # type: ignore[misc]
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        for replacement in _ARITHMETIC.get(type(node.op), ()):
            yield lambda found, replacement=replacement: setattr(found, "op", replacement())  # type: ignore[misc]
    elif isinstance(node, ast.BoolOp):
        yield lambda found: setattr(found, "op", ast.Or() if isinstance(found.op, ast.And) else ast.And())  # type: ignore[attr-defined]
    elif isinstance(node, ast.Constant):
        for value in _constants(node.value):
            yield lambda found, value=value: setattr(found, "value", value)  # type: ignore[misc]
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield lambda found: setattr(found, "value", ast.Constant(None))
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        yield lambda found: setattr(found, "test", ast.UnaryOp(ast.Not(), found.test))  # type: ignore[attr-defined]


def _constants(value: object) -> list[object]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, float):
        return [value + 1.0]
    if isinstance(value, str):
        return [value + "x", ""] if value else ["x"]
    return []


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
