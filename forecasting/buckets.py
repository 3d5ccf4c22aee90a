"""The compact memory of a forecaster: of every quarter of an hour, three numbers, for two weeks."""

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import MINUTES_PER_DAY, Floats
from forecasting.empirical import sample_quantiles

BUCKET = 15
"""Minutes. A day is a whole number of them, and a block of calibration is one of them."""

PER_DAY = MINUTES_PER_DAY // BUCKET
DAYS = 14
SLOTS = (DAYS + 2) * PER_DAY
SUMMARY = (1 / 3, 2 / 3, 1.0)
"""The quantiles kept of a bucket's minutes: each stands for a third of them, and the most is never lost."""


class BucketTable:
    """The last two weeks of many rows of demand: float16[rows, SLOTS, summary], 12 kB a row, a ring over time."""

    def __init__(self, rows: int) -> None:
        self._ring = np.full((rows, SLOTS, len(SUMMARY)), np.nan, np.float16)
        self.end = 0
        """The bucket after the newest complete one."""
        self.complete = np.zeros(rows, np.int32)
        """int32[rows]: buckets with anything known in them, ever."""

    def append(self, minutes: Floats, first_bucket: int) -> None:
        """Take in whole buckets, float32[rows, buckets * BUCKET], that follow those before; at most a day at once."""
        count = minutes.shape[1] // BUCKET
        summary = sample_quantiles(minutes.reshape(minutes.shape[0], count, BUCKET), SUMMARY)
        self._ring[:, np.arange(first_bucket, first_bucket + count) % SLOTS] = summary.astype(np.float16)
        self.end = first_bucket + count
        self.complete += (~np.isnan(summary[..., 0])).sum(axis=1, dtype=np.int32)

    def rows(self, rows: NDArray[np.int64], buckets: NDArray[np.int64]) -> Floats:
        """The summaries of a few rows: float32[rows, buckets, summary]."""
        found = self._ring[rows[:, None], buckets % SLOTS].astype(np.float32)
        return np.where(self._held(buckets)[..., None], found, np.float32(np.nan))

    def take(self, buckets: NDArray[np.int64]) -> Floats:
        """Summaries of buckets of any shape: float32[rows, *shape, summary]; NaN where not yet over, or forgotten."""
        found = self._ring[:, buckets % SLOTS].astype(np.float32)
        return np.where(self._held(buckets)[..., None], found, np.float32(np.nan))

    def _held(self, buckets: NDArray[np.int64]) -> NDArray[np.bool_]:
        return (buckets < self.end) & (buckets >= self.end - SLOTS)
