"""The ports. Graphs see only these; the composition root (`modulo/api.py`) joins the parts behind them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeVar, runtime_checkable

from pydantic import Field, JsonValue

from modulo.types import Completion, Guarantee, Message, Problem, Sampling, Value, Verdict

__all__ = [
    "Call",
    "CallReply",
    "Generator",
    "ImageName",
    "Limits",
    "ProgramKind",
    "ReplyKind",
    "RunReport",
    "Sandbox",
    "Session",
    "Verifier",
    "VerifierFactory",
]

_T = TypeVar("_T")


@runtime_checkable
class Generator(Protocol):
    """A model. See `adapters/models/` for implementations."""

    @property
    def name(self) -> str:
        """The model string it was opened from, for traces."""
        ...

    def generate(self, messages: Sequence[Message], *, n: int, sampling: Sampling) -> AsyncGenerator[Completion, None]:
        """Yield `n` completions in the order they finish.

        Closing the generator (`aclose`) cancels what is still running.

        Raises:
            ProviderError: the server is down, rejects the request, or broke the stream; after retries.
        """
        ...

    async def aclose(self) -> None:
        """Release connections and servers. Idempotent."""
        ...


@runtime_checkable
class Verifier(Protocol):
    """A critic, bound to one spec.

    It may have more, which is looked for by name:

    - `answer_schema`, a JSON Schema that every acceptable answer meets (or `None`): a server that can constrain its
      output to it is then asked to.
    - `async verify_many(problem, candidates: Sequence[str]) -> list[Verdict]`: the verdicts on a batch, in order, each
      the same as `verify` gives. A candidate that hangs or breaks something costs its own verdict and no other's;
      `modulo.verifiers.judging.judge_many` sees to that. Without it a batch is judged by calls of `verify`, side by
      side.
    - `offline`: whether it can be asked again with no model and no network. By default all can whose guarantee is not
      `opinion`; checking traces again leaves the others out.

    `verify` never blocks the event loop, never outlives its deadline, and never raises on a bad candidate: that is a
    `fail`. It may raise `UnavailableError` or `WorkerError`, which the bank turns into an `error` verdict.
    """

    @property
    def name(self) -> str:
        """Entry-point name, such as `smt`."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever a verdict could; part of the cache key and of every trace."""
        ...

    @property
    def guarantee(self) -> Guarantee:
        """The best a pass of it can mean."""
        ...

    @property
    def hard(self) -> bool:
        """Whether it gates acceptance. `False`: it only ranks or advises."""
        ...

    async def verify(self, problem: Problem, candidate: str) -> Verdict:
        """Judge one candidate."""
        ...


class VerifierFactory(Protocol):
    """What an entry point of group `modulo.verifiers` names: turns specs into verifiers."""

    @property
    def name(self) -> str:
        """Entry-point name."""
        ...

    def load(self, spec: JsonValue, *, base: Path | None) -> JsonValue:
        """Validate a spec and make it self-contained: files it names (relative to `base`) are read into it.

        Idempotent: `load(load(s))` equals `load(s)`. `base=None` means the spec names no files.

        Raises:
            ProblemError: names the field inside the spec, and the fix.
        """
        ...

    def build(self, spec: JsonValue, *, hard: bool, sandbox: Sandbox) -> Verifier:
        """A verifier for a loaded spec. Cheap: nothing is started before the first `verify`."""
        ...


ImageName = Literal["base", "science"]
"""What is installed in a sandbox: Python's standard library alone, or numpy and sympy beside it."""


class Limits(Value):
    """Limits of one sandboxed run.

    Attributes:
        call_seconds: wall seconds for one call, and for loading the program.
        total_seconds: wall seconds for the whole run.
        memory_mb: address space of each process, MiB.
        output_bytes: size of one encoded reply.
    """

    call_seconds: float = Field(default=2.0, gt=0, le=600)
    total_seconds: float = Field(default=20.0, gt=0, le=3600)
    memory_mb: int = Field(default=512, ge=64, le=65536)
    output_bytes: int = Field(default=1_000_000, ge=1_000, le=100_000_000)


class Call(Value):
    """One call of the candidate's entry point. Arguments are in tagged form (`modulo/tagged.py`).

    Attributes:
        seconds: wall seconds for this call, in place of the run's `call_seconds`.
    """

    args: tuple[JsonValue, ...] = ()
    kwargs: dict[str, JsonValue] = Field(default_factory=dict)
    seconds: float | None = Field(default=None, gt=0, le=600)


ReplyKind = Literal["value", "raised", "timeout", "memory", "crash", "output", "protocol", "skipped"]


class CallReply(Value):
    """What became of one call.

    Attributes:
        kind: `value`; `raised` (a Python exception); `timeout`; `memory`; `crash` (the process ended); `output` (reply
            over the limit, or not representable); `protocol` (the reply was forged or malformed); `skipped` (the run
            ended before it).
        value: the returned value in tagged form, for `value`.
        error: exception type and message, signal, or reason. Text from the candidate: untrusted.
        line: line of the candidate's program where it was raised, 1-based.
    """

    kind: ReplyKind
    value: JsonValue = None
    error: str = ""
    line: int | None = None


class RunReport(Value):
    """Result of one sandboxed run.

    Attributes:
        load: `None` if the program loaded and has the entry point, else what went wrong.
        replies: one for each call, in order; all `skipped` if `load` is set.
        backend: which sandbox ran it, such as `docker`.
        image: digest of the image or root file system, where there is one.
    """

    load: CallReply | None = None
    replies: tuple[CallReply, ...] = ()
    backend: str = ""
    image: str | None = None


ProgramKind = Literal["objects", "script"]
"""How a program is used in a session: as a module whose objects are asked for, or from scratch, with standard input."""


class Session(Protocol):
    """A conversation with one program in a sandbox, held by one thread at a time; see `Sandbox.interact`."""

    @property
    def over(self) -> bool:
        """Whether nothing more can be asked: the program did not load, ran out of time, ended or broke the form."""
        ...

    def load(self) -> CallReply | None:
        """Hand over the program and start the clock; once, before the first question.

        Returns:
            `None` if the program loaded, else what went wrong.

        Raises:
            SandboxUnavailableError: the guest did not start.
        """
        ...

    def ask(self, request: Mapping[str, JsonValue], *, seconds: float | None = None) -> CallReply:
        """Put one question, in the form that the kind of program has (`adapters/sandboxes/guest.py`).

        Never raises for what the program does. Whatever a reply holds is the program's claim: of limited size, strict
        JSON and a canonical tagged value, and nothing more is known of it.

        Args:
            request: JSON of the question.
            seconds: wall seconds for it, in place of `call_seconds`; never beyond `total_seconds`.
        """
        ...


@runtime_checkable
class Sandbox(Protocol):
    """Runs untrusted code that only answers calls. It never sees an expected value."""

    @property
    def name(self) -> str:
        """Backend name: `docker`, `gvisor`, `bubblewrap` or `unsafe-subprocess`; `auto` before the choice is made."""
        ...

    async def run(
        self, program: str, *, entry: str, calls: Sequence[Call], limits: Limits, image: ImageName = "base"
    ) -> RunReport:
        """Load `program` in isolation and call `entry` once for each of `calls`, in order.

        Returns within `limits.total_seconds` plus start-up of the backend, with every process of the run killed.

        Raises:
            SandboxUnavailableError: the backend cannot run here, or broke; not the candidate's fault.
        """
        ...

    async def interact(
        self,
        program: str,
        drive: Callable[[Session], _T],
        *,
        kind: ProgramKind,
        limits: Limits,
        image: ImageName = "base",
    ) -> tuple[_T, str | None]:
        """Let `drive`, blocking code that is run in a thread of the sandbox, hold a conversation with `program`.

        Every process of the conversation is killed when `drive` returns or raises. `drive` may be called a second time,
        with a new session, if the backend lost the first one.

        Returns:
            what `drive` returned, and the digest of the image or root file system.

        Raises:
            SandboxUnavailableError: as for `run`.
        """
        ...

    async def aclose(self) -> None:
        """Stop containers and processes. Idempotent."""
        ...
