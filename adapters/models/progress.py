"""Shows how a download goes: a bar on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol, TextIO

__all__ = ["PlainProgress", "Progress", "shown_progress"]


class Progress(Protocol):
    """What a download reports to. Called from the thread that downloads."""

    def start(self, what: str, total: int) -> None:
        """A download of `total` bytes begins."""
        ...

    def update(self, done: int) -> None:
        """So many bytes are here now; may go back when a source fails."""
        ...

    def note(self, text: str) -> None:
        """Something worth a line."""
        ...

    def done(self, text: str) -> None:
        """It is complete and verified."""
        ...


class PlainProgress:
    """A line at the start, at each quarter and at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._what, self._total, self._quarter = "", 0, 0

    def start(self, what: str, total: int) -> None:
        """See `Progress`."""
        self._what, self._total, self._quarter = what, total, 0
        self._line(f"{what} ({total / 1e6:.0f} MB)")

    def update(self, done: int) -> None:
        """See `Progress`."""
        quarter = min(3, 4 * done // max(1, self._total))
        if quarter > self._quarter:
            self._quarter = quarter
            self._line(f"{self._what}: {25 * quarter} %")

    def note(self, text: str) -> None:
        """See `Progress`."""
        self._line(text)

    def done(self, text: str) -> None:
        """See `Progress`."""
        self._line(text)

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


@contextmanager
def shown_progress() -> Generator[Progress, None, None]:
    """Progress on stderr, in the form that fits it."""
    if not sys.stderr.isatty():
        yield PlainProgress(sys.stderr)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    class Rich:
        task = None

        def start(self, what: str, total: int) -> None:
            self.task = bar.add_task(what, total=total)

        def update(self, done: int) -> None:
            if self.task is not None:
                bar.update(self.task, completed=done)

        def note(self, text: str) -> None:
            bar.console.print(text, markup=False, highlight=False)

        def done(self, text: str) -> None:
            self.note(text)

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        yield Rich()
