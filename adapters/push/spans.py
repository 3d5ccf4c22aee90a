"""Demand of one pool from ended work: spans of traces, in the minutes that they covered. Pure.

Spans arrive when their work has ended, so they show past minutes only. Spans of one trace that overlap are one request in flight:
an agent's span covers those of its calls of models and tools.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from adapters.ports.reports import Span
from forecasting.demand import DemandSeries

KEPT = 60
"""Minutes kept: spans that cover earlier ones come too late."""

MOST_INTERVALS = 20_000
"""Intervals of a pool in memory; more are not counted, and their minutes are unknown."""

LONGEST_WAIT = 60
"""Minutes that demand waits at most for spans that have not ended: work that takes longer is not known in time."""

SHORTEST = 0.001
"""Seconds that a span lasts at least."""

Interval = tuple[float, float]


@dataclass(slots=True)
class Minute:
    """Intervals of each trace within one minute, without overlaps, in seconds since its start."""

    traces: dict[bytes, list[Interval]] = field(default_factory=dict)
    row: tuple[float, float] | None = None
    """Peak and busy; None where intervals have been added since."""
    whole: bool = True
    """Whether all its spans are counted."""
    longest: float = 0.0
    """Seconds of the longest span that ended in it."""

    def add(self, trace: bytes, start: float, end: float) -> int:
        """Add work of a trace; return by how many the number of intervals changes."""
        before, apart = self.traces.get(trace, []), []
        for each in before:
            if each[0] <= end and start <= each[1]:
                start, end = min(start, each[0]), max(end, each[1])
            else:
                apart.append(each)
        self.traces[trace] = [*apart, (start, end)]
        self.row = None
        return len(apart) + 1 - len(before)

    def counted(self) -> tuple[float, float]:
        """Return the maximum of requests in flight and their average."""
        if self.row is None:
            every = [each for intervals in self.traces.values() for each in intervals]
            changes = sorted([(start, 1) for start, _ in every] + [(end, -1) for _, end in every])
            peak = int(np.cumsum([step for _, step in changes]).max(initial=0))
            self.row = float(peak), min(sum(end - start for start, end in every) / 60, float(peak))
        return self.row


class SpanRows:
    """Minutes of one pool from its spans."""

    def __init__(self) -> None:
        self._minutes: dict[int, Minute] = {}
        self._size = 0

    @property
    def wait(self) -> int:
        """Minutes after which most spans of a minute have ended: as long as the longest of the kept ones took."""
        longest = max((minute.longest for minute in self._minutes.values()), default=0.0)
        return min(max(1, int(-(-longest // 60))), LONGEST_WAIT)

    def add(self, span: Span, now: float) -> bool:
        """Add a span; return False for one too many, and for one that covers only minutes that are too old.

        A span that ends in the future is one of a clock that is ahead: it ends now.
        """
        ahead = max(0.0, span.end - now)
        start, end, oldest = span.start - ahead, max(span.end, span.start + SHORTEST) - ahead, int(now // 60) - KEPT
        self._prune(oldest)
        if int(end // 60) < oldest:
            return False
        full = self._size >= MOST_INTERVALS
        for number in range(max(oldest, int(start // 60)), int(end // 60) + 1):
            within = self._minutes.setdefault(number, Minute())
            if full:
                within.whole = False
                continue
            self._size += within.add(span.trace, max(0.0, start - number * 60), min(60.0, end - number * 60))
        self._minutes[int(end // 60)].longest = max(self._minutes[int(end // 60)].longest, end - start)
        return not full

    def over(self, series: DemandSeries) -> DemandSeries:
        """Return `series` with known minutes raised to what the spans show. A minute with too many of them is unknown."""
        out = replace(series, peak=series.peak.copy(), busy=series.busy.copy(), invocations=series.invocations.copy())
        for number, minute in self._minutes.items():
            at = number - series.first_minute
            if 0 <= at < len(series):
                peak, busy = minute.counted() if minute.whole else (np.nan, np.nan)
                earlier = self._minutes.get(number - 1, Minute()).traces
                started = sum(trace not in earlier for trace in minute.traces)
                for column, value in ((out.peak, peak), (out.busy, busy), (out.invocations, started)):
                    column[at] = np.maximum(column[at], value)  # an unknown one stays unknown
        return out

    def _prune(self, oldest: int) -> None:
        for number in [number for number in self._minutes if number < oldest]:
            self._size -= sum(map(len, self._minutes.pop(number).traces.values()))
