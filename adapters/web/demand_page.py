"""Demand from a page of metrics, read once a minute: the maximum of concurrent requests, and the total of requests.

A page has only current values: there is no history before the first read, and a minute without a read is unknown.
"""

import asyncio
import os
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from adapters.pinging.own_traffic import OwnTraffic
from adapters.ports.demand_source import Telemetry
from adapters.ports.errors import AdapterError, Malformed, OutcomeUnknown, Unreachable
from adapters.runtime.clock import Clock
from adapters.web.client import Client, Reply, refused
from adapters.web.counters import increase
from adapters.web.exposition import ACCEPT, Labels, UnreadablePage, Value, metrics_of
from adapters.web.pings import headers_of
from adapters.web.settings import HttpMetricsSettings
from forecasting.demand import DemandSeries, minute_of

KEPT = 1440
PAGE_SECONDS = 10.0
"""Timeout of a page: it is not the answer of a unit that has to start, and other pages of the source wait for it."""


class PageReading(NamedTuple):
    """Values of the page at `at` (seconds since the epoch). `in_flight`: of all units. `work`: in seconds; None without the
    metric.
    """

    at: float
    in_flight: float
    requests: Mapping[Labels, Value]
    work: Mapping[Labels, Value] | None

    @property
    def minute(self) -> int:
        """Minute of the read, which proves the demand of the minute before."""
        return int(self.at // 60)


class Row(NamedTuple):
    """Demand of one minute."""

    minute: int
    peak: float
    busy: float
    requests: float


@dataclass(slots=True)
class PageReadings:
    """Last reading of one pool, and the minutes that readings proved, oldest first."""

    last: PageReading | None = None
    rows: deque[Row] = field(default_factory=lambda: deque(maxlen=KEPT))

    def add(self, reading: PageReading) -> None:
        """Add a reading. A minute is known from the reading in it and the one in the next minute."""
        before, self.last = self.last, reading
        if before is None or reading.minute != before.minute + 1:
            return
        requests = increase(before.requests, reading.requests, before.at, reading.at)
        if np.isnan(requests):
            return
        # a short request may run entirely between two readings
        peak = max(np.ceil(reading.in_flight), 1.0 if requests > 0 else 0.0)
        work = np.nan
        if before.work is not None and reading.work is not None:
            work = increase(before.work, reading.work, before.at, reading.at) / 60
        self.rows.append(Row(before.minute, peak, peak if np.isnan(work) else min(peak, work), requests))

    def series(self, first: int, end: int) -> DemandSeries:
        """Return the minutes from `first` up to `end`."""
        out = DemandSeries.empty(first, max(0, end - first))
        for row in self.rows:
            if first <= row.minute < end:
                at = row.minute - first
                out.peak[at], out.busy[at], out.invocations[at] = row.peak, row.busy, row.requests
        return out


class PageDemand:
    """Demand source that reads the page of each pool. `ledgers`: own pings of pools, which are not demand."""

    kind = "http-metrics"

    def __init__(self, client: Client, clock: Clock, pools: Mapping[str, HttpMetricsSettings],
                 environment: Mapping[str, str] = os.environ, ledgers: Mapping[str, OwnTraffic] = MappingProxyType({}),
                 patience: float = PAGE_SECONDS) -> None:
        self._ledgers, self._patience = ledgers, patience
        self._client, self._clock, self._settings, self._environment = client, clock, dict(pools), environment
        self._readings = {name: PageReadings() for name in pools}

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """Return the demand of each pool, with one concurrent request for each. See `DemandSource`."""
        errors = await asyncio.gather(*(self._read_page(name) for name in pools))
        found = {}
        for name, error in zip(pools, errors, strict=True):
            end, readings = minute_of(until), self._readings[name]
            first = max(minute_of(since[name]), readings.rows[0].minute if readings.rows else end)
            series = readings.series(min(first, end), end)
            series = self._ledgers[name].without(series) if name in self._ledgers else series
            found[name] = Telemetry(series, error is None, error)
        return found

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:  # noqa: ARG002  (a page is free)
        """Return 0."""
        return 0.0

    async def _read_page(self, pool: str) -> AdapterError | None:
        """Read the page of a pool, unless this minute has a reading."""
        settings, readings, now = self._settings[pool], self._readings[pool], self._clock.now()
        if readings.last is not None and readings.last.minute >= minute_of(now):
            return None
        try:
            headers = {"Accept": ACCEPT} | headers_of(settings, self._environment)
            reply = await self._client.send("GET", settings.url, settings.url, headers, {}, text=True, patience=self._patience)
            error = refused(reply, 200, settings.url)
            if error is None:
                readings.add(await asyncio.to_thread(reading_of, reply, settings, now.timestamp()))
        except OutcomeUnknown:
            return Unreachable(f"{settings.url} did not send a usable response within {self._patience:g} s: check the page, or "
                               "correct url of demand")
        except AdapterError as raised:
            return raised
        return error


def reading_of(reply: Reply, settings: HttpMetricsSettings, at: float) -> PageReading:
    """Return the values of a page. Raise `Malformed`. Runs in a thread, because thousands of label sets take time to parse."""
    wanted = (settings.in_flight_metric, settings.requests_metric, settings.work_metric)
    if not (reply.text.endswith("\n") or "Content-Length" in reply.headers or "Transfer-Encoding" in reply.headers):
        raise Malformed(f"{settings.url} has no final line break and no Content-Length, so it may be truncated: send "
                        "Content-Length")
    try:
        metrics = metrics_of(reply.text, reply.headers.get("Content-Type", ""), wanted)
    except UnreadablePage as error:
        raise Malformed(f"{settings.url} {error}") from None
    for name, setting in zip(wanted[:2], ("in_flight_metric", "requests_metric"), strict=True):
        if name not in metrics:
            raise Malformed(f"{settings.url} has no metric {name}: correct {setting}, or add the metric to the page")
    in_flight, requests = (metrics[name] for name in wanted[:2])
    return PageReading(at, sum(each.value for each in in_flight.values()), requests, metrics.get(settings.work_metric))
