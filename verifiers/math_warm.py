"""Imported by the zygote of workers that may need sympy and Math-Verify, before it forks any.

ANTLR builds its tables while it parses: a few formulas here, and every worker starts with them.
"""

from __future__ import annotations

from modulo.verifiers.math_opinion import graded

_WARM = (
    r"\frac{1}{2}",
    r"x = \sqrt{3}, y \le 2",
    r"\begin{pmatrix}1\\2\end{pmatrix}",
    r"[0,1) \cup \{2\}",
    r"\sum_{k=0}^{n} k",
)

for _text in _WARM:
    graded(_text, _text + "+1", digits=6)
