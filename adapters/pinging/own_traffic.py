"""Stoker's own pings, minute by minute, and demand without them: a forecaster must not learn from its own pings. Pure.

A demand source subtracts the pings from its requests and their time from its work (`Own`); of the peak only bounds are known then
(`OwnTraffic.bounded`).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import DemandSeries

KEPT = 120
"""Minutes: metrics are read again for a quarter of an hour, and settle long before this."""


class Own(NamedTuple):
    """Own pings by minute, float64[n] each: how many began, for how many seconds together they kept units at work, and the most
    that were under way together.
    """

    pings: NDArray[np.float64]
    seconds: NDArray[np.float64]
    at_once: NDArray[np.float64]


@dataclass(slots=True)
class Minute:
    """Own pings of one minute. `at_once`: the most that were under way together in it, wherever they began."""

    pings: int = 0
    seconds: float = 0.0
    at_once: int = 0


class OwnTraffic:
    """Of one pool."""

    def __init__(self) -> None:
        self._minutes: dict[int, Minute] = {}

    def note(self, began: int, pings: int, seconds: float, ended: int | None = None) -> None:
        """`pings` at once began in minute `began`, kept units at work for `seconds` together, and were over in minute `ended`."""
        for minute in range(began, max(began, ended or began) + 1):
            own = self._minutes.setdefault(minute, Minute())
            own.at_once = max(own.at_once, pings)
        own = self._minutes[began]
        own.pings, own.seconds = own.pings + pings, own.seconds + seconds
        for old in [at for at in self._minutes if at < began - KEPT]:
            del self._minutes[old]

    def own(self, first: int, minutes: int) -> Own | None:
        """Own pings of `minutes` minutes from `first` on; None where there were none."""
        here = [at for at in self._minutes if first <= at < first + minutes]
        if not here:
            return None
        own = Own(*(np.zeros(minutes) for _ in Own._fields))
        for at in here:
            minute = self._minutes[at]
            own.pings[at - first], own.seconds[at - first], own.at_once[at - first] = minute.pings, minute.seconds, minute.at_once
        return own

    def without(self, series: DemandSeries) -> DemandSeries:
        """Return `series` without the requests and the work of own pings; its peaks still hold them."""
        own = self.own(series.first_minute, len(series))
        if own is None:
            return series
        requests, busy = series.invocations - own.pings, series.busy - own.seconds / 60
        return DemandSeries(series.first_minute, series.peak, np.maximum(busy, 0).astype(np.float32),
                            np.maximum(requests, 0).astype(np.float32))

    def bounded(self, series: DemandSeries) -> DemandSeries:
        """Return `series`, whose requests and work are those of users, with the peak of users where it is certain.

        What exceeds the own pings was users', and no more than their requests can have come on top of it. Work is no bound:
        metrics book a request's whole duration in one minute, however long it ran on. Where the two bounds differ the peak is
        unknown, since a guess too high would keep itself alive; requests and work stay.
        """
        rows = [at - series.first_minute for at in self._minutes if series.first_minute <= at < series.end_minute]
        rows = [row for row in rows if series.peak[row] >= 0]
        if not rows:
            return series
        peak, busy = series.peak.copy(), series.busy.copy()
        for row in rows:
            at_once = self._minutes[series.first_minute + row].at_once
            least, most = _bounds(float(peak[row]), at_once, float(series.invocations[row]))
            peak[row] = least if least == most else np.nan
            busy[row] = np.fmin(busy[row], most)
        return DemandSeries(series.first_minute, peak, busy, series.invocations)


def _bounds(peak: float, pings: int, requests: float) -> tuple[float, float]:
    """Least and most units that users can have had at once, when `peak` were seen with `pings` of our own among them, and
    `requests` of users began.
    """
    over = max(0.0, peak - pings)
    if requests == 0:
        return over, over  # what exceeds the pings has gone on from before
    least = min(max(over, 1.0), peak)
    return least, peak if np.isnan(requests) else max(least, min(peak, requests + over))
