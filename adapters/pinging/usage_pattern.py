"""Usage of a pool by its users: recent demand, and the demand expected at each minute of the day. Pure."""

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import MINUTES_PER_DAY, DemandSeries

DAYS = 7
RECENT_MINUTES = 3
"""Number of newest known minutes that determine the units in use now."""

STALE_MINUTES = 10
"""Minutes after which the newest demand is stale."""


class UsagePattern:
    """Demand of one pool by time of day, without own pings. Minutes are whole minutes since the epoch, demand is in units."""

    def __init__(self) -> None:
        self._peak = np.full((DAYS, MINUTES_PER_DAY), np.nan, np.float32)
        self._minute = np.full((DAYS, MINUTES_PER_DAY), -1, np.int64)
        self._busy: dict[int, float] = {}
        """Average units in use in the newest known minutes."""
        self._newest = -1

    def note(self, series: DemandSeries) -> None:
        """Store newly known demand, and drop peaks that have become unknown."""
        self._drop(series.first_minute + np.flatnonzero(series.recorded & ~series.known))
        known = np.flatnonzero(series.known)
        if not len(known):
            return
        minutes = series.first_minute + known
        self._newest = max(self._newest, int(minutes[-1]))
        recent = minutes > self._newest - DAYS * MINUTES_PER_DAY
        minutes, known = minutes[recent], known[recent]
        day, minute = minutes // MINUTES_PER_DAY % DAYS, minutes % MINUTES_PER_DAY
        self._peak[day, minute], self._minute[day, minute] = series.peak[known], minutes
        for at, row in zip(minutes[-RECENT_MINUTES:].tolist(), known[-RECENT_MINUTES:].tolist(), strict=True):
            self._busy[at] = float(series.busy[row])
        self._busy = {at: busy for at, busy in self._busy.items() if at > self._newest - RECENT_MINUTES}

    def _drop(self, minutes: NDArray[np.int64]) -> None:
        """Remove the stored demand of `minutes`."""
        day, minute = minutes // MINUTES_PER_DAY % DAYS, minutes % MINUTES_PER_DAY
        stored = self._minute[day, minute] == minutes
        self._minute[day[stored], minute[stored]] = -1
        self._busy = {at: busy for at, busy in self._busy.items() if at not in minutes}

    def expected(self, minute: int) -> float:
        """Return the maximum units in use at this time of day in the last 7 days; 0 if unknown."""
        peaks = self._at_time_of_day(minute)
        return float(np.nanmax(peaks)) if len(peaks) else 0.0

    def usual(self, minute: int) -> float:
        """Return the mean of the maximum units in use at this time of day in the last 7 days; 0 if unknown."""
        peaks = self._at_time_of_day(minute)
        return float(np.nanmean(peaks)) if len(peaks) else 0.0

    def _at_time_of_day(self, minute: int) -> NDArray[np.float32]:
        column = minute % MINUTES_PER_DAY
        ages = minute - self._minute[:, column]
        return self._peak[:, column][(ages > 0) & (ages <= DAYS * MINUTES_PER_DAY)]

    def busy(self, minute: int) -> int:
        """Return the number of units that were in use in all of the newest known minutes; 0 if these are older than
        `STALE_MINUTES`.
        """
        if self._newest < minute - STALE_MINUTES or len(self._busy) < RECENT_MINUTES:
            return 0
        return int(min(self._busy.values()))

    def last_peak(self, units: int, since: int) -> int | None:
        """Return the newest minute from `since` on in which users had `units` in use at once; None without one."""
        minutes = np.arange(max(since, self._newest - MINUTES_PER_DAY), self._newest + 1)
        if units <= 0 or not len(minutes):
            return None
        day, column = minutes // MINUTES_PER_DAY % DAYS, minutes % MINUTES_PER_DAY
        reached = (self._minute[day, column] == minutes) & (self._peak[day, column] >= units)
        return int(minutes[reached][-1]) if reached.any() else None
