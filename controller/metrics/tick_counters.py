"""Counts of ticks by outcome, and their durations, since the start."""

from bisect import bisect_left
from collections import Counter
from enum import StrEnum

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0)
"""Upper bounds of the histogram in seconds; a tick above the last bound takes longer than its interval."""


class Ended(StrEnum):
    """Outcome of a tick."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class Ticks:
    """Counters of ticks by outcome, and the histogram of the durations of finished ones."""

    def __init__(self) -> None:
        self.ended: Counter[Ended] = Counter(dict.fromkeys(Ended, 0))
        self.seconds = 0.0
        self._within = [0] * (len(BOUNDS) + 1)

    def done(self, seconds: float) -> None:
        """Count a finished tick that took `seconds`."""
        self.ended[Ended.DONE] += 1
        self.seconds += seconds
        self._within[bisect_left(BOUNDS, seconds)] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """Return the cumulative histogram: upper bound in seconds, and the number of ticks up to it; the last bound is +Inf."""
        buckets, count = [], 0
        for bound, more in zip((*map(str, BOUNDS), "+Inf"), self._within, strict=True):
            count += more
            buckets.append((bound, float(count)))
        return buckets
