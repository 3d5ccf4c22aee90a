"""What really happened to Cloud Run services in a run: requests that waited and dollars, beside the twin without a minimum."""

from dataclasses import dataclass
from typing import NamedTuple

from adapters.sandbox.gcp.world import HostedService, RunSandbox
from adapters.sandbox.traffic.recorded import MINUTE_MS


class Prices(NamedTuple):
    """USD per vCPU-second and GiB-second, billed by request: an instance at work, and one that is kept and idle."""

    vcpu: float
    gigabyte: float
    idle_vcpu: float
    idle_gigabyte: float


# Cloud Run in regions of tier 1, billed by request, as of August 2026. The emulated services have no other billing.
PRICES = Prices(0.000024, 0.0000025, 0.0000025, 0.0000025)
REQUEST_USD = 0.40 / 1_000_000


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """One service; `*_without` is the twin, the same traffic with no minimum. `cost_usd` holds the cold starts at what the
    operator says one costs, which stand apart in `cold_start_usd`, and so does `kept_idle_usd`, the price of the minimum.
    """

    name: str
    minutes: int
    requests: float
    refused: float
    cold_starts: int
    cold_starts_without: int
    busy_instance_minutes: float
    kept_idle_instance_minutes: float
    cost_usd: float
    cost_without_usd: float
    kept_idle_usd: float
    cold_start_usd: float
    cold_start_without_usd: float


def reports(world: RunSandbox, cold_start_cost_usd: float = 0.0) -> tuple[ServiceReport, ...]:
    """Every service up to now; `cold_start_cost_usd` is what one cold start costs the operator beyond Google's bill."""
    return tuple(_report(hosted, cold_start_cost_usd) for hosted in world.within("projects"))


def _report(hosted: HostedService, cold_start_cost_usd: float) -> ServiceReport:
    driver, totals = hosted.driver, hosted.driver.totals
    vcpus, gigabytes = hosted.service.size
    busy_usd, idle_usd = (vcpus * cpu + gigabytes * memory for cpu, memory in (PRICES[:2], PRICES[2:]))
    usage, twin = driver.instances.usage, driver.twin.usage
    kept = usage.kept_idle / 1000 * idle_usd
    cold, cold_without = (count * cold_start_cost_usd for count in (totals.cold_starts, totals.cold_starts_without))
    requests, requests_without = totals.requests * REQUEST_USD, totals.requests_without * REQUEST_USD
    return ServiceReport(
        name=hosted.service.short, minutes=totals.minutes, requests=totals.requests, refused=totals.refused,
        cold_starts=totals.cold_starts, cold_starts_without=totals.cold_starts_without,
        busy_instance_minutes=usage.busy / MINUTE_MS, kept_idle_instance_minutes=usage.kept_idle / MINUTE_MS,
        cost_usd=usage.busy / 1000 * busy_usd + kept + requests + cold,
        cost_without_usd=twin.busy / 1000 * busy_usd + requests_without + cold_without,
        kept_idle_usd=kept, cold_start_usd=cold, cold_start_without_usd=cold_without,
    )
