"""Stoker's own pings, minute by minute, and demand with them taken out: a forecaster must not learn itself. Pure."""

from dataclasses import dataclass

import numpy as np

from forecasting.demand import DemandSeries

KEPT = 120
"""Minutes: metrics are read again for a quarter of an hour, and settle long before this."""


@dataclass(slots=True)
class Own:
    """Own pings that began in one minute: how many, how long together, and the most at once."""

    pings: int = 0
    seconds: float = 0.0
    at_once: int = 0


class Ledger:
    """Of one pool."""

    def __init__(self) -> None:
        self._minutes: dict[int, Own] = {}

    def note(self, minute: int, pings: int, seconds: float) -> None:
        """`pings` at once began in `minute`, and kept units at work for `seconds` together."""
        own = self._minutes.setdefault(minute, Own())
        own.pings, own.seconds, own.at_once = own.pings + pings, own.seconds + seconds, max(own.at_once, pings)
        for old in [at for at in self._minutes if at < minute - KEPT]:
            del self._minutes[old]

    def without(self, series: DemandSeries) -> DemandSeries:
        """`series` as it would be without own pings.

        Requests and work are plain differences. Of the peak only bounds are known: what is over the pings was somebody else's,
        and no more than the other requests there were could be at once. Where the two bounds differ the peak is not known, and
        then nothing of that minute is: a guess too high would keep itself alive for ever.
        """
        rows = [row for row in range(len(series)) if series.first_minute + row in self._minutes and series.peak[row] >= 0]
        if not rows:
            return series
        peak, busy, invocations = series.peak.copy(), series.busy.copy(), series.invocations.copy()
        for row in rows:
            own = self._minutes[series.first_minute + row]
            requests = max(0.0, float(invocations[row]) - own.pings)
            work = max(0.0, float(busy[row]) - own.seconds / 60)
            least, most = _bounds(float(peak[row]), own.at_once, requests, work)
            if least < most:
                peak[row] = busy[row] = invocations[row] = np.nan
            else:
                peak[row], busy[row], invocations[row] = least, min(work, least), requests
        return DemandSeries(series.first_minute, peak, busy, invocations)


def _bounds(peak: float, pings: int, requests: float, work: float) -> tuple[float, float]:
    """Least and most units that others can have had at once, when `peak` were seen with `pings` of our own among them."""
    over = max(0.0, peak - pings)
    if requests == 0:
        return over, over  # nothing began: what is over has gone on from before
    least = max(over, 1.0, float(np.ceil(min(work, peak) - 0.05)))
    return min(least, peak), max(min(least, peak), min(peak, requests + over))


def made_unknown(series: DemandSeries, minutes: range) -> DemandSeries:
    """`series` without what it says of `minutes`, so that what is stored of them stays."""
    low, high = max(minutes.start, series.first_minute), min(minutes.stop, series.end_minute)
    if low >= high:
        return series
    columns = [column.copy() for column in (series.peak, series.busy, series.invocations)]
    for column in columns:
        column[low - series.first_minute : high - series.first_minute] = np.nan
    return DemandSeries(series.first_minute, *columns)
