"""Seasonal profiles: forecasts from the same time on earlier days."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.buckets import DAYS, PER_DAY, BucketTable
from forecasting.demand import Floats
from forecasting.empirical import sample_quantiles

PAST_BUCKETS = 8
"""Past buckets of a profile that are kept."""

FINAL_AHEAD = PER_DAY - 3
"""Buckets ahead up to which a profile is final, because all of its samples are known."""


def offsets(days: Iterable[int], neighbours: int) -> NDArray[np.int64]:
    """Return distances in buckets from a target to the same time on earlier days and its neighbours on both sides."""
    return np.array([day * PER_DAY + near for day in days for near in range(-neighbours, neighbours + 1)], np.int64)


PROFILES = (offsets(range(1, 8), 1), offsets(range(7, DAYS + 1, 7), 2))
"""Any day of the last week, and the same weekday of the last two weeks."""


class SeasonalProfile:
    """Quantiles of the same time on earlier days, calculated once for each bucket ahead and cached until it is past."""

    def __init__(self, table: BucketTable, back: NDArray[np.int64], levels: Sequence[float]) -> None:
        self._table, self._back, self._levels = table, back, tuple(levels)
        self._cache: dict[int, Floats] = {}

    def at(self, buckets: NDArray[np.int64]) -> Floats:
        """Return quantiles of any buckets, float32[rows, buckets, levels]; those far ahead have fewer earlier days."""
        wanted = sorted(set(buckets.tolist()))
        uncached: dict[int, Floats] = {}
        missing = np.array([bucket for bucket in wanted if bucket not in self._cache], np.int64)
        if len(missing):
            samples = self._table.take(missing[:, None] - self._back)
            computed = sample_quantiles(samples.reshape(*samples.shape[:2], -1), self._levels)
            uncached = {int(bucket): computed[:, at] for at, bucket in enumerate(missing)}
            final = self._table.end + FINAL_AHEAD
            self._cache.update((bucket, profile) for bucket, profile in uncached.items() if bucket < final)
        stacked = np.stack([self._cache[bucket] if bucket in self._cache else uncached[bucket] for bucket in wanted], axis=1)
        return stacked[:, np.searchsorted(wanted, buckets)]

    def delete_before(self, bucket: int) -> None:
        """Delete cached profiles of buckets before this one."""
        for old in [known for known in self._cache if known < bucket - PAST_BUCKETS]:
            del self._cache[old]
