"""The lenient reading: what answer keys leave open, and what it must still refuse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modulo.errors import ProblemError
from modulo.types import Guarantee, Outcome, Problem
from modulo.verifiers.math import factory
from modulo.verifiers.math_check import check
from modulo.verifiers.math_lenient import finals


def judge(reference: str, candidate: str, **spec: Any) -> dict[str, Any]:
    loaded = factory.load({"equals": reference, "reading": "lenient", **spec}, base=None)
    assert factory.load(loaded, base=None) == loaded
    return check({"spec": loaded, "candidate": candidate})


OURS = r"""
$\frac{1}{2}$ | The answer is $\frac12$.
18 | She earns $18 every day.
$18$ | \boxed{\$18}
1000 | 1 000
1234.5 | 1.234,5 is wrong, the answer is 1,234.5
2.5 | 2,5
$72\%$ | 72 percent
$72\%$ | so it is $\boxed{72}$ percent.
0.72 | 72\%
35 | 35 cm
$35\text{ cm}^2$ | \boxed{35}
35 | 35\text{ apples}
12 | The answer is not 13 but 12
12 \text{ million} | 12 million
5/2 | 2 \frac{1}{2}
(1,2) | x=1, y=2
x=2, y=1 | y=1, x=2
$90^\circ$ | 90
3 | x = 1 + 2 = 3
11 | $x \approx 11$
$x=1/3$ | $x = 3/9 = 1/3 \approx 0.33$
1/3 | 0.333333
0.3333333 | 1/3
{1, 2} | \boxed{2} and \boxed{1}
$1$ and $2$ | \boxed{1,2}
(1, 3) | {1,3}
x=1, y=2 | 1, 2
AB = 4 | 4
|AB| = 4 | 4
$f(x) = x^2$ | x^2
$x>3$ | $(3, \infty)$
\text{Odd} | odd
\text{(C)} | C
$7:32$ | the ratio is $7:32$
\begin{pmatrix}1\\2\end{pmatrix} | $\left[\begin{array}{c}1\\2\end{array}\right]$
4 | Final Answer: there are 4 of them. I hope it is correct.
143 | <think>maybe 144? no</think> It is \(\boxed{143}\).
\frac{5}{7} | \\frac{5}{7}
"""

DIFFERENT = r"""
1/3 | 0.333
1/3 | 0.33333
10^{-8} | 0.0
0.0000001 | 0.0000004
3 | 4
3 | the answer is 4, not 3: $4$
18 | 81
28 | 28\%
$\frac12$ | \boxed{\frac13}
{1, 2} | \boxed{1}
(1, 3) | {3,1}
(1, 2) | [1, 2]
$x>3$ | $x \ge 3$
32349 | 32, 349
204_5 | 205_5
$1 - \frac1e$ | $1 + \frac1e$
x | \sqrt{x^2}
262537412640768744 | $e^{\pi\sqrt{163}}$
7 = 11a+c | 11a+c
\text{Odd} | even
21/2 | \boxed{2 1/2}
21/2 | \boxed{2\,1/2}
21/2 | \boxed{2~1/2}
12 | \boxed{1 2}
12 | \boxed{1\quad 2}
12 | \boxed{12'}
12 | 12 \text{ thousand}
12 | 12 million
12 | It is \boxed{12} million
12 | \boxed{12\text{ dozen}}
12 | half of 12
12 | answer: not 12
12 | The answer is not $12$.
12 | 12 is wrong
12 | The answer is between 11 and 12
(1,2) | y=1, x=2
3 | no answer at all
3 | AZ3B
3 |
"""


def rows(table: str) -> list[tuple[str, str]]:
    pairs = [line.partition(" |") for line in table.strip().splitlines()]
    return [(left.strip(), right.strip()) for left, _, right in pairs]


@pytest.mark.parametrize(("reference", "candidate"), rows(OURS))
def test_the_same_by_convention(reference: str, candidate: str) -> None:
    found = judge(reference, candidate)
    assert (found["outcome"], found.get("guarantee")) == ("pass", "evidence"), found
    assert found["evidence"]["method"] != "math-verify"


@pytest.mark.parametrize(("reference", "candidate"), rows(DIFFERENT))
def test_different(reference: str, candidate: str) -> None:
    found = judge(reference, candidate)
    assert found["outcome"] == "fail", found
    assert found["critiques"][0]["message"]


@pytest.mark.parametrize(
    ("reference", "candidate", "outcome"),
    [
        (r"$\sum_{k=1}^{n} k$", r"$\frac{n(n+1)}{2}$", "pass"),
        (r"$\sum_{k=1}^{3} k$", "$6$", "pass"),
        (r"$\sum_{k=1}^{3} k$", "$7$", "fail"),
        (r"$\int_0^1 x dx$", "$1/3$", "fail"),
    ],
)
def test_beyond_our_grammar_math_verify_decides_gold_first(reference: str, candidate: str, outcome: str) -> None:
    found = judge(reference, candidate)
    assert (found["outcome"], found["evidence"]["method"]) == (outcome, "math-verify"), found


def test_rounding_is_to_the_digits_of_the_spec_and_said() -> None:
    assert judge("1/3", "0.33", digits=2)["evidence"]["rounded_to_decimals"] == 2
    assert judge("1/3", "0.33")["outcome"] == "fail"
    assert judge("1/3", "0.34", digits=2)["outcome"] == "fail"


@pytest.mark.parametrize(
    "candidate",
    [
        "(10^8)!",
        "9^9^9^9",
        r"$9^{9^{9^{9}}}$",
        r"$\sum_{k=0}^{10^9} k!$",
        r"$\int_0^1 e^{e^{e^{e^x}}} dx$",
        "x" * 1_000_000,
        "(" * 100_000,
        "$" * 50_000,
        r"\boxed{" * 5_000,
        "__import__('os').system('touch /tmp/modulo-was-here')",
        r"$\text{__import__('os')}$",
    ],
)
def test_hostile_texts_are_not_accepted(candidate: str) -> None:
    assert judge("3", candidate)["outcome"] != "pass"


def test_no_candidate_reaches_the_parsers_that_execute(monkeypatch: pytest.MonkeyPatch) -> None:
    import math_verify.parser
    import sympy.parsing.sympy_parser

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("text reached parse_expr")

    monkeypatch.setattr(sympy.parsing.sympy_parser, "parse_expr", refuse)
    monkeypatch.setattr(math_verify.parser, "parse_expr", refuse)
    for candidate in ("1+1", "2/4", "12:00", "7 : 32", r"\sum_{k=1}^{3} k", "(3*4)+5", "apples"):
        judge(r"$\sum_{k=1}^{3} k$", candidate)


@given(st.text(max_size=60) | st.text(alphabet="0123456789.,$%\\{}()[]=:xboxedtan d\n", max_size=60))
@settings(max_examples=200, deadline=None)
def test_garbage_never_raises(text: str) -> None:
    assert judge(r"$\frac{355}{113}$", text)["outcome"] in ("pass", "fail", "unknown")
    list(finals(text))


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_whole_numbers_are_exact(one: int, other: int) -> None:
    assert (judge(f"${one}$", f"The answer is {other}.")["outcome"] == "pass") is (one == other)


def test_a_reference_without_an_answer_is_refused() -> None:
    with pytest.raises(ProblemError, match="equals: holds no answer"):
        factory.load({"equals": "  ", "reading": "lenient"}, base=None)


async def test_through_workers_in_order() -> None:
    loaded = factory.load({"equals": "$1/2$", "reading": "lenient", "seconds": 60}, base=None)
    verifier = factory.build(loaded, hard=True, sandbox=None)  # type: ignore[arg-type]
    verdicts = await verifier.verify_many(Problem(statement="?"), ["0.5", "(10^8)!", r"\boxed{\frac24}", "1/3"])
    outcomes = [v.outcome for v in verdicts]
    assert outcomes == [Outcome.PASS, Outcome.FAIL, Outcome.PASS, Outcome.FAIL]
    assert verdicts[0].guarantee is Guarantee.EVIDENCE
