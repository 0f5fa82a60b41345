"""Identities, true and false: the `math` verifier against sympy's `equals` and `simplify`, and Math-Verify.

    python benchmarks/math_pairs.py [--seconds N]

The pairs are written for this benchmark: textbook identities, the same broken by a little, constants that agree to many
digits, and what holds on a part of the line only. Everything is real unless the pair says otherwise. A peer that takes
longer than `--seconds` on a pair is counted as undecided. The peers get the same expressions as sympy objects, built
from our own trees, with the domains as assumptions.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from modulo.verifiers.math import factory
from modulo.verifiers.math_check import check
from modulo.verifiers.math_read import read
from modulo.verifiers.math_sympy import to_sympy

TRUE = """
(x+1)^2 | x^2+2x+1
(x+y)^3 | x^3+3x^2 y+3x y^2+y^3
(x^3-1)/(x-1) | x^2+x+1
1/(x+1)+1/(x-1) | 2x/(x^2-1)
x^4+4 | (x^2+2x+2)(x^2-2x+2)
(a+b+c)^2 | a^2+b^2+c^2+2a b+2b c+2a c
sin(x)^2+cos(x)^2 | 1
sin(2x) | 2 sin(x) cos(x)
cos(2x) | 1-2 sin(x)^2
sin(3x) | 3 sin(x)-4 sin(x)^3
cos(4x) | 8 cos(x)^4-8 cos(x)^2+1
tan(x)^2+1 | sec(x)^2
tan(2x) | 2 tan(x)/(1-tan(x)^2)
sin(x+y) | sin(x)cos(y)+cos(x)sin(y)
sin(x)+sin(y) | 2 sin((x+y)/2) cos((x-y)/2)
cos(x)cos(y) | (cos(x-y)+cos(x+y))/2
sin(x)^4 | (3-4cos(2x)+cos(4x))/8
cosh(x)^2-sinh(x)^2 | 1
sinh(2x) | 2 sinh(x) cosh(x)
tanh(x) | (e^(2x)-1)/(e^(2x)+1)
asinh(x) | log(x+sqrt(x^2+1))
e^(x+y) | e^x e^y
e^(2x)-1 | (e^x-1)(e^x+1)
2^(x+1) | 2*2^x
4^x | 2^(2x)
sqrt(x^2) | |x|
|x y| | |x||y|
|x|^2 | x^2
log(x^2) | 2 log(|x|)
log(e^x) | x
atan(x)+atan(1/x) | pi/2 | positive
log(x^2) | 2 log(x) | positive
sqrt(x)^2 | x | positive
log(x y) | log(x)+log(y) | positive
sqrt(x y) | sqrt(x) sqrt(y) | positive
x^(1/2) x^(1/3) | x^(5/6) | positive
asin(x)+acos(x) | pi/2 | -1 1
sin(acos(x)) | sqrt(1-x^2) | -1 1
cos(2 asin(x)) | 1-2x^2 | -1 1
2 atan(x) | asin(2x/(1+x^2)) | -1 1
atanh(x) | log((1+x)/(1-x))/2 | -1 1
sqrt(8) | 2 sqrt(2)
sqrt(5+2 sqrt(6)) | sqrt(2)+sqrt(3)
root(2+sqrt(5), 3)+root(2-sqrt(5), 3) | 1
sqrt(2+sqrt(2+sqrt(2))) | 2 cos(pi/16)
cos(pi/5) | (1+sqrt(5))/4
cos(pi/7)-cos(2pi/7)+cos(3pi/7) | 1/2
16 atan(1/5)-4 atan(1/239) | pi
log(6) | log(2)+log(3)
tan(pi/8) | sqrt(2)-1
1/(sqrt(3)-sqrt(2)) | sqrt(3)+sqrt(2)
"""

FALSE = """
(x+1)^2 | x^2+2x+1+10^(-30)
(x+y)^2 | x^2+y^2
(x^2-1)/(x-1) | x-1
x^10 | x^10+10^(-25)*x
1/(x+y) | 1/x+1/y
sin(x)^2+cos(x)^2 | 1+10^(-40)
sin(2x) | 2 sin(x)
sin(x) | cos(x-pi/2+10^(-20))
cos(2x) | 1+2 sin(x)^2
tan(x)^2-1 | sec(x)^2
sin(x) | x-x^3/6+x^5/120
e^(x y) | e^x e^y
e^(x^2) | (e^x)^2+10^(-20)
2^x | e^(0.69314718055994530941723 x)
sqrt(x^2) | x
|x| | x
|x+y| | |x|+|y|
log(x^2) | 2 log(x)
log(x+y) | log(x)+log(y) | positive
sqrt(x)^2 | |x|
sqrt(x+y) | sqrt(x)+sqrt(y) | positive
atan(x)+atan(1/x) | pi/2
asin(sin(x)) | x
acos(cos(x)) | x
atan(tan(x)) | x
2 atan(x) | asin(2x/(1+x^2))
tanh(100 x) | x/|x|
floor(x) | x-1/2
max(x, 0) | x
max(x, -10^9) | x
|x-10^6| | 10^6-x
e^(pi sqrt(163)) | 262537412640768744
e^(pi sqrt(67)) | 147197952744
e^(pi sqrt(58)) | 24591257752
pi | 355/113
pi | 3.14159265358979323846264338327950288
pi | log(640320^3+744)/sqrt(163)
pi^4+pi^5 | e^6
e^pi-pi | 20
e | 2.718281828459045235360287471352662497757
sqrt(2)+sqrt(3) | pi
root(31, 3) | pi
sin(11) | -1
cos(log(pi+20)) | -1
sqrt(2) | 1.4142135623730950488016887242097
log(2) | 0.693147180559945309417232121458176568
1 | erf(9)
0 | e^(-1000)
10^100 | 10^100+1
cos(pi/7)-cos(2pi/7)+cos(3pi/7) | 0.5+10^(-50)
sqrt(10^40+1) | 10^20
"""


def rows() -> list[tuple[str, str, str, bool]]:
    found = []
    for table, equal in ((TRUE, True), (FALSE, False)):
        for line in table.strip().splitlines():
            left, right, *domain = (part.strip() for part in line.replace("||", "¦").split(" | "))
            found.append((left.replace("¦", "||"), right.replace("¦", "||"), domain[0] if domain else "", equal))
    return found


def domains(domain: str) -> dict[str, Any]:
    if not domain:
        return {}
    return {name: domain if domain == "positive" else [float(end) for end in domain.split()] for name in "xy"}


def ours(left: str, right: str, domain: str) -> bool | None:
    """Each side as the other's candidate: an answer may be defined on more than the reference, an identity not."""
    outcomes = set()
    for candidate, reference in ((left, right), (right, left)):
        loaded = factory.load({"equals": reference, "variables": domains(domain)}, base=None)
        outcomes.add(check({"spec": loaded, "candidate": candidate})["outcome"])
    return False if "fail" in outcomes else True if outcomes == {"pass"} else None


def sides(left: str, right: str, domain: str) -> list[Any]:
    import sympy

    known: dict[str, Any] = {}
    if domain == "positive":
        known = {name: sympy.Symbol(name, positive=True) for name in "xy"}
    declared = frozenset("xy") if domain else frozenset[str]()
    return [to_sympy(read(text, declared=declared), known) for text in (left, right)]  # type: ignore[arg-type]


def equals(left: Any, right: Any) -> bool | None:
    found = left.equals(right)
    return None if found is None else bool(found)


def simplify(left: Any, right: Any) -> bool | None:
    import sympy

    return bool(sympy.simplify(left - right) == 0)


def math_verify(left: Any, right: Any) -> bool | None:
    from math_verify import verify

    return bool(verify(right, left, timeout_seconds=None))


class _TimeUpError(BaseException):
    """Not an `Exception`, so that no library swallows it."""


def within(seconds: int, call: Callable[[], bool | None]) -> bool | None:
    def stop(*_: Any) -> None:
        raise _TimeUpError

    old = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        return call()
    except (_TimeUpError, Exception):  # noqa: BLE001 - sympy raises anything; both mean that it did not decide
        return None
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    found = rows()
    logging.disable(logging.WARNING)  # Math-Verify's, about its own time limit
    print(f"{len(found)} pairs, {sum(equal for *_, equal in found)} of them equal; at most {options.seconds} s each\n")
    print("| Way | false accepts | false rejects | undecided | ms a pair, median | mean |")
    print("|---|---|---|---|---|---|")
    ways: dict[str, Callable[[str, str, str], bool | None]] = {
        "modulo": ours,
        "sympy `equals`": lambda a, b, d: equals(*sides(a, b, d)),
        "sympy `simplify(a - b) == 0`": lambda a, b, d: simplify(*sides(a, b, d)),
        "`math_verify.verify`": lambda a, b, d: math_verify(*sides(a, b, d)),
    }
    listed = []
    for name, way in ways.items():
        wrong = {True: 0, False: 0, None: 0}
        times = []
        for left, right, domain, equal in found:
            started = time.perf_counter()
            got = within(options.seconds, lambda: way(left, right, domain))  # noqa: B023 - called at once
            times.append(time.perf_counter() - started)
            if got is not equal:
                wrong[got] += 1
                listed.append(f"{name}: {left} and {right} {domain}: {got}")
        middle, mean = sorted(times)[len(times) // 2] * 1000, sum(times) / len(times) * 1000
        print(f"| {name} | {wrong[True]} | {wrong[False]} | {wrong[None]} | {middle:.2f} | {mean:.1f} |")
    print()
    print("\n".join(listed))


if __name__ == "__main__":
    main()
