"""What the units of many pools are billed for, minute by minute as their capacity is read. Pure.

Units that are not billed in steps are paid for while they are ready. Others count for each minute once they are allocated; the
minute of that reading also takes the time since the request, and that in which they are removed the rest of their last step.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.billing_steps import Layers, change, rest
from forecasting.demand import instant_of

EPOCH, MICROSECOND = instant_of(0), timedelta(microseconds=1)
MINUTE = timedelta(minutes=1) // MICROSECOND

Amounts = NDArray[np.float64]


class Change(NamedTuple):
    """What is known of a change of a pool's units. `instants`: when it may have happened, the best first. `step`: in what steps
    its units are billed, 0 where in none. `failed`: units that are gone were never allocated, and cost nothing.
    """

    instants: Sequence[datetime | None]
    step: timedelta
    failed: bool = False

    def at(self, since: datetime | None, now: datetime) -> datetime:
        """The first of the instants from the last reading at `since` on; `now` where there is none."""
        return next((at for at in self.instants if at is not None and at <= now and (since is None or at >= since)), now)


class Added(NamedTuple):
    """When units were added, in microseconds since the epoch, and whether their minutes are counted."""

    at: int
    counted: bool = False


class Paid:
    """The last `minutes` minutes, of each pool: minute n is column n modulo their number."""

    def __init__(self, pools: int, minutes: int) -> None:
        self._unit_minutes = np.zeros((pools, minutes))
        self._requested = np.full(pools, np.nan)
        self._stepped = np.zeros(pools, bool)
        self._counted = np.zeros(pools)
        self._layers: dict[int, Layers[Added]] = {}
        self._pending: set[int] = set()
        """Pools with units that are not allocated yet."""
        self._read_at: datetime | None = None

    def note(self, first: int, end: int, ready: Amounts, requested: Amounts, now: datetime,
             changed: Callable[[int], Change]) -> None:
        """A reading at `now` that counts for the minutes from `first` up to, not including, `end`: float64[pools] each, NaN where
        unknown. `changed`: of a pool whose requested units are not those of the reading before.
        """
        rows = np.flatnonzero((requested != self._requested) & ~np.isnan(requested)).tolist()
        units, allocated = requested[rows].tolist(), (ready[rows] >= requested[rows]).tolist()
        owed = {row: self._change(row, int(count), first, now, changed(row), ready_now)
                for row, count, ready_now in zip(rows, units, allocated, strict=True)}
        self._requested[rows] = requested[rows]
        for row in [row for row in self._pending if ready[row] >= self._requested[row]]:
            owed[row] = owed.get(row, 0.0) + self._allocated(row, first)
        minutes = self._unit_minutes.shape[1]
        self._unit_minutes[:, np.arange(first, end) % minutes] = self._counted[:, None]
        self._unit_minutes[list(owed), (end - 1) % minutes] += list(owed.values())
        self._read_at = now

    def units(self, minute: int, ready: Amounts) -> Amounts:
        """Unit-minutes that are paid for in a minute in which `ready` units were ready."""
        return np.where(self._stepped, self._unit_minutes[:, minute % self._unit_minutes.shape[1]], ready)

    def _change(self, row: int, units: int, first: int, now: datetime, it: Change, allocated: bool) -> float:
        """Take in a change, and return the unit-minutes that are owed for units that were removed, or added and `allocated`."""
        unread, step = bool(np.isnan(self._requested[row])), it.step // MICROSECOND
        self._stepped[row] = bool(step)
        if not step:
            self._layers.pop(row, None)
            self._pending.discard(row)
            self._counted[row] = 0.0
            return 0.0
        at, begin = (it.at(None if unread else self._read_at, now) - EPOCH) // MICROSECOND, first * MINUTE
        layers, counts = self._layers.setdefault(row, []), unread or allocated
        added = max(0, units - sum(count for _, count in layers))
        owed = added * (begin - at) if allocated and not unread else 0  # an earlier process counted what stood before
        for (since, counted), gone in change(layers, units, Added(at, counts)):
            span = at - since
            owed += gone * ((0 if it.failed and not counted else span + rest(span, step)) - counted * (begin - since))
        self._counted[row] = sum(count for added, count in layers if added.counted)
        if added and not counts:
            self._pending.add(row)
        return owed / MINUTE

    def _allocated(self, row: int, first: int) -> float:
        """Count all units of a pool from now on, and return the unit-minutes that are owed since they were requested."""
        self._pending.discard(row)
        layers, owed = self._layers[row], 0
        for index, (added, count) in enumerate(layers):
            if not added.counted:
                layers[index] = Added(added.at, counted=True), count
                owed += count * (first * MINUTE - added.at)
        self._counted[row] = sum(count for _, count in layers)
        return owed / MINUTE
