"""Accuracy of past forecasts: mean pinball loss per pool and level, and coverage by day.

A pool's newest forecast replaces the one before. A settled minute is scored once, against the newest forecast made before it.
Loss and count only grow, so the mean over any period is the ratio of their increases.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.forecasts.capacity_forecast import AHEAD_MINUTES, SCORED_LEVELS
from controller.forecasts.daily_coverage import DailyCoverage
from forecasting.accuracy import pinball
from forecasting.demand import Floats

NEVER = -10 * AHEAD_MINUTES
"""First minute of a pool without a forecast: no minute since the epoch is within its range."""


class ForecastAccuracy:
    """Newest forecast of peak demand of many pools at `SCORED_LEVELS`, and the pinball loss of all forecasts so far."""

    def __init__(self, pools: Iterable[str]) -> None:
        self.row = {name: at for at, name in enumerate(pools)}
        self._first = np.full(len(self.row), NEVER, np.int64)
        levels = len(SCORED_LEVELS)
        self._forecasts = np.zeros((len(self.row), AHEAD_MINUTES, levels), np.float32)  # pages are allocated on first use
        self.loss = np.zeros((len(self.row), levels))
        """Pinball loss so far in units: float64[pools, SCORED_LEVELS]."""
        self.judged = np.zeros(len(self.row), np.int64)
        """Number of scored minutes: int64[pools]."""
        self.coverage = DailyCoverage(tuple(self.row))

    def add(self, pools: Iterable[str]) -> None:
        """Add pools without a forecast. Rows of pools that have left stay: a pool that comes back continues with its own."""
        new = [name for name in dict.fromkeys(pools) if name not in self.row]
        self.row |= {name: len(self.row) + at for at, name in enumerate(new)}
        more = len(self.row) - len(self._first)
        self._first = np.append(self._first, np.full(more, NEVER, np.int64))
        self._forecasts = grown(self._forecasts, more)
        self.loss, self.judged = grown(self.loss, more), grown(self.judged, more)
        self.coverage.add_rows(self.row)

    def set_forecast(self, name: str, first_minute: int, levels: Floats) -> None:
        """Replace a pool's forecast with float32[AHEAD_MINUTES, SCORED_LEVELS] from `first_minute` (since the epoch) on."""
        at = self.row[name]
        self._first[at], self._forecasts[at] = first_minute, levels

    def at(self, rows: NDArray[np.int64], minute: int) -> Floats:
        """Return the forecast of `minute` for the pools at `rows`: float32[rows, SCORED_LEVELS], NaN where there is none."""
        offset = minute - self._first[rows]
        covered = (offset >= 0) & (offset < AHEAD_MINUTES)
        out = np.full((len(rows), len(SCORED_LEVELS)), np.nan, np.float32)
        out[covered] = self._forecasts[rows[covered], offset[covered]]
        return out

    def path(self, name: str, first_minute: int, end_minute: int) -> Floats:
        """Return a pool's forecast of `first_minute <= minute < end_minute`: float32[minutes, SCORED_LEVELS]; else NaN."""
        row, minutes = self.row[name], np.arange(first_minute, end_minute)
        offset = minutes - self._first[row]
        covered = (offset >= 0) & (offset < AHEAD_MINUTES)
        out = np.full((len(minutes), len(SCORED_LEVELS)), np.nan, np.float32)
        out[covered] = self._forecasts[row, offset[covered]]
        return out

    def score(self, pools: Sequence[str], first_minute: int, peak: Floats) -> None:
        """Score the forecasts against actual peak demand: float32[pools, n] from `first_minute` on, NaN where unknown."""
        rows = np.array([self.row[name] for name in pools], np.int64)
        for column in range(peak.shape[1]):
            forecast = self.at(rows, first_minute + column)[:, None, :]
            loss = pinball(forecast, peak[:, column : column + 1], SCORED_LEVELS)
            known = ~np.isnan(loss).any(axis=1)
            self.loss[rows[known]] += loss[known]
            self.judged[rows[known]] += 1
            if known.any():
                self.coverage.add(first_minute + column, rows[known], forecast[known, 0], peak[known, column])


def grown(rows: NDArray[Any], more: int) -> NDArray[Any]:
    """Return an array with as many more rows of zeros."""
    return np.concatenate((rows, np.zeros((more, *rows.shape[1:]), rows.dtype))) if more else rows
