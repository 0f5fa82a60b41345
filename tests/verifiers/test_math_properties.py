"""Properties of the `math` verifier on generated expressions, recorded answers, and through a worker."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from modulo.types import Guarantee, Outcome, Problem
from modulo.verifiers.math import factory
from modulo.verifiers.math_balls import InconclusiveError, OutsideError, PoleError, evaluate, precision
from modulo.verifiers.math_check import check
from modulo.verifiers.math_diff import derivative
from modulo.verifiers.math_exact import root_bound_bits
from modulo.verifiers.math_nodes import Expr, shown
from modulo.verifiers.math_read import MathFault, read

LEAVES = st.sampled_from(["x", "y", "2", "3", "1/2", "0.3", "pi", "7"])


def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda p: f"({p[0]} + {p[1]})"),
        pairs.map(lambda p: f"({p[0]} - {p[1]})"),
        pairs.map(lambda p: f"({p[0]}) * ({p[1]})"),
        inner.map(lambda a: f"({a})^2"),
        inner.map(lambda a: f"sin({a})"),
        inner.map(lambda a: f"cos({a})"),
        inner.map(lambda a: f"atan({a})"),
        inner.map(lambda a: f"sqrt(({a})^2 + 1)"),
        inner.map(lambda a: f"log(({a})^2 + 2)"),
    )


EXPRESSIONS = st.recursive(LEAVES, grow, max_leaves=6)
REWRITES: list[Callable[[str], str]] = [
    lambda a: f"0 + ({a})",
    lambda a: f"(2*({a}) + 6)/2 - 3",
    lambda a: f"({a})*(sin(x)^2 + cos(x)^2)",
    lambda a: f"({a}) + (x+y)^2 - x^2 - 2x y - y^2",
    lambda a: f"log(e^({a}))" if len(a) < 12 and "^" not in a else f"1*({a})",
    lambda a: rf"\frac{{{a}}}{{1}}".replace("*", r"\cdot "),
    lambda a: f"(sqrt(2)^2/2)*({a})",
]
PERTURBED: list[Callable[[str], str]] = [
    lambda a: f"({a}) + 10^(-30)",
    lambda a: f"({a}) + 10^(-25)*(1 + x^2)",
    lambda a: f"({a}) + 10^(-40)*sin(x)^2 + 10^(-40)",
    lambda a: f"({a}) + (x - y)^2/10^20",
]


def compare(candidate: str, reference: str) -> dict[str, Any]:
    spec = factory.load({"equals": reference, "variables": {"x": "real", "y": "real"}}, base=None)
    return check({"spec": spec, "candidate": candidate})


@given(EXPRESSIONS, st.sampled_from(REWRITES))
@settings(max_examples=120, deadline=None)
def test_a_rewritten_expression_passes(expression: str, rewrite: Callable[[str], str]) -> None:
    found = compare(rewrite(expression), expression)
    assert found["outcome"] == "pass", (rewrite(expression), expression, found)


@given(EXPRESSIONS, st.sampled_from(PERTURBED))
@settings(max_examples=120, deadline=None)
def test_a_perturbed_expression_fails(expression: str, perturb: Callable[[str], str]) -> None:
    found = compare(perturb(expression), expression)
    assert found["outcome"] == "fail", (perturb(expression), expression, found)


@given(EXPRESSIONS)
@settings(max_examples=120, deadline=None)
def test_what_is_shown_reads_as_the_same(expression: str) -> None:
    tree = read(expression)
    text = shown(tree, 10_000)
    assert compare(text, expression)["outcome"] == "pass"


@given(EXPRESSIONS)
@settings(max_examples=60, deadline=None)
def test_an_integral_of_the_derivative_passes_and_a_changed_one_fails(expression: str) -> None:
    tree: Expr = read(expression)  # type: ignore[assignment]
    integrand = shown(derivative(tree, "x"), 9_000)
    assume(len(integrand) < 2_000)
    spec = factory.load(
        {"antiderivative_of": integrand, "variable": "x", "variables": {"x": "real", "y": "real"}}, base=None
    )
    assert check({"spec": spec, "candidate": f"{expression} + C"})["outcome"] == "pass"
    assert check({"spec": spec, "candidate": f"{expression} + x/10^20"})["outcome"] == "fail"


@given(st.fractions(min_value=-3, max_value=3), EXPRESSIONS)
@settings(max_examples=60, deadline=None)
def test_derivatives_agree_with_difference_quotients(at: Fraction, expression: str) -> None:
    tree: Expr = read(expression)  # type: ignore[assignment]
    with precision(200):
        step = Fraction(1, 10**12)
        values = [evaluate(tree, {"x": at + h, "y": Fraction(5, 7)}, real=True) for h in (step, -step)]
        slope = evaluate(derivative(tree, "x"), {"x": at, "y": Fraction(5, 7)}, real=True)
        quotient = (values[0] - values[1]) * 10**12 / 2
        assert abs(slope - quotient) < (abs(slope) + 1) * 1e-9


@given(st.text(max_size=60) | st.text(alphabet=r"0123456789.+-*/^()[]{}|,=<>xyei\ fracsqtpm_!%$", max_size=60))
@settings(max_examples=400, deadline=None)
def test_garbage_never_raises(text: str) -> None:
    specs: list[dict[str, Any]] = [
        {"equals": "3"},
        {"equals": "x^2 + C", "up_to_constant": True},
        {"antiderivative_of": "x"},
    ]
    for spec in specs:
        found = check({"spec": factory.load(spec, base=None), "candidate": text})
        assert found["outcome"] in ("pass", "fail", "unknown")
        json.dumps(found, allow_nan=False)


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6), st.integers(1, 10**9))
def test_fractions_are_exact(top: int, bottom: int, off: int) -> None:
    value = Fraction(top, bottom)
    assert compare(rf"\frac{{{top}}}{{{bottom}}}", f"{value}")["outcome"] == "pass"
    assert compare(f"{value + Fraction(1, off * 10**9)}", f"{value}")["outcome"] == "fail"


RADICALS = st.recursive(
    st.integers(1, 9).map(str),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: f"({p[0]} + {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]} - {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]})*({p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]})/(({p[1]})^2 + 1)"),
        inner.map(lambda a: f"sqrt(({a})^2)"),
        inner.map(lambda a: f"sqrt(({a})^2 + 1)"),
        inner.map(lambda a: f"root({a}, 3)"),
    ),
    max_leaves=6,
)


@given(RADICALS)
@settings(max_examples=150, deadline=None)
def test_the_separation_bound_holds(text: str) -> None:
    """Evaluated far below its bound, a constant in radicals is either zero or above the bound."""
    tree: Expr = read(text)  # type: ignore[assignment]
    bits = root_bound_bits(tree)
    assume(bits is not None and bits < 20_000)
    assert bits is not None
    with precision(int(bits) + 400):
        try:
            ball = evaluate(tree, {}, real=True)
        except (InconclusiveError, OutsideError, PoleError):
            assume(False)
        size = abs(ball)
        bound = evaluate(read("2"), {}, real=True) ** -int(bits)  # type: ignore[arg-type]
        assert size > bound or ball.contains(0)


def data() -> list[dict[str, Any]]:
    path = (
        Path(os.environ.get("MODULO_DATA", Path(__file__).parents[3] / "shared" / "data"))
        / "gsm8k"
        / "candidates.jsonl"
    )
    if not path.is_file():
        pytest.skip(f"no recorded answers at {path}; set MODULO_DATA")
    return [json.loads(line) for line in path.read_text().splitlines()]


def final(solution: str) -> str | None:
    lines = [line for line in solution.splitlines() if line.startswith("A: ")]
    return lines[-1].removeprefix("A: ").strip() if lines else None


def test_recorded_grade_school_answers() -> None:
    """660 problems, four model solutions each. Solved by any of the four: 441."""
    solved, disagreements, judged = 0, [], 0
    for problem in data():
        reference = final(problem["ground_truth"])
        assert reference is not None
        spec = factory.load({"equals": reference}, base=None)
        accepted = False
        for candidate in problem["candidates"]:
            answer = final(candidate["solution"])
            outcome = check({"spec": spec, "candidate": answer})["outcome"] if answer is not None else "fail"
            judged += 1
            accepted |= outcome == "pass"
            if (outcome == "pass") is not candidate["is_correct"]:
                disagreements.append((problem["id"], reference, answer, candidate["is_correct"]))
        solved += accepted
    assert (judged, solved) == (2640, 441), disagreements
    assert disagreements == []


async def test_through_a_worker() -> None:
    problem = Problem(statement="?")

    async def verify(candidate: str, **spec: Any) -> Any:
        loaded = factory.load(spec, base=None)
        return await factory.build(loaded, hard=True, sandbox=None).verify(problem, candidate)  # type: ignore[arg-type]

    proof = await verify(r"\frac12", equals="0.5")
    assert (proof.outcome, proof.guarantee) == (Outcome.PASS, Guarantee.PROOF)
    evidence = await verify("2 sin x cos x", equals="sin 2x")
    assert (evidence.outcome, evidence.guarantee) == (Outcome.PASS, Guarantee.EVIDENCE)
    assert (await verify("0.333", equals="1/3")).outcome is Outcome.FAIL
    assert (await verify("\udcff(", equals="1/3")).outcome is Outcome.FAIL
    opinion = await verify(r"\sum_{k=1}^{3} k", equals="6", seconds=60)
    assert (opinion.outcome, opinion.evidence["math_verify"]) == (Outcome.UNKNOWN, True)
    same = [await verify("x + 1e-30", equals="x") for _ in range(2)]
    assert same[0].critiques == same[1].critiques


def test_reading_never_hands_text_to_sympy() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from modulo.verifiers.math_check import check; from modulo.verifiers.math import factory; "
        "check({'spec': factory.load({'equals': '1/2'}, base=None), 'candidate': '\\\\frac{1}{2}'}); "
        "assert not {'sympy', 'math_verify', 'antlr4'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_reader_refuses_with_a_fault_only() -> None:
    with pytest.raises(MathFault, match="the text goes on after its end"):
        read("3)")
