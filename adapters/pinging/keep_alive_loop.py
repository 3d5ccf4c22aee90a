"""Loop that keeps the units of one pool warm with rounds of overlapping pings, and verifies the result."""

import asyncio
from contextlib import suppress
from contextvars import Context
from datetime import datetime, timedelta

from numpy.random import Generator

from adapters.pinging.ping_interval import IdleTimeoutEstimator
from adapters.pinging.pinged import Pinged
from adapters.pinging.round_times import next_round
from adapters.pinging.rounds import Pinger, Proof, Rounds
from adapters.ports.errors import AdapterError, Refused
from adapters.runtime.clock import Clock, after_work
from forecasting.demand import instant_of, minute_of

RETRY_AFTER = timedelta(minutes=1)
"""Retry delay after a round that failed or found too few units; doubled each time, up to the pause."""

RETRY_AFTER_REFUSAL = timedelta(hours=1)
"""Retry delay after a refusal that needs a change by the operator."""


class KeepAliveLoop:
    """Loop that keeps `target` units of one pool warm while its task runs. It sends no ping before `want` or `start`.

    `shared` is used by its `Rounds`, too. The last failure is in `error`; the loop retries.
    """

    def __init__(self, pinger: Pinger, clock: Clock, rng: Generator, idle_timeout: IdleTimeoutEstimator, shared: Pinged) -> None:
        self._clock, self._rng, self.idle_timeout = clock, rng, idle_timeout
        self._shared, self._usage = shared, shared.usage
        self.rounds = Rounds(pinger, clock, rng, idle_timeout, shared)
        self.target = 0
        self.error: AdapterError | None = None
        self._next_at: datetime | None = None
        self._due = 0.0
        """Time of the next round on the monotonic clock: setting the wall clock back delays no round."""
        self._incomplete = 0
        """Incomplete rounds in a row."""
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def detail(self) -> str:
        """Cause if the last round failed or proved too few units; otherwise empty."""
        return self.rounds.shortfall if self.error is None else str(self.error)

    @property
    def next_at(self) -> datetime | None:
        """Time of the next round; None if no round is due."""
        return self._next_at

    @next_at.setter
    def next_at(self, at: datetime | None) -> None:
        self._next_at = at
        self._due = self._clock.monotonic() + (0.0 if at is None else (at - self._clock.now()).total_seconds())

    @property
    def _seconds_left(self) -> float:
        """Time until the next round by the clock that reaches it first: one may be set, the other may stop during sleep."""
        by_wall_clock = 0.0 if self._next_at is None else (self._next_at - self._clock.now()).total_seconds()
        return min(by_wall_clock, self._due - self._clock.monotonic())

    def ready(self, now: datetime) -> int:
        """Return the number of units that are known to be warm at `now`, up to the target: proved by pings, or by recent use of
        as many units.
        """
        validity, proof = self.idle_timeout.proof_lasts, self.rounds.proof
        pinged = min(self.target, proof.units) if proof.at is not None and now - proof.at <= validity else 0
        if pinged < self.target and self._usage.last_peak(self._both(self.target), minute_of(now - validity)) is not None:
            return self.target
        return pinged

    def _both(self, target: int) -> int:
        """Return the units of both layers: users that have as many in use at once use all of `target`."""
        return target and target + self._shared.below

    def want(self, target: int) -> None:
        """Set the number of units to keep warm. An increase starts a round at once; 0 stops the rounds."""
        raised, self.target = target > self.target, target
        if raised:
            self._incomplete, self.error, self.rounds.shortfall, self.next_at = 0, None, "", self._clock.now()
        self._changed.set()
        if target:
            self.start()

    def start(self) -> None:
        """Start the loop if there is a target and the loop is not running."""
        if self.target and (self._task is None or self._task.done()):
            self.next_at = self.next_at or self._clock.now()
            self._task = asyncio.create_task(self._keep(), name="pings", context=Context())

    async def close(self) -> None:
        """Stop all pings."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _keep(self) -> None:
        """Run rounds while the target is above 0."""
        while self.target:
            self._changed.clear()
            if (seconds := self._seconds_left) > 0:
                await self._wait(seconds)
                continue
            await after_work(self._clock)
            await self._turn()
        self.rounds.proof, self.next_at, self.error, self.rounds.shortfall = Proof(), None, None, ""

    async def _wait(self, seconds: float) -> None:
        """Wait for `seconds` or until the target changes."""
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._changed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def _turn(self) -> None:
        """Run one round, unless users keep the units warm, and schedule the next."""
        now, target = self._clock.now(), self.target
        pause, both = self.idle_timeout.pause, self._both(target)
        last_use = self._usage.last_peak(both, minute_of(now - pause) + 1)
        if last_use is not None:
            self.next_at = max(next_round(instant_of(last_use), pause, both, self._usage, self._rng), now + RETRY_AFTER)
            return
        if self.rounds.proof.units >= target and self._usage.expected(minute_of(now)) >= both:
            self.next_at = next_round(now - pause, pause, both, self._usage, self._rng)
            self.next_at = max(self.next_at, now + RETRY_AFTER)
            return
        try:
            complete = await self.rounds.run(target)
            self.error = None
        except AdapterError as error:
            self.error, complete = error, False
        if self.target > target:
            self.next_at = self._clock.now()  # `want` raised the target during the round
            return
        self._incomplete = 0 if complete else self._incomplete + 1
        self._set_next(complete)

    def _set_next(self, complete: bool) -> None:
        """Schedule the next round after a complete one, a refusal, or another failure."""
        now, pause = self._clock.now(), self.idle_timeout.pause
        if complete:
            self.next_at = next_round(now, pause, self._both(self.target), self._usage, self._rng)
        elif isinstance(self.error, Refused):
            self.next_at = now + RETRY_AFTER_REFUSAL
        else:
            backoff = min(pause, RETRY_AFTER * 2 ** min(10, self._incomplete - 1))
            self.next_at = now + backoff * float(self._rng.uniform(0.8, 1.2))
