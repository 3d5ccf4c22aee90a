"""Readiness: the reasons why the published state cannot be relied on. Pure: each function reads the fleet and an instant."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from controller.decision.planning.observation import PATIENCE, DataFreshness
from controller.fleet.fleet import Fleet
from controller.fleet.reconciler import STILL_COUNTS, Reconciler
from controller.http.status_entries import outage_since
from controller.leadership.leader_election import LeaderElection

LATE_TICKS = 3
"""Readiness fails when the last tick started more than this number of intervals ago."""


def unready_reasons(fleet: Fleet, leadership: LeaderElection | None, stale: Mapping[str, str], interval: timedelta,
                    now: datetime) -> list[str]:
    """Return the reasons why the daemon is not ready; empty if it is ready. `stale`: reason by pool, as of the last tick."""
    if fleet.last is None:
        return ["no tick has run yet"]
    reasons = []
    late = now - fleet.last.started_at
    if late > LATE_TICKS * interval:
        due = f"one is due every {interval.total_seconds():g} s"
        reasons.append(f"the last tick started {late.total_seconds():.0f} s ago; {due}")
    if fleet.store_error is not None:
        reasons.append(f"the store cannot be written: {fleet.store_error}")
    if leadership is not None and leadership.error is not None:
        reasons.append(f"the leader is unknown: {leadership.error}")
    return [*reasons, *(f"{name}: {reason}" for name, reason in stale.items())]


def pool_stale_reason(fleet: Fleet, name: str, now: datetime) -> str | None:
    """Return why a pool's demand or capacity is stale; None if neither is."""
    if (stale := demand_stale_reason(fleet, name, now) or capacity_stale_reason(fleet.reconcilers[name], now)) is not None:
        return stale
    above = None if (top := fleet.tops.get(name)) is None else capacity_stale_reason(top, now)
    return None if above is None else f"pings: {above}"


def demand_stale_reason(fleet: Fleet, name: str, now: datetime) -> str | None:
    """Return why a pool's demand is stale; None if it is not."""
    region = fleet.region_of[name]
    collector = region.collector
    freshness, age = collector.freshness(name, now)
    if freshness in (DataFreshness.FRESH, DataFreshness.QUIET):
        return None if region.followed_at is not None else "no forecast yet"
    error = collector.errors.get(name)
    why = "" if error is None else f": {error}"
    since = outage_since(fleet, name, now)
    blind = "" if since is None else f"metrics missing since {since:%Y-%m-%d %H:%M} UTC: "
    if age is None:
        return f"{blind}demand has never been read{why}"
    patience = (collector.metric_delay + PATIENCE).total_seconds()
    return f"{blind}the newest demand is {age.total_seconds():.0f} s old, more than {patience:.0f} s{why}"


def capacity_stale_reason(reconciler: Reconciler, now: datetime) -> str | None:
    """Return why a pool's capacity is stale; None if it is not, or if its first read is pending."""
    capacity, error = reconciler.capacity, reconciler.error
    if error is None:
        return None
    if capacity is None:
        return f"capacity has never been read: {error}"
    age = now - capacity.observed_at
    return f"capacity was last read {age.total_seconds():.0f} s ago: {error}" if age > STILL_COUNTS else None
