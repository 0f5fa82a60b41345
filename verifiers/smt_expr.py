"""Constraints written like Python expressions, read as Z3 formulas. Runs in a worker.

Allowed: `and or not`, `== != < <= > >=` (also chained), `in [...]`, `+ - * / // % **`, `a if c else b`, the functions
in `FUNCTIONS`, numbers, strings, `True False`, declared names and the names in enumerations. Nothing is executed: the
text is parsed with `ast`, and every node that is not listed here is refused.

Meaning is Python's, on exact numbers: `/` divides rationals, `//` and `%` round down, a decimal is the rational it
spells. Bit-vectors wrap, compare unsigned, and have `+ - * & | ^ ~ << >>`. Strings have `+`, `in`, `t[0]` (empty
outside the string), an order by code points, and `len`, `startswith`, `endswith`.
"""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import z3

from modulo.verifiers.smt_semantics import MAX_CHAR
from modulo.verifiers.smt_terms import ARITHMETIC, BITS, FOLDS, ORDER, STRINGS, TEXTUAL, UNSIGNED, Term
from modulo.verifiers.smt_values import Sort, Variable, to_z3
from modulo.verifiers.strict_json import exact, shorten

__all__ = ["FUNCTIONS", "ExprError", "Reader"]

FUNCTIONS = (*("abs", "count", "distinct", "endswith", "iff", "implies", "len", "max", "min", "startswith", "sum"),)
_MAX_CHARS = 20_000
_MAX_POWER = 64


class ExprError(ValueError):
    """The expression is not one of the allowed form, or its types do not fit."""


class Reader:
    """Reads expressions over given variables. Enumerations are integers, one for each name in the whole spec."""

    def __init__(self, variables: Sequence[Variable], codes: dict[str, Any], context: Any) -> None:
        """`codes` holds the Z3 integer of every name that occurs in an enumeration."""
        self._variables = {v.name: v for v in variables}
        self._codes = codes
        self._context = context
        self._has_strings = any(v.sort.kind == "string" for v in variables)
        self._source = ""

    def formula(self, text: str) -> Any:
        """The constraint as a Boolean Z3 expression.

        Raises:
            ExprError: what is wrong, with the offending part.
        """
        term = self._term(text)
        if term.kind != "bool":
            raise ExprError(f"a constraint must be true or false, but {shorten(text)!r} is {term}")
        return term.expr

    def number(self, text: str) -> Any:
        """The Z3 expression of an integer or a rational.

        Raises:
            ExprError: what is wrong, with the offending part.
        """
        term = self._term(text)
        if term.kind not in ("int", "real"):
            raise ExprError(f"expected a number, but {shorten(text)!r} is {term}")
        return term.expr

    def _term(self, text: str) -> Term:
        if len(text) > _MAX_CHARS:
            raise ExprError(f"{len(text)} characters long; at most {_MAX_CHARS} are read")
        self._source = f"({text}\n)"  # so that it may go over several lines, and end in a comment
        try:
            body = ast.parse(self._source, mode="eval").body
            if (body.lineno, body.col_offset) == (1, 0):  # our parenthesis was closed by one of the text's
                raise ExprError(f"a list, or unbalanced parentheses, in {shorten(text)!r}")
            return self._read(body)
        except SyntaxError as error:
            raise ExprError(f"not an expression: {error.msg} in {shorten(text)!r}") from None
        except (RecursionError, MemoryError):
            raise ExprError("nested too deeply") from None
        except ValueError as error:
            raise error if isinstance(error, ExprError) else ExprError(f"not an expression: {error}") from None

    def _text(self, node: ast.expr) -> str:
        return ast.get_source_segment(self._source, node) or ""

    def _read(self, node: ast.expr) -> Term:
        reader = _NODES.get(type(node))
        if reader is None:
            raise ExprError(f"{shorten(self._text(node))!r} is not allowed in a constraint")
        return reader(self, node)

    def _constant(self, node: ast.Constant) -> Term:
        value = node.value
        if isinstance(value, bool):
            return Term("bool", z3.BoolVal(value, self._context))
        if isinstance(value, int):
            return self._integer(value)
        if isinstance(value, float):
            try:
                number = exact(self._decimal(node))
            except ValueError as error:
                raise ExprError(str(error)) from None
            return Term("real", z3.RealVal(str(number), self._context))
        if isinstance(value, str):
            return self._member(value)
        raise ExprError(f"{shorten(self._text(node))!r} is not allowed in a constraint")

    def _decimal(self, node: ast.Constant) -> str:
        """The digits as they stand in the source (`.5` and `1.` completed), which the float has lost."""
        mantissa, mark, exponent = self._text(node).replace("_", "").lower().partition("e")
        whole, _, part = mantissa.partition(".")
        return f"{whole or '0'}.{part or '0'}{mark}{exponent}"

    def _integer(self, value: int) -> Term:
        try:
            return Term("int", z3.IntVal(str(value), self._context), literal=value)
        except ValueError:
            raise ExprError("an integer has more than 4,300 digits") from None

    def _member(self, name: str) -> Term:
        if name in self._codes:
            return Term("enum", self._codes[name], frozenset([name]), word=name)
        if not self._has_strings:
            raise ExprError(f"{shorten(name)!r} is not a value of any variable")
        return self._string(name)

    def _string(self, word: str) -> Term:
        if any(ord(char) > MAX_CHAR for char in word):
            raise ExprError(f"{shorten(word)!r} holds a character above U+{MAX_CHAR:X}")
        return Term("string", to_z3(Sort("string"), word, z3.StringSort(self._context)), word=word)

    def _name(self, node: ast.Name) -> Term:
        variable = self._variables.get(node.id)
        if variable is None:
            if node.id in self._codes:
                return self._member(node.id)
            known = shorten(", ".join(self._variables), 200)
            raise ExprError(f"{shorten(node.id)!r} is not declared; the variables are {known}")
        sort = variable.sort
        return Term(sort.kind, variable.const, frozenset(sort.names), sort.width)

    def _bool_op(self, node: ast.BoolOp) -> Term:
        parts = [self._truth(value) for value in node.values]
        return Term("bool", z3.And(*parts) if isinstance(node.op, ast.And) else z3.Or(*parts))

    def _truth(self, node: ast.expr) -> Any:
        term = self._read(node)
        if term.kind != "bool":
            raise ExprError(f"{shorten(self._text(node))!r} is {term}, where a truth value is needed")
        return term.expr

    def _unary(self, node: ast.UnaryOp) -> Term:
        if isinstance(node.op, ast.Not):
            return Term("bool", z3.Not(self._truth(node.operand)))
        term = self._read(node.operand)
        if isinstance(node.op, ast.Invert):
            if term.kind != "bitvec":
                raise self._wrong(node, "'~' needs a bit-vector", term)
            return Term("bitvec", ~term.expr, width=term.width)
        if term.kind not in ("int", "real", "bitvec"):
            raise self._wrong(node, "a sign needs a number", term)
        if isinstance(node.op, ast.UAdd):
            return term
        if term.literal is not None:
            return self._integer(-term.literal)
        return Term(term.kind, -term.expr, width=term.width)

    def _binary(self, node: ast.BinOp) -> Term:
        if isinstance(node.op, ast.Pow):
            return self._power(node)
        left, right = self._unify([self._read(node.left), self._read(node.right)], node)
        if left.kind == "bitvec" and (bits := BITS.get(type(node.op))):
            return Term("bitvec", bits(left.expr, right.expr), width=left.width)
        if left.kind == "string" and isinstance(node.op, ast.Add):
            return Term("string", z3.Concat(left.expr, right.expr))
        operator = ARITHMETIC.get(type(node.op))
        if operator is None or left.kind not in ("int", "real"):
            raise self._wrong(node, "the operator does not fit", left)
        return operator(left, right)

    def _power(self, node: ast.BinOp) -> Term:
        base, exponent = self._read(node.left), self._read(node.right)
        if base.kind not in ("int", "real"):
            raise self._wrong(node, "'**' needs a number", base)
        if exponent.literal is None or not 0 <= exponent.literal <= _MAX_POWER:
            raise ExprError(f"{shorten(self._text(node))!r}: the exponent must be a number from 0 to {_MAX_POWER}")
        if exponent.literal == 0:
            return Term(base.kind, (z3.IntVal if base.kind == "int" else z3.RealVal)("1", self._context))
        return Term(base.kind, functools.reduce(lambda a, b: a * b, [base.expr] * exponent.literal))

    def _compare(self, node: ast.Compare) -> Term:
        operands = [node.left, *node.comparators]
        parts = [
            self._relation(node, op, left, right)
            for op, (left, right) in zip(node.ops, itertools.pairwise(operands), strict=True)
        ]
        return Term("bool", z3.And(*parts) if len(parts) > 1 else parts[0])

    def _relation(self, node: ast.Compare, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Any:
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(right, ast.List | ast.Tuple | ast.Set) and (whole := self._read(right)).kind == "string":
                found = z3.Contains(whole.expr, self._unify([self._read(left), whole], node)[0].expr)
                return found if isinstance(op, ast.In) else z3.Not(found)
            if not isinstance(right, ast.List | ast.Tuple | ast.Set) or not right.elts:
                raise ExprError(f"{shorten(self._text(node))!r}: after 'in' comes a list such as [1, 2]")
            same = []
            for element in right.elts:
                a, b = self._unify([self._read(left), self._read(element)], node)
                same.append(a.expr == b.expr)
            return z3.Or(*same) if isinstance(op, ast.In) else z3.Not(z3.Or(*same))
        a, b = self._unify([self._read(left), self._read(right)], node)
        if isinstance(op, ast.Eq):
            return a.expr == b.expr
        if isinstance(op, ast.NotEq):
            return a.expr != b.expr
        order = {"bitvec": UNSIGNED, "string": TEXTUAL}.get(a.kind, ORDER).get(type(op))
        if order is None:
            raise ExprError(f"{shorten(self._text(node))!r}: this comparison is not allowed")
        if a.kind in ("bool", "enum"):
            raise self._wrong(node, "cannot be ordered", a)
        return order(a.expr, b.expr)

    def _character(self, node: ast.Subscript) -> Term:
        text, index = self._read(node.value), self._read(node.slice)
        if text.kind != "string" or index.kind != "int":
            raise self._wrong(node, "only a character of a string is taken so, as in t[0]", text)
        return Term("string", text.expr.at(index.expr))

    def _choice(self, node: ast.IfExp) -> Term:
        condition = self._truth(node.test)
        a, b = self._unify([self._read(node.body), self._read(node.orelse)], node, same_names=False)
        return Term(a.kind, z3.If(condition, a.expr, b.expr), a.names | b.names, a.width)

    def _call(self, node: ast.Call) -> Term:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS or node.keywords:
            raise ExprError(f"{shorten(self._text(node))!r} is not allowed; the functions are {', '.join(FUNCTIONS)}")
        arguments = node.args
        if len(arguments) == 1 and isinstance(arguments[0], ast.List | ast.Tuple | ast.Set):
            arguments = arguments[0].elts
        counts = {"abs": (1, 1), "len": (1, 1), "distinct": (2, 10_000)}
        counts |= dict.fromkeys(("iff", "implies", "startswith", "endswith"), (2, 2))
        low, high = counts.get(name, (1, 10_000))
        if not low <= len(arguments) <= high:
            wanted = low if low == high else f"{low} or more"
            raise ExprError(f"{shorten(self._text(node))!r}: {name} takes {wanted} arguments")
        if name in ("iff", "implies"):
            a, b = (self._truth(argument) for argument in arguments)
            return Term("bool", a == b if name == "iff" else z3.Implies(a, b))
        if name == "count":
            counted = [self._counted(Term("bool", self._truth(argument))).expr for argument in arguments]
            return Term("int", functools.reduce(FOLDS["sum"], counted))
        terms = [self._read(argument) for argument in arguments]
        if name == "distinct":
            return self._distinct(terms, node)
        if name in ("len", "startswith", "endswith"):
            return self._of_strings(name, terms, node)
        if name == "sum":
            terms = [self._counted(term) for term in terms]
        terms = self._unify(terms, node)
        if terms[0].kind not in ("int", "real"):
            raise self._wrong(node, f"{name} needs numbers", terms[0])
        folded = functools.reduce(FOLDS[name], [term.expr for term in terms])
        return Term(terms[0].kind, z3.If(folded >= 0, folded, -folded) if name == "abs" else folded)

    def _of_strings(self, name: str, terms: list[Term], node: ast.Call) -> Term:
        first, *rest = terms = self._unify(terms, node)
        if first.kind != "string":
            raise self._wrong(node, f"{name} needs a string", first)
        return Term("bool", STRINGS[name](first.expr, rest[0].expr)) if rest else Term("int", z3.Length(first.expr))

    def _counted(self, term: Term) -> Term:
        """In a sum, as in Python, a truth value counts 1 or 0."""
        if term.kind != "bool":
            return term
        one, zero = z3.IntVal("1", self._context), z3.IntVal("0", self._context)
        return Term("int", z3.If(term.expr, one, zero))

    def _distinct(self, terms: list[Term], node: ast.Call) -> Term:
        if all(term.kind == "enum" for term in terms):
            return Term("bool", z3.Distinct(*(term.expr for term in terms)))
        return Term("bool", z3.Distinct(*(term.expr for term in self._unify(terms, node))))

    def _unify(self, terms: list[Term], node: ast.expr, *, same_names: bool = True) -> list[Term]:
        """The terms at one type: integers beside rationals become rationals, literals beside bit-vectors bits."""
        kinds = {term.kind for term in terms}
        if kinds == {"int", "real"}:
            return [term if term.kind == "real" else Term("real", z3.ToReal(term.expr)) for term in terms]
        if kinds == {"string", "enum"} and all(t.word is not None for t in terms if t.kind == "enum"):
            return [term if term.kind == "string" else self._string(term.word or "") for term in terms]
        widths = {term.width for term in terms if term.kind == "bitvec"}
        if len(widths) == 1 and kinds <= {"int", "bitvec"}:
            return [self._as_bits(term, min(widths), node) for term in terms]
        if len(kinds) > 1 or len(widths) > 1:
            described = " and ".join(dict.fromkeys(str(term) for term in terms))
            raise ExprError(f"{shorten(self._text(node))!r} mixes {described}")
        if kinds == {"enum"} and same_names and not frozenset.intersection(*(term.names for term in terms)):
            described = " and ".join(str(term) for term in terms)
            raise ExprError(f"{shorten(self._text(node))!r} compares {described}, which share no value")
        return terms

    def _as_bits(self, term: Term, width: int, node: ast.expr) -> Term:
        if term.kind == "bitvec":
            return term
        if term.literal is None or not 0 <= term.literal < 2**width:
            raise ExprError(f"{shorten(self._text(node))!r}: beside {width} bits only 0 to {2**width - 1} may stand")
        return Term("bitvec", z3.BitVecVal(str(term.literal), width, self._context), width=width)

    def _wrong(self, node: ast.expr, message: str, term: Term) -> ExprError:
        return ExprError(f"{shorten(self._text(node))!r}: {message}, but this is {term}")


_NODES: dict[type[ast.AST], Callable[[Reader, Any], Term]] = {
    ast.Constant: Reader._constant,
    ast.Name: Reader._name,
    ast.BoolOp: Reader._bool_op,
    ast.UnaryOp: Reader._unary,
    ast.BinOp: Reader._binary,
    ast.Compare: Reader._compare,
    ast.IfExp: Reader._choice,
    ast.Call: Reader._call,
    ast.Subscript: Reader._character,
}
