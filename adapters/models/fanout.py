"""Runs several sources of completions at once and yields from whichever has one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from modulo.errors import UnavailableError
from modulo.types import Completion

__all__ = ["as_finished"]


async def as_finished(
    sources: Sequence[AsyncGenerator[Completion, None]],
) -> AsyncGenerator[Completion, None]:
    """Yield the completions of all `sources` in the order they finish.

    Closing it cancels what still runs, and returns when that has ended.

    Raises:
        UnavailableError: a source failed; raised after the others have yielded all they had, because one
            lost choice must not take finished ones with it.
    """
    queue: asyncio.Queue[Completion | BaseException | None] = asyncio.Queue()

    async def pump(source: AsyncGenerator[Completion, None]) -> None:
        try:
            async with aclosing(source):
                async for completion in source:
                    queue.put_nowait(completion)
        except Exception as error:  # noqa: BLE001 (handed to the consumer)
            queue.put_nowait(error)
        else:
            queue.put_nowait(None)

    tasks = [asyncio.create_task(pump(source)) for source in sources]
    failure: BaseException | None = None
    try:
        running = len(tasks)
        while running:
            item = await queue.get()
            if isinstance(item, Completion):
                yield item
                continue
            running -= 1
            if isinstance(item, UnavailableError):
                failure = failure or item
            elif item is not None:
                raise item
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if failure is not None:
        raise failure
