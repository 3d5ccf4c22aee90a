"""Bill and cold starts of a demo, with Stoker and without, from the requests that the sandbox served: no estimates of Stoker."""

from dataclasses import dataclass, fields

from adapters.sandbox.world import Hosted
from controller.decision.costs.cost_model import CostTerms

MS_PER_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one pool, or the sum of several, since the start of the demo.

    `without`: the same traffic on a copy of the function without warm capacity. `warm_minutes`: billed unit-minutes. The bill is
    what the provider charges, with the initialisation of cold starts; the cold-start cost is the operator's own price of them.
    """

    minutes: int = 0
    invocations: float = 0.0
    cold_starts: int = 0
    cold_starts_without: int = 0
    warm_minutes: float = 0.0
    bill_usd: float = 0.0
    bill_without_usd: float = 0.0
    cold_start_cost_usd: float = 0.0
    cold_start_cost_without_usd: float = 0.0
    pings: int = 0

    @property
    def avoided(self) -> int:
        """Number of cold starts that warm capacity prevented."""
        return self.cold_starts_without - self.cold_starts

    @property
    def saved_usd(self) -> float:
        """Bill without Stoker minus the bill with it; negative when the bill rose."""
        return self.bill_without_usd - self.bill_usd

    def __add__(self, other: "Outcome") -> "Outcome":
        sums = {field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)}
        return Outcome(**sums | {"minutes": max(self.minutes, other.minutes)})


def outcome_of(hosted: Hosted, terms: CostTerms, now_ms: int, request_usd: float = 0.0) -> Outcome:
    """Return the outcome of one function or container up to `now_ms`, at the prices of `terms`.

    `request_usd`: the price of each request, pings included. Work and initialisations of pings are billed like any other.
    """
    totals, function = hosted.driver.totals, hosted.function
    billed = sum(capacity.meter.billed_unit_ms(now_ms) for capacity in function.capacities.values()) / MS_PER_MINUTE
    warm_busy, on_demand = totals.warm_busy_ms / MS_PER_MINUTE, totals.on_demand_busy_ms / MS_PER_MINUTE
    pings = totals.pings * request_usd + totals.ping_ms / MS_PER_MINUTE * terms.on_demand
    pings += totals.ping_cold_starts * terms.initialisation
    with_stoker = billed * terms.idle + warm_busy * terms.warm_busy + on_demand * terms.on_demand + pings
    return Outcome(
        minutes=totals.minutes,
        invocations=totals.invocations,
        cold_starts=totals.cold_starts,
        cold_starts_without=totals.cold_starts_without,
        warm_minutes=billed,
        bill_usd=with_stoker + totals.invocations * request_usd + totals.cold_starts * terms.initialisation,
        bill_without_usd=(totals.busy_without_ms / MS_PER_MINUTE * terms.on_demand + totals.invocations_without * request_usd
                          + totals.cold_starts_without * terms.initialisation),
        cold_start_cost_usd=totals.cold_starts * terms.cold_start_cost_usd,
        cold_start_cost_without_usd=totals.cold_starts_without * terms.cold_start_cost_usd,
        pings=totals.pings,
    )
