"""The forecasts that are weighed against each other: each a set of quantiles, made from the recent minutes and the profiles."""

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
"""Minutes over which the present is compared with what a profile said of them."""

LEVEL_MEMORY = 300.0
"""Minutes ahead after which e times less of that difference is expected to be left."""

GRAIN = 1024.0
"""Differences are rounded to this fraction, so that their sums are exact in any order and no cut of history shows."""

MEDIAN = LEVELS.index(0.5)


class Source(Protocol):
    """Something that says quantiles of whole buckets."""

    def at(self, buckets: NDArray[np.int64]) -> Floats:
        """float32[rows, buckets, LEVELS] in units, NaN where it cannot say."""
        ...


class Components:
    """Makes all forecasts for `rows` rows of demand."""

    def __init__(self, table: BucketTable, outlooks: OutlookTable) -> None:
        self._profiles = [SeasonalProfile(table, back, LEVELS) for back in PROFILES]
        self._outlooks = outlooks

    def roots(self, tail: Floats, first_minute: int, at: NDArray[np.int64], leads: Sequence[int]) -> Floats:
        """Forecasts made after minutes `at` (indices into float32[rows, minutes] `tail`, which begins at `first_minute`).

        Square roots of quantiles, float32[rows, at, leads, components, LEVELS]; NaN where a component cannot say.
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
        """How far the last hour was above the middle of a profile, on the root scale: float32[rows, at]; 0 where unknown."""
        low, end = int(at.min()) - LEVEL_WINDOW + 1, int(at.max()) + 1
        minutes = np.arange(first_minute + low, first_minute + end)
        said = rooted(source.at(np.unique(minutes // BUCKET))[:, minutes // BUCKET - minutes[0] // BUCKET, MEDIAN])
        apart = np.round((rooted(tail[:, low:end]) - said) * GRAIN).astype(np.float64)
        known = ~np.isnan(apart)
        total, count = (np.concatenate([np.zeros((tail.shape[0], 1)), np.cumsum(what, axis=1)], axis=1)
                        for what in (np.where(known, apart, 0.0), known))
        right = at - low + 1
        over, of = (sums[:, right] - sums[:, right - LEVEL_WINDOW] for sums in (total, count))
        shift: Floats = (over / np.maximum(of, 1) / GRAIN).astype(np.float32)
        return shift

    def forget_before(self, minute: int) -> None:
        """Let go of profiles of what is past."""
        for profile in self._profiles:
            profile.forget_before(minute // BUCKET)
