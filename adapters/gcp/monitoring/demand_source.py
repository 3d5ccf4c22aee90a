"""The demand source of Google Cloud: Cloud Run's metrics in Cloud Monitoring, for all pools of one project.

What is read each time, one value a minute, each in one query for all services: `request_count`, `request_latencies` and
`pending_queue/pending_requests`. Beside them, and *before* them, whether anything at all has an instance in the project
(`container/instance_count`, by state): what a service lacks in such a minute was really lacking (see `demand_rows.proved`).

A minute is published up to two minutes after it ended, and is not asked for before. The first reading goes back up to 14 days.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np

from adapters.gcp.monitoring.demand_rows import Control, Points, alive, demand, present, proved
from adapters.gcp.monitoring.metric_reader import BY_STATE, MAX, SUM, Column, MetricReader, Place, Query
from adapters.gcp.run.services import Service
from adapters.ports.demand_source import Telemetry
from adapters.ports.errors import AdapterError, NotFound
from adapters.ports.minute_rows import Mask, Minutes, mean_by_requests, quiet_since
from adapters.runtime.clock import Clock
from forecasting.demand import DemandSeries, minute_of

PUBLISHED_AFTER = timedelta(seconds=120)
"""Cloud Run's metrics are not visible for up to so long after the minute they are of (Google's list of metrics)."""

USD_PER_SERIES = 0.50 / 1_000_000
"""Cloud Monitoring API reads, each series returned, since October 2025; a billing account's first million a month is free."""

HOURS_PER_MONTH = 730
PER_POOL, CONTROL = ("request_count", "request_latencies", "pending_queue/pending_requests"), "container/instance_count"
STATES = ("active", "idle")
CONTROL_BACK, CONTROL_BACK_FIRST = 60, 14 * 1440
"""Minutes before what is asked for: at first as far as a project may have been asleep."""

KEPT_MINUTES = 41 * 1440
"""Cloud Monitoring keeps a minute's resolution for six weeks."""

BACKFILL_FROM, BACKFILL_POINTS = 180, 2_000_000
SETTLED = timedelta(minutes=15)


class Plane(Protocol):
    """What the source needs of a region's control plane: how services are made."""

    async def listed(self, services: tuple[str, ...]) -> dict[str, Service | AdapterError]: ...


class CloudMonitoringDemand:
    """Reads `resources`: pool name -> service. `planes`: by location. `aims`: pool name -> the share of its concurrency up to
    which Cloud Run uses an instance before it starts another. `trusting`: pools of which a quiet project counts as idle. Not for
    concurrent use.
    """

    kind = "cloud-monitoring"

    def __init__(self, reader: MetricReader, clock: Clock, resources: Mapping[str, Place], planes: Mapping[str, Plane],
                 aims: Mapping[str, float], trusting: Collection[str] = ()) -> None:
        self.project, self.resources, self._aims = reader.project, dict(resources), dict(aims)
        self._reader, self._clock, self._planes, self._trusting = reader, clock, planes, frozenset(trusting)
        self._usual_ms: dict[str, float | None] = defaultdict(lambda: None)
        self._seen: Control | None = None

    @property
    def spent_usd(self) -> float:
        """What the readings of this process have cost at list price."""
        return self._reader.series_returned * USD_PER_SERIES

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        """At list price, without the free million of series that all of a billing account share."""
        return (pools * len(PER_POOL) + len(STATES)) * USD_PER_SERIES * HOURS_PER_MONTH * 3600 / interval.total_seconds()

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """See the protocol. `PermissionDenied`, `Throttled` and `Unreachable` are raised when nothing at all could be read."""
        end = min(minute_of(until), minute_of(self._clock.now() - PUBLISHED_AFTER))
        firsts = {pool: min(end, max(minute_of(since[pool]), end - KEPT_MINUTES)) for pool in pools}
        turn = self._affordable({pool: first for pool, first in firsts.items() if first < end}, end)
        services, failures = await self._services(turn)
        control = await self._control(min(turn.values(), default=end - 1), end)
        warm_since = _warm_since(services)
        kept_warm = warm_since is not None and minute_of(self._clock.now() - SETTLED) > warm_since
        works = alive(control, end, kept_warm=kept_warm)
        newest = int(control.minutes[-1]) if len(control.minutes) else None
        asleep = works is None and (newest is None or bool(control.drowsy[-1]))
        quiet = quiet_since(f"in project {self.project}", newest) if asleep else ""
        told = {pool: Telemetry(DemandSeries.empty(firsts[pool]), works, failures.get(pool), quiet=quiet) for pool in pools}
        columns: dict[str, dict[Place, Column]] = {}
        for first, members in _together({pool: turn[pool] for pool in services}).items():
            names = tuple(sorted({self.resources[pool].service for pool in members}))
            for metric in PER_POOL:
                aligner = MAX if metric == PER_POOL[2] else SUM
                columns[metric] = await self._reader.read(Query(metric, aligner, first, end, names))
            proofs = tuple(proved(control, first, end, warm_since=warm_since, trusting=trusting) for trusting in (False, True))
            rows = await asyncio.to_thread(self._rows, members, services, columns, proofs, first)
            told |= {pool: replace(each, alive=works, quiet=quiet) for pool, each in rows.items()}
        return told

    async def _services(self, pools: Mapping[str, int]) -> tuple[dict[str, Service], dict[str, AdapterError]]:
        """How each pool's service is made, and why that is not known of some."""
        found: dict[str, Service] = {}
        failures: dict[str, AdapterError] = {}
        of_location: dict[str, list[str]] = {}
        for pool in pools:
            of_location.setdefault(self.resources[pool].location, []).append(pool)
        for location, members in of_location.items():
            try:
                known = await self._planes[location].listed(tuple(self.resources[pool].service for pool in members))
            except AdapterError as error:
                failures |= dict.fromkeys(members, error)
                continue
            for pool in members:
                service = self.resources[pool].service
                told = known.get(service)
                if isinstance(told, Service):
                    found[pool] = told
                elif told is not None:
                    failures[pool] = told
                else:
                    failures[pool] = NotFound(f"Cloud Run service {service} of {self.project} in {location} does not exist: "
                                              "create it, or correct the pool's lever in the policy")
        return found, failures

    async def _control(self, oldest: int, end: int) -> Control:
        """When anything in the project had an instance, from before the minute `oldest` on."""
        first = oldest - (CONTROL_BACK_FIRST if self._seen is None else CONTROL_BACK)
        found = await self._reader.read(Query(CONTROL, MAX, max(first, end - KEPT_MINUTES), end, group_by=BY_STATE))
        none = np.full(end - max(first, end - KEPT_MINUTES), np.nan)
        active, idle = (found[Place("", state)].values if Place("", state) in found else none for state in STATES)
        self._seen = Control.of(max(first, end - KEPT_MINUTES), active, idle).after(self._seen)
        return self._seen

    def _affordable(self, firsts: Mapping[str, int], end: int) -> dict[str, int]:
        """Everything that is short, and of the long windows as many as one collection can take; the others' turn comes later."""
        chosen, left = {}, BACKFILL_POINTS
        for pool, first in firsts.items():
            if end - first > BACKFILL_FROM:
                if left <= 0:
                    continue
                left -= (end - first) * len(PER_POOL)
            chosen[pool] = first
        return chosen

    def _rows(self, pools: Sequence[str], services: Mapping[str, Service], columns: Mapping[str, Mapping[Place, Column]],
              proofs: tuple[Mask, ...], first: int) -> dict[str, Telemetry]:
        """What is told of the pools that were asked for from one minute on; runs in a thread, as thousands of pools take a while.
        `proofs`: without and with trust in a quiet project.
        """
        empty = Column(*(np.full(len(proofs[0]), np.nan) for _ in range(2)))
        out = {}
        for pool in pools:
            counts, latencies, pending = (columns[metric].get(self.resources[pool], empty) for metric in PER_POOL)
            points = Points(first, _within(counts.values, latencies.values), latencies.means, pending.values)
            mean = mean_by_requests(points.latency_ms, points.requests)
            usual = self._usual_ms[pool] = self._usual_ms[pool] if mean is None else mean
            rows = demand(points, proofs[pool in self._trusting], services[pool].takes(self._aims[pool]), usual)
            out[pool] = Telemetry(rows, absent=~present(points), duration_seconds=None if usual is None else usual / 1000)
        return out


def _warm_since(services: Mapping[str, Service]) -> int | None:
    """The minute since which some instance has been kept warm; None when none is."""
    return min((0 if service.changed_at is None else minute_of(service.changed_at)
                for service in services.values() if service.effective > 0), default=None)


def _within(counts: Minutes, latencies: Minutes) -> Minutes:
    """Requests of each minute; where only one of the two metrics is published yet, what that one counts."""
    return np.where(np.isnan(counts), latencies, counts)


def _together(firsts: Mapping[str, int]) -> dict[int, list[str]]:
    """Pools that are asked for together: those whose window begins about when others' does. First minute -> pools."""
    found: dict[int, list[str]] = {}
    for pool, first in firsts.items():
        found.setdefault(first, []).append(pool)
    merged: dict[int, list[str]] = {}
    for first in sorted(found):
        near = next((other for other in merged if first - other <= BACKFILL_FROM), None)
        merged.setdefault(first if near is None else near, []).extend(found[first])
    return merged
