"""The forecaster that people look at: every component weighed and calibrated, for a fleet of pools that share a clock."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecasting.buckets import BUCKET, DAYS, PER_DAY, SUMMARY
from forecasting.demand import MINUTES_PER_DAY, Floats
from forecasting.outlook import Outlook
from forecasting.protocol import LEVELS, Band, at_levels
from forecasting.recent import WINDOWS
from forecasting.scale import tamed, whole_units
from forecasting.slab import Slab

SLAB = 250
"""Pools computed together: what a processor's cache holds. Larger is slower and needs more memory for a moment."""

WORKING_SET = 4_000_000
"""Samples sorted at once, at most."""

LONGEST_HORIZON = MINUTES_PER_DAY
LONGEST_HOLE = 2 * MINUTES_PER_DAY


class Remembered(NamedTuple):
    """One pool's compact memory: float32[buckets, SUMMARY] each, from bucket `first_bucket` (of BUCKET minutes) on."""

    first_bucket: int
    peak: Floats
    busy: Floats


class CombinedForecaster:
    """A `Forecaster` for `pools` pools: about 40 kB for each."""

    def __init__(self, pools: int) -> None:
        self._pools = pools
        self._parts = [slice(first, min(first + SLAB, pools)) for first in range(0, pools, SLAB)]
        self._slabs: list[Slab] = []
        self._end: int | None = None

    @property
    def pools(self) -> int:
        return self._pools

    @property
    def enough(self) -> NDArray[np.bool_]:
        """A day of known quarters of an hour: each time of day was seen once."""
        if not self._slabs:
            return np.zeros(self._pools, bool)
        return np.concatenate([slab.table.complete[: len(slab.table.complete) // 2] for slab in self._slabs]) >= PER_DAY

    def observe(self, peak: Floats, busy: Floats, first_minute: int) -> None:
        self.follow(peak, busy, first_minute, ())

    def follow(self, peak: Floats, busy: Floats, first_minute: int, leads: Sequence[int]) -> Band:
        """Observe float32[pools, n], and say what was predicted after each minute: float32[pools, n', leads, LEVELS].

        Row i is what `quantiles_at(leads)` says once the i-th minute, and nothing newer, has been observed; minutes seen
        before have no row. ValueError when two days or more are left out: what is remembered would be of no use.
        """
        if self._end is None:
            self._end = first_minute // BUCKET * BUCKET
            self._slabs = [Slab(np.repeat([True, False], part.stop - part.start), self._end) for part in self._parts]
        left_out = max(0, first_minute - self._end)
        if left_out > LONGEST_HOLE:
            raise ValueError(f"{left_out} minutes are missing before minute {first_minute}; begin with a new forecaster")
        fresh = slice(max(0, self._end - first_minute), None)
        hole = np.full((self._pools, left_out), np.nan, np.float32)
        both = [np.concatenate([hole, tamed(demand)[:, fresh]], axis=1) for demand in (peak, busy)]
        self._end += both[0].shape[1]
        said = [self._run(slab, np.concatenate([demand[part] for demand in both]), tuple(leads))[:, left_out:]
                for slab, part in zip(self._slabs, self._parts, strict=True)]
        return halves(said, (self._pools, both[0].shape[1] - left_out, len(leads), len(LEVELS)))

    def _run(self, slab: Slab, rows: Floats, leads: tuple[int, ...]) -> Floats:
        """Through a slab in pieces that bound the memory at work."""
        step = int(np.clip(WORKING_SET * 5 // (len(rows) * sum(WINDOWS)), BUCKET, MINUTES_PER_DAY))
        said = [slab.advance(rows[:, at : at + step], leads) for at in range(0, rows.shape[1], step)]
        return np.concatenate(said, axis=1) if said else np.empty((len(rows), 0, len(leads), len(LEVELS)), np.float32)

    def remembered(self, pool: int) -> Remembered:
        """What a model can be fitted to."""
        if not self._slabs:
            return Remembered(0, np.empty((0, len(SUMMARY)), np.float32), np.empty((0, len(SUMMARY)), np.float32))
        slab, row, of = self._place(pool)
        buckets = np.arange(slab.table.end - DAYS * PER_DAY, slab.table.end)
        return Remembered(int(buckets[0]), *slab.table.rows(np.array([row, row + of]), buckets))

    def _place(self, pool: int) -> tuple[Slab, int, int]:
        """Where a pool is kept: the slab, its row, and how many pools the slab has."""
        part = self._parts[pool // SLAB]
        return self._slabs[pool // SLAB], pool - part.start, part.stop - part.start

    def install(self, pool: int, peak: Outlook, busy: Outlook) -> None:
        """Take over what a fitted model says of a pool's peak and busy demand, in place of what one said before."""
        slab, row, of = self._place(pool)
        slab.outlooks.install(row, peak)
        slab.outlooks.install(row + of, busy)

    def quantiles_at(self, leads: Sequence[int], levels: Sequence[float] = LEVELS) -> Band:
        """Quantiles some minutes ahead of the newest observed, up to a day: float32[pools, leads, levels]."""
        if not all(1 <= lead <= LONGEST_HORIZON for lead in leads):
            raise ValueError(f"forecasts reach from 1 to {LONGEST_HORIZON} minutes ahead, not {min(leads)} to {max(leads)}")
        said = [slab.ahead(leads) for slab in self._slabs] if len(leads) else []
        peak, busy = halves(said, (self._pools, len(leads), len(LEVELS)))
        return Band(whole_units(at_levels(peak, levels)), at_levels(busy, levels))

    def quantiles(self, horizon_minutes: int, levels: Sequence[float] = LEVELS) -> Band:
        return self.quantiles_at(range(1, horizon_minutes + 1), levels)


def halves(said: list[Floats], shape: tuple[int, ...]) -> Band:
    """Slabs' rows, each peak first and then busy, as a band of all pools; unknown where there are none."""
    if not said:
        return Band(np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32))
    cut = [len(rows) // 2 for rows in said]
    return Band(np.concatenate([rows[:at] for rows, at in zip(said, cut, strict=True)]),
                np.concatenate([rows[at:] for rows, at in zip(said, cut, strict=True)]))
