"""Minutes of one pool from samples of a number: its maximum and its mean, where enough samples were taken. Pure."""

import math
from collections import OrderedDict
from dataclasses import dataclass

from forecasting.demand import DemandSeries

KEPT = 120
"""Newest minutes that are kept. Earlier ones are in the store."""

ENOUGH = 0.75
"""Share of the samples of a minute without which the minute is unknown: the peak may have been between them."""


@dataclass(slots=True)
class Sampled:
    """Samples of one minute. `doubted`: one of them was no number that can be demand."""

    count: int = 0
    total: float = 0.0
    peak: float = 0.0
    doubted: bool = False


class SampledMinutes:
    """Samples by minute. `every`: seconds between two samples."""

    def __init__(self, every: float) -> None:
        self._needed = math.ceil(60 / every * ENOUGH)
        self._minutes: OrderedDict[int, Sampled] = OrderedDict()

    def add(self, at: float, number: float) -> None:
        """Add a sample that was taken at `at` (seconds since the epoch)."""
        minute = self._minute(at)
        minute.count, minute.total, minute.peak = minute.count + 1, minute.total + number, max(minute.peak, number)

    def doubt(self, at: float) -> None:
        """Set the minute of `at` to unknown."""
        self._minute(at).doubted = True

    def series(self, first: int, end: int) -> DemandSeries:
        """Return the minutes from `first` up to `end`, from the first known one on. They must have ended."""
        known = {minute: row for minute, row in self._minutes.items()
                 if first <= minute < end and row.count >= self._needed and not row.doubted}
        start = min(known, default=end)
        out = DemandSeries.empty(start, end - start)
        for minute, row in known.items():
            out.peak[minute - start], out.busy[minute - start] = math.ceil(row.peak), row.total / row.count
        return out

    def _minute(self, at: float) -> Sampled:
        row = self._minutes.setdefault(int(at // 60), Sampled())
        if len(self._minutes) > KEPT:
            self._minutes.popitem(last=False)
        return row
