"""AWS target tracking over many pools at once, minute by minute: what it would have kept warm for the demand that came. Pure.

The rule of `controller.decision.costs.baselines.target_tracking`, for the accounts of a running fleet. A minute of unknown
demand moves no alarm.
"""

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.baselines import TRACKING_UTILISATION
from forecasting.demand import Floats

LONGEST = 64
"""Minutes of delay and of lead time that are told apart; longer ones count as that."""

RAISE_AFTER, LOWER_AFTER, LOWER_BELOW = 3, 15, 0.9

Amounts = NDArray[np.float64]


class TargetTracker:
    """One tracker per pool, each at one unit to begin with, as AWS leaves it."""

    def __init__(self, pools: int) -> None:
        self._capacity = np.ones(pools)
        self._high, self._low = np.zeros(pools, np.int64), np.zeros(pools, np.int64)
        self._peaks = np.full((pools, LONGEST), np.nan)
        self._asked = np.ones((pools, LONGEST))
        self._minute = 0

    @property
    def requested(self) -> Amounts:
        """Units requested in the last minute: float64[pools]."""
        return self._capacity

    def advance(self, peak: Floats, metric_delay: Amounts, lead_time: Amounts) -> Amounts:
        """Take in the next minute's peak demand, float[pools], NaN where unknown; units ready in it, float64[pools]."""
        delay, lead = (np.minimum(each, LONGEST - 1).astype(np.int64) for each in (metric_delay, lead_time))
        here, row = self._minute % LONGEST, np.arange(len(peak))
        self._peaks[:, here] = peak
        self._decide(self._peaks[row, (self._minute - delay) % LONGEST])
        self._asked[:, here] = self._capacity
        ready = self._capacity.copy()
        for back in range(1, int(lead.max(initial=0)) + 1):
            earlier = self._asked[:, (self._minute - back) % LONGEST]
            ready = np.where(back <= lead, np.minimum(ready, earlier), ready)
        self._minute += 1
        return ready

    def _decide(self, seen: Amounts) -> None:
        """Count minutes above and below the target, and move where there were enough of them."""
        known = ~np.isnan(seen)
        used = np.minimum(1.0, np.nan_to_num(seen) / self._capacity)
        above, below = used > TRACKING_UTILISATION, used < LOWER_BELOW * TRACKING_UTILISATION
        self._high = np.where(known, np.where(above, self._high + 1, 0), self._high)
        self._low = np.where(known, np.where(below, self._low + 1, 0), self._low)
        moves = known & ((self._high >= RAISE_AFTER) | (self._low >= LOWER_AFTER))
        wanted = np.maximum(1.0, np.ceil(self._capacity * used / TRACKING_UTILISATION))
        self._capacity = np.where(moves, wanted, self._capacity)
        self._high[moves] = self._low[moves] = 0
