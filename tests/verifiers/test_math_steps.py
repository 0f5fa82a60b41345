"""Steps of derivations and of chains of thought: each with its verdict, the first wrong one as the critique."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modulo.errors import ProblemError
from modulo.extract import extract
from modulo.types import AnswerFormat, Problem, Spec
from modulo.verifiers.math import factory
from modulo.verifiers.math_check import check
from modulo.verifiers.math_equal import Settings
from modulo.verifiers.math_steps import judged
from modulo.verifiers.math_steps_read import steps_in

ROOT = Context(prec=300).power(2, Context(prec=310).divide(Decimal(1), Decimal(3)))
"""The cube root of two to 300 digits."""


def verdicts(text: str, **options: Any) -> list[str]:
    return [j.verdict for j in judged(steps_in(text)[0], Settings(), **options)]


def judge(text: str, **spec: Any) -> dict[str, Any]:
    loaded = factory.load({"steps": spec}, base=None)
    assert factory.load(loaded, base=None) == loaded
    return check({"spec": loaded, "candidate": text})


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("<<16-3=13>>13 eggs", "right"),
        ("$<<9*2=18>>18", "right"),
        ("<<4*.25=1>>1", "right"),
        ("<<2*1/2=1.0>>1", "right"),
        ("<<80,000+50,000=130,000>>130,000", "right"),
        ("<<50000*5%=2500>>2500", "right"),
        ("<<5/20=.25>>25%", "right"),
        ("<<5/20*100=25>>25%", "right"),
        ("<<100/3=33.33>>33.33", "rounded"),
        ("<<2/3=.67>>.67", "rounded"),
        ("<<350/15=23.333333333333332>>23.333333333333332", "rounded"),
        ("<<4.2+9.45+1.35=14.999999999999998>>15", "rounded"),
        ("<<100/3=33>>33", "wrong"),
        ("<<2/3=.66>>.66", "wrong"),
        ("<<5/2=3>>3", "wrong"),
        ("<<16-3=12>>12", "wrong"),
        ("<<16-3=13>>12", "wrong"),
        ("<<130000*.15=19500.0>>195,000", "wrong"),
        ("<<10*(2/3)=8>>8", "wrong"),
        ("<<1/0=3>>3", "wrong"),
        ("<<3=4=3>>3", "wrong"),
        ("<<X-7.68=4.32>>4.32", "unreadable"),
        ("<<three+4=7>>7", "unreadable"),
        ("<<16-3", "unreadable"),
        ("<<9^9^9^9=3>>3", "unreadable"),
        ("<<(10^8)!=3>>3", "wrong"),
        ("<<__import__('os')=3>>3", "unreadable"),
        ("so 16 - 3 - 4 = 9 are left", "right"),
        ("so 16 - 3 - 4 = 8 are left", "wrong"),
        ("so 2 x 3 = 6 are left", "right"),
        ("It costs $1,200 + $300 = $1,500.", "right"),
        ("3 + 4 = 7 * 2 = 14", "wrong"),
        ("She has (3 + 4 = 8) eggs", "wrong"),
        ("100 * 20% = 20 of them", "right"),
        ("so 5/20*100 = 25% of them", "right"),
        (r"$\sqrt{2} \approx 1.41$", "rounded"),
        (r"\sqrt{2} \approx 1.42", "unreadable"),
        (r"$2^{10} = 1024$", "right"),
        (r"\[ 2^{10} = 1000 \]", "wrong"),
    ],
)
def test_one_step(text: str, verdict: str) -> None:
    assert verdicts(text) == [verdict]


@pytest.mark.parametrize(
    "text",
    [
        "I paid $5 and then $6",
        "no mathematics at all",
    ],
)
def test_prose_that_is_no_chain_of_numbers_is_left_alone(text: str) -> None:
    assert verdicts(text) == []


def test_a_sentence_is_not_counted_twice() -> None:
    assert verdicts("She has 16 - 3 - 4 = <<16-3-4=9>>9 eggs") == ["right"]
    assert verdicts("She has 16 - 3 - 5 = <<16-3-4=9>>9 eggs") == ["wrong", "right"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2x + 3 = 7\n2x = 4\nx = 2", "premise right right"),
        ("2x + 3 = 7\n2x = 10\nx = 5", "premise wrong wrong"),
        (r"$2x+3=7 \Rightarrow 2x=4 \Rightarrow x=2$", "premise right right"),
        (r"$2x+3=7 \implies x=5$", "premise wrong"),
        ("2x + 3 = 7 => 2x = 4 => x = 3", "premise right wrong"),
        ("x^2 = x\nx = 1", "premise wrong"),
        ("x^2 = x\nx = 0 or x = 1", "premise right"),
        ("x^2 - 5x + 6 = 0\n(x-2)(x-3) = 0\nx = 2 or x = 3", "premise right right"),
        ("x^2 - 5x + 6 = 0\n(x-2)(x-4) = 0", "premise wrong"),
        (r"$x^2 = 4 \implies x = \pm 2$", "premise right"),
        (r"$x^2 = 2 \implies x = \sqrt{2}$", "premise wrong"),
        (r"$x^2 = 2 \implies x = \pm\sqrt{2}$", "premise right"),
        (f"x^3 = 2\nx = {ROOT}", "premise wrong"),
        ("x = 3\nx^2 = 9", "premise right"),
        ("x + y = 5\nx - y = 1\n2x = 6\nx = 3\ny = 2", "premise premise right right right"),
        ("x + y = 5\nx - y = 1\n2x = 6\nx = 3\ny = 3", "premise premise right right wrong"),
        ("x*y = 6\nx + y = 5\nx^2 + y^2 = 13", "premise premise right"),
        ("r = 3\nA = pi*r^2 = 9*pi", "premise right"),
        (r"\begin{align} (x+1)^2 &= x^2+2x+1 \\ &= x(x+2)+1 \end{align}", "right right"),
        (r"\begin{align*} (x+1)^2 &= x^2+2x+1 \\ &= x^2+2x+2 \end{align*}", "right wrong"),
        (r"\[ (a+b)^2 = a^2 + b^2 = (b+a)^2 \]", "wrong"),
        ("1. 2x > 4\n2. x > 2", "premise right"),
        ("2x > 4 => x > 1", "premise right"),
        ("2x > 4 => x > 3", "premise wrong"),
        ("-2x > 4 => x > -2", "premise wrong"),
        ("-2x >= 4 => x <= -2", "premise right"),
        ("3 < 4", "right"),
        ("4 < 3", "wrong"),
        ("x = 2\nNow take another case.\nx = 3", "premise premise"),
        ("Suppose $x = 2$. Or suppose $x = 3$.", "premise premise"),
        (r"A = \pi r^2 = \pi \cdot 9", "unreadable"),
        (r"$\int x dx = x^2$", "unreadable"),
    ],
)
def test_derivations(text: str, expected: str) -> None:
    assert " ".join(verdicts(text)) == expected


def test_the_first_wrong_step_is_the_critique() -> None:
    found = judge("5 + 3 = <<5+3=8>>8\n8 * 2 = <<8*2=15>>15\n15 + 1 = <<15+1=17>>17\nA: 17", answer="17")
    assert found["outcome"] == "fail"
    critique = found["critiques"][0]
    assert critique["locus"] == "step 2"
    assert critique["message"] == "step 2, 8*2=15: 8*2 is 16, not 15"
    assert [s["verdict"] for s in found["evidence"]["steps"]] == ["right", "wrong", "wrong"]
    assert found["evidence"]["counts"] == {"right": 1, "wrong": 2}
    assert 0 < found["score"] < 1


def test_a_right_chain_passes_and_says_how() -> None:
    proof = judge("5 + 3 = <<5+3=8>>8\nA: 8", answer="8")
    assert (proof["outcome"], proof["guarantee"]) == ("pass", "proof")
    rounded = judge("<<100/3=33.33>>33.33\nA: 33.33", answer="33.33")
    assert (rounded["outcome"], rounded["guarantee"]) == ("pass", "evidence")
    assert "rounded" in rounded["evidence"]["steps"][0]["why"]
    assert judge("<<100/3=33.33>>33.33", rounding="none")["outcome"] == "fail"


def test_the_final_answer_counts_too_and_is_not_given_away() -> None:
    found = judge("<<5+3=8>>8\nA: 8", answer="41")
    assert (found["outcome"], found["critiques"][0]["locus"]) == ("fail", "answer")
    assert "41" not in str(found["critiques"])
    assert judge("<<5+3=8>>8 eggs, and so on", answer="8")["outcome"] == "fail"
    assert judge(r"<<5+3=8>>8. \boxed{8} \boxed{9}", answer="8")["outcome"] == "fail"


def test_what_was_not_decided_does_not_pass() -> None:
    found = judge("<<X+3=8>>8\nA: 8", answer="8")
    assert (found["outcome"], found["critiques"][0]["locus"]) == ("unknown", "step 1")
    assert judge("A: 8", answer="8", required=1)["outcome"] == "fail"
    assert judge("A: 8", answer="8")["outcome"] == "pass"


def test_given_equations_are_the_only_premises() -> None:
    assert judge("2x = 4\nx = 2", given=["2x + 3 = 7"])["outcome"] == "pass"
    assert judge("2x = 10\nx = 5", given=["2x + 3 = 7"])["outcome"] == "fail"
    assert judge("x = 5", given=["2x + 3 = 7"])["outcome"] == "fail"
    assert judge("x = 2\ny = x + 1 = 3", given=["2x + 3 = 7"])["outcome"] == "pass"


def test_nothing_is_left_unread() -> None:
    assert judge("<<1+1=2>>2 " * 501)["outcome"] == "fail"
    assert judge("word " * 10_001 + "<<1+1=3>>3")["outcome"] == "fail"
    assert judge("word " * 9_000 + "<<1+1=3>>3")["critiques"][0]["locus"] == "step 1"


SOUND = "<<1+1=2>>2 <<2+2=4>>4 <<3+3=6>>6\n"


@pytest.mark.parametrize(
    ("equation", "outcome"),
    [
        *(
            (text, "fail")
            for text in ("Then 16–3=12", "Then 16‐3=12", "Then 16\u00a0-\u00a03 = 12", "Then 16\u200b-3=12")
        ),
        ("Then １６ - 3 ＝ 12", "fail"),
        ("Then 4^2 - 3 = 12", "fail"),
        ("Then 2(8) - 3 = 12", "fail"),
        ("Then [16 - 3] = 12", "fail"),
        ("Then √169 = 12", "fail"),
        ("Then ½ + ½ = 2", "fail"),
        ("Then 1.2e1 - 3 = 12", "fail"),
        ("so 16 - 3 = <<16-3=13>>13, and 16 - 3 = 12", "fail"),
        ("Total = 16 - 3 = 12", "fail"),
        ("Then 16 - 3 eggs = 12", "unknown"),
        ("Then 16 eggs - 3 eggs = 12 eggs", "unknown"),
        ("Then 16 eggs - 4 eggs = <<16-3=13>>13 eggs", "unknown"),
        ("Then 5! = 12", "unknown"),
        ("Then 16 - 3 ⩵ 12", "unknown"),
        ("Then 16 - 3 → 12", "unknown"),
        ("16 - 3 → 12", "unknown"),
        ("Then 16 minus 3 = 12", "unknown"),
        ("Then 4 > 5", "unknown"),
        ("x = 12. Then x = 13", "unknown"),
        (r"\(16-3\)=\(12\)", "unknown"),
        ("$$16-3$$ $$=12$$", "unknown"),
        ("$x=16-3, x=12$", "unknown"),
        ("of the 400, 000 x 3/100 = 12 people", "unknown"),
        ("Then 4^2 - 3 = 13!", "pass"),
        ("Then 2(8) - 3 = 13.", "pass"),
        ("Then ½ + ½ = 1 (in all)", "pass"),
        ("Total = 16 - 3 = 13", "pass"),
        ("The total = 13", "pass"),
        ("Then 16 eggs - 3 eggs = <<16-3=13>>13 eggs", "pass"),
        ("At $3 a day x 2 days = $<<3*2=6>>6", "pass"),
    ],
)
def test_no_equation_is_passed_over(equation: str, outcome: str) -> None:
    assert judge(f"{SOUND}{equation}\n#### 18", answer="18", required=3)["outcome"] == outcome


def test_words_beside_the_equations_leave_evidence() -> None:
    assert judge(f"{SOUND}#### 18", answer="18")["guarantee"] == "proof"
    assert judge(f"{SOUND}Sixteen less three is twelve.\n#### 18", answer="18")["guarantee"] == "evidence"
    assert judge(f"{SOUND}十六减三是十二\n#### 18", answer="18")["guarantee"] == "evidence"
    assert judge("2x = 4\nx = 2")["guarantee"] == "evidence", "what a candidate assumes is not proved"
    assert judge("2x = 4\nx = 2", given=["2x = 4"])["guarantee"] == "proof"


@pytest.mark.parametrize(
    "text", ["<<1=1>>1 <<2=2.0>>2", "<<9*2=18>>18 <<9 * 2 = 18>>18", "$1+1=1+1$ $2=2$", "$3+4=7$ so $3+4=7$"]
)
def test_what_says_nothing_new_is_not_counted(text: str) -> None:
    assert judge(text, required=2)["outcome"] == "fail"
    assert judge(text)["outcome"] == "pass"


def test_a_domain_decides_which_roots_count() -> None:
    loaded = factory.load({"steps": {}, "variables": {"x": "positive"}}, base=None)
    assert check({"spec": loaded, "candidate": "x^2 = 4\nx = 2"})["outcome"] == "pass"


def test_the_whole_text_is_the_candidate() -> None:
    text = "<<5+3=8>>8\nA: 8"
    spec = Spec(name="math", spec={"steps": {}})
    assert extract(text, Problem(statement="?", answer=AnswerFormat.MATH, verifiers=(spec,))) == text
    lenient = Spec(name="math", spec={"equals": "8", "reading": "lenient"})
    assert extract(text, Problem(statement="?", answer=AnswerFormat.MATH, verifiers=(spec, lenient))) == text
    exact = Spec(name="math", spec={"equals": "8"})
    assert extract(text, Problem(statement="?", answer=AnswerFormat.MATH, verifiers=(spec, exact))) == "8"


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=5), st.integers(-3, 3))
@settings(max_examples=150, deadline=None)
def test_a_sum_is_right_exactly_if_it_is(terms: list[int], off: int) -> None:
    left = "+".join(f"({t})" for t in terms)
    expected = "right" if off == 0 else "wrong"
    assert verdicts(f"<<{left}={sum(terms) + off}>>{sum(terms) + off}") == [expected]


@given(st.integers(-9, 9).filter(bool), st.integers(-9, 9), st.integers(-9, 9), st.integers(-2, 2))
@settings(max_examples=150, deadline=None)
def test_a_linear_equation_leads_to_its_root_alone(slope: int, start: int, root: int, off: int) -> None:
    text = f"({slope})*x + ({start}) = {slope * root + start}\nx = {root + off}"
    assert verdicts(text) == ["premise", "right" if off == 0 else "wrong"]


@given(st.text(max_size=80) | st.text(alphabet="0123456789+-*/=<>$x.() \n\\&{}", max_size=80))
@settings(max_examples=300, deadline=None)
def test_no_text_raises(text: str) -> None:
    assert judge(text)["outcome"] in ("pass", "fail", "unknown")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"answer": "2 +"}, "steps.answer: cannot be read"),
        ({"given": ["x"]}, "steps.given[0]: must be an equation"),
        ({"rounding": "sloppy"}, "steps.rounding"),
        ({"anser": "3"}, "steps.anser: no such field"),
        ("3", "steps: expected a mapping"),
    ],
)
def test_bad_specs(spec: Any, words: str) -> None:
    with pytest.raises(ProblemError) as caught:
        factory.load({"steps": spec}, base=None)
    assert words in str(caught.value)
