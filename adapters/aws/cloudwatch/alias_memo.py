"""What a source keeps of the metrics of one alias between two reads, for those that a read leaves out. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from adapters.aws.cloudwatch.metric_queries import CONCURRENCY, DURATION, INVOCATIONS, THROTTLES, Metric
from adapters.ports.demand_source import Part
from adapters.ports.minute_rows import UNSETTLED, Minutes

ALWAYS, SOMETIMES = (INVOCATIONS, CONCURRENCY), (DURATION, THROTTLES)
SLOWLY = 5
"""Minutes between two reads of the metrics in `SOMETIMES`, where everything is read each minute."""

REMEMBERED = 120


@dataclass(slots=True)
class Memo:
    """State of an alias between two collections."""

    read: dict[Metric, tuple[int, Minutes]] = field(default_factory=dict)
    """Newest points of each metric at its last read, and the minute of the first."""
    usual_ms: float | None = None
    runs_on: bool = False
    """Whether requests of any minute were so long that they ran into later minutes."""
    usual_share: float = 1.0
    """Work of the last minutes with a count of requests, per unit of their peaks."""
    peakless: bool | None = None
    """Whether the alias never has `ConcurrentExecutions`; None while it is unknown."""
    barren_until: int | None = None
    """End of the minutes that were read without a known value; reading them again would only cost money."""

    def metrics_due(self, part: Part, first: int, end: int, *, pinged: bool) -> Sequence[Metric]:
        """Return the metrics to read for minutes `first <= minute < end`; more than `part` where earlier points are missing.

        Without `ConcurrentExecutions` and with own pings, a peak needs the number of requests too.
        """
        known = all(metric in self.read and self.read[metric][0] <= first for metric in SOMETIMES)
        if part is Part.PEAK and known and self.read[INVOCATIONS][0] <= first:
            return ALWAYS if pinged or self.peakless is not False else (CONCURRENCY,)
        return ALWAYS if known and end - self._end(DURATION) < SLOWLY else ALWAYS + SOMETIMES

    def completed(self, first: int, end: int, columns: Mapping[Metric, Minutes]) -> dict[Metric, Minutes]:
        """Return a column for each metric: those just read, which are kept, and of the others what an earlier read had."""
        for metric, values in columns.items():
            start = max(first, end - REMEMBERED)
            self.read[metric] = start, values[start - first :].copy()
        return {metric: columns[metric] if metric in columns else self._column(metric, first, end)
                for metric in ALWAYS + SOMETIMES}

    def requests_until(self, end: int) -> int:
        """Return the end of the minutes before `end` whose requests have been read, without those whose points may follow."""
        read = self._end(INVOCATIONS)
        return end if read >= end else read - UNSETTLED

    def peaks(self, first: int, end: int) -> Minutes:
        """Return the last peaks by minute; after the last read, its newest one. A minute without a point is 0."""
        values = np.nan_to_num(self._column(CONCURRENCY, first, end))
        start, read = self.read.get(CONCURRENCY, (0, np.array([])))
        newest = np.flatnonzero(~np.isnan(read))[-1:]
        if len(newest) and len(read) - newest[0] <= UNSETTLED + 1:  # an older point is followed by idle minutes
            values[max(0, start + int(newest[0]) + 1 - first) :] = read[newest[0]]
        return values

    def _end(self, metric: Metric) -> int:
        first, values = self.read.get(metric, (0, np.array([])))
        return int(first) + len(values)

    def _column(self, metric: Metric, first: int, end: int) -> Minutes:
        out = np.full(end - first, np.nan)
        start, values = self.read.get(metric, (first, np.array([])))
        low, high = max(first, start), min(end, start + len(values))
        if low < high:
            out[low - first : high - first] = values[low - start : high - start]
        return out
