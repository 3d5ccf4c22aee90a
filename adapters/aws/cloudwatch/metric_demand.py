"""Demand source of any metrics in CloudWatch, for all pools of one account and region.

A collection reads each metric of a pool once, with one value a minute. The first read of a pool goes back up to 14 days;
pools take turns within `BACKFILL_POINTS`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np

from adapters.aws.clients import Connections
from adapters.aws.cloudwatch.demand_source import (
    BACKFILL_FROM,
    BACKFILL_POINTS,
    HOURS_PER_MONTH,
    KEPT_MINUTES,
)
from adapters.aws.cloudwatch.metric_queries import Query, Result, column
from adapters.aws.cloudwatch.metric_reader import MetricReader
from adapters.aws.cloudwatch.metric_rows import LEAD_MINUTES, rows_of, series_of, trees_of
from adapters.aws.cloudwatch.proven_minutes import LATE
from adapters.aws.metric_settings import CloudWatchAlbSettings, CloudWatchMetricSettings
from adapters.pinging.own_traffic import OwnTraffic
from adapters.ports.demand_source import Part, Telemetry
from adapters.ports.errors import AdapterError, Malformed
from adapters.ports.minute_rows import Minutes
from adapters.ports.read_prices import USD_PER_METRIC, ReadPrices
from adapters.runtime.clock import Clock
from forecasting.demand import DemandSeries, instant_of, minute_of
from forecasting.plausible import without


class CloudWatchMetricDemand:
    """Demand source of pools of one `kind`; not for concurrent use. `ledgers`: own pings of pools that their metrics contain."""

    def __init__(self, kind: str, connections: Connections, clock: Clock,
                 pools: Mapping[str, CloudWatchMetricSettings | CloudWatchAlbSettings],
                 ledgers: Mapping[str, OwnTraffic] = MappingProxyType({})) -> None:
        self.kind, self.region, self._ledgers = kind, connections.region, ledgers
        self._series = {name: series_of(settings) for name, settings in pools.items()}
        self._trees = {name: trees_of(settings) for name, settings in pools.items()}
        self._reader = MetricReader(connections, clock, f"metrics in {connections.place}")

    @property
    def spent_usd(self) -> float:
        """Cost of the reads of this process at list price, in USD."""
        return self._reader.metrics_requested * USD_PER_METRIC

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        """Return the cost in USD a month at list price, without the backfill of the first read."""
        each = sum(len(set(read.values())) for read in self._series.values()) / max(1, len(self._series))
        return pools * each * USD_PER_METRIC * HOURS_PER_MONTH * 3600 / interval.total_seconds()

    def prices(self, pool: str) -> ReadPrices:
        """Return the billed metrics of a pool's reads; every read has all of them."""
        metrics = len(set(self._series[pool].values()))
        return ReadPrices(metrics, metrics, metrics)

    async def collect_parts(self, parts: Mapping[str, Part], since: Mapping[str, datetime],
                            until: datetime) -> Mapping[str, Telemetry]:
        """Return the demand of each pool, everything whatever the part. See `ReadsParts`; nothing wakes a pool."""
        return await self.collect([pool for pool, part in parts.items() if part is not Part.LISTEN], since, until)

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """Return the demand of each pool. Raise `AdapterError` when nothing could be read. See `DemandSource`."""
        end = minute_of(until)
        firsts = {pool: min(end, max(minute_of(since[pool]), end - KEPT_MINUTES + LEAD_MINUTES)) for pool in pools}
        queries = {pool: self._queries(pool, firsts[pool], end) for pool in self._within_budget(firsts, end)}
        unique = dict.fromkeys(query for each in queries.values() for query in each.values())
        results, failures = await self._reader.read(list(unique))
        errors = [failures[pool] for pool in queries if pool in failures and not isinstance(failures[pool], Malformed)]
        if queries and len(errors) == len(queries):
            raise errors[0]
        return await asyncio.to_thread(self._telemetry_of_all, firsts, end, queries, results, failures)

    def _queries(self, pool: str, first: int, end: int) -> dict[str, Query]:
        return {role: Query(pool, each.metric, first - LEAD_MINUTES, end, each.dimensions)
                for role, each in self._series[pool].items()}

    def _within_budget(self, firsts: Mapping[str, int], end: int) -> list[str]:
        """Return the pools with short windows, and those with long ones up to `BACKFILL_POINTS`; others have their turn later."""
        chosen, points = [], BACKFILL_POINTS
        for pool, first in firsts.items():
            if end - first > BACKFILL_FROM:
                if points <= 0:
                    continue
                points -= (end - first) * len(self._series[pool])
            if first < end:
                chosen.append(pool)
        return chosen

    def _telemetry_of_all(self, firsts: Mapping[str, int], end: int, queries: Mapping[str, Mapping[str, Query]],
                          results: Mapping[Query, list[Result]], failures: Mapping[str, AdapterError]) -> dict[str, Telemetry]:
        """Return the telemetry of every pool. Runs in a thread, because the arrays of thousands of pools take time."""
        out = {}
        for pool, first in firsts.items():
            error = failures.get(pool)
            if pool not in queries or (error is not None and not isinstance(error, Malformed)):
                out[pool] = Telemetry(DemandSeries.empty(first), error=error)
                continue
            columns = {role: column(query, results[query]) for role, query in queries[pool].items()}
            wrong = {minute for query in queries[pool].values() for part in results[query] for minute in part.impossible}
            out[pool] = self._telemetry(pool, first, end, columns, wrong, error)
        return out

    def _telemetry(self, pool: str, first: int, end: int, columns: Mapping[str, Minutes], wrong: set[int],
                   error: AdapterError | None) -> Telemetry:
        start, ledger = first - LEAD_MINUTES, self._ledgers.get(pool)
        own = None if ledger is None or "seconds" not in columns else ledger.own(start, end - start)
        rows = rows_of(start, columns, own, self._trees[pool])
        series = without(rows.series, np.isin(np.arange(start, end), list(wrong))) if wrong else rows.series
        series = series if ledger is None or "seconds" in columns else ledger.without(series)
        alive, quiet = self._life(pool, columns, start, end)
        return Telemetry(series.window(first, end), alive, error, rows.seconds, rows.absent[LEAD_MINUTES:], quiet)

    def _life(self, pool: str, columns: Mapping[str, Minutes], start: int, end: int) -> tuple[bool | None, str]:
        """Return whether metrics are published, and why it is unknown whether they are.

        AWS documents that a load balancer publishes nothing without requests, and also that it always counts healthy targets:
        without any point it may be idle.
        """
        points = np.flatnonzero(~np.isnan(list(columns.values())).all(axis=0))
        newest = start + int(points[-1]) if len(points) else None
        if newest is not None and end - 1 - newest <= LATE:
            return True, ""
        if "proof" in columns and "seconds" not in columns:
            return False, ""
        since = "recently" if newest is None else f"since {instant_of(newest + 1):%Y-%m-%d %H:%M} UTC"
        return None, (f"the metrics of {pool} have no point {since}: nothing runs, or they are missing, which cannot be "
                      "distinguished")
