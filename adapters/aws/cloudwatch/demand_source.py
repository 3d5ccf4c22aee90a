"""The demand source of AWS: Lambda's metrics in CloudWatch, for all pools of one account and region.

What is read per alias (dimensions FunctionName and Resource), one value a minute: Invocations and ConcurrentExecutions every
time, Duration and Throttles every five minutes, since the price is per metric asked for and these two change slowly or rarely:
between two readings the last duration stands in, and throttles are seen late. Beside them two metrics of the whole region, read
*first*, so that a point which the region has and an alias lacks was really lacking (see `demand_rows.Life`); and where the region
lacks points itself, the count that AWS keeps of Stoker's own calls.

The first reading of a pool goes back up to 14 days at a minute's resolution, which CloudWatch keeps for 15 days. Pools take turns
within `BACKFILL_POINTS` a collection; those whose turn has not come get an empty answer and no error.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from adapters.aws.clients import Connections
from adapters.aws.cloudwatch.demand_rows import (
    LATE,
    SILENCE_BACK,
    Life,
    Points,
    demand,
    has_no_peak,
    independent,
    of_users,
    present,
)
from adapters.aws.cloudwatch.metric_queries import (
    CALLED,
    CLAIMED,
    CONCURRENCY,
    DURATION,
    INVOCATIONS,
    THROTTLES,
    Metric,
    Query,
    Result,
    column,
)
from adapters.aws.cloudwatch.metric_reader import MetricReader
from adapters.aws.cloudwatch.run_on import LONG_MS, LONGEST_REQUEST
from adapters.pinging.own_traffic import Own, OwnTraffic
from adapters.ports.demand_source import Telemetry
from adapters.ports.errors import AdapterError
from adapters.ports.minute_rows import STEADY, Mask, Minutes, mean_by_requests, quiet_since
from adapters.runtime.clock import Clock
from forecasting.demand import DemandSeries, minute_of

USD_PER_METRIC = 0.01 / 1000
"""GetMetricData, each metric of each call (CloudWatch pricing page); not in the free tier."""

HOURS_PER_MONTH = 730
ALWAYS, SOMETIMES = (INVOCATIONS, CONCURRENCY), (DURATION, THROTTLES)
REGION = (INVOCATIONS, CLAIMED)
SLOWLY = 5
"""Minutes between two readings of what is read only sometimes."""

REGION_BACK = SILENCE_BACK + LONGEST_REQUEST
BARREN_BACK, REMEMBERED = 60, 120
KEPT_MINUTES = 15 * 1440 - 60
BACKFILL_FROM, BACKFILL_POINTS = 180, 5_000_000


class Window(NamedTuple):
    """Minutes `first <= minute < end` that a pool's answer is about."""

    first: int
    end: int


@dataclass(slots=True)
class Memo:
    """What is remembered of a pool from one collection to the next."""

    sometimes_at: int | None = None
    """End of the window in which Duration and Throttles were last read."""
    first: int = 0
    duration_ms: Minutes = field(default_factory=lambda: np.array([]))
    throttles: Minutes = field(default_factory=lambda: np.array([]))
    usual_ms: float | None = None
    runs_on: bool = False
    """Whether requests of some minute were so long that they ran on into later minutes."""
    peakless: bool | None = None
    """Whether the alias has no metric of its peak; None before that is known."""
    barren_until: int | None = None
    """Up to here everything was asked for and nothing was known; asked again, it would only cost."""


class CloudWatchDemand:
    """Reads `resources`: pool name -> `function:alias`. `trusting`: pools of which a quiet region counts as idle. `ledgers`: own
    pings of the pools that are pinged, which are no demand. Not for concurrent use.
    """

    kind = "cloudwatch"

    def __init__(self, connections: Connections, clock: Clock, resources: Mapping[str, str],
                 trusting: Collection[str] = (), ledgers: Mapping[str, OwnTraffic] = MappingProxyType({})) -> None:
        self.region, self.resources, self._ledgers = connections.region, dict(resources), ledgers
        self._reader, self._trusting = MetricReader(connections, clock), frozenset(trusting)
        self._memos: dict[str, Memo] = defaultdict(Memo)
        self._began: int | None = None
        """The minute of the first collection."""
        self._ran = (-1, 0)
        """The minute in which the region was last seen to fall silent, and how many functions had run in it."""

    @property
    def spent_usd(self) -> float:
        """What the readings of this process have cost at list price."""
        return self._reader.metrics_requested * USD_PER_METRIC

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        """At list price, without the backfill of the first reading (at most 16 metrics a pool), and without the metric more
        that is read while nothing runs in the region.
        """
        minutes = max(1.0, interval.total_seconds() / 60)
        metrics = pools * (len(ALWAYS) + len(SOMETIMES) * min(1.0, minutes / SLOWLY)) + len(REGION)
        return metrics * USD_PER_METRIC * HOURS_PER_MONTH * 3600 / interval.total_seconds()

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """See the protocol. `PermissionDenied`, `Throttled` and `Unreachable` are raised when nothing at all could be read."""
        end = minute_of(until)
        windows = {pool: Window(self._first(pool, since[pool], end), end) for pool in pools}
        asked = self._affordable({pool: window for pool, window in windows.items() if window.first < end})
        oldest = min((window.first for window in asked.values()), default=end)
        self._began = end if self._began is None else self._began
        life = await self._life(min(oldest, end - 1) - REGION_BACK, end)
        queries = {pool: self._queries(pool, window) for pool, window in asked.items()}
        results, failures = await self._reader.read([query for each in queries.values() for query in each])
        if queries and all(self.resources[pool] in failures for pool in queries):
            raise next(iter(failures.values()))
        works = life.alive(end, end - self._began, await self._runners(life) if life.stopped(end) else 0)
        told = await asyncio.to_thread(self._told, windows, queries, results, failures, life)
        quiet = "" if works is not None else quiet_since(f"in {self.region}", life.newest)
        return {pool: replace(each, alive=works, quiet=quiet) for pool, each in told.items()}

    def _first(self, pool: str, since: datetime, end: int) -> int:
        barren = self._memos[pool].barren_until
        first = max(minute_of(since), end - KEPT_MINUTES)
        return first if barren is None else max(first, barren - BARREN_BACK)

    def _affordable(self, windows: Mapping[str, Window]) -> dict[str, Window]:
        """Everything that is short, and of the long windows as many as one collection can take."""
        chosen, left = {}, BACKFILL_POINTS
        for pool, window in windows.items():
            span = window.end - window.first
            if span > BACKFILL_FROM:
                if left <= 0:
                    continue
                left -= span * len(ALWAYS + SOMETIMES)
            chosen[pool] = window
        return chosen

    def _queries(self, pool: str, window: Window) -> list[Query]:
        """What to ask for one pool: a little further back than it needs, for the work that began before."""
        memo = self._memos[pool]
        lead = LONGEST_REQUEST if memo.usual_ms is None or memo.runs_on else 1
        due = memo.sometimes_at is None or window.end - memo.sometimes_at >= SLOWLY or window.first < memo.first
        metrics = ALWAYS + SOMETIMES if due else ALWAYS
        return [Query(self.resources[pool], metric, window.first - lead, window.end) for metric in metrics]

    async def _life(self, first: int, end: int) -> Life:
        """What the region has points of. Calls are asked for only where it lacks points that should be published by now."""
        queries = [Query("", metric, max(first, end - KEPT_MINUTES), end) for metric in REGION]
        results, failures = await self._reader.read(queries)
        if failures:
            raise next(iter(failures.values()))
        invoked, claimed = (column(query, results.get(query, [])) for query in queries)
        called = np.full(len(invoked), np.nan)
        if (np.isnan(invoked) & np.isnan(claimed))[:-LATE].any():
            query = queries[0]._replace(metric=CALLED)
            called = column(query, (await self._reader.read([query]))[0].get(query, []))
        return Life(queries[0].first, invoked, claimed, called)

    async def _runners(self, life: Life) -> int:
        """How many functions ran in the hour before the region fell silent: each pool's alias, and whatever else there is as one;
        see `demand_rows.independent`. Asked for once a silence.
        """
        newest = life.newest or 0
        if self._ran[0] != newest:
            queries = [Query(resource, INVOCATIONS, newest + 1 - STEADY, newest + 1) for resource in set(self.resources.values())]
            results, failures = await self._reader.read(queries)
            mine = np.nan_to_num([column(query, results.get(query, [])) for query in queries])
            rest = life.requests(newest + 1 - STEADY, newest + 1) - mine.sum(axis=0)
            self._ran = newest, len(failures) + independent(np.vstack((mine, rest)))
        return self._ran[1]

    def _told(self, windows: Mapping[str, Window], queries: Mapping[str, Sequence[Query]], results: Mapping[Query, list[Result]],
              failures: Mapping[str, AdapterError], life: Life) -> dict[str, Telemetry]:
        """The answer for every pool; runs in a thread, for the arrays of thousands of pools take a while."""
        told: dict[str, Telemetry] = {}
        proofs: dict[tuple[Window, bool], tuple[Mask, Mask]] = {}  # most pools ask for the same minutes
        for pool, window in windows.items():
            error = failures.get(self.resources[pool])
            if pool not in queries or error is not None:
                told[pool] = Telemetry(DemandSeries.empty(window.first), error=error)
                continue
            columns = {query.metric: column(query, results.get(query, [])) for query in queries[pool]}
            points = self._points(pool, queries[pool][0], columns)
            key = Window(points.first, window.end), pool in self._trusting
            if key not in proofs:
                proofs[key] = life.proved(*key[0], trusting=key[1]), life.counted(*key[0])
            told[pool] = self._telemetry(pool, points, proofs[key], life.newest, window)
        return told

    def _points(self, pool: str, query: Query, columns: Mapping[Metric, Minutes]) -> Points:
        """Columns of one window; Duration and Throttles as remembered when they were not read."""
        memo = self._memos[pool]
        if DURATION in columns:
            memo.sometimes_at, memo.first = query.end, max(query.first, query.end - REMEMBERED)
            cut = memo.first - query.first
            memo.duration_ms, memo.throttles = columns[DURATION][cut:].copy(), columns[THROTTLES][cut:].copy()
            duration_ms, throttles = columns[DURATION], columns[THROTTLES]
        else:
            duration_ms, throttles = (np.full(query.end - query.first, np.nan) for _ in range(2))
            low, high = max(query.first, memo.first), min(query.end, memo.first + len(memo.duration_ms))
            if low < high:
                here, there = slice(low - query.first, high - query.first), slice(low - memo.first, high - memo.first)
                duration_ms[here], throttles[here] = memo.duration_ms[there], memo.throttles[there]
        return Points(query.first, columns[INVOCATIONS], columns[CONCURRENCY], duration_ms, throttles)

    def _usual_ms(self, pool: str, points: Points, own: Own | None) -> float | None:
        """Mean duration of the pool's requests now, or else as last known."""
        users, durations = of_users(points, own)
        mean = mean_by_requests(durations, users)
        memo = self._memos[pool]
        memo.usual_ms = memo.usual_ms if mean is None else mean
        memo.runs_on |= bool((durations > LONG_MS).any())
        return memo.usual_ms

    def _telemetry(self, pool: str, points: Points, proof: tuple[Mask, Mask], newest: int | None, window: Window) -> Telemetry:
        ledger = self._ledgers.get(pool)
        own = None if ledger is None else ledger.own(points.first, len(points.invocations))
        memo, usual_ms = self._memos[pool], self._usual_ms(pool, points, own)
        if memo.peakless is not False:
            memo.peakless = has_no_peak(points)
        whole = demand(points, *proof, usual_ms, newest, peakless=bool(memo.peakless), own=own,
                       runs_on=memo.runs_on)
        rows = whole.window(*window)
        memo.barren_until = None if rows.recorded.any() else rows.end_minute
        absent = ~present(points)[window.first - points.first :]
        return Telemetry(rows, absent=absent, duration_seconds=None if usual_ms is None else usual_ms / 1000)
