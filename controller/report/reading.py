"""What a report reads from the store. Each function is one call, so that a running daemon can do other work in between."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from config.model.layers import top_policy
from config.model.policy import PoolPolicy
from controller.forecasts.daily_coverage import Coverage, stored_coverage
from controller.report.accounts import Day, stored_days
from controller.report.decisions import Decision, stored_decisions
from controller.report.period import Period
from controller.store.state_store import Store
from forecasting.demand import DemandSeries, minute_of

METRIC_READS = "metric-reads"
"""Key of the snapshot of the cost of metric reads. The daemon stores it, because only it knows how its sources read."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What is stored for all pools: accounts and coverage of forecasts by day, and the cost of metric reads."""

    accounts: Mapping[date, Day]
    coverage: Mapping[date, Mapping[str, Coverage]]
    metric_reads_usd_per_month: float | None


@dataclass(frozen=True, slots=True)
class Own:
    """What is stored for one pool: demand of the period, decisions (oldest first), and the newest minute of known demand.
    `pings`: decisions of the pings above the base of a pool with layers; None for a pool with one lever.
    """

    demand: DemandSeries
    decisions: list[Decision]
    newest_minute: int | None
    pings: list[Decision] | None = None


def read_shared(store: Store, period: Period) -> Shared:
    """Read what is stored for all pools. Raise `StoreError`."""
    coverage = {day: stored_coverage(store, day) for day in period.days}
    return Shared(stored_days(store, period.days), coverage, stored_metric_reads(store))


def read_own(store: Store, pool: PoolPolicy, period: Period) -> Own:
    """Read what is stored for one pool. Raise `StoreError`."""
    name, top = pool.name, top_policy(pool)
    demand = store.load_demand(name, minute_of(period.start), minute_of(period.end))
    pings = None if top is None else stored_decisions(store, top.name, period)
    return Own(demand, stored_decisions(store, name, period), store.newest_known_minute([name]).get(name), pings)


def dumped_metric_reads(usd_per_month: float) -> bytes:
    """Return the cost of all metric reads in USD per month as stored bytes."""
    return json.dumps({"usd_per_month": usd_per_month}).encode()


def stored_metric_reads(store: Store) -> float | None:
    """Return the cost of all metric reads in USD per month; None where it is not stored."""
    with suppress(ValueError, TypeError, KeyError):
        return float(json.loads(store.load_blob(METRIC_READS) or b"{}")["usd_per_month"])
    return None
