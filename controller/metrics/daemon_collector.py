"""What is told of the daemon itself: its readiness, its ticks, its decisions, what it asks of providers and what that costs."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from adapters.ports.demand_source import ReportsCost
from adapters.runtime.call_counter import Call
from controller.fleet.decision_log import DecisionLog
from controller.fleet.fleet import Fleet
from controller.leadership.leader_election import LeaderElection
from controller.metrics.catalogue import FAMILIES
from controller.metrics.tick_counters import Ticks
from controller.notifications.notifier import Notifier


@dataclass
class Daemon:
    """What is known of the daemon. `unready`: the reasons that `/readyz` gives now. `calls`: made to providers so far."""

    journal: DecisionLog
    ticks: Ticks
    interval: timedelta
    calls: Callable[[], Mapping[Call, int]]
    unready: Callable[[], list[str]]
    fleet: Fleet | None = None
    notifier: Notifier | None = None
    leadership: LeaderElection | None = None


class DaemonFamilies(Collector):
    """The daemon as metric families, made at every scrape: also when ticks have stopped."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        daemon = self._daemon
        unready = daemon.unready()
        yield gauges("stoker_build_info", {(version("stoker"),): 1})
        yield gauges("stoker_daemon_ready", {(): not unready})
        yield from lease_families(daemon.leadership)
        yield gauges("stoker_unready_reasons", {(): len(unready)})
        yield gauges("stoker_tick_interval_seconds", {(): daemon.interval.total_seconds()})
        yield counters("stoker_decisions_total", {tuple(key): count for key, count in daemon.journal.counts.items()})
        yield counters("stoker_ticks_total", {(ended.value,): count for ended, count in daemon.ticks.ended.items()})
        name = "stoker_tick_duration_seconds"
        yield HistogramMetricFamily(name, FAMILIES[name].text, daemon.ticks.buckets(), daemon.ticks.seconds)
        yield counters("stoker_api_calls_total", {tuple(call): count for call, count in daemon.calls().items()})
        couriers = () if daemon.notifier is None else daemon.notifier.couriers
        yield counters("stoker_notices_total", {(each.sink.name, outcome): count for each in couriers
                                                for outcome, count in each.outcomes.items()})
        yield gauges("stoker_notices_waiting", {(each.sink.name,): len(each.waiting) for each in couriers})
        if daemon.fleet is not None:
            yield from fleet_families(daemon.fleet, daemon.interval)


def lease_families(leadership: LeaderElection | None) -> Iterator[Metric]:
    """Who leads, as this daemon sees it; without a lease the lock of its store sees to it that it is alone."""
    number = None if leadership is None else leadership.number
    yield gauges("stoker_leader", {(): leadership is None or leadership.write_blocked(number) is None})
    yield gauges("stoker_fencing_number", {} if number is None else {(): number})
    yield gauges("stoker_lease_store_unreachable", {(): leadership is not None and leadership.error is not None})


def fleet_families(fleet: Fleet, interval: timedelta) -> Iterator[Metric]:
    """What there is once there is a fleet."""
    modes = [each.policy.mode for each in fleet.reconcilers.values()]
    yield gauges("stoker_pools", {(mode,): modes.count(mode) for mode in ("shadow", "active")})
    yield gauges("stoker_orphan_units", {(each.pool, each.lever.kind): each.units for each in fleet.orphans.found})
    last = fleet.last
    if last is not None:
        yield gauges("stoker_tick_seconds", {(): last.seconds})
        yield gauges("stoker_tick_started_timestamp_seconds", {(): last.started_at.timestamp()})
        yield gauges("stoker_busy_pools", {(): last.busy})
        told = fleet.limiter.report(last.started_at)
        limits = {(key,): each for key, each in told.items() if isinstance(each, dict)}
        yield gauges("stoker_limit", {key: each["limit"] for key, each in limits.items()})
        yield gauges("stoker_limit_used", {key: each["used"] for key, each in limits.items()})
        yield gauges("stoker_pools_waiting", {(): told["pools_waiting"]})
        yield gauges("stoker_pools_lowered", {(): told.get("pools_lowered", 0)})
    sources = {(f"{region.collector.source.kind}/{at}",): region.collector for at, region in enumerate(fleet.regions)}
    yield gauges("stoker_metric_delay_seconds", {label: each.metric_delay.total_seconds() for label, each in sources.items()})
    yield gauges("stoker_metric_reads_usd_per_month",
                 {label: each.source.monthly_cost_usd(len(each.pools), interval) for label, each in sources.items()})
    yield counters("stoker_metric_reads_usd_total",
                   {label: each.source.spent_usd for label, each in sources.items() if isinstance(each.source, ReportsCost)})


def gauges(name: str, values: Mapping[tuple[str, ...], float]) -> Metric:
    """A gauge of the catalogue with its values by label."""
    family = GaugeMetricFamily(name, FAMILIES[name].text, labels=FAMILIES[name].labels)
    for labels, value in values.items():
        family.add_metric(labels, float(value))
    return family


def counters(name: str, values: Mapping[tuple[str, ...], float]) -> Metric:
    """A counter of the catalogue with its values by label."""
    family = CounterMetricFamily(name, FAMILIES[name].text, labels=FAMILIES[name].labels)
    for labels, value in sorted(values.items()):
        family.add_metric(labels, float(value))
    return family
