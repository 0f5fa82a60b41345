"""Solve one problem from plain Python: `python examples/plain_python.py [MODEL]`."""

import sys

from modulo import Problem, solve

problem = Problem(
    statement="Colour A–E with red, green, blue so that no edge joins two of a colour: A-B, A-C, B-C, B-D, C-D, C-E, D-E."
    ' Reply as JSON, such as {"A": "red", …}.',
    answer="json",
    verifiers=[
        {
            "smt": {
                "variables": dict.fromkeys("ABCDE", ["red", "green", "blue"]),
                "constraints": {f"{a}-{b}": f"{a} != {b}" for a, b in ("AB", "AC", "BC", "BD", "CD", "CE", "DE")},
            }
        }
    ],
)
solution = solve(problem, model=sys.argv[1] if len(sys.argv) > 1 else "local", n=24)

if solution.verified:  # every hard critic passed; nothing else is ever called verified
    print(solution.candidate)
else:
    print("not verified:", solution.best and [c.message for c in solution.best.critiques])
