"""Report of the Cloud Run services of a run: cold starts and USD, next to those of a twin without minimum instances."""

from dataclasses import dataclass
from typing import NamedTuple

from adapters.sandbox.gcp.world import HostedService, RunSandbox
from adapters.sandbox.traffic.recorded import MINUTE_MS


class Prices(NamedTuple):
    """USD per vCPU-second and GiB-second, billed by request: a busy instance, and an idle one kept by the minimum."""

    vcpu: float
    gigabyte: float
    idle_vcpu: float
    idle_gigabyte: float


PRICES = Prices(0.000024, 0.0000025, 0.0000025, 0.0000025)
"""Prices of Cloud Run in regions of tier 1, billed by request, as of August 2026. No other billing is emulated."""

REQUEST_USD = 0.40 / 1_000_000


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """Figures of one service. `*_without`: the twin, with the same traffic and no minimum instances. `cold_starts_during_pings`:
    of `cold_starts`, those of requests for which a ping held the place. `cost_usd` includes the pings,
    `cold_start_usd`, the cold starts at the operator's price, and `kept_idle_usd`, the bill for idle instances of the minimum.
    """

    name: str
    minutes: int
    requests: float
    refused: float
    cold_starts: int
    cold_starts_during_pings: int
    cold_starts_without: int
    pings: int
    busy_instance_minutes: float
    kept_idle_instance_minutes: float
    cost_usd: float
    cost_without_usd: float
    kept_idle_usd: float
    cold_start_usd: float
    cold_start_without_usd: float


def reports(world: RunSandbox, cold_start_cost_usd: float = 0.0) -> tuple[ServiceReport, ...]:
    """Return the reports of all services up to now. `cold_start_cost_usd`: the operator's price of one cold start, in addition to
    Google's bill.
    """
    return tuple(_report(hosted, cold_start_cost_usd) for hosted in world.within("projects"))


def _report(hosted: HostedService, cold_start_cost_usd: float) -> ServiceReport:
    driver, totals = hosted.driver, hosted.driver.totals
    vcpus, gigabytes = hosted.service.size
    busy_usd, idle_usd = (vcpus * cpu + gigabytes * memory for cpu, memory in (PRICES[:2], PRICES[2:]))
    usage, twin = driver.instances.usage, driver.twin.usage
    kept_idle_usd = usage.kept_idle / 1000 * idle_usd
    cold, cold_without = (count * cold_start_cost_usd for count in (totals.cold_starts, totals.cold_starts_without))
    requests, requests_without = (totals.requests + totals.pings) * REQUEST_USD, totals.requests_without * REQUEST_USD
    return ServiceReport(
        name=hosted.service.short, minutes=totals.minutes, requests=totals.requests, refused=totals.refused,
        cold_starts=totals.cold_starts, cold_starts_during_pings=totals.cold_starts_during_pings,
        cold_starts_without=totals.cold_starts_without, pings=totals.pings,
        busy_instance_minutes=usage.busy / MINUTE_MS, kept_idle_instance_minutes=usage.kept_idle / MINUTE_MS,
        cost_usd=usage.busy / 1000 * busy_usd + kept_idle_usd + requests + cold,
        cost_without_usd=twin.busy / 1000 * busy_usd + requests_without + cold_without,
        kept_idle_usd=kept_idle_usd, cold_start_usd=cold, cold_start_without_usd=cold_without,
    )
