"""Requested and ready capacity in each minute of the last 24 h, as observed by this run of the daemon."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import MINUTES_PER_DAY

UNKNOWN = int(np.iinfo(np.uint16).max)
Units = NDArray[np.float64]


class CapacityTrace:
    """The last 1440 minutes of each pool, 2 bytes per value: 10,000 pools take 58 MB."""

    def __init__(self, pools: Iterable[str]) -> None:
        self._row = {name: at for at, name in enumerate(pools)}
        self._units = np.full((2, len(self._row), MINUTES_PER_DAY), UNKNOWN, np.uint16)
        self._end = 0

    def add(self, pools: Iterable[str]) -> None:
        """Add pools without known minutes. Rows of pools that have left stay."""
        new = [name for name in pools if name not in self._row]
        self._row |= {name: len(self._row) + at for at, name in enumerate(new)}
        if new:
            self._units = np.concatenate((self._units, np.full((2, len(new), MINUTES_PER_DAY), UNKNOWN, np.uint16)), axis=1)

    def note(self, minute: int, capacities: Mapping[str, tuple[int | None, int | None]]) -> None:
        """Store requested and ready of pools in `minute` (since the epoch), None if unknown. Skipped minutes are unknown."""
        entering = np.arange(max(self._end, minute + 1 - MINUTES_PER_DAY), minute + 1) % MINUTES_PER_DAY
        self._units[:, :, entering] = UNKNOWN
        self._end = max(self._end, minute + 1)
        rows = [self._row[name] for name in capacities]
        units = [[UNKNOWN if each is None else min(each, UNKNOWN - 1) for each in pair] for pair in capacities.values()]
        self._units[:, rows, minute % MINUTES_PER_DAY] = np.array(units, np.uint16).reshape(-1, 2).T

    def rows(self, name: str, first: int, end: int) -> tuple[Units, Units]:
        """Return requested and ready in the minutes [first, end), float64[end - first] each, NaN if unknown."""
        out = np.full((2, end - first), np.nan)
        begin, stop = max(first, self._end - MINUTES_PER_DAY), min(end, self._end)
        if begin < stop:
            values = self._units[:, self._row[name], np.arange(begin, stop) % MINUTES_PER_DAY]
            out[:, begin - first : stop - first] = np.where(values == UNKNOWN, np.nan, values)
        return out[0], out[1]
