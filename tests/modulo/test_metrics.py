from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modulo.metrics import mean_pass_at_k, pass_at_k, solve_coverage


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_equals_brute_force(case: tuple[int, int, int]) -> None:
    n, c, k = case
    samples = [i < c for i in range(n)]
    draws = list(combinations(samples, k))
    assert pass_at_k(n, c, k) == pytest.approx(float(Fraction(sum(any(d) for d in draws), len(draws))))


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0), (3, 1, 4)])
def test_impossible_counts_are_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="must be between"):
        pass_at_k(n, c, k)


def test_means() -> None:
    assert mean_pass_at_k([(4, 0), (4, 4)], 2) == 0.5
    assert solve_coverage([True, False, False, True]) == 0.5
    with pytest.raises(ValueError, match="no problems"):
        mean_pass_at_k([], 1)
    with pytest.raises(ValueError, match="no problems"):
        solve_coverage([])
