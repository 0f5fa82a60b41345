"""`modulo verify`: a candidate, a batch of them, or stored traces, against their verifiers."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from modulo.api import recheck
from modulo.audit import Difference, Recheck
from modulo.cli.batch import rendered, run_batch
from modulo.compose import Banks
from modulo.config import SandboxKind, load_settings
from modulo.errors import ProblemError, TraceError, UsageError
from modulo.problems import load_problems

__all__ = ["run"]


def run(
    problem: str | None,
    candidate: str | None,
    *,
    batch: str | None,
    problems: str | None,
    sandbox: str | None,
    cache: str | None,
    as_json: bool,
) -> int:
    """Verify what the arguments name. Returns the exit code."""
    settings = load_settings({"sandbox": sandbox, "cache": cache})
    if batch is not None or problems is not None:
        if batch is None or problems is None or problem is not None:
            raise UsageError("--batch CANDIDATES.jsonl and --problems PROBLEMS.jsonl go together, without PROBLEM")
        banks = Banks(sandbox=settings.sandbox, cache=settings.cache, remember=4096)
        return run_batch(batch, problems, banks, as_json=as_json)
    if problem is None:
        raise UsageError("give a PROBLEM file, or --batch with --problems")
    if candidate is None and problem != "-" and _is_trace_file(Path(problem)):
        return _recheck(problem, settings.sandbox, as_json=as_json)
    found = list(load_problems(problem))
    if len(found) != 1:
        raise ProblemError(f"holds {len(found)} problems; verify takes one, or --batch with --problems", source=problem)
    text = _candidate(candidate, problem)
    bank = Banks(sandbox=settings.sandbox, cache=settings.cache)(found[0])
    _, verdicts = asyncio.run(bank.judge_text(text))
    shown = rendered(found[0], 0, verdicts, as_json=as_json)
    sys.stdout.write(shown.text)
    if shown.reason is not None:
        sys.stderr.write(f"modulo: {shown.reason}\n")
    return shown.code


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
    skipped = 0

    def report(line: str) -> None:
        nonlocal skipped
        skipped += 1
        sys.stderr.write(f"modulo: {line}\n")

    def differs(difference: Difference) -> None:
        if not as_json:
            sys.stdout.write(_words(difference) + "\n")

    result = recheck(path, sandbox=kind, report=report, differs=differs)
    if result.traces == 0:
        raise TraceError(f"{path}: holds no readable trace")
    if as_json:
        row = {**result.model_dump(mode="json"), "same": result.same, "skipped_lines": skipped}
        sys.stdout.write(json.dumps(row, ensure_ascii=True) + "\n")
    else:
        what = "all the same" if result.same else f"{result.differing} differ"
        sys.stdout.write(f"{result.verdicts} verdicts of {result.traces} traces checked again: {what}\n")
        for text in _notes(result, skipped):
            sys.stdout.write(f"  {text}\n")
    if result.unavailable is not None:
        sys.stderr.write(f"modulo: {' '.join(result.unavailable.split())}\n")
        return 4
    return 0 if result.same else 1


def _words(difference: Difference) -> str:
    d = difference
    place = (
        d.trace_id + ("" if d.attempt is None else f" attempt {d.attempt}") + (f" {d.verifier}" if d.verifier else "")
    )
    what = "" if d.field in ("outcome", "verdict") else f" {d.field}"
    if d.field == "verdict" and d.now is None:
        return f"{place}: stored {d.stored}, cannot be checked: no verifier of the problem gives this verdict"
    stored, now = (" ".join(str(value).split()) if value is not None else "nothing" for value in (d.stored, d.now))
    return f"{place}:{what} stored {stored}, now {now}"


def _notes(result: Recheck, skipped: int) -> list[str]:
    """What was left out, and what is no difference but good to know."""
    notes = [
        (result.undecided, "were undecided and are left out"),
        (result.opinions, "are a model's opinion and are left out"),
        (result.unjudged, "attempts were never judged"),
        (result.reworded, "have critiques in other words"),
        (skipped, "lines could not be read"),
    ]
    versions = [f"{v.verifier} was version {v.stored}, is {v.now}: {v.verdicts} verdicts" for v in result.versions]
    return [f"{count} {words}" for count, words in notes if count] + versions
