"""The tasks of the `math` verifier besides equality: equations, calculus, matrices, quantities; bad specs of each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modulo.errors import ProblemError
from modulo.verifiers.math import factory
from modulo.verifiers.math_check import check, check_many


def judge(candidate: str, spec: dict[str, Any]) -> dict[str, Any]:
    loaded = factory.load(spec, base=None)
    assert factory.load(loaded, base=None) == loaded
    found = check({"spec": loaded, "candidate": candidate})
    json.dumps(found, allow_nan=False)
    return found


QUADRATIC: dict[str, Any] = {"solves": {"equation": "x^2 - 5x + 6 = 0"}}
ROOT_TWO: dict[str, Any] = {"solves": {"equation": "x^2 = 2"}}
NO_ROOT: dict[str, Any] = {"solves": {"equation": "x^2 = -2"}}
HOLE: dict[str, Any] = {"solves": {"equation": "(x^2-1)/(x-1) = 2"}}
LINEAR: dict[str, Any] = {"solves": {"equation": ["x + y = 5", "x - y = -1"]}}
CURVES: dict[str, Any] = {"solves": {"equation": ["x^2 + y^2 = 25", "x + y = 7"]}}
GENERAL: dict[str, Any] = {"solves": {"equation": "a x^2 + b x + c = 0", "unknowns": ["x"]}}
ANY: dict[str, Any] = {"solves": {"equation": "cos(x) = 1", "all": False}}
KEPLER: dict[str, Any] = {"solves": {"equation": "cos(x) = x + 1", "count": 1}}
SPRING: dict[str, Any] = {"ode": {"equation": "y'' + y = 0", "general": True}}
COSINE: dict[str, Any] = {"ode": {"equation": r"\frac{d^2 y}{dx^2} = -y", "initial": {"y(0)": 1, "y'(0)": 0}}}
GROWTH: dict[str, Any] = {"ode": {"equation": "dy/dx = 2y", "initial": {"y(0)": "3"}}}
ROOT_LAW: dict[str, Any] = {"ode": {"equation": "y' = y/(2x)", "general": True}, "variables": {"x": "positive"}}
FALL: dict[str, Any] = {"ode": {"equation": "s''(t) = -g", "function": "s", "variable": "t", "general": True}}
M = "[[1,2],[3,4]]"

RIGHT: list[tuple[dict[str, Any], str, str]] = [
    (QUADRATIC, "x = 2 or x = 3", "proof"),
    (QUADRATIC, r"\{3, 2\}", "proof"),
    (QUADRATIC, "x = 2, x = 2, x = 3", "proof"),
    (ROOT_TWO, r"\pm\sqrt{2}", "proof"),
    (ROOT_TWO | {"variables": {"x": "positive"}}, r"x = \sqrt{2}", "proof"),
    (NO_ROOT, r"\emptyset", "proof"),
    (NO_ROOT, r"\text{no solution}", "proof"),
    (NO_ROOT | {"variables": {"x": "complex"}}, r"\pm i\sqrt{2}", "proof"),
    (HOLE, "{}", "proof"),
    (LINEAR, "x = 2, y = 3", "proof"),
    (LINEAR, "(2, 3)", "proof"),
    (LINEAR, "(y, x) = (3, 2)", "proof"),
    (CURVES, "(3,4), (4,3)", "proof"),
    (CURVES, "x=3, y=4; x=4, y=3", "proof"),
    ({"solves": {"equation": ["x*y = 1", "x + y = 2"]}}, "(1,1)", "proof"),
    ({"solves": {"equation": ["x^2 + y^2 = 1", "x + y = 7"]}}, "{}", "proof"),
    (GENERAL, r"x = \frac{-b \pm \sqrt{b^2-4ac}}{2a}", "evidence"),
    (ANY, "2pi", "evidence"),
    (KEPLER, "0", "proof"),
    (SPRING, "y = C_1 cos(x) + C_2 sin(x)", "proof"),
    (SPRING, "A sin(x + B)", "proof"),
    (COSINE, "cos(x)", "proof"),
    (GROWTH, "y(x) = 3e^{2x}", "proof"),
    (ROOT_LAW, r"C\sqrt{x}", "proof"),
    (FALL, "s = -g t^2/2 + v t + h", "proof"),
    ({"derivative_of": "x^3 + sin(x)"}, "3x^2 + cos x", "proof"),
    ({"derivative_of": "x^n", "variable": "x", "variables": {"x": "positive"}}, "n x^{n-1}", "evidence"),
    ({"integral_of": {"expression": "x^2", "from": 0, "to": 1}}, r"\frac13", "evidence"),
    ({"integral_of": {"expression": "sqrt(1-x^2)", "from": "0", "to": "1"}}, r"\pi/4", "evidence"),
    ({"integral_of": {"expression": "|x|", "from": "-1", "to": "1"}}, "1", "evidence"),
    ({"integral_of": {"expression": "e^{-x^2}", "from": 0, "to": 1}, "tolerance": "0.001"}, "0.747", "evidence"),
    ({"limit_of": {"expression": "sin(x)/x", "to": 0}}, "1", "evidence"),
    ({"limit_of": {"expression": "(1+1/x)^x", "to": "oo"}}, "e", "evidence"),
    ({"limit_of": {"expression": "(x^2-1)/(x-1)", "to": 1}}, "2", "proof"),
    ({"limit_of": {"expression": "(3x^2+1)/(2x^2-x)", "to": "-oo"}}, "3/2", "proof"),
    ({"limit_of": {"expression": "x^3", "to": "-oo"}}, r"-\infty", "proof"),
    ({"limit_of": {"expression": "1/x", "to": 0}}, r"\text{does not exist}", "proof"),
    ({"limit_of": {"expression": "1/x", "to": 0, "side": "left"}}, "-oo", "proof"),
    ({"limit_of": {"expression": "1/x^2", "to": 0}}, "oo", "proof"),
    ({"limit_of": {"expression": "|x|/x", "to": 0, "side": "left"}}, "-1", "evidence"),
    ({"limit_of": {"expression": "sin(a x)/x", "to": 0, "variable": "x"}}, "a", "evidence"),
    ({"inverse_of": M}, "[[-2, 1], [3/2, -1/2]]", "proof"),
    ({"inverse_of": M}, r"A^{-1} = \begin{pmatrix}-2 & 1 \\ 1.5 & -0.5\end{pmatrix}", "proof"),
    ({"determinant_of": "[[a,b],[c,d]]"}, "ad - bc", "proof"),
    ({"eigenvalues_of": M}, r"\frac{5 \pm \sqrt{33}}{2}", "proof"),
    ({"eigenvalues_of": "[[0,-1],[1,0]]"}, r"\lambda = \pm i", "proof"),
    ({"eigenvalues_of": "[[1,0,0],[0,1,0],[0,0,2]]"}, "1, 1, 2", "proof"),
    ({"eigenvalues_of": "[[1,0,0],[0,1,0],[0,0,2]]"}, "1, 2", "proof"),
    ({"eigenvector_of": {"matrix": "[[2,0],[0,3]]"}}, "(0, -7)", "proof"),
    ({"eigenvector_of": {"matrix": "[[2,0],[0,3]]", "value": 2}}, r"v = \begin{pmatrix}5\\0\end{pmatrix}", "proof"),
    ({"linear_system": {"matrix": M, "right": "(1,2)"}}, "x = (0, 1/2)", "proof"),
    ({"linear_system": {"matrix": "[[1,1],[2,2]]", "right": "(1,2)"}}, "(3, -2)", "proof"),
]

WRONG: list[tuple[dict[str, Any], str, str]] = [
    (QUADRATIC, "2", "there are more solutions than the 1 given"),
    (QUADRATIC, "2, 3, 4", "x = 4 does not satisfy the equation: the left side is 2.00000, the right side 0"),
    (QUADRATIC, "2 or 4", "x = 4 does not satisfy"),
    (QUADRATIC, "y = 2", "gives no value for x"),
    (QUADRATIC, "x = x", "x should not occur"),
    (QUADRATIC, "x^2 - 5x + 6 = 0", "gives no value for x"),
    (QUADRATIC, "{}", "there are more solutions than none"),
    (QUADRATIC, "x = 1/0", "is not defined"),
    (ROOT_TWO, r"\sqrt{2}", "there are more solutions"),
    (ROOT_TWO, "1.41421356237309504880, -1.41421356237309504880", "close, but differ"),
    (ROOT_TWO | {"variables": {"x": "positive"}}, r"\pm\sqrt{2}", "outside of what x may be"),
    (NO_ROOT, r"\pm i\sqrt{2}", "outside of what x may be"),
    (HOLE, "1", "not defined there"),
    (LINEAR, "(3, 2)", "does not satisfy equation 2"),
    (LINEAR, "x = 2", "y has no value"),
    (LINEAR, "5", "gives no values for x, y"),
    (LINEAR, "(1, 2, 3)", "does not give one value for each"),
    (CURVES, "(3,4)", "there are more solutions"),
    (GENERAL, r"\frac{-b \pm \sqrt{b^2-4ac}}{a}", "does not satisfy"),
    (ANY, "1", "does not satisfy"),
    (ANY, "{}", "no solution is given"),
    (KEPLER, "0, 1", "does not satisfy"),
    (SPRING, "C cos(x)", "2 arbitrary constants, yours has only C"),
    (SPRING, "C_1 cos(x) + C_2 cos(x)", "not independent"),
    (SPRING, "0", "yours has none"),
    (SPRING, "C_1 cos(2x) + C_2 sin(x)", "does not satisfy it for every x"),
    (COSINE, "sin(x)", "does not meet y(0) = 1; it is 0"),
    (COSINE, "cos(x) + sin(x)", "does not meet y'(0) = 0"),
    (GROWTH, "3e^{2x} + C", "does not satisfy"),
    (GROWTH, "C e^{2x}", "does not meet y(0) = 3"),
    (ROOT_LAW, "C x", "does not satisfy"),
    ({"ode": {"equation": "x y' = 1"}}, "log(x)", "not defined at"),
    ({"ode": {"equation": "y y' = -x"}}, "x^2 + y^2 = 25", "one expression"),
    ({"derivative_of": "x^3"}, "x^2", "is not the expected one"),
    ({"integral_of": {"expression": "x^2", "from": 0, "to": 1}}, "0.33333333333333333", "which is not the integral"),
    ({"integral_of": {"expression": "x", "from": 0, "to": 1}}, "x^2/2", "should not occur"),
    ({"integral_of": {"expression": "e^{-x^2}", "from": 0, "to": 1}, "tolerance": "0.001"}, "0.75", "not the integral"),
    ({"limit_of": {"expression": "sin(x)/x", "to": 0}}, "0", "is not the limit"),
    ({"limit_of": {"expression": "(1+1/x)^x", "to": "oo"}}, "2.718281828459045", "is not the limit"),
    ({"limit_of": {"expression": "1/x", "to": 0}}, "oo", "is not the limit"),
    ({"limit_of": {"expression": "(x^2-1)/(x-1)", "to": 1}}, r"\text{DNE}", "is not the limit"),
    ({"limit_of": {"expression": "|x|/x", "to": 0}}, "1", "is not the limit"),
    ({"inverse_of": M}, "[[-2, 1], [3/2, -1/3]]", "row 1, column 2"),
    ({"inverse_of": M}, "-1/2", "2 by 2 matrix"),
    ({"determinant_of": M}, "2", "is not the determinant"),
    ({"eigenvalues_of": M}, "5, 0", "5 is no eigenvalue"),
    ({"eigenvalues_of": "[[2,0],[0,3]]"}, "2", "more eigenvalues than the 1 given"),
    ({"eigenvalues_of": "[[1,0,0],[0,1,0],[0,0,2]]"}, "1, 2, 2", "multiplicities"),
    ({"eigenvector_of": {"matrix": M}}, "(0, 0)", "zero vector"),
    ({"eigenvector_of": {"matrix": M}}, "(1, 1)", "should not be"),
    ({"eigenvector_of": {"matrix": "[[2,0],[0,3]]", "value": 2}}, "(0, 1)", "row 2"),
    ({"linear_system": {"matrix": M, "right": "(1,2)"}}, "(1, 0)", "row 2"),
    ({"linear_system": {"matrix": M, "right": "(1,2)"}}, "(t, 0)", "t should not occur"),
]

GRAVITY: dict[str, Any] = {"equals": "9.81 m/s^2"}
QUANTITIES: list[tuple[dict[str, Any], str, str]] = [
    (GRAVITY, "981 cm/s^2", "pass"),
    (GRAVITY, r"9.81\,\text{m/s}^2", "pass"),
    (GRAVITY, r"9.81\ \mathrm{m}\,\mathrm{s}^{-2}", "pass"),
    (GRAVITY, r"9.81 \frac{\text{m}}{\text{s}^2}", "pass"),
    (GRAVITY, "9.81 m/s²", "pass"),
    (GRAVITY, "9.81 m/s/s", "pass"),
    (GRAVITY, "9.81 N/kg", "pass"),
    (GRAVITY, "9.81 meters per second^2", "pass"),
    (GRAVITY, "9.8 m/s^2", "fail"),
    (GRAVITY, "9.81 m/s", "fail"),
    (GRAVITY, "9.81", "fail"),
    (GRAVITY, "9.81 m/s^2 or 3 m/s^2", "fail"),
    (GRAVITY, "9.81 apples", "fail"),
    (GRAVITY, "__import__('os') m/s^2", "fail"),
    (GRAVITY, "9.81 " + "m" * 20_000, "fail"),
    ({"equals": r"30\text{ cm}"}, "300 mm", "pass"),
    ({"equals": "1 mile"}, "5280 ft", "pass"),
    ({"equals": "1609.344 m", "units": True}, "1 mile", "pass"),
    ({"equals": "1 kWh"}, "3.6 MJ", "pass"),
    ({"equals": "20 °C"}, "68 °F", "pass"),
    ({"equals": "20 °C"}, "293.15 K", "pass"),
    ({"equals": "20 °C"}, "20 K", "fail"),
    ({"equals": "180 degrees"}, r"\pi rad", "pass"),
    ({"equals": "180 degrees"}, "3.14159265358979 rad", "fail"),
    ({"equals": r"2\sqrt{3} cm", "units": True}, r"\sqrt{12} cm", "pass"),
    ({"equals": r"2\sqrt{3} cm", "units": True}, "3.4641 cm", "fail"),
    ({"equals": "0.3 m", "units": True, "tolerance": "0.01"}, "1 ft", "pass"),
    ({"equals": "0.5 m^2"}, "5000 square cm", "pass"),
    ({"equals": "3 m", "units": True}, "3 m^2", "fail"),
    ({"equals": "2 J/(kg K)", "units": True}, "2 J/kg/K", "pass"),
    ({"equals": "2 J/(kg K)", "units": True}, "2 J/kg K", "fail"),
    ({"equals": "3 x"}, "3x", "pass"),
    ({"equals": "3 m", "units": False}, "3m", "pass"),
]


@pytest.mark.parametrize(("spec", "candidate", "guarantee"), RIGHT)
def test_right(spec: dict[str, Any], candidate: str, guarantee: str) -> None:
    found = judge(candidate, spec)
    assert (found["outcome"], found.get("guarantee")) == ("pass", guarantee), found


@pytest.mark.parametrize(("spec", "candidate", "words"), WRONG)
def test_wrong(spec: dict[str, Any], candidate: str, words: str) -> None:
    found = judge(candidate, spec)
    assert found["outcome"] == "fail", found
    assert words in found["critiques"][0]["message"]


@pytest.mark.parametrize(("spec", "candidate", "outcome"), QUANTITIES)
def test_quantities(spec: dict[str, Any], candidate: str, outcome: str) -> None:
    found = judge(candidate, spec)
    assert found["outcome"] == outcome, found


def test_a_missing_root_is_not_given_away() -> None:
    found = judge("2", QUADRATIC)
    assert "3" not in str(found["critiques"])


@pytest.mark.parametrize("equation", ["y'' = -y", "(y')^2 = sin(x)^2"])
def test_a_kink_is_no_solution(equation: str) -> None:
    found = judge("|cos(x)|", {"ode": {"equation": equation}})
    assert found["outcome"] == "unknown"
    assert "has no derivative where it changes sign" in found["critiques"][0]["message"]
    assert judge("C + log|x|", {"ode": {"equation": "x y' = 1", "general": True}})["outcome"] == "pass"


def test_what_cannot_be_decided_is_unknown() -> None:
    assert judge("9^9^9^9", ROOT_TWO)["outcome"] == "unknown"
    assert judge("0", {"limit_of": {"expression": "sin(1/x)", "to": 0}})["outcome"] == "unknown"
    assert judge("tanh(3000)", {"integral_of": {"expression": "1 + 0x", "from": 0, "to": 1}})["outcome"] != "pass"
    assert judge("0." + "3" * 2_300, {"integral_of": {"expression": "x^2", "from": 0, "to": 1}})["outcome"] == "unknown"


def test_conversion_is_exact() -> None:
    assert judge("1 inch", {"equals": "2.54 cm"})["guarantee"] == "proof"
    assert judge("1 inch", {"equals": "2.5400000000000000001 cm"})["outcome"] == "fail"


def test_a_wrong_dimension_is_named() -> None:
    message = judge("9.81 m/s", GRAVITY)["critiques"][0]["message"]
    assert message == "m/s is a unit of meter·second^-1, which is not what is asked for"


def test_many_are_judged_as_each_is() -> None:
    loaded = factory.load(QUADRATIC, base=None)
    candidates = ["2, 3", "2", "((("]
    one_by_one = [check({"spec": loaded, "candidate": c}) for c in candidates]
    assert list(check_many({"spec": loaded, "candidates": candidates})) == one_by_one


ALL: list[Any] = [
    QUADRATIC,
    LINEAR,
    SPRING,
    COSINE,
    GRAVITY,
    {"inverse_of": M},
    {"eigenvalues_of": M},
    {"determinant_of": M},
]


@given(st.text(max_size=40) | st.text(alphabet=r"0123456789.+-*/^()[]{},=xyeiC_ \sqrtmcs°", max_size=40))
@settings(max_examples=150, deadline=None)
def test_garbage_never_raises(text: str) -> None:
    for spec in ALL:
        found = check({"spec": factory.load(spec, base=None), "candidate": text})
        assert found["outcome"] in ("pass", "fail", "unknown")


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=4, unique=True), st.integers(-6, 6))
@settings(max_examples=60, deadline=None)
def test_the_roots_pass_and_any_other_set_fails(roots: list[int], other: int) -> None:
    spec = {"solves": {"equation": "*".join(f"(x - ({r}))" for r in roots) + " = 0"}}
    assert judge(", ".join(map(str, roots)), spec)["outcome"] == "pass"
    changed = {*roots} ^ {other}
    text = ", ".join(map(str, sorted(changed))) or r"\emptyset"
    assert judge(text, spec)["outcome"] == "fail"


@given(st.lists(st.integers(-5, 5), min_size=4, max_size=4), st.integers(-3, 3))
@settings(max_examples=60, deadline=None)
def test_an_inverse_passes_and_a_changed_one_fails(entries: list[int], off: int) -> None:
    a, b, c, d = entries
    det = a * d - b * c
    if det == 0:
        return
    text = f"[[{d}/({det}) + ({off}), {-b}/({det})], [{-c}/({det}), {a}/({det})]]"
    found = judge(text, {"inverse_of": f"[[{a}, {b}], [{c}, {d}]]"})
    assert found["outcome"] == ("pass" if off == 0 else "fail")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"solves": {"equation": "x^2"}}, "solves.equation: 'x^2' is no equation"),
    ({"solves": {"equation": []}}, "solves.equation: give at least one"),
    ({"solves": {"equation": "cos(x) = x"}}, "give `count`, or `all: false`"),
    ({"solves": {"equation": "x = 1", "unknowns": ["y"]}}, "solves.unknowns"),
    ({"solves": "x = 1"}, "solves: expected a mapping"),
    ({"ode": {"equation": "y = 1"}}, "ode.equation: holds no derivative"),
    ({"ode": {"equation": "y'"}}, "ode.equation: must be an equation"),
    ({"ode": {"equation": "y' = y", "initial": {"0": "1"}}}, "ode.initial.0"),
    ({"derivative_of": "floor(x)"}, "derivative_of: floor has no derivative"),
    ({"derivative_of": "x*y"}, "variable: name the variable of differentiation"),
    ({"integral_of": {"expression": "1/x", "from": 0, "to": 1}}, "integral_of: cannot be certified"),
    ({"integral_of": {"expression": "x", "from": 0.5, "to": 1}}, "put quotes"),
    ({"integral_of": {"expression": "x y", "from": 0, "to": 1, "variable": "x"}}, "no other variable"),
    ({"limit_of": {"expression": "x", "to": "(1,2)"}}, "limit_of.to: must be a value"),
    ({"limit_of": {"expression": "x", "to": 0, "side": "up"}}, "limit_of.side"),
    ({"inverse_of": "[[1,2],[2,4]]"}, "inverse_of: has no inverse"),
    ({"inverse_of": "[[1,2]]"}, "inverse_of: must be square"),
    ({"inverse_of": "3"}, "inverse_of: must be a matrix"),
    ({"linear_system": {"matrix": M, "right": "(1,2,3)"}}, "linear_system.right: must be a vector of 2"),
    ({"equals": "3 apples", "units": True}, "equals: is no quantity"),
    ({"equals": "3 m", "units": True, "up_to_constant": True}, "up_to_constant: does not go with a unit"),
    ({"equals": "3", "digits": 4}, "digits: only goes with `reading: lenient`"),
    ({"equals": "3", "reading": "lenient", "tolerance": 1}, "reading: `lenient` does not go with"),
    ({"solves": {"equation": "x = 1"}, "reading": "lenient"}, "reading: only goes with `equals`"),
    ({"solves": {"equation": "x = 1"}, "tolerance": "0.1"}, "tolerance: only goes with"),
]


@pytest.mark.parametrize(("spec", "words"), BAD)
def test_bad_specs(spec: dict[str, Any], words: str) -> None:
    with pytest.raises(ProblemError) as caught:
        factory.load(spec, base=None)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
