"""The `math` verifier on grade-school answers: final answers against their labels, best of four, and every step.

    python benchmarks/gsm8k.py [--data DIR] [--wrong N]

Reads `gsm8k/candidates.jsonl` in the folder that `MODULO_DATA` names: 660 problems with four models' solutions each,
labelled right or wrong. Final answers are judged as in a problem file (`answer: math`, `math: {equals: …}`), steps by
`math: {steps: {}}`. `--wrong N` lists N solutions with a wrong step and a right final answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from modulo.extract import extract
from modulo.types import AnswerFormat, Outcome, Problem, Verdict
from modulo.verifiers.math import MathVerifier, factory

ROOT = Path(__file__).resolve().parent.parent
MISSING = (
    "{path} is missing. It holds lines 1-660 of example_model_solutions.jsonl of github.com/openai/grade-school-math "
    "(MIT), one problem a line: {{id, question, ground_truth, candidates: [{{model, solution, is_correct}}]}}. Put it "
    "into a folder gsm8k/ and name the folder above that in MODULO_DATA or with --data."
)
MATH = Problem(statement="?", answer=AnswerFormat.MATH)


def problems(folder: str | None) -> list[dict[str, Any]]:
    base = Path(folder or os.environ.get("MODULO_DATA") or ROOT.parent / "shared" / "data")
    path = base / "gsm8k" / "candidates.jsonl"
    if not path.is_file():
        raise SystemExit(MISSING.format(path=path))
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def verifier(**spec: Any) -> MathVerifier:
    return factory.build(factory.load(spec, base=None), hard=True, sandbox=None)  # type: ignore[arg-type]


async def finals(data: list[dict[str, Any]]) -> list[list[bool]]:
    """Whether each solution's final answer is verified."""

    async def one(problem: dict[str, Any]) -> list[bool]:
        reference = extract(problem["ground_truth"], MATH)
        assert reference is not None
        answers = [extract(c["solution"], MATH) for c in problem["candidates"]]
        verdicts = await verifier(equals=reference).verify_many(MATH, [answer or "" for answer in answers])
        return [a is not None and v.outcome is Outcome.PASS for a, v in zip(answers, verdicts, strict=True)]

    return list(await asyncio.gather(*map(one, data)))


def report_finals(data: list[dict[str, Any]], verified: list[list[bool]], seconds: float) -> None:
    labels = [[c["is_correct"] for c in problem["candidates"]] for problem in data]
    flat = [
        (label, got) for row, found in zip(labels, verified, strict=True) for label, got in zip(row, found, strict=True)
    ]
    agree = sum(label == got for label, got in flat)
    print(f"{len(data)} problems, {len(flat)} solutions, {seconds:.1f} s\n")
    print("| Final answers | |\n|---|---|")
    print(f"| agree with the label | {agree} of {len(flat)} |")
    print(f"| accepted, labelled wrong | {sum(got and not label for label, got in flat)} |")
    print(f"| refused, labelled right | {sum(label and not got for label, got in flat)} |")
    for at, candidate in enumerate(data[0]["candidates"]):
        print(f"| {candidate['model']}, one sample | {sum(row[at] for row in verified)} |")
    print(f"| verified best of {len(labels[0])} | {sum(map(any, verified))} |\n")
    for problem, row, found in zip(data, labels, verified, strict=True):
        for candidate, label, got in zip(problem["candidates"], row, found, strict=True):
            if label != got:
                print(f"problem {problem['id']}: labelled {label}, found {got}: {candidate['solution'][-80:]!r}")


async def steps(data: list[dict[str, Any]]) -> list[list[Verdict]]:
    checker = verifier(steps={})
    texts = [c["solution"] for problem in data for c in problem["candidates"]]
    verdicts = await checker.verify_many(Problem(statement="?"), texts)
    width = len(data[0]["candidates"])
    return [verdicts[at : at + width] for at in range(0, len(verdicts), width)]


def report_steps(data: list[dict[str, Any]], verdicts: list[list[Verdict]], seconds: float, wrong: int) -> None:
    kinds: Counter[str] = Counter()
    outcome: Counter[tuple[bool, str]] = Counter()
    listed: list[str] = []
    annotations = 0
    for problem, row in zip(data, verdicts, strict=True):
        for candidate, verdict in zip(problem["candidates"], row, strict=True):
            found: Any = verdict.evidence.get("steps", [])
            if "steps" not in verdict.evidence:
                print(f"problem {problem['id']}, {candidate['model']}: {verdict.critiques[0].message}\n")
            marked = [step for step in found if step["kind"] == "annotation"]
            annotations += candidate["solution"].count("<<")
            kinds.update(step["verdict"] for step in marked)
            kinds.update(f"other {step['verdict']}" for step in found if step["kind"] != "annotation")
            first = next((s for s in found if s["verdict"] == "wrong"), None)
            state = "a wrong step" if first else "unreadable" if verdict.outcome is Outcome.UNKNOWN else "no wrong step"
            outcome[candidate["is_correct"], state] += 1
            if first and candidate["is_correct"]:
                listed.append(f"problem {problem['id']}, {candidate['model']}: step {first['step']}: {first['why']}")
    judged = sum(kinds[k] for k in ("right", "rounded", "wrong", "unreadable"))
    print(f"{annotations} annotations in the text, {judged} with a verdict, {seconds:.1f} s\n")
    print("| Steps | right | rounded | wrong | unreadable | premises |\n|---|---|---|---|---|---|")
    for name, prefix in (("annotations", ""), ("other equations", "other ")):
        row_ = [kinds[prefix + k] for k in ("right", "rounded", "wrong", "unreadable", "premise")]
        print(f"| {name} | {' | '.join(map(str, row_))} |")
    print("\n| Final answer | a wrong step | no wrong step | unreadable |\n|---|---|---|---|")
    for label, name in ((True, "right"), (False, "wrong")):
        states = [outcome[label, s] for s in ("a wrong step", "no wrong step", "unreadable")]
        print(f"| {name} | {' | '.join(map(str, states))} |")
    print(f"\n{len(listed)} solutions have a right final answer and a wrong step:")
    print("\n".join(listed[:wrong]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--wrong", type=int, default=100)
    options = parser.parse_args()
    data = problems(options.data)
    started = time.perf_counter()
    verified = asyncio.run(finals(data))
    report_finals(data, verified, time.perf_counter() - started)
    started = time.perf_counter()
    verdicts = asyncio.run(steps(data))
    report_steps(data, verdicts, time.perf_counter() - started, options.wrong)


if __name__ == "__main__":
    main()
