"""In the trusted worker: `assert` statements that say their values, for tests that are run without pytest.

`assert f(3) == 9` becomes `if not ((l := f(3)) == (r := 9)): raise AssertionError("8 == 9")`; nothing is evaluated
twice, and no object of the candidate's is asked how it looks.
"""

from __future__ import annotations

import ast
from typing import Any

from modulo.verifiers.tests_shown import shown

__all__ = ["FAILED", "failed", "telling"]

FAILED = "__modulo_failed__"
"""The name by which the code below finds `failed`."""

_LEFT, _RIGHT = "__modulo_left__", "__modulo_right__"
_SIGNS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip


def failed(sign: str, left: Any, right: Any = None, message: Any = None) -> AssertionError:
    """The error of an assertion that does not hold; without a sign the value itself had to be true."""
    said = f"{shown(left)} {sign} {shown(right)}" if sign else f"it is {shown(left)}"
    return AssertionError(said if message is None else f"{said}, {message}")


def telling(tree: ast.Module) -> ast.Module:
    """The same code with assertions that say their values."""
    return ast.fix_missing_locations(_Rewriter().visit(tree))  # type: ignore[no-any-return]


class _Rewriter(ast.NodeTransformer):
    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        self.generic_visit(node)
        test, sign, values = node.test, "", [_LEFT]
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            sign, values = _SIGNS[type(test.ops[0])], [_LEFT, _RIGHT]
            holds: ast.expr = ast.Compare(_kept(_LEFT, test.left), test.ops, [_kept(_RIGHT, test.comparators[0])])
        else:
            holds = _kept(_LEFT, test)
        arguments: list[ast.expr] = [ast.Constant(sign), *(ast.Name(name, ast.Load()) for name in values)]
        keywords = [ast.keyword("message", node.msg)] if node.msg is not None else []
        error = ast.Call(ast.Name(FAILED, ast.Load()), arguments, keywords)
        told = ast.If(ast.UnaryOp(ast.Not(), holds), [ast.Raise(error, None)], [])
        return ast.copy_location(_located(told, node), node)


def _kept(name: str, value: ast.expr) -> ast.expr:
    return ast.NamedExpr(ast.Name(name, ast.Store()), value)


def _located(told: ast.If, node: ast.Assert) -> ast.If:
    """With the place of the assertion: a traceback shows it."""
    for part in ast.walk(told):
        if not hasattr(part, "lineno") and isinstance(part, ast.stmt | ast.expr | ast.keyword):
            ast.copy_location(part, node)
    return told
