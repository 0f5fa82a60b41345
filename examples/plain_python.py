"""Solve one problem from plain Python: `python examples/plain_python.py [MODEL]`."""

import sys

from modulo import Problem, solve

problem = Problem(
    statement="Colour A to E with red, green or blue so that no edge joins two of a colour: A-B, A-C, B-C, C-D, D-E."
    " Reply as JSON with the keys A to E.",
    answer="json",
    verifiers=[
        {
            "smt": {
                "variables": {region: ["red", "green", "blue"] for region in "ABCDE"},
                "constraints": {f"{a}-{b}": f"{a} != {b}" for a, b in ("AB", "AC", "BC", "CD", "DE")},
            }
        }
    ],
)
solution = solve(problem, model=sys.argv[1] if len(sys.argv) > 1 else "local", n=32)

if solution.verified:  # every hard critic passed; nothing else is ever called verified
    print(solution.candidate)
else:
    print("not verified:", solution.best and [c.message for c in solution.best.critiques])
