"""Metrics of the daemon: readiness, leadership, ticks, decisions, calls to providers, and the cost of reading metrics."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from adapters.ports.demand_source import ReportsCost
from adapters.runtime.call_counter import Call
from controller.fleet.fleet import Fleet
from controller.fleet.policy.in_force import OUTCOMES, PolicyInForce
from controller.fleet.sources import collectors_of
from controller.leadership.leader_election import LeaderElection
from controller.metrics.catalogue import FAMILIES
from controller.metrics.tick_counters import Ticks
from controller.notifications.delivery_retries import SinkDelivery


@dataclass(frozen=True)
class DaemonFacts:
    """State of the daemon at a scrape. `unready`: the reasons of `/readyz`. `fleet` and `leadership` are None while the daemon
    starts; `leadership` also without a lease.
    """

    ticks: Ticks
    interval: timedelta
    calls: Mapping[Call, int]
    unready: Sequence[str]
    decisions: Mapping[tuple[str, str], int]
    sinks: Sequence[SinkDelivery]
    fleet: Fleet | None
    leadership: LeaderElection | None
    policy: PolicyInForce | None = None


class DaemonFamilies(Collector):
    """Metric families of the daemon, collected at every scrape, also when ticks have stopped."""

    def __init__(self, facts: Callable[[], DaemonFacts]) -> None:
        self._facts = facts

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the registry does not check for duplicates."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the metric families of this instant."""
        facts = self._facts()
        yield gauges("stoker_build_info", {(version("stoker"),): 1})
        yield gauges("stoker_daemon_ready", {(): not facts.unready})
        yield from lease_families(facts.leadership)
        yield gauges("stoker_unready_reasons", {(): len(facts.unready)})
        yield gauges("stoker_tick_interval_seconds", {(): facts.interval.total_seconds()})
        yield counters("stoker_decisions_total", {tuple(key): count for key, count in facts.decisions.items()})
        yield counters("stoker_ticks_total", {(ended.value,): count for ended, count in facts.ticks.ended.items()})
        name = "stoker_tick_duration_seconds"
        yield HistogramMetricFamily(name, FAMILIES[name].text, facts.ticks.buckets(), facts.ticks.seconds)
        yield counters("stoker_api_calls_total", {tuple(call): count for call, count in facts.calls.items()})
        yield counters("stoker_notices_total", {(each.sink.name, outcome): count for each in facts.sinks
                                                for outcome, count in each.outcomes.items()})
        yield gauges("stoker_notices_waiting", {(each.sink.name,): len(each.waiting) for each in facts.sinks})
        if facts.policy is not None:
            yield from policy_families(facts.policy)
        if facts.fleet is not None:
            yield from fleet_families(facts.fleet, facts.interval)


def policy_families(policy: PolicyInForce) -> Iterator[Metric]:
    """Return the families of the policy in use and of its reloads."""
    yield gauges("stoker_policy_info", {(policy.hash,): 1})
    yield gauges("stoker_policy_loaded_timestamp_seconds", {(): policy.loaded_at.timestamp()})
    yield gauges("stoker_policy_refused", {(): policy.refusal is not None})
    yield counters("stoker_policy_reloads_total", {(outcome,): policy.counts[outcome] for outcome in OUTCOMES})


def lease_families(leadership: LeaderElection | None) -> Iterator[Metric]:
    """Return the families of leadership. Without a lease, the lock on the store permits one daemon only: it is the leader."""
    number = None if leadership is None else leadership.number
    yield gauges("stoker_leader", {(): leadership is None or leadership.write_blocked(number) is None})
    yield gauges("stoker_fencing_number", {} if number is None else {(): number})
    yield gauges("stoker_lease_store_unreachable", {(): leadership is not None and leadership.error is not None})


def fleet_families(fleet: Fleet, interval: timedelta) -> Iterator[Metric]:
    """Return the families of the fleet: pools, orphans, the last tick, limits and demand sources."""
    modes = [each.policy.mode for each in fleet.reconcilers.values()]
    yield gauges("stoker_pools", {(mode,): modes.count(mode) for mode in ("shadow", "active")})
    yield gauges("stoker_pool_account", {(name, account): 1 for name, each in fleet.reconcilers.items()
                                         if (account := each.policy.account) is not None})
    yield gauges("stoker_orphan_units", {(each.pool, each.lever.kind): each.units for each in fleet.orphans.found})
    priced = {(each.pool, each.lever.kind): fleet.orphans.usd_per_hour(each) for each in fleet.orphans.found}
    yield gauges("stoker_orphan_usd_per_hour", {labels: usd for labels, usd in priced.items() if usd is not None})
    last = fleet.last
    if last is not None:
        yield gauges("stoker_tick_seconds", {(): last.seconds})
        yield gauges("stoker_tick_started_timestamp_seconds", {(): last.started_at.timestamp()})
        yield gauges("stoker_busy_pools", {(): last.busy})
        report = fleet.limiter.report(last.started_at)
        limits = {(key,): each for key, each in report.items() if isinstance(each, dict)}
        yield gauges("stoker_limit", {key: each["limit"] for key, each in limits.items()})
        yield gauges("stoker_limit_used", {key: each["used"] for key, each in limits.items()})
        yield gauges("stoker_pools_waiting", {(): report["pools_waiting"]})
        yield gauges("stoker_pools_lowered", {(): report.get("pools_lowered", 0)})
    sources = {(label,): each for label, each in collectors_of(fleet).items()}
    yield gauges("stoker_metric_delay_seconds", {label: each.metric_delay.total_seconds() for label, each in sources.items()})
    yield gauges("stoker_metric_reads_usd_per_month",
                 {label: each.reading.total_usd_per_month(interval) for label, each in sources.items()})
    yield counters("stoker_metric_reads_usd_total",
                   {label: each.source.spent_usd for label, each in sources.items() if isinstance(each.source, ReportsCost)})


def gauges(name: str, values: Mapping[tuple[str, ...], float]) -> Metric:
    """Return a gauge of the catalogue with its values by label."""
    family = GaugeMetricFamily(name, FAMILIES[name].text, labels=FAMILIES[name].labels)
    for labels, value in values.items():
        family.add_metric(labels, float(value))
    return family


def counters(name: str, values: Mapping[tuple[str, ...], float]) -> Metric:
    """Return a counter of the catalogue with its values by label."""
    family = CounterMetricFamily(name, FAMILIES[name].text, labels=FAMILIES[name].labels)
    for labels, value in sorted(values.items()):
        family.add_metric(labels, float(value))
    return family
