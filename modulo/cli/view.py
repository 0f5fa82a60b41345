"""Progress on stderr: a live line a problem on a terminal, plain lines elsewhere. stdout is never touched."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from modulo.api import Solution
from modulo.events import AttemptEvent, CompletionEvent, Event, StartedEvent
from modulo.graphs.context import Bound
from modulo.types import Attempt, Problem, Status

__all__ = ["View", "open_view", "wide_console"]

COLOURS = {Status.VERIFIED: "green", Status.UNVERIFIED: "yellow", Status.ERROR: "red"}


class View(Protocol):
    """What the solve command tells about its progress."""

    def __enter__(self) -> View: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None: ...

    def start(self, problem: Problem) -> None:
        """A problem is begun."""

    def show(self, event: Event) -> None:
        """A completion or a verdict came."""

    def finish(self, solution: Solution) -> None:
        """A problem is over."""

    def summary(self, statuses: Sequence[Status]) -> None:
        """All problems are over."""


def open_view(total: int, context: Bound) -> View:
    """The view for this stderr."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    return _LiveView(console, total, context) if console.is_terminal else _PlainView(console, total, context)


def wide_console() -> Console:
    """A console on stdout for tables, which a pipe should not get folded at 80 columns."""
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 250)


def headline(attempt: Attempt) -> str:
    """First line of the first critique, or why there is none."""
    if attempt.accepted:
        return "pass"
    for critique in attempt.critiques:
        line = critique.message.strip().splitlines()[0] if critique.message.strip() else ""
        return line if len(line) <= 100 else line[:99] + "…"
    return attempt.outcome.value


def kinds(solution: Solution) -> str:
    """Verifiers and guarantee, such as `smt · proof`."""
    names = list(dict.fromkeys(s.name for s in solution.problem.verifiers)) or [v.verifier for v in solution.verdicts]
    parts = ["+".join(names), *([solution.guarantee.value] if solution.guarantee else [])]
    return " · ".join(parts)


def place(event: AttemptEvent, racing: bool) -> str:
    """Where in the solve an attempt stands."""
    return f"candidate {event.attempt.index + 1} of {event.of}" if racing else f"round {event.round} of {event.of}"


class _PlainView:
    """One line for each verdict, one for each problem."""

    def __init__(self, console: Console, total: int, context: Bound) -> None:
        self.console, self.total, self.context = console, total, context
        self.problem: Problem | None = None
        self.last = ""
        self.racing = True
        self.width = 16

    def __enter__(self) -> _PlainView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        pass

    def start(self, problem: Problem) -> None:
        self.problem, self.last = problem, ""
        self.width = max(self.width, len(problem.id))

    def show(self, event: Event) -> None:
        if isinstance(event, StartedEvent):
            self.racing = event.strategy == "best_of_n"
        elif isinstance(event, AttemptEvent):
            attempt = event.attempt
            self.last = place(event, self.racing)
            outcome = "pass" if attempt.accepted else attempt.outcome.value
            words = "" if attempt.accepted else f"  {headline(attempt)}"
            self._print(f"{event.problem_id:<{self.width}}  {self.last:<18}  {outcome:<7}{words}")

    def finish(self, solution: Solution) -> None:
        self._print(self._closing(solution))

    def summary(self, statuses: Sequence[Status]) -> None:
        done = sum(s is Status.VERIFIED for s in statuses)
        where = f" · traces in {self.context.store.path}" if self.context.store else ""
        again = f" · re-check them with: modulo verify {self.context.store.path}" if self.context.store else ""
        self._print(f"{done} of {len(statuses)} verified{where}{again}")

    def _closing(self, solution: Solution) -> str:
        status = {Status.VERIFIED: "verified", Status.UNVERIFIED: "not verified", Status.ERROR: "error"}[
            solution.status
        ]
        why = ""
        if solution.status is Status.ERROR:
            why = f"  {solution.error}"
        elif solution.status is Status.UNVERIFIED:
            why = (
                f"  {solution.termination}; closest: {headline(solution.best)}"
                if solution.best
                else f"  {solution.termination}"
            )
        about = "~" if solution.usage.estimated else ""
        return (
            f"{solution.problem.id:<{self.width}}  {kinds(solution):<16}  {status}  {solution.seconds:.1f} s"
            f"  {about}{solution.usage.completion_tokens} tokens{why}"
        )

    def _print(self, line: str) -> None:
        self.console.print(escape(line))


class _LiveView(_PlainView):
    """One line that changes while a problem is solved, and stays when it is over."""

    def __init__(self, console: Console, total: int, context: Bound) -> None:
        super().__init__(console, total, context)
        self.began = time.monotonic()
        self.tokens = 0
        self.drawn = ""
        self.live = Live(
            console=console,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,  # or rich would send the answers to stderr
            redirect_stderr=False,
            get_renderable=self._line,
        )

    def __enter__(self) -> _LiveView:
        self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.problem = None
        self.live.stop()

    def start(self, problem: Problem) -> None:
        super().start(problem)
        self.began, self.tokens, self.drawn = time.monotonic(), 0, "asking the model"

    def show(self, event: Event) -> None:
        if isinstance(event, StartedEvent):
            self.racing = event.strategy == "best_of_n"
        elif isinstance(event, CompletionEvent):
            self.drawn = f"{event.drawn} of {event.of} drawn" if self.racing else f"round {event.round} of {event.of}"
            self.tokens += event.completion.usage.completion_tokens
        elif isinstance(event, AttemptEvent):
            self.last = f"{place(event, self.racing)}  {headline(event.attempt)}"
            self.tokens = event.usage.completion_tokens

    def finish(self, solution: Solution) -> None:
        self.problem = None
        self.console.print(Text(self._closing(solution), style=COLOURS[solution.status]))

    def _line(self) -> Any:
        if self.problem is None:
            return Text("")
        seconds = time.monotonic() - self.began
        line = f"{self.problem.id:<{self.width}}  {self.drawn}  {self.last}  {seconds:.1f} s  {self.tokens} tokens"
        return Text(line, no_wrap=True, overflow="ellipsis")
