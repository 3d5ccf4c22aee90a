"""Compact history of a forecaster: three numbers for each quarter of an hour, for 14 days."""

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import MINUTES_PER_DAY, Floats
from forecasting.empirical import sample_quantiles

BUCKET = 15
"""Minutes of a bucket. A day has a whole number of buckets, and a block of calibration is one bucket."""

PER_DAY = MINUTES_PER_DAY // BUCKET
DAYS = 14
SLOTS = (DAYS + 2) * PER_DAY
SUMMARY = (1 / 3, 2 / 3, 1.0)
"""Quantiles stored of the minutes of a bucket: each represents a third of them; the last is the maximum."""


class BucketTable:
    """Last 14 days of many rows of demand: float16[rows, SLOTS, summary], a ring over time, 12 kB per row."""

    def __init__(self, rows: int) -> None:
        self._ring = np.full((rows, SLOTS, len(SUMMARY)), np.nan, np.float16)
        self.end = 0
        """Bucket after the newest complete one."""
        self.complete = np.zeros(rows, np.int32)
        """Number of buckets with a known minute since the start: int32[rows]."""

    def append(self, minutes: Floats, first_bucket: int) -> None:
        """Add whole buckets, float32[rows, buckets * BUCKET], which follow those before; at most a day at once."""
        count = minutes.shape[1] // BUCKET
        summary = sample_quantiles(minutes.reshape(minutes.shape[0], count, BUCKET), SUMMARY)
        self._ring[:, np.arange(first_bucket, first_bucket + count) % SLOTS] = summary.astype(np.float16)
        self.end = first_bucket + count
        self.complete += (~np.isnan(summary[..., 0])).sum(axis=1, dtype=np.int32)

    def rows(self, rows: NDArray[np.int64], buckets: NDArray[np.int64]) -> Floats:
        """Return the summaries of some rows: float32[rows, buckets, summary]."""
        found = self._ring[rows[:, None], buckets % SLOTS].astype(np.float32)
        return np.where(self._held(buckets)[..., None], found, np.float32(np.nan))

    def take(self, buckets: NDArray[np.int64]) -> Floats:
        """Return the summaries of buckets of any shape: float32[rows, *shape, summary]; NaN where incomplete or too old."""
        found = self._ring[:, buckets % SLOTS].astype(np.float32)
        return np.where(self._held(buckets)[..., None], found, np.float32(np.nan))

    def _held(self, buckets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether each bucket is complete and still in the ring."""
        return (buckets < self.end) & (buckets >= self.end - SLOTS)
