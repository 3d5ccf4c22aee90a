"""Demand from PromQL queries to one server.

A minute is known only where the proof query, or else the peak query, has a point in it: a metric that does not exist and a
pool without requests give the same empty answer.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np

from adapters.pinging.own_traffic import OwnTraffic
from adapters.ports.demand_source import Telemetry
from adapters.ports.errors import AdapterError, Unsupported
from adapters.ports.minute_rows import Minutes
from adapters.prometheus.answers import Series
from adapters.prometheus.client import Answer, PrometheusClient
from adapters.prometheus.demand_rows import Columns, demand_of, lowest
from adapters.prometheus.pages import Page, PageReader
from adapters.prometheus.promql import expanded
from adapters.prometheus.settings import QUERIES, PrometheusSettings
from adapters.runtime.clock import Clock
from forecasting.demand import DemandSeries, minute_of

PAGE = 10_000
"""Minutes of one request. Prometheus refuses more than 11,000 points of a series."""

LATE = 10
"""Minutes after which metrics that have no proof count as missing."""

LONG, LONG_POOLS = 180, 200
"""Pools of which one collection reads more than `LONG` minutes. Later collections read the others."""


class PrometheusDemand:
    """Demand source of the pools at one server. `ledgers`: own pings of pools, which are not demand. Not for concurrent use."""

    kind = "prometheus"

    def __init__(self, client: PrometheusClient, clock: Clock, pools: Mapping[str, PrometheusSettings],
                 ledgers: Mapping[str, OwnTraffic] = MappingProxyType({})) -> None:
        self._client, self._clock, self._ledgers = client, clock, ledgers
        self._reader = PageReader(client)
        self._queries = {pool: queries_of(pool, settings) for pool, settings in pools.items()}
        self._failed: set[str] = set()

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """See `DemandSource`. Raise `Misconfigured` when a secret or certificate of the server cannot be read."""
        end = min(minute_of(until), minute_of(self._clock.now()))
        firsts = {pool: min(end, minute_of(since[pool])) for pool in pools}
        chosen = self._chosen(firsts, end)
        pages: dict[Page, str] = {}
        for pool in chosen:
            for setting, query in self._queries[pool].items():
                for page in pages_of(query, firsts[pool], end):
                    pages.setdefault(page, f"{setting} of pool {pool}")
        answers = await self._reader.read(await self._client.access.read(), pages)
        found = {pool: Telemetry(DemandSeries.empty(firsts[pool])) for pool in pools}
        found |= {pool: self._telemetry(pool, firsts[pool], end, answers) for pool in chosen}
        self._failed = {pool for pool, each in found.items() if each.error is not None}
        return found

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:  # noqa: ARG002
        """Return 0: a server of your own bills no reads. What a managed service bills for them depends on its series."""
        return 0.0

    def _chosen(self, firsts: Mapping[str, int], end: int) -> list[str]:
        """Return the pools to read: those with short windows, and `LONG_POOLS` others, first those that did not fail before."""
        long = [pool for pool, first in firsts.items() if end - first > LONG]
        later = set(sorted(long, key=self._failed.__contains__)[LONG_POOLS:])
        return [pool for pool, first in firsts.items() if pool not in later and first < end]

    def _telemetry(self, pool: str, first: int, end: int, answers: Mapping[Page, Answer | AdapterError]) -> Telemetry:
        """Return the demand of one pool from `answers`; its error when one of its queries has failed."""
        columns: dict[str, Minutes] = {}
        complete = end
        try:
            for setting, query in self._queries[pool].items():
                parts = []
                for page in pages_of(query, first, end):
                    answer = answers[page]
                    if isinstance(answer, AdapterError):
                        raise answer
                    complete = complete if answer.end is None else max(first, min(complete, answer.end))
                    parts.append(values_of(answer.series, setting, pool, page.end - page.first))
                columns[setting] = np.concatenate(parts)
        except AdapterError as error:
            return Telemetry(DemandSeries.empty(end), None, error)
        series, absent = demand_of(Columns(**columns), first)
        series, absent = series.window(first, complete), absent[: complete - first]
        alive = bool(series.recorded[-LATE:].any()) if len(series) >= LATE else None
        series = self._ledgers[pool].without(series) if pool in self._ledgers else series
        return Telemetry(series, alive, absent=absent)


def pages_of(query: str, first: int, end: int) -> list[Page]:
    """Return the pages of a query over the minutes from `first` up to `end`."""
    return [Page(query, start, min(end, start + PAGE)) for start in range(first, end, PAGE)]


def values_of(series: Sequence[Series], setting: str, pool: str, minutes: int) -> Minutes:
    """Return the values of a query by minute, float64[minutes]."""
    if setting == "proof":
        return lowest([each.values for each in series], minutes)
    return only(series, f"{setting} of pool {pool}", minutes)


def queries_of(pool: str, settings: PrometheusSettings) -> dict[str, str]:
    """Return the queries of a pool by setting."""
    return {name: expanded(query, pool) for name in QUERIES if (query := getattr(settings, name)) is not None}


def only(series: Sequence[Series], what: str, minutes: int) -> Minutes:
    """Return the values of the only series, float64[minutes]; no point without one. Raise `Unsupported` when there are several.

    They are not added up: replicas of a server that scrape the same targets would count twice.
    """
    if len(series) > 1:
        differing = sorted({name for each in series for name, value in each.labels.items()
                            if any(other.labels.get(name) != value for other in series)})
        raise Unsupported(f"{what}: the query returns {len(series)} series, which differ in {', '.join(differing)[:200]}: "
                          "aggregate them to one, for example with sum(…)")
    return series[0].values if series else np.full(minutes, np.nan)
