"""Each operator of Z3 as Python source, or for regular expressions as a matcher. Runs in a worker; see `smt_python.py`.

An operator gets the Z3 term, its arguments as Python expressions, and a function that gives a Python value a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import z3

from modulo.verifiers import smt_regex
from modulo.verifiers.smt_semantics import Equality

__all__ = ["OPERATORS", "Operand", "UncompilableError", "equality"]

MAX_WIDTH = 1 << 16


class UncompilableError(ValueError):
    """A term without a translation to Python."""


@dataclass(frozen=True)
class Operand:
    """A translated term.

    Attributes:
        text: its Python expression; "" for a regular expression.
        depth: how deep that expression is nested.
        value: of a literal, its value; of a regular expression, its matcher.
    """

    text: str
    node: Any
    depth: int = 0
    value: Any = None

    @property
    def simple(self) -> bool:
        """A name or a literal: it costs nothing to write it twice."""
        return self.depth == 0


Parts: TypeAlias = "list[Operand]"
Name: TypeAlias = "Callable[[Any], str]"
Operator: TypeAlias = "Callable[[Any, Parts, Name], Any]"
OPERATORS: dict[Any, Operator] = {}
"""By the kind of declaration, and for those kinds that Z3 keeps to itself by name."""


def equality(sort: Any) -> Equality | None:
    """How arrays of a sort are compared; `None` for any other sort, whose values Python can compare.

    Raises:
        UncompilableError: an array over more than one index, or over arrays.
    """
    if not isinstance(sort, z3.ArraySortRef):
        return None
    index = sort.domain()
    if isinstance(index, z3.ArraySortRef) or z3.Z3_get_array_arity(sort.ctx_ref(), sort.ast) != 1:
        raise UncompilableError("an array over arrays, or over two indices")
    size = 0
    if isinstance(index, z3.BitVecSortRef):
        size = 1 << index.size()
    elif isinstance(index, z3.DatatypeSortRef):
        size = index.num_constructors()
    elif index.kind() == z3.Z3_BOOL_SORT:
        size = 2
    return size, equality(sort.range())


def _operator(*kinds: Any) -> Callable[[Operator], Operator]:
    def register(operator: Operator) -> Operator:
        for kind in kinds:
            if kind is not None:
                OPERATORS[kind] = operator
        return operator

    return register


def _infix(symbol: str) -> Operator:
    return lambda node, parts, name: "(" + f" {symbol} ".join(part.text for part in parts) + ")"


def _call(function: str, *extra: Callable[[Any], Any]) -> Operator:
    """A call of a function of `smt_semantics`, with numbers taken from the term after the arguments."""

    def operator(node: Any, parts: Parts, name: Name) -> str:
        return f"{function}({', '.join([part.text for part in parts] + [str(get(node)) for get in extra])})"

    return operator


def _form(template: str) -> Operator:
    """`{0}` and `{1}` are arguments, `{w}` the width of the first, `{m}` all ones of the term's width,
    `{h}` the sign bit of the first, `{p}` and `{q}` parameters.

    A term of more arguments than the template names does not compile: none may be passed over."""
    named = len(set(re.findall(r"\{(\d)\}", template)))

    def operator(node: Any, parts: Parts, name: Name) -> str:
        if len(parts) != named:
            raise UncompilableError(f"{node.decl().name()} of {len(parts)} arguments")
        first = node.arg(0)
        width = first.size() if z3.is_bv(first) else 0
        own = node.size() if z3.is_bv(node) else 0
        if max(width, own) > MAX_WIDTH:
            raise UncompilableError("a very wide bit-vector")
        numbers = [int(number) for number in node.params() if str(number).isdigit()] + [0, 0]
        return template.format(
            *(part.text for part in parts),
            w=width, m=(1 << own) - 1, h=1 << width >> 1, p=numbers[0], q=numbers[1], lm=(1 << width) - 1,
        )  # fmt: skip

    return operator


def _modular(symbol: str) -> Operator:
    """A sum or a product of any number of bit-vectors; Python's integers have room for what is then cut off."""
    operator = _infix(symbol)

    def masked(node: Any, parts: Parts, name: Name) -> str:
        if node.size() > MAX_WIDTH:
            raise UncompilableError("a very wide bit-vector")
        return f"({operator(node, parts, name)} & {(1 << node.size()) - 1})"

    return masked


def _pair(node: Any, parts: Parts) -> Parts:
    if len(parts) != 2:
        raise UncompilableError(f"{node.decl().name()} of {len(parts)} arguments")
    return parts


def _two(operator: Operator) -> Operator:
    """An operator with exactly two arguments, where Z3 takes more and the standard does not say what they mean."""

    def checked(node: Any, parts: Parts, name: Name) -> Any:
        return operator(node, _pair(node, parts), name)

    return checked


OPERATORS |= {
    z3.Z3_OP_AND: _infix("and"),
    z3.Z3_OP_OR: _infix("or"),
    z3.Z3_OP_XOR: _two(_infix("!=")),
    z3.Z3_OP_IFF: _two(_infix("==")),
    z3.Z3_OP_NOT: _form("(not {0})"),
    z3.Z3_OP_IMPLIES: _two(_form("(not {0} or {1})")),
    z3.Z3_OP_ITE: _form("({1} if {0} else {2})"),
    z3.Z3_OP_LE: _two(_infix("<=")),
    z3.Z3_OP_LT: _two(_infix("<")),
    z3.Z3_OP_GE: _two(_infix(">=")),
    z3.Z3_OP_GT: _two(_infix(">")),
    z3.Z3_OP_ADD: _infix("+"),
    z3.Z3_OP_SUB: _infix("-"),
    z3.Z3_OP_MUL: _infix("*"),
    z3.Z3_OP_UMINUS: _form("(-{0})"),
    z3.Z3_OP_ABS: _form("abs({0})"),
    z3.Z3_OP_TO_REAL: lambda node, parts, name: parts[0].text,
    z3.Z3_OP_TO_INT: _form("floor({0})"),
    z3.Z3_OP_IS_INT: _form("(({0}).denominator == 1)"),
    z3.Z3_OP_DIV: _two(_call("divide")),
    z3.Z3_OP_REM: _two(_call("rem")),
    z3.Z3_OP_BADD: _modular("+"),
    z3.Z3_OP_BSUB: _form("({0} - {1} & {m})"),
    z3.Z3_OP_BMUL: _modular("*"),
    z3.Z3_OP_BNEG: _form("(-{0} & {m})"),
    z3.Z3_OP_BNOT: _form("({0} ^ {m})"),
    z3.Z3_OP_BAND: _infix("&"),
    z3.Z3_OP_BOR: _infix("|"),
    z3.Z3_OP_BXOR: _infix("^"),
    z3.Z3_OP_BNAND: _two(_form("(({0} & {1}) ^ {m})")),
    z3.Z3_OP_BNOR: _two(_form("(({0} | {1}) ^ {m})")),
    z3.Z3_OP_BXNOR: _two(_form("({0} ^ {1} ^ {m})")),
    z3.Z3_OP_BUDIV: _form("bvudiv({0}, {1}, {w})"),
    z3.Z3_OP_BUREM: _form("bvurem({0}, {1})"),
    z3.Z3_OP_BSDIV: _form("bvsdiv({0}, {1}, {w})"),
    z3.Z3_OP_BSREM: _form("bvsrem({0}, {1}, {w})"),
    z3.Z3_OP_BSMOD: _form("bvsmod({0}, {1}, {w})"),
    z3.Z3_OP_ULEQ: _two(_infix("<=")),
    z3.Z3_OP_ULT: _two(_infix("<")),
    z3.Z3_OP_UGEQ: _two(_infix(">=")),
    z3.Z3_OP_UGT: _two(_infix(">")),
    # Flipping the sign bit turns the signed order into the unsigned one.
    z3.Z3_OP_SLEQ: _form("(({0} ^ {h}) <= ({1} ^ {h}))"),
    z3.Z3_OP_SLT: _form("(({0} ^ {h}) < ({1} ^ {h}))"),
    z3.Z3_OP_SGEQ: _form("(({0} ^ {h}) >= ({1} ^ {h}))"),
    z3.Z3_OP_SGT: _form("(({0} ^ {h}) > ({1} ^ {h}))"),
    z3.Z3_OP_BSHL: _form("bvshl({0}, {1}, {w})"),
    z3.Z3_OP_BLSHR: _form("bvlshr({0}, {1}, {w})"),
    z3.Z3_OP_BASHR: _form("bvashr({0}, {1}, {w})"),
    z3.Z3_OP_ROTATE_LEFT: _form("rotate_left({0}, {p}, {w})"),
    z3.Z3_OP_ROTATE_RIGHT: _form("rotate_left({0}, -{p}, {w})"),
    z3.Z3_OP_EXT_ROTATE_LEFT: _form("rotate_left({0}, {1}, {w})"),
    z3.Z3_OP_EXT_ROTATE_RIGHT: _form("rotate_left({0}, -{1}, {w})"),
    z3.Z3_OP_EXTRACT: _form("({0} >> {q} & {m})"),
    z3.Z3_OP_ZERO_EXT: _form("{0}"),
    z3.Z3_OP_SIGN_EXT: _form("sign_extend({0}, {w}, {p})"),
    z3.Z3_OP_REPEAT: _form("repeat({0}, {w}, {p})"),
    z3.Z3_OP_BREDOR: _form("(1 if {0} else 0)"),
    z3.Z3_OP_BREDAND: _form("(1 if {0} == {lm} else 0)"),
    z3.Z3_OP_BCOMP: _form("(1 if {0} == {1} else 0)"),
    z3.Z3_OP_BIT2BOOL: _form("({0} >> {p} & 1 == 1)"),
    z3.Z3_OP_INT2BV: _form("({0} & {m})"),
    z3.Z3_OP_BV2INT: _form("{0}"),
    z3.Z3_OP_SBV2INT: _form("signed({0}, {w})"),
    "bvnego": _form("({0} == {h})"),
    "bvuaddo": _form("({0} + {1} > {lm})"),
    "bvumulo": _form("({0} * {1} > {lm})"),
    "bvusubo": _form("({0} < {1})"),
    "bvsaddo": _form("outside(signed({0}, {w}) + signed({1}, {w}), {w})"),
    "bvssubo": _form("outside(signed({0}, {w}) - signed({1}, {w}), {w})"),
    "bvsmulo": _form("outside(signed({0}, {w}) * signed({1}, {w}), {w})"),
    "bvsdivo": _form("({0} == {h} and {1} == {lm})"),
    z3.Z3_OP_SEQ_CONCAT: _infix("+"),
    z3.Z3_OP_SEQ_LENGTH: _form("len({0})"),
    z3.Z3_OP_SEQ_AT: _call("str_at"),
    z3.Z3_OP_SEQ_EXTRACT: _call("str_substr"),
    z3.Z3_OP_SEQ_PREFIX: _form("{1}.startswith({0})"),
    z3.Z3_OP_SEQ_SUFFIX: _form("{1}.endswith({0})"),
    z3.Z3_OP_SEQ_CONTAINS: _form("({1} in {0})"),
    z3.Z3_OP_SEQ_REPLACE: _call("str_replace"),
    z3.Z3_OP_SEQ_REPLACE_ALL: _call("str_replace_all"),
    z3.Z3_OP_STRING_LT: _form("({0} < {1})"),
    z3.Z3_OP_STRING_LE: _form("({0} <= {1})"),
    z3.Z3_OP_STR_TO_INT: _call("str_to_int"),
    z3.Z3_OP_INT_TO_STR: _call("str_from_int"),
    z3.Z3_OP_STR_TO_CODE: _call("str_to_code"),
    z3.Z3_OP_STR_FROM_CODE: _call("str_from_code"),
    "str.is_digit": _call("str_is_digit"),
    z3.Z3_OP_PB_AT_MOST: lambda node, parts, name: f"(sum({_tuple(parts)}) <= {node.params()[0]})",
    z3.Z3_OP_PB_AT_LEAST: lambda node, parts, name: f"(sum({_tuple(parts)}) >= {node.params()[0]})",
}


def _tuple(parts: Parts) -> str:
    return "(" + "".join(f"{part.text}, " for part in parts) + ")"


@_operator(z3.Z3_OP_EQ)
def _equal(node: Any, parts: Parts, name: Name) -> str:
    how = equality(node.arg(0).sort())
    if how is None:
        return f"({parts[0].text} == {parts[1].text})"
    return f"same_array({parts[0].text}, {parts[1].text}, {how})"


@_operator(z3.Z3_OP_DISTINCT)
def _distinct(node: Any, parts: Parts, name: Name) -> str:
    how = equality(node.arg(0).sort())
    if how is not None:
        return f"all_differ({_tuple(parts)}, {how})"
    if len(parts) == 2:
        return f"({parts[0].text} != {parts[1].text})"
    return f"(len({{{', '.join(part.text for part in parts)}}}) == {len(parts)})"


@_operator(z3.Z3_OP_IDIV)
def _div(node: Any, parts: Parts, name: Name) -> str:
    a, b = _pair(node, parts)
    by_a_positive_number = isinstance(b.value, int) and b.value > 0
    return f"({a.text} // {b.text})" if by_a_positive_number else f"div({a.text}, {b.text})"


@_operator(z3.Z3_OP_MOD)
def _mod(node: Any, parts: Parts, name: Name) -> str:
    a, b = _pair(node, parts)
    by_a_positive_number = isinstance(b.value, int) and b.value > 0
    return f"({a.text} % {b.text})" if by_a_positive_number else f"mod({a.text}, {b.text})"


@_operator(z3.Z3_OP_POWER)
def _power(node: Any, parts: Parts, name: Name) -> str:
    exponent = parts[1].value
    if exponent is None and node.arg(1).num_args() == 1:  # (to_real 2)
        inner: Any = z3.simplify(node.arg(1))
        exponent = inner.numerator_as_long() if z3.is_rational_value(inner) and inner.denominator_as_long() == 1 else 0
    if not isinstance(exponent, int) or exponent < 1:
        raise UncompilableError("an exponent that is no number")
    return f"({parts[0].text} ** {exponent})"


@_operator(z3.Z3_OP_CONCAT)
def _concat(node: Any, parts: Parts, name: Name) -> str:
    if node.size() > MAX_WIDTH:
        raise UncompilableError("a very wide bit-vector")
    place, pieces = node.size(), []
    for part, child in zip(parts, node.children(), strict=True):
        place -= child.size()
        pieces.append(f"{part.text} << {place}" if place else part.text)
    return "(" + " | ".join(pieces) + ")"


@_operator(z3.Z3_OP_DT_IS, z3.Z3_OP_DT_RECOGNISER)
def _is(node: Any, parts: Parts, name: Name) -> str:
    sort = node.arg(0).sort()
    constructor = node.params()[0].name() if node.params() else ""
    for i in range(sort.num_constructors()):
        if sort.constructor(i).name() == constructor or sort.recognizer(i).name() == node.decl().name() != "is":
            return f"({parts[0].text} == {i})"
    raise UncompilableError("a test for an unknown constructor")


@_operator(z3.Z3_OP_SELECT)
def _select(node: Any, parts: Parts, name: Name) -> str:
    equality(node.arg(0).sort())
    return f"select({', '.join(part.text for part in parts)})"


@_operator(z3.Z3_OP_STORE)
def _store(node: Any, parts: Parts, name: Name) -> str:
    equality(node.sort())
    return f"store({', '.join(part.text for part in parts)})"


@_operator(z3.Z3_OP_CONST_ARRAY)
def _constant_array(node: Any, parts: Parts, name: Name) -> str:
    equality(node.sort())
    return f"({parts[0].text}, {{}})"


@_operator(z3.Z3_OP_SEQ_INDEX)
def _indexof(node: Any, parts: Parts, name: Name) -> str:
    return f"str_indexof({', '.join([part.text for part in parts] + ['0'] * (3 - len(parts)))})"


@_operator(z3.Z3_OP_SEQ_IN_RE)
def _in_regex(node: Any, parts: Parts, name: Name) -> str:
    return f"matches({name(parts[1].value)}, {parts[0].text})"


def _regexes(parts: Parts) -> list[Any]:
    return [part.value for part in parts]


def _word(part: Operand) -> str:
    if not isinstance(part.value, str):
        raise UncompilableError("a regular expression that hangs on a value")
    return part.value


def _one(parts: Parts) -> Any:
    if len(parts) != 1:
        raise UncompilableError("a regular expression with computed bounds")
    return parts[0].value


def _bounds(node: Any) -> list[int]:
    return [int(number) for number in node.params()]


@_operator(z3.Z3_OP_RE_LOOP)
def _loop(node: Any, parts: Parts, name: Name) -> Any:
    low, *high = _bounds(node)
    return smt_regex.times(_one(parts), low, high[0] if high else None)


OPERATORS |= {
    z3.Z3_OP_SEQ_TO_RE: lambda node, parts, name: smt_regex.literal(_word(parts[0])),
    z3.Z3_OP_RE_RANGE: lambda node, parts, name: smt_regex.one_of(_word(parts[0]), _word(parts[1])),
    z3.Z3_OP_RE_STAR: lambda node, parts, name: smt_regex.times(_one(parts), 0, None),
    z3.Z3_OP_RE_PLUS: lambda node, parts, name: smt_regex.times(_one(parts), 1, None),
    z3.Z3_OP_RE_OPTION: lambda node, parts, name: smt_regex.times(_one(parts), 0, 1),
    z3.Z3_OP_RE_POWER: lambda node, parts, name: smt_regex.times(_one(parts), _bounds(node)[0], _bounds(node)[0]),
    z3.Z3_OP_RE_CONCAT: lambda node, parts, name: smt_regex.chain(_regexes(parts)),
    z3.Z3_OP_RE_UNION: lambda node, parts, name: smt_regex.either(_regexes(parts)),
    z3.Z3_OP_RE_INTERSECT: lambda node, parts, name: smt_regex.inside(_regexes(parts)),
    z3.Z3_OP_RE_COMPLEMENT: lambda node, parts, name: smt_regex.negation(_one(parts)),
    z3.Z3_OP_RE_DIFF: lambda node, parts, name: smt_regex.difference(*_regexes(parts)),
    z3.Z3_OP_RE_FULL_SET: lambda node, parts, name: smt_regex.any_text,
    z3.Z3_OP_RE_FULL_CHAR_SET: lambda node, parts, name: smt_regex.any_char,
    z3.Z3_OP_RE_EMPTY_SET: lambda node, parts, name: smt_regex.nothing,
}
