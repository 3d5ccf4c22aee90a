"""Ratios of demand to a leading signal: discounted quantiles of a pool's own past. Pure.

Each minute with a signal above zero is a pair: the value that a decision would have known, and the peak of the first minute that
this decision could have changed. So a ratio contains the lag. Pairs are counted in bins of 1/8 octave, so one wrong value moves a
quantile by one pair at most. A quantile is the mean of the ratios in its bin: it is exact where all ratios are the same.
"""

import numpy as np
from numpy.typing import NDArray

from controller.decision.selection.learned_state import Arrays, State, restored
from controller.decision.selection.scoring import DECAY
from forecasting.demand import Floats

QUANTILES = (0.5, 0.8, 0.95, 0.99)

EACH_OCTAVE, LOWEST, BINS = 8, -20, 256
"""Bins of an octave; exponent of the lowest ratio; bins, the first of which has pairs without demand."""

FEWEST = 60.0
"""Discounted pairs of which a ratio is known."""


class LeadRatios:
    """Counts of pairs by ratio, of signals, windows and pools."""

    def __init__(self, signals: int, windows: int, pools: int) -> None:
        self._counts = np.zeros((BINS, signals, windows, pools))
        self._sums = np.zeros((BINS, signals, windows, pools))

    def state(self) -> Arrays:
        """Return what has been counted, without copies. The last axis of every array is that of the pools."""
        return {"counts": self._counts, "sums": self._sums}

    def restore(self, state: State) -> None:
        """Set what `state` returned; raise KeyError or ValueError if it is of other pools."""
        self._counts, self._sums = restored(state, "counts", self._counts), restored(state, "sums", self._sums)

    def add(self, value: Floats, peak: Floats) -> None:
        """Add n pairs: `value` float32[n, signals, windows, pools], `peak` float32[n, pools]; NaN where unknown."""
        demand = np.broadcast_to(peak[:, None, None], value.shape)
        paired = np.nonzero((value > 0) & ~np.isnan(demand))
        ratio = demand[paired].astype(np.float64) / value[paired]
        octaves = np.floor((np.log2(np.where(ratio > 0, ratio, 1.0)) - LOWEST) * EACH_OCTAVE)
        bins = np.where(ratio > 0, 1 + np.clip(octaves, 0, BINS - 2), 0).astype(np.int64)
        place = (bins, *paired[1:])
        np.add.at(self._counts, place, 1.0)
        np.add.at(self._sums, place, ratio)

    def close_quarter(self) -> NDArray[np.float64]:
        """Return the ratios after a quarter, float64[quantiles, signals, windows, pools], NaN where too few pairs are known; then
        discount the pairs.
        """
        below = np.cumsum(self._counts, axis=0)
        total = below[-1]
        bins = np.stack([(below < share * total).sum(axis=0) for share in QUANTILES])
        count, whole = (np.take_along_axis(part, bins, axis=0) for part in (self._counts, self._sums))
        self._counts, self._sums = self._counts * DECAY, self._sums * DECAY
        return np.where(total >= FEWEST, whole / np.where(count > 0, count, 1.0), np.nan)
