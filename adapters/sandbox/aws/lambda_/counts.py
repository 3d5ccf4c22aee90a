"""What a driver counts: of one request, of its pings in the minute being played, and of the whole run."""

from dataclasses import dataclass
from typing import NamedTuple


class Served(NamedTuple):
    """How one request from outside the traffic fared; a throttled one was served by nothing. `environment`: which one of its
    version, by number; 0 for a provisioned one.
    """

    version: str
    cold: bool = False
    provisioned: bool = False
    throttled: bool = False
    environment: int = 0


@dataclass(slots=True)
class Totals:
    """Sums since the sandbox started. Milliseconds are of one environment being busy; `*_without` is the twin, the same
    traffic under the same limit with no warm capacity at all. Pings, their cold starts included, are kept apart from the traffic.
    """

    minutes: int = 0
    invocations: float = 0.0
    invocations_without: float = 0.0
    throttles: float = 0.0
    throttles_without: float = 0.0
    spillover: float = 0.0
    cold_starts: int = 0
    cold_starts_without: int = 0
    pings: int = 0
    ping_cold_starts: int = 0
    warm_busy_ms: int = 0
    on_demand_busy_ms: int = 0
    busy_without_ms: int = 0
    ping_ms: int = 0


@dataclass(slots=True)
class Pings:
    """Of the minute being played."""

    served: int = 0
    warm: int = 0
    ms: int = 0
    throttled: int = 0
