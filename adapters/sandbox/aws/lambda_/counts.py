"""Counts of a driver: one request, the pings of the current minute, and the whole run."""

from dataclasses import dataclass
from typing import NamedTuple


class Served(NamedTuple):
    """Result of one request that is not part of the traffic. `environment`: its number within the version and its kind, on demand
    or provisioned; 0 for a throttled request. `first`: the first request that a provisioned unit serves.
    """

    version: str
    cold: bool = False
    provisioned: bool = False
    throttled: bool = False
    environment: int = 0
    first: bool = False

    @property
    def unit(self) -> str:
        """Name of the unit among those of its version."""
        return f"{'p' if self.provisioned else ''}{self.environment}"


@dataclass(slots=True)
class Totals:
    """Sums since the sandbox started. Milliseconds are busy time of environments. `*_without`: the twin, with the same traffic
    and no warm capacity in the account. Pings and their cold starts are not included in the figures of the traffic.
    `cold_starts_during_pings`: of `cold_starts`, those of requests that a unit would have served that a ping held.
    `ping_warm_ms`: of `ping_ms`, those on provisioned units.
    """

    minutes: int = 0
    invocations: float = 0.0
    invocations_without: float = 0.0
    throttles: float = 0.0
    throttles_without: float = 0.0
    spillover: float = 0.0
    cold_starts: int = 0
    cold_starts_during_pings: int = 0
    cold_starts_without: int = 0
    pings: int = 0
    ping_cold_starts: int = 0
    warm_busy_ms: int = 0
    on_demand_busy_ms: int = 0
    busy_without_ms: int = 0
    ping_ms: int = 0
    ping_warm_ms: int = 0


@dataclass(slots=True)
class Pings:
    """Pings of the current minute. `ms`: total time that they were held."""

    served: int = 0
    warm: int = 0
    ms: int = 0
    throttled: int = 0
