"""`smt` against oracles that share no code with it: Python's own evaluation of the same expressions."""

from __future__ import annotations

import ast
import itertools
import json
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from modulo.verifiers.smt_check import check

COLOURS = ["red", "green", "blue"]
INTS, ENUMS = ["x", "y"], ["c", "d"]
DOMAIN = [-3, -2, -1, 0, 1, 2, 3]

atoms = st.sampled_from([*INTS, "0", "1", "2", "-3"])
numbers = st.recursive(
    atoms,
    lambda sub: (
        st.builds("({} {} {})".format, sub, st.sampled_from(["+", "-", "*"]), sub)
        | st.builds("({} {} {})".format, sub, st.sampled_from(["//", "%", "/"]), sub)
        | st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), sub, sub)
        | st.builds("abs({})".format, sub)
        | st.builds("({} ** {})".format, sub, st.integers(0, 3))
        | st.builds("({} if {} < {} else {})".format, sub, sub, sub, sub)
    ),
    max_leaves=5,
)
comparisons = (
    st.builds("{} {} {}".format, numbers, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), numbers)
    | st.builds("{} {} '{}'".format, st.sampled_from(ENUMS), st.sampled_from(["==", "!="]), st.sampled_from(COLOURS))
    | st.builds("c {} d".format, st.sampled_from(["==", "!="]))
    | st.builds("{} < {} <= {}".format, numbers, numbers, numbers)
    | st.builds("{} in [0, {}]".format, numbers, numbers)
)
formulas = st.recursive(
    comparisons,
    lambda sub: (
        st.builds("({} {} {})".format, sub, st.sampled_from(["and", "or"]), sub)
        | st.builds("not ({})".format, sub)
        | st.builds("({} if {} else {})".format, sub, sub, sub)
    ),
    max_leaves=4,
)


class ExactDivision(ast.NodeTransformer):
    """`a / b` as rationals, where Python would round."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        over = ast.Call(ast.Name("Fraction", ast.Load()), [node.left], [])
        return ast.BinOp(over, ast.Div(), node.right)


def python_says(expression: str, values: dict[str, Any]) -> bool | None:
    """The truth of an expression, or `None` where Python's left-to-right evaluation meets a division by zero."""
    tree = ast.fix_missing_locations(ExactDivision().visit(ast.parse(expression, mode="eval")))
    names = {"__builtins__": {}, "abs": abs, "min": min, "max": max, "Fraction": Fraction}
    try:
        return bool(eval(compile(tree, "constraint", "eval"), names, values))
    except ZeroDivisionError:
        return None


def modulo_says(constraints: list[str], answer: dict[str, Any]) -> dict[str, Any]:
    variables: dict[str, Any] = dict.fromkeys(INTS, "int") | dict.fromkeys(ENUMS, COLOURS)
    spec = {"variables": variables, "constraints": {f"c{i}": text for i, text in enumerate(constraints)}}
    return check({"spec": json.dumps(spec), "candidate": json.dumps(answer), "seconds": 5})


answers = st.fixed_dictionaries(
    {
        "x": st.sampled_from(DOMAIN),
        "y": st.sampled_from(DOMAIN),
        "c": st.sampled_from(COLOURS),
        "d": st.sampled_from(COLOURS),
    }
)


@settings(max_examples=200, deadline=None)
@given(st.lists(formulas, min_size=1, max_size=3), answers)
def test_each_constraint_is_judged_as_python_judges_it(constraints: list[str], answer: dict[str, Any]) -> None:
    finding = modulo_says(constraints, answer)
    truths = [python_says(text, answer) for text in constraints]
    assert finding["outcome"] != "unknown"
    violated = finding["evidence"].get("violated", [])
    for i, truth in enumerate(truths):
        if truth is not None:
            assert (f"c{i}" in violated) == (not truth), constraints[i]
    if None not in truths:
        assert (finding["outcome"] == "pass") == all(truths)
        assert finding["score"] == sum(map(bool, truths)) / len(truths)


@settings(max_examples=60, deadline=None)
@given(st.lists(comparisons, min_size=1, max_size=3), answers)
def test_an_undefined_constraint_never_passes(constraints: list[str], answer: dict[str, Any]) -> None:
    undefined = "x // (y - y) == x // (y - y)"
    for text in (f"({undefined}) and ({constraints[0]})", f"not ({undefined})", undefined):
        finding = modulo_says([*constraints, text], answer)
        assert finding["outcome"] == "fail"
        assert f"c{len(constraints)}" in finding["evidence"].get("violated", [])


@settings(max_examples=40, deadline=None)
@given(
    st.sets(st.sampled_from(list(itertools.combinations("abcde", 2))), min_size=1),
    st.fixed_dictionaries({name: st.sampled_from(COLOURS) for name in "abcde"}),
)
def test_breaking_an_accepted_colouring_flips_the_verdict(edges: set[tuple[str, str]], colours: dict[str, str]) -> None:
    spec = {"variables": dict.fromkeys("abcde", COLOURS), "constraints": {f"{p}-{q}": f"{p} != {q}" for p, q in edges}}

    def bad_edges(colouring: dict[str, str]) -> set[str]:
        return {f"{p}-{q}" for p, q in edges if colouring[p] == colouring[q]}

    for node, colour in [("a", colours["a"]), *itertools.product("abcde", COLOURS)]:
        changed = colours | {node: colour}
        finding = check({"spec": json.dumps(spec), "candidate": json.dumps(changed), "seconds": 5})
        assert set(finding["evidence"].get("violated", [])) == bad_edges(changed)
        assert finding["outcome"] == ("fail" if bad_edges(changed) else "pass")
        for critique in finding.get("critiques", [])[:6]:  # the next one, if any, names what else is violated
            shown = critique["counterexample"]
            assert len(set(shown.values())) == 1  # the counterexample refutes the constraint by itself
            assert shown.items() <= changed.items()


@settings(max_examples=60, deadline=None)
@given(st.fractions(), st.fractions())
def test_rationals_are_exact(a: Fraction, b: Fraction) -> None:
    spec = {"variables": {"r": "real", "s": "real"}, "constraints": ["r < s", "r == s", "r > s"]}
    answer = {"r": f"{a.numerator}/{a.denominator}", "s": f"{b.numerator}/{b.denominator}"}
    finding = check({"spec": json.dumps(spec), "candidate": json.dumps(answer), "seconds": 5})
    violated = finding["evidence"].get("violated", [])
    holds = {"r < s": a < b, "r == s": a == b, "r > s": a > b}
    assert set(violated) == {text for text, true in holds.items() if not true}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 255), st.integers(0, 255))
def test_bit_vectors_wrap_and_compare_unsigned(a: int, b: int) -> None:
    expected = {
        f"v + w == {(a + b) % 256}": True,
        f"v * w == {a * b % 256}": True,
        f"v - w == {(a - b) % 256}": True,
        "v < w": a < b,
        "v >= w": a >= b,
        f"(v & w) == {a & b} and (v | w) == {a | b} and (v ^ w) == {a ^ b}": True,
        f"~v == {255 - a} and v >> 3 == {a >> 3} and v << 3 == {a * 8 % 256}": True,
    }
    spec = {"variables": {"v": {"bitvec": 8}, "w": {"bitvec": 8}}, "constraints": list(expected)}
    answer = json.dumps({"v": a, "w": f"#x{b:02x}"})
    finding = check({"spec": json.dumps(spec), "candidate": answer, "seconds": 5})
    violated = finding["evidence"].get("violated", [])
    assert set(violated) == {text for text, true in expected.items() if not true}


@settings(max_examples=80, deadline=None)
@given(st.integers(-9, 9), st.integers(-9, 9))
def test_smtlib_division_is_that_of_the_standard(a: int, b: int) -> None:
    """Ints theory of SMT-LIB: a = b*q + r with 0 <= r < |b|; undefined for b = 0, and then never accepted."""
    text = "(declare-const a Int)(declare-const b Int)(declare-const q Int)(declare-const r Int)"
    text += "(assert (= (div a b) q))(assert (= (mod a b) r))"
    remainder = a % abs(b) if b else 0
    quotient = (a - remainder) // b if b else 0
    answer = {"a": a, "b": b, "q": quotient, "r": remainder}
    finding = check({"spec": json.dumps({"smtlib": text}), "candidate": json.dumps(answer), "seconds": 5})
    assert finding["outcome"] == ("pass" if b else "fail")
    wrong = check(
        {"spec": json.dumps({"smtlib": text}), "candidate": json.dumps(answer | {"q": quotient + 1}), "seconds": 5}
    )
    assert wrong["outcome"] == "fail"
