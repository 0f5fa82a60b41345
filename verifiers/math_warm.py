"""Imported by the zygote of workers that may need sympy and Math-Verify, before it forks any.

ANTLR builds its tables while it parses, and sympy its caches while it simplifies: a few grades here, one of each kind
that is slow at first, and every worker starts with them.
"""

from __future__ import annotations

from modulo.verifiers.math_opinion import graded

_WARM = (
    (r"\frac{1}{2}", r"\sqrt{3} + 1"),
    (r"x = \sqrt{3}, y \le 2", r"(1, 2), (3, 4)"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix} + \begin{pmatrix}1\\2\end{pmatrix}"),
    (r"1 \leq |z| \leq 3", r"[0,1) \cup (2, \infty)"),
    (r"a_n = \sum_{k=0}^{n-1} a_k b_{n-k}", r"a_n = \sum_{k=0}^{n-2} b_{n-k} a_k"),
    (r"12:00", r"\sin(x) + \log_2 8"),
)

for _gold, _answer in _WARM:
    graded(_gold, _answer, digits=6)
