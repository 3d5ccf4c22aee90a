"""AWS target tracking over many pools at once, minute by minute: capacity it would have requested for actual demand. Pure.

The rule of `controller.decision.costs.baselines.target_tracking`, for the ledger of a running fleet. A minute of unknown demand
changes no alarm.
"""

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.baselines import TRACKING_UTILISATION
from forecasting.demand import Floats

LONGEST = 64
"""Highest delay and lead time in minutes; higher ones count as this."""

RAISE_AFTER, LOWER_AFTER, LOWER_BELOW = 3, 15, 0.9

Amounts = NDArray[np.float64]


class TargetTracker:
    """One tracker per pool, each with one unit at the start, the minimum of AWS."""

    def __init__(self, pools: int) -> None:
        self._capacity = np.ones(pools)
        self._high, self._low = np.zeros(pools, np.int64), np.zeros(pools, np.int64)
        self._peaks = np.full((pools, LONGEST), np.nan)
        self._requests = np.ones((pools, LONGEST))
        self._minute = 0

    @property
    def requested(self) -> Amounts:
        """Units requested in the last minute: float64[pools]."""
        return self._capacity

    def advance(self, peak: Floats | Amounts, metric_delay: Amounts, lead_time: Amounts) -> Amounts:
        """Add the peak demand of a minute, float[pools], NaN where unknown; return the units ready in it, float64[pools]."""
        delay, lead = (np.minimum(each, LONGEST - 1).astype(np.int64) for each in (metric_delay, lead_time))
        column, row = self._minute % LONGEST, np.arange(len(peak))
        self._peaks[:, column] = peak
        self._decide(self._peaks[row, (self._minute - delay) % LONGEST])
        self._requests[:, column] = self._capacity
        ready = self._capacity.copy()
        for back in range(1, int(lead.max(initial=0)) + 1):
            earlier = self._requests[:, (self._minute - back) % LONGEST]
            ready = np.where(back <= lead, np.minimum(ready, earlier), ready)
        self._minute += 1
        return ready

    def _decide(self, peak: Amounts) -> None:
        """Count minutes above and below the target, and change the capacity where there are enough of them."""
        known = ~np.isnan(peak)
        used = np.minimum(1.0, np.nan_to_num(peak) / self._capacity)
        above, below = used > TRACKING_UTILISATION, used < LOWER_BELOW * TRACKING_UTILISATION
        self._high = np.where(known, np.where(above, self._high + 1, 0), self._high)
        self._low = np.where(known, np.where(below, self._low + 1, 0), self._low)
        moves = known & ((self._high >= RAISE_AFTER) | (self._low >= LOWER_AFTER))
        wanted = np.maximum(1.0, np.ceil(self._capacity * used / TRACKING_UTILISATION))
        self._capacity = np.where(moves, wanted, self._capacity)
        self._high[moves] = self._low[moves] = 0
