"""Clocks. Only this module reads the machine's time; all other code gets a `Clock` or an instant."""

import asyncio
import heapq
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Source of time, and of waits in that time."""

    def now(self) -> datetime:
        """Return the current instant, UTC-aware."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary origin, which never decrease; to measure spans in this clock's time."""

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of this clock's time."""


class SystemClock:
    """Clock of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ScaledClock:
    """Clock that starts at `start` and runs `factor` times faster than the machine's clock, as far as the machine keeps up.

    It never passes the deadline of a sleeper that has not woken yet: a slow machine makes the clock late, and no deadline is
    skipped. Within `at_work`, it runs no faster than the machine's clock, so that calls take their real time and timeouts keep
    their meaning. One event loop may sleep on it; any thread may read it.
    """

    def __init__(self, start: datetime, factor: float) -> None:
        if factor <= 0:
            raise ValueError(f"factor must be above 0, got {factor}")
        self.factor = factor
        self._start, self._working = start, 0
        self._anchor = (0.0, time.monotonic(), factor, math.inf)  # this clock's seconds, the machine's, the rate, and the maximum
        self._deadlines: dict[int, float] = {}
        self._order = itertools.count()
        self._changed = asyncio.Event()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        elapsed, since, rate, upto = self._anchor
        return min(upto, elapsed + (time.monotonic() - since) * rate)

    async def sleep(self, seconds: float) -> None:
        deadline, number = self.monotonic() + seconds, next(self._order)
        if seconds > 0:
            self._deadlines[number] = deadline
            self._continue_at(self._anchor[2])
        try:
            while (remaining := deadline - self.monotonic()) > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(remaining / self._anchor[2]):
                        await self._changed.wait()
            await asyncio.sleep(0)
        finally:
            if self._deadlines.pop(number, None) is not None:
                self._continue_at(self._anchor[2])

    @property
    def rate(self) -> float:
        """Current speed relative to the machine's clock: `factor`, or at most 1 within `at_work`."""
        return self._anchor[2]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Limit the clock to the machine's speed within the block. Call it only on the event loop."""
        self._working += 1
        self._set_rate(min(1.0, self.factor))
        try:
            yield
        finally:
            self._working -= 1
            if not self._working:
                self._set_rate(self.factor)

    def _set_rate(self, rate: float) -> None:
        """Change the rate, and wake every sleeper to calculate its remaining time."""
        self._continue_at(rate)
        self._changed.set()
        self._changed = asyncio.Event()

    def _continue_at(self, rate: float) -> None:
        """Continue from the current time at `rate`, up to the next deadline."""
        self._anchor = (self.monotonic(), time.monotonic(), rate, min(self._deadlines.values(), default=math.inf))


def at_work(clock: Clock) -> AbstractContextManager[None]:
    """Limit a `ScaledClock` to the machine's speed within the block; any other clock is unchanged."""
    return clock.at_work() if isinstance(clock, ScaledClock) else nullcontext()


async def wait_at_most(clock: Clock, tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
    """Wait for `tasks`, at most `seconds` of the clock's time. The tasks are not cancelled."""
    if not tasks:
        return
    limit = asyncio.ensure_future(clock.sleep(seconds))
    everything = asyncio.ensure_future(asyncio.wait(tasks))
    await asyncio.wait((limit, everything), return_when=asyncio.FIRST_COMPLETED)
    limit.cancel()
    everything.cancel()
    await asyncio.gather(limit, everything, return_exceptions=True)


class ManualClock:
    """Clock that moves only by `advance` and `set`, for the backtest and tests. Sleepers wake in order of their deadlines."""

    def __init__(self, start: datetime) -> None:
        self._start = self._now = start
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._order), woken))
        await woken

    def set(self, instant: datetime) -> None:
        """Move to `instant` without waking sleepers, for a synchronous replay."""
        self._now = instant

    @property
    def next_deadline(self) -> datetime | None:
        """Earliest deadline of a sleeper; None without sleepers."""
        return self._sleepers[0][0] if self._sleepers else None

    async def advance(self, span: timedelta) -> None:
        """Move by `span`, and wake every sleeper whose deadline passes, each at its own instant.

        Tasks that just started first run to their first wait, so that their sleep starts at the current time.
        """
        await self._settle()
        end = self._now + span
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, woken = heapq.heappop(self._sleepers)
            self._now = due
            if not woken.done():
                woken.set_result(None)
            await self._settle()
        self._now = end
        await self._settle()

    async def _settle(self) -> None:
        """Let the woken tasks run until they wait again."""
        for _ in range(20):
            await asyncio.sleep(0)
