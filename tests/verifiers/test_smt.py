"""`smt` through its factory: specs that are refused, answers that are not what they should be, what critiques say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modulo.errors import ProblemError
from modulo.types import Outcome, Problem, Verdict
from modulo.verifiers.contract import NoSandbox
from modulo.verifiers.smt import factory

PROBLEM = Problem(statement="find it")
X = "(declare-const x Int)"


async def judge(spec: Any, candidate: str) -> Verdict:
    verifier = factory.build(factory.load(spec, base=None), hard=True, sandbox=NoSandbox())
    return await verifier.verify(PROBLEM, candidate)


def expressions(variables: dict[str, Any], *constraints: str) -> dict[str, Any]:
    return {"variables": variables, "constraints": list(constraints)}


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        (None, "", "expected a mapping"),
        ([], "", "expected a mapping"),
        ({}, "", "exactly one of smtlib"),
        ({"smtlib": X + "(assert (> x 1))", "variables": {"x": "int"}, "constraints": ["x > 1"]}, "", "exactly one"),
        ({"smtlib": X + "(assert (> x 1))", "constraint": []}, "constraint", "no such field"),
        ({"smtlib": 3}, "smtlib", "valid string"),
        ({"smtlib": X + "(assert (> x 1))", "seconds": 0}, "seconds", "greater than 0"),
        ({"smtlib_file": "spec.smt2"}, "smtlib_file", "does not come from a file"),
        ({"variables": {"x": "int"}}, "", "go together"),
        ({"smtlib": ""}, "smtlib", "no constant is declared"),
        ({"smtlib": X}, "smtlib", "nothing is asserted"),
        ({"smtlib": X + "(check-sat)"}, "smtlib", "nothing is asserted"),
        ({"smtlib": "(assert true)"}, "smtlib", "no constant is declared"),
        ({"smtlib": X + "(assert (> x y))"}, "smtlib", "unknown constant y"),
        ({"smtlib": X + "(assert (+ x 1))"}, "smtlib", ""),
        ({"smtlib": X + X + "(assert (> x 1))"}, "smtlib", "'x' is declared twice"),
        ({"smtlib": X + "(assert (> x 1)"}, "smtlib", "')' is missing"),
        ({"smtlib": X + "(assert (= (^ x x) 1))"}, "smtlib", "exponent"),
        ({"smtlib": X + "(assert (= (^ x 0) 1))"}, "smtlib", "exponent"),
        ({"smtlib": X + "(assert (= (seq.unit x) (seq.unit 1)))"}, "smtlib", "seq.unit"),
        ({"smtlib": X + '(assert (= (str.replace_re "a" re.all "b") "a"))'}, "smtlib", "str.replace_re"),
        ({"smtlib": X + '(assert (= "\U00030000" (str.from_int x)))'}, "smtlib", "above U+2FFFF"),
        ({"smtlib": X + "(assert (= ((_ map and) ((as const (Array Int Bool)) true)) 1))"}, "smtlib", ""),
        ({"smtlib": X + "(assert (fp.isNaN ((_ to_fp 8 24) RNE 1.0)))"}, "smtlib", ""),
        ({"smtlib": X + "(define-fun-rec f ((n Int)) Int (f n))(assert (= (f x) 1))"}, "smtlib", "'define-fun-rec'"),
        ({"smtlib": "(declare-fun f (Int) Int)" + X + "(assert (= (f x) 1))"}, "smtlib", "function with arguments"),
        ({"smtlib": "(declare-sort S 0)(declare-const s S)(assert (= s s))"}, "smtlib", "'declare-sort'"),
        ({"smtlib": "(declare-const a (Array (Array Int Int) Int))(assert (= a a))"}, "smtlib", "sort (Array (Array"),
        ({"smtlib": "(declare-const a (Array Int))(assert (= a a))"}, "smtlib", "sort (Array Int)"),
        ({"smtlib": "(declare-const s (Seq Int))(assert (= s s))"}, "smtlib", "sort (Seq Int)"),
        ({"smtlib": "(declare-const s RegLan)(assert (= s s))"}, "smtlib", "sort RegLan"),
        (expressions({}, "1 == 1"), "variables", "1 to 10000"),
        (expressions({"x": "int"}), "constraints", "1 to 10000"),
        ({"variables": {"x": "int"}, "constraints": "x > 1"}, "constraints", "as a list"),
        ({"variables": {"x": "int"}, "constraints": {"a": True}}, "constraints", "a: a constraint is an expression"),
        (expressions({"x": "integer"}, "x > 1"), "variables.x", "no such type"),
        (expressions({"x": 3}, "x > 1"), "variables.x", "no such type"),
        (expressions({"x": {"bool": [0, 1]}}, "x"), "variables.x", "no such type"),
        (expressions({"x": {"int": [0, 1], "real": [0, 1]}}, "x > 1"), "variables.x", "no such type"),
        (expressions({"x": {"int": [3, 1]}}, "x > 1"), "variables.x", "low at most high"),
        (expressions({"x": {"int": [0.5, 1]}}, "x > 1"), "variables.x", "low at most high"),
        (expressions({"x": {"int": [True, 3]}}, "x > 1"), "variables.x", "low at most high"),
        (expressions({"x": {"int": 3}}, "x > 1"), "variables.x", "low at most high"),
        (expressions({"x": {"bitvec": 0}}, "x > 1"), "variables.x", "width"),
        (expressions({"x": {"bitvec": 10**9}}, "x > 1"), "variables.x", "width"),
        (expressions({"x": []}, "x == 1"), "variables.x", "at least one"),
        (expressions({"x": ["a", "a"]}, "x == 'a'"), "variables.x", "different names"),
        (expressions({"x": [True, False]}, "x == 1"), "variables.x", "quotes"),
        (expressions({"my x": "int"}, "1 == 1"), "variables.my x", "letters, digits"),
        (expressions({"if": "int"}, "1 == 1"), "variables.if", "keyword"),
        (expressions({"abs": "int"}, "1 == 1"), "variables.abs", "name of a function"),
        (expressions({"ﬁ": "int"}, "1 == 1"), "variables.ﬁ", "letters, digits"),
        (expressions({"x": "int"}, "x > 1", "y > 1"), "constraints[1]", "'y' is not declared; the variables are x"),
        ({"variables": {"x": "int"}, "constraints": {"odd": "x +"}}, "constraints.odd", "not an expression"),
        (expressions({"x": "int"}, "x + 1"), "constraints[0]", "must be true or false"),
        (expressions({"x": "int"}, ""), "constraints[0]", ""),
        (expressions({"x": "int"}, "x > 1) or (x < 0"), "constraints[0]", "unbalanced"),
        (expressions({"x": "int"}, "x > 1, x < 3"), "constraints[0]", "a list"),
        (expressions({"x": "int"}, "x > 1\0"), "constraints[0]", "not an expression"),
        (expressions({"x": "int", "b": "bool"}, "b == 1"), "constraints[0]", "mixes a truth value and an integer"),
        (expressions({"x": "int", "b": "bool"}, "x + b > 1"), "constraints[0]", "mixes"),
        (expressions({"x": "int", "b": "bool"}, "x and b"), "constraints[0]", "where a truth value is needed"),
        (expressions({"b": "bool"}, "b < True"), "constraints[0]", "cannot be ordered"),
        (expressions({"A": ["a", "b"]}, "A == 1"), "constraints[0]", "mixes one of a, b and an integer"),
        (expressions({"A": ["a", "b"]}, "A == 'c'"), "constraints[0]", "'c' is not a value of any variable"),
        (expressions({"A": ["a", "b"]}, "A < 'b'"), "constraints[0]", "cannot be ordered"),
        (expressions({"A": ["a"], "B": ["b"]}, "A != B"), "constraints[0]", "share no value"),
        (expressions({"v": {"bitvec": 4}}, "v == 16"), "constraints[0]", "only 0 to 15"),
        (expressions({"v": {"bitvec": 4}, "x": "int"}, "v == x"), "constraints[0]", "only 0 to 15"),
        (expressions({"v": {"bitvec": 4}, "w": {"bitvec": 8}}, "v == w"), "constraints[0]", "mixes"),
        (expressions({"v": {"bitvec": 4}}, "v // v == 1"), "constraints[0]", "does not fit"),
        (expressions({"x": "int"}, "x ** x == 1"), "constraints[0]", "exponent"),
        (expressions({"x": "int"}, "x ** 65 == 1"), "constraints[0]", "exponent"),
        (expressions({"x": "int"}, "x in x"), "constraints[0]", "after 'in' comes a list"),
        (expressions({"x": "int"}, "x is 1"), "constraints[0]", ""),
        (expressions({"x": "int"}, "abs(x, x) == 1"), "constraints[0]", "abs takes 1 arguments"),
        (expressions({"x": "int"}, "eval('x') == 1"), "constraints[0]", "the functions are"),
        (expressions({"x": "int"}, "x.real == 1"), "constraints[0]", "not allowed"),
        (expressions({"x": "int"}, "x[0] == 1"), "constraints[0]", "only a character of a string"),
        (expressions({"t": "string"}, "t[t] == 'a'"), "constraints[0]", "only a character of a string"),
        (expressions({"t": "string", "x": "int"}, "t == x"), "constraints[0]", "mixes a string and an integer"),
        (expressions({"t": "string"}, "t * 2 == 'aa'"), "constraints[0]", "mixes"),
        (expressions({"t": "string"}, "t == '\U00030000'"), "constraints[0]", "above U+2FFFF"),
        (expressions({"x": "int"}, "len(x) == 1"), "constraints[0]", "len needs a string"),
        (expressions({"x": "int"}, "count(x, x) == 1"), "constraints[0]", "where a truth value is needed"),
        (expressions({"x": "int"}, "[y for y in (1,)] == 1"), "constraints[0]", "not allowed"),
        (expressions({"x": "int"}, "(lambda: x)() == 1"), "constraints[0]", "not allowed"),
        (expressions({"x": "int"}, "x == 1j"), "constraints[0]", "not allowed"),
        (expressions({"x": "int"}, "x == None"), "constraints[0]", "not allowed"),
        (expressions({"x": "int"}, "x == 1e99999"), "constraints[0]", "4000 digits"),
        (expressions({"x": "int"}, "x == " + "9" * 5000), "constraints[0]", "not an expression"),
        (expressions({"x": "int"}, "(" * 1000 + "x" + ")" * 1000 + " == 1"), "constraints[0]", ""),
        (expressions({"x": "int"}, "-" * 10_000 + "x == 1"), "constraints[0]", "nested too deeply"),
        (expressions({"x": "int"}, "x == 1" + " or x == 1" * 5000), "constraints[0]", "at most 20000"),
    ],
)
def test_a_spec_that_cannot_be_used_is_refused_with_its_field(spec: Any, field: str, message: str) -> None:
    with pytest.raises(ProblemError) as caught:
        factory.load(spec, base=Path("/nowhere") if message == "base" else None)
    assert caught.value.field == field
    assert message in caught.value.message
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        '(set-option :regular-output-channel "{path}")(echo "owned")',
        '(|set-option| :diagnostic-output-channel "{path}")',
        '(include "{path}")',
        '(|include| "{path}")',
        '(|in\nclude| "{path}")',
        "(set-option :produce-models true)",
        "(echo x)",
        "(push 1)",
        "(eval x)",
        "(get-value (x))",
        "(minimize x)",
        "(check-sat-using smt)",
        "(|exit|)(reset)",
        "(include)",
    ],
)
def test_commands_that_reach_outside_are_refused(text: str, tmp_path: Path) -> None:
    target = tmp_path / "victim"
    with pytest.raises(ProblemError) as caught:
        factory.load({"smtlib": X + text.format(path=target) + "(assert (> x 1))"}, base=None)
    assert caught.value.field == "smtlib"
    assert not target.exists()


@pytest.mark.parametrize(
    ("text", "passes", "fails"),
    [
        ("(assert (! (> x 3) :named |a b|))(assert (or (< x 9) |a b|))", 4, 3),
        ("(set-logic QF_LIA)(set-info :source |text|)(assert (= x 5))(check-sat)(get-model)(exit)", 5, 4),
        ("(define-fun f ((a Int)) Int (* a a))(define-const k Int 9)(assert (= (f x) k))", -3, 2),
        ("(assert (let ((x (+ x 1))) (= x 3))) ; a comment with ( in it", 2, 3),
        ("(assert (forall ((i Int)) (=> (> i x) (>= i 3))))", 2, 1),
        ("(assert (exists ((x Int)) (= (* 2 x) 6)))(assert (exists ((i Int)) (= x (* 2 i))))", 4, 3),
        ("(assert (= (mod x 5) 2))(assert (= (div x 5) (- 1)))", -3, 2),
        ("(assert (= (bv2nat ((_ int2bv 8) x)) 1))", 257, 256),
        ("(assert (distinct x 1 2 3))", 0, 2),
        ("(assert (xor (> x 0) (> x 1)))", 1, 2),
        ("(assert (= (^ x 3) 27))", 3, -3),
    ],
)
async def test_smtlib_means_what_it_says(text: str, passes: int, fails: int) -> None:
    spec = {"smtlib": X + text}
    assert (await judge(spec, f'{{"x": {passes}}}')).outcome is Outcome.PASS
    assert (await judge(spec, f'{{"x": {fails}}}')).outcome is Outcome.FAIL


VARIABLES = {
    "i": "int",
    "r": "real",
    "b": "bool",
    "h": {"int": [0, 23]},
    "u": {"real": [None, 1.5]},
    "v": {"bitvec": 6},
    "c": ["red", "green"],
}
RIGHT = {"i": "1", "r": "0.5", "b": "true", "h": "23", "u": '"3/2"', "v": '"#x3F"', "c": '"red"'}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("i", "1.0", "i is 1.0; it must be an integer"),
        ("i", "1e0", "i is 1e0; it must be an integer"),
        ("i", "true", "i is true; it must be an integer"),
        ("i", '"1"', "i is the string '1'; it must be an integer"),
        ("i", "null", "i is null"),
        ("i", "[1]", "i is an array"),
        ("i", "9" * 4500, "more than 4000 digits"),
        ("i", "NaN", "NaN is not JSON"),
        ("r", '"0.5"', "it must be a number or a ratio"),
        ("r", '"1/0"', "denominator 0"),
        ("r", '"1/-2"', "it must be a number or a ratio"),
        ("r", '" 1/2"', "it must be a number or a ratio"),
        ("r", '"1/2\\n"', "it must be a number or a ratio"),
        ("r", '"١/2"', "it must be a number or a ratio"),
        ("r", "1e999999999", "more than 4000 digits"),
        ("r", "Infinity", "Infinity is not JSON"),
        ("b", "1", "b is 1; it must be true or false"),
        ("b", '"true"', "b is the string 'true'"),
        ("h", "24", "h is 24; it must be an integer from 0 to 23"),
        ("h", "-1", "from 0 to 23"),
        ("u", "1.5000000000000000000001", "at most 3/2"),
        ("v", "64", "from 0 to 63"),
        ("v", "-1", "from 0 to 63"),
        ("v", '"#x40"', "from 0 to 63"),
        ("v", '"#x3"', "2 hexadecimal digits"),
        ("v", '"0x3f"', "2 hexadecimal digits"),
        ("v", "3.0", "v is 3.0"),
        ("c", '"blue"', 'it must be one of "red", "green"'),
        ("c", '"RED"', "one of"),
        ("c", "0", "c is 0; it must be one of"),
    ],
)
async def test_a_value_of_another_type_is_a_fail_and_never_converted(name: str, value: str, says: str) -> None:
    spec = expressions(VARIABLES, "b or not b")
    right = "{" + ", ".join(f'"{key}": {text}' for key, text in RIGHT.items()) + "}"
    assert (await judge(spec, right)).outcome is Outcome.PASS
    wrong = "{" + ", ".join(f'"{key}": {text}' for key, text in (RIGHT | {name: value}).items()) + "}"
    verdict = await judge(spec, wrong)
    assert verdict.outcome is Outcome.FAIL
    assert says in verdict.critiques[0].message


async def test_missing_extra_and_double_keys_are_fails() -> None:
    spec = expressions({"x": "int", "y": "int"}, "x == x")
    missing = await judge(spec, '{"x": 1, "z": 2}')
    assert [c.message for c in missing.critiques] == [
        "y is missing; it must be an integer",
        "no constant is named 'z'; the constants are x, y",
    ]
    double = await judge(spec, '{"x": 1, "y": 1, "x": 1}')
    assert [c.message for c in double.critiques] == ['the key "x" occurs twice in one object']


async def test_every_violation_is_named_with_the_values_that_show_it() -> None:
    spec = {
        "variables": {"A": ["red", "blue"], "B": ["red", "blue"], "n": "int", "r": "real"},
        "constraints": {"A-B": "A != B", "small": "n < 10", "half": "r == 0.5", "fraction": "n / (n - 12) > 0"},
    }
    verdict = await judge(spec, '{"A": "red", "B": "red", "n": 12, "r": "1/2"}')
    assert verdict.outcome is Outcome.FAIL
    assert verdict.score == 0.25
    assert [(c.locus, c.message, c.counterexample) for c in verdict.critiques] == [
        ("A-B", "violated: A-B (A != B) with A = red, B = red", {"A": "red", "B": "red"}),
        ("small", "violated: small (n < 10) with n = 12", {"n": 12}),
        ("fraction", "division by zero in fraction (n / (n - 12) > 0) with n = 12", {"n": 12}),
    ]
    assert verdict.evidence["violated"] == ["A-B", "small", "fraction"]


async def test_of_many_violations_some_are_shown_and_all_are_named() -> None:
    spec = {"variables": {"x": "int"}, "constraints": {f"above {n}": f"x > {n}" for n in range(50)}}
    verdict = await judge(spec, '{"x": 9}')
    assert [c.locus for c in verdict.critiques] == [*(f"above {n}" for n in range(9, 15)), None]
    assert verdict.critiques[-1].message.startswith("35 more constraints are violated: above 15, above 16, ")
    assert verdict.evidence["violated"] == [f"above {n}" for n in range(9, 50)]


@pytest.mark.parametrize(
    ("term", "x", "outcome"),
    [
        ("(= (/ 1.0 (to_real x)) 7.0)", 0, "fail"),
        ("(= (div 1 x) (div 1 x))", 0, "fail"),
        ("(not (= (div 1 x) 5))", 0, "fail"),
        ("(= (mod 5 x) 0)", 0, "fail"),
        ("(= (rem 5 x) 0)", 0, "fail"),
        ("(or (= x 0) (> (div 4 x) 1))", 0, "pass"),
        ("(or (> (div 4 x) 1) (= x 0))", 0, "pass"),
        ("(=> (distinct x 0) (> (div 4 x) 1))", 0, "pass"),
        ("(and (= x 1) (> (div 4 x) 1))", 0, "fail"),
        ("(not (and (= x 1) (> (div 4 x) 1)))", 0, "pass"),
        ("(ite (= x 0) true (> (div 4 x) 1))", 0, "pass"),
        ("(> (ite (= x 0) 9 (div 4 x)) 1)", 0, "pass"),
        ("(> (ite (= (div 4 x) 1) 9 9) 1)", 0, "fail"),
        ("(= (> (div 4 x) 1) (> (div 4 x) 1))", 0, "fail"),
        ("(xor (> (div 4 x) 1) true)", 0, "fail"),
        ("(forall ((i Int)) (or (= i 0) (= (div 0 i) x)))", 0, "pass"),
        ("(forall ((i Int)) (= (div 0 i) x))", 0, "fail"),
        ("(exists ((i Int)) (= (div 6 i) 3))", 0, "pass"),
        ("(exists ((i Int)) (and (= i x) (= (div 6 i) 3)))", 0, "fail"),
        ("(= (/ 1.0 (to_real x)) 0.5)", 2, "pass"),
    ],
)
async def test_nothing_passes_by_dividing_by_zero(term: str, x: int, outcome: str) -> None:
    verdict = await judge({"smtlib": f"{X}(assert {term})"}, f'{{"x": {x}}}')
    assert verdict.outcome.value == outcome, verdict


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("x // 3 == -3 and x % 3 == 2", {"x": -7}),
        ("x // -3 == 2 and x % -3 == -1", {"x": -7}),
        ("7 // x == -4 and 7 % x == -1", {"x": -2}),
        ("r // 2 == 1 and r % 2 == 1.5 and r / 7 == 1/2", {"r": 3.5}),
        ("x / 2 == 0.5", {"x": 1}),
        ("r == 0.1", {"r": 0.1}),
        ("r * 3 == 1", {"r": "1/3"}),
        ("r > 0.1000000000000000000000000000001", {"r": "100000000000000001/1000000000000000000"}),
        ("r == 1_0.5e-1 and r == 1.05 and r > .5 and r < 2.", {"r": 1.05}),
        ("0 <= x < 10 and x != 4 != 3", {"x": 5}),
        ("x in [1, 2, 5] and x not in (3, 4)", {"x": 5}),
        ("(1 if b else 2) == x", {"b": False, "x": 2}),
        ("abs(x) == 3 and min(x, 0, 2) == x and max([x, -9]) == x", {"x": -3}),
        ("sum([b, c == 'red', x]) == 3", {"b": True, "c": "red", "x": 1}),
        ("implies(b, x > 1) and iff(b, x == 2)", {"b": True, "x": 2}),
        ("distinct(x, 1, 2) and distinct(c, d)", {"x": 3, "c": "red", "d": "blue"}),
        ("c == red and d != 'red'", {"c": "red", "d": "blue"}),
        ("(c if b else d) == blue", {"b": False, "c": "red", "d": "blue"}),
        ("x ** 3 == -8 and x ** 0 == 1", {"x": -2}),
        ("v + 1 == 0 and v > 1 and v >> 1 == 127 and v << 1 == 254 and ~v == 0", {"v": 255}),
        ("(v & 12) == 8 and (v | 1) == 11 and (v ^ 3) == 9 and v - 11 == 255", {"v": 10}),
        ("count(x > 0, b, v == 3) == 2 and count([b]) == 1", {"x": 1, "b": True, "v": 2}),
        ("t == 'ab' and t + 'c' == 'abc' and 'b' in t and 'c' not in t and t[0] == 'a' and t[9] == ''", {"t": "ab"}),
        (
            "len(t) == 3 and startswith(t, 'é') and endswith(t, '😀') and t > 'z😀' and t >= 'é' and not t < 'z'",
            {"t": "éx😀"},
        ),
        (
            "t == 'red' and c == 'red' and t in ['red', 'x'] and (t if b else 'no') == 'red'",
            {"t": "red", "c": "red", "b": True},
        ),
        ("x == 2  # two\n or\n x == 3", {"x": 3}),
        ("not (x == 1 or x == 2)", {"x": 3}),
    ],
)
async def test_expressions_mean_what_python_means(constraint: str, values: dict[str, Any]) -> None:
    sorts: dict[str, Any] = {"x": "int", "r": "real", "b": "bool", "v": {"bitvec": 8}, "t": "string"}
    sorts |= {"c": ["red", "green"], "d": ["red", "blue"]}
    variables = {name: sorts[name] for name in values}
    spec = expressions(variables, constraint)
    assert (await judge(spec, json.dumps(values))).outcome is Outcome.PASS
    negated = expressions(variables, f"not ({constraint}\n)")
    assert (await judge(negated, json.dumps(values))).outcome is Outcome.FAIL


async def test_what_the_solver_cannot_decide_is_unknown() -> None:
    fermat = (
        "(forall ((a Int) (b Int) (c Int)) (=> (and (> a x) (> b 0) (> c 0)) (distinct (+ (^ a 3) (^ b 3)) (^ c 3))))"
    )
    spec = {"smtlib": f"{X}(assert (! {fermat} :named fermat))(assert (< x 10))", "seconds": 1}
    verdict = await judge(spec, '{"x": 0}')
    assert verdict.outcome is Outcome.UNKNOWN
    violated = await judge(spec, '{"x": 10}')
    assert violated.outcome is Outcome.FAIL


async def test_a_check_that_ignores_every_limit_is_killed_at_its_deadline() -> None:
    square = "(x ** 64)"
    for _ in range(3):
        square = f"({square} ** 64)"
    spec = expressions({"x": "int"}, f"{square} % 7 == 1") | {"seconds": 0.5}
    verdict = await judge(spec, '{"x": ' + "7" * 3000 + "}")
    assert verdict.outcome is Outcome.UNKNOWN
    assert "could not be decided" in verdict.critiques[0].message
    assert (await judge(expressions({"x": "int"}, "x > 1"), '{"x": 2}')).outcome is Outcome.PASS


def test_a_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=r"smtlib_file: cannot read .*none\.smt2: No such file"):
        factory.load({"smtlib_file": "none.smt2"}, base=tmp_path)
    (tmp_path / "bad.smt2").write_bytes(b"\xff\xfe")
    with pytest.raises(ProblemError, match="smtlib_file: cannot read"):
        factory.load({"smtlib_file": "bad.smt2"}, base=tmp_path)
