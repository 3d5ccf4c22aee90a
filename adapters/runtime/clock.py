"""Clocks. Only this module reads the machine's time; all other code gets a `Clock` or an instant."""

import asyncio
import heapq
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import Context, ContextVar
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


TURNS = 12
"""Turns of the event loop for which a `ScaledClock` stands still after a sleep or a block of work: enough for the code that
waited to run up to its next wait.
"""


AFTER_WORK_SECONDS = 0.001

BLOCK: ContextVar[object | None] = ContextVar("block of work", default=None)
"""The innermost block of work in which a task runs or was started."""


class ScaledClock:
    """Clock that starts with its first use at `start` and runs `factor` times faster than the machine's clock, as far as the
    machine keeps up.

    It never passes the deadline of a sleeper that has not woken yet: a slow machine makes the clock late, and no deadline is
    skipped. Sleepers wake one by one, in the order of their deadlines, and the clock then shows exactly their deadline.

    Within `at_work` it stands still, so that what the work reads does not depend on the speed of the machine. Only a sleep of the
    work itself makes it pass, at the machine's speed; others that are due until then wake in between. One event loop may sleep on
    it; any thread may read it.
    """

    def __init__(self, start: datetime, factor: float) -> None:
        if factor <= 0:
            raise ValueError(f"factor must be above 0, got {factor}")
        self.factor = factor
        self._start, self._holds, self._shown = start, 0, 0.0
        self._anchor: tuple[float, float | None, float, float] = (0.0, None, factor, math.inf)
        """This clock's seconds, the machine's (None before the first use), the rate, and the maximum of this clock."""
        self._blocks = set[object]()
        """Blocks of work in progress."""
        self._deadlines: dict[int, tuple[float, int]] = {}
        self._of_work = set[int]()
        """Numbers of the sleepers that belong to work in progress."""
        self._order = itertools.count()
        self._changed = asyncio.Event()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return self._shown if self._holds else self._flow()

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        deadline, number = round(self.monotonic() + seconds, 6), next(self._order)
        self._deadlines[number] = deadline, number
        if BLOCK.get() in self._blocks:
            self._of_work.add(number)
        if self._holds:  # the real time of the work so far is no part of this sleep
            self._anchor = (self._shown, time.monotonic(), self._anchor[2], math.inf)
        self._set_rate(self._anchor[2])
        try:
            while (remaining := deadline - self._flow()) > 0 or min(self._deadlines.values())[1] != number or self._stands_still:
                with suppress(TimeoutError):
                    async with asyncio.timeout(remaining / self._anchor[2] if remaining > 0 else None):
                        await self._changed.wait()
            self._hold(deadline)
            self._release_later(TURNS)
            await asyncio.sleep(0)
        finally:
            del self._deadlines[number]
            self._of_work.discard(number)
            self._set_rate(self._anchor[2])

    @property
    def rate(self) -> float:
        """Current speed relative to the machine's clock: `factor`, or at most 1 within `at_work`."""
        return min(1.0, self.factor) if self._blocks else self.factor

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let the clock stand still within the block, and in tasks that start there. Call it only on the event loop."""
        block, outer = object(), BLOCK.get()
        self._blocks.add(block)
        BLOCK.set(block)
        self._hold(self.monotonic())
        try:
            yield
        finally:
            BLOCK.set(outer)
            self._blocks.discard(block)
            self._release_later(TURNS)

    @property
    def _stands_still(self) -> bool:
        """Whether work is in progress and none of it sleeps."""
        return self._holds > 0 and not self._of_work

    def _flow(self) -> float:
        """Return the seconds that have passed at the current rate, also while the clock stands still."""
        elapsed, since, rate, upto = self._anchor
        if since is None:
            self._anchor = (elapsed, time.monotonic(), rate, upto)
            return elapsed
        return min(upto, elapsed + (time.monotonic() - since) * rate)

    def _hold(self, shown: float) -> None:
        self._shown, self._holds = shown, self._holds + 1
        if self._holds == 1:
            self._set_rate(min(1.0, self.factor))

    def _release_later(self, turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(self._release_later, turns - 1)
            return
        self._holds -= 1
        if not self._holds:
            self._anchor = (self._shown, time.monotonic(), self.factor, math.inf)
            self._set_rate(self.factor)

    def _set_rate(self, rate: float) -> None:
        """Continue at `rate` up to the next deadline, and wake every sleeper to calculate its remaining time."""
        self._anchor = (self._flow(), time.monotonic(), rate, min(self._deadlines.values(), default=(math.inf, 0))[0])
        self._changed.set()
        self._changed = asyncio.Event()


def at_work(clock: Clock) -> AbstractContextManager[None]:
    """Let a `ScaledClock` stand still within the block, except for its sleeps; any other clock is unchanged."""
    return clock.at_work() if isinstance(clock, ScaledClock) else nullcontext()


async def wait(clock: Clock, seconds: float) -> bool:
    """Wait `seconds` of a clock's time. For a `ScaledClock` at work wait in real time, while it stands still, and return True.

    The order in which calls arrive then changes no time that they read.
    """
    if isinstance(clock, ScaledClock) and clock.rate < clock.factor:
        await asyncio.sleep(seconds)
        return True
    await clock.sleep(seconds)
    return False


def in_work(clock: Clock) -> AbstractContextManager[None]:
    """Let sleeps within the block belong to the work in progress on a `ScaledClock`, if there is any."""
    return clock.at_work() if isinstance(clock, ScaledClock) and clock.rate < clock.factor else nullcontext()


async def after_work(clock: Clock) -> None:
    """Wait until no work is in progress on a `ScaledClock`, in a task that belongs to none; do not wait on any other clock."""
    if isinstance(clock, ScaledClock):
        await clock.sleep(AFTER_WORK_SECONDS)


def seconds_behind(clock: Clock, instant: datetime) -> float:
    """Return the seconds until `instant` on a `ScaledClock`, which stood still during work that took until then; 0 on any other
    clock.
    """
    return max(0.0, (instant - clock.now()).total_seconds()) if isinstance(clock, ScaledClock) else 0.0


async def wait_at_most(clock: Clock, tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
    """Wait for `tasks`, at most `seconds` of the clock's time. The tasks are not cancelled.

    The limit does not make a `ScaledClock` pass: it belongs to no work.
    """
    if not tasks:
        return
    limit = asyncio.create_task(clock.sleep(seconds), context=Context())
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
