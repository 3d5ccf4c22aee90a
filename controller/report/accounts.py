"""Accounts of a pool in one mode over a period: bill, cold starts and their cost, with Stoker and with each baseline.

The one place that names the columns of the ledger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple, Protocol

from controller.accounting.ledger import NAMES, NOISE, RANGED
from controller.decision.costs.cost_model import MINUTES_A_MONTH
from controller.decision.costs.kinds import Mode
from controller.decision.costs.sentences import BASELINE_TEXT, TARGET_TRACKING, WITHOUT_STOKER

STOKER = "stoker"
SUFFIXES = {STOKER: "", WITHOUT_STOKER: "_without_stoker", TARGET_TRACKING: "_target_tracking"}
"""End of the columns of Stoker and of each baseline."""

NAMES_OF = {STOKER: "Stoker", **BASELINE_TEXT}
LEAST_MINUTES = 24 * 60
"""Counted minutes from which a bill per month is projected: part of a day is not typical of a month."""

Range = tuple[float, float]


class Outcome(NamedTuple):
    """Bill and cold starts of one way to set capacity. `cold_starts_range`: over the ranges of the keep-alive and of an estimated
    peak; None where neither makes a difference.
    """

    bill_usd: float
    cold_starts: float
    cold_starts_range: Range | None
    cold_start_cost_usd: float
    bill_per_month_usd: float | None

    @property
    def total_usd(self) -> float:
        """Bill + cold-start cost in USD."""
        return self.bill_usd + self.cold_start_cost_usd


@dataclass(frozen=True, slots=True)
class Accounts:
    """Sums of a pool in one mode. `outcomes`: by `STOKER` and baseline. `counted`: minutes with known capacity; `known`: those of
    them with known demand. `warm_hits`: requests without a cold start. `during_pings`: of the cold starts with Stoker, those that
    happen because a round of pings holds units. `ping_usd`: of the bill with Stoker, pings above the base of a pool with layers.
    """

    outcomes: Mapping[str, Outcome]
    counted: int
    known: int
    warm_hits: float
    during_pings: float
    ping_usd: float

    @property
    def stoker(self) -> Outcome:
        """Outcome with Stoker, simulated in shadow mode."""
        return self.outcomes[STOKER]

    @property
    def without(self) -> Outcome:
        """Outcome of the same traffic without Stoker."""
        return self.outcomes[WITHOUT_STOKER]

    @property
    def warm_share(self) -> float | None:
        """Share of requests without a cold start; None without requests."""
        requests = self.warm_hits + self.stoker.cold_starts
        return self.warm_hits / requests if requests > 0 else None

    @property
    def better_by_usd(self) -> float:
        """Bill + cold-start cost without Stoker minus that with Stoker, in USD; negative where Stoker costs more."""
        return self.without.total_usd - self.stoker.total_usd


Day = Mapping[Mode, Mapping[str, Mapping[str, float]]]
"""Sums of one day by mode and pool."""


class AccountReader(Protocol):
    """Store that returns accounts."""

    def accounts(self, first: date, end: date) -> Day:
        """Return the sums over the days `first <= day < end`, by mode and pool."""


def stored_days(store: AccountReader, days: list[date]) -> dict[date, Day]:
    """Return the stored sums of each day."""
    return {day: store.accounts(day, day + timedelta(days=1)) for day in days}


def accounts_of(sums: Mapping[str, float]) -> Accounts:
    """Return the accounts from stored sums by column."""
    row = [sums.get(name, 0.0) for name in NAMES]
    counted = round(sums.get("minutes", 0.0))
    return Accounts({name: outcome_of(sums, row, suffix, counted) for name, suffix in SUFFIXES.items()}, counted,
                    round(sums.get("known_minutes", 0.0)), sums.get("warm_hits", 0.0),
                    sums.get("cold_starts_during_pings", 0.0), sums.get("ping_usd", 0.0))


def outcome_of(sums: Mapping[str, float], row: list[float], suffix: str, counted: int) -> Outcome:
    """Return the outcome whose columns end with `suffix`."""
    bill = sums.get(f"bill{suffix}_usd", 0.0)
    name = f"cold_starts{suffix}"
    has_range = f"{name}_delta_low" in NAMES
    monthly = bill / counted * MINUTES_A_MONTH if counted >= LEAST_MINUTES else None
    return Outcome(bill, sums.get(name, 0.0), range_of(row, name) if has_range else None,
                   sums.get(f"cold_start_cost{suffix}_usd", 0.0), monthly)


def range_of(sums: Sequence[float], name: str) -> tuple[float, float] | None:
    """Return the minimum and maximum of figure `name` of a row of `NAMES` over the ranges of the pool's keep-alive and peak; None
    when they are equal.
    """
    figure, *deltas = (sums[at] for at in RANGED[name])
    low, high = figure + min(0.0, *deltas), figure + max(0.0, *deltas)
    return (low, high) if high - low > NOISE else None
