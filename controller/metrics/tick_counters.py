"""How ticks went since the start."""

from bisect import bisect_left
from collections import Counter
from enum import StrEnum

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0)
"""Seconds; a tick that takes longer than the last of them has missed its minute."""


class Ended(StrEnum):
    """How a tick ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class Ticks:
    """Counts of ticks, and of how long those that were done took."""

    def __init__(self) -> None:
        self.ended: Counter[Ended] = Counter(dict.fromkeys(Ended, 0))
        self.seconds = 0.0
        self._within = [0] * (len(BOUNDS) + 1)

    def done(self, seconds: float) -> None:
        """A tick was done within `seconds`."""
        self.ended[Ended.DONE] += 1
        self.seconds += seconds
        self._within[bisect_left(BOUNDS, seconds)] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bounds in seconds with how many ticks took no longer, the last for all."""
        told, count = [], 0
        for bound, more in zip((*map(str, BOUNDS), "+Inf"), self._within, strict=True):
            count += more
            told.append((bound, float(count)))
        return told
