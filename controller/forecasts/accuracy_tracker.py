"""What had been forecast of each pool's minutes, and how far from it they came. Pure.

A pool's forecast replaces the one before it; a minute is judged once, by the last forecast that was made before it, when it is
settled. Loss and count only grow, so that a mean over any span is the ratio of their increases.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from controller.forecasts.capacity_forecast import AHEAD_MINUTES, SAID
from forecasting.accuracy import pinball
from forecasting.demand import Floats

NEVER = -10 * AHEAD_MINUTES
"""Where the forecast of a pool begins that has none."""


class ForecastAccuracy:
    """Forecasts of peak demand of many pools at the levels `SAID`, some hours ahead each, and their mean pinball loss."""

    def __init__(self, pools: Iterable[str]) -> None:
        self.row = {name: at for at, name in enumerate(pools)}
        self._first = np.full(len(self.row), NEVER, np.int64)
        self._said = np.zeros((len(self.row), AHEAD_MINUTES, len(SAID)), np.float32)  # no page of it is taken before it is used
        self.loss = np.zeros((len(self.row), len(SAID)))
        """Pinball loss so far, units: float64[pools, SAID]."""
        self.judged = np.zeros(len(self.row), np.int64)
        """Minutes judged so far: int64[pools]."""

    def install(self, name: str, first_minute: int, said: Floats) -> None:
        """A new forecast of a pool: float32[AHEAD_MINUTES, SAID] from `first_minute` (since the epoch) on."""
        at = self.row[name]
        self._first[at], self._said[at] = first_minute, said

    def at(self, rows: NDArray[np.int64], minute: int) -> Floats:
        """What is forecast of `minute` for the pools at `rows`: float32[rows, SAID], NaN where nothing is."""
        into = minute - self._first[rows]
        told = (into >= 0) & (into < AHEAD_MINUTES)
        out = np.full((len(rows), len(SAID)), np.nan, np.float32)
        out[told] = self._said[rows[told], into[told]]
        return out

    def settle(self, pools: Sequence[str], first_minute: int, peak: Floats) -> None:
        """Judge by what came: float32[pools, n] of peak demand from `first_minute` on, NaN where unknown."""
        rows = np.array([self.row[name] for name in pools], np.int64)
        for column in range(peak.shape[1]):
            loss = pinball(self.at(rows, first_minute + column)[:, None, :], peak[:, column : column + 1], SAID)
            known = ~np.isnan(loss).any(axis=1)
            self.loss[rows[known]] += loss[known]
            self.judged[rows[known]] += 1
