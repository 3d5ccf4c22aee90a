"""Forecasts from the same time on earlier days, and how far the present is from them."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.buckets import DAYS, PER_DAY, BucketTable
from forecasting.demand import Floats
from forecasting.empirical import sample_quantiles

KEPT = 8
"""Buckets of a profile that are kept behind the present."""

LASTING = PER_DAY - 3
"""Buckets ahead up to which a profile changes no more: all that it is made of is over."""


def offsets(days: Iterable[int], neighbours: int) -> NDArray[np.int64]:
    """Buckets before the target: the same time some days ago, widened by neighbours on both sides."""
    return np.array([day * PER_DAY + near for day in days for near in range(-neighbours, neighbours + 1)], np.int64)


PROFILES = (offsets(range(1, 8), 1), offsets(range(7, DAYS + 1, 7), 2))
"""Any day of the last week; the same weekday of the last two."""


class SeasonalProfile:
    """Quantiles of the same time on earlier days, computed once for each bucket ahead and kept until it is past."""

    def __init__(self, table: BucketTable, back: NDArray[np.int64], levels: Sequence[float]) -> None:
        self._table, self._back, self._levels = table, back, tuple(levels)
        self._kept: dict[int, Floats] = {}

    def at(self, buckets: NDArray[np.int64]) -> Floats:
        """float32[rows, buckets, levels] for any buckets; those far ahead see fewer earlier days."""
        wanted = sorted(set(buckets.tolist()))
        missing = np.array([bucket for bucket in wanted if bucket not in self._kept], np.int64)
        if len(missing):
            samples = self._table.take(missing[:, None] - self._back)
            fresh = sample_quantiles(samples.reshape(*samples.shape[:2], -1), self._levels)
            found = {int(bucket): fresh[:, at] for at, bucket in enumerate(missing)}
            self._kept.update((bucket, profile) for bucket, profile in found.items() if bucket < self._table.end + LASTING)
        else:
            found = {}
        stacked = np.stack([self._kept[bucket] if bucket in self._kept else found[bucket] for bucket in wanted], axis=1)
        return stacked[:, np.searchsorted(wanted, buckets)]

    def forget_before(self, bucket: int) -> None:
        """Let go of what is past."""
        for old in [known for known in self._kept if known < bucket - KEPT]:
            del self._kept[old]
