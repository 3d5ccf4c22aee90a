"""Billed units of many pools, minute by minute as their capacity is read. Pure.

Units without a billing step are billed while they are ready. Units with a billing step are billed for each minute after their
allocation. The minute in which the allocation is read also gets the time since the request, and the minute of their removal gets
the rest of the last step.
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
    """Change of a pool's requested units. `instants`: possible times of the change, the best first. `step`: billing step; 0
    without one. `failed`: the removed units were never allocated and cost nothing.
    """

    instants: Sequence[datetime | None]
    step: timedelta
    failed: bool = False

    def at(self, since: datetime | None, now: datetime) -> datetime:
        """Return the first of the instants between the last reading, `since`, and `now`; `now` without any."""
        return next((at for at in self.instants if at is not None and at <= now and (since is None or at >= since)), now)


class Added(NamedTuple):
    """Time at which units were added, in microseconds since the epoch, and whether their minutes are billed already."""

    at: int
    counted: bool = False


class Paid:
    """Billed unit-minutes of the last `minutes` minutes of each pool, in a ring: minute n is column n modulo `minutes`."""

    def __init__(self, pools: int, minutes: int) -> None:
        self._unit_minutes = np.zeros((pools, minutes))
        self._requested = np.full(pools, np.nan)
        self._stepped = np.zeros(pools, bool)
        self._counted = np.zeros(pools)
        self._layers: dict[int, Layers[Added]] = {}
        self._pending: set[int] = set()
        """Rows of pools with units that are not allocated yet."""
        self._read_at: datetime | None = None

    def note(self, first: int, end: int, ready: Amounts, requested: Amounts, now: datetime,
             changed: Callable[[int], Change]) -> None:
        """Record a reading at `now` for the minutes [first, end): float64[pools] each, NaN where unknown. `changed`: returns the
        change of a pool (by row) whose requested units differ from the last reading.
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
        """Return the billed unit-minutes of a minute with `ready` units."""
        return np.where(self._stepped, self._unit_minutes[:, minute % self._unit_minutes.shape[1]], ready)

    def _change(self, row: int, units: int, first: int, now: datetime, changed: Change, allocated: bool) -> float:
        """Apply a change, and return the unit-minutes to add for units that were removed, or were added and are `allocated`."""
        first_reading, step = bool(np.isnan(self._requested[row])), changed.step // MICROSECOND
        self._stepped[row] = bool(step)
        if not step:
            self._layers.pop(row, None)
            self._pending.discard(row)
            self._counted[row] = 0.0
            return 0.0
        at, start = (changed.at(None if first_reading else self._read_at, now) - EPOCH) // MICROSECOND, first * MINUTE
        layers, counts = self._layers.setdefault(row, []), first_reading or allocated
        added = max(0, units - sum(count for _, count in layers))
        owed = added * (start - at) if allocated and not first_reading else 0  # an earlier process has counted older units
        for (since, counted), removed in change(layers, units, Added(at, counts)):
            span = at - since
            owed += removed * ((0 if changed.failed and not counted else span + rest(span, step)) - counted * (start - since))
        self._counted[row] = sum(count for added, count in layers if added.counted)
        if added and not counts:
            self._pending.add(row)
        return owed / MINUTE

    def _allocated(self, row: int, first: int) -> float:
        """Bill all units of a pool from now on, and return the unit-minutes to add for the time since their request."""
        self._pending.discard(row)
        layers, owed = self._layers[row], 0
        for index, (added, count) in enumerate(layers):
            if not added.counted:
                layers[index] = Added(added.at, counted=True), count
                owed += count * (first * MINUTE - added.at)
        self._counted[row] = sum(count for _, count in layers)
        return owed / MINUTE
