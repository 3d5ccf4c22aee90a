"""Demand as arrays: one row a minute, gaps explicit."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

MINUTES_PER_DAY = 1440
Floats = NDArray[np.float32]


def minute_of(instant: datetime) -> int:
    """Whole minutes since the Unix epoch; the unit of time inside the pure core."""
    return int(instant.timestamp() // 60)


def instant_of(minute: int) -> datetime:
    """The UTC instant at which `minute` starts."""
    return datetime.fromtimestamp(minute * 60, UTC)


@dataclass(frozen=True, slots=True)
class DemandSeries:
    """One pool's history, a row a minute without holes; what is unknown is NaN, never zero.

    `first_minute`: minutes since the Unix epoch of row 0. `peak` and `busy`: float32[n], most and average units of work
    in flight in the minute, 0 <= busy <= peak. `invocations`: float32[n], requests that started in the minute. A row may have
    requests, and work, without a peak: it counts in sums and bills, and proves no level of demand.
    """

    first_minute: int
    peak: Floats
    busy: Floats
    invocations: Floats

    def __post_init__(self) -> None:
        if not len(self.peak) == len(self.busy) == len(self.invocations):
            lengths = f"peak {len(self.peak)}, busy {len(self.busy)}, invocations {len(self.invocations)}"
            raise ValueError(f"unequal lengths: {lengths}")

    def __len__(self) -> int:
        return len(self.peak)

    @classmethod
    def empty(cls, first_minute: int, minutes: int = 0) -> "DemandSeries":
        """`minutes` rows of which nothing is known."""
        unknown = np.full(minutes, np.nan, np.float32)
        return cls(first_minute, unknown, unknown.copy(), unknown.copy())

    @property
    def end_minute(self) -> int:
        """The minute after the last row."""
        return self.first_minute + len(self)

    @property
    def known(self) -> NDArray[np.bool_]:
        """bool[n]: where the peak is known, which is what capacity is chosen by."""
        return ~np.isnan(self.peak)

    @property
    def recorded(self) -> NDArray[np.bool_]:
        """bool[n]: where the peak or the requests are known; such a row replaces the whole of an earlier one."""
        return ~(np.isnan(self.peak) & np.isnan(self.invocations))

    def window(self, first: int, end: int) -> "DemandSeries":
        """Rows `first <= minute < end`, padded with unknown where the series does not reach."""
        if end < first:
            raise ValueError(f"window ends at {end}, before it begins at {first}")
        out = DemandSeries.empty(first, end - first)
        low, high = max(first, self.first_minute), min(end, self.end_minute)
        if low < high:
            here, there = slice(low - first, high - first), slice(low - self.first_minute, high - self.first_minute)
            out.peak[here], out.busy[here], out.invocations[here] = self.peak[there], self.busy[there], self.invocations[there]
        return out

    def updated(self, newer: "DemandSeries") -> "DemandSeries":
        """This series with every *recorded* row of `newer` in its place, a peak that became unknown included. Rows of which
        `newer` records nothing stay.
        """
        first, end = min(self.first_minute, newer.first_minute), max(self.end_minute, newer.end_minute)
        if not len(self):
            first, end = newer.first_minute, newer.end_minute
        out = self.window(first, end)
        recorded = newer.recorded
        at = np.flatnonzero(recorded) + (newer.first_minute - first)
        for mine, theirs in ((out.peak, newer.peak), (out.busy, newer.busy), (out.invocations, newer.invocations)):
            mine[at] = theirs[recorded]
        return out

    def age(self, now: datetime) -> timedelta | None:
        """From the end of the newest known minute to `now`; None when nothing is known."""
        rows = np.flatnonzero(self.known)
        if not len(rows):
            return None
        return now - instant_of(self.first_minute + int(rows[-1]) + 1)
