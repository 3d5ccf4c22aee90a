"""What traffic there is, minute by minute."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from forecasting.demand import DemandSeries

MINUTE_MS = 60_000


class Minute(NamedTuple):
    """One minute of traffic: requests that start, and the average and most of them in flight at once. NaN: a gap."""

    invocations: float
    busy: float
    peak: float

    @property
    def is_gap(self) -> bool:
        return math.isnan(self.peak)

    @property
    def most(self) -> int:
        """The most requests in flight at once, in whole requests; what starts is in flight."""
        return 0 if self.is_gap else max(math.ceil(self.peak - 1e-6), int(self.invocations >= 1))


QUIET = Minute(0.0, 0.0, 0.0)


@dataclass(slots=True)
class Traffic:
    """One function's traffic: what `series` holds of a minute, otherwise from minute `since` on the next of `then`, otherwise
    silence.
    """

    series: DemandSeries | None = None
    then: Iterator[Minute] | None = None
    since: int = 0
    _read: list[Minute] = field(default_factory=list)
    """What has been taken from `then` and not been played yet."""

    def at(self, minute: int) -> Minute:
        """The traffic of `minute`. To be asked once for every minute, in order."""
        coming = self.ahead(minute)
        if not self._recorded(minute) and minute >= self.since:
            self._read.clear()
        return coming

    def ahead(self, minute: int) -> Minute:
        """The traffic of the minute that `at` will be asked for next."""
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
