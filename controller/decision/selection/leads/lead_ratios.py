"""Ratios of demand to a leading signal: discounted quantiles of a pool's own past. Pure.

Each minute with a signal above zero is a pair: the value that a decision would have known, and the peak of the first minute that
this decision could have changed. So a ratio contains the lag. Pairs are counted in bins of 1/8 octave: counts are whole numbers,
which do not depend on the order of addition, and one wrong value moves a quantile by one pair at most.
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

RATIOS = np.concatenate(([0.0], 2.0 ** (LOWEST + (np.arange(BINS - 1) + 0.5) / EACH_OCTAVE)))
"""Ratio of each bin: the geometric mean of its bounds."""


class LeadRatios:
    """Counts of pairs by ratio, of signals, windows and pools."""

    def __init__(self, signals: int, windows: int, pools: int) -> None:
        self._counts = np.zeros((BINS, signals, windows, pools))
        self._quarter = np.zeros((BINS, signals, windows, pools))

    def state(self) -> Arrays:
        """Return what has been counted, without copies. The last axis of every array is that of the pools."""
        return {"counts": self._counts, "quarter": self._quarter}

    def restore(self, state: State) -> None:
        """Set what `state` returned; raise KeyError or ValueError if it is of other pools."""
        self._counts, self._quarter = restored(state, "counts", self._counts), restored(state, "quarter", self._quarter)

    def add(self, value: Floats, peak: Floats) -> None:
        """Add n pairs: `value` float32[n, signals, windows, pools], `peak` float32[n, pools]; NaN where unknown."""
        demand = np.broadcast_to(peak[:, None, None], value.shape)
        paired = np.nonzero((value > 0) & ~np.isnan(demand))
        ratio = demand[paired].astype(np.float64) / value[paired]
        octaves = np.floor((np.log2(np.where(ratio > 0, ratio, 1.0)) - LOWEST) * EACH_OCTAVE)
        bins = np.where(ratio > 0, 1 + np.clip(octaves, 0, BINS - 2), 0).astype(np.int64)
        np.add.at(self._quarter, (bins, *paired[1:]), 1.0)

    def close_quarter(self) -> None:
        """Add the quarter that has ended to the discounted counts."""
        self._counts *= DECAY
        self._counts += self._quarter
        self._quarter[:] = 0

    def quantiles(self) -> NDArray[np.float64]:
        """Return the ratios, float64[quantiles, signals, windows, pools]; NaN where too few pairs are known."""
        below = np.cumsum(self._counts, axis=0)
        total = below[-1]
        bins = np.stack([(below < share * total).sum(axis=0) for share in QUANTILES])
        return np.where(total >= FEWEST, RATIOS[np.minimum(bins, BINS - 1)], np.nan)
