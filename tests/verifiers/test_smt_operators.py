"""Every operator by itself: its Python translation against Z3's own evaluation, at the edges of its arguments."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import pytest
import z3
from tests.verifiers.test_smt_agreement import term, value

from modulo.verifiers.smt_python import compile_term
from modulo.verifiers.smt_python_ops import OPERATORS

INTS = [*range(-9, 10), 2**70, -(2**70)]
REALS = sorted({Fraction(n, d) for n in range(-7, 8) for d in (1, 2, 3)})
TEXTS = ["", "a", "b", "ab", "aab", "abab", "0", "7", "07", "-1", "é", "é0", "\U0001f600", "a\x7f", "\u0660"]
SORTS: dict[str, tuple[str, list[Any]]] = {
    "p": ("Bool", [False, True]),
    "q": ("Bool", [False, True]),
    "i": ("Int", INTS),
    "j": ("Int", INTS),
    "r": ("Real", REALS),
    "s": ("Real", REALS),
    "t": ("String", TEXTS),
    "u": ("String", TEXTS),
    "k": ("Int", [-1, 0, 1, 2, 5]),
    **{f"{n}{w}": (f"(_ BitVec {w})", list(range(2**w))) for n in "vw" for w in (1, 3)},
    **{f"{n}8": ("(_ BitVec 8)", [0, 1, 2, 3, 7, 8, 9, 127, 128, 129, 200, 254, 255]) for n in "vw"},
    "a": ("(Array Int Int)", [(0, {}), (0, {1: 2}), (1, {0: 1}), (1, {}), (0, {1: 2, 0: 0})]),
    "b": ("(Array Int Int)", [(0, {}), (0, {1: 2}), (1, {0: 1}), (1, {}), (0, {1: 0})]),
    "f": ("(Array Bool Int)", [(0, {}), (0, {True: 2}), (2, {False: 0}), (9, {False: 0, True: 2})]),
    "g": ("(Array Bool Int)", [(0, {}), (0, {True: 2}), (2, {False: 0}), (9, {False: 0, True: 2})]),
}
BITS = [
    *(
        f"({op} v# w#)"
        for op in ["bvadd", "bvsub", "bvmul", "bvand", "bvor", "bvxor", "bvnand", "bvnor", "bvxnor", "bvudiv"]
    ),
    *(
        f"({op} v# w#)"
        for op in ["bvurem", "bvsdiv", "bvsrem", "bvsmod", "bvshl", "bvlshr", "bvashr", "concat", "bvcomp"]
    ),
    *(f"({op} v# w#)" for op in ["bvult", "bvule", "bvugt", "bvuge", "bvslt", "bvsle", "bvsgt", "bvsge", "="]),
    *(f"({op} v# w#)" for op in ["bvuaddo", "bvsaddo", "bvusubo", "bvssubo", "bvumulo", "bvsmulo", "bvsdivo"]),
    *(f"({op} v#)" for op in ["bvneg", "bvnot", "bvnego", "bvredor", "bvredand", "ubv_to_int", "sbv_to_int", "bv2nat"]),
    *("(ext_rotate_left v# w#)", "(ext_rotate_right v# w#)", "((_ rotate_left 2) v#)", "((_ rotate_right 5) v#)"),
    *("((_ extract 0 0) v#)", "((_ zero_extend 3) v#)", "((_ sign_extend 3) v#)", "((_ repeat 3) v#)"),
    *("((_ bit2bool 0) v#)", "(bvand v# w# v#)", "(bvadd v# w# v#)", "(concat v# w# v#)"),
]
TERMS = [
    *("(and p q)", "(or p q)", "(xor p q)", "(=> p q)", "(= p q)", "(distinct p q)", "(not p)", "(ite p i j)"),
    *("(=> p q p)", "(xor p q p)", "((_ at-most 1) p q)", "((_ at-least 1) p q)", "(ite p q (not q))"),
    *("(+ i j)", "(- i j)", "(* i j)", "(- i)", "(abs i)", "(< i j)", "(<= i j)", "(> i j)", "(>= i j)", "(= i j 3)"),
    *("(+ r s)", "(- r s)", "(* r s)", "(- r)", "(abs r)", "(< r s)", "(<= r s)", "(> r s)", "(>= r s)", "(= r s)"),
    *("(^ i 3)", "(^ r 2)", "(to_int r)", "(to_real i)", "(is_int r)", "(- i j 2 i)", "(distinct i j 3)"),
    *(f"({op} i {n})" for op in ("div", "mod", "rem") for n in ("1", "2", "3", "(- 1)", "(- 3)", "7")),
    *("(/ r 3.0)", "(/ r (- 0.5))", "(ite (= j 0) 5 (div i j))", "(ite (= j 0) 5 (mod i j))"),
    *("(ite (= j 0) 5 (rem i j))", "(ite (= s 0.0) 5.0 (/ r s))", "((_ int_to_bv 3) i)", "((_ int_to_bv 8) i)"),
    *("(str.++ t u)", "(str.len t)", "(str.at t k)", "(str.substr t k 2)", "(str.substr t 1 k)", "(str.prefixof t u)"),
    *("(str.suffixof t u)", "(str.contains t u)", "(str.indexof t u k)", "(str.indexof t u)", "(str.replace t u t)"),
    *("(str.replace t u \"x\")", "(str.replace_all t u \"x\")", "(str.replace_all t u \"\")", "(str.to_int t)"),
    *("(str.from_int i)", "(str.to_code t)", "(str.from_code i)", "(str.is_digit t)", "(str.< t u)", "(str.<= t u)"),
    *("(str.from_code (+ 195000 (* i 200)))", "(str.in_re t (re.opt (re.range \"a\" \"b\")))", "(= t u)"),
    *("(str.in_re t (re.range \"ab\" \"b\"))", "(str.in_re t ((_ re.loop 2 1) re.allchar))", "(str.in_re t re.all)"),
    *("(str.in_re t (re.+ (re.union (str.to_re \"a\") (str.to_re \"ab\"))))", "(str.in_re t ((_ re.^ 2) re.allchar))"),
    *("(select a i)", "(select (store a k j) i)", "(= a b)", "(= (store a k 2) b)", "(distinct a b)", "(= f g)"),
    *("(= f ((as const (Array Bool Int)) 2))", "(= (store f p 2) g)", "(select ((as const (Array Int Int)) 3) i)"),
    *(template.replace("#", width) for template in BITS for width in ("1", "3", "8")),
]  # fmt: skip


def parse(text: str, context: Any) -> tuple[Any, dict[str, Any]]:
    declared = "".join(f"(declare-const {name} {sort})" for name, (sort, _) in SORTS.items())
    probes = "".join(f"(assert (= {name} {name}))" for name in SORTS)
    first, *rest = z3.parse_smt2_string(f"{declared}(assert (= {text} {text})){probes}", ctx=context)
    return first.arg(0), {name: probe.arg(0) for name, probe in zip(SORTS, rest, strict=True)}


def used(node: Any) -> set[str]:
    if not node.children():
        return {node.decl().name()} & SORTS.keys()
    return set().union(*map(used, node.children()))


def kinds(node: Any) -> set[Any]:
    own = node.decl().name() if node.decl().kind() == z3.Z3_OP_INTERNAL else node.decl().kind()
    return {own}.union(*map(kinds, node.children()))


def evaluated(ground: Any) -> Any:
    """The value of a term without constants; a solver's, where evaluation stops short of one."""
    short = z3.simplify(ground)
    if z3.is_bool(short) and not (z3.is_true(short) or z3.is_false(short)):
        solver = z3.Solver(ctx=CONTEXT)
        solver.add(z3.Not(short))
        return solver.check() == z3.unsat
    return value(short)


CONTEXT = z3.Context()


@pytest.mark.parametrize("text", TERMS)
def test_an_operator_means_what_it_means_to_z3(text: str) -> None:
    node, constants = parse(text, CONTEXT)
    names = sorted(used(node))
    function = compile_term(node, {name: place for place, name in enumerate(names)})
    for values in itertools.product(*(SORTS[name][1] for name in names)):
        pairs = [(constants[n], term(v, constants[n].sort())) for n, v in zip(names, values, strict=True)]
        expected = evaluated(z3.substitute(node, *pairs))
        got = function(values)
        assert got == expected, (text, values)
        assert isinstance(got, bool) is z3.is_bool(node)


def test_no_operator_is_left_out() -> None:
    """All but those whose only use is inside a regular expression, or that Z3 writes in another way."""
    tried = set().union(*(kinds(parse(text, CONTEXT)[0]) for text in TERMS))
    elsewhere = {z3.Z3_OP_IFF, z3.Z3_OP_DT_IS, z3.Z3_OP_DT_RECOGNISER}
    elsewhere |= {z3.Z3_OP_RE_STAR, z3.Z3_OP_RE_CONCAT, z3.Z3_OP_RE_INTERSECT, z3.Z3_OP_RE_COMPLEMENT}
    elsewhere |= {z3.Z3_OP_RE_DIFF, z3.Z3_OP_RE_EMPTY_SET}
    assert set(OPERATORS) - tried <= elsewhere
