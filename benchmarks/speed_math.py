"""The `math` verifier against Math-Verify on Math-Verify's own test pairs, and with hostile answers among honest ones.

    python benchmarks/speed_math.py [--checkout DIR] [--rounds N] [pairs|hostile]

`pairs`: Math-Verify called serially in this warm process, gold first, with its default settings and with the settings
of each pair's own test; ours through the public API with `reading: lenient`, all pairs in flight at once. In turns;
the median of the rounds counts. Agreement is with the labels as they stand.

`hostile`: batches of 1,000 answers to one problem, through `verify_many`, without and with one hostile answer in 20.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.math_verify_pairs import Pair, pairs
from modulo.types import Outcome, Problem, Verdict
from modulo.verifiers.math import MathVerifier, factory

PROBLEM = Problem(statement="?")
HONEST = (r"\frac{1}{2}", "0.5", r"\boxed{\frac{2}{4}}", "1/3", r"\sqrt{\frac14}", "x = 1/2", r"2^{-1}", "0.51")
HOSTILE = (
    "(10^8)!",
    "9^9^9^9",
    r"9^{9^{9^{9}}}",
    r"\sin(10^{10^{10}})",
    "1/(" * 30 + "7" + ")" * 30 + "!!",
    r"\frac{1}{1+" * 70 + "x" + "}" * 70,
    "x" * 1_000_000,
    "(" * 500_000,
    r"\int_0^{10^9} e^{e^{e^x}} dx",
    r"\sum_{k=0}^{10^{9}} \frac{1}{k^k}",
    r"((((2^{99})^{99})^{99})^{99})^{99}",
)
SECONDS = 2.0


def verifier(**spec: Any) -> MathVerifier:
    return factory.build(factory.load(spec, base=None), hard=True, sandbox=None)  # type: ignore[arg-type]


def math_verify(pair: Pair, *, own_settings: bool) -> bool:
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    if not own_settings:
        return bool(verify(parse(pair.gold), parse(pair.answer)))
    targets: list[Any] = [LatexExtractionConfig(boxed_match_priority=0)] if pair.latex else []
    targets += [ExprExtractionConfig()] if pair.plain else []
    gold, answer = parse(pair.gold, targets), parse(pair.answer, targets)
    return bool(
        verify(
            gold,
            answer,
            float_rounding=pair.digits,
            strict=pair.strict,
            allow_set_relation_comp=pair.sets_are_relations,
        )
    )


async def compare(checkout: str | None, rounds: int) -> None:
    found = pairs(checkout)
    ours = [verifier(equals=p.gold, reading="lenient", digits=p.digits, seconds=60) for p in found]
    plain = [verifier(equals=p.gold, reading="lenient", seconds=60) for p in found]

    async def with_ours(verifiers: list[MathVerifier]) -> list[bool]:
        verdicts = await asyncio.gather(*(v.verify(PROBLEM, p.answer) for v, p in zip(verifiers, found, strict=True)))
        return [v.outcome is Outcome.PASS for v in verdicts]

    ways: dict[str, Callable[[], Any]] = {
        "Math-Verify, its defaults": lambda: [math_verify(p, own_settings=False) for p in found],
        "Math-Verify, each test's settings": lambda: [math_verify(p, own_settings=True) for p in found],
        "modulo, lenient, its defaults": lambda: with_ours(plain),
        "modulo, lenient, each test's digits": lambda: with_ours(ours),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    answers: dict[str, list[bool]] = {}
    for turn in range(rounds + 1):  # the first warms up
        for name, way in ways.items():
            started = time.perf_counter()
            result = way()
            answers[name] = await result if asyncio.iscoroutine(result) else result
            if turn:
                seconds[name].append(time.perf_counter() - started)
    print(f"{len(found)} pairs, {sum(p.equal for p in found)} of them labelled equal; median of {rounds} rounds\n")
    print("| Way | agrees | accepts unequal | refuses equal | ms a pair | times |")
    print("|---|---|---|---|---|---|")
    base = median(seconds["Math-Verify, its defaults"])
    for name, verdicts in answers.items():
        wrong = [p.equal for p, v in zip(found, verdicts, strict=True) if v is not p.equal]
        spent = median(seconds[name])
        agrees, false_accepts = len(found) - len(wrong), wrong.count(False)
        each = f"{spent / len(found) * 1000:.2f} | {base / spent:.1f}"
        print(f"| {name} | {agrees} | {false_accepts} | {len(wrong) - false_accepts} | {each} |")
    print()
    for name in ("Math-Verify, its defaults", "modulo, lenient, each test's digits"):
        for pair, got in zip(found, answers[name], strict=True):
            if got is not pair.equal:
                print(f"{name}: {pair.gold[-60:]!r} and {pair.answer[-60:]!r}: labelled {pair.equal}, found {got}")


async def hostile() -> None:
    print(f"deadline {SECONDS:g} s\n")
    print("| Reading | hostile | batch s | answers/s | honest: p50 ms | p99 ms | max ms | wrong | hostile accepted |")
    print("|---|---|---|---|---|---|---|---|---|")
    for reading in ("exact", "lenient"):
        for share in (0, 20):
            checker = verifier(equals="1/2", reading=reading, seconds=SECONDS)
            batch = [
                (HOSTILE[i // share % len(HOSTILE)], True)
                if share and i % share == 7
                else (HONEST[i % len(HONEST)], False)
                for i in range(1000)
            ]
            await checker.verify_many(PROBLEM, [HONEST[0]] * 20)
            started = time.perf_counter()
            verdicts = await checker.verify_many(PROBLEM, [text for text, _ in batch])
            spent = time.perf_counter() - started
            print(f"| {reading} | {sum(h for _, h in batch)} | {_row(batch, verdicts, spent)} |")


def _row(batch: list[tuple[str, bool]], verdicts: list[Verdict], spent: float) -> str:
    honest = sorted(v.seconds for (_, bad), v in zip(batch, verdicts, strict=True) if not bad)
    expected = {text: text not in ("1/3", "0.51") for text in HONEST}
    wrong = sum(
        (v.outcome is Outcome.PASS) is not expected[text]
        for (text, bad), v in zip(batch, verdicts, strict=True)
        if not bad
    )
    accepted = sum(v.outcome is Outcome.PASS for (_, bad), v in zip(batch, verdicts, strict=True) if bad)
    p50, p99 = honest[len(honest) // 2], honest[int(len(honest) * 0.99)]
    times = " | ".join(f"{value * 1000:.2f}" for value in (p50, p99, honest[-1]))
    return f"{spent:.2f} | {len(batch) / spent:.0f} | {times} | {wrong} | {accepted}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=["pairs", "hostile"])
    parser.add_argument("--checkout")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # Math-Verify's timeouts
    if options.part != "hostile":
        asyncio.run(compare(options.checkout, options.rounds))
    if options.part != "pairs":
        print()
        asyncio.run(hostile())


if __name__ == "__main__":
    main()
