"""Demand of the pools that share one source: collected, kept, and fed to the chooser minute by minute."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from adapters.errors import AdapterError, Unreachable
from adapters.protocol import DemandSource, Telemetry
from controller.measured import DelayMeter
from controller.plan import MOST_UNITS, Sight, Traffic
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats, instant_of, minute_of
from forecasting.plausible import doubts, without

HISTORY_DAYS = 14
MINUTE = timedelta(minutes=1)
BREATH = 200
"""After so many pools the event loop takes a turn for others."""

REREAD = timedelta(minutes=15)
"""Late points change: so much is asked for again each time."""

MOST_REQUESTS = 1e9
"""More requests than this do not start in a minute anywhere."""

PATIENCE = timedelta(minutes=5)
"""Beyond the metric delay; older than that and demand is not seen any more."""


class DemandStore(Protocol):
    """The lasting part of demand."""

    async def save_demand(self, series: Mapping[str, DemandSeries]) -> None:
        """Lay the known rows over what is stored."""

    async def load_demand(self, pools: Sequence[str], first_minute: int, end_minute: int) -> list[DemandSeries]:
        """Rows of each pool, unknown where nothing is stored."""

    async def oldest_known(self, first_minute: int) -> int | None:
        """The start of the first hour from `first_minute` on of which anything of any pool is stored; None: nothing is."""

    async def newest_known(self, pools: Sequence[str]) -> Mapping[str, int]:
        """The newest known minute of each pool that has one."""


class Intake:
    """One demand source, the pools it serves, and the last day of each in memory.

    `peak` and `busy` are float32[pools, 1440]; column `minute % 1440` holds a minute of the window that ends at `end_minute`.
    `assumed_delay`: the metric delay until it is measured.
    """

    def __init__(self, source: DemandSource, pools: Sequence[str], store: DemandStore, assumed_delay: timedelta) -> None:
        self.source, self.pools = source, tuple(pools)
        self._store, self._assumed_delay = store, assumed_delay
        self.meter = DelayMeter()
        self.row = {name: at for at, name in enumerate(self.pools)}
        shape = (len(self.pools), MINUTES_PER_DAY)
        self.peak, self.busy, self.invocations = (np.full(shape, np.nan, np.float32) for _ in range(3))
        self.newest = np.full(len(self.pools), -1, np.int64)
        self._stored = self.newest.copy()
        """The newest minute of each pool that is safe in the store: what is newer is asked for again once it takes something."""
        self._store_fails = False
        self.end_minute = 0
        self.alive: list[bool | None] = [None] * len(self.pools)
        self.errors: dict[str, AdapterError] = {}
        self._told: set[str] = set()
        """Pools of which the source has told in this run."""
        self._began: datetime | None = None
        self.collected_at: datetime | None = None
        """When the source last answered."""

    @property
    def metric_delay(self) -> timedelta:
        """From the start of a minute to its settled value: measured, or assumed as long as too little was seen."""
        return self.meter.delay or self._assumed_delay

    async def load(self, now: datetime) -> None:
        """Take up what was stored before a restart."""
        for name, minute in (await self._store.newest_known(self.pools)).items():
            self.newest[self.row[name]] = self._stored[self.row[name]] = minute
        end = minute_of(now)
        stored = await self._store.load_demand(self.pools, end - MINUTES_PER_DAY, end)
        self._roll(end)
        for name, series in zip(self.pools, stored, strict=True):
            self._lay(self.row[name], series)

    async def collect(self, now: datetime) -> bool:
        """Ask the source for what is new; whether there was any, which is stored then.

        A failure of the source leaves everything as it was and is remembered.
        """
        self._began = self._began or now
        until = now.replace(second=0, microsecond=0)
        oldest = until - timedelta(days=HISTORY_DAYS)
        since = {name: self._since(name, oldest) for name in self.pools}
        try:
            telemetry = await self.source.collect(self.pools, since, until)
        except AdapterError as error:
            self.errors = dict.fromkeys(self.pools, error)
            return False
        telemetry = {name: believable(name, item, self._day) for name, item in telemetry.items()}
        changed = await self._absorb(telemetry, minute_of(until))
        self.collected_at = now
        owed = [self.pools[row] for row in np.flatnonzero(self._stored < self.newest) if self.pools[row] in telemetry]
        changed = list(dict.fromkeys([*changed, *owed]))
        self._store_fails = True
        await self._store.save_demand({name: telemetry[name].series for name in changed})
        self._store_fails = False
        rows = [self.row[name] for name in changed if minute_of(since[name]) <= self._stored[self.row[name]] + 1
                or since[name] == oldest]
        self._stored[rows] = self.newest[rows]
        return bool(changed)

    def sight(self, name: str, now: datetime) -> tuple[Sight, timedelta | None]:
        """How well the present demand of a pool is known, and how old its newest known minute is.

        A minute to come was told before the clock was put back: until the clock has reached it nothing newer is asked for.
        """
        row = self.row[name]
        if self.newest[row] < 0:
            return (Sight.BROKEN if name in self.errors or self.alive[row] is False else Sight.NONE), None
        age = now - instant_of(int(self.newest[row]) + 1)
        if -PATIENCE <= age <= self.metric_delay + PATIENCE:
            return Sight.FRESH, age
        broken = name in self.errors or self.alive[row] is False
        return (Sight.BROKEN if broken else Sight.LATE), age

    def traffic(self, name: str, now: datetime) -> Traffic:
        """What is known of a pool's traffic now."""
        sight, _ = self.sight(name, now)
        if sight is not Sight.FRESH:
            return Traffic.BROKEN if sight is Sight.BROKEN else Traffic.LATE
        peak, busy = self.latest(name) or (0.0, 0.0)
        return Traffic.LIVE if peak > 0 or busy > 0 else Traffic.NONE

    def missing_since(self, name: str, now: datetime) -> datetime | None:
        """Since when metrics of a pool are missing: the end of its newest known minute, or when they were first asked for."""
        sight, age = self.sight(name, now)
        if sight is Sight.FRESH:
            return None
        return self._began if age is None else now - age

    def read_anew(self, name: str) -> bool:
        """Whether the source has told of a pool in this run: what was stored before a restart does not count."""
        return name in self._told and name not in self.errors and self.alive[self.row[name]] is not False

    def latest(self, name: str) -> tuple[float, float] | None:
        """Peak and busy of the newest known minute of the last day; None when there is none."""
        row = self.row[name]
        newest = int(self.newest[row])
        if newest < max(0, self.end_minute - MINUTES_PER_DAY):
            return None
        column = newest % MINUTES_PER_DAY
        return float(self.peak[row, column]), float(self.busy[row, column])

    def recent(self, name: str, minutes: int) -> tuple[Floats, int]:
        """Peak demand of the newest `minutes` minutes up to the newest known one, float32[<= minutes], and that one."""
        row = self.row[name]
        newest = int(self.newest[row])
        first = max(newest + 1 - minutes, self.end_minute - MINUTES_PER_DAY)
        return self.peak[row, np.arange(first, newest + 1) % MINUTES_PER_DAY], newest

    def visible_end(self, now: datetime) -> int:
        """The minute before which rows may be fed to the chooser: old enough to be settled, and known of some pool."""
        settled = minute_of(now - self.metric_delay) + 1
        return min(settled, int(self.newest.max(initial=-1)) + 1)

    async def rows(self, first: int, end: int) -> tuple[Floats, Floats, Floats]:
        """Peak, busy, invocations: float32[pools, end - first] each, from memory where it reaches and from the store beyond."""
        if first >= self.end_minute - MINUTES_PER_DAY:
            columns = np.arange(first, end) % MINUTES_PER_DAY
            return self.peak[:, columns], self.busy[:, columns], self.invocations[:, columns]
        series = await self._store.load_demand(self.pools, first, end)
        kinds = ("peak", "busy", "invocations")
        peak, busy, invocations = (np.stack([getattr(one, kind) for one in series]) for kind in kinds)
        return peak, busy, invocations

    async def oldest_known(self, now: datetime) -> int:
        """The first hour within the history of which anything is stored, as a minute; the present when nothing is."""
        end = minute_of(now)
        oldest = await self._store.oldest_known(end - HISTORY_DAYS * MINUTES_PER_DAY)
        return end if oldest is None else min(oldest, end)

    def _day(self, name: str, end: int) -> DemandSeries:
        """What is kept of the minutes of a pool before `end`."""
        first = self.end_minute - MINUTES_PER_DAY
        columns = np.arange(first, min(end, self.end_minute)) % MINUTES_PER_DAY
        return DemandSeries(first, *(table[self.row[name], columns] for table in (self.peak, self.busy, self.invocations)))

    def _since(self, name: str, oldest: datetime) -> datetime:
        row = self.row[name]
        newest = int(self.newest[row] if self._store_fails else self._stored[row])
        return oldest if newest < 0 else max(oldest, instant_of(newest + 1) - REREAD)

    async def _absorb(self, telemetry: Mapping[str, Telemetry], until: int) -> list[str]:
        """Take in what a collection brought; the pools of which something was new."""
        self._roll(until)
        self.errors = {name: item.error for name, item in telemetry.items() if item.error is not None}
        changed, ages = [], []
        for count, (name, item) in enumerate(telemetry.items()):
            if count % BREATH == BREATH - 1:
                await asyncio.sleep(0)  # noqa: TID251  (a turn for others, not a wait)
            row = self.row[name]
            self.alive[row] = item.alive
            if item.error is None and item.alive is not False:
                self._told.add(name)
            followed = self.newest[row] >= 0
            oldest = self._lay(row, item.series)
            if oldest is None:
                continue
            changed.append(name)
            if followed:
                ages.append(until - oldest)
        self.meter.note(age for age in ages if age <= REREAD // MINUTE)
        return changed

    def _lay(self, row: int, series: DemandSeries) -> int | None:
        """Lay the known minutes over the row; the oldest minute that was new or other than before, None when none was."""
        known = series.known
        minutes = series.first_minute + np.flatnonzero(known)
        if not len(minutes):
            return None
        self.newest[row] = max(self.newest[row], int(minutes[-1]))
        kept = minutes >= self.end_minute - MINUTES_PER_DAY
        columns, at = minutes[kept] % MINUTES_PER_DAY, (minutes - series.first_minute)[kept]
        new = self.peak[row, columns] != series.peak[at]  # what was unknown differs from everything
        self.peak[row, columns], self.busy[row, columns] = series.peak[at], series.busy[at]
        self.invocations[row, columns] = series.invocations[at]
        if not kept.all():
            return int(minutes[0])
        return int(minutes[kept][np.argmax(new)]) if new.any() else None

    def _roll(self, end: int) -> None:
        """Move the window on to `end`; the minutes that enter are unknown until somebody tells."""
        entering: NDArray[np.int64] = np.arange(max(self.end_minute, end - MINUTES_PER_DAY), end) % MINUTES_PER_DAY
        for table in (self.peak, self.busy, self.invocations):
            table[:, entering] = np.nan
        self.end_minute = max(self.end_minute, end)


def believable(name: str, item: Telemetry, day: Callable[[str, int], DemandSeries]) -> Telemetry:
    """Return `item` without the minutes that no source can mean: negative, infinite, beyond any provider, or at odds with
    themselves. They are unknown, not zero: one of them would spoil what every rule has ever cost. `day`: what is known of the
    minutes of a pool before one.
    """
    series = item.series
    wrong = ((series.peak < 0) | (series.peak > MOST_UNITS) | (series.busy < 0) | (series.busy > MOST_UNITS)
             | (series.invocations < 0) | (series.invocations > MOST_REQUESTS))
    doubtful = doubts(series, lambda: day(name, series.first_minute))
    if doubtful is not None:
        wrong |= doubtful.any
    if not wrong.any():
        return item
    at = int(np.argmax(wrong))
    told = f"{series.invocations[at]:g} requests, {series.peak[at]:g} units at most and {series.busy[at]:g} on average"
    error = item.error or Unreachable(f"{name}: the source reports impossible demand in {int(wrong.sum())} minutes from "
                                      f"{instant_of(series.first_minute + at):%Y-%m-%d %H:%M} UTC on, which count as unknown; "
                                      f"in the first, {told}: correct the metric")
    return replace(item, series=without(series, wrong), error=error)
