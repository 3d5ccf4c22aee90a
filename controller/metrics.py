"""What Prometheus scrapes, prefix `stoker_`. Made when somebody asks, and not again before the next tick."""

import asyncio
import math
from collections.abc import Iterable, Iterator
from datetime import timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from controller.accounts import NAMES, Accounts
from controller.fleet import Fleet
from controller.journal import Journal

POOL_GAUGES: tuple[tuple[str, str], ...] = (
    ("stoker_requested_units", "Warm units asked of the provider."),
    ("stoker_ready_units", "Warm units usable now."),
    ("stoker_target_units", "Warm units that the last plan wants."),
    ("stoker_demand_peak_units", "Most work in flight in the newest known minute."),
    ("stoker_demand_busy_units", "Average work in flight in the newest known minute."),
    ("stoker_data_age_seconds", "Age of the newest known minute of demand."),
    ("stoker_lead_time_seconds", "Measured time from asking for capacity to its being ready."),
    ("stoker_pool_active", "1 when plans are carried out, 0 in shadow."),
    ("stoker_pool_overrides", "Orders of operators that hold for the pool now: pause, pin, boost."),
    ("stoker_pool_failing", "1 when the pool's capacity or demand cannot be read, else 0."),
)
ACCOUNT_GAUGES = {name: f"stoker_month_{name}" for name in ("cost_usd", "saved_usd", "cold_starts", "cold_starts_without",
                                                           "warm_unit_minutes", "idle_unit_minutes")}


class Families(Collector):
    """What is known of a fleet, as metric families; nothing before there is one."""

    def __init__(self) -> None:
        self.known: tuple[Fleet, Accounts, Journal, timedelta] | None = None

    def collect(self) -> Iterable[Metric]:
        if self.known is not None:
            fleet, accounts, journal, interval = self.known
            yield from pool_families(fleet, accounts)
            yield from fleet_families(fleet, journal, interval)

    def describe(self) -> Iterable[Metric]:
        return ()


class Exposition:
    """A registry of our own, so that no library's metrics slip in, and the text of its last scrape."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._families = Families()
        self.registry.register(self._families)
        self._text: bytes | None = None

    def renew(self, fleet: Fleet, accounts: Accounts, journal: Journal, interval: timedelta) -> None:
        """A tick is over: the next scrape is to tell of it."""
        self._families.known = (fleet, accounts, journal, interval)
        self._text = None

    async def text(self) -> bytes:
        """The exposition; made at most once a tick, in a thread, because ten thousand pools are a hundred thousand lines."""
        if self._text is None:
            self._text = await asyncio.to_thread(generate_latest, self.registry)
        return self._text


def pool_families(fleet: Fleet, accounts: Accounts) -> Iterator[Metric]:
    """One family for each fact of a pool; a fact that is not known has no sample."""
    families = [GaugeMetricFamily(name, text, labels=("pool",)) for name, text in POOL_GAUGES]
    sums = {name: GaugeMetricFamily(metric, f"{name} of this month so far, estimated.", labels=("pool",))
            for name, metric in ACCOUNT_GAUGES.items()}
    for name, reconciler in fleet.reconcilers.items():
        capacity, plan, intake = reconciler.capacity, fleet.plans.get(name), fleet.region_of[name].intake
        peak, busy = intake.latest(name) or (math.nan, math.nan)
        values = (
            math.nan if capacity is None else capacity.requested, math.nan if capacity is None else capacity.ready,
            math.nan if plan is None or plan.target is None else plan.target, peak, busy,
            age_seconds(fleet, name), seconds(reconciler.lead_time), reconciler.policy.mode == "active",
            in_force(fleet, name),
            reconciler.error is not None or name in intake.errors or name in fleet.faults,
        )
        for family, value in zip(families, values, strict=True):
            if not math.isnan(value):
                family.add_metric((name,), float(value))
        _, month = accounts.row(name)
        for each, family in sums.items():
            family.add_metric((name,), month[NAMES.index(each)])
    yield from families
    yield from sums.values()


def fleet_families(fleet: Fleet, journal: Journal, interval: timedelta) -> Iterator[Metric]:
    """The daemon itself: its ticks, its decisions, its sources."""
    decisions = CounterMetricFamily("stoker_decisions", "Decisions that changed something.", labels=("action", "reason"))
    for (action, reason), count in sorted(dict(journal.counts).items()):
        decisions.add_metric((action, reason), count)
    yield decisions
    if fleet.last is not None:
        yield GaugeMetricFamily("stoker_tick_seconds", "How long the last tick took.", value=fleet.last.seconds)
        yield GaugeMetricFamily("stoker_tick_started_timestamp_seconds", "When the last tick began.",
                                value=fleet.last.started_at.timestamp())
        yield GaugeMetricFamily("stoker_busy_pools", "Pools that were still at an earlier step.", value=fleet.last.busy)
    cost = GaugeMetricFamily("stoker_metric_reads_usd_per_month", "List price of reading demand.", labels=("source",))
    delay = GaugeMetricFamily("stoker_metric_delay_seconds", "From a minute to its settled value.", labels=("source",))
    for at, region in enumerate(fleet.regions):
        label = (f"{region.intake.source.kind}/{at}",)
        cost.add_metric(label, region.intake.source.monthly_cost_usd(len(region.intake.pools), interval))
        delay.add_metric(label, region.intake.metric_delay.total_seconds())
    yield from (cost, delay)
    yield from limit_families(fleet)


def limit_families(fleet: Fleet) -> Iterator[Metric]:
    """What the limits of the fleet are, and what of them is used; nothing where there are none."""
    limit = GaugeMetricFamily("stoker_limit", "A limit of the policy, in its own unit.", labels=("limit",))
    used = GaugeMetricFamily("stoker_limit_used", "What is used of it.", labels=("limit",))
    if fleet.last is not None:
        told = fleet.limiter.report(fleet.last.started_at)
        for key, each in told.items():
            if isinstance(each, dict):
                limit.add_metric((key,), each["limit"])
                used.add_metric((key,), each["used"])
        yield GaugeMetricFamily("stoker_pools_waiting", "Pools whose change waits for the next tick.",
                                value=told["pools_waiting"])
        yield GaugeMetricFamily("stoker_pools_lowered", "Pools that limits in USD leave less than they want.",
                                value=told.get("pools_lowered", 0))
    yield from (limit, used)


def in_force(fleet: Fleet, name: str) -> int:
    """How many orders of operators held for a pool at the last tick."""
    return 0 if fleet.last is None else sum(each.until > fleet.last.started_at for each in fleet.reconcilers[name].overrides)


def age_seconds(fleet: Fleet, name: str) -> float:
    """Age of a pool's newest known minute at the last tick."""
    if fleet.last is None:
        return math.nan
    return seconds(fleet.region_of[name].intake.sight(name, fleet.last.started_at)[1])


def seconds(span: timedelta | None) -> float:
    """A span in seconds, NaN when there is none."""
    return math.nan if span is None else span.total_seconds()
