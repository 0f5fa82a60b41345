"""Checking stored traces again: every verdict afresh, offline, with no model and no cache.

What is compared, and what a difference means:

- *verdicts*: the k-th verdict of a name with that of the k-th verifier of that name. Outcome, `hard` and guarantee must
  be the same, and the score too where the verifier's version is. A verdict whose verifier cannot be built again (it was
  passed as a Python object), or that is missing, is a difference. Verdicts that were `unknown` or `error`, and those of
  verifiers that ask a model, are left out and counted. Critiques may be worded anew by another version of a solver:
  they are counted where they changed, and are no difference.
- *what the verdicts bear out*: status, answer, guarantee and best attempt of the trace; the candidate, which must be
  what the response holds; the response, which must be its node's; the hashes of problem and specs.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import JsonValue

from modulo.bank import Bank, down, nothing_extracted, offline
from modulo.compose import Banks
from modulo.config import SandboxKind
from modulo.errors import ProblemError
from modulo.extract import extract
from modulo.protocols import Verifier
from modulo.traces import Trace
from modulo.types import Attempt, Outcome, Problem, Status, Value, Verdict, accepted, weakest

__all__ = ["Difference", "Recheck", "VersionChange", "arecheck"]

Field = Literal[
    "outcome", "score", "guarantee", "hard", "verdict", "candidate", "node", "status", "answer", "best",
    "problem", "problem_hash", "spec_hash",
]  # fmt: skip

_AT_ONCE: Final = 8
_LISTED: Final = 1000
_SHOWN: Final = 200


class Difference(Value):
    """Something in a trace that is not borne out now.

    Attributes:
        field: what differs; `verdict` for one that is missing, or whose verifier cannot be built again.
        attempt: index of the attempt; `None` if it is about the whole trace.
        verifier: its name, and `smt #2` for the second `smt` of a problem.
        stored: what the trace says; `None` if nothing.
        now: what comes out; `None` if nothing.
    """

    trace_id: str
    field: Field
    attempt: int | None = None
    verifier: str | None = None
    stored: JsonValue = None
    now: JsonValue = None


class VersionChange(Value):
    """A verifier that has another version than when the verdicts were made."""

    verifier: str
    stored: str
    now: str
    verdicts: int


class Recheck(Value):
    """Result of checking traces again.

    Attributes:
        verdicts: how many were made again and compared.
        differing: how many differences there are.
        differences: the first thousand of them.
        undecided: stored verdicts that were `unknown` or `error`; left out.
        opinions: stored verdicts of verifiers that ask a model; left out.
        unjudged: attempts that were never judged.
        reworded: verdicts that came out the same with other critiques.
        versions: verifiers whose version has changed since.
        unavailable: why a verifier cannot run here now, if one cannot.
    """

    traces: int
    verdicts: int
    differing: int = 0
    differences: tuple[Difference, ...] = ()
    undecided: int = 0
    opinions: int = 0
    unjudged: int = 0
    reworded: int = 0
    versions: tuple[VersionChange, ...] = ()
    unavailable: str | None = None

    @property
    def same(self) -> bool:
        """True if nothing differs."""
        return self.differing == 0


@dataclass
class _Tally:
    """What is counted on the way."""

    report: Callable[[Difference], None] | None
    counts: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    versions: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    unavailable: str | None = None

    def add(self, differences: Iterable[Difference]) -> None:
        for difference in differences:
            self.counts["differing"] += 1
            if len(self.differences) < _LISTED:
                self.differences.append(difference)
            if self.report is not None:
                self.report(difference)


async def arecheck(
    traces: Iterable[Trace],
    *,
    verifiers: Sequence[Verifier] = (),
    sandbox: SandboxKind = "auto",
    differs: Callable[[Difference], None] | None = None,
) -> Recheck:
    """Judge every stored candidate again and compare, trace by trace: memory does not grow with their number.

    Args:
        traces: read as they are needed, in a thread.
        verifiers: objects that were passed to `solve`; without them their verdicts count as differences.
        sandbox: where untrusted code runs.
        differs: told of each difference, in order.
    """
    banks = Banks(verifiers, sandbox=sandbox, cache=False)
    tally = _Tally(differs)
    waiting: deque[tuple[Trace, asyncio.Task[_Again | ProblemError]]] = deque()
    reading = iter(traces)
    try:
        while True:
            trace = await asyncio.to_thread(next, reading, None)
            if trace is not None:
                waiting.append((trace, asyncio.ensure_future(_judged(trace, banks))))
                tally.counts["traces"] += 1
            while waiting and (trace is None or len(waiting) >= _AT_ONCE):
                oldest, task = waiting.popleft()
                tally.add(_differences(oldest, await task, tally))
            if trace is None:
                break
    finally:
        for _, task in waiting:
            task.cancel()
    return Recheck(
        traces=tally.counts["traces"],
        verdicts=tally.counts["verdicts"],
        differing=tally.counts["differing"],
        undecided=tally.counts["undecided"],
        opinions=tally.counts["opinions"],
        unjudged=tally.counts["unjudged"],
        reworded=tally.counts["reworded"],
        differences=tuple(tally.differences),
        versions=tuple(
            VersionChange(verifier=name, stored=stored, now=now, verdicts=count)
            for (name, stored, now), count in sorted(tally.versions.items())
        ),
        unavailable=tally.unavailable,
    )


@dataclass(frozen=True)
class _Again:
    """A trace's critics now, and what they say: for each attempt a verdict for each critic, `None` where not asked."""

    critics: tuple[Verifier, ...]
    verdicts: list[list[Verdict | None]]
    problem: Problem


async def _judged(trace: Trace, banks: Banks) -> _Again | ProblemError:
    try:
        bank = await asyncio.to_thread(banks, trace.problem)
    except ProblemError as error:
        return error
    asked = [offline(verifier) for verifier in bank.verifiers]
    able = Bank(bank.problem, [v for v, offline in zip(bank.verifiers, asked, strict=True) if offline])
    candidates = [a.candidate for a in trace.attempts if a.candidate is not None and a.verdicts]
    found = iter(await able.judge_many(candidates))
    rows: list[list[Verdict | None]] = []
    for attempt in trace.attempts:
        if attempt.candidate is None or not attempt.verdicts:
            rows.append([])
            continue
        row = iter(next(found))
        rows.append([next(row) if offline else None for offline in asked])
    return _Again(bank.verifiers, rows, bank.problem)


def _differences(trace: Trace, again: _Again | ProblemError, tally: _Tally) -> Iterator[Difference]:
    yield from _about_trace(trace)
    if isinstance(again, ProblemError):
        yield Difference(trace_id=trace.trace_id, field="problem", now=f"cannot be checked: {again}")
        return
    for attempt, row in zip(trace.attempts, again.verdicts, strict=True):
        yield from _about_attempt(trace, attempt, again.problem)
        if not attempt.verdicts:
            tally.counts["unjudged"] += 1
        elif attempt.candidate is None:
            nothing = nothing_extracted(again.problem)
            yield from _about_verdicts(trace, attempt, [nothing], {nothing.verifier: nothing}, tally)
        else:
            tally.unavailable = tally.unavailable or down([v for v in row if v is not None])
            named = dict(zip(_numbered(v.name for v in again.critics), row, strict=True))
            yield from _about_verdicts(trace, attempt, again.critics, named, tally)


def _about_trace(trace: Trace) -> Iterator[Difference]:
    """What a trace says of itself, against what it holds."""
    winners = [i for i, attempt in enumerate(trace.attempts) if accepted(attempt.verdicts)]
    best = trace.attempts[trace.best] if trace.best is not None and 0 <= trace.best < len(trace.attempts) else None
    won = best is not None and trace.best in winners
    claims: list[tuple[Field, Any, Any]] = [
        ("problem_hash", trace.problem_hash, trace.problem.problem_hash),
        ("spec_hash", trace.spec_hash, trace.problem.spec_hash),
        ("status", trace.status is Status.VERIFIED, bool(winners)),
        ("answer", trace.answer, best.candidate if best is not None and won else None),
        ("guarantee", trace.guarantee, weakest(best.verdicts) if best is not None and won else None),
    ]
    for name, stored, now in claims:
        if stored != now:
            if name == "status":
                stored, now = trace.status.value, "verified" if now else "unverified"
            yield Difference(trace_id=trace.trace_id, field=name, stored=_shown(stored), now=_shown(now))
    if (trace.best is not None and best is None) or (winners and not won):
        yield Difference(trace_id=trace.trace_id, field="best", stored=trace.best, now=winners[0] if winners else None)


def _about_attempt(trace: Trace, attempt: Attempt, problem: Problem) -> Iterator[Difference]:
    """A candidate is what its response holds, and the response is what the conversation says."""
    text = attempt.completion.text
    known = {"trace_id": trace.trace_id, "attempt": attempt.index}
    if attempt.verdicts or attempt.candidate is not None:
        extracted = extract(text, problem)
        if extracted != attempt.candidate:
            yield Difference(**known, field="candidate", stored=_shown(attempt.candidate), now=_shown(extracted))
    node = trace.nodes[attempt.node] if attempt.node < len(trace.nodes) else None
    if node is None or (node.message.role, node.message.content) != ("assistant", text):
        yield Difference(**known, field="node", stored=_shown(node and node.message.content), now=_shown(text))


def _about_verdicts(
    trace: Trace, attempt: Attempt, critics: Sequence[Any], now: dict[str, Verdict | None], tally: _Tally
) -> Iterator[Difference]:
    stored = dict(zip(_numbered(v.verifier for v in attempt.verdicts), attempt.verdicts, strict=True))
    hard = dict(zip(now, (critic.hard for critic in critics), strict=True))
    for name in {**stored, **now}:
        before, after = stored.get(name), now.get(name)
        known: dict[str, Any] = {"trace_id": trace.trace_id, "attempt": attempt.index, "verifier": name}
        if before is None or name not in now:
            yield Difference(**known, field="verdict", stored=before and before.outcome, now=after and after.outcome)
            continue
        if before.hard != hard[name]:
            yield Difference(**known, field="hard", stored=before.hard, now=hard[name])
        if after is None:
            tally.counts["opinions"] += 1
            continue
        if before.outcome in (Outcome.UNKNOWN, Outcome.ERROR):
            tally.counts["undecided"] += 1
            continue
        tally.counts["verdicts"] += 1
        if before.version != after.version:
            tally.versions[before.verifier, before.version, after.version] += 1
        if before.outcome is not after.outcome:
            yield Difference(**known, field="outcome", stored=before.outcome, now=after.outcome)
            continue
        if before.guarantee is not after.guarantee:
            yield Difference(**known, field="guarantee", stored=before.guarantee, now=after.guarantee)
        if before.score != after.score and before.version == after.version:
            yield Difference(**known, field="score", stored=before.score, now=after.score)
        if before.critiques != after.critiques:
            tally.counts["reworded"] += 1


def _numbered(names: Iterable[str]) -> list[str]:
    """Names told apart: `smt`, `smt #2` and so on."""
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return numbered


def _shown(value: Any) -> Any:
    return value if not isinstance(value, str) or len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"
