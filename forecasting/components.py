"""Components: forecasts from recent minutes and from profiles, each a set of quantiles, which calibration weights."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forecasting.buckets import BUCKET, BucketTable
from forecasting.demand import Floats
from forecasting.outlook import OutlookTable
from forecasting.protocol import LEVELS
from forecasting.recent import WINDOWS, clockwork_quantiles, trailing_quantiles
from forecasting.scale import rooted
from forecasting.seasonal import PROFILES, SeasonalProfile

NAMES = (*(f"last {window} minutes" for window in WINDOWS), "same minute of earlier hours", "earlier days",
         "earlier days, at today's level", "same weekday, at today's level", "fitted model, at today's level")
LEVEL_WINDOW = 30
"""Minutes over which recent demand is compared with a profile."""

LEVEL_MEMORY = 300.0
"""Minutes ahead after which that difference is expected to have fallen to 1/e."""

GRAIN = 1024.0
"""Differences are rounded to this fraction: their sums are exact, so that the division of history into calls changes nothing."""

MEDIAN = LEVELS.index(0.5)


class Source(Protocol):
    """Forecast of whole buckets."""

    def at(self, buckets: NDArray[np.int64]) -> Floats:
        """Return quantiles in units, float32[rows, buckets, LEVELS]; NaN where unknown."""
        ...


class Components:
    """All components for the rows of a table."""

    def __init__(self, table: BucketTable, outlooks: OutlookTable) -> None:
        self._profiles = [SeasonalProfile(table, back, LEVELS) for back in PROFILES]
        self._outlooks = outlooks

    def roots(self, tail: Floats, first_minute: int, at: NDArray[np.int64], leads: Sequence[int]) -> Floats:
        """Return the forecasts made after minutes `at`, indices into `tail`: float32[rows, minutes] from `first_minute` on.

        Square roots of quantiles, float32[rows, at, leads, components, LEVELS]; NaN where a component has none.
        """
        out = np.full((tail.shape[0], len(at), len(leads), len(NAMES), len(LEVELS)), np.nan, np.float32)
        for which, window in enumerate(WINDOWS):
            out[:, :, :, which] = rooted(trailing_quantiles(tail, at, window, LEVELS))[:, :, None]
        targets = (first_minute + at[:, None] + np.asarray(leads)) // BUCKET
        fading = np.exp(-np.asarray(leads) / LEVEL_MEMORY).astype(np.float32)[:, None]
        out[:, :, :, len(WINDOWS)] = rooted(clockwork_quantiles(tail, at, leads, LEVELS))
        seasonal = len(WINDOWS) + 1
        sources: list[Source] = [*self._profiles, self._outlooks]
        for which, source in enumerate(sources):
            profile = rooted(source.at(targets.ravel())).reshape(tail.shape[0], *targets.shape, len(LEVELS))
            shift = self._shift(tail, first_minute, at, source)[:, :, None, None] * fading
            out[:, :, :, seasonal + 1 + which] = np.where(profile > 0, np.maximum(profile + shift, 0), profile)
            if which == 0:
                out[:, :, :, seasonal] = profile
        return out

    def _shift(self, tail: Floats, first_minute: int, at: NDArray[np.int64], source: Source) -> Floats:
        """Return how far the last 30 min were above a profile's median, on the root scale: float32[rows, at]; 0 if unknown."""
        low, end = int(at.min()) - LEVEL_WINDOW + 1, int(at.max()) + 1
        minutes = np.arange(first_minute + low, first_minute + end)
        median = rooted(source.at(np.unique(minutes // BUCKET))[:, minutes // BUCKET - minutes[0] // BUCKET, MEDIAN])
        difference = np.round((rooted(tail[:, low:end]) - median) * GRAIN).astype(np.float64)
        known = ~np.isnan(difference)
        total, count = (np.concatenate([np.zeros((tail.shape[0], 1)), np.cumsum(what, axis=1)], axis=1)
                        for what in (np.where(known, difference, 0.0), known))
        right = at - low + 1
        over, of = (sums[:, right] - sums[:, right - LEVEL_WINDOW] for sums in (total, count))
        shift: Floats = (over / np.maximum(of, 1) / GRAIN).astype(np.float32)
        return shift

    def delete_before(self, minute: int) -> None:
        """Delete profiles of buckets before a minute."""
        for profile in self._profiles:
            profile.delete_before(minute // BUCKET)
