"""The demand source of Google Cloud: Cloud Run's metrics in Cloud Monitoring, for all pools of one project.

Each collection reads three metrics, one value per minute, in one query each for all services: `request_count`,
`request_latencies` and `pending_queue/pending_requests`. It first reads the number of instances of the whole project
(`container/instance_count`, by state). In a minute with such a point, a service without a point had no request (see
`monitoring.proven_minutes`).

A minute is published up to 2 min after it ended, and is not requested before. The first read covers up to 14 days.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np

from adapters.gcp.monitoring.demand_rows import Points, demand, of_users, present
from adapters.gcp.monitoring.metric_reader import BY_STATE, MAX, SUM, Column, MetricReader, Place, Query
from adapters.gcp.monitoring.proven_minutes import ProjectActivity, proven_minutes, telemetry_works
from adapters.gcp.run.services import Service
from adapters.pinging.own_traffic import OwnTraffic
from adapters.ports.demand_source import Telemetry
from adapters.ports.errors import AdapterError, Malformed, NotFound
from adapters.ports.minute_rows import Mask, Minutes, impossible, mean_by_requests, quiet_since
from adapters.runtime.clock import Clock
from forecasting.demand import DemandSeries, minute_of
from forecasting.plausible import without

PUBLISHED_AFTER = timedelta(seconds=120)
"""Longest time from the end of a minute until its metrics are visible (Google's list of metrics)."""

USD_PER_SERIES = 0.50 / 1_000_000
"""List price per returned series since October 2025. The first million per month and billing account is free."""

HOURS_PER_MONTH = 730
PER_POOL, ACTIVITY = ("request_count", "request_latencies", "pending_queue/pending_requests"), "container/instance_count"
STATES = ("active", "idle")
ACTIVITY_BACK, ACTIVITY_BACK_FIRST = 60, 14 * 1440
"""Minutes of activity read before the first requested minute. The first read covers a long time without traffic."""

KEPT_MINUTES = 41 * 1440
"""Minutes that can be read: Cloud Monitoring keeps a resolution of one minute for six weeks."""

BACKFILL_FROM, BACKFILL_POINTS = 180, 2_000_000
SETTLED = timedelta(minutes=15)


class Plane(Protocol):
    """The part of a region's control plane that the source needs."""

    async def listed(self, services: tuple[str, ...]) -> dict[str, Service | AdapterError]:
        """See `RunPlane.listed`."""


class CloudMonitoringDemand:
    """Demand source of one project. Not for concurrent use.

    `resources`: pool name -> service. `planes`: location -> control plane. `aims`: pool name -> share of an instance's
    concurrency that Cloud Run uses before it starts another. `trusting`: pools for which a project without points counts as idle.
    `ledgers`: own pings by pool, which are no demand.
    """

    kind = "cloud-monitoring"

    def __init__(self, reader: MetricReader, clock: Clock, resources: Mapping[str, Place], planes: Mapping[str, Plane],
                 aims: Mapping[str, float], trusting: Collection[str] = (),
                 ledgers: Mapping[str, OwnTraffic] | None = None) -> None:
        self.project, self.resources, self._aims = reader.project, dict(resources), dict(aims)
        self._reader, self._clock, self._planes, self._trusting = reader, clock, planes, frozenset(trusting)
        self._ledgers = ledgers or {}
        self._usual_ms: dict[str, float | None] = defaultdict(lambda: None)
        self._activity: ProjectActivity | None = None

    @property
    def spent_usd(self) -> float:
        """Cost of the reads of this process in USD, at list price."""
        return self._reader.series_returned * USD_PER_SERIES

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        """Return the cost of a month in USD at list price, without the free million series of the billing account."""
        return (pools * len(PER_POOL) + len(STATES)) * USD_PER_SERIES * HOURS_PER_MONTH * 3600 / interval.total_seconds()

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """See the protocol. Raise `PermissionDenied`, `Throttled` or `Unreachable` when no pool could be read."""
        end = min(minute_of(until), minute_of(self._clock.now() - PUBLISHED_AFTER))
        firsts = {pool: min(end, max(minute_of(since[pool]), end - KEPT_MINUTES)) for pool in pools}
        included = self._within_budget({pool: first for pool, first in firsts.items() if first < end}, end)
        services, failures = await self._services(included)
        activity = await self._read_activity(min(included.values(), default=end - 1), end)
        warm_since = _warm_since(services)
        kept_warm = warm_since is not None and minute_of(self._clock.now() - SETTLED) > warm_since
        works = telemetry_works(activity, end, kept_warm=kept_warm)
        newest = int(activity.minutes[-1]) if len(activity.minutes) else None
        at_zero = works is None and (newest is None or bool(activity.idle_long[-1]))
        quiet = quiet_since(f"in project {self.project}", newest) if at_zero else ""
        telemetry = {pool: Telemetry(DemandSeries.empty(firsts[pool]), works, failures.get(pool), quiet=quiet) for pool in pools}
        columns: dict[str, dict[Place, Column]] = {}
        for first, members in _by_first_minute({pool: included[pool] for pool in services}).items():
            names = tuple(sorted({self.resources[pool].service for pool in members}))
            for metric in PER_POOL:
                aligner = MAX if metric == PER_POOL[2] else SUM
                columns[metric] = await self._reader.read(Query(metric, aligner, first, end, names))
            proofs = tuple(proven_minutes(activity, first, end, warm_since=warm_since, trusting=trusting)
                           for trusting in (False, True))
            rows = await asyncio.to_thread(self._rows, members, services, columns, proofs, first)
            telemetry |= {pool: replace(each, alive=works, quiet=quiet) for pool, each in rows.items()}
        return telemetry

    async def _services(self, pools: Mapping[str, int]) -> tuple[dict[str, Service], dict[str, AdapterError]]:
        """Return the service of each pool, and the error of each pool whose service could not be read."""
        services: dict[str, Service] = {}
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
                name = self.resources[pool].service
                service = known.get(name)
                if isinstance(service, Service):
                    services[pool] = service
                elif service is not None:
                    failures[pool] = service
                else:
                    failures[pool] = NotFound(f"Cloud Run service {name} of {self.project} in {location} does not exist: "
                                              "create it, or correct the pool's lever in the policy")
        return services, failures

    async def _read_activity(self, oldest: int, end: int) -> ProjectActivity:
        """Return the activity of the project up to `end`, from at least `ACTIVITY_BACK` minutes before `oldest` on."""
        first = max(oldest - (ACTIVITY_BACK_FIRST if self._activity is None else ACTIVITY_BACK), end - KEPT_MINUTES)
        counts = await self._reader.read(Query(ACTIVITY, MAX, first, end, group_by=BY_STATE))
        none = np.full(end - first, np.nan)
        active, idle = (counts[Place("", state)].values if Place("", state) in counts else none for state in STATES)
        self._activity = ProjectActivity.of(first, active, idle).after(self._activity)
        return self._activity

    def _within_budget(self, firsts: Mapping[str, int], end: int) -> dict[str, int]:
        """Return all short windows, and long ones up to `BACKFILL_POINTS` points. Later collections read the others."""
        chosen, points_left = {}, BACKFILL_POINTS
        for pool, first in firsts.items():
            if end - first > BACKFILL_FROM:
                if points_left <= 0:
                    continue
                points_left -= (end - first) * len(PER_POOL)
            chosen[pool] = first
        return chosen

    def _rows(self, pools: Sequence[str], services: Mapping[str, Service], columns: Mapping[str, Mapping[Place, Column]],
              proofs: tuple[Mask, ...], first: int) -> dict[str, Telemetry]:
        """Return the telemetry of pools that are read from the same minute on. Runs in a thread: thousands of pools take long.

        `proofs`: the proven minutes, without and with `trusting`.
        """
        empty = Column(*(np.full(len(proofs[0]), np.nan) for _ in range(2)))
        out = {}
        for pool in pools:
            counts, latencies, pending = (columns[metric].get(self.resources[pool], empty) for metric in PER_POOL)
            wrong = np.logical_or.reduce([impossible(each) for each in (counts.values, latencies.values, latencies.means,
                                                                        pending.values)])
            if wrong.any():
                counts, latencies, pending = (Column(np.where(wrong, np.nan, each.values), np.where(wrong, np.nan, each.means))
                                              for each in (counts, latencies, pending))
            points = Points(first, _within(counts.values, latencies.values), latencies.means, pending.values)
            if pool in self._ledgers:
                points = of_users(points, self._ledgers[pool].own(first, len(points.requests)))
            mean = mean_by_requests(points.latency_ms, points.requests)
            usual = self._usual_ms[pool] = self._usual_ms[pool] if mean is None else mean
            rows = demand(points, proofs[pool in self._trusting], services[pool].requests_per_instance(self._aims[pool]), usual)
            error = None
            if wrong.any():
                error = Malformed(f"{pool}: Cloud Monitoring returned points of service {self.resources[pool].service} in "
                                  f"project {self.project} that are negative or not finite: their minutes are unknown")
                rows = without(rows, wrong)
            out[pool] = Telemetry(rows, absent=~present(points) & ~wrong, error=error,
                                  duration_seconds=None if usual is None else usual / 1000)
        return out


def _warm_since(services: Mapping[str, Service]) -> int | None:
    """Return the first minute since which some instance has been kept warm; None when none is."""
    return min((0 if service.changed_at is None else minute_of(service.changed_at)
                for service in services.values() if service.effective > 0), default=None)


def _within(counts: Minutes, latencies: Minutes) -> Minutes:
    """Return the requests of each minute, from `latencies` where `counts` are not published yet."""
    return np.where(np.isnan(counts), latencies, counts)


def _by_first_minute(firsts: Mapping[str, int]) -> dict[int, list[str]]:
    """Return first minute -> pools that are read together: their windows start within `BACKFILL_FROM` minutes of it."""
    pools_of: dict[int, list[str]] = {}
    for pool, first in firsts.items():
        pools_of.setdefault(first, []).append(pool)
    merged: dict[int, list[str]] = {}
    for first in sorted(pools_of):
        near = next((other for other in merged if first - other <= BACKFILL_FROM), None)
        merged.setdefault(first if near is None else near, []).extend(pools_of[first])
    return merged
