"""Reads of the pools of one collector: which part of each is read now, and what that costs."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.ports.demand_source import DemandSource, Part, ReadsParts, Telemetry
from adapters.ports.errors import AdapterError
from adapters.ports.read_prices import ReadPrices
from controller.decision.planning.observation import PATIENCE
from controller.demand.reading.budget import ReadCost
from controller.demand.reading.intervals import MINUTES_A_MONTH, QUARTER
from controller.demand.reading.schedule import LONG_AGO, ReadState, quarter_of

MINUTE = timedelta(minutes=1)
SHORT, LONG = 180, 1440
"""Minutes back within which a read of everything looks for unknown minutes, and which it does once an hour."""

MEMORY, MEASURED = 1440, 60
"""Minutes over which the rate of a pool's reads is averaged, with exponentially falling weight, and after which it is known."""


class Decided(NamedTuple):
    """Units that the rules propose, of the base and of all layers, and whether history is long enough to compare rules.
    `idle_day`: there was no demand in the last day; needed of a pool that `is_new`.
    """

    units: tuple[float, float] = (0.0, 0.0)
    trusted: bool = True
    idle_day: bool = False


@dataclass(slots=True)
class Asked:
    """Metrics that were read for one pool: their sum, and the minutes since the first read. Weights of both fall with age."""

    first: int
    at: int
    metrics: float = 0.0
    minutes: float = 0.0

    def add(self, metrics: float, now: int) -> None:
        """Add a read at minute `now`."""
        passed = max(0, now - self.at)
        keep = (1 - 1 / MEMORY) ** passed
        self.metrics, self.minutes = self.metrics * keep + metrics, self.minutes * keep + MEMORY * (1 - keep)
        self.at += passed

    def rate(self, now: int) -> float | None:
        """Return the metrics per minute up to minute `now`; None in the first `MEASURED` minutes."""
        if now - self.first < MEASURED:
            return None
        keep = (1 - 1 / MEMORY) ** max(0, now - self.at)
        return self.metrics * keep / (self.minutes * keep + MEMORY * (1 - keep))


def first_ages(minutes: NDArray[np.int64], until: int, gap: int) -> NDArray[np.int64]:
    """Return the age at which new `minutes` became readable, from a read `gap` minutes after the last: the first of them became
    readable right after that one.
    """
    return np.full(len(minutes), until - minutes[0] - gap + 1) if len(minutes) else minutes


class ReadingPlan:
    """Reads of the pools of one source, with a schedule for those whose reads are billed. Others are read in each collection, and
    so are the `unplanned` ones.
    """

    def __init__(self, source: DemandSource, pools: Sequence[str], unplanned: Collection[str] = ()) -> None:
        self._source, self._pools = source, tuple(pools)
        planned = pools if isinstance(source, ReadsParts) else ()
        priced = {name: source.prices(name) for name in planned if isinstance(source, ReadsParts)}
        self.prices: dict[str, ReadPrices] = {name: each for name, each in priced.items() if each is not None}
        self.states = {name: ReadState() for name in self.prices}
        self._always: dict[str, ReadPrices] = {}
        """Prices of the pools that are read in each collection although their reads are billed."""
        self.slowed: dict[str, str] = {}
        """Pools that are read once a quarter of an hour, because reading them more often is not worth it, with the reason."""
        self._usual: dict[str, float] = {}
        """Cost of the slowed pools in USD per month when they were slowed."""
        self._asked: dict[str, Asked] = {}
        self._now = 0
        self._new: dict[str, tuple[int, bool]] = {}
        """Pools read since the last decision: the end of the read, and whether it found demand."""
        self.read_always(unplanned)

    def read_always(self, names: Collection[str]) -> None:
        """Read these pools in each collection: other pools follow their demand, or they follow that of others."""
        for name in self.prices.keys() & set(names):
            self._always[name] = self.prices.pop(name)
            del self.states[name]

    @property
    def pools(self) -> int:
        """Number of pools that are read."""
        return len(self._pools)

    def retire(self, names: Collection[str]) -> None:
        """Read these pools no more."""
        self._pools = tuple(name for name in self._pools if name not in names)
        for known in (self.prices, self.states, self._always, self.slowed, self._usual, self._asked, self._new):
            for name in known.keys() & set(names):
                del known[name]

    def parts(self, until: int, metric_delay: int) -> dict[str, Part]:
        """Return what to read at minute `until`; pools of which nothing is read are left out."""
        self._now = until
        parts: dict[str, Part] = {}
        for name in self._pools:
            part = Part.ALL if (state := self.states.get(name)) is None else state.part(until, metric_delay)
            if part is not None:
                parts[name] = part
        return parts

    async def collect(self, parts: Mapping[str, Part], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """Return the answer of the source, which is asked also when nothing is due. Raise `AdapterError` as the source does."""
        if not self.prices or not isinstance(self._source, ReadsParts):
            return await self._source.collect(self._pools, since, until)
        try:
            return await self._source.collect_parts(parts, since, until)
        except AdapterError:
            for name in parts.keys() & self.states.keys():
                self.states[name].retry = True
            raise

    def whole_before(self, name: str, end: int) -> int:
        """Return the end of the last read of everything of a pool, so that the next one also completes its newest minutes; `end`
        without a schedule.
        """
        state = self.states.get(name)
        return end if state is None or state.whole_until < 0 else state.whole_until

    def spans(self, parts: Mapping[str, Part], until: int, metric_delay: int) -> dict[str, int]:
        """Return the minutes back within which unknown minutes are read again, of pools whose schedule reads everything now."""
        quarter = quarter_of(until, metric_delay)
        return {name: LONG if quarter % 4 == 0 else SHORT for name, part in parts.items()
                if part is Part.ALL and name in self.states and not self.states[name].retry}

    def answered(self, name: str, until: int, part: Part, item: Telemetry, changed: NDArray[np.int64]) -> int:
        """Take note of an answer that changed these minutes. Return how many minutes after the last read it came; 0 if nothing
        was left out: without a schedule, after an outage, and if it follows by a minute a read of the same part.
        """
        state, prices = self.states.get(name), self.prices.get(name)
        if state is None or prices is None:
            return 0
        whole, found = part is Part.ALL, bool((item.series.peak[changed - item.series.first_minute] > 0).any())
        gap = until - state.read_until
        exact = gap == 1 and (not whole or state.whole_until == state.read_until)
        metrics = prices.each_minute if state.retry else prices.whole if whole else prices.peak
        self._asked.setdefault(name, Asked(until, until)).add(metrics, until)
        state.read(until, whole=whole, found=found)
        state.retry = True
        if item.error is None and item.alive is not False:
            self._new[name] = until, found
        return 0 if exact or gap > QUARTER else gap

    def is_new(self, name: str) -> bool:
        """Return whether nothing has been decided for a pool in this run."""
        return self.states[name].wanted_at == LONG_AGO

    def decide(self, decided: Callable[[str], tuple[Decided, float, int]], metric_delay: int) -> None:
        """Set when to read each pool next that was read since the last call. `decided`: returns what follows from its demand, and
        its newest known peak and minute.
        """
        new, self._new = self._new, {}
        for name, (until, found) in new.items():
            (units, trusted, idle_day), peak, newest = decided(name)
            state = self.states[name]
            state.decided(until, units, peak, active=found, trusted=trusted, wakes=self.prices[name].wakes,
                          slowed=name in self.slowed, idle_day=idle_day)
            late = until - newest - 1 > metric_delay + PATIENCE // MINUTE
            state.retry |= late and not state.waits

    def waited(self, name: str, now: int, metric_delay: int) -> timedelta:
        """Return for how long before minute `now` nothing newer of a pool was to be read."""
        state = self.states.get(name)
        return timedelta(0) if state is None else state.waited(now, metric_delay) * MINUTE

    def whole_until(self, read_at: int) -> int:
        """Return the end of the minutes that have been read completely of all pools; `read_at`: that of pools without a plan."""
        known = [state.whole_until for state in self.states.values() if state.read_until >= 0]
        return min([read_at, *known])

    def costs(self, savings: Mapping[str, float]) -> dict[str, ReadCost]:
        """Return what each pool with a schedule costs, once that is known. `savings`: by pool, see `ReadCost`."""
        costs = {}
        for name, prices in self.prices.items():
            if name in self._usual or self._rate(name) is not None:
                usd, slow = self._usual.get(name, self.usd_per_month(name)), prices.whole * prices.usd * MINUTES_A_MONTH / QUARTER
                costs[name] = ReadCost(usd, slow, savings[name], name in self.slowed)
        return costs

    def slow(self, reasons: Mapping[str, str]) -> None:
        """Read these pools once a quarter of an hour from their next read on, and the others by the schedule again."""
        slowed = {name: reasons[name] for name in self.prices if name in reasons}
        self._usual = {name: self._usual.get(name, self.usd_per_month(name)) for name in slowed}
        self.slowed = slowed

    def total_usd_per_month(self, interval: timedelta) -> float:
        """Return the cost of all reads of the source at list price, in USD per month. `interval`: between two collections."""
        others = self._source.monthly_cost_usd(len(self._pools) - len(self.prices), interval)
        return others + sum(self.usd_per_month(name) for name in self.prices)

    def usd_per_month(self, name: str) -> float:
        """Return the cost of reading one pool at list price, in USD per month, averaged over about a day; in the first hour, the
        cost of reading it each minute.
        """
        prices = self.prices.get(name) or self._always.get(name)
        if prices is None:
            return 0.0
        rate = self._rate(name)
        return (prices.each_minute if rate is None else rate) * prices.usd * MINUTES_A_MONTH

    def _rate(self, name: str) -> float | None:
        asked = self._asked.get(name)
        return None if asked is None else asked.rate(self._now)
