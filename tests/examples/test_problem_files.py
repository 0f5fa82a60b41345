"""Every example problem loads, says why it is there, takes a right answer and refuses a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.cli import PROBLEMS

from modulo import verify
from modulo.problems import load_problems
from modulo.types import Outcome, accepted, overall

ROMAN = """
def to_roman(n):
    out = ""
    for value, letters in [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
                           (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]:
        out, n = out + letters * (n // value), n % value
    return out
"""
MERGE = """
def merge(intervals):
    out = []
    for start, end in sorted(intervals):
        if out and start <= out[-1][1]:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([start, end])
    return out
"""
RULE = (
    "(declare-const age Int) (declare-const member Bool) (declare-const discount Bool) (assert (>= age 0))\n"
    "(assert (= discount (or member (< age 18) (>= age 65))))\n(check-sat)"
)
FERRY = "(board c1 left)\n(sail left right)\n(debark c1 right)"

# Problem, right answer, wrong answer, words of the critique on the wrong one.
ANSWERS: dict[str, tuple[str, str, str]] = {
    "antiderivative": (r"\boxed{x^3 + \sin x + 7}", r"\boxed{x^3 - \sin x}", ""),
    "circle_and_line": (r"\boxed{(3, 4), (4, 3)}", r"\boxed{(3, 4)}", "there are more solutions"),
    "delivery": (
        "(load p1 depot)(load p2 depot)(drive depot mill)(drive mill farm)(unload-all)",
        "(load p1 depot)(drive depot mill)(drive mill farm)(unload-all)",
        "(forall (?x - parcel) (and (at ?x farm) (not (loaded ?x)))), which fails for ?x = p2",
    ),
    "discount_rule": (
        f"```smt2\n{RULE}\n```",
        RULE.replace(">= age 65", "> age 65"),
        "the script accepts age = 65, member = false, discount = false",
    ),
    "duck_eggs": (
        "<<16-3-4=9>>9 eggs\n<<9*2=18>>18 dollars\nA: 18",
        "<<16-3-4=9>>9 eggs\n<<9*2=19>>19 dollars\nA: 18",
        "step 2, 9*2=19: 9*2 is 18, not 19",
    ),
    "exact_root": (r"The answer is $\sqrt{12}$.", "3.4641016151377544", ""),
    "ferry": (FERRY, FERRY.replace("(sail left right)\n", ""), "debark"),
    "free_fall": ("19.6 m/s", "19.62 m", "m is a unit of meter"),
    "free_hour": ('{"start": 13}', '{"start": 14}', "ben_is_free"),
    "invoice": (
        '{"subtotal": 100, "tax": 10, "total": 110}',
        '{"subtotal": 100, "tax": 10, "total": 120}',
        "total_is_subtotal_plus_tax",
    ),
    "merge_intervals": (MERGE, MERGE.replace("max(out[-1][1], end)", "end"), "a hidden test fails"),
    "packing": (
        '{"tent": true, "stove": true, "camera": true, "book": true, "chair": false}',
        '{"tent": true, "stove": false, "camera": false, "book": true, "chair": true}',
        "a better value than 14 exists",
    ),
    "roman_numerals": (f"```python{ROMAN}```", f"```python{ROMAN.replace('(4, ', '(3, ')}```", "to_roman(4)"),
    "shifts": (
        '{"Ada": "night", "Bo": "morning", "Cy": "noon"}',
        '{"Ada": "noon", "Bo": "night", "Cy": "morning"}',
        "Bo_not_at_night",
    ),
    "three_colouring": (
        '{"A": "red", "B": "green", "C": "blue", "D": "red", "E": "green"}',
        '{"A": "red", "B": "green", "C": "blue", "D": "blue", "E": "red"}',
        "C-D",
    ),
    "toll_roads": (
        "(drive aston bury)\n(drive bury corby)\n(drive corby dover)",
        "(drive aston dover)",
        "a cheaper plan exists",
    ),
    "two_blocks": ("1. (pick-up a)\n2. (stack a b)", "(stack a b)", "stack"),
}
FILES = sorted(PROBLEMS.glob("*.yaml"))


def test_every_file_has_answers_here() -> None:
    assert [f.stem for f in FILES] == sorted(ANSWERS)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_it_says_why(file: Path) -> None:
    assert file.read_text().startswith("# Why: ")


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_right_passes_and_wrong_fails(file: Path) -> None:
    (problem,) = load_problems(str(file))
    assert problem.id == file.stem.replace("_", "-")
    right, wrong, words = ANSWERS[file.stem]
    assert accepted(verify(problem, right))
    refused = verify(problem, wrong)
    assert overall(refused) is Outcome.FAIL
    assert words in " ".join(f"{c.locus} {c.message}" for v in refused for c in v.critiques)
    assert overall(verify(problem, "")) is Outcome.FAIL
