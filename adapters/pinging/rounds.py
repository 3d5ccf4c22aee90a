"""Rounds of pings to the units of one pool: a single ping, then bursts whose answers prove warm units."""

from collections import Counter, deque
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Protocol, TypeVar

from numpy.random import Generator

from adapters.pinging.hold import HoldEstimator
from adapters.pinging.ping_interval import IdleTimeoutEstimator
from adapters.pinging.pinged import Pinged
from adapters.pinging.results import PingResult, all_held_seconds, all_overlapped, pinged_units, survivors
from adapters.ports.errors import AdapterError
from adapters.ports.lever import PingRounds, PingsSent
from adapters.runtime.clock import Clock, at_work, seconds_behind
from forecasting.demand import minute_of

T = TypeVar("T")
Outcomes = Sequence[PingResult | AdapterError]
"""Result or error of each ping of a burst."""

BURSTS = 3
"""Maximum number of bursts of a round that reach all units at once."""

PARTS = 6
"""Maximum number of bursts of a round that reach half of the units."""

REPEATS = 2
"""Number of partial bursts after the first that reach no further unit until no more are sent."""

BURST_GAP_SECONDS = (0.3, 0.8)
"""Minimum and maximum gap between two bursts, in which the units of the first become idle."""

TRY_PARTS_AGAIN = timedelta(days=1)
"""Time after which partial bursts are tried again where they reached the same units."""


class Pinger(Protocol):
    """Sender of pings to one pool. Times in seconds. `hold`: the initial hold of a burst. `fixed`: the handler ignores the hold
    of a ping and has its own.
    """

    hold: float
    fixed: bool

    async def canary(self) -> PingResult:
        """Send one ping that is not held. Raise `AdapterError`: `Unsupported` when the response is not that to a ping."""

    async def burst(self, count: int, hold: float) -> Outcomes:
        """Send `count` pings at once, each held for `hold`. Return the result or the error of each."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Evidence that `units` different warm units of one deployment answered at `at`."""

    units: int = 0
    at: datetime | None = None
    generation: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Units that a round must reach: `count` that pings keep warm, and before them the `beyond` idle units of the layer below.
    `busy_above`: further units of the target that users keep busy. `before`: the proof before the round; `since`: its start.
    """

    count: int
    beyond: int
    busy_above: int
    before: Proof
    since: datetime

    @property
    def sent(self) -> int:
        """Pings that reach all of them at once."""
        return self.count + self.beyond


class Rounds:
    """Rounds for one pool. `shared` is also used by the pool's demand source and by the lever of the layer below. The platform
    serves pings with idle units of that layer first, so a round sends enough for both.
    """

    def __init__(self, pinger: Pinger, clock: Clock, rng: Generator, idle_timeout: IdleTimeoutEstimator, shared: Pinged) -> None:
        self._pinger, self._clock, self._rng, self._idle_timeout, self._shared = pinger, clock, rng, idle_timeout, shared
        self.hold = HoldEstimator(pinger.hold, fixed=pinger.fixed)
        self.proof = Proof()
        self.shortfall = ""
        """Cause if the last burst proved too few units; otherwise empty."""
        self.calling = False
        """Whether pings are in flight."""
        self._done, self._pings, self._below_seconds, self._blackout_seconds = 0, 0, 0.0, 0.0
        self._inits: deque[float] = deque(maxlen=50)
        self._first_whole = minute_of(clock.now()) + 1
        """First minute since the start: an earlier process may have pinged in the one before."""
        self._free_at = clock.now()
        """End of the last pings, also on a clock that stood still while they held their units."""
        self._parts_from, self._parts_suffice = clock.now(), False
        """Time from which partial bursts are tried, and whether they have proved all units before."""

    @property
    def init_seconds(self) -> float | None:
        """Median start time of cold units in seconds; None before the first cold response."""
        return median(self._inits) if self._inits else None

    @property
    def measured(self) -> PingRounds:
        """Sums since the start, and the present pause and hold."""
        return PingRounds(self._idle_timeout.pause, timedelta(seconds=self.hold.seconds), self._done, self._pings,
                          self._below_seconds, self._blackout_seconds, self._shared.own_traffic.requests_in_blackout)

    @property
    def sent(self) -> tuple[int, Mapping[int, PingsSent]]:
        """First minute of which all pings are known, and the pings of each recent minute."""
        return self._first_whole, self._shared.own_traffic.sent

    async def canary(self) -> PingResult:
        """Send one ping outside a round. Raise as `Pinger.canary`."""
        return await self._canary(max(1, self.proof.units))

    async def run(self, target: int) -> bool:
        """Run one round for `target` units. Return whether enough different units have answered.

        The other units of `target` are busy with requests of users and therefore warm. Users occupy the layer below first.
        """
        now, below = self._clock.now(), self._shared.below
        busy = self._shared.usage.busy(minute_of(now))
        count = max(1, target - max(0, busy - below))
        wanted = Wanted(count, max(0, below - busy), target - count, self.proof, now)
        canary = await self._canary(wanted.sent)
        self._done += 1
        if wanted.sent == 1 and not canary.below:
            self._learn_life(wanted, canary, [])
            return self._prove(wanted, canary, [canary], [canary])
        answers, complete = await self._parts(wanted, canary)
        for burst in range(0 if complete else BURSTS):
            outcomes, newest = await self._burst(wanted.sent, wanted.sent, canary)
            if burst == 0:
                self._learn_life(wanted, canary, [*answers, *newest])
            if self._prove(wanted, canary, newest, outcomes):
                return True
            reached = sum(bool(each.below) for each in newest)  # the lever of the layer below may have raised it
            wanted = replace(wanted, beyond=max(wanted.beyond, reached))
        return complete

    async def _parts(self, wanted: Wanted, canary: PingResult) -> tuple[list[PingResult], bool]:
        """Send bursts to half of the units until they have reached all, so that the other half stays free for users. Return the
        answers, and whether they prove all units.

        Only names prove units that were not in use at the same time. A platform that serves a request with the unit used last
        answers all of these bursts with the same units: only holding all others reaches the last one. Then none are sent for a
        day.
        """
        first = dict[str, PingResult]()
        known = wanted.before.units >= wanted.count and wanted.before.generation == canary.generation
        if canary.unit is None or wanted.sent < 2 or not known or not self._parts_due():
            return [], False
        for part in range(PARTS):
            outcomes, newest = await self._burst(-(-wanted.sent // 2), wanted.sent, canary)
            first = {each.unit: each for each in newest if each.unit is not None} | first
            repeated = len(first) <= len(newest)
            answers = list(first.values())
            if pinged_units(answers, self._most_below()) >= wanted.count:
                self._parts_suffice = True
                self._learn_life(wanted, canary, answers)
                return answers, self._prove(wanted, canary, answers, outcomes)
            if repeated and part == REPEATS:
                self._parts_from, self._parts_suffice = self._clock.now() + TRY_PARTS_AGAIN, False
                break
        return list(first.values()), False

    def _parts_due(self) -> bool:
        """Return whether partial bursts are sent: where they suffice, and else as a trial in a minute without expected users, or
        after a day without one, because the bursts of a trial are in addition to the one to all units.
        """
        now = self._clock.now()
        quiet = self._shared.usage.expected(minute_of(now)) == 0 or now >= self._parts_from + TRY_PARTS_AGAIN
        return now >= self._parts_from and (self._parts_suffice or quiet)

    async def _canary(self, idle: int) -> PingResult:
        """Send one ping. `idle`: number of idle units."""
        began = self._clock.now()
        answer = await self._watched(self._pinger.canary())
        self._account(began, 1, [answer], idle)
        return answer

    async def _burst(self, count: int, idle: int, canary: PingResult) -> tuple[Outcomes, list[PingResult]]:
        """Send `count` pings while `idle` units are idle. Return the outcomes, and the answers of the newest deployment."""
        await self._clock.sleep(seconds_behind(self._clock, self._free_at) + float(self._rng.uniform(*BURST_GAP_SECONDS)))
        began = self._clock.now()
        outcomes = await self._watched(self._pinger.burst(count, self.hold.seconds))
        answers = [each for each in outcomes if isinstance(each, PingResult)]
        self._account(began, len(outcomes), answers, idle)
        newest = [each for each in answers if each.generation == canary.generation]
        if len(newest) == count:
            self.hold.note(overlapped=all_overlapped(newest))
        return outcomes, newest

    def _prove(self, wanted: Wanted, canary: PingResult, answers: Sequence[PingResult], outcomes: Outcomes) -> bool:
        """Store what `answers` prove. Return whether that is enough."""
        units = pinged_units(answers, self._most_below())
        self.proof = Proof(min(units, wanted.count) + wanted.busy_above, self._clock.now(), canary.generation)
        self.shortfall = shortfall(wanted.count, units, outcomes, fixed=self._pinger.fixed)
        return units >= wanted.count

    def _learn_life(self, wanted: Wanted, canary: PingResult, answers: Sequence[PingResult]) -> None:
        """Learn how long units stay warm from the answers up to the first burst to all units, where it is known which of them
        belong to the layer below.
        """
        before = wanted.before
        if before.at is None or before.generation != canary.generation:
            return
        above = [each for each in answers if not each.below]
        if self._shared.below and any(each.below is None for each in above):
            return
        held = min(before.units, wanted.count)
        used = self._shared.usage.last_peak(1 + self._shared.below, minute_of(before.at)) is not None
        self._idle_timeout.note(wanted.since - before.at, held, *survivors(None if canary.below else canary, above, held),
                                used=used)

    def _most_below(self) -> int:
        return max(self._shared.below, self._shared.below_requested)

    async def _watched(self, pings: Awaitable[T]) -> T:
        """Await pings with `calling` set."""
        self.calling = True
        try:
            with at_work(self._clock):  # units hold pings, and start, in real time
                return await pings
        finally:
            self.calling = False

    def _account(self, began: datetime, sent: int, answers: Sequence[PingResult], idle: int) -> None:
        """Record `sent` pings as own traffic, and what they measured. `idle`: number of idle units."""
        blackout = all_held_seconds(answers, idle)
        started = sum(each.init_seconds or 0.0 for each in answers)
        seconds = sum(each.occupied for each in answers) - started
        self._free_at = max(self._clock.now(), began + timedelta(seconds=max((each.occupied for each in answers), default=0.0)))
        self._shared.own_traffic.note(minute_of(began), sent, seconds, minute_of(self._free_at), blackout=blackout,
                                      init_seconds=started)
        self._pings += sent
        self._blackout_seconds += blackout
        self._below_seconds += sum(each.occupied for each in answers if each.below)
        self._inits.extend(each.init_seconds for each in answers if each.init_seconds is not None)


def shortfall(count: int, units: int, outcomes: Outcomes, *, fixed: bool) -> str:
    """Return the cause if a round proved fewer than `count` units; otherwise an empty text. `fixed`: see `Pinger`."""
    if units >= count:
        return ""
    failed = Counter(each.code for each in outcomes if isinstance(each, AdapterError))
    cause = ", ".join(f"{number} {code}" for code, number in sorted(failed.items()))
    if not cause:
        remedy = "increase the time that the handler holds a ping" if fixed else "the next round holds them longer"
        cause = f"not all pings overlapped: {remedy}"
    return f"{units} of {count} units proved warm ({cause})"
