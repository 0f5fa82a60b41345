"""What a set of attempts amounts to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import comb
from statistics import fmean

__all__ = ["mean_pass_at_k", "pass_at_k", "solve_coverage"]


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased probability that at least one of `k` samples passes, from `c` passes among `n` samples.

    1 − C(n−c, k) / C(n, k): Chen et al. 2021, arXiv 2107.03374, section 2.1.

    Raises:
        ValueError: unless 0 ≤ c ≤ n and 1 ≤ k ≤ n.
    """
    if not 0 <= c <= n:
        raise ValueError(f"c must be between 0 and n={n}, not {c}")
    if not 1 <= k <= n:
        raise ValueError(f"k must be between 1 and n={n}, not {k}")
    return 1.0 - comb(n - c, k) / comb(n, k)


def mean_pass_at_k(counts: Iterable[tuple[int, int]], k: int) -> float:
    """Mean of `pass_at_k` over problems given as `(n, c)`.

    Raises:
        ValueError: if there is no problem, or one has fewer than `k` samples.
    """
    values = [pass_at_k(n, c, k) for n, c in counts]
    if not values:
        raise ValueError("no problems to average over")
    return fmean(values)


def solve_coverage(solved: Sequence[bool]) -> float:
    """Share of problems that any sample solves.

    Raises:
        ValueError: if there is no problem.
    """
    if not solved:
        raise ValueError("no problems to average over")
    return sum(solved) / len(solved)
