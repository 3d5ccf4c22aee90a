"""How long requests lasted, by the minute in which each began: Lambda's `Duration` has the timestamp of the start, and is
published after the end.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.sandbox.traffic.recorded import MINUTE_MS
from forecasting.demand import DemandSeries


class Ended(NamedTuple):
    """A request that began at `began` and ended at `ended`, in milliseconds since the epoch. `lasted`: without initialisation."""

    began: int
    ended: int
    lasted: int


class Booked(NamedTuple):
    """Requests that began in minute `minute` and ended `lag` minutes later: how many, and how long they lasted together."""

    minute: int
    lag: int
    requests: float
    total_ms: float


class Durations:
    """Requests that have begun in a minute and are not booked yet. Each request that is played stands for a number of requests
    of the traffic, which is the minute's `scale`, and lasts as long as all of them; a ping stands for itself.
    """

    def __init__(self) -> None:
        self._scales: dict[int, float] = {}
        self._traffic: dict[tuple[int, int], tuple[int, int]] = {}
        self._pings: dict[tuple[int, int], tuple[int, int]] = {}

    def note(self, request: Ended, *, ping: bool = False) -> None:
        """A request of the traffic has ended, or its end is known."""
        into, key = self._pings if ping else self._traffic, (request.began // MINUTE_MS, request.ended // MINUTE_MS)
        count, lasted = into.get(key, (0, 0))
        into[key] = count + 1, lasted + request.lasted

    def close(self, minute: int, scale: float, oldest: int) -> Iterator[Booked]:
        """End a minute: what ended in it. No request is in flight that began before minute `oldest`."""
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
    """Milliseconds that the requests of each minute of a record lasted together, NaN where none began.

    A record has the work in each minute. What was in flight at the peak and did not begin in that minute had begun before: its
    part of the work belongs to the newest minute before in which requests began.
    """
    begun, peak = (np.nan_to_num(each).astype(np.float64) for each in (series.invocations, series.peak))
    work = np.nan_to_num(series.busy).astype(np.float64) * MINUTE_MS
    older = np.divide(np.maximum(peak - begun, 0.0), peak, out=np.zeros(len(peak)), where=peak > 0) * work
    newest = np.maximum.accumulate(np.where(begun > 0, np.arange(len(begun)), -1))
    before = np.concatenate(([-1], newest[:-1]))[: len(begun)]
    total = work - older
    np.add.at(total, before[before >= 0], older[before >= 0])
    return np.where(begun > 0, total, np.nan)
