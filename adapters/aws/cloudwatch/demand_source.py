"""Demand source of AWS: Lambda's metrics in CloudWatch, for all pools of one account and region.

Metrics of an alias (dimensions FunctionName and Resource), one value a minute: Invocations and ConcurrentExecutions at every
collection, Duration and Throttles every 5 min, because CloudWatch bills per requested metric and these two change slowly or
rarely. Between two reads, the last duration is used, and throttles appear later. A read of the peak alone reads
ConcurrentExecutions. In addition, two metrics of the whole region are read before the others, so that a point which the region
has and an alias lacks was not published (see `proven_minutes.RegionActivity`); where the region lacks points, AWS's count of
Stoker's calls is read too. While pools sleep, the concurrency of the region shows whether one of them must be read (`waking`).

The first read of a pool goes back up to 14 days at a resolution of 1 min, which CloudWatch keeps for 15 days. Pools take turns
within `BACKFILL_POINTS` per collection; pools whose turn comes later get an empty series and no error.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from adapters.aws.clients import Connections
from adapters.aws.cloudwatch.alias_memo import ALWAYS, SLOWLY, SOMETIMES, Memo
from adapters.aws.cloudwatch.demand_rows import Points, Unread, demand, has_no_peak, of_users, present, share_of
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
from adapters.aws.cloudwatch.proven_minutes import LATE, SILENCE_BACK, RegionActivity, independent
from adapters.aws.cloudwatch.run_on import LONG_MS, LONGEST_REQUEST
from adapters.aws.cloudwatch.waking import Waking
from adapters.pinging.own_traffic import Own, OwnTraffic
from adapters.ports.demand_source import Part, Telemetry
from adapters.ports.errors import AdapterError, Malformed
from adapters.ports.minute_rows import SILENCE, STEADY, Mask, Minutes, mean_by_requests, quiet_since
from adapters.ports.read_prices import LAMBDA, LAMBDA_PINGED, USD_PER_METRIC, ReadPrices
from adapters.runtime.clock import Clock
from forecasting.demand import DemandSeries, minute_of

HOURS_PER_MONTH = 730
REGION = (INVOCATIONS, CLAIMED)
REGION_BACK = SILENCE_BACK + LONGEST_REQUEST
BARREN_BACK = 60
KEPT_MINUTES = 15 * 1440 - 60
BACKFILL_FROM, BACKFILL_POINTS = 180, 5_000_000


class Window(NamedTuple):
    """Minutes `first <= minute < end` of a pool's result."""

    first: int
    end: int


class CloudWatchDemand:
    """Demand source of `resources` (pool name -> `function:alias`); not for concurrent use.

    `trusting`: pools for which a region without points counts as idle. `ledgers`: own pings of pinged pools, which are no demand.
    """

    kind = "cloudwatch-lambda"

    def __init__(self, connections: Connections, clock: Clock, resources: Mapping[str, str],
                 trusting: Collection[str] = (), ledgers: Mapping[str, OwnTraffic] = MappingProxyType({})) -> None:
        self.region, self.resources, self._ledgers = connections.region, dict(resources), ledgers
        self._reader, self._trusting = MetricReader(connections, clock), frozenset(trusting)
        self._memos: dict[str, Memo] = defaultdict(Memo)
        self._waking = Waking()
        self._first_collection: int | None = None
        """Minute of the first collection."""
        self._ran = (-1, 0)
        """Newest minute before the region last became silent, and the number of functions that had run in the hour before."""

    @property
    def spent_usd(self) -> float:
        """Cost of the reads of this process at list price, in USD."""
        return self._reader.metrics_requested * USD_PER_METRIC

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        """Return the cost in USD a month at list price, without the backfill of the first read (at most 16 metrics a pool), and
        without the additional metric that is read while nothing runs in the region.
        """
        minutes = max(1.0, interval.total_seconds() / 60)
        metrics = pools * (len(ALWAYS) + len(SOMETIMES) * min(1.0, minutes / SLOWLY)) + len(REGION)
        return metrics * USD_PER_METRIC * HOURS_PER_MONTH * 3600 / interval.total_seconds()

    def prices(self, pool: str) -> ReadPrices:
        """Return the billed metrics of a pool's reads."""
        return LAMBDA_PINGED if pool in self._ledgers else LAMBDA

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """Return the demand of each pool. Raise `PermissionDenied`, `Throttled` or `Unreachable` when nothing could be read. See
        `DemandSource`.
        """
        return await self.collect_parts(dict.fromkeys(pools, Part.ALL), since, until)

    async def collect_parts(self, parts: Mapping[str, Part], since: Mapping[str, datetime],
                            until: datetime) -> Mapping[str, Telemetry]:
        """Return the demand of pools that do not listen, and of the others if they are woken. Raise as `collect`. See
        `ReadsParts`.
        """
        end = minute_of(until)
        self._first_collection = end if self._first_collection is None else self._first_collection
        listening = {pool: Part.PEAK for pool, part in parts.items() if part is Part.LISTEN}
        reading = {pool: part for pool, part in parts.items() if part is not Part.LISTEN}
        found = await self._read_parts(reading, since, end) if reading else {}
        # without a pool to read, the call itself is needed: AWS's count of calls proves the minute, see `RegionActivity`
        if (listening or not reading) and await self._wakes(listening, end):
            found |= await self._read_parts(listening, since, end)
        return found

    async def _read_parts(self, parts: Mapping[str, Part], since: Mapping[str, datetime], end: int) -> dict[str, Telemetry]:
        windows = {pool: Window(self._first(pool, since[pool], end), end) for pool in parts}
        chosen = self._affordable({pool: window for pool, window in windows.items() if window.first < end})
        oldest = min((window.first for window in chosen.values()), default=end)
        activity = await self._read_activity(min(oldest, end - 1) - REGION_BACK, end)
        queries = {pool: self._queries(pool, window, parts[pool]) for pool, window in chosen.items()}
        results, failures = await self._reader.read([query for each in queries.values() for query in each])
        if queries and all(self.resources[pool] in failures for pool in queries):
            raise next(iter(failures.values()))
        runners = await self._runners(activity) if activity.stopped(end) else 0
        alive = activity.alive(end, end - (self._first_collection or end), runners)
        telemetry = await asyncio.to_thread(self._telemetry_of_all, windows, queries, results, failures, activity)
        quiet = "" if alive is not None else quiet_since(f"in {self.region}", activity.newest)
        return {pool: replace(each, alive=alive, quiet=quiet) for pool, each in telemetry.items()}

    async def _wakes(self, listening: Collection[str], end: int) -> bool:
        """Return whether more ran in the region than the pools that do not listen explain. Raise if that cannot be read."""
        query = Query("", CONCURRENCY, end - SILENCE, end)
        results, failures = await self._reader.read([query])
        for error in failures.values():
            raise error
        others = [memo for pool, memo in self._memos.items() if pool not in listening]
        explained = sum((memo.peaks(query.first, end) for memo in others), np.zeros(SILENCE))
        return self._waking.woken(query.first, column(query, results.get(query, [])), explained)

    def _first(self, pool: str, since: datetime, end: int) -> int:
        barren = self._memos[pool].barren_until
        first = max(minute_of(since), end - KEPT_MINUTES)
        return first if barren is None else max(first, barren - BARREN_BACK)

    def _affordable(self, windows: Mapping[str, Window]) -> dict[str, Window]:
        """Return all short windows, and as many long ones as `BACKFILL_POINTS` allow."""
        chosen, points = {}, BACKFILL_POINTS
        for pool, window in windows.items():
            span = window.end - window.first
            if span > BACKFILL_FROM:
                if points <= 0:
                    continue
                points -= span * len(ALWAYS + SOMETIMES)
            chosen[pool] = window
        return chosen

    def _queries(self, pool: str, window: Window, part: Part) -> list[Query]:
        """Return the queries of one pool. They start before the window, to include work that started earlier."""
        memo = self._memos[pool]
        lead = LONGEST_REQUEST if memo.usual_ms is None or memo.runs_on else 1
        metrics = memo.metrics_due(part, window.first, window.end, pinged=pool in self._ledgers)
        return [Query(self.resources[pool], metric, window.first - lead, window.end) for metric in metrics]

    async def _read_activity(self, first: int, end: int) -> RegionActivity:
        """Read the metrics of the region. The count of calls is read only if the region lacks points that should be published."""
        queries = [Query("", metric, max(first, end - KEPT_MINUTES), end) for metric in REGION]
        results, failures = await self._reader.read(queries)
        for error in failures.values():
            if not isinstance(error, Malformed):  # an impossible point proves nothing, and the others remain
                raise error
        invoked, claimed = (column(query, results.get(query, [])) for query in queries)
        called = np.full(len(invoked), np.nan)
        if (np.isnan(invoked) & np.isnan(claimed))[:-LATE].any():
            query = queries[0]._replace(metric=CALLED)
            called = column(query, (await self._reader.read([query]))[0].get(query, []))
        return RegionActivity(queries[0].first, invoked, claimed, called)

    async def _runners(self, activity: RegionActivity) -> int:
        """Return the number of functions that ran in the hour before the region became silent. See `proven_minutes.independent`.

        Counts each pool's alias, and all other functions as one. Read once per silence.
        """
        newest = activity.newest or 0
        if self._ran[0] != newest:
            queries = [Query(resource, INVOCATIONS, newest + 1 - STEADY, newest + 1) for resource in set(self.resources.values())]
            results, failures = await self._reader.read(queries)
            pools = np.nan_to_num([column(query, results.get(query, [])) for query in queries])
            others = activity.requests(newest + 1 - STEADY, newest + 1) - pools.sum(axis=0)
            self._ran = newest, len(failures) + independent(np.vstack((pools, others)))
        return self._ran[1]

    def _telemetry_of_all(self, windows: Mapping[str, Window], queries: Mapping[str, Sequence[Query]],
                          results: Mapping[Query, list[Result]], failures: Mapping[str, AdapterError],
                          activity: RegionActivity) -> dict[str, Telemetry]:
        """Return the telemetry of every pool. Runs in a thread, because the arrays of thousands of pools take time."""
        telemetry: dict[str, Telemetry] = {}
        proofs: dict[tuple[Window, bool], tuple[Mask, Mask]] = {}  # shared, because most pools have the same window
        for pool, window in windows.items():
            error = failures.get(self.resources[pool])
            if pool not in queries or error is not None:
                telemetry[pool] = Telemetry(DemandSeries.empty(window.first), error=error)
                continue
            columns = {query.metric: column(query, results.get(query, [])) for query in queries[pool]}
            points = self._points(pool, queries[pool][0], columns)
            key = Window(points.first, window.end), pool in self._trusting
            if key not in proofs:
                proofs[key] = activity.proved(*key[0], trusting=key[1]), activity.counted(*key[0])
            telemetry[pool] = self._telemetry(pool, points, proofs[key], activity.newest, window)
        return telemetry

    def _points(self, pool: str, query: Query, columns: Mapping[Metric, Minutes]) -> Points:
        """Return the metrics of one window. Those that were not read now come from the last read."""
        all_columns = self._memos[pool].completed(query.first, query.end, columns)
        return Points(query.first, *(all_columns[metric] for metric in (INVOCATIONS, CONCURRENCY, DURATION, THROTTLES)))

    def _usual_ms(self, pool: str, points: Points, own: Own | None) -> float | None:
        """Return the mean duration of the pool's requests, else the last known one, in ms."""
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
        uncounted = np.isnan(points.invocations)
        minutes = points.first + np.arange(len(uncounted))
        unread = uncounted & (minutes >= memo.requests_until(window.end))
        series = demand(points, *proof, usual_ms, newest, peakless=bool(memo.peakless), own=own, runs_on=memo.runs_on,
                        unread=Unread(unread, memo.usual_share))
        memo.usual_share = share_of(series, ~uncounted, memo.usual_share)
        rows = series.window(*window)
        memo.barren_until = None if rows.recorded.any() else rows.end_minute
        absent = ~present(points)[window.first - points.first :]
        return Telemetry(rows, absent=absent, duration_seconds=None if usual_ms is None else usual_ms / 1000)
