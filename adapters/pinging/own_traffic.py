"""Stoker's own pings by minute, and demand without them, so that forecasts do not include own pings. Pure.

A demand source subtracts the pings from its requests and their time from its work (`Own`). For the peak this gives only bounds
(`OwnTraffic.bounded`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.ports.lever import PingsSent
from forecasting.demand import DemandSeries

RETENTION_MINUTES = 120
"""Minutes for which own pings are stored: metrics are read again for 15 min, and settle earlier than this."""


class Own(NamedTuple):
    """Own pings by minute, float64[n] each: number that started, total seconds of unit time, maximum in flight at once."""

    pings: NDArray[np.float64]
    seconds: NDArray[np.float64]
    at_once: NDArray[np.float64]


@dataclass(slots=True)
class Minute:
    """Own pings of one minute. `at_once`: maximum in flight in it, including those that started before. `blackout`: seconds in
    which they held all idle units; `requests` of users in the minute, None while unknown. `init_seconds`: total initialisation of
    units that they started, not part of `seconds`.
    """

    pings: int = 0
    seconds: float = 0.0
    init_seconds: float = 0.0
    at_once: int = 0
    blackout: float = 0.0
    requests: float | None = None

    @property
    def in_blackout(self) -> float | None:
        """Expected requests of users while pings held all idle units; None while unknown."""
        return None if self.requests is None else self.requests * self.blackout / 60


class OwnTraffic:
    """Own pings of one pool."""

    def __init__(self) -> None:
        self._minutes: dict[int, Minute] = {}
        self._earlier: list[float | None] = []
        """Sum of `in_blackout` of minutes that are not stored any more; empty while there was no blackout in them."""

    @property
    def requests_in_blackout(self) -> float | None:
        """Expected requests of users that arrived while pings held all idle units, by the requests of each minute that is known;
        None if none is known.
        """
        return _sum_of_known([*self._earlier, *(each.in_blackout for each in self._minutes.values() if each.blackout)])

    def note_users(self, series: DemandSeries) -> None:
        """Record the requests of users in the minutes of pings. `series` contains no pings."""
        for at, minute in self._minutes.items():
            if series.first_minute <= at < series.end_minute:
                requests = float(series.invocations[at - series.first_minute])
                if not np.isnan(requests):
                    minute.requests = max(minute.requests or 0.0, requests)

    @property
    def sent(self) -> Mapping[int, PingsSent]:
        """Pings of each recent minute with any, and what they are billed for."""
        return {at: PingsSent(each.pings, each.seconds + each.init_seconds) for at, each in self._minutes.items() if each.pings}

    def note(self, began: int, pings: int, seconds: float, ended: int | None = None, *, blackout: float = 0.0,
             init_seconds: float = 0.0) -> None:
        """Record `pings` sent at once in minute `began`, with `seconds` of unit time in total, that ended in minute `ended`. For
        `blackout` seconds they held all idle units. Units that they started took `init_seconds` in total, not part of `seconds`.
        """
        for at in range(began, max(began, ended or began) + 1):
            own = self._minutes.setdefault(at, Minute())
            own.at_once = max(own.at_once, pings)
        own = self._minutes[began]
        own.pings, own.seconds, own.blackout = own.pings + pings, own.seconds + seconds, own.blackout + blackout
        own.init_seconds += init_seconds
        for old in [at for at in self._minutes if at < began - RETENTION_MINUTES]:
            minute = self._minutes.pop(old)
            if minute.blackout:
                self._earlier = [_sum_of_known([*self._earlier, minute.in_blackout])]

    def own(self, first: int, minutes: int) -> Own | None:
        """Return the own pings of `minutes` minutes from `first` on; None without any."""
        pinged = [at for at in self._minutes if first <= at < first + minutes]
        if not pinged:
            return None
        own = Own(*(np.zeros(minutes) for _ in Own._fields))
        for at in pinged:
            minute = self._minutes[at]
            own.pings[at - first], own.seconds[at - first], own.at_once[at - first] = minute.pings, minute.seconds, minute.at_once
        return own

    def without(self, series: DemandSeries) -> DemandSeries:
        """Return `series` without the requests and the work of own pings; its peaks still include them."""
        own = self.own(series.first_minute, len(series))
        if own is None:
            return series
        requests, busy = series.invocations - own.pings, series.busy - own.seconds / 60
        return DemandSeries(series.first_minute, series.peak, np.maximum(busy, 0).astype(np.float32),
                            np.maximum(requests, 0).astype(np.float32))

    def bounded(self, series: DemandSeries) -> DemandSeries:
        """Return `series`, whose requests and work are those of users, with the peak of users if it is certain, otherwise NaN.

        Lower bound: the part of the peak above the own pings. Upper bound: that part plus the requests of users in the minute.
        Work gives no bound, because metrics book the whole duration of a request in one minute. If the bounds differ, the peak is
        unknown: too high an estimate would lead to more pings, which would confirm it. Requests and work are unchanged.
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


def _sum_of_known(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return sum(known) if known or not values else None


def _bounds(peak: float, pings: int, requests: float) -> tuple[float, float]:
    """Return minimum and maximum of units that users can have had in use at once. `peak` includes up to `pings` own pings;
    `requests` of users started in the minute.
    """
    over = max(0.0, peak - pings)
    if requests == 0:
        return over, over  # the part above the pings are requests that started before
    least = min(max(over, 1.0), peak)
    return least, peak if np.isnan(requests) else max(least, min(peak, requests + over))
