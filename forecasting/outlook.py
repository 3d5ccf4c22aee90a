"""Outlooks: forecasts of a model fitted in a worker process, stored until they have passed or are replaced."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import Floats
from forecasting.protocol import LEVELS

REACH = 192
"""Buckets stored of a fitted path: 2 days."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Forecast of one fit: `quantiles` float32[buckets, LEVELS] in units, from bucket `first_bucket` on."""

    first_bucket: int
    quantiles: Floats

    def __post_init__(self) -> None:
        if self.quantiles.ndim != 2 or self.quantiles.shape[1] != len(LEVELS):
            raise ValueError(f"an outlook needs {len(LEVELS)} levels a bucket, not an array of {self.quantiles.shape}")


class OutlookTable:
    """Newest outlook of each row: float16[rows, REACH, LEVELS]; NaN in rows without one. No array before the first outlook."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._first = np.zeros(rows, np.int64)
        self._held: NDArray[np.float16] | None = None

    def install(self, row: int, outlook: Outlook) -> None:
        """Replace the outlook of a row. It includes recent hours, with which current demand is compared."""
        if self._held is None:
            self._held = np.full((self._rows, REACH, len(LEVELS)), np.nan, np.float16)
        self._held[row] = np.nan
        some = outlook.quantiles[:REACH]
        self._held[row, : len(some)] = np.clip(some, 0, 60_000)
        self._first[row] = outlook.first_bucket

    def at(self, buckets: NDArray[np.int64]) -> Floats:
        """Return quantiles in units, float32[rows, buckets, levels]; NaN outside the outlook."""
        if self._held is None:
            return np.full((self._rows, len(buckets), len(LEVELS)), np.nan, np.float32)
        index = buckets[None] - self._first[:, None]
        inside = (index >= 0) & (index < REACH)
        found = self._held[np.arange(self._rows)[:, None], np.clip(index, 0, REACH - 1)].astype(np.float32)
        return np.where(inside[..., None], found, np.float32(np.nan))
