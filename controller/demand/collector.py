"""Demand of the pools that share one source: collected, kept, and fed to the chooser minute by minute."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from adapters.ports.demand_source import DemandSource, Telemetry
from adapters.ports.errors import AdapterError
from adapters.ports.minute_rows import STEADY
from controller.decision.costs.measurements import DelayMeter, SettlingMeter
from controller.decision.planning.observation import PATIENCE, DataFreshness, Traffic
from controller.demand.plausibility import CONTEXT, believable, lost_of, unlikely
from controller.demand.recent_window import SETTLING, RecentWindow
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats, instant_of, minute_of
from forecasting.warmer import Rhythm, left_out

HISTORY_DAYS = 14
MINUTE = timedelta(minutes=1)
BREATH = 200
"""After so many pools the event loop takes a turn for others."""

REREAD = timedelta(minutes=15)
"""Late points change: so much is asked for again each time."""

ANEW = 20
"""So many pools a collection are read again from the beginning."""

MOST_AHEAD = MINUTES_PER_DAY // 2
"""Minutes to come that a restart takes up, so that memory reaches back as far from now."""


class DemandStore(Protocol):
    """The lasting part of demand."""

    async def save_demand(self, series: Mapping[str, DemandSeries]) -> None:
        """Write the recorded rows over what is stored."""

    async def withdraw(self, minutes: Mapping[str, Sequence[int]]) -> None:
        """Where zeros are stored for these minutes of a pool, nothing is known any more."""

    async def load_demand(self, pools: Sequence[str], first_minute: int, end_minute: int) -> list[DemandSeries]:
        """Rows of each pool, unknown where nothing is stored."""

    async def oldest_known(self, first_minute: int) -> int | None:
        """The start of the first hour from `first_minute` on of which anything of any pool is stored; None: nothing is."""

    async def newest_known(self, pools: Sequence[str]) -> Mapping[str, int]:
        """The newest known minute of each pool that has one."""


class DemandCollector:
    """One demand source, the pools it serves, and the last day of each in memory. `assumed_delay`: the metric delay until it is
    measured.
    """

    def __init__(self, source: DemandSource, pools: Sequence[str], store: DemandStore, assumed_delay: timedelta,
                 warmers: Mapping[str, Rhythm] = MappingProxyType({}), anew: Collection[str] = ()) -> None:
        self.source, self.pools = source, tuple(pools)
        self._warmers, self._warmed = warmers, dict[str, int | None]()
        self.anew = list(anew)
        """Pools of which all history is still to be read again, as what is stored was made of it by other rules."""
        self.rewritten = False
        """Whether that is done, and whoever has learned from what was stored must learn it again."""
        self._store, self._assumed_delay = store, assumed_delay
        self.meter, self.settling = DelayMeter(), SettlingMeter(REREAD // MINUTE)
        self.row = {name: at for at, name in enumerate(self.pools)}
        self.day = RecentWindow(len(self.pools))
        self._stored = self.day.newest.copy()
        """The newest minute of each pool that is safe in the store: what is newer is asked for again once it takes something."""
        self._store_fails = False
        self.quiet = [""] * len(self.pools)
        """Of each pool, why nothing tells whether it is idle or its metrics are missing; empty where something does."""
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
        """Take up what was stored before a restart: minutes to come as well, where the clock was put back since."""
        for name, minute in (await self._store.newest_known(self.pools)).items():
            self.day.newest[self.row[name]] = self._stored[self.row[name]] = minute
        end = minute_of(now)
        end = max(end, int(self.day.newest[self.day.newest < end + MOST_AHEAD].max(initial=-1)) + 1)
        stored = await self._store.load_demand(self.pools, end - MINUTES_PER_DAY, end)
        self.day.roll(end)
        for name, series in zip(self.pools, stored, strict=True):
            self.day.lay(self.row[name], series)
        self.anew = [name for name in self.anew if self.day.newest[self.row[name]] >= 0]

    async def collect(self, now: datetime) -> bool:
        """Ask the source for what is new; whether there was any, which is stored then.

        A failure of the source leaves everything as it was and is remembered.
        """
        self._began = self._began or now
        until = now.replace(second=0, microsecond=0)
        oldest = until - timedelta(days=HISTORY_DAYS)
        anew = self._due_anew()
        gappy = self.day.gaps_due(minute_of(until))
        since = {name: oldest if name in anew else self._since(name, oldest, minute_of(until), gappy) for name in self.pools}
        try:
            telemetry = await self.source.collect(self.pools, since, until)
        except AdapterError as error:
            self.errors = dict.fromkeys(self.pools, error)
            return False
        idle = self.day.lately_idle(minute_of(until) - STEADY, minute_of(until) - SETTLING)
        telemetry = {name: self._judged(name, item, minute_of(until), idle) for name, item in telemetry.items()}
        changed, withdrawn = await self._ingest(telemetry, minute_of(until), anew)
        self.collected_at = now
        begun = bool(self.anew)
        self.anew = [name for name in self.anew
                     if name not in anew or name not in telemetry or telemetry[name].error or not len(telemetry[name].series)]
        self.rewritten |= begun and not self.anew
        owed = [self.pools[row] for row in np.flatnonzero(self._stored < self.day.newest) if self.pools[row] in telemetry]
        changed = list(dict.fromkeys([*changed, *owed]))
        self._store_fails = True
        await self._store.save_demand({name: telemetry[name].series for name in changed})
        if withdrawn:
            await self._store.withdraw(withdrawn)
        self._store_fails = False
        rows = [self.row[name] for name in changed if minute_of(since[name]) <= self._stored[self.row[name]] + 1
                or since[name] == oldest]
        self._stored[rows] = self.day.newest[rows]
        return bool(changed)

    def freshness(self, name: str, now: datetime) -> tuple[DataFreshness, timedelta | None]:
        """How well the present demand of a pool is known, and how old its newest known minute is.

        A minute to come was told before the clock was put back: until the clock has reached it nothing newer is asked for.
        """
        row = self.row[name]
        age = None if self.day.newest[row] < 0 else now - instant_of(int(self.day.newest[row]) + 1)
        if age is not None and -PATIENCE <= age <= self.metric_delay + PATIENCE:
            return DataFreshness.FRESH, age
        if name in self.errors or self.alive[row] is False:
            return DataFreshness.BROKEN, age
        if self.quiet[row] and (age is None or age > timedelta(0)):
            return DataFreshness.QUIET, age
        return (DataFreshness.NONE if age is None else DataFreshness.LATE), age

    def unknown_minutes(self, name: str, now: datetime) -> int:
        """Minutes of a pool that should be known by now and are not, as far as they forbid to lower; see
        `belief.unknown_minutes`.
        """
        return self.day.unknown_minutes(self.row[name], minute_of(now - self.metric_delay) + 1)

    def traffic(self, name: str, now: datetime) -> Traffic:
        """What is known of a pool's traffic now."""
        sight, _ = self.freshness(name, now)
        if sight is not DataFreshness.FRESH:
            return {DataFreshness.BROKEN: Traffic.BROKEN, DataFreshness.QUIET: Traffic.QUIET}.get(sight, Traffic.LATE)
        peak, busy = self.latest(name) or (0.0, 0.0)
        return Traffic.LIVE if peak > 0 or busy > 0 else Traffic.NONE

    def missing_since(self, name: str, now: datetime) -> datetime | None:
        """Since when metrics of a pool are missing: the end of its newest known minute, or when they were first asked for. None
        also where they may be missing, but nothing need have happened.
        """
        sight, age = self.freshness(name, now)
        if sight in (DataFreshness.FRESH, DataFreshness.QUIET):
            return None
        return self._began if age is None else now - age

    def has_fresh_read(self, name: str) -> bool:
        """Whether the source has told of a pool in this run: what was stored before a restart does not count."""
        return name in self._told and name not in self.errors and self.alive[self.row[name]] is not False

    def latest(self, name: str) -> tuple[float, float] | None:
        """Peak and busy of the newest known minute of the last day; None when there is none."""
        row = self.row[name]
        newest = int(self.day.newest[row])
        if not self.day.holds(newest):
            return None
        column = newest % MINUTES_PER_DAY
        return float(self.day.peak[row, column]), float(self.day.busy[row, column])

    def recent(self, name: str, minutes: int) -> tuple[Floats, int]:
        """Peak demand of the newest `minutes` minutes up to the newest known one, float32[<= minutes], and that one."""
        row = self.row[name]
        newest = int(self.day.newest[row])
        first = max(newest + 1 - minutes, self.day.first_minute)
        return self.day.window(row, first, max(first, newest + 1)).peak, newest

    def known_end_minute(self, now: datetime) -> int:
        """The minute before which rows decide what is asked for now: as old as the metric delay, and known of some pool. The
        newest of them may still be corrected.
        """
        visible = minute_of(now - self.metric_delay) + 1
        return min(visible, int(self.day.newest.max(initial=-1)) + 1)

    def settled_end_minute(self, now: datetime) -> int:
        """The minute before which rows are learned from and accounted for: they were last read at an age at which hardly any row
        still changes.
        """
        visible = self.known_end_minute(now)
        read_at = visible if self.collected_at is None else minute_of(self.collected_at)
        return min(visible, read_at - self.settling.minutes + 1)

    async def rows(self, first: int, end: int) -> tuple[Floats, Floats, Floats]:
        """Peak, busy, invocations: float32[pools, end - first] each, from memory where it reaches and from the store beyond."""
        if first >= self.day.first_minute and end <= self.day.end_minute:
            columns = np.arange(first, end) % MINUTES_PER_DAY
            return self.day.peak[:, columns], self.day.busy[:, columns], self.day.invocations[:, columns]
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
        return self.day.window(self.row[name], self.day.first_minute, max(self.day.first_minute, min(end, self.day.end_minute)))

    def _since(self, name: str, oldest: datetime, until: int, gappy: Mapping[int, int]) -> datetime:
        """From where on a pool is asked for: a little before what is stored, or from an earlier gap when that is due."""
        row = self.row[name]
        newest = int(self.day.newest[row] if self._store_fails else self._stored[row])
        if newest < 0:
            return oldest
        first = newest + 1 - REREAD // MINUTE
        back = gappy.get(row, 0)
        gap = self.day.first_gap(row, until - back, first) if until - back < first else None
        return max(oldest, instant_of(first if gap is None else gap))

    def _due_anew(self) -> set[str]:
        """The pools whose turn it is to be read again from the beginning; none before everything else was read."""
        return set() if self.collected_at is None else set(self.anew[:ANEW])

    def _judged(self, name: str, item: Telemetry, until: int, idle: NDArray[np.bool_]) -> Telemetry:
        """What is believed of an answer, by what memory holds of the minutes before it. `idle`: pools that were lately, so that
        they may be again.
        """
        item = believable(name, item, self._day)
        if (rhythm := self._warmers.get(name)) is not None:
            series, last = left_out(item.series, rhythm, self._warmed.get(name))
            item, self._warmed[name] = replace(item, series=series), last
        first = item.series.first_minute
        usual = first >= until - SETTLING and idle[self.row[name]]
        if item.absent is None or usual or not (item.absent & item.series.known).any():
            return item
        return unlikely(item, self.day.window(self.row[name], first - CONTEXT, first))

    def _measure(self, ages: Sequence[NDArray[np.int64]]) -> None:
        """Note how old the minutes were that a collection changed, of each pool that had news, the oldest first."""
        longest = REREAD // MINUTE
        self.meter.note(int(each[0]) for each in ages if each[0] <= longest)
        if ages:
            whole = np.concatenate(ages)
            self.settling.note(whole[(whole >= 0) & (whole <= longest)], len(ages))

    async def _ingest(self, telemetry: Mapping[str, Telemetry], until: int,
                      anew: Collection[str]) -> tuple[list[str], dict[str, list[int]]]:
        """Take in what a collection brought: the pools of which something was new, and minutes that turned out to be unknown."""
        self.day.roll(until)
        self.errors = {name: item.error for name, item in telemetry.items() if item.error is not None}
        changed: list[str] = []
        ages: list[NDArray[np.int64]] = []
        withdrawn: dict[str, list[int]] = {}
        for count, (name, item) in enumerate(telemetry.items()):
            if count % BREATH == BREATH - 1:
                await asyncio.sleep(0)  # noqa: TID251  (a turn for others, not a wait)
            row = self.row[name]
            self.alive[row], self.quiet[row] = item.alive, item.quiet
            if len(minutes := lost_of(item, int(self.day.newest[row]) + 1)):
                zeros = self.day.withdraw(row, minutes)
                if name in anew:  # the store reaches further back
                    zeros = minutes[minutes < self.day.first_minute].tolist() + zeros
                withdrawn |= {name: zeros} if zeros else {}
            if item.error is None and item.alive is not False:
                self._told.add(name)
            followed = self.day.newest[row] >= 0
            minutes = self.day.lay(row, item.series)
            if not len(minutes):
                continue
            changed.append(name)
            if followed:
                ages.append(until - minutes)
        self._measure(ages)
        return changed, withdrawn
