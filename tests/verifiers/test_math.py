"""The `math` verifier on tables of triples, in process; `test_math_worker.py` goes through a worker."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from modulo.errors import ProblemError
from modulo.verifiers.math import factory
from modulo.verifiers.math_check import check


def judge(candidate: str, **spec: Any) -> dict[str, Any]:
    loaded = factory.load(spec, base=None)
    assert isinstance(loaded, dict)
    assert factory.load(loaded, base=None) == loaded
    return check({"spec": loaded, "candidate": candidate})


PROVEN = r"""
1/2 | 0.5
1/2 | \frac{1}{2}
1/2 | \dfrac12
1/2 | $\tfrac{1}{2}$
1/2 | \boxed{\frac{1}{2}}
1/2 | \[ \frac{1}{2} \].
1/2 | 50\%
1/2 | 50%
1/2 | ½
1/2 | 2/4
1/2 | .5
1/2 | 5e-1
1/3 | 0.\overline{3}
1/6 | 0.1\overline{6}
5/2 | 2\frac{1}{2}
-5/2 | -2\frac12
1000 | 1,000
1234567.5 | 1,234,567.5
1000 | 1{,}000
1000 | 1\,000
18 | $18
18 | \$18
18 | \$18.00
1000.5 | \$1,000.50
-5 | -$5
3 | +3
3 | x = 3
x = 3 | 3
x = 3 | x=3.0
3 | 3.
8 | 2^3
8 | 2**3
512 | 2^{3^{2}}
-4 | -2^2
120 | 5!
6 | \binom{4}{2}
49 | 54_9
2 | \sqrt{4}
2 | \sqrt[3]{8}
-2 | \sqrt[3]{-8}
-2 | (-8)^(1/3)
2\sqrt{2} | \sqrt{8}
\frac{\sqrt{2}}{2} | 1/\sqrt2
\sqrt{2}+\sqrt{3} | \sqrt{5+2\sqrt{6}}
2i | \sqrt{-4}
-1 | i^2
i | -1/i
10^10^10 | 10^(10^10)
(10^8)! | (100000000)!
pi/2 | \frac{\pi}{2}
pi/2 | π/2
\pi/2 | 90^\circ
π/2 | 90°
2pi | 2 \cdot \pi
x+1 | (x^2-1)/(x-1)
x+1 | \frac{x^2-1}{x-1}
x+1 | 1 + x
(x+1)^2 | x^2 + 2x + 1
(x+1)^2 | x² + 2x + 1
x^2 y | yx^{2}
x*y | x y
2x + 3 | 3 + 2 \times x
1/(x-y) | -1/(y-x)
x/2 | 1/2x
x^10 | x^{10}
(x+y)^{20} | (y+x)^{20}
x sin x + cos x | \cos(x) + x\sin(x)
\sin^2 x | (\sin x)^2
\tan x | \frac{\sin x}{\cos x}
\sin(2x) | \sin 2x
\sin(2x) | sin 2x
\arcsin x | \sin^{-1}(x)
e^{2x} | \exp(2x)
\log x | \ln x
\log x | ln(x)
\log_2 x | log2(x)
\left|x\right| | |x|
x_1 + x_2 | x_{2} + x_{1}
\theta^2 | θ²
{1, 2} | \{2, 1\}
1, 2 | x=1 or x=2
1, 2 | x = 2, 1
1, 2 | 1 \text{ and } 2
1, 2, 3 | 3, 2, and 1
3, -3 | \pm 3
2+\sqrt{3}, 2-\sqrt{3} | 2 \pm \sqrt{3}
x=1,y=2 | y=2, x=1
(1, 2) | \left(1, \frac{4}{2}\right)
(p,q)=(3,2) | (3,2)
[0, 1) | [0,1)
(-\infty, 2] | (-oo, 2]
(-\infty, 2] | x \le 2
x > 2 | 2 < x
x > 2 | 2x > 4
0 < x < 1 | 1 > x > 0
(-oo,0) U (0,oo) | (0,\infty) \cup (-\infty,0)
(0, 2) | (0, 1] \cup (1, 2)
(0, 2) | (0, 1) \cup \{1\} \cup (1, 2)
[0, 3] | [1, 3] \cup [0, \sqrt{2}]
(-oo, oo) | (-oo, 2] U [1, oo)
{1, 2} | \{2\} \cup \{1\}
\emptyset | \{\}
\infty | oo
-oo | -\infty
\begin{pmatrix}1&2\\3&4\end{pmatrix} | [[1,2],[3,4]]
\begin{pmatrix}1\\2\end{pmatrix} | \begin{bmatrix} 1 \\ 2 \\ \end{bmatrix}
y = 2x + 1 | 2x+1
y = 2x + 1 | 2y = 4x + 2
2x + 3y = 6 | x + 1.5y - 3 = 0
f(x) = x^2 | x^2
x^2 | f(x) = x^2
5 | f(2) = 5
5 | \text{5}
-1/3 | -\boxed{1/3}
1, 2 | x_1 = 1, x_2 = 2
x < -2 or x > 2 | x > 2 \text{ or } x < -2
(-\infty,-2)\cup(2,\infty) | x < -2 or x > 2
x < -2 or x > 2 | (-\infty,-2)\cup(2,\infty)
x > 3 | x \in (3,\infty)
-1 < x \le 4 | x \in (-1, 4]
x > 0, y > 0 | y > 0 and x > 0
\text{East} | east
\text{C} | \text{(C)}
x | \displaystyle x
"""

CERTIFIED = r"""
1 | sin(x)^2+cos(x)^2
\sin 2x | 2\sin x\cos x
\cos 2x | 1 - 2\sin^2 x
|x| | \sqrt{x^2}
2\ln|x| | \ln(x^2)
2 | \log_{10} 100
1/2 | cos(pi/3)
-1 | e^{i\pi}
pi | 4 atan(1)
\pi | 16\arctan\frac15 - 4\arctan\frac1{239}
e^{2x} | (e^x)^2
2^{x+1} | 2 \cdot 2^x
\sqrt[3]{x} | x^(1/3)
\sinh x | \frac{e^x - e^{-x}}{2}
\tanh x | \frac{e^{2x}-1}{e^{2x}+1}
\frac{\pi}{2} - \arcsin x | \arccos x
\cosh^2 x - \sinh^2 x | 1
\sqrt{2}^{\sqrt{2}} | 2^{\sqrt{2}/2}
max(x, -x) | |x|
\ln 6 | \ln 2 + \ln 3
"""

DIFFERENT = r"""
1/3 | 0.333
1/3 | 0.3333333333333333
1/3 | 33.3\%
pi | 3.14159265358979
pi | 22/7
pi | 355/113
e | 2.718281828459045
sqrt(2) | 1.41421356237
262537412640768744 | exp(pi*sqrt(163))
x | x + 1e-20
x^2 | x^2 + 1e-15
\sin x | \sin x + 10^{-1000}
\sin 2x | 2\sin x\cos x + 10^{-1000}
\sin 2x | 2\sin x\cos x + e^{-10000}
\sin x | \sin(x)(1+10^{-2000})
1 | (1+x^2)^{1/10^{300}}
1 | \tanh(1000)
1 | erf(100)
0 | e^{-1000000}
\pi/2 | \arctan(10^{300})
x | \sqrt{x^2}
x | \sqrt{x}^2
x | max(x, -10^13)
1000 - x | |x - 1000|
10^{300} - x | |x-10^{300}|
x - 1/2 | floor(x)
|x| | x
-x | x
\log x^2 | 2\log x
\log_2 x | \log x
\log_{10} x | \log x
\pi/2 | \arctan x + \arctan(1/x)
10^10^10 | 10^10^10 + 1
(10^8)! | (10^8)! + 1
1 | 0/0
1 | 1/0
1 | x/0
50 | 50%
90 | 90^\circ
1000 | 1,00
12 | 1, 2
12 | 1\cdot 2
23 | 2\frac{3}{4}
54 | 54_9
3 | -3
3 | 3i
3 | {3, 4}
3 | 3, 4
3 | x = 3 or x = 4
3 | 3 < x
x = 3 | y = 3
x = 3 | x = 3, y = 4
x + 1 | x + y
x + 1 | x + 1 + C
x | X
2x | x2 + x
(1, 2) | (2, 1)
(1, 2) | [1, 2]
(1, 2) | {1, 2}
(1, 2) | (1, 2, 3)
[0, 1) | (0, 1]
(0, 2) | (0, 1) \cup (1, 2)
(0, 1) \cup (2, 3) | [0, 1) \cup (2, 3)
(0, 1) \cup (2, 3) | (0, 3)
{1, 2} | {1}
{1, 2} | {1, 2, 3}
3, -3 | 3
x > 2 | x \ge 2
x > 2 | x < 2
x > 2 | -2x > -4
(2, oo) | x \ge 2
\infty | -\infty
\infty | 10^{100}
\begin{pmatrix}1&2\\3&4\end{pmatrix} | \begin{pmatrix}1&2\\3&5\end{pmatrix}
\begin{pmatrix}1&2\\3&4\end{pmatrix} | \begin{pmatrix}1\\2\end{pmatrix}
y = 2x + 1 | y = 2x + 2
y = 2x + 1 | 2y = 2x + 1
y = 2x | 0 = 0
x=1,y=2 | x=2, y=1
x=1,y=2 | 1, 2
x=1,y=2 | x=1 or y=2
\{1, 2\} | x=1, y=2
x > 0, y > 0 | x > 0 or y > 0
x > 3 | x \in [3,\infty)
1/3 | 2 \cdot \boxed{1/3}
\text{East} | \text{West}
x^{12} | x^1 \cdot 2
e^x | \exp(x) + 10^{-400} e^{-x}
"""

UNREADABLE = r"""
3 apples
3 \text{ apples}
3 \text{ dozen}
3 \text{ is wrong, it is } 4
2 + junk
the answer is 3
x.y
3 3
1 000
3)
(3
((((
{3
3}
|3
3 +
* 3
= 3
3 =
3 == = 3
x = 2 = 3
1.2.3
0.333...
0.(3)
0.3…
3 \approx \pi
\pi \approx 3
3?
3; drop
3 # 4
3 % 4
3!!
3 != 4
x^23 \cdot 1
\sqrt 23
2\frac{3}{2}
\frac{1}
\sin
\sin^{-2} x
\foo{3}
\input{/etc/passwd}
\begin{cases} 3 \end{cases}
\begin{pmatrix} 1 & 2 \\ 3 \end{pmatrix}
\left. 3 \right|
a'
\ldots
1, 2, \ldots
x \ne 3
3 \pm 1 \pm 1
\infty - \infty
0 \cdot \infty
{1,2} + 1
(1,2) \cdot 2
\sqrt[x]{2}
sin
lambda: 3
lambda x: x
__import__('os').system('touch /tmp/modulo-was-here')
().__class__.__bases__[0].__subclasses__()
3 if True else 4
[x for x in (3,)][0]
open('/tmp/modulo-was-here', 'w')
exec("3")
eval("3")
print(3)
3 or __import__('os')
\text{__import__('os').system('touch /tmp/modulo-was-here')}3
\operatorname{__import__}('os')
\frac{__import__('os')}{1}
x\_\_class\_\_
6½
6 ½
6 ½
6 ½
6~½
6\,½
6{}½
6\quad ½
\text{6}½
f"{3}"
'3'
"3"
3\n4
S(3)
Symbol('x')
"""


def rows(table: str) -> list[tuple[str, str]]:
    pairs = [line.split(" | ", 1) for line in table.strip().splitlines()]
    return [(left.strip(), right.strip()) for left, right in pairs]


@pytest.mark.parametrize(("reference", "candidate"), rows(PROVEN))
def test_equal_by_proof(reference: str, candidate: str) -> None:
    found = judge(candidate, equals=reference)
    assert (found["outcome"], found.get("guarantee")) == ("pass", "proof"), found
    assert found["critiques"] == []


@pytest.mark.parametrize(("reference", "candidate"), rows(CERTIFIED))
def test_equal_by_certified_numerics(reference: str, candidate: str) -> None:
    domains = {"variables": {"x": [-1, 1]}} if "arc" in reference else {}
    for one, other in ((reference, candidate), (candidate, reference)):
        found = judge(one, equals=other, **domains)
        assert (found["outcome"], found.get("guarantee")) == ("pass", "evidence"), found
        assert found["evidence"]["precision_bits"] >= 512


@pytest.mark.parametrize(("reference", "candidate"), rows(DIFFERENT))
def test_different(reference: str, candidate: str) -> None:
    found = judge(candidate, equals=reference)
    assert found["outcome"] == "fail", found
    assert found["critiques"][0]["message"]
    assert found["score"] == 0


@pytest.mark.parametrize("reference", ["3", "x", r"\{1,2\}"])
@pytest.mark.parametrize("candidate", UNREADABLE.strip().splitlines())
def test_what_is_not_read_whole_is_never_accepted(reference: str, candidate: str) -> None:
    assert judge(candidate, equals=reference)["outcome"] == "fail"
    assert not Path("/tmp/modulo-was-here").exists()


@pytest.mark.parametrize(
    "candidate", ["", " ", "\n", "\x00", "\udcff", "x" * 20_000, "(" * 5_000, "1+" * 4_000 + "1" * 3_000]
)
def test_odd_texts(candidate: str) -> None:
    assert judge(candidate, equals="3")["outcome"] == "fail"


@pytest.mark.parametrize(
    "candidate",
    [
        "-" * 9_000 + "3",
        "3" + "!" * 500,
        "^".join("x" * 3_000),
        "2^" * 3_000 + "2",
        "|" * 2_000,
        r"\sqrt" * 1_000 + "2",
    ],
)
def test_deep_and_huge_texts_do_not_exhaust_anything(candidate: str) -> None:
    assert judge(candidate, equals="7")["outcome"] != "pass"


UNDECIDED = [
    ("2", "floor(log(100)/log(10))"),
    ("10^{10^{10}}", "2^(10^10) * 5^(10^10) * cos(0)"),
    ("2x", r"\frac{d}{dx} x^2"),
]


@pytest.mark.parametrize(("reference", "candidate"), UNDECIDED)
def test_undecided_is_unknown(reference: str, candidate: str) -> None:
    found = judge(candidate, equals=reference)
    assert found["outcome"] == "unknown", found
    assert "be decided" in found["critiques"][0]["message"]


@pytest.mark.parametrize(("candidate", "opinion"), [(r"\sum_{k=1}^{3} k", True), (r"\int_0^1 x\,dx", False)])
def test_mathematics_beyond_the_grammar_is_unknown_with_a_second_opinion(candidate: str, opinion: bool) -> None:
    found = judge(candidate, equals="6")
    assert (found["outcome"], found["evidence"]["math_verify"]) == ("unknown", opinion)


@pytest.mark.parametrize(
    ("reference", "candidate", "variables", "outcome"),
    [
        ("x", r"\sqrt{x^2}", {"x": "positive"}, "pass"),
        ("x", r"\sqrt{x^2}", {"x": "negative"}, "fail"),
        ("2 log x", "log(x^2)", {}, "pass"),
        ("log(x^2)", "2 log x", {}, "fail"),
        ("log(x^2)", "2 log x", {"x": "positive"}, "pass"),
        ("(-1)^n", "cos(n pi)", {"n": "integer"}, "pass"),
        ("(-1)^n", "cos(n pi/2)", {"n": "integer"}, "fail"),
        ("n!", "n (n-1)!", {"n": "natural"}, "pass"),
        ("n!", "n (n-1)!", {}, "unknown"),
        ("pi/2", "asin(x) + acos(x)", {"x": [-1, 1]}, "pass"),
        ("e^{iz}", r"\cos z + i\sin z", {"z": "complex"}, "pass"),
        ("z", r"\sqrt{z^2}", {"z": "complex"}, "fail"),
        ("i^2", "-1", {}, "pass"),
        ("i^2", "-1", {"i": "real"}, "fail"),
        ("xy", "y*x", {"x": "real", "y": "real"}, "pass"),
        ("x", "xy/y", {"x": "real", "y": "nonzero"}, "pass"),
    ],
)
def test_domains(reference: str, candidate: str, variables: dict[str, Any], outcome: str) -> None:
    assert judge(candidate, equals=reference, variables=variables)["outcome"] == outcome


@pytest.mark.parametrize(
    ("reference", "candidate", "outcome"),
    [
        ("x^2 + C", "x^2 + C", "pass"),
        ("x^2 + C", "x^2", "pass"),
        ("x^2 + C", "x^2 - 7", "pass"),
        ("x^2", "x^2 + k", "pass"),
        (r"\ln|x|", r"\ln|2x| + c", "pass"),
        (r"\sin^2 x", r"-\cos^2 x + C", "pass"),
        (r"\sin^2 x", r"\cos^2 x + C", "fail"),
        ("x^2", "x^2 + C x", "fail"),
        ("x^2", "x^2 + y", "fail"),
        ("x^2", "C", "fail"),
        ("x^2", "x^2 + floor(x)", "fail"),
        (r"\arctan x", r"-\arctan(1/x)", "fail"),
        ("k x", "k x + 2", "pass"),
        ("k x", "k", "fail"),
    ],
)
def test_up_to_a_constant(reference: str, candidate: str, outcome: str) -> None:
    assert judge(candidate, equals=reference, up_to_constant=True)["outcome"] == outcome


@pytest.mark.parametrize(
    ("integrand", "candidate", "outcome"),
    [
        ("x^2", "x^3/3 + C", "pass"),
        ("x^2", r"\frac{1}{3}x^3", "pass"),
        ("x^2", r"F(x) = \frac{x^3}{3} + C", "pass"),
        ("x^2", "x^2", "fail"),
        ("x^2", "x^3/3 + x", "fail"),
        ("x^2", "x^3/3 + C x", "fail"),
        ("1/x", r"\ln|x| + C", "pass"),
        ("1/x", r"\ln x + C", "fail"),
        ("x e^x", "(x-1)e^x", "pass"),
        (r"\sin x", r"-\cos x + c", "pass"),
        (r"\cos x", r"-\sin x", "fail"),
        (r"\frac{1}{1+x^2}", r"\arctan x", "pass"),
        (r"\frac{1}{\sqrt{1-x^2}}", r"\arcsin x + C", "pass"),
        (r"\frac{1}{x^2-1}", r"\frac12\ln\left|\frac{x-1}{x+1}\right|", "pass"),
        (r"\tan x", r"-\ln|\cos x|", "pass"),
        (r"\ln x", r"x\ln x - x", "pass"),
        (r"\sec^2 x", r"\tan x", "pass"),
        (r"x^{-1/2}", r"2\sqrt{x}", "pass"),
        (r"e^{-x^2}", r"\frac{\sqrt{\pi}}{2} erf(x)", "pass"),
        (r"\sqrt{x}", r"\frac{2}{3}x^{3/2}+K", "pass"),
        (r"2^x", r"2^x/\ln 2", "pass"),
        (r"x^x(\ln x+1)", "x^x", "pass"),
        (r"\sinh x", r"\cosh x", "pass"),
        ("x", "x^2/2 + floor(x)", "fail"),
        ("x", "{x^2/2}", "fail"),
        ("x", "0", "fail"),
        ("x", "1/0", "fail"),
        ("0", "C", "pass"),
    ],
)
def test_antiderivatives(integrand: str, candidate: str, outcome: str) -> None:
    spec = {"variable": "x"} if integrand == "0" else {}
    assert judge(candidate, antiderivative_of=integrand, **spec)["outcome"] == outcome


def test_tolerance_is_absolute_exact_and_inclusive() -> None:
    assert judge("3.14", equals="pi", tolerance=0.01)["guarantee"] == "evidence"
    assert judge("3.15", equals="3.14", tolerance=0.01)["outcome"] == "pass"
    assert judge("3.150000001", equals="3.14", tolerance=0.01)["outcome"] == "fail"
    assert judge("3.1", equals="pi", tolerance="1e-2")["outcome"] == "fail"
    assert judge("(1.001, 2)", equals="(1, 2)", tolerance=0.01)["outcome"] == "pass"
    assert judge("x + 0.001", equals="x", tolerance=0.01)["outcome"] == "pass"
    assert judge("1.001x", equals="x", tolerance=0.01)["outcome"] == "fail"


def test_critiques_say_what_is_wrong_and_never_the_reference() -> None:
    found = judge("x^2", antiderivative_of="x^2")
    message = found["critiques"][0]["message"]
    assert re.fullmatch(r"d/dx of your answer is 2\*x; at x = \S+ it is \S+, but the integrand is \S+", message)
    shown = found["critiques"][0]["counterexample"]
    assert float(shown["derivative"]) == pytest.approx(2 * float(shown["at"]["x"]), rel=1e-2)
    assert float(shown["integrand"]) == pytest.approx(float(shown["at"]["x"]) ** 2, rel=1e-2)
    found = judge("0.7182", equals="e - 2")
    assert "read as 3591/5000, is not the expected one; decimals are taken exactly" in found["critiques"][0]["message"]
    assert "0.71828" not in str(found)
    assert "not defined at x = -" in judge("2 log x", equals="log(x^2)")["critiques"][0]["message"]
    assert "y should not occur in it" in judge("x + y", equals="x + 1")["critiques"][0]["message"]
    assert "leave out the words or units 'cm'" in judge(r"3 \text{ cm}", equals="3")["critiques"][0]["message"]


BAD_SPECS: list[tuple[Any, str]] = [
    ({}, "give exactly one of `equals`"),
    ({"equals": "1", "antiderivative_of": "x"}, "give exactly one"),
    ("1/2", "expected a mapping"),
    ({"equals": "1", "exact": True}, "exact: no such field"),
    ({"equals": "2 +"}, "equals: cannot be read as mathematics"),
    ({"equals": "the number three"}, "equals: cannot be read"),
    ({"equals": r"15\mbox{ apples}"}, "equals: cannot be read as mathematics: leave out the words or units"),
    ({"equals": ""}, "equals: cannot be read as mathematics: it is empty"),
    ({"equals": 0.5}, "equals: put quotes"),
    ({"equals": None}, "give exactly one"),
    ({"equals": "1", "tolerance": 0}, "tolerance: a positive number"),
    ({"equals": "1", "tolerance": "abc"}, "tolerance: a positive number"),
    ({"equals": "1", "tolerance": "inf"}, "tolerance: a positive number"),
    ({"equals": "1", "tolerance": True}, "tolerance: a positive number"),
    ({"equals": "x", "variables": {"x": "prime"}}, "variables.x"),
    ({"equals": "x", "variables": {"x": [2, 1]}}, "variables.x: an interval"),
    ({"equals": "x", "seconds": 0}, "seconds"),
    ({"equals": "5", "up_to_constant": True}, "up_to_constant: needs"),
    ({"equals": "{x}, 1", "up_to_constant": True}, "up_to_constant: needs"),
    ({"equals": "x", "variable": "x"}, "variable: only goes with"),
    ({"antiderivative_of": "x*y"}, "variable: name the variable"),
    ({"antiderivative_of": "x", "tolerance": 1}, "only goes with `equals`"),
    ({"antiderivative_of": "(1,2)"}, "must be one expression"),
]


@pytest.mark.parametrize(("spec", "words"), BAD_SPECS)
def test_a_bad_spec_is_one_line_that_names_the_field(spec: Any, words: str) -> None:
    with pytest.raises(ProblemError) as caught:
        factory.load(spec, base=None)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("candidate", [r"\lfloor n/10^{9} \rfloor", r"\max(0, n - 1000000)"])
def test_a_step_far_out_is_found_on_the_integers_too(candidate: str) -> None:
    assert judge(candidate, equals="0", variables={"n": "natural"})["outcome"] != "pass"


def test_an_antiderivative_holds_no_foreign_names() -> None:
    assert judge("x^2 + y", antiderivative_of="2x")["outcome"] == "fail"
    assert judge("a x^2 + C", antiderivative_of="2 a x", variable="x")["outcome"] == "pass"


@pytest.mark.parametrize("reference", ["x < -2 or x > 2", r"(-\infty,-2)\cup(2,\infty)"])
@pytest.mark.parametrize(
    "candidate", ["x < -2 and x > 2", "x < -2, x > 2", "x < -2, x > 2 or x > 3", "x < -2 or x > 3"]
)
def test_one_of_two_inequalities_is_not_both(reference: str, candidate: str) -> None:
    assert judge(candidate, equals=reference)["outcome"] != "pass"


@pytest.mark.parametrize(("answer", "at"), [(r"x^2+\frac{|x|}{x}", "0"), ("x^2+|x-3|/(x-3)", "3")])
def test_a_jump_is_no_constant_of_integration(answer: str, at: str) -> None:
    found = judge(answer, antiderivative_of="2x")
    assert found["outcome"] == "fail"
    assert f"not defined at x = {at}" in found["critiques"][0]["message"]


HOLES = r"""
x^2 | x^2 + 0/x
x^2 | x^2 + 0/(x-7)
x^2 | x^2 + 0 \cdot x^{-1}
x^2 | x^2 + 1/x - 1/x
x^2 | x^2 + x/x - 1
x^2 | x^2 + x^0 - 1
x^2 | x^2 + (x-x)/(x-3)
x^2 + y^2 = 1 | x^2 + y^2 = 1 + 0/x
x^2 + y^2 = 1 | x^2 + y^2 = x^0
x^2 + y^2 = 1 | x^3/x + y^2 = 1
x^2 + y^2 = 1 | x^2 + y^2 + 0\ln(x^2) = 1
x < 2 | x < 2 + 0/x
x < 2 | x^2/x < 2
x < 2 | x < 2x/x
(-\infty, 2) | x < 2x/x
0 < x < y | 0 < x < y^2/y
"""


@pytest.mark.parametrize(("reference", "candidate"), rows(HOLES))
def test_a_hole_of_no_effect_elsewhere_is_not_accepted(reference: str, candidate: str) -> None:
    assert judge(candidate, equals=reference)["outcome"] in ("fail", "unknown")


@pytest.mark.parametrize(
    ("reference", "candidate"),
    [
        ("1/x + 1/y = 1", r"\frac{x+y}{xy} = 1"),
        (r"\frac{x+y}{xy} = 1", "1/y = 1 - 1/x"),
        (r"y + \tan x = 2", r"\frac{\sin x}{\cos x} = 2 - y"),
        (r"\sqrt{x} + y > 2", r"2 < y + \sqrt{x}"),
        ("x^{1/3} + y = 2", "2y + 2x^{1/3} = 4"),
    ],
)
def test_denominators_of_the_expected_equation_are_no_holes(reference: str, candidate: str) -> None:
    found = judge(candidate, equals=reference)
    assert (found["outcome"], found.get("guarantee")) == ("pass", "proof"), found


@pytest.mark.parametrize(
    "defect",
    [
        "0^{x^2}",
        "0^{(x-7)^2}",
        "min(0, x^2)^{(x-7)^2}",
        "(1-|sign(x)|)",
        "sign(x)^2 - 1",
        "floor(1/(1+x^2))",
        "floor(e^{-x^2})",
        "floor(1/(1+(x-7)^2))",
        "floor(1/(1+(x-7-1/3)^2))",
        "ceil(1 - 1/(1+(x-700-77)^2)) - 1",
        r"\max(0, 1 - 10^{9}|x - 700 - 77|)",
        r"\max(0, 1 - 10^{9}|x - 1|)",
    ],
)
@pytest.mark.parametrize("variables", [{}, {"x": "integer"}])
def test_a_defect_at_one_point_is_no_evidence(defect: str, variables: dict[str, Any]) -> None:
    assert judge(f"x^2 + {defect}", equals="x^2", variables=variables)["outcome"] in ("fail", "unknown")


@pytest.mark.parametrize(
    ("reference", "candidate"),
    [
        (r"\lfloor x/2 \rfloor |x|", r"\sqrt{x^2} \lfloor 0.5x \rfloor"),
        ("x sign(x)", "|x|"),
        ("2^x x^x", "(2x)^x"),
        (r"1 + \cos x", r"\frac{\sin^2 x}{1-\cos x}"),
    ],
)
def test_steps_that_are_expected_and_powers_without_steps_are_evidence(reference: str, candidate: str) -> None:
    assert judge(candidate, equals=reference)["outcome"] == "pass"
