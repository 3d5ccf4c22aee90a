"""Report of a run: cold starts and USD, next to those of a twin with the same traffic and no warm capacity."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from adapters.sandbox.traffic.recorded import MINUTE_MS
from adapters.sandbox.world import Hosted, Sandbox


class Prices(NamedTuple):
    """USD per GB-second: provisioned and enabled, provisioned and busy, on demand."""

    idle: float
    warm_busy: float
    on_demand: float


PRICES = {
    "x86_64": Prices(0.0000041667, 0.0000097222, 0.0000166667),
    "arm64": Prices(0.0000033334, 0.0000077778, 0.0000133334),
}
"""Prices by architecture: AWS Lambda in us-east-1 and most large regions, as of September 2026."""

REQUEST_USD = 0.20 / 1_000_000

CONTAINER_PRICES = Prices(0.0, 0.0000265, 0.0000265)
"""Prices of a container: Cloud Run in regions of tier 1, billed by request, with 1 vCPU per GB."""

CONTAINER_REQUEST_USD = 0.40 / 1_000_000


@dataclass(frozen=True, slots=True)
class FunctionReport:
    """Figures of one function, or the sum of all. `*_without`: those of the twin. Unit minutes are of provisioned concurrency:
    `billed` (the span of each unit rounded up to 5 min) and `ready`. `cost_usd` includes `cold_start_usd`: the cold starts at
    the operator's price plus their billed initialisation. `cold_starts_during_pings`: of `cold_starts`, those of requests that a
    unit would have served that a ping held.
    """

    name: str
    minutes: int
    invocations: float
    throttles: float
    cold_starts: int
    cold_starts_during_pings: int
    cold_starts_without: int
    warm_hit_rate: float | None
    warm_hit_rate_without: float | None
    billed_unit_minutes: float
    ready_unit_minutes: float
    busy_unit_minutes: float
    pings: int
    cost_usd: float
    cost_without_usd: float
    provisioned_usd: float
    cold_start_usd: float
    cold_start_without_usd: float


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """Figures of each function and container, and their sum."""

    functions: tuple[FunctionReport, ...]
    total: FunctionReport

    def as_json(self) -> dict[str, Any]:
        """Return the report as dictionaries and lists."""
        return asdict(self)


def report_of(sandbox: Sandbox, cold_start_cost_usd: float = 0.0) -> SandboxReport:
    """Return the report of all functions and containers up to now. `cold_start_cost_usd`: the operator's price of one cold start,
    in addition to AWS's bill.
    """
    now, containers = sandbox.now_ms(), [sandbox.container(host) for host in sandbox.containers]
    priced = [(hosted, PRICES[hosted.function.architecture], REQUEST_USD) for hosted in sandbox.all()]
    priced += [(hosted, CONTAINER_PRICES, CONTAINER_REQUEST_USD) for hosted in containers]
    functions = tuple(_function(hosted, now, cold_start_cost_usd, prices, each) for hosted, prices, each in priced)
    sums = {
        name: sum(getattr(one, name) for one in functions)
        for name in FunctionReport.__slots__
        if name not in ("name", "minutes", "warm_hit_rate", "warm_hit_rate_without")
    }
    return SandboxReport(
        functions,
        FunctionReport(
            name="total",
            minutes=max((one.minutes for one in functions), default=0),
            warm_hit_rate=_share(sums["cold_starts"], sums["invocations"]),
            warm_hit_rate_without=_share(sums["cold_starts_without"], sums["invocations"]),
            **sums,
        ),
    )


def _function(hosted: Hosted, now: int, cold_start_cost_usd: float, prices: Prices, request_usd: float) -> FunctionReport:
    function, totals, gigabytes = hosted.function, hosted.driver.totals, hosted.function.memory_mb / 1024
    meters = [capacity.meter for capacity in function.capacities.values()]
    billed, ready = sum(m.billed_unit_ms(now) for m in meters), sum(m.ready_unit_ms(now) for m in meters)
    idle, warm_busy, on_demand = (price * gigabytes / 1000 for price in prices)
    init = function.init_seconds * 1000 * on_demand
    cold, cold_without = (count * (init + cold_start_cost_usd) for count in (totals.cold_starts, totals.cold_starts_without))
    held = totals.ping_warm_ms * warm_busy + (totals.ping_ms - totals.ping_warm_ms) * on_demand
    pings = held + totals.ping_cold_starts * init + totals.pings * request_usd
    requests, requests_without = totals.invocations * request_usd, totals.invocations_without * request_usd
    return FunctionReport(
        name=function.name,
        minutes=totals.minutes,
        invocations=totals.invocations,
        throttles=totals.throttles,
        cold_starts=totals.cold_starts,
        cold_starts_during_pings=totals.cold_starts_during_pings,
        cold_starts_without=totals.cold_starts_without,
        warm_hit_rate=_share(totals.cold_starts, totals.invocations),
        warm_hit_rate_without=_share(totals.cold_starts_without, totals.invocations_without),
        billed_unit_minutes=billed / MINUTE_MS,
        ready_unit_minutes=ready / MINUTE_MS,
        busy_unit_minutes=totals.warm_busy_ms / MINUTE_MS,
        pings=totals.pings,
        cost_usd=billed * idle + totals.warm_busy_ms * warm_busy + totals.on_demand_busy_ms * on_demand + cold + pings + requests,
        cost_without_usd=totals.busy_without_ms * on_demand + cold_without + requests_without,
        provisioned_usd=billed * idle,
        cold_start_usd=cold,
        cold_start_without_usd=cold_without,
    )


def _share(cold: float, invocations: float) -> float | None:
    return max(0.0, 1 - cold / invocations) if invocations > 0 else None
