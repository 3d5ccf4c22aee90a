"""What a fleet may cost, shared out by worth; and whose turn it is when not all may change in one tick. Pure.

Where the whole costs more than it may, what is above the floors is given out in the order of what a dollar of it saves. The
limit is no cliff: from `KNEE` of it on the total grows ever slower and never reaches it, so that the least worthy targets shrink
little by little as the limit draws near. What is held already is given back by a tenth a tick, and nobody rises into room
that another has yet to leave.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

KNEE = 0.8
"""The share of a limit below which nothing is done."""

GIVEN_BACK = 0.1
"""The share of what is held that one tick takes away at most because of a limit; at least one unit."""

PATIENCE = timedelta(minutes=5)
"""Who has waited so long for a turn goes before everybody, the longest first: nobody waits for ever."""

Units = NDArray[np.int64]
Amounts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AllocationInputs:
    """The pools of a fleet, an array each: units wanted, requested as the last reading shows, held (those, or more that may be
    on the way unseen), and kept in any case; USD of a unit an hour; and what a dollar of standing by saves, NaN where nobody
    knows yet, which ranks as if it saved nothing.
    """

    want: Units
    shown: Units
    held: Units
    floor: Units
    price: Amounts
    value: Amounts

    @property
    def order(self) -> NDArray[np.intp]:
        """The worthiest first; of equals, the first named."""
        return np.argsort(-np.nan_to_num(self.value, nan=0.0), kind="stable")


def softened(wanted: float, limit: float) -> float:
    """What is granted of `wanted` under `limit`: all of it up to the knee, then ever less of what is more, never the limit."""
    knee = KNEE * limit
    if wanted <= knee or limit <= 0:
        return min(wanted, max(limit, 0.0))
    room = limit - knee
    return knee - room * math.expm1((knee - wanted) / room)


def given_out(budget: float, stakes: AllocationInputs, base: Units, want: Units) -> Units:
    """`base`, and of what is wanted above it what `budget` USD an hour pays for, the worthiest first."""
    order = stakes.order
    price, extra = stakes.price[order], np.maximum(want - base, 0)[order]
    cost = extra * price
    left = np.maximum(budget - (np.cumsum(cost) - cost), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        paid = np.where(price > 0, np.floor(left / price + 1e-9), extra)
    out = base.copy()
    out[order] += np.minimum(paid, extra).astype(np.int64)
    return out


def allowed(stakes: AllocationInputs, limit: float) -> Units:
    """The most that each pool may request now, so that all together cost at most `limit` USD an hour.

    More only where floors alone do, or where what is held is still being given back.
    """
    floor, price, held = np.minimum(stakes.floor, stakes.want), stakes.price, stakes.held
    fixed = float((floor * price).sum())
    granted = softened(float((stakes.want * price).sum()) - fixed, max(0.0, limit - fixed))
    worthy = given_out(granted, stakes, floor, stakes.want)
    step = np.maximum(1, (held * GIVEN_BACK).astype(np.int64))
    eased = np.maximum(worthy, np.minimum(stakes.want, held - step))
    base = np.maximum(held, floor)
    room = limit - float((base * price).sum())
    out = np.where(eased > held, given_out(max(0.0, room), stakes, base, np.maximum(eased, base)), eased)
    # What is counted and may not stand after all is no leave to rise to it while the whole costs too much.
    return out if room >= 0 else np.minimum(out, np.maximum(stakes.shown, floor))


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """One pool's wish to change by so many units, up or down, and since when it has waited for its turn."""

    pool: str
    change: int
    since: datetime


def within_tick_limits(turns: Sequence[ChangeRequest], now: datetime) -> list[ChangeRequest]:
    """The most urgent first: who has waited longest if that is long, then the largest raise, falls after all raises."""
    def key(turn: ChangeRequest) -> tuple[float, bool, int, str]:
        waited = now - turn.since
        overdue = -waited.total_seconds() if waited >= PATIENCE else 0.0
        return overdue, turn.change < 0, -abs(turn.change), turn.pool
    return sorted(turns, key=key)


class ChangeBudget:
    """What may still be changed in a tick; None is without limit."""

    def __init__(self, pools: int | None, units: int | None) -> None:
        self.pools, self.units = pools, units

    def copy(self) -> "ChangeBudget":
        return ChangeBudget(self.pools, self.units)

    def take(self, change: int) -> int | None:
        """So much of `change` as may be done, taken out of what is left; None when the pool must wait."""
        if self.pools == 0 or (self.units == 0 and change):
            return None
        size = abs(change) if self.units is None else min(abs(change), self.units)
        self._move(-1, -size)
        return size if change > 0 else -size

    def give_back(self, change: int) -> None:
        """What `take` returned was not used."""
        self._move(1, abs(change))

    def _move(self, pools: int, units: int) -> None:
        self.pools = None if self.pools is None else self.pools + pools
        self.units = None if self.units is None else self.units + units
