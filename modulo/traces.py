"""The trace store: append-only JSON lines, one solve a line, each a tree of messages.

A crash loses at most the line being written. The reader reports a torn line and goes on; the writer never joins a new
line to a torn one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import Field, JsonValue, ValidationError

from modulo.errors import TraceError
from modulo.types import Attempt, Guarantee, Message, Problem, Sampling, Status, Usage, Value

__all__ = ["SCHEMA_VERSION", "Node", "Trace", "TraceStore", "read_traces"]

SCHEMA_VERSION = 1


class Node(Value):
    """One message of the tree. Roots have no parent; a node's id is its position in `Trace.nodes`."""

    id: int = Field(ge=0)
    parent: int | None = None
    message: Message


class Trace(Value):
    """A whole solve, enough to check it again offline and to compile it into training rows.

    Attributes:
        problem: the problem with its specs, self-contained.
        nodes: prompts and responses as a tree; each root-to-leaf path is one conversation.
        attempts: every attempt with its raw completion, candidate and verdicts, in order of judging.
        answer: the accepted candidate; `None` unless `status` is `verified`.
        best: index of the accepted attempt, or else of the one with the highest score.
        termination: `verified`, `exhausted`, `interrupted`, or the name of the budget limit or error.
        environment: package versions, interpreter, sandbox and image digests.
    """

    schema_version: int = SCHEMA_VERSION
    trace_id: str
    problem: Problem
    problem_hash: str
    spec_hash: str
    model: str
    strategy: str
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    sampling: Sampling = Sampling()
    started_at: str
    seconds: float = 0.0
    nodes: tuple[Node, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    status: Status
    termination: str
    error: str | None = None
    answer: str | None = None
    best: int | None = None
    guarantee: Guarantee | None = None
    usage: Usage = Usage()
    environment: dict[str, JsonValue] = Field(default_factory=dict)

    def path(self, node: int) -> tuple[Message, ...]:
        """Messages from the root to `node`: the conversation that ends there."""
        chain: list[Message] = []
        at: int | None = node
        while at is not None:
            chain.append(self.nodes[at].message)
            at = self.nodes[at].parent
        return tuple(reversed(chain))


class TraceStore:
    """Appends traces to one file, from any number of processes. Directories are made when first written."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def prepare(self) -> None:
        """Make sure that the file can be written, before anything is spent.

        Raises:
            TraceError: it cannot.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.open("ab").close()
        except OSError as error:
            raise TraceError(f"{self.path}: --trace cannot be written: {error.strerror}") from error

    def append(self, trace: Trace) -> None:
        """Write one trace as one line, under a lock.

        Raises:
            TraceError: the file cannot be written.
        """
        line = trace.model_dump_json().encode("utf-8", "surrogatepass") + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    line = b"\n" + line
                while line:
                    line = line[os.write(descriptor, line) :]
            finally:
                os.close(descriptor)
        except OSError as error:
            raise TraceError(f"{self.path}: cannot write traces: {error.strerror}") from error


def read_traces(path: str | Path, *, report: Callable[[str], None] | None = None) -> Iterator[Trace]:
    """Traces of a file in order. A solve written twice (a resume after a crash) comes once, as last written.

    Args:
        path: a file of JSON lines.
        report: called with one line of text for each line that is skipped because it is torn or not a trace.

    Raises:
        TraceError: the file cannot be read.
    """
    last: dict[str, int] = {}
    for number, trace in _parse(Path(path), report):
        last[trace.trace_id] = number
    for number, trace in _parse(Path(path), None):
        if last[trace.trace_id] == number:
            yield trace


def _parse(path: Path, report: Callable[[str], None] | None) -> Iterator[tuple[int, Trace]]:
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    yield number, Trace.model_validate_json(line)
                except ValidationError as error:
                    if report is not None:
                        first = error.errors(include_url=False)[0]
                        torn = not line.endswith(b"\n") or first["type"] == "json_invalid"
                        field = ".".join(str(part) for part in first["loc"])
                        why = "torn line" if torn else f"not a trace: {field}: {first['msg']}"
                        report(f"{path}:{number}: skipped, {why}")
    except OSError as error:
        raise TraceError(f"{path}: cannot read traces: {error.strerror}") from error
