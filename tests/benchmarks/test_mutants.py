"""Mutants: each is one change, all are different, and a seed gives the same ones."""

from __future__ import annotations

import ast

from benchmarks.mutants import mutants

SOURCE = '''
import math
def f(xs: list[int], n: int = 3) -> bool:
    """Says 1 + 1."""
    total = 0
    for x in xs:
        if x > n and not x % 2 == 0:
            total += x * 2
    return total in (1, 2) or "a" * n == "aaa"
'''


def test_all_differ_and_are_programs() -> None:
    found = mutants(SOURCE, seed="1", limit=1000)
    original = ast.unparse(ast.parse(SOURCE))
    assert len(found) > 25
    assert len(set(found)) == len(found)
    assert original not in found
    for text in found:
        compile(text, "mutant", "exec")
        lines = zip(original.split("\n"), text.split("\n"), strict=True)
        assert sum(a != b for a, b in lines) == 1
        assert '"""Says 1 + 1."""' in text
        assert "import math\n\ndef f(xs: list[int], n: int" in text


def test_a_seed_gives_the_same_ones_and_the_limit_holds() -> None:
    assert mutants(SOURCE, seed="1", limit=5) == mutants(SOURCE, seed="1", limit=5)
    assert mutants(SOURCE, seed="1", limit=5) != mutants(SOURCE, seed="2", limit=5)
    assert len(mutants(SOURCE, seed="1", limit=5)) == 5
    assert mutants(SOURCE, seed="1", limit=0) == []
