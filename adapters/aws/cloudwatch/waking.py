"""Which minutes of a region have more concurrent requests than the pools that are read explain, so that others must run."""

import math
from collections import deque

from adapters.ports.minute_rows import Minutes

COMPARED = 60
"""Minutes whose unexplained requests are usual: functions without a pool run in most regions."""

LASTING = 3
"""Collections that read sleeping pools after an unusual minute: points of a minute are not published at the same time."""


class Waking:
    """Comparison of the peak of a whole region with the sum of the peaks of its pools.

    The peak of a region is at most the sum of all peaks, so that a positive difference proves requests of others. It wakes
    sleeping pools where it is above its maximum of the last `COMPARED` minutes.
    """

    def __init__(self) -> None:
        self._usual: deque[float] = deque(maxlen=COMPARED)
        self._compared_until = -1
        self._collections_left = 0

    def woken(self, first: int, region: Minutes, explained: Minutes) -> bool:
        """Compare minutes from `first` on that are new, and return whether sleeping pools must be read now."""
        self._collections_left -= 1
        for at, (total, known) in enumerate(zip(region.tolist(), explained.tolist(), strict=True)):
            if first + at < self._compared_until or math.isnan(total):
                continue
            self._compared_until = first + at + 1
            unexplained = max(0.0, total - known)
            if unexplained > max(self._usual, default=0.0):
                self._collections_left = LASTING
            self._usual.append(unexplained)
        return self._collections_left > 0
