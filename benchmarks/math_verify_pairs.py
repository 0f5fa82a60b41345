"""Math-Verify's own test pairs, read out of a checkout of its repository. None of them is kept here.

`MODULO_MATH_VERIFY` or `--checkout` names the checkout, or a git directory of it without a work tree:

    git clone https://github.com/huggingface/Math-Verify    (Apache-2.0)
"""

from __future__ import annotations

import ast
import math
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Pair", "pairs"]

_LATEX_ONLY = {
    "test_latex_notation",
    "test_latex_notation_math",
    "test_relations_math",
    "test_matrix_extraction",
    "test_set_rel_assymetry",
}
_FIVE_DIGITS = {"test_float_precision", "test_sqrt_precision", "test_symbols"}


@dataclass(frozen=True)
class Pair:
    """A reference, an answer and the label, with the settings that their test gives to Math-Verify."""

    test: str
    gold: str
    answer: str
    equal: bool
    digits: int = 6
    strict: bool = True
    sets_are_relations: bool = False
    latex: bool = True
    plain: bool = True


def pairs(checkout: str | None) -> list[Pair]:
    """All labelled pairs of the parametrised tests.

    Raises:
        SystemExit: there is no checkout; says how to get one.
    """
    named = checkout or os.environ.get("MODULO_MATH_VERIFY", "")
    if not named or not Path(named).is_dir():
        raise SystemExit(
            f"no checkout of Math-Verify at {named!r}: clone https://github.com/huggingface/Math-Verify (Apache-2.0) "
            "and name the folder in MODULO_MATH_VERIFY or with --checkout"
        )
    found = [pair for source in _sources(Path(named)) for pair in _labelled(ast.parse(source))]
    if not found:
        raise SystemExit(f"{named} holds no parametrised tests with labelled pairs under tests/")
    return found


def _sources(checkout: Path) -> list[str]:
    if (checkout / "tests").is_dir():
        return [path.read_text("utf-8") for path in sorted((checkout / "tests").glob("*.py"))]

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(checkout), *words], capture_output=True, text=True, check=True).stdout

    names = git("ls-tree", "-r", "HEAD", "--name-only", "tests").split()
    return [git("show", f"HEAD:{name}") for name in names if name.endswith(".py")]


def _labelled(tree: ast.Module) -> list[Pair]:
    found = []
    for test in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for call in (d for d in test.decorator_list if isinstance(d, ast.Call)):
            if not (isinstance(call.func, ast.Attribute) and call.func.attr == "parametrize"):
                continue
            names = [name.strip() for name in ast.literal_eval(call.args[0]).split(",")]
            if names[:2] != ["gold", "pred"] or not isinstance(call.args[1], ast.List):
                continue
            by_default = any(isinstance(n, ast.Call) and ast.unparse(n.func) == "verify" for n in ast.walk(test))
            for row in call.args[1].elts:
                assert isinstance(row, ast.Tuple)
                values = dict(zip(names, map(_value, row.elts), strict=True))
                found.append(_pair(test.name, values, by_default=by_default))
    return found


def _pair(test: str, values: dict[str, object], *, by_default: bool) -> Pair:
    label = values.get("expected", values.get("result"))
    gold, answer, digits = values["gold"], values["pred"], values.get("precision", 5 if test in _FIVE_DIGITS else 6)
    assert isinstance(gold, str)
    assert isinstance(answer, str)
    assert isinstance(digits, int)
    return Pair(
        test=test,
        gold=gold,
        answer=answer,
        equal=bool(label),
        digits=digits,
        strict=bool(values.get("strict", True)),
        sets_are_relations=bool(values.get("allow_set_relation_comp")),
        latex=by_default or test != "test_number_extraction",
        plain=by_default or test not in _LATEX_ONLY,
    )


def _value(node: ast.expr) -> object:
    """A literal, or an f-string that formats `math.sqrt` of one."""
    if not isinstance(node, ast.JoinedStr):
        return ast.literal_eval(node)
    text = ""
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value)
            continue
        assert isinstance(part, ast.FormattedValue)
        call = part.value
        assert isinstance(call, ast.Call)
        assert ast.unparse(call.func) == "math.sqrt"
        form = "".join(str(c.value) for c in getattr(part.format_spec, "values", []) if isinstance(c, ast.Constant))
        text += format(math.sqrt(ast.literal_eval(call.args[0])), form)
    return text
