"""Progress of a batch on stderr: a bar on a terminal, a line now and then elsewhere. stdout is never touched."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Protocol

__all__ = ["BatchView", "open_batch_view"]

_EVERY: Final = 10.0
"""Seconds between two lines where there is no terminal."""


class BatchView(Protocol):
    """What a batch tells about its progress."""

    def __enter__(self) -> BatchView: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None: ...

    def advance(self, lines: int, accepted: int) -> None:
        """So many more are done, of which so many are accepted."""

    def say(self, line: str) -> None:
        """Something that has to be known."""


def open_batch_view(total: int | None) -> BatchView:
    """The view for this stderr, of `total` lines if that is known.

    Where stdout is a terminal too, verdicts are shown on it as they come, and a bar would only get between them.
    """
    return _Bar(total) if sys.stderr.isatty() and not sys.stdout.isatty() else _Lines(total)


class _Lines:
    """A line every ten seconds, and one at the end if there was another before."""

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.done = self.accepted = 0
        self.began = self.last = time.monotonic()
        self.spoke = False

    def __enter__(self) -> _Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self.spoke:
            self.say(self.text())

    def advance(self, lines: int, accepted: int) -> None:
        self.done += lines
        self.accepted += accepted
        if time.monotonic() - self.last >= _EVERY:
            self.last, self.spoke = time.monotonic(), True
            self.say(self.text())

    def say(self, line: str) -> None:
        sys.stderr.write(f"modulo: {line}\n")

    def text(self) -> str:
        """How far it is."""
        of = "" if self.total is None else f" of {self.total:,}"
        rate = self.done / max(time.monotonic() - self.began, 1e-9)
        return f"{self.done:,}{of} checked, {self.accepted:,} accepted, {rate:,.0f}/s"


class _Bar(_Lines):
    """A bar, or a count where the total is not known."""

    def __init__(self, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        super().__init__(total)
        self.bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[accepted]:,} accepted  {task.fields[rate]:,.0f}/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            redirect_stdout=False,  # or rich would send the verdicts to stderr
            redirect_stderr=False,
            transient=True,
        )
        self.task = self.bar.add_task("", total=total, accepted=0, rate=0.0)

    def __enter__(self) -> _Bar:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.bar.stop()
        _Lines.say(self, self.text())

    def advance(self, lines: int, accepted: int) -> None:
        self.done += lines
        self.accepted += accepted
        rate = self.done / max(time.monotonic() - self.began, 1e-9)
        self.bar.update(self.task, completed=self.done, accepted=self.accepted, rate=rate)

    def say(self, line: str) -> None:
        self.bar.console.print(f"modulo: {line}", markup=False, highlight=False)
