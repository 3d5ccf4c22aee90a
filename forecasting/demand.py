"""Demand as arrays: one row per minute, with explicit gaps."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

MINUTES_PER_DAY = 1440
Floats = NDArray[np.float32]


def minute_of(instant: datetime) -> int:
    """Return whole minutes since the Unix epoch, the unit of time of all pure code."""
    return int(instant.timestamp() // 60)


def instant_of(minute: int) -> datetime:
    """Return the UTC instant at which `minute` starts."""
    return datetime.fromtimestamp(minute * 60, UTC)


@dataclass(frozen=True, slots=True)
class DemandSeries:
    """History of one pool, one row for every minute; unknown values are NaN, never zero.

    `first_minute`: minutes since the Unix epoch of row 0. `peak` and `busy`: float32[n], maximum and average units of work in
    flight in the minute, 0 <= busy <= peak. `invocations`: float32[n], requests that started in the minute. A row may have
    requests and work without a peak: it counts in sums and bills, but not as a level of demand.
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
        """Return `minutes` unknown rows."""
        unknown = np.full(minutes, np.nan, np.float32)
        return cls(first_minute, unknown, unknown.copy(), unknown.copy())

    @property
    def end_minute(self) -> int:
        """Minute after the last row."""
        return self.first_minute + len(self)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Rows with a known peak, from which capacity is chosen: bool[n]."""
        return ~np.isnan(self.peak)

    @property
    def recorded(self) -> NDArray[np.bool_]:
        """Rows with a known peak or known requests, each of which replaces all of an earlier row: bool[n]."""
        return ~(np.isnan(self.peak) & np.isnan(self.invocations))

    def window(self, first: int, end: int) -> "DemandSeries":
        """Return rows `first <= minute < end`; unknown outside the series. Raise ValueError if `end` is before `first`."""
        if end < first:
            raise ValueError(f"window ends at {end}, before it starts at {first}")
        out = DemandSeries.empty(first, end - first)
        low, high = max(first, self.first_minute), min(end, self.end_minute)
        if low < high:
            to, source = slice(low - first, high - first), slice(low - self.first_minute, high - self.first_minute)
            out.peak[to], out.busy[to], out.invocations[to] = self.peak[source], self.busy[source], self.invocations[source]
        return out

    def updated(self, newer: "DemandSeries") -> "DemandSeries":
        """Return this series with every *recorded* row of `newer` in its place, including peaks that have become unknown.

        Rows that are not recorded in `newer` stay.
        """
        first, end = min(self.first_minute, newer.first_minute), max(self.end_minute, newer.end_minute)
        if not len(self):
            first, end = newer.first_minute, newer.end_minute
        out = self.window(first, end)
        recorded = newer.recorded
        at = np.flatnonzero(recorded) + (newer.first_minute - first)
        for column, update in ((out.peak, newer.peak), (out.busy, newer.busy), (out.invocations, newer.invocations)):
            column[at] = update[recorded]
        return out

    def age(self, now: datetime) -> timedelta | None:
        """Return the time from the end of the newest known minute to `now`; None without a known minute."""
        rows = np.flatnonzero(self.known)
        if not len(rows):
            return None
        return now - instant_of(self.first_minute + int(rows[-1]) + 1)
