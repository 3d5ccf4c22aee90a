"""What traffic there is, minute by minute, and how a minute's figures become requests."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from forecasting.demand import DemandSeries

MINUTE_MS = 60_000
PEAK_OFFSET_MS = 30_000
SHORTEST_MS = 2
BRIEF_MS = 100


class Minute(NamedTuple):
    """One minute of traffic: requests that start, and the average and most of them in flight at once. NaN: a gap."""

    invocations: float
    busy: float
    peak: float

    @property
    def is_gap(self) -> bool:
        return math.isnan(self.peak)


class Slot(NamedTuple):
    """One unit of concurrency in use, in milliseconds after the minute began (or after the epoch, once shifted)."""

    start: int
    end: int


QUIET = Minute(0.0, 0.0, 0.0)


def slots_of(minute: Minute) -> list[Slot]:
    """Work that peaks at exactly `peak` at once, and averages `busy`, over the minute; the longest slot first.

    Every slot contains the instant 30 s into the minute, so the peak is reached once, at the same offset in every minute.
    That makes an environment last used k minutes ago idle for less than k minutes and at least k-1, whatever the two
    lengths: `cold_starts = max(0, u(t) - max(u(t-keep_alive..t-1)))` then holds exactly for what really starts.
    """
    peak = 0 if minute.is_gap else math.ceil(minute.peak - 1e-6)
    if peak <= 0:
        return []
    work = round(min(minute.busy, peak) * MINUTE_MS)
    brief = max(SHORTEST_MS, min(BRIEF_MS, work // peak))
    whole, rest = divmod(max(0, work - brief * peak), MINUTE_MS - brief)
    lengths = [MINUTE_MS] * whole + [brief + rest] * (whole < peak) + [brief] * (peak - whole - 1)
    return [Slot(PEAK_OFFSET_MS - length // 2, PEAK_OFFSET_MS - length // 2 + length) for length in lengths]


@dataclass(slots=True)
class Traffic:
    """One function's traffic: what `series` holds of a minute, otherwise the next of `then`, otherwise silence."""

    series: DemandSeries | None = None
    then: Iterator[Minute] | None = None

    def at(self, minute: int) -> Minute:
        """The traffic of `minute`. To be asked once for every minute, in order."""
        if self.series is not None and self.series.first_minute <= minute < self.series.end_minute:
            row = minute - self.series.first_minute
            return Minute(float(self.series.invocations[row]), float(self.series.busy[row]), float(self.series.peak[row]))
        return next(self.then, QUIET) if self.then is not None else QUIET
