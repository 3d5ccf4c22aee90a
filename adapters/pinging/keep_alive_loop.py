"""Loop that keeps the units of one pool warm with rounds of overlapping pings, and verifies the result."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Protocol, TypeVar

from numpy.random import Generator

from adapters.pinging.ping_interval import IdleTimeoutEstimator
from adapters.pinging.pinged import Pinged
from adapters.pinging.results import PingResult, pinged_units, survivors
from adapters.pinging.round_times import next_round
from adapters.ports.errors import AdapterError, Refused
from adapters.runtime.clock import Clock, after_work, at_work, seconds_behind
from forecasting.demand import instant_of, minute_of

T = TypeVar("T")

BURSTS = 3
"""Maximum pings of a round as a multiple of the target, without the first single ping."""

BURST_GAP_SECONDS = (0.3, 0.8)
"""Minimum and maximum gap between two bursts, in which the units of the first become idle."""

RETRY_AFTER = timedelta(minutes=1)
"""Retry delay after a round that failed or found too few units; doubled each time, up to the pause."""

RETRY_AFTER_REFUSAL = timedelta(hours=1)
"""Retry delay after a refusal that needs a change by the operator."""


class Pinger(Protocol):
    """Sender of pings to one pool."""

    async def canary(self) -> PingResult:
        """Send one ping. Raise `AdapterError`: `Unsupported` when the response is not that to a ping."""

    async def burst(self, count: int) -> Sequence[PingResult | AdapterError]:
        """Send `count` pings at once. Return the result or the error of each."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Evidence that `units` different warm units of one deployment answered at `at`."""

    units: int = 0
    at: datetime | None = None
    generation: str = ""


class KeepAliveLoop:
    """Loop that keeps `target` units of one pool warm while its task runs. It sends no ping before `want` or `start`.

    `shared` is also used by the pool's demand source and by the lever of the layer below. The platform serves pings with idle
    units of that layer first, so a round sends enough for both. The last failure is in `error`; the loop retries.
    """

    def __init__(self, pinger: Pinger, clock: Clock, rng: Generator, idle_timeout: IdleTimeoutEstimator, shared: Pinged) -> None:
        self._pinger, self._clock, self._rng = pinger, clock, rng
        self.idle_timeout, self.shared, self.usage, self.own_traffic = idle_timeout, shared, shared.usage, shared.own_traffic
        self.target = 0
        self.proof = Proof()
        self.error: AdapterError | None = None
        self.next_at: datetime | None = None
        """Time of the next round; None if no round is due."""
        self.shortfall = ""
        """Cause if the last burst proved too few units; otherwise empty."""
        self._inits: deque[float] = deque(maxlen=50)
        self._incomplete = 0
        """Incomplete rounds in a row."""
        self._changed = asyncio.Event()
        self.calling = False
        """Whether pings are in flight."""
        self._free_at = clock.now()
        """End of the last pings, also on a clock that stood still while they held their units."""
        self._task: asyncio.Task[None] | None = None

    @property
    def init_seconds(self) -> float | None:
        """Median start time of cold units in seconds; None before the first cold response."""
        return median(self._inits) if self._inits else None

    def ready(self, now: datetime) -> int:
        """Return the number of units that are known to be warm at `now`, up to the target: proved by pings, or by recent use of
        as many units.
        """
        validity = self.idle_timeout.proof_lasts
        fresh = self.proof.at is not None and now - self.proof.at <= validity
        pinged = min(self.target, self.proof.units) if fresh else 0
        if pinged < self.target and self.usage.last_peak(self._both(self.target), minute_of(now - validity)) is not None:
            return self.target
        return pinged

    def _both(self, target: int) -> int:
        """Return the units of both layers: users that have as many in use at once use all of `target`."""
        return target and target + self.shared.below

    def want(self, target: int) -> None:
        """Set the number of units to keep warm. An increase starts a round at once; 0 stops the rounds."""
        raised, self.target = target > self.target, target
        if raised:
            self._incomplete, self.error, self.shortfall, self.next_at = 0, None, "", self._clock.now()
        self._changed.set()
        if target:
            self.start()

    def start(self) -> None:
        """Start the loop if there is a target and the loop is not running."""
        if self.target and (self._task is None or self._task.done()):
            self.next_at = self.next_at or self._clock.now()
            self._task = asyncio.create_task(self._keep(), name="pings", context=Context())

    async def canary(self) -> PingResult:
        """Send one ping outside the rounds. Raise as `Pinger.canary`."""
        began = self._clock.now()
        answer = await self._pinger.canary()
        self._account(began, 1, [answer])
        self._learn([answer])
        return answer

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
            if self.next_at is not None and self._clock.now() < self.next_at:
                await self._wait((self.next_at - self._clock.now()).total_seconds())
                continue
            await after_work(self._clock)
            await self._turn()
        self.proof, self.next_at, self.error, self.shortfall = Proof(), None, None, ""

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
        last_use = self.usage.last_peak(both, minute_of(now - pause) + 1)
        if last_use is not None:
            self.next_at = max(next_round(instant_of(last_use), pause, both, self.usage, self._rng), now + RETRY_AFTER)
            return
        if self.proof.units >= target and self.usage.expected(minute_of(now)) >= both:
            self.next_at = next_round(now - pause, pause, both, self.usage, self._rng)
            self.next_at = max(self.next_at, now + RETRY_AFTER)
            return
        try:
            complete = await self._round(target)
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
            self.next_at = next_round(now, pause, self._both(self.target), self.usage, self._rng)
        elif isinstance(self.error, Refused):
            self.next_at = now + RETRY_AFTER_REFUSAL
        else:
            backoff = min(pause, RETRY_AFTER * 2 ** min(10, self._incomplete - 1))
            self.next_at = now + backoff * float(self._rng.uniform(0.8, 1.2))

    async def _round(self, target: int) -> bool:
        """Send one ping, then up to `BURSTS` bursts until enough different warm units have answered. Return whether they have.

        The other units of `target` are busy with requests of users and therefore warm. Users occupy the layer below first.
        """
        before, since = self.proof, self._clock.now()
        busy, below = self.usage.busy(minute_of(since)), self.shared.below
        count, beyond = max(1, target - max(0, busy - below)), max(0, below - busy)
        canary = await self._watched(self._pinger.canary())
        self._account(since, 1, [canary])
        self.error = None
        for burst in range(BURSTS):
            await self._clock.sleep(seconds_behind(self._clock, self._free_at) + float(self._rng.uniform(*BURST_GAP_SECONDS)))
            began = self._clock.now()
            outcomes = await self._watched(self._pinger.burst(count + beyond))
            answers = [each for each in outcomes if isinstance(each, PingResult)]
            self._account(began, len(outcomes), answers)
            self._learn(answers)
            newest = [each for each in answers if each.generation == canary.generation]
            if burst == 0 and before.at is not None and before.generation == canary.generation:
                self._learn_life(since - before.at, before, count, canary, newest)
            units = pinged_units(newest, max(below, self.shared.below_requested))
            beyond = max(beyond, sum(bool(each.below) for each in newest))  # the lever of the layer below may have raised it
            self.proof = Proof(min(units, count) + target - count, self._clock.now(), canary.generation)
            self.shortfall = shortfall(count, units, outcomes)
            if units >= count and not any(each.cold for each in newest):
                break
        return units >= count

    def _learn_life(self, pause: timedelta, before: Proof, count: int, canary: PingResult, burst: Sequence[PingResult]) -> None:
        """Learn how long units stay warm from the first burst of a round, where it is known which units belong to the layer."""
        above = [each for each in burst if not each.below]
        if self.shared.below and any(each.below is None for each in above):
            return
        held = min(before.units, count)
        used = before.at is not None and self.usage.last_peak(1 + self.shared.below, minute_of(before.at)) is not None
        self.idle_timeout.note(pause, held, *survivors(None if canary.below else canary, above, held), used=used)

    async def _watched(self, pings: Awaitable[T]) -> T:
        """Await pings with `calling` set."""
        self.calling = True
        try:
            with at_work(self._clock):  # units hold pings, and start, in real time
                return await pings
        finally:
            self.calling = False

    def _account(self, began: datetime, sent: int, answers: Sequence[PingResult]) -> None:
        """Record `sent` pings as own traffic."""
        seconds = sum(each.occupied - (each.init_seconds or 0.0) for each in answers)
        self._free_at = max(self._clock.now(), began + timedelta(seconds=max((each.occupied for each in answers), default=0.0)))
        self.own_traffic.note(minute_of(began), sent, seconds, minute_of(self._free_at))

    def _learn(self, answers: Sequence[PingResult]) -> None:
        self._inits.extend(each.init_seconds for each in answers if each.init_seconds is not None)


def shortfall(count: int, units: int, outcomes: Sequence[PingResult | AdapterError]) -> str:
    """Return the cause if a burst proved fewer than `count` units; otherwise an empty text."""
    if units >= count:
        return ""
    failed = Counter(each.code for each in outcomes if isinstance(each, AdapterError))
    cause = ", ".join(f"{number} {code}" for code, number in sorted(failed.items()))
    if not cause:
        cause = "not all pings overlapped: increase the time that the handler holds a ping"
    return f"{units} of {count} units proved warm ({cause})"
