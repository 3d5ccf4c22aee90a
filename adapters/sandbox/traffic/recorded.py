"""Traffic of a function, minute by minute."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from forecasting.demand import DemandSeries

MINUTE_MS = 60_000


class Minute(NamedTuple):
    """One minute of traffic: requests that start, and average and maximum of requests in flight. NaN: a gap."""

    invocations: float
    busy: float
    peak: float

    @property
    def is_gap(self) -> bool:
        """Whether the record has no values of this minute."""
        return math.isnan(self.peak)

    @property
    def most(self) -> int:
        """Maximum of requests in flight as a whole number; at least 1 if a request starts."""
        return 0 if self.is_gap else max(math.ceil(self.peak - 1e-6), int(self.invocations >= 1))


QUIET = Minute(0.0, 0.0, 0.0)


@dataclass(slots=True)
class Traffic:
    """Traffic of one function: the record `series`; for minutes outside of it, the items of `then` from minute `since` on;
    otherwise none.
    """

    series: DemandSeries | None = None
    then: Iterator[Minute] | None = None
    since: int = 0
    _read: list[Minute] = field(default_factory=list)
    """Items taken from `then` and not played yet; at most one."""

    def at(self, minute: int) -> Minute:
        """Return the traffic of `minute`. Must be called once for every minute, in order."""
        traffic = self.peek(minute)
        if not self._recorded(minute) and minute >= self.since:
            self._read.clear()
        return traffic

    def peek(self, minute: int) -> Minute:
        """Return the traffic of the minute of the next call of `at`, without advancing."""
        if self.series is not None and self._recorded(minute):
            row = minute - self.series.first_minute
            return Minute(float(self.series.invocations[row]), float(self.series.busy[row]), float(self.series.peak[row]))
        if self.then is None or minute < self.since:
            return QUIET
        if not self._read:
            self._read.append(next(self.then, QUIET))
        return self._read[0]

    def _recorded(self, minute: int) -> bool:
        return self.series is not None and self.series.first_minute <= minute < self.series.end_minute
