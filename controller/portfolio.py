"""Chooses what each pool wants warm. First version: the most of the last hour. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.economics import Terms
from forecasting.demand import Floats

WINDOW = 60


class Choice(NamedTuple):
    """What is wanted `metric_delay` after each minute fed: units, float64[pools, n], and whether history sufficed to judge."""

    target: NDArray[np.float64]
    trusted: NDArray[np.bool_]


class Portfolio:
    """The pools of one clock, fed minute by minute. Unknown demand is NaN and teaches nothing."""

    def __init__(self, terms: Sequence[Terms]) -> None:
        self.terms = tuple(terms)
        self._recent = np.full((len(self.terms), WINDOW), np.nan, np.float32)

    def advance(self, peak: Floats, busy: Floats, first_minute: int) -> Choice:
        """Take in float32[pools, n] each from `first_minute` (minutes since the epoch) on; a row of the choice for each minute."""
        target = np.zeros(peak.shape, np.float64)
        for at in range(peak.shape[1]):
            self._recent[:, (first_minute + at) % WINDOW] = peak[:, at]
            target[:, at] = np.nan_to_num(np.fmax.reduce(self._recent, axis=1))
        return Choice(target, np.ones(peak.shape, bool))
