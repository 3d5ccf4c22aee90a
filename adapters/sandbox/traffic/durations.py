"""Durations of requests by the minute of their start: Lambda's `Duration` has the timestamp of the start and is published
after the end.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.sandbox.traffic.recorded import MINUTE_MS
from forecasting.demand import DemandSeries


class Ended(NamedTuple):
    """A request from `began` to `ended`, in milliseconds since the epoch. `lasted`: duration without initialisation."""

    began: int
    ended: int
    lasted: int


class Booked(NamedTuple):
    """Number and total duration of the requests that started in minute `minute` and ended `lag` minutes later."""

    minute: int
    lag: int
    requests: float
    total_ms: float


class Durations:
    """Requests that have started and are not booked yet. Each played request represents a number of requests of the traffic, the
    `scale` of its minute, and its duration is their total. A ping represents itself.
    """

    def __init__(self) -> None:
        self._scales: dict[int, float] = {}
        self._traffic: dict[tuple[int, int], tuple[int, int]] = {}
        self._pings: dict[tuple[int, int], tuple[int, int]] = {}

    def note(self, request: Ended, *, ping: bool = False) -> None:
        """Add a request whose end is known."""
        into, key = self._pings if ping else self._traffic, (request.began // MINUTE_MS, request.ended // MINUTE_MS)
        count, lasted = into.get(key, (0, 0))
        into[key] = count + 1, lasted + request.lasted

    def close(self, minute: int, scale: float, oldest: int) -> Iterator[Booked]:
        """Close a minute and yield the requests that ended in it. `oldest`: start minute of the oldest request in flight."""
        self._scales[minute] = scale
        for key in sorted({key for key in (*self._traffic, *self._pings) if key[1] <= minute}):
            played, lasted = self._traffic.pop(key, (0, 0))
            pings, ping_ms = self._pings.pop(key, (0, 0))
            requests = played * self._scales.get(key[0], 0.0)
            if requests + pings > 0:
                yield Booked(key[0], minute - key[0], requests + pings, (lasted if requests > 0 else 0) + ping_ms)
        oldest = min([oldest, *(began for began, _ in self._traffic)])
        for old in [each for each in self._scales if each < oldest]:
            del self._scales[old]


def recorded(series: DemandSeries) -> NDArray[np.float64]:
    """Return the total duration in milliseconds of the requests that started in each minute of a record; NaN if none did.

    A record has the work done in each minute. Requests in flight at the peak that did not start in that minute are older: their
    part of the work is added to the newest earlier minute with starting requests.
    """
    started, peak = (np.nan_to_num(each).astype(np.float64) for each in (series.invocations, series.peak))
    work = np.nan_to_num(series.busy).astype(np.float64) * MINUTE_MS
    older = np.divide(np.maximum(peak - started, 0.0), peak, out=np.zeros(len(peak)), where=peak > 0) * work
    newest = np.maximum.accumulate(np.where(started > 0, np.arange(len(started)), -1))
    before = np.concatenate(([-1], newest[:-1]))[: len(started)]
    total = work - older
    np.add.at(total, before[before >= 0], older[before >= 0])
    return np.where(started > 0, total, np.nan)
