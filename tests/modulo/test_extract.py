from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modulo.extract import expected_form, extract
from modulo.types import AnswerFormat, Problem

PYTHON = Problem(statement="s", answer=AnswerFormat.PYTHON, verifiers=({"tests": {"entry": "f", "cases": []}},))
JSON = Problem(statement="s", answer=AnswerFormat.JSON)
MATH = Problem(statement="s", answer=AnswerFormat.MATH)
PLAN = Problem(statement="s", answer=AnswerFormat.PLAN)
TEXT = Problem(statement="s", answer=AnswerFormat.TEXT)
SMT = Problem(statement="s", answer=AnswerFormat.JSON, verifiers=({"smt": {"smtlib": "(assert true)"}},))
BLOCKS = Problem(
    statement="s",
    answer=AnswerFormat.PLAN,
    verifiers=({"plan": {"domain": "(:action pick-up) (:action stack)", "problem": "(:objects a b c)"}},),
)
SMTLIB = Problem(statement="s", answer=AnswerFormat.SMTLIB)

QUOTES = 'def f(x):\n    """\n```python\ndef f(x): return x\n```\n    """'
DOCSTRING = 'def f(x):\n    """\n    ```\n    f(1)\n    ```\n    """'

CASES = [
    (PYTHON, "def f(x):\n    return x", "def f(x):\n    return x"),
    (PYTHON, "Sure:\n```python\ndef f(x):\n    return x\n```\nDone.", "def f(x):\n    return x"),
    (PYTHON, "```python\ndef f(x):\n  return 1\n```\nUse it:\n```python\nprint(f(3))\n```", "def f(x):\n  return 1"),
    (PYTHON, "```python\nf = 1\n```\nBetter:\n```python\ndef f(x):\n  return 2\n```", "def f(x):\n  return 2"),
    (PYTHON, "```\ndef f(x):\n  return 1\n```", "def f(x):\n  return 1"),
    (PYTHON, "```python\ndef f(x):\n  return 1", "def f(x):\n  return 1"),
    (PYTHON, "```bash\nls\n```", None),
    (PYTHON, "~~~py\nf = abs\n~~~", "f = abs"),
    (PYTHON, "<think>```python\nbad\n```</think>```python\ndef f(): pass\n```", "def f(): pass"),
    (PYTHON, "<think>never closed def f(): pass", None),
    (PYTHON, "", None),
    (JSON, '{"x": 5}', '{"x": 5}'),
    (JSON, ' [1, 2] \n', "[1, 2]"),
    (JSON, 'For instance {"x": 1}, so the answer is {"x": 5}.', '{"x": 5}'),
    (JSON, 'Here:\n```json\n{"x": 5}\n```\nas {"asked": 1}', '{"x": 5}'),
    (JSON, '{"x": 5, "x": 6}', '{"x": 5, "x": 6}'),
    (JSON, '{"x": 5,}', '{"x": 5,}'),
    (JSON, "a {nested {\"x\": {\"y\": [1, {}]}} end", '{"x": {"y": [1, {}]}}'),
    (JSON, "no json here", None),
    (JSON, "42", "42"),
    (MATH, r"so \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
    (MATH, r"\boxed{1} no, \boxed{ \{1, 2\} }", r"\{1, 2\}"),
    (MATH, "work\n#### 42", "42"),
    (MATH, "16 - 3 = 13\nA: 13", "13"),
    (MATH, "Thus the answer is $x^2$ because it is.", "x^2"),
    (MATH, "The final answer is: 7.", "7"),
    (MATH, "x^2 + 2*x", "x^2 + 2*x"),
    (MATH, "$x^2$", "x^2"),
    (MATH, r"\boxed{3} and\n#### 4", "3"),
    (MATH, "I do not know how to do this one", None),
    (MATH, "first\nsecond", None),
    (PLAN, "(pick-up a)\n(stack a b)", "(pick-up a)\n(stack a b)"),
    (PLAN, "My plan:\n1. (pick-up a)\n2. (stack a b)\nThat is all.", "(pick-up a)\n(stack a b)"),
    (PLAN, "I first thought\n```\n(no)\n```\n```pddl\n(pick-up a) ; take it\n```", "(pick-up a)"),
    (PLAN, "(pick-up a\n(stack a b)", "(pick-up a\n(stack a b)"),
    (PLAN, "pick up a", None),
    (TEXT, "  hello ", "hello"),
    (TEXT, "let me see <answer> yes </answer>", "yes"),
    (TEXT, "<answer>1</answer> no, <ANSWER>2 <answer> 3</Answer> </answer>", "2 <answer> 3"),
    (TEXT, "<answer>" * 100_000, "<answer>" * 100_000),
    (SMTLIB, "```smt2\n(assert true)\n```", "(assert true)"),
    (SMTLIB, "(check-sat)", "(check-sat)"),
    (SMTLIB, "none", None),
    # A bare candidate is judged whole, whatever it quotes.
    (PYTHON, QUOTES, QUOTES),
    (PYTHON, "f = 1 # <answer>def f(x): return x</answer>", "f = 1 # <answer>def f(x): return x</answer>"),
    (JSON, '{"x": "<answer>5</answer>"}', '{"x": "<answer>5</answer>"}'),
    (JSON, '{"a": "\n```json\n{"x": 5}\n```\n"}', '{"a": "\n```json\n{"x": 5}\n```\n"}'),
    # A fence in a docstring closes no block; a block in a list item is indented as the item is.
    (PYTHON, f"```python\n{DOCSTRING}\n```", DOCSTRING),
    (PYTHON, "1. Code:\n   ```python\n   def f(x):\n       return x\n   ```", "def f(x):\n    return x"),
    # No part of a malformed value is a value.
    (JSON, 'Answer: {"a": {"x": 5}, }', '{"a": {"x": 5}, }'),
    (JSON, "Answer: {'a': {\"x\": 5}} so", "{'a': {\"x\": 5}}"),
    (JSON, 'Answer: [{"x": 5}', '[{"x": 5}'),
    (JSON, 'Answer: {"x": 1, "n": {"x": 5}', '{"x": 1, "n": {"x": 5}'),
    (JSON, 'As x in {4, 5, 6} or [0, 9) it is {"x": 5}.', '{"x": 5}'),
    (SMT, 'It is {"x": 5} (see [1]).', '{"x": 5}'),
    (SMT, "It is [1].", "[1]"),
    # A formula is not cut off where it goes on.
    (MATH, r"$-\boxed{3}$", r"-\boxed{3}"),
    (MATH, r"so $x = 2 \cdot \boxed{3}$.", r"2 \cdot \boxed{3}"),
    (MATH, r"\boxed{3} + 1", r"\boxed{3} + 1"),
    (MATH, "- \\boxed{3}", "3"),
    (MATH, r"**\boxed{3}**", "3"),
    (MATH, r"$\boxed{1}$ and $\boxed{2}$", "1, 2"),
    (MATH, r"$a \equiv \boxed{9} \pmod{11}.$", "9"),
    (MATH, "\\[\n\\boxed{(1, 2)}, \\boxed{(2, 1)}\n\\]", "(1, 2), (2, 1)"),
    (MATH, r"$(\boxed{1}, \boxed{2})$", r"(\boxed{1}, \boxed{2})"),
    (MATH, r"so \boxed{5}, that is \boxed{5}", "5"),
    (MATH, "The answer is $1$ or $2$.", "1, 2"),
    (MATH, "The answer is $1$ + 1", "$1$ + 1"),
    (MATH, "The answer is **7**.", "7"),
    (MATH, "Answer:\n\\[\n\\frac13\n\\]", r"\frac13"),
    (MATH, "A: 1\nB: 2", None),
    (MATH, "1/3..", "1/3.."),
    # Neither is a step of a plan passed over.
    (PLAN, "- `(pick-up a)`\n- **(stack a b)**", "(pick-up a)\n(stack a b)"),
    (PLAN, "0.000: (pick-up a) [1.0]\n> (stack a b)", "0.000: (pick-up a)\n(stack a b)"),
    (PLAN, "**Step 1:** (pick-up a)\n**Step 2:** `(stack a b)`.", "Step 1: (pick-up a)\nStep 2: (stack a b)"),
    (PLAN, "(pick-up a)\n[(fly b)]\n(stack a b)", "(pick-up a)\n[(fly b)]\n(stack a b)"),
    (PLAN, "(pick-up a) [fly b]\n(stack a b)", "(pick-up a) [fly b]\n(stack a b)"),
    (PLAN, "(pick-up a)\n\u200b(fly b)\n\uff08fly c\uff09", "(pick-up a)\n\u200b(fly b)\n\uff08fly c\uff09"),
    (BLOCKS, "(pick-up a)\nstack b c\n(stack a b)", "(pick-up a)\nstack b c\n(stack a b)"),
    (BLOCKS, "(pick-up a)\nThen (stack b c):\n(stack a b)", "(pick-up a)\nThen (stack b c):\n(stack a b)"),
    (BLOCKS, "1. (pick-up a)\n2. fly b\n3. (stack a b)", "(pick-up a)\n2. fly b\n(stack a b)"),
    (BLOCKS, "1. (pick-up a)\n2. (stack a b)\n3. fly b", "(pick-up a)\n(stack a b)\n3. fly b"),
    (BLOCKS, "Step 1: pick-up a\nStep 2: stack a z", "Step 1: pick-up a\nStep 2: stack a z"),
    (BLOCKS, "Plan:\npick-up a\nstack a z\nDone, stack is built.", "pick-up a\nstack a z"),
    (BLOCKS, "1. Pick a up:\n(pick-up a)\n2. Stack it:\n(stack a b)", "(pick-up a)\n(stack a b)"),
    (BLOCKS, "1. **pick_up(a)**\n2. fly(b)\n3. stack(a, b).", "pick_up(a)\nfly(b)\nstack(a, b)"),
    (BLOCKS, "(pick-up a) ; x\u2028(stack a b)", "(pick-up a)"),
    (BLOCKS, '["(pick-up a)", "(stack a b)"]', '["(pick-up a)", "(stack a b)"]'),
    (BLOCKS, '```json\n{"plan": ["pick-up a"]}\n```\nGood.', '{"plan": ["pick-up a"]}'),
    (BLOCKS, '```\n[["pick-up", "a"],\n```', None),
    (BLOCKS, 'So: [{"action": "pick-up", "args": ["a"]}] it is.', '[{"action": "pick-up", "args": ["a"]}]'),
    (BLOCKS, '[1, 2] and ["pick-up a", ]', '["pick-up a", ]'),
    (BLOCKS, "Nothing to do:\n```pddl\n; no step\n```", "; no step"),
    (BLOCKS, "```\n```", ""),
    (BLOCKS, "[]", "[]"),
    (BLOCKS, "Nothing to do.", None),
    (BLOCKS, "(pick-up a)\nStack, (stack a b):\n(stack a b)\nNo (stack b c).", "(pick-up a)\n(stack a b)"),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "text", "candidate"), CASES)
def test_extracts(problem: Problem, text: str, candidate: str | None) -> None:
    assert extract(text, problem) == candidate


@pytest.mark.parametrize(
    "formula",
    [
        r"\boxed{3}\pi",
        r"\boxed{3}x",
        r"\boxed{3}!",
        r"\boxed{3}\%",
        r"\boxed{3}4",
        r"\boxed{3}.5",
        r"0.\boxed{3}",
        r"\boxed{3}\sqrt2",
        r"\boxed{3}i",
        r"\frac{\boxed{3}}{2}",
        r"\sqrt{\boxed{3}}",
        r"(4,\boxed{3})",
        r"x\le\boxed{3}",
        r"\pi\boxed{3}",
        r"\boxed{3} \pi",
        r"\boxed{3}/2",
        r"2\cdot\boxed{3}",
        r"-\boxed{3}",
        r"\boxed{3}(x+1)",
        r"x^{\boxed{3}}",
        r"\boxed{3}^2",
        r"x < \boxed{3}",
        r"\boxed{3} < x",
        r"|\boxed{3}|",
        r"\boxed{3},000",
        r"\frac{1}{2}\boxed{3}",
        r"\{4, \boxed{3}\}",
        r"x\boxed{3}",
        r"\textbf{\boxed{3}}/2",
        r"\frac{1}{\boxed{3}}",
    ],
)
@pytest.mark.parametrize("around", ["{}", "${}$", "So the answer is $y = {}$.", "$${}$$", r"\[{}\]", r"thus \({}\)."])
def test_a_box_in_a_formula_is_not_taken_for_the_whole(formula: str, around: str) -> None:
    assert extract(around.replace("{}", formula), MATH) == formula


@pytest.mark.parametrize(
    "formula",
    [
        r"$\boxed{3}, 4$",
        r"$4, \boxed{3}$",
        r"$2:\boxed{3}$",
        r"$\boxed{3}:2$",
        r"$\boxed{3}$/2",
        r"-$\boxed{3}$",
        r"$\begin{pmatrix}\boxed{3}\\4\end{pmatrix}$",
        r"\begin{pmatrix}\boxed{3}\\4\end{pmatrix}",
        "$\\frac{\n\\boxed{3}\n}{2}$",
        r"so the answer is \boxed{3}\pi",
        r"so the answer is \frac{\boxed{3}}{2}",
        r"the answer is 0.\boxed{3}",
        r"$\boxed{3} \cup \{4\}$",
        r"It costs $5 and so $(4, \boxed{3})$, $2\boxed{3}$",
    ],
)
def test_neither_is_one_beside_other_mathematics(formula: str) -> None:
    assert extract(formula, MATH) != "3"


@pytest.mark.parametrize(
    "text",
    [
        r"so the answer is \boxed{3}.",
        r"\boxed{3}, as wanted",
        r"$x=\boxed{3}$",
        r"\boxed{3} dollars",
        r"- \boxed{3}",
        r"1. \boxed{3}",
        r"The answer is \boxed{3}!",
        r"$\boxed{3}$.",
        r"$$x = 1 + 2 = \boxed{3}.$$",
        r"**\boxed{3}**",
        "\\[\n\\boxed{3}\n\\]",
        r"\[ \boxed{3} \text{ cm}^2 \]",
        r"$\text{so } \boxed{3}$",
        r"(so \boxed{3})",
        r"> \boxed{3}",
        r"\begin{align*} x &= 1 + 2 \\ &= \boxed{3} \end{align*}",
        r"\[\begin{aligned} x &= \boxed{3} \\ y &= 4\end{aligned}\]",
        r"It costs $5, so the answer is \boxed{3} and not $x$.",
        r"$f(x) = 2$ and then $f(4) = \boxed{3}$",
        r"| a | \boxed{3} |",
        r"$\textbf{\boxed{3}}$",
        r"Answer: \boxed{3}",
        r"$\Rightarrow \boxed{3}$",
        r"=> \boxed{3}",
        r"$x \approx \boxed{3}$",
        r"\boxed{3}: that is all",
        r"$\boxed{3}, \text{ since } x > 0$",
        r"$\boxed{3} \quad \blacksquare$",
        r"_\boxed{3}_",
        r"\boxed{3} - as (4) shows",
        r"<b>\boxed{3}</b>",
        r"答案是\boxed{3}。",
        r"$x \in \boxed{3}$",
        r"\boxed{3}</s>",
        r"\therefore \boxed{3}",
        r"I have \boxed{3} (three) apples",
        r"$\displaystyle \boxed{3}$",
        r"Thus, $a + b = 1 + 2 = \boxed{3}$ and (b) holds.",
        r"\text{The answer is }\boxed{3}",
        r"\[ Answer: \boxed{3} \]",
        "$\\boxed{3}$\n\n$2$ is not it",
        r"so ${\boxed{3}}$ it is",
    ],
)
def test_prose_round_a_box_is_no_formula(text: str) -> None:
    assert extract(text, MATH) == "3"


@pytest.mark.parametrize(
    "hostile",
    [
        "$" + "\\," * 30_000 + "\\boxed{3}",
        "=" * 50_000 + r"\boxed{3}x",
        "$x" * 30_000 + r"\boxed{3}",
        "( " * 30_000 + r"\boxed{3}!",
        r"$\boxed{3}" + r"\text{a}" * 20_000 + "+$",
        " " * 50_000 + r"\boxed{3}" + " " * 50_000 + "+",
    ],
)
def test_hostile_formulas_round_a_box_are_harmless(hostile: str) -> None:
    extract(hostile, MATH)


@given(st.text(max_size=300), st.sampled_from(list(AnswerFormat)))
def test_any_text_gives_a_part_of_itself_or_nothing(text: str, answer: AnswerFormat) -> None:
    candidate = extract(text, Problem(statement="s", answer=answer))
    if candidate is not None:
        assert candidate
        for line in candidate.splitlines():
            assert line in text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda c: st.dictionaries(st.text(max_size=3), c, max_size=3),
        max_leaves=6,
    ).filter(lambda v: isinstance(v, dict))
)
def test_an_object_is_found_in_prose(value: object) -> None:
    text = json.dumps(value)
    assert extract(f"I believe it is {text}, yes.", JSON) == text


@pytest.mark.parametrize(
    "hostile", ["{" * 5000, "[" * 100_000, "\\boxed{" * 2000, "```" * 3000, "(" * 5000, "<think>" * 3000]
)
def test_hostile_text_is_harmless(hostile: str) -> None:
    for answer in AnswerFormat:
        extract(hostile, Problem(statement="s", answer=answer))


def test_every_form_is_explained() -> None:
    assert all(expected_form(answer) for answer in AnswerFormat)


def test_the_block_that_defines_what_free_form_tests_import_is_the_program() -> None:
    spec = {
        "code": "from answer import Stack, push as p\nfrom os import path\ndef test_a(): pass\n",
        "module": "answer",
    }
    problem = Problem.model_validate(
        {"statement": "Write a stack.", "answer": "python", "verifiers": [{"tests": spec}]}
    )
    program = "class Stack: pass\ndef push(s): pass"
    response = f"Here:\n```python\n{program}\n```\nUse it:\n```python\nprint(Stack())\n```\n"
    assert extract(response, problem) == program
    assert extract(program, problem) == program
