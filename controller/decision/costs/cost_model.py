"""Cost of warm capacity, work and cold starts: all prices and cost terms. Pure.

A minute of a pool with `ready` warm units, average demand `busy` and maximum demand `peak` (all in units) costs

    ready * idle + min(busy, ready) * (warm_busy - on_demand) + cold_starts * cold

more than serving it all on demand without a cold start; bills have the work above `ready` more exactly
(`controller.decision.costs.work_above`). Work above `ready` runs on demand, on units that stay warm for the
keep-alive: a cold start is only what exceeds the units that are warm after use
(`controller.decision.costs.cold_starts`).
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from adapters.ports.lever import KeepAliveSeen
from adapters.ports.read_prices import ReadPrices, read_prices
from config.model.lever import LeverSettings
from config.model.policy import Assume, PoolPolicy
from controller.decision.costs.keep_alive import keep_alive_of

MINUTE_SECONDS, MINUTES_A_MONTH = 60, 365 * 24 * 60 / 12
DEFAULT_MEMORY_MB = 1024
DEFAULT_INIT_SECONDS = 8.0
DEFAULT_ARCHITECTURE = "x86_64"


@dataclass(frozen=True, slots=True)
class Price:
    """USD per GB-second: of a warm unit while it is ready, of its work, and of work on demand."""

    idle: float
    warm_busy: float
    on_demand: float


PRICES_AS_OF = date(2026, 9, 28)
PRICES: dict[tuple[str, str], Price] = {
    # AWS Lambda, us-east-1 and the other regions of its tier: provisioned concurrency, its duration, on-demand duration
    ("lambda-provisioned-concurrency", "x86_64"): Price(4.1667e-6, 9.7222e-6, 1.66667e-5),
    ("lambda-provisioned-concurrency", "arm64"): Price(3.3334e-6, 7.7778e-6, 1.33334e-5),
    # the same without provisioned concurrency: PINGS has the cost of pings; work of a pinged unit has the on-demand price
    ("lambda-ping", "x86_64"): Price(0.0, 1.66667e-5, 1.66667e-5),
    ("lambda-ping", "arm64"): Price(0.0, 1.33334e-5, 1.33334e-5),
    # any URL: as Cloud Run, tier 1, billed by request, with one vCPU per GB
    ("http-ping", "x86_64"): Price(0.0, 2.65e-5, 2.65e-5),
    ("http-ping", "arm64"): Price(0.0, 2.65e-5, 2.65e-5),
}
"""Prices by lever kind and architecture, at `PRICES_AS_OF`. A policy's `prices` override them."""


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per second where processors are billed separately: of a vCPU, of a gigabyte, and of the unit's accelerator.

    `as_of`: date of the provider's price list.
    """

    vcpu: Price
    gigabyte: Price
    as_of: date
    accelerator: float = 0.0

    def per_gigabyte(self, vcpus: float, gigabytes: float) -> Price:
        """Return the price per GB-second of a unit. Its accelerator is billed while the unit exists, idle or not."""
        idle, warm_busy, on_demand = (
            (vcpus * getattr(self.vcpu, what) + gigabytes * getattr(self.gigabyte, what)) / gigabytes
            for what in ("idle", "warm_busy", "on_demand")
        )
        accelerator = self.accelerator / gigabytes
        return Price(idle + accelerator, warm_busy, on_demand + accelerator)


_WHOLE = Price(1.8e-5, 0.0, 1.8e-5), Price(2.0e-6, 0.0, 2.0e-6)
RATES: dict[str, dict[str, Rates]] = {
    "cloud-run-min-instances": {
        # Cloud Run in regions of tier 1: billed by request, an idle minimum instance costs a tenth for its processor
        "request": Rates(Price(2.5e-6, 2.15e-5, 2.4e-5), Price(2.5e-6, 0.0, 2.5e-6), date(2026, 8, 31)),
        # us-central1: billed by instance, idle and busy seconds cost the same; GPUs are billed in this way only
        "instance": Rates(*_WHOLE, date(2026, 8, 31)),
        "instance nvidia-l4": Rates(*_WHOLE, date(2026, 8, 31), accelerator=1.867e-4),
        "instance nvidia-l4 zonal": Rates(*_WHOLE, date(2026, 8, 31), accelerator=2.909e-4),
    },
}
"""Rates by lever kind and billing mode. Where unknown, the first mode, one vCPU and one gigabyte are assumed."""


@dataclass(frozen=True, slots=True)
class Pings:
    """Pings that keep a unit warm where nothing can be provisioned.

    `a_minute`: pings of a unit per minute. `seconds`: billed for each, in addition to its request. `lasting_minutes`: after them
    the provider stops a unit even if it is warm, so that the next ping pays for the start of another.
    """

    a_minute: float
    seconds: float
    lasting_minutes: float

    def usd_per_minute(self, usd_per_second: float, init_seconds: float, request_usd: float) -> float:
        """Return the cost of keeping one unit warm; `usd_per_second` is the price of its work."""
        work = self.a_minute * (self.seconds * usd_per_second + request_usd)
        return work + init_seconds * usd_per_second / self.lasting_minutes


REQUEST_USD = {"lambda-provisioned-concurrency": 0.20e-6, "lambda-ping": 0.20e-6, "cloud-run-min-instances": 0.40e-6,
               "http-ping": 0.40e-6}
"""Price of a request by lever kind. Cloud Run charges nothing for requests where it bills by instance."""

LASTING = timedelta(hours=2)
"""Assumed life of a unit that pings keep warm, until rounds have shown another."""

MOST_LOST = 0.5
"""Maximum share of pinged units that are expected to have stopped by the end of a pause."""

PINGS: dict[str, Pings] = {
    # a round every 4 min, each ping held for 0.1 s; Lambda stops environments every few hours
    "lambda-ping": Pings(a_minute=0.25, seconds=0.1, lasting_minutes=LASTING / timedelta(minutes=1)),
    "http-ping": Pings(a_minute=0.25, seconds=0.1, lasting_minutes=LASTING / timedelta(minutes=1)),
}
"""Pings by lever kind, where the policy sets neither hold nor pause. A pinged unit costs less than 1 % of provisioned concurrency
(1 GB, 8 s of initialisation).
"""


BILLING_STEPS = {"lambda-provisioned-concurrency": timedelta(minutes=5)}
"""Billing step by lever kind: a unit is billed from the request, its time rounded up to a whole step (Lambda pricing page)."""

STAY_WARM = frozenset({"cloud-run-min-instances", "lambda-ping", "http-ping"})
"""Lever kinds whose units are of the same kind as on-demand units: after scale-in they stay warm for the keep-alive."""

ESTIMATED_PEAK = frozenset({"cloud-run-min-instances"})
"""Lever kinds whose usual demand source publishes no concurrency, so that it estimates the peak of each minute."""


@dataclass(frozen=True, slots=True)
class TopTerms:
    """Cost of units that pings keep warm above the units of a pool's base. `idle`: USD per unit-minute."""

    idle: float
    pings: Pings

    @property
    def held_share(self) -> float:
        """Share of requests that arrive while a round holds the idle units, which may start them cold."""
        return self.pings.a_minute * self.pings.seconds / MINUTE_SECONDS

    @property
    def lost_share(self) -> float:
        """Share of the units that the provider has stopped by the end of a pause."""
        return min(MOST_LOST, 1 / (self.pings.a_minute * self.pings.lasting_minutes))


@dataclass(frozen=True, slots=True)
class CostTerms:
    """Prices of one pool in USD per unit-minute, and its durations in whole minutes."""

    idle: float
    warm_busy: float
    on_demand: float
    init_seconds: float
    cold_start_cost_usd: float
    metric_delay: int
    lead_time: int
    keep_alive: int
    billing_step: int = 0
    """Units are billed from the request, in steps of this many minutes; 0: while they are ready."""
    request_usd: float = 0.0
    """Charge of the provider for each request, warm or cold."""
    stay_warm: bool = False
    """After scale-in, units stay warm for the keep-alive like any unit after use; otherwise they stop at once."""
    warm_hit_rate: float | None = None
    """Share of requests that must not wait, where the policy sets that instead of a price of a cold start."""
    cold_start_cost_usd_per_second: float | None = None
    """Price of each second of a cold start, where the policy sets that. `cold_start_cost_usd` is calculated from it."""
    top: TopTerms | None = None
    """Layer of pings above the units of the lever; None for a pool with one lever."""
    keep_alive_range: tuple[int, int] | None = field(default=None, compare=False)
    """Likely shortest and longest keep-alive; None: exactly `keep_alive`. No decision uses it."""
    pings: Pings | None = field(default=None, compare=False)
    """Pings of a lever that pings; None for any other. No decision uses it."""
    estimated_peak: bool = field(default=False, compare=False)
    """Whether the demand source estimates the peak of each minute. Only the range of the ledger uses it."""
    reads: ReadPrices | None = field(default=None, compare=False)
    """Prices of reading the pool's metrics; None where reads cost nothing, so that each minute is read. No score uses it."""

    @property
    def pinged_idle(self) -> float:
        """USD per unit-minute of a unit that pings keep warm above those of the lever; 0 without such a layer."""
        return 0.0 if self.top is None else self.top.idle

    @property
    def shortest_keep_alive(self) -> int:
        """Low end of the range."""
        return self.keep_alive if self.keep_alive_range is None else min(self.keep_alive, self.keep_alive_range[0])

    @property
    def longest_keep_alive(self) -> int:
        """High end of the range."""
        return self.keep_alive if self.keep_alive_range is None else max(self.keep_alive, self.keep_alive_range[1])

    @property
    def cold(self) -> float:
        """USD of one cold start: the wait, and its initialisation billed as on-demand work."""
        return self.cold_start_cost_usd + self.initialisation

    @property
    def initialisation(self) -> float:
        """USD of starting one unit, without the price of waiting."""
        return self.init_seconds * self.on_demand / MINUTE_SECONDS


def usd_per_minute_left(limit: float, spent: float, now: datetime) -> float:
    """Return the USD per minute that are left of `limit` until the end of the month (UTC), after `spent`.

    The rate rises while less is spent.
    """
    following = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return max(0.0, limit - spent) / max(1.0, (following - now).total_seconds() / 60)


def whole_minutes(span: timedelta) -> int:
    """Return `span` in minutes, rounded up: a decision that takes 2.5 min is 3 rows late."""
    return -int(-span.total_seconds() // MINUTE_SECONDS)


def billing_step_of(kind: str, assume: Assume) -> timedelta:
    """Return the billing step of a lever: that of the policy, else that of the provider; 0 without steps."""
    return BILLING_STEPS.get(kind, timedelta(0)) if assume.billing_step is None else assume.billing_step


def request_usd_of(kind: str, billing: str | None = None) -> float:
    """Return the price of a request in USD."""
    return 0.0 if billing is not None and billing.startswith("instance") else REQUEST_USD.get(kind, 0.0)


def price_of(pool: PoolPolicy, architecture: str | None = None, gigabytes: float = 1.0, vcpus: float | None = None,
             billing: str | None = None) -> Price:
    """Return the price of a pool per GB-second, from its policy or the table; x86 where the architecture is unknown."""
    if pool.prices is not None:
        return Price(pool.prices.idle, pool.prices.warm_busy, pool.prices.on_demand)
    if pool.lever.kind in RATES:
        modes = RATES[pool.lever.kind]
        return modes.get(billing or "", next(iter(modes.values()))).per_gigabyte(vcpus or 1.0, gigabytes)
    return PRICES[pool.lever.kind, pool.architecture or architecture or DEFAULT_ARCHITECTURE]


def pings_of(lever: LeverSettings, life: timedelta | None = None) -> Pings | None:
    """Return the pings of a lever, with the hold and the initial pause of its settings; None for a lever that does not ping.
    `life`: how long pinged units last; None: as assumed.
    """
    usual = PINGS.get(lever.kind)
    if usual is not None and life is not None:
        usual = replace(usual, lasting_minutes=life / timedelta(minutes=1))
    hold_ms, pause = (getattr(lever, name, None) for name in ("hold_ms", "pause"))
    if usual is None or hold_ms is None or pause is None:
        return usual
    return replace(usual, a_minute=timedelta(minutes=1) / pause, seconds=hold_ms / 1000)


def top_terms_of(lever: LeverSettings | None, usd_per_second: float, init_seconds: float,
                 life: timedelta | None = None) -> TopTerms | None:
    """Return the cost of a pinged layer, `lever`; `usd_per_second` is the on-demand price of a unit. None without a layer."""
    pings = None if lever is None else pings_of(lever, life)
    if lever is None or pings is None:
        return None
    return TopTerms(pings.usd_per_minute(usd_per_second, init_seconds, request_usd_of(lever.kind)), pings)


def terms_of(pool: PoolPolicy, assume: Assume, memory_mb: int | None = None, architecture: str | None = None,
             init_seconds: float | None = None, vcpus: float | None = None, billing: str | None = None,
             keep_alive: KeepAliveSeen | None = None, pinged_life: timedelta | None = None) -> CostTerms:
    """Return the cost terms of a pool: those of its policy, else the measured ones (the arguments), else the defaults."""
    gigabytes = (pool.memory_mb or memory_mb or DEFAULT_MEMORY_MB) / 1024
    price = price_of(pool, architecture, gigabytes, vcpus, billing)
    per_minute = gigabytes * MINUTE_SECONDS
    init = next((seconds for seconds in (pool.init_seconds, init_seconds) if seconds is not None), DEFAULT_INIT_SECONDS)
    cost = pool.objective.usd_of_cold_start(init)
    pings, request_usd = pings_of(pool.lever, pinged_life), request_usd_of(pool.lever.kind, billing)
    warm = keep_alive_of(pool.lever.kind, assume, keep_alive)
    return CostTerms(
        idle=price.idle * per_minute if pings is None else pings.usd_per_minute(price.on_demand * gigabytes, init, request_usd),
        warm_busy=(price.warm_busy if pings is None else price.on_demand) * per_minute, on_demand=price.on_demand * per_minute,
        init_seconds=init, cold_start_cost_usd=0.05 if cost is None else cost,
        cold_start_cost_usd_per_second=pool.objective.cold_start_cost_usd_per_second,
        metric_delay=whole_minutes(assume.metric_delay), lead_time=whole_minutes(assume.lead_time),
        keep_alive=whole_minutes(warm.span), keep_alive_range=(whole_minutes(warm.low), whole_minutes(warm.high)),
        billing_step=whole_minutes(billing_step_of(pool.lever.kind, assume)),
        warm_hit_rate=pool.objective.warm_hit_rate, request_usd=request_usd, stay_warm=pool.lever.kind in STAY_WARM,
        estimated_peak=pool.lever.kind in ESTIMATED_PEAK if pool.demand is None else pool.demand.estimates_peak, pings=pings,
        top=top_terms_of(pool.top, price.on_demand * gigabytes, init, pinged_life), reads=read_prices(pool),
    )
