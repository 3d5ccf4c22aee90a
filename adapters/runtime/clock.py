"""The only reader of time. Everything else is handed a `Clock` or an instant."""

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
    """Where the daemon learns the time and how it waits."""

    def now(self) -> datetime:
        """The present instant, UTC-aware."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary origin that never step back; for measuring spans in this clock's time."""

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of this clock's time."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ScaledClock:
    """Starts at `start` and runs `factor` times faster than the machine's clock, as far as the machine keeps up.

    It never passes the deadline of a sleeper that has not woken yet: a machine that is late makes the clock late, and nothing
    that was due is skipped. Within `at_work` it runs no faster than the machine's: a call then takes in this clock's time
    what it takes in life, and no timeout changes its meaning. One event loop may sleep by it; any thread may read it.
    """

    def __init__(self, start: datetime, factor: float) -> None:
        if factor <= 0:
            raise ValueError(f"factor must be above 0, got {factor}")
        self.factor = factor
        self._start, self._working = start, 0
        self._anchor = (0.0, time.monotonic(), factor, math.inf)  # our seconds, the machine's, the rate since then, and how far
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
            self._go_on(self._anchor[2])
        try:
            while (left := deadline - self.monotonic()) > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(left / self._anchor[2]):
                        await self._changed.wait()
            await asyncio.sleep(0)
        finally:
            if self._deadlines.pop(number, None) is not None:
                self._go_on(self._anchor[2])

    @property
    def rate(self) -> float:
        """How many times faster than the machine's clock it runs now: `factor`, or less within `at_work`."""
        return self._anchor[2]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Hold the clock back to the machine's speed; from the event loop only."""
        self._working += 1
        self._run_at(min(1.0, self.factor))
        try:
            yield
        finally:
            self._working -= 1
            if not self._working:
                self._run_at(self.factor)

    def _run_at(self, rate: float) -> None:
        """Change the rate and let every sleeper work out anew how long it still has."""
        self._go_on(rate)
        self._changed.set()
        self._changed = asyncio.Event()

    def _go_on(self, rate: float) -> None:
        """Go on from where the clock stands, at `rate`, up to the next deadline."""
        self._anchor = (self.monotonic(), time.monotonic(), rate, min(self._deadlines.values(), default=math.inf))


def at_work(clock: Clock) -> AbstractContextManager[None]:
    """Hold `clock` back to the machine's speed where it can run faster; any other goes on as it does."""
    return clock.at_work() if isinstance(clock, ScaledClock) else nullcontext()


async def wait_at_most(clock: Clock, tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
    """Wait for `tasks`, but no longer than `seconds` of the clock's time. They go on either way."""
    if not tasks:
        return
    limit = asyncio.ensure_future(clock.sleep(seconds))
    everything = asyncio.ensure_future(asyncio.wait(tasks))
    await asyncio.wait((limit, everything), return_when=asyncio.FIRST_COMPLETED)
    limit.cancel()
    everything.cancel()
    await asyncio.gather(limit, everything, return_exceptions=True)


class ManualClock:
    """Stands still until `advance`; sleepers wake in order of their deadlines. For the backtest and for tests."""

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
        """Move to `instant` without waking anyone: what a synchronous replay does."""
        self._now = instant

    @property
    def next_deadline(self) -> datetime | None:
        """When the next sleeper falls due; None while nobody sleeps."""
        return self._sleepers[0][0] if self._sleepers else None

    async def advance(self, span: timedelta) -> None:
        """Let `span` pass: wake every sleeper that falls due, each at its own instant.

        Tasks that have just begun get to their first wait before any time passes: a sleep counts from where it was asked for.
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
        """Give the woken tasks turns to run until they wait again."""
        for _ in range(20):
            await asyncio.sleep(0)
