"""`modulo verify`: candidates, batches of them, or stored traces, against their verifiers."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from modulo.api import recheck
from modulo.bank import down
from modulo.compose import Banks
from modulo.config import SandboxKind, load_settings
from modulo.errors import ProblemError, TraceError, UsageError
from modulo.problems import load_problems
from modulo.types import Problem, Verdict, accepted, overall

__all__ = ["run"]

IN_FLIGHT = 16
"""Candidates judged at once in a batch; the workers behind are fewer, so this only keeps them busy."""


def run(
    problem: str | None,
    candidate: str | None,
    *,
    batch: str | None,
    problems: str | None,
    sandbox: str | None,
    as_json: bool,
) -> int:
    """Verify what the arguments name. Returns the exit code."""
    kind = load_settings({"sandbox": sandbox}).sandbox
    if batch is not None or problems is not None:
        if batch is None or problems is None or problem is not None:
            raise UsageError("--batch CANDIDATES.jsonl and --problems PROBLEMS.jsonl go together, without PROBLEM")
        return _batch(batch, problems, kind, as_json=as_json)
    if problem is None:
        raise UsageError("give a PROBLEM file, or --batch with --problems")
    if candidate is None and problem != "-" and _is_trace_file(Path(problem)):
        return _recheck(problem, kind, as_json=as_json)
    found = list(load_problems(problem))
    if len(found) != 1:
        raise ProblemError(f"holds {len(found)} problems; verify takes one, or --batch with --problems", source=problem)
    text = _candidate(candidate, problem)
    code = asyncio.run(_judge_all([(found[0], text)], Banks(sandbox=kind), as_json=as_json))
    return code


def _candidate(candidate: str | None, problem: str) -> str:
    if candidate in (None, "-"):
        if problem == "-":
            raise UsageError("CANDIDATE: standard input already holds the problem; give the candidate as a file")
        if candidate is None and sys.stdin.isatty():
            raise UsageError("CANDIDATE: give a file, or - to read standard input")
        raw, source = sys.stdin.buffer.read(), "<stdin>"
    else:
        source = str(candidate)
        try:
            raw = Path(source).read_bytes()
        except OSError as error:
            raise UsageError(
                f"{source}: CANDIDATE cannot be read: {error.strerror}; give a file, or - for standard input"
            ) from error
    return _text(raw, source)


def _text(raw: bytes, source: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{source}: CANDIDATE is not UTF-8 text (byte {error.start})") from error


def _is_trace_file(path: Path) -> bool:
    """Whether a file's first line is a trace."""
    try:
        with path.open("rb") as lines:
            first = json.loads(next((line for line in lines if line.strip()), b""))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(first, dict) and "trace_id" in first and "attempts" in first


def _recheck(path: str, kind: SandboxKind, *, as_json: bool) -> int:
    torn: list[str] = []

    def report(line: str) -> None:
        torn.append(line)
        sys.stderr.write(f"modulo: {line}\n")

    result = recheck(path, sandbox=kind, report=report)
    if result.traces == 0:
        raise TraceError(f"{path}: holds no readable trace")
    if as_json:
        _print({**result.model_dump(mode="json"), "same": result.same, "skipped_lines": len(torn)})
    else:
        for difference in result.differences:
            sys.stdout.write(
                f"{difference.trace_id} attempt {difference.attempt} {difference.verifier}:"
                f" stored {difference.stored or 'nothing'}, now {difference.now}\n"
            )
        what = "all the same" if result.same else f"{len(result.differences)} differ"
        sys.stdout.write(f"{result.verdicts} verdicts of {result.traces} traces checked again: {what}\n")
    return 0 if result.same else 1


def _batch(batch: str, problems: str, kind: SandboxKind, *, as_json: bool) -> int:
    known: dict[str, Problem] = {}
    for problem in load_problems(problems):
        if problem.id in known:
            raise ProblemError(f"{problem.id!r} stands twice", field="id", source=problems)
        known[problem.id] = problem
    if batch != "-":  # a bad line at the end of a file should not surface after hours of judging
        for _ in _candidates(batch, known):
            pass
    return asyncio.run(_judge_all(_candidates(batch, known), Banks(sandbox=kind, remember=4096), as_json=as_json))


def _candidates(path: str, known: dict[str, Problem]) -> Iterator[tuple[Problem, str]]:
    source = "<stdin>" if path == "-" else path
    try:
        lines: Iterable[bytes] = sys.stdin.buffer if path == "-" else Path(path).open("rb")  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"{source}: --batch cannot be read: {error.strerror}") from error
    try:
        for number, raw in enumerate(lines, 1):
            if not raw.strip():
                continue
            where = f"{source}:{number}"
            try:
                row = json.loads(raw)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{where}: is not JSON: {error}") from error
            if not isinstance(row, dict):
                raise UsageError(f'{where}: is a JSON object {{"problem_id": …, "candidate": …}}')
            for field in ("problem_id", "candidate"):
                if not isinstance(row.get(field), str):
                    raise UsageError(f"{where}: {field}: is missing or not text")
            if row["problem_id"] not in known:
                raise UsageError(f"{where}: problem_id: no problem is called {row['problem_id']!r}")
            yield known[row["problem_id"]], row["candidate"]
    except OSError as error:
        raise UsageError(f"{source}: --batch cannot be read: {error.strerror}") from error
    finally:
        if path != "-":
            lines.close()  # type: ignore[attr-defined]


async def _judge_all(items: Iterable[tuple[Problem, str]], banks: Banks, *, as_json: bool) -> int:
    waiting: deque[tuple[Problem, asyncio.Task[tuple[str | None, tuple[Verdict, ...]]]]] = deque()
    codes = {0}
    count = 0

    async def oldest() -> None:
        nonlocal count
        problem, task = waiting.popleft()
        _, verdicts = await task
        codes.add(_report(problem, count, verdicts, as_json=as_json))
        count += 1

    for problem, text in items:
        waiting.append((problem, asyncio.ensure_future(banks(problem).judge_text(text))))
        if len(waiting) >= IN_FLIGHT:
            await oldest()
    while waiting:
        await oldest()
    return max(codes)


def _report(problem: Problem, index: int, verdicts: tuple[Verdict, ...], *, as_json: bool) -> int:
    passed, outcome = accepted(verdicts), overall(verdicts)
    if as_json:
        _print(
            {
                "problem_id": problem.id,
                "index": index,
                "accepted": passed,
                "outcome": outcome.value,
                "verdicts": [v.model_dump(mode="json") for v in verdicts],
            }
        )
    else:
        sys.stdout.write(f"{problem.id}: {outcome}\n")
        for verdict in verdicts:
            sys.stdout.write(f"  {verdict.verifier}: {verdict.outcome} ({verdict.guarantee})\n")
            for critique in verdict.critiques:
                sys.stdout.write(f"    {critique.message}\n")
        sys.stdout.flush()
    if reason := down(verdicts):
        sys.stderr.write(f"modulo: {problem.id}: {' '.join(reason.split())}\n")
        return 4
    return 0 if passed else 1


def _print(data: Any) -> None:
    sys.stdout.write(json.dumps(data, ensure_ascii=True) + "\n")
    sys.stdout.flush()
