"""Collector of the demand of pools that share one source: it reads, checks and stores new minutes."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from adapters.ports.demand_source import DemandSource, Part, Telemetry
from adapters.ports.errors import AdapterError
from adapters.ports.minute_rows import STEADY, UNSETTLED
from controller.decision.costs.measurements import DelayMeter, SettlingMeter
from controller.decision.planning.observation import PATIENCE, DataFreshness, Traffic
from controller.demand.demand_store import DemandStore
from controller.demand.plausibility import CONTEXT, lost_of, possible, unlikely
from controller.demand.reading.plan import ReadingPlan, first_ages
from controller.demand.recent_window import SETTLING, RecentWindow
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats, instant_of, minute_of
from forecasting.warmer import Rhythm, left_out

HISTORY_DAYS = 14
MINUTE = timedelta(minutes=1)
POOLS_A_TURN = 200
"""Pools processed before the event loop runs other tasks."""

REREAD = timedelta(minutes=15)
"""Span before the newest stored minute that each collection reads again, because late points change."""

REREAD_POOLS = 20
"""Pools of which one collection reads all history again."""

MOST_AHEAD = MINUTES_PER_DAY // 2
"""Minutes in the future that a restart loads at most, so that the window also covers as many before now."""


class DemandCollector:
    """Collector of one demand source for its pools, with the last day of each in memory.

    `assumed_delay`: the metric delay until it is measured. `to_reread`: pools of which all history must be read again.
    """

    def __init__(self, source: DemandSource, pools: Sequence[str], store: DemandStore, assumed_delay: timedelta,
                 warmers: Mapping[str, Rhythm] = MappingProxyType({}), to_reread: Collection[str] = ()) -> None:
        self.source, self.pools = source, tuple(pools)
        self._warmers, self._warmed = warmers, dict[str, int | None]()
        self.to_reread = list(to_reread)
        """Pools of which all history must still be read again, because stored rows were calculated by other rules."""
        self.rewritten = False
        """Whether that has been completed, so that the selector must learn from the stored history again."""
        self._store, self._assumed_delay = store, assumed_delay
        self.reading = ReadingPlan(source, self.pools, unplanned=warmers)
        self.meter, self.settling = DelayMeter(), SettlingMeter(REREAD // MINUTE)
        self.row = {name: at for at, name in enumerate(self.pools)}
        self.day = RecentWindow(len(self.pools))
        self._stored = self.day.newest.copy()
        """Newest minute of each pool in the store: after a failed write, newer minutes are read again."""
        self._store_fails = False
        self.quiet = [""] * len(self.pools)
        """Of each pool, why it may be idle or its metrics may be missing; empty where that is clear."""
        self.alive: list[bool | None] = [None] * len(self.pools)
        self.errors: dict[str, AdapterError] = {}
        self._answered: set[str] = set()
        """Pools that the source has answered for in this run."""
        self._started: datetime | None = None
        self.collected_at: datetime | None = None
        """Time of the last answer of the source."""

    @property
    def metric_delay(self) -> timedelta:
        """Time from the start of a minute to its final value: measured, or assumed until there are enough measurements."""
        return self.meter.delay or self._assumed_delay

    @property
    def delay_minutes(self) -> int:
        """Metric delay in whole minutes, rounded up."""
        return -(-self.metric_delay // MINUTE)

    async def load(self, now: datetime) -> None:
        """Load the stored rows after a restart, including future ones where the clock has been set back."""
        for name, minute in (await self._store.newest_known(self.pools)).items():
            self.day.newest[self.row[name]] = self._stored[self.row[name]] = minute
        end = minute_of(now)
        end = max(end, int(self.day.newest[self.day.newest < end + MOST_AHEAD].max(initial=-1)) + 1)
        stored = await self._store.load_demand(self.pools, end - MINUTES_PER_DAY, end)
        self.day.roll(end)
        for name, series in zip(self.pools, stored, strict=True):
            self.day.write(self.row[name], series)
        self.to_reread = [name for name in self.to_reread if self.day.newest[self.row[name]] >= 0]

    async def collect(self, now: datetime) -> bool:
        """Read new minutes from the source and store them; return whether there were any.

        If the source fails, nothing changes except `errors`.
        """
        self._started = self._started or now
        until = now.replace(second=0, microsecond=0)
        oldest = until - timedelta(days=HISTORY_DAYS)
        end, delay = minute_of(until), self.delay_minutes
        parts = self.reading.parts(end, delay)
        reread = self._due_to_reread() & parts.keys()
        gappy = self.day.gaps_due(end, {self.row[name]: back for name, back in self.reading.spans(parts, end, delay).items()})
        since = {name: oldest if name in reread else self._since(name, oldest, end, gappy) for name in parts}
        try:
            telemetry = await self.reading.collect(parts, since, until)
        except AdapterError as error:
            self.errors = {**self.errors, **dict.fromkeys(parts, error)}
            return False
        idle = self.day.recently_idle(end - STEADY, end - SETTLING)
        telemetry = {name: self._checked(name, item, end, idle) for name, item in telemetry.items()}
        changed, withdrawn = await self._ingest(telemetry, end, reread, parts)
        self.collected_at = now
        rereading = bool(self.to_reread)
        completed = {name for name in reread if name in telemetry and not telemetry[name].error and len(telemetry[name].series)}
        self.to_reread = [name for name in self.to_reread if name not in completed]
        self.rewritten |= rereading and not self.to_reread
        unsaved = [self.pools[row] for row in np.flatnonzero(self._stored < self.day.newest) if self.pools[row] in telemetry]
        changed = list(dict.fromkeys([*changed, *unsaved]))
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
        """Return the freshness of a pool's demand, and the age of its newest known minute.

        That minute is in the future if it was read before the clock was set back; until the clock reaches it, nothing newer is
        read.
        """
        row = self.row[name]
        age = None if self.day.newest[row] < 0 else now - instant_of(int(self.day.newest[row]) + 1)
        waited = self.reading.waited(name, minute_of(now), self.delay_minutes)
        if age is not None and -PATIENCE <= age <= self.metric_delay + PATIENCE + waited:
            return DataFreshness.FRESH, age
        if name in self.errors or self.alive[row] is False:
            return DataFreshness.BROKEN, age
        if self.quiet[row] and (age is None or age > timedelta(0)):
            return DataFreshness.QUIET, age
        return (DataFreshness.NONE if age is None else DataFreshness.LATE), age

    def unknown_minutes(self, name: str, now: datetime) -> int:
        """Return the missing minutes of a pool that prevent a scale-in; see `plausibility.unseen`."""
        return self.day.unknown_minutes(self.row[name], minute_of(now - self.metric_delay) + 1)

    def traffic(self, name: str, now: datetime) -> Traffic:
        """Return the state of a pool's traffic."""
        freshness, _ = self.freshness(name, now)
        if freshness is not DataFreshness.FRESH:
            return {DataFreshness.BROKEN: Traffic.BROKEN, DataFreshness.QUIET: Traffic.QUIET}.get(freshness, Traffic.LATE)
        peak, busy = self.latest(name) or (0.0, 0.0)
        return Traffic.LIVE if peak > 0 or busy > 0 else Traffic.NONE

    def missing_since(self, name: str, now: datetime) -> datetime | None:
        """Return since when metrics of a pool are missing: the end of its newest known minute, or the first collection.

        None where they are not missing, or where the pool may just be idle.
        """
        freshness, age = self.freshness(name, now)
        if freshness in (DataFreshness.FRESH, DataFreshness.QUIET):
            return None
        return self._started if age is None else now - age

    def has_fresh_read(self, name: str) -> bool:
        """Return whether the source has answered for a pool in this run. Rows stored before a restart do not count."""
        return name in self._answered and name not in self.errors and self.alive[self.row[name]] is not False

    def latest(self, name: str) -> tuple[float, float] | None:
        """Return peak and busy of the newest known minute of the last day; None without one."""
        row = self.row[name]
        newest = int(self.day.newest[row])
        if not self.day.holds(newest):
            return None
        column = newest % MINUTES_PER_DAY
        return float(self.day.peak[row, column]), float(self.day.busy[row, column])

    def recent(self, name: str, minutes: int) -> tuple[Floats, int]:
        """Return peak demand of the last `minutes` minutes up to the newest known one, float32[<= minutes], and that minute."""
        row = self.row[name]
        newest = int(self.day.newest[row])
        first = max(newest + 1 - minutes, self.day.first_minute)
        return self.day.window(row, first, max(first, newest + 1)).peak, newest

    def known_end_minute(self, now: datetime) -> int:
        """Return the end of the rows used for decisions: at least as old as the metric delay, and known for some pool.

        The newest of them may still be corrected.
        """
        visible = minute_of(now - self.metric_delay) + 1
        return min(visible, int(self.day.newest.max(initial=-1)) + 1)

    def settled_end_minute(self, now: datetime) -> int:
        """Return the end of the rows used for learning and accounting.

        They were last read at an age at which at most 0.1 % of the minutes still change, see `SettlingMeter`.
        """
        visible = self.known_end_minute(now)
        read_at = visible if self.collected_at is None else self.reading.whole_until(minute_of(self.collected_at))
        return min(visible, read_at - self.settling.minutes + 1)

    async def rows(self, first: int, end: int) -> tuple[Floats, Floats, Floats]:
        """Return peak, busy and invocations, float32[pools, end - first] each, from memory, else from the store."""
        if first >= self.day.first_minute and end <= self.day.end_minute:
            columns = np.arange(first, end) % MINUTES_PER_DAY
            return self.day.peak[:, columns], self.day.busy[:, columns], self.day.invocations[:, columns]
        series = await self._store.load_demand(self.pools, first, end)
        kinds = ("peak", "busy", "invocations")
        peak, busy, invocations = (np.stack([getattr(one, kind) for one in series]) for kind in kinds)
        return peak, busy, invocations

    async def oldest_known(self, now: datetime) -> int:
        """Return the first minute of the first stored hour within the history; the current minute without one."""
        end = minute_of(now)
        oldest = await self._store.oldest_known(end - HISTORY_DAYS * MINUTES_PER_DAY)
        return end if oldest is None else min(oldest, end)

    def _day(self, name: str, end: int) -> DemandSeries:
        """Return the rows of a pool in memory before `end`."""
        return self.day.window(self.row[name], self.day.first_minute, max(self.day.first_minute, min(end, self.day.end_minute)))

    def _since(self, name: str, oldest: datetime, until: int, gappy: Mapping[int, int]) -> datetime:
        """Return the start of the span to read: `REREAD` before the newest stored minute, or at an earlier gap that is due."""
        row = self.row[name]
        newest = int(self.day.newest[row] if self._store_fails else self._stored[row])
        if newest < 0:
            return oldest
        first = min(newest + 1, self.reading.whole_before(name, newest + 1)) - REREAD // MINUTE
        back = gappy.get(row, 0)
        gap = self.day.first_gap(row, until - back, first) if until - back < first else None
        return max(oldest, instant_of(first if gap is None else gap))

    def _due_to_reread(self) -> set[str]:
        """Return the pools of which this collection reads all history again; none before the first complete collection."""
        return set() if self.collected_at is None else set(self.to_reread[:REREAD_POOLS])

    def _checked(self, name: str, item: Telemetry, until: int, idle: NDArray[np.bool_]) -> Telemetry:
        """Return an answer without warmers and without minutes that are implausible after those in memory.

        `idle`: bool[pools], pools with a recent idle minute, which may be idle again.
        """
        item = possible(name, item, self._day)
        if (rhythm := self._warmers.get(name)) is not None:
            series, last = left_out(item.series, rhythm, self._warmed.get(name))
            item, self._warmed[name] = replace(item, series=series), last
        first = item.series.first_minute
        usual = first >= until - SETTLING and idle[self.row[name]]
        if item.absent is None or usual or not (item.absent & item.series.known).any():
            return item
        return unlikely(item, self.day.window(self.row[name], first - CONTEXT, first))

    def _measure(self, ages: Sequence[NDArray[np.int64]], first: Sequence[NDArray[np.int64]]) -> None:
        """Add the ages of the minutes that a collection changed, for each pool with new data, oldest first, to the meters.

        `first`: the same without those that another source corrected.
        """
        longest = REREAD // MINUTE
        self.meter.note(int(each[0]) for each in first if len(each) and each[0] <= longest)
        if ages:
            whole = np.concatenate(ages)
            self.settling.note(whole[(whole >= 0) & (whole <= longest)], len(ages))

    async def _ingest(self, telemetry: Mapping[str, Telemetry], until: int, reread: Collection[str],
                      parts: Mapping[str, Part]) -> tuple[list[str], dict[str, list[int]]]:
        """Write an answer into memory; return the pools with new data, and minutes by pool that have become unknown."""
        self.day.roll(until)
        unread = {name: error for name, error in self.errors.items() if name not in parts}
        self.errors = unread | {name: item.error for name, item in telemetry.items() if item.error is not None}
        changed: list[str] = []
        ages: list[NDArray[np.int64]] = []
        first: list[NDArray[np.int64]] = []
        withdrawn: dict[str, list[int]] = {}
        for count, (name, item) in enumerate(telemetry.items()):
            if count % POOLS_A_TURN == POOLS_A_TURN - 1:
                await asyncio.sleep(0)  # noqa: TID251  (lets other tasks run)
            row = self.row[name]
            self.alive[row], self.quiet[row] = item.alive, item.quiet
            if len(minutes := lost_of(item, int(self.day.newest[row]) + 1)):
                zeros = self.day.withdraw(row, minutes)
                if name in reread:  # the store holds earlier minutes too
                    zeros = minutes[minutes < self.day.first_minute].tolist() + zeros
                withdrawn |= {name: zeros} if zeros else {}
            if item.error is None and item.alive is not False:
                self._answered.add(name)
            newest = int(self.day.newest[row])
            minutes = self.day.write(row, item.series)
            gap = self.reading.answered(name, until, parts.get(name, Part.ALL), item, minutes)
            if not len(minutes):
                continue
            changed.append(name)
            if newest >= 0:
                first.append(first_ages(minutes[minutes > newest], until, gap) if gap else until - item.own(minutes))
                ages.append(first[-1] + UNSETTLED if gap else until - minutes)  # requests may follow their peak
        self._measure(ages, first)
        return changed, withdrawn
