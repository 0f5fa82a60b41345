"""Composition: strings become parts, parts become a compiled LangGraph."""

from __future__ import annotations

import platform
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import JsonValue

from modulo.bank import Bank
from modulo.budget import Budget
from modulo.cache import VerdictCache, open_cache
from modulo.config import SandboxKind, Settings
from modulo.errors import ProblemError, UsageError
from modulo.plugins import open_model, strategy_builder, verifier_factory
from modulo.problems import resolve
from modulo.protocols import Generator, Sandbox, Verifier
from modulo.traces import TraceStore
from modulo.types import Feedback, Problem, Sampling, digest

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from modulo.graphs.context import Bound

__all__ = ["Banks", "CacheChoice", "bind", "bind_any", "environment", "graph", "options", "shared_sandbox"]

CacheChoice = str | Path | VerdictCache | Literal[False] | None
"""Where verdicts are kept: `None` in memory, a file or folder (`VerdictCache`) there too, `False` nowhere."""

PACKAGES = (
    "llm-modulo", "langgraph", "z3-solver", "cvc5", "sympy", "python-flint", "math-verify", "pint", "jsonschema",
    "google-re2", "pytest", "hypothesis", "mypy", "unified-planning", "up-fast-downward", "docker",
)  # fmt: skip


@cache
def shared_sandbox(kind: SandboxKind = "auto") -> Sandbox:
    """The process's sandbox of a kind; started by its first run, stopped at exit."""
    from modulo.adapters.sandboxes import open_sandbox

    return open_sandbox(kind)


@cache
def environment() -> dict[str, JsonValue]:
    """Versions that decide what a verdict means, for the trace."""
    versions: dict[str, JsonValue] = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return versions


class Banks:
    """Builds and remembers the critics of each problem. For any thread.

    Args:
        verifiers: verifier objects that judge every problem, after its own specs.
        cache: where verdicts are kept: `None` in memory, a file or folder there too, `False` nowhere.
        sandbox: backend for specs that run code.
        remember: problems whose banks, with their verdict caches, are kept.
    """

    def __init__(
        self,
        verifiers: Sequence[Verifier] = (),
        *,
        sandbox: SandboxKind = "auto",
        cache: CacheChoice = None,
        remember: int = 256,
    ) -> None:
        self.verifiers, self.sandbox, self.remember = tuple(verifiers), sandbox, remember
        self.cache = None if cache is False else cache if isinstance(cache, VerdictCache) else open_cache(cache)
        self._banks: OrderedDict[str, Bank] = OrderedDict()
        self._lock = threading.Lock()
        for verifier in self.verifiers:
            if not isinstance(verifier, Verifier):
                raise UsageError(
                    f"verifiers: {verifier!r} is not a verifier; decorate a function with @modulo.verifier(…)"
                )

    def __call__(self, problem: Problem) -> Bank:
        """The bank of a problem.

        Raises:
            ProblemError: a spec is malformed, or nobody judges the problem.
        """
        key = problem.problem_hash
        with self._lock:
            if (known := self._banks.get(key)) is not None:
                self._banks.move_to_end(key)
                return known
        built = self._build(problem)
        with self._lock:
            bank = self._banks.setdefault(key, built)
            if len(self._banks) > self.remember:
                self._banks.popitem(last=False)
        return bank

    def _build(self, problem: Problem) -> Bank:
        resolved = resolve(problem)
        built = []
        for i, spec in enumerate(resolved.verifiers):
            factory = verifier_factory(spec.name)
            try:
                built.append(factory.build(spec.spec, hard=spec.hard, sandbox=shared_sandbox(self.sandbox)))
            except ProblemError as error:
                raise error.at(prefix=f"verifiers[{i}].{spec.name}") from error
        scopes = [digest([spec.to_mapping(), self.sandbox]) for spec in resolved.verifiers]
        if not built and not self.verifiers:
            raise ProblemError("has no verifier: give it one, or pass verifiers=[…]", field="verifiers")
        return Bank(resolved, [*built, *self.verifiers], scopes=scopes, cache=self.cache)


def options(settings: Settings) -> dict[str, Any]:
    """What `bind` and `graph` take, from settings."""
    return {
        "model": settings.model,
        "n": settings.n or 8,
        "rounds": settings.rounds or 4,
        "feedback": settings.feedback,
        "budget": Budget(tokens=settings.max_tokens, wall_seconds=settings.timeout),
        "sampling": Sampling(
            temperature=0.8 if settings.temperature is None else settings.temperature,
            max_tokens=settings.answer_tokens,
            seed=settings.seed,
        ),
        "sandbox": settings.sandbox,
        "trace": settings.trace,
        "cache": settings.cache,
    }


def bind(
    *,
    model: str | Generator = "local",
    verifiers: Sequence[Verifier] = (),
    n: int = 8,
    rounds: int = 4,
    feedback: Feedback | str = Feedback.COUNTEREXAMPLE,
    mode: Literal["race", "full"] = "race",
    budget: Budget | None = None,
    sampling: Sampling | None = None,
    sandbox: SandboxKind = "auto",
    trace: str | Path | TraceStore | None = None,
    cache: CacheChoice = None,
) -> Bound:
    """Parts and settings of a solve. Nothing is started yet; arguments are those of `graph`.

    Raises:
        ModelStringError: nobody can open the model string.
        UsageError: a setting is out of range.
    """
    from modulo.graphs.context import Bound

    for name, value in (("n", n), ("rounds", rounds)):
        if value < 1:
            raise UsageError(f"{name}: is at least 1, not {value}")
    if mode not in ("race", "full"):
        raise UsageError(f"mode: is race or full, not {mode!r}")
    try:
        level = Feedback(feedback)
    except ValueError as error:
        raise UsageError(f"feedback: is one of {', '.join(Feedback)}, not {feedback!r}") from error
    return Bound(
        generator=open_model(model) if isinstance(model, str) else model,
        bank_for=Banks(verifiers, sandbox=sandbox, cache=cache),
        store=TraceStore(trace) if isinstance(trace, str | Path) else trace,
        environment=environment(),
        budget=budget or Budget(),
        sampling=sampling or Sampling(temperature=0.8, max_tokens=2048),
        feedback=level,
        n=n,
        rounds=rounds,
        mode=mode,
    )


def bind_any(settings: Mapping[str, Any]) -> Bound:
    """`bind` for settings that came by keyword.

    Raises:
        UsageError: there is no such setting.
    """
    known = signature(bind).parameters
    for name in settings:
        if name not in known:
            raise UsageError(f"{name}: is not a setting; the settings are {', '.join(known)}")
    return bind(**settings)


def graph(
    strategy: str = "best_of_n", *, checkpointer: Any = None, name: str | None = None, **settings: Any
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """A strategy as a compiled LangGraph, with its parts bound: add it to a host as a node or subgraph, or invoke it.

    Input `{"problem": {…}}` as in a problem file; output `{"solution": {…}}`, whose `status` is `verified`,
    `unverified` or `error`, and whose `answer` is only ever a verified one. Works under `invoke`, `ainvoke`, `stream`
    and `astream`; `stream_mode="custom"` gives every completion and verdict as it comes (`modulo.events`).

    Args:
        strategy: `best_of_n`, `critique_retry`, or an installed strategy's name.
        checkpointer: a LangGraph checkpointer, if solves are to survive a crash; pair it with `durability="sync"`.
        name: name of the compiled graph, if several stand in one host.
        **settings: `model` (string or `Generator`), `verifiers` (objects that judge every problem), `n`, `rounds`,
            `feedback`, `mode` (`race` or `full`), `budget`, `sampling`, `sandbox`, `trace` (a file or `TraceStore`),
            `cache` (a file or folder for verdicts).

    Raises:
        UsageError: an unknown strategy, model string or setting.
    """
    return strategy_builder(strategy)(bind_any(settings), checkpointer=checkpointer, name=name)  # type: ignore[no-any-return]
