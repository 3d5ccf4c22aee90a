"""Demand source of any metrics in Cloud Monitoring, for the pools of one project: a query for each metric of a pool."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np

from adapters.gcp.metric_settings import CloudMonitoringMetricSettings
from adapters.gcp.monitoring.demand_source import HOURS_PER_MONTH, KEPT_MINUTES, USD_PER_SERIES
from adapters.gcp.monitoring.metric_reader import MetricReader
from adapters.gcp.monitoring.metric_series import SeriesQuery, read_series
from adapters.pinging.own_traffic import OwnTraffic
from adapters.ports.demand_source import Telemetry
from adapters.ports.errors import AdapterError, Malformed
from adapters.ports.minute_rows import UNSETTLED, Mask, Minutes, impossible
from adapters.runtime.clock import Clock
from forecasting.demand import DemandSeries, instant_of, minute_of

LATE = 10
"""Minutes without a point after which metrics count as missing."""


class CloudMonitoringMetricDemand:
    """Demand source of `pools` in one project. Not for concurrent use. `ledgers`: own pings, which the metrics contain."""

    kind = "cloud-monitoring-metric"

    def __init__(self, reader: MetricReader, clock: Clock, pools: Mapping[str, CloudMonitoringMetricSettings],
                 ledgers: Mapping[str, OwnTraffic] = MappingProxyType({})) -> None:
        self._reader, self._clock, self._pools, self._ledgers = reader, clock, dict(pools), ledgers
        self._returned = 0

    @property
    def spent_usd(self) -> float:
        """Cost of the reads of this process in USD, at list price."""
        return self._returned * USD_PER_SERIES

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        """Return the cost of a month in USD at list price, without the free million series of the billing account."""
        each = sum(len(settings.series) for settings in self._pools.values()) / max(1, len(self._pools))
        return pools * each * USD_PER_SERIES * HOURS_PER_MONTH * 3600 / interval.total_seconds()

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """Return the demand of each pool; a failure is the error of its pool. See `DemandSource`."""
        end = min(minute_of(until), minute_of(self._clock.now()))
        firsts = {pool: min(end, max(minute_of(since[pool]), end - KEPT_MINUTES)) for pool in pools}
        found = await asyncio.gather(*(self._read(pool, firsts[pool], end) for pool in pools))
        return dict(zip(pools, found, strict=True))

    async def _read(self, pool: str, first: int, end: int) -> Telemetry:
        """Return the demand of one pool."""
        if first == end:
            return Telemetry(DemandSeries.empty(end))
        roles = self._pools[pool].series
        queries = [SeriesQuery(settings, f"{role} of pool {pool}", first, end) for role, settings in roles.items()]
        columns = await asyncio.gather(*(self._column(query) for query in queries))
        errors = [each for each in columns if isinstance(each, AdapterError)]
        if errors:
            return Telemetry(DemandSeries.empty(first), error=errors[0])
        values = {role: column for role, column in zip(roles, columns, strict=True) if not isinstance(column, AdapterError)}
        wrong = np.logical_or.reduce([impossible(column) for column in values.values()])
        series, absent = rows_of(first, values, wrong)
        series = self._ledgers[pool].without(series) if pool in self._ledgers else series
        error = None
        if wrong.any():
            error = Malformed(f"{pool}: Cloud Monitoring returned points in project {self._reader.project} that are negative or "
                              "not finite, so their minutes are unknown: correct filter, or the program that writes them")
        alive, quiet = self._life(pool, values, first, end)
        return Telemetry(series, alive, error, absent=absent, quiet=quiet)

    async def _column(self, query: SeriesQuery) -> Minutes | AdapterError:
        try:
            values = await read_series(self._reader, query)
        except AdapterError as error:
            return error
        self._returned += bool((~np.isnan(values)).any())
        return values

    def _life(self, pool: str, values: Mapping[str, Minutes], first: int, end: int) -> tuple[bool | None, str]:
        """Return whether metrics are published, and why it is unknown whether they are."""
        points = np.flatnonzero(~np.isnan(list(values.values())).all(axis=0))
        newest = first + int(points[-1]) if len(points) else None
        if newest is not None and end - 1 - newest <= LATE:
            return True, ""
        if "proof" in values:
            return False, ""
        since = "recently" if newest is None else f"since {instant_of(newest + 1):%Y-%m-%d %H:%M} UTC"
        return None, (f"the metrics of {pool} have no point {since}: nothing runs, or they are missing, which cannot be "
                      "distinguished")


def rows_of(first: int, values: Mapping[str, Minutes], wrong: Mask) -> tuple[DemandSeries, Mask]:
    """Return the demand of `values` (role -> value by minute, NaN without a point), and bool[n]: minutes without a peak.

    An absent point is zero in a minute in which `proof` has a point, except for the newest `UNSETTLED` minutes, whose points may
    not all be published; without `proof` it is unknown. `wrong`: minutes with impossible points, which are unknown.
    """
    absent = np.isnan(values["peak"])
    proved = np.zeros(len(absent), bool)
    if "proof" in values:
        proved[:-UNSETTLED] = ~np.isnan(values["proof"])[:-UNSETTLED]
    filled = {role: np.where(wrong, np.nan, np.where(np.isnan(column) & proved, 0.0, column)) for role, column in values.items()}
    peak = filled["peak"]
    busy, requests = np.fmin(filled.get("busy", peak), peak), filled.get("requests", np.full(len(peak), np.nan))
    known = ~np.isnan(peak)
    columns = (np.where(known, column, np.nan).astype(np.float32) for column in (np.ceil(peak), busy, requests))
    return DemandSeries(first, *columns), absent & ~wrong
