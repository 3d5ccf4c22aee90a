"""Allocation of a fleet's money by savings, and the order of changes where one tick cannot make all of them. Pure.

Where the fleet would cost more than its limit, units above the floors are allocated in the order of savings per USD. From `KNEE`
of the limit on, the granted cost grows more slowly than the planned one and never reaches the limit, so that the least useful
targets shrink step by step near the limit. Held units are released by a tenth a tick, and no pool rises into money that another
pool still holds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

KNEE = 0.8
"""Share of a limit up to which all planned cost is granted."""

GIVEN_BACK = 0.1
"""Largest share of held units that a limit removes in one tick; at least one unit."""

PATIENCE = timedelta(minutes=5)
"""Waiting time after which a change precedes all others, the longest first, so that none waits for ever."""

Units = NDArray[np.int64]
Amounts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AllocationInputs:
    """Pools of a fleet, one row each: planned units, units requested by the last reading, held units (requested ones, or more
    where a write is not shown yet), and units kept in any case; USD of a unit an hour; and savings per USD of warm capacity, NaN
    where unknown, which ranks like no savings.
    """

    want: Units
    shown: Units
    held: Units
    floor: Units
    price: Amounts
    value: Amounts

    @property
    def order(self) -> NDArray[np.intp]:
        """Rows by savings, highest first; of equal ones, the first row."""
        return np.argsort(-np.nan_to_num(self.value, nan=0.0), kind="stable")


def softened(wanted: float, limit: float) -> float:
    """Return the cost granted of `wanted` under `limit`: all of it up to the knee, then a decreasing part; never the limit."""
    knee = KNEE * limit
    if wanted <= knee or limit <= 0:
        return min(wanted, max(limit, 0.0))
    room = limit - knee
    return knee - room * math.expm1((knee - wanted) / room)


def allocated(budget: float, pools: AllocationInputs, base: Units, want: Units) -> Units:
    """Return `base` plus the units up to `want` that `budget` USD an hour pays for, highest savings first."""
    order = pools.order
    price, extra = pools.price[order], np.maximum(want - base, 0)[order]
    cost = extra * price
    left = np.maximum(budget - (np.cumsum(cost) - cost), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        paid = np.where(price > 0, np.floor(left / price + 1e-9), extra)
    out = base.copy()
    out[order] += np.minimum(paid, extra).astype(np.int64)
    return out


def allowed(pools: AllocationInputs, limit: float) -> Units:
    """Return the most units that each pool may request now, so that all together cost at most `limit` USD an hour.

    They cost more only where the floors alone do, or while held units are still being released.
    """
    floor, price, held = np.minimum(pools.floor, pools.want), pools.price, pools.held
    fixed = float((floor * price).sum())
    granted = softened(float((pools.want * price).sum()) - fixed, max(0.0, limit - fixed))
    affordable = allocated(granted, pools, floor, pools.want)
    step = np.maximum(1, (held * GIVEN_BACK).astype(np.int64))
    eased = np.maximum(affordable, np.minimum(pools.want, held - step))
    base = np.maximum(held, floor)
    room = limit - float((base * price).sum())
    out = np.where(eased > held, allocated(max(0.0, room), pools, base, np.maximum(eased, base)), eased)
    # Held units that no reading shows may not exist: while the fleet costs too much, no pool rises to them.
    return out if room >= 0 else np.minimum(out, np.maximum(pools.shown, floor))


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """Change of one pool in units, up or down. `since`: start of its wait."""

    pool: str
    change: int
    since: datetime


def within_tick_limits(requests: Sequence[ChangeRequest], now: datetime) -> list[ChangeRequest]:
    """Return the requests by urgency: those that waited for `PATIENCE`, longest first; then the largest raise; decreases last."""
    def key(request: ChangeRequest) -> tuple[float, bool, int, str]:
        waited = now - request.since
        overdue = -waited.total_seconds() if waited >= PATIENCE else 0.0
        return overdue, request.change < 0, -abs(request.change), request.pool
    return sorted(requests, key=key)


class ChangeBudget:
    """Pools and units that may still change in a tick; None is unlimited."""

    def __init__(self, pools: int | None, units: int | None) -> None:
        self.pools, self.units = pools, units

    def copy(self) -> "ChangeBudget":
        """Return a copy."""
        return ChangeBudget(self.pools, self.units)

    def take(self, change: int, *, again: bool = False) -> int | None:
        """Take `change` out of the budget, as far as it goes. Return the part that was taken; None when the pool must wait.

        `again`: the pool has already changed in this tick and counts once.
        """
        if (self.pools == 0 and not again) or (self.units == 0 and change):
            return None
        size = abs(change) if self.units is None else min(abs(change), self.units)
        self._move(0 if again else -1, -size)
        return size if change > 0 else -size

    def give_back(self, change: int, *, again: bool = False) -> None:
        """Return to the budget what `take` took."""
        self._move(0 if again else 1, abs(change))

    def _move(self, pools: int, units: int) -> None:
        self.pools = None if self.pools is None else self.pools + pools
        self.units = None if self.units is None else self.units + units
