"""Translating formulas to Python: large and deep ones, hostile names, regular expressions, and what stays out."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from modulo.verifiers import smt_python
from modulo.verifiers.smt_check import check
from modulo.verifiers.smt_compile import compile_spec
from modulo.verifiers.smt_python import UncompilableError, compile_term
from modulo.verifiers.smt_regex import any_char, chain, difference, either, inside, literal, matches, negation, one_of

from modulo.verifiers.smt_regex import any_text, nothing, times  # isort: skip

X = "(declare-const x Int)"


def outcome(text: str, answer: dict[str, Any]) -> str:
    spec = {"smtlib": text}
    assert compile_spec(spec).slow == ()
    finding = check({"spec": json.dumps(spec), "candidate": json.dumps(answer), "seconds": 10, "as_json": True})
    found: str = finding["outcome"]
    return found


def lets(count: int, step: str, body: str) -> str:
    return "".join(f"(let ((a{i + 1} {step.replace('$', f'a{i}')})) " for i in range(count)) + body + ")" * count


@pytest.mark.parametrize(
    ("term", "passes", "fails"),
    [
        (f"(and {' '.join(f'(distinct x {i})' for i in range(5000))})", 5000, 4999),
        (f"(or {' '.join(f'(= x {i})' for i in range(5000))})", 4999, 5000),
        (f"(= (+ {' '.join(['x'] * 3000)}) 6000)", 2, 3),
        (f"(= (* {' '.join(['x'] * 300)}) 1)", -1, 2),
        (f"(distinct {' '.join(f'(+ x {i})' for i in range(2000))} 1000000)", 0, 999_999),
        ("(not " * 400 + "(> x 3)" + ")" * 400, 4, 3),
        (f"(= {'(ite (> x 0) (+ 1 ' * 150}x{') 7)' * 150} 153)", 3, 4),
        (f"(let ((a0 x)) {lets(400, '(+ $ $)', f'(= a400 {3 * 2**400})')})", 3, 4),
        (f"(let ((a0 (> x 0))) {lets(400, '(=> $ (and $ $))', 'a400')})", 1, None),
        (f"(= {'(- ' * 300}x{')' * 300} x)", 5, None),
        ("(= (mod x 1) 0)", 5, None),
        ("(= x (- 123456789012345678901234567890))", -123456789012345678901234567890, 1),
    ],
)
def test_large_and_deep_formulas(term: str, passes: int, fails: int | None) -> None:
    text = f"{X}(assert {term})"
    assert outcome(text, {"x": passes}) == "pass"
    if fails is not None:
        assert outcome(text, {"x": fails}) == "fail"


NARY = ["bvadd", "bvmul", "bvand", "bvor", "bvxor"]


@pytest.mark.parametrize("name", [*NARY, "bvsub", "bvxnor", "bvnand", "concat"])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_an_operator_of_many_bit_vectors_passes_over_none(name: str, count: int) -> None:
    words = [f"v{i}" for i in range(count)]
    declared = "".join(f"(declare-const {word} (_ BitVec 8))" for word in words)
    values = {word: (37 * i + 11) % 256 for i, word in enumerate(words)}
    term = z3.parse_smt2_string(
        declared + "".join(f"(assert (= {word} (_ bv{value} 8)))" for word, value in values.items())
    )
    solver = z3.Solver()
    solver.add(term)
    assert solver.check() == z3.sat
    try:
        read = z3.parse_smt2_string(f"{declared}(assert (= ({name} {' '.join(words)}) ({name} {' '.join(words)})))")
    except z3.Z3Exception:
        assert name not in NARY
        return  # Z3 takes it of two only
    value = solver.model().eval(read[0].arg(0), model_completion=True)
    width = value.size()
    for right, outcome_ in ((value.as_long(), "pass"), ((value.as_long() + 1) % 2**width, "fail")):
        spec = {"smtlib": f"{declared}(assert (= ({name} {' '.join(words)}) (_ bv{right} {width})))"}
        finding = check({"spec": json.dumps(spec), "candidate": json.dumps(values), "seconds": 10, "as_json": True})
        assert finding["outcome"] == outcome_


def test_nothing_of_a_spec_is_in_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = []
    real = compile

    def spy(source: str, *args: Any, **kwargs: Any) -> Any:
        sources.append(source)
        return real(source, *args, **kwargs)

    monkeypatch.setattr(smt_python, "compile", spy, raising=False)
    evil = "x'] + __import__('os') #"
    text = f"(declare-const |{evil}| String)(declare-datatype |E {evil}| ((|c {evil}|) (d)))"
    text += f'(declare-const e |E {evil}|)(assert (! (= |{evil}| "{evil}") :named |n {evil}|))(assert (distinct e d))'
    assert outcome(text, {evil: evil, "e": f"c {evil}"}) == "pass"
    assert outcome(text, {evil: "x", "e": f"c {evil}"}) == "fail"
    assert sources
    for source in sources:
        assert "import" not in source
        assert re.fullmatch(r"[\w\s\[\]():,.=!<>+\-*/%&|^']*", source), source


def test_what_has_no_translation_is_left_to_the_solver() -> None:
    x, a, b = z3.Int("x"), z3.Re("a"), z3.Re("b")
    for term in (
        z3.ForAll([x], x > 0),
        z3.Function("f", z3.IntSort(), z3.IntSort())(x) > 1,
        z3.If(x > 0, a, b) == b,
        z3.InRe(z3.String("s"), z3.If(x > 0, a, b)),
        z3.ZeroExt(70_000, z3.BitVec("v", 8)) == 1,
        z3.Int("y") > 1,
    ):
        with pytest.raises(UncompilableError):
            compile_term(term, {"x": 0, "s": 1, "v": 2})


regexes = st.recursive(
    st.sampled_from([(any_char, "[^\\n]"), (one_of("a", "b"), "[ab]"), (nothing, "(?!)"), (any_text, "[^\\n]*")])
    | st.sampled_from(["", "a", "ab", "c"]).map(lambda word: (literal(word), f"(?:{word})")),
    lambda sub: (
        st.tuples(sub, sub).map(lambda p: (chain([p[0][0], p[1][0]]), f"(?:{p[0][1]}{p[1][1]})"))
        | st.tuples(sub, sub).map(lambda p: (either([p[0][0], p[1][0]]), f"(?:{p[0][1]}|{p[1][1]})"))
        | sub.map(lambda p: (times(p[0], 0, None), f"(?:{p[1]})*"))
        | sub.map(lambda p: (times(p[0], 1, None), f"(?:{p[1]})+"))
        | sub.map(lambda p: (times(p[0], 2, 3), f"(?:{p[1]}){{2,3}}"))
    ),
    max_leaves=6,
)
words = st.text("abc", max_size=7)


@settings(max_examples=300, deadline=None)
@given(regexes, words)
def test_regular_expressions_match_what_python_matches(pair: tuple[Any, str], word: str) -> None:
    assert matches(pair[0], word) is (re.fullmatch(pair[1], word) is not None)


@settings(max_examples=100, deadline=None)
@given(regexes, regexes, words)
def test_regular_expressions_form_a_boolean_algebra(one: Any, other: Any, word: str) -> None:
    a, b = matches(one[0], word), matches(other[0], word)
    assert matches(negation(one[0]), word) is not a
    assert matches(inside([one[0], other[0]]), word) is (a and b)
    assert matches(difference(one[0], other[0]), word) is (a and not b)
    assert matches(times(one[0], 3, 2), word) is False


def test_a_regular_expression_that_kills_backtracking_is_quick() -> None:
    nested = times(times(times(literal("a"), 1, None), 1, None), 1, None)
    assert not matches(chain([nested, literal("b")]), "a" * 400)
