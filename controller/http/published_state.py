"""State for the handlers: the fleet, and response bodies that are rendered once per tick instead of once per request."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from adapters.runtime.call_counter import Call
from adapters.runtime.clock import Clock
from config.model.policy import Policy
from controller.accounting.ledger import Ledger
from controller.decision.planning.observation import PATIENCE, DataFreshness
from controller.fleet.decision_log import DecisionLog
from controller.fleet.fleet import BREATH, Fleet
from controller.fleet.reconciler import STILL_COUNTS
from controller.forecasts.service import Forecasts
from controller.http.auth import BearerAuth
from controller.http.capacity_trace import CapacityTrace
from controller.http.compressed_body import CompressedBody
from controller.http.long_poll import LongPoll
from controller.http.responses import dumps
from controller.http.status_entries import blind_since, pool_entry, source_entry
from controller.leadership.leader_election import LeaderElection
from controller.metrics.daemon_collector import Daemon
from controller.metrics.exposition import Exposition
from controller.metrics.pool_exposition import pool_lines
from controller.metrics.tick_counters import Ticks
from controller.overrides.active_overrides import ActiveOverrides
from controller.overrides.prewarming import Prewarming
from controller.redaction.redactor import ByName
from controller.store.async_store import AsyncStore
from forecasting.demand import minute_of

LATELY = 8
"""Number of recent response bodies that are kept with their compressed forms."""

LATE_TICKS = 3
"""Readiness fails when the last tick started more than this number of intervals ago."""


class PublishedState:
    """Written by the daemon, read by the handlers, on one event loop."""

    def __init__(self, policy: Policy, clock: Clock, store: AsyncStore, journal: DecisionLog, tick_every: timedelta,
                 calls: Callable[[], Mapping[Call, int]], gate: BearerAuth | None = None) -> None:
        self.policy, self.clock, self.store, self.journal, self.tick_every = policy, clock, store, journal, tick_every
        self.policy_names = frozenset(pool.name for pool in policy.pools)
        self.started_at = clock.now()
        self.fleet: Fleet | None = None
        self.accounts: Ledger | None = None
        self.forecasts: Forecasts | None = None
        self.active_overrides: ActiveOverrides | None = None
        self.leadership: LeaderElection | None = None
        self.prewarming: Prewarming | None = None
        self.gate = gate or BearerAuth()
        self.ticks = Ticks()
        self.exposition = Exposition(Daemon(journal, self.ticks, tick_every, calls, self.unready))
        self.trail = CapacityTrace(pool.name for pool in policy.pools)
        nothing: dict[str, Any] = {"as_of": None, "tick": None, "sources": [], "totals": {}, "limits": {}, "orphans": [],
                                   "pools": []}
        self.status, self.pools = CompressedBody(dumps(nothing), "starting"), dumps({"as_of": None, "pools": []})
        self.long_poll = LongPoll(clock)
        self._lately: OrderedDict[str, CompressedBody] = OrderedDict()
        self._published = 0
        self._stale: dict[str, str] = {}
        self._ages: dict[str, dict[str, Any]] = {}

    async def publish(self) -> None:
        """Render the bodies from the current state of the fleet. Yields to the event loop at intervals."""
        fleet, accounts, forecasts = self.fleet, self.accounts, self.forecasts
        if fleet is None or accounts is None or forecasts is None:
            return
        now = self.clock.now()
        fragments: list[bytes] = []
        totals = {"requested": 0, "ready": 0, "busy": 0.0, "cost_today_usd": 0.0, "cost_month_usd": 0.0}
        stale, ages, units = {}, {}, {}
        for count, name in enumerate(fleet.reconcilers):
            if count % BREATH == BREATH - 1:
                await self.clock.sleep(0)
            entry = pool_entry(fleet, accounts, self.journal, forecasts, name, now)
            units[name] = entry["requested"], entry["ready"]
            for key in totals:
                totals[key] += entry[key] or 0
            ages[name] = {key: entry[key] for key in ("data_age_seconds", "forecast_age_seconds", "capacity_age_seconds",
                                                    "last_write")}
            if (reason := stale_reason(fleet, name, now) or unread_reason(fleet, name, now)) is not None:
                stale[name] = reason
            fragments.append(json.dumps(entry, separators=(",", ":")).encode())
        self._stale, self._ages = stale, ages
        self.trail.note(minute_of(now), units)
        pools = b"[" + b",".join(fragments) + b"]"
        as_of = dumps(now)
        self.pools = b'{"as_of":' + as_of + b',"pools":' + pools + b"}"
        lease = {} if self.leadership is None else {"lease": self.leadership.shown()}
        head = {"tick": fleet.last, "totals": {"pools": len(fragments), **totals}, "sources": self.sources(fleet),
                "limits": fleet.limiter.report(now), "orphans": fleet.orphans.shown(), **lease}
        self._published += 1
        self.status = CompressedBody(b'{"as_of":' + as_of + b"," + dumps(head)[1:-1] + b',"pools":' + pools + b"}",
                                     f"{self.started_at.timestamp():.6f}-{self._published}")
        self.long_poll.tell()
        self.exposition.daemon.fleet, self.exposition.daemon.leadership = fleet, self.leadership
        self.exposition.renew(lambda: pool_lines(fleet, accounts, forecasts.accuracy, self.clock))

    def packed(self, body: bytes) -> CompressedBody:
        """Return `body` for compression, or an equal recent body that is compressed already."""
        tag = hashlib.sha256(body).hexdigest()[:16]
        found = self._lately.setdefault(tag, CompressedBody(body, tag))
        while len(self._lately) > LATELY:
            self._lately.popitem(last=False)
        return found

    def sources(self, fleet: Fleet) -> list[Mapping[str, Any]]:
        """Return each demand source with the cost of reading it."""
        return [source_entry(region, self.tick_every) for region in fleet.regions]

    def unready(self) -> list[str]:
        """Return the reasons why the daemon is not ready; empty if it is ready."""
        fleet = self.fleet
        if fleet is None:
            return ["starting: history is being loaded"]
        if fleet.last is None:
            return ["no tick has run yet"]
        late = self.clock.now() - fleet.last.started_at
        reasons = [f"{name}: {reason}" for name, reason in self._stale.items()]
        if (lease := self.leadership) is not None and lease.error is not None:
            reasons.insert(0, f"the leader is unknown: {lease.error}")
        if fleet.store_error is not None:
            reasons.insert(0, f"the store cannot be written: {fleet.store_error}")
        if late > LATE_TICKS * self.tick_every:
            due = f"one is due every {self.tick_every.total_seconds():g} s"
            reasons.insert(0, f"the last tick started {late.total_seconds():.0f} s ago; {due}")
        return reasons

    def ages(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the age of the data of each pool at the last tick."""
        return ByName(self._ages)


def stale_reason(fleet: Fleet, name: str, now: datetime) -> str | None:
    """Return why a pool's demand is stale; None if it is not."""
    region = fleet.region_of[name]
    intake = region.collector
    sight, age = intake.freshness(name, now)
    if sight in (DataFreshness.FRESH, DataFreshness.QUIET):
        return None if region.followed_at is not None else "no forecast yet"
    error = intake.errors.get(name)
    why = "" if error is None else f": {error}"
    since = blind_since(fleet, name, now)
    blind = "" if since is None else f"metrics missing since {since:%Y-%m-%d %H:%M} UTC: "
    if age is None:
        return f"{blind}demand has never been read{why}"
    patience = (intake.metric_delay + PATIENCE).total_seconds()
    return f"{blind}the newest demand is {age.total_seconds():.0f} s old, more than {patience:.0f} s{why}"


def unread_reason(fleet: Fleet, name: str, now: datetime) -> str | None:
    """Return why a pool's capacity is stale; None if it is not, or if its first read is pending."""
    capacity, error = fleet.reconcilers[name].capacity, fleet.reconcilers[name].error
    if error is None:
        return None
    if capacity is None:
        return f"capacity has never been read: {error}"
    age = now - capacity.observed_at
    return f"capacity was last read {age.total_seconds():.0f} s ago: {error}" if age > STILL_COUNTS else None
