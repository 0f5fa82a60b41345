"""When a failed request is worth another try, and how long to wait for it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from modulo.errors import ProviderError

__all__ = ["RETRIED_STATUS", "RetriableError", "Retrier", "RetryPolicy", "retry_after"]

RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504, 529})


class RetriableError(Exception):
    """A failure that another try may cure. The text is what the user reads if none does.

    Attributes:
        after: seconds the server asked to wait, or `None`.
    """

    def __init__(self, message: str, *, after: float | None = None) -> None:
        self.after = after
        super().__init__(message)


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential back-off with full jitter (each wait is uniform between 0 and its cap).

    Attributes:
        tries: requests in all, the first one included.
        base: cap of the first wait, seconds; doubles with each further one.
        cap: greatest single wait that is not asked for by the server, seconds.
        total: greatest sum of waits, seconds; a `Retry-After` beyond it ends the tries at once.
    """

    tries: int = 4
    base: float = 0.5
    cap: float = 8.0
    total: float = 60.0


class Retrier:
    """The tries of one request: counts them and sleeps between them."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._waited = 0.0

    async def wait(self, error: RetriableError) -> None:
        """Sleep until the next try.

        Raises:
            ProviderError: there is no next try: tries or waiting time are used up.
        """
        policy = self._policy
        self._failures += 1
        if self._failures >= policy.tries:
            raise ProviderError(f"{error} (gave up after {self._failures} tries)") from error
        delay = random.uniform(0, min(policy.cap, policy.base * 2 ** (self._failures - 1)))
        if error.after is not None:
            # Jitter on top of what the server asked for keeps parallel requests from returning as one wave.
            delay = error.after + random.uniform(0, policy.base)
        if self._waited + delay > policy.total:
            asked = f", and asks to wait {error.after:.0f} s" if error.after is not None else ""
            raise ProviderError(f"{error}{asked} (gave up after {self._failures} tries)") from error
        self._waited += delay
        await asyncio.sleep(delay)


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Seconds that a `Retry-After` header asks for, given as a number or an HTTP date (RFC 9110 §10.2.3).

    Returns:
        A number ≥ 0, or `None` if the header is missing or makes no sense.
    """
    raw = headers.get("retry-after", "").strip()
    if not raw:
        return None
    try:
        seconds = float(raw)
    except ValueError:
        try:
            when = parsedate_to_datetime(raw)
        except ValueError:
            return None
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        seconds = (when - (now or datetime.now(UTC))).total_seconds()
    if seconds != seconds:
        return None
    return max(0.0, seconds)
