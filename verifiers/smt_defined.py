"""When a Z3 formula is surely true: no division by zero decides it. Runs in a worker.

Z3 gives `x/0`, `div`, `mod` and `rem` by 0 any value that helps, so `(= (/ x 0.0) 7.0)` has a model for every `x`. Here
a formula is accepted only where it is true *and* what makes it true is defined, in strong Kleene logic: a false
conjunct decides a conjunction and a true disjunct a disjunction, whatever is undefined beside it, so guards such as
`(or (= y 0) (> (/ x y) 2))` work.

    T(φ) surely true, F(φ) surely false, D(t) defined
    T(a ∧ b) = T(a) ∧ T(b)      F(a ∧ b) = F(a) ∨ F(b)      T(¬a) = F(a)      T(∀x.a) = ∀x.T(a)
    T(p(t…)) = D(t…) ∧ p(t…)    F(p(t…)) = D(t…) ∧ ¬p(t…)
    D(a / b) = D(a) ∧ D(b) ∧ b ≠ 0      D(ite(c, a, b)) = T(c) ∧ D(a) ∨ F(c) ∧ D(b)

Kleene, Introduction to Metamathematics (1952), §64.
"""

from __future__ import annotations

from typing import Any

import z3

from modulo.verifiers.smt_graph import Graph

__all__ = ["UnsupportedError", "analyse", "defined", "surely"]

_PARTIAL = {z3.Z3_OP_DIV, z3.Z3_OP_IDIV, z3.Z3_OP_MOD, z3.Z3_OP_REM}
_TOTAL_NAMES = """
    TRUE FALSE EQ DISTINCT ITE AND OR IFF XOR NOT IMPLIES ANUM LE GE LT GT ADD SUB UMINUS MUL TO_REAL TO_INT IS_INT ABS
    DT_CONSTRUCTOR DT_RECOGNISER DT_IS
    BNUM BIT1 BIT0 BNEG BADD BSUB BMUL BSDIV BUDIV BSREM BUREM BSMOD ULEQ SLEQ UGEQ SGEQ ULT SLT UGT SGT
    BAND BOR BNOT BXOR BNAND BNOR BXNOR CONCAT SIGN_EXT ZERO_EXT EXTRACT REPEAT BREDOR BREDAND BCOMP BSHL BLSHR BASHR
    ROTATE_LEFT ROTATE_RIGHT EXT_ROTATE_LEFT EXT_ROTATE_RIGHT INT2BV BV2INT SBV2INT BIT2BOOL PB_AT_MOST PB_AT_LEAST
    SELECT STORE CONST_ARRAY
    SEQ_CONCAT SEQ_LENGTH SEQ_AT SEQ_EXTRACT SEQ_PREFIX SEQ_SUFFIX SEQ_CONTAINS SEQ_INDEX SEQ_REPLACE SEQ_REPLACE_ALL
    SEQ_IN_RE SEQ_TO_RE STRING_LT STRING_LE STR_TO_INT INT_TO_STR STR_TO_CODE STR_FROM_CODE
    RE_RANGE RE_STAR RE_PLUS RE_OPTION RE_POWER RE_LOOP RE_CONCAT RE_UNION RE_INTERSECT RE_COMPLEMENT RE_DIFF
    RE_FULL_SET RE_FULL_CHAR_SET RE_EMPTY_SET
"""
# Older Z3 lacks a few of these.
_TOTAL = {getattr(z3, f"Z3_OP_{name}", None) for name in _TOTAL_NAMES.split()} - {None}
"""Operators with one meaning for all arguments. What is in neither set is refused, whatever it means."""

_KNOWN = _TOTAL | _PARTIAL

_TOTAL_INTERNAL = {
    *("bvnego", "bvuaddo", "bvsaddo", "bvumulo", "bvsmulo", "bvusubo", "bvssubo", "bvsdivo"),
    "str.is_digit",
    "String",  # a literal
}
"""The same, of those that Z3 gives no kind of their own. No spec can declare such a function."""

_CONNECTIVES = {z3.Z3_OP_NOT, z3.Z3_OP_AND, z3.Z3_OP_OR, z3.Z3_OP_IMPLIES, z3.Z3_OP_ITE}

_MAX_POWER = 1000
_MAX_WIDTH = 1 << 16


class UnsupportedError(ValueError):
    """The formula holds an operator that is not known here."""


def analyse(formula: Any, graph: Graph | None = None) -> tuple[dict[str, Any], bool]:
    """The constants in a formula by name, in order of occurrence, and whether it holds a partial operator.

    `graph` is where terms have been looked at before.

    Raises:
        UnsupportedError: it holds an operator without a known meaning here: floating point, functions, sequences, …
    """
    graph = graph or Graph()
    constants: dict[str, Any] = {}
    partial = False
    seen: set[int] = set()
    stack = [graph.add(formula)]
    while stack:
        key = stack.pop()
        if key in seen:
            continue
        seen.add(key)
        node, kind, children = graph.parts[key]
        if kind is None:
            if z3.is_quantifier(node) and node.is_lambda():
                raise UnsupportedError("lambda is not supported")
        elif kind == z3.Z3_OP_UNINTERPRETED and not children:
            constants[node.decl().name()] = node
        else:
            partial = partial or kind in _PARTIAL
            _check(node, kind)
        stack.extend(reversed(children))
    return constants, partial


def _check(node: Any, kind: int) -> None:
    if isinstance(node, z3.BitVecRef) and node.size() > _MAX_WIDTH:
        raise UnsupportedError(f"a bit-vector of {node.size()} bits; at most {_MAX_WIDTH} are supported")
    if kind == z3.Z3_OP_POWER:
        _check_power(node)
    elif kind == z3.Z3_OP_INTERNAL:
        if node.decl().name() not in _TOTAL_INTERNAL:
            raise UnsupportedError(f"the operator {node.decl().name()} is not supported")
    elif kind not in _KNOWN or (isinstance(node, z3.SeqRef) and _other_sequence(node)):
        raise UnsupportedError(f"the operator {node.decl().name()} is not supported")


def _other_sequence(node: Any) -> bool:
    """Whether a term is a sequence of anything but characters."""
    return not node.sort().is_string()


def _check_power(node: Any) -> None:
    """`0^0`, `x^-1` and roots have no agreed meaning; a positive whole exponent has."""
    exponent: Any = z3.simplify(node.arg(1))
    text = str(exponent.as_fraction()) if z3.is_rational_value(exponent) else str(exponent)
    if not (text.isdigit() and 1 <= len(text) <= 4 and 1 <= int(text) <= _MAX_POWER):
        raise UnsupportedError(f"the exponent of ^ must be a number from 1 to {_MAX_POWER}")


def surely(formula: Any) -> tuple[Any, Any]:
    """T and F of a formula, as Z3 formulas without any dependence on a division by zero."""
    return _Translator(formula.ctx).truth(formula)


def defined(term: Any) -> Any:
    """D of a term of any sort."""
    return _Translator(term.ctx).defined(term)


class _Translator:
    def __init__(self, context: Any) -> None:
        self._yes = z3.BoolVal(True, context)
        self._truth: dict[int, tuple[Any, Any]] = {}
        self._defined: dict[int, Any] = {}
        self._kept: list[Any] = []  # Z3 reuses the id of a term that nobody holds

    def truth(self, node: Any) -> tuple[Any, Any]:
        key = node.get_id()
        if key not in self._truth:
            self._kept.append(node)
            self._truth[key] = self._translate(node)
        return self._truth[key]

    def _translate(self, node: Any) -> tuple[Any, Any]:
        if z3.is_quantifier(node):
            return self._quantifier(node)
        if z3.is_app(node):
            kind, args = node.decl().kind(), node.children()
            if kind == z3.Z3_OP_NOT:
                yes, no = self.truth(args[0])
                return no, yes
            if kind in (z3.Z3_OP_AND, z3.Z3_OP_OR) and args:
                parts = [self.truth(arg) for arg in args]
                first, second = (z3.And, z3.Or) if kind == z3.Z3_OP_AND else (z3.Or, z3.And)
                return first(*(yes for yes, _ in parts)), second(*(no for _, no in parts))
            if kind == z3.Z3_OP_IMPLIES:
                (a_yes, a_no), (b_yes, b_no) = (self.truth(arg) for arg in args)
                return z3.Or(a_no, b_yes), z3.And(a_yes, b_no)
            if kind == z3.Z3_OP_ITE:
                (c_yes, c_no), (a_yes, a_no), (b_yes, b_no) = (self.truth(arg) for arg in args)
                return self._either(c_yes, a_yes, c_no, b_yes), self._either(c_yes, a_no, c_no, b_no)
        defined = self._all(self.defined(arg) for arg in node.children())
        return z3.And(defined, node), z3.And(defined, z3.Not(node))

    def _quantifier(self, node: Any) -> tuple[Any, Any]:
        bound = [z3.FreshConst(node.var_sort(i)) for i in range(node.num_vars())]
        # De Bruijn index 0 is the innermost, which is the last one.
        yes, no = self.truth(z3.substitute_vars(node.body(), *reversed(bound)))
        if node.is_forall():
            return z3.ForAll(bound, yes), z3.Exists(bound, no)
        return z3.Exists(bound, yes), z3.ForAll(bound, no)

    def defined(self, node: Any) -> Any:
        """D of a term of any sort."""
        key = node.get_id()
        if key not in self._defined:
            self._kept.append(node)
            self._defined[key] = self._when_defined(node)
        return self._defined[key]

    def _when_defined(self, node: Any) -> Any:
        if z3.is_quantifier(node) or (z3.is_bool(node) and z3.is_app(node) and node.decl().kind() in _CONNECTIVES):
            return z3.Or(*self.truth(node))
        if not z3.is_app(node) or node.num_args() == 0:
            return self._yes
        kind, args = node.decl().kind(), node.children()
        if kind == z3.Z3_OP_ITE:
            yes, no = self.truth(args[0])
            return self._either(yes, self.defined(args[1]), no, self.defined(args[2]))
        parts = [self.defined(arg) for arg in args]
        if kind in _PARTIAL:
            parts.append(args[1] != 0)
        return self._all(parts)

    @staticmethod
    def _either(when: Any, then: Any, otherwise: Any, instead: Any) -> Any:
        return z3.Or(z3.And(when, then), z3.And(otherwise, instead))

    def _all(self, parts: Any) -> Any:
        needed = [part for part in parts if not z3.is_true(part)]
        return z3.And(*needed) if len(needed) > 1 else needed[0] if needed else self._yes
