"""What warm capacity, work and cold starts cost: the one place where dollars come from. Pure.

A minute of a pool with `ready` warm units, average demand `busy` and most demand `peak` (all in units) costs

    ready * idle + min(busy, ready) * (warm_busy - on_demand) + cold_starts * cold

beyond what serving it all on demand without a cold start would cost. Work above `ready` runs on demand, and the units that do
it stay warm for the keep-alive: a cold start is only what exceeds the most that ran on demand within the keep-alive.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from config.policy import Assume, PoolPolicy

MINUTE_SECONDS = 60
DEFAULT_MEMORY_MB = 1024
DEFAULT_INIT_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Price:
    """USD per GB-second: of a warm unit's existence, of its work, and of work on demand."""

    idle: float
    warm_busy: float
    on_demand: float


PRICES_AS_OF = date(2026, 9, 28)
PRICES: dict[tuple[str, str], Price] = {
    # AWS Lambda, us-east-1 and the other regions of its tier: provisioned concurrency, its duration, on-demand duration
    ("lambda-provisioned-concurrency", "x86_64"): Price(4.1667e-6, 9.7222e-6, 1.66667e-5),
    ("lambda-provisioned-concurrency", "arm64"): Price(3.3334e-6, 7.7778e-6, 1.33334e-5),
}
"""By lever kind and architecture, at `PRICES_AS_OF`. A policy's `prices` override them."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What one pool's minute is judged by. Prices in USD per unit-minute; spans in whole minutes."""

    idle: float
    warm_busy: float
    on_demand: float
    init_seconds: float
    cold_start_cost_usd: float
    metric_delay: int
    lead_time: int
    keep_alive: int
    billing_step: int = 0
    """A unit is paid for at least so long once it is warm."""
    warm_hit_rate: float | None = None
    """The share of requests that must not wait, where that was asked for instead of a price for waiting."""

    @property
    def cold(self) -> float:
        """USD of one cold start: the wait, and its initialisation billed as on-demand work."""
        return self.cold_start_cost_usd + self.initialisation

    @property
    def initialisation(self) -> float:
        """USD of starting one unit, whoever waits for it."""
        return self.init_seconds * self.on_demand / MINUTE_SECONDS


def whole_minutes(span: timedelta) -> int:
    """`span` in minutes, rounded up: a decision that needs two and a half minutes is three rows late."""
    return -int(-span.total_seconds() // MINUTE_SECONDS)


def price_of(pool: PoolPolicy, architecture: str | None = None) -> Price:
    """The price of a pool per GB-second, from its policy or the table; the table's x86 row where the architecture is unknown."""
    if pool.prices is not None:
        return Price(pool.prices.idle, pool.prices.warm_busy, pool.prices.on_demand)
    return PRICES[pool.lever.kind, pool.architecture or architecture or "x86_64"]


def terms_of(pool: PoolPolicy, assume: Assume, memory_mb: int | None = None, architecture: str | None = None,
             init_seconds: float | None = None) -> Terms:
    """The terms of a pool: what its policy says, else what was measured (the arguments), else the defaults."""
    price = price_of(pool, architecture)
    gigabytes = (pool.memory_mb or memory_mb or DEFAULT_MEMORY_MB) / 1024
    per_minute = gigabytes * MINUTE_SECONDS
    cost = pool.objective.cold_start_cost_usd
    init = next((seconds for seconds in (pool.init_seconds, init_seconds) if seconds is not None), DEFAULT_INIT_SECONDS)
    return Terms(
        idle=price.idle * per_minute, warm_busy=price.warm_busy * per_minute, on_demand=price.on_demand * per_minute,
        init_seconds=init, cold_start_cost_usd=0.05 if cost is None else cost,
        metric_delay=whole_minutes(assume.metric_delay), lead_time=whole_minutes(assume.lead_time),
        keep_alive=whole_minutes(assume.keep_alive), billing_step=whole_minutes(assume.billing_step),
        warm_hit_rate=pool.objective.warm_hit_rate,
    )
