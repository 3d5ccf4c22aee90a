"""Waiting for tasks by the clock that is handed in, and no longer than is good for the others."""

import asyncio
from collections.abc import Sequence

from adapters.clock import Clock


async def within(clock: Clock, tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
    """Wait for `tasks`, but no longer than `seconds` of the clock's time. They go on either way."""
    if not tasks:
        return
    limit = asyncio.ensure_future(clock.sleep(seconds))
    everything = asyncio.ensure_future(asyncio.wait(tasks))
    await asyncio.wait((limit, everything), return_when=asyncio.FIRST_COMPLETED)
    limit.cancel()
    everything.cancel()
    await asyncio.gather(limit, everything, return_exceptions=True)
