"""Combined forecaster: all components, weighted and calibrated, for pools that share a clock."""

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
"""Pools calculated together: they fit into the cache of a processor. More are slower and need more memory."""

WORKING_SET = 4_000_000
"""Most samples sorted at once."""

LONGEST_HORIZON = MINUTES_PER_DAY
LONGEST_HOLE = 2 * MINUTES_PER_DAY


class CompactHistory(NamedTuple):
    """Compact history of one pool: float32[buckets, SUMMARY] each, from bucket `first_bucket` (of BUCKET minutes) on."""

    first_bucket: int
    peak: Floats
    busy: Floats


class CombinedForecaster:
    """Implementation of `Forecaster` for `pools` pools. It needs about 40 kB for each."""

    def __init__(self, pools: int) -> None:
        self._pools = pools
        self._parts = [slice(first, min(first + SLAB, pools)) for first in range(0, pools, SLAB)]
        self._slabs: list[Slab] = []
        self._end: int | None = None

    @property
    def pools(self) -> int:
        """Number of pools."""
        return self._pools

    @property
    def enough(self) -> NDArray[np.bool_]:
        """Whether each pool has a day of known quarters of an hour, so that each time of day is known once: bool[pools]."""
        if not self._slabs:
            return np.zeros(self._pools, bool)
        return np.concatenate([slab.table.complete[: len(slab.table.complete) // 2] for slab in self._slabs]) >= PER_DAY

    def observe(self, peak: Floats, busy: Floats, first_minute: int) -> None:
        """Add minutes as `Forecaster.observe`. Raise ValueError as `follow`."""
        self.follow(peak, busy, first_minute, ())

    def follow(self, peak: Floats, busy: Floats, first_minute: int, leads: Sequence[int]) -> Band:
        """Observe float32[pools, n], and return the forecast made after each new minute: float32[pools, n', leads, LEVELS].

        Row i is the result of `quantiles_at(leads)` after the i-th new minute and before any later one. Raise ValueError if more
        than 2 days are missing before the first minute: the stored history would be too old.
        """
        if self._end is None:
            self._end = first_minute // BUCKET * BUCKET
            self._slabs = [Slab(np.repeat([True, False], part.stop - part.start), self._end) for part in self._parts]
        left_out = max(0, first_minute - self._end)
        if left_out > LONGEST_HOLE:
            raise ValueError(f"{left_out} minutes are missing before minute {first_minute}; start with a new forecaster")
        fresh = slice(max(0, self._end - first_minute), None)
        hole = np.full((self._pools, left_out), np.nan, np.float32)
        both = [np.concatenate([hole, tamed(demand)[:, fresh]], axis=1) for demand in (peak, busy)]
        self._end += both[0].shape[1]
        parts = [self._run(slab, np.concatenate([demand[part] for demand in both]), tuple(leads))[:, left_out:]
                 for slab, part in zip(self._slabs, self._parts, strict=True)]
        return halves(parts, (self._pools, both[0].shape[1] - left_out, len(leads), len(LEVELS)))

    def _run(self, slab: Slab, rows: Floats, leads: tuple[int, ...]) -> Floats:
        """Advance a slab in pieces, which bounds memory."""
        step = int(np.clip(WORKING_SET * 5 // (len(rows) * sum(WINDOWS)), BUCKET, MINUTES_PER_DAY))
        parts = [slab.advance(rows[:, at : at + step], leads) for at in range(0, rows.shape[1], step)]
        return np.concatenate(parts, axis=1) if parts else np.empty((len(rows), 0, len(leads), len(LEVELS)), np.float32)

    def compact_history(self, pool: int) -> CompactHistory:
        """Return the history that a model can be fitted to."""
        if not self._slabs:
            return CompactHistory(0, np.empty((0, len(SUMMARY)), np.float32), np.empty((0, len(SUMMARY)), np.float32))
        slab, row, of = self._place(pool)
        buckets = np.arange(slab.table.end - DAYS * PER_DAY, slab.table.end)
        return CompactHistory(int(buckets[0]), *slab.table.rows(np.array([row, row + of]), buckets))

    def _place(self, pool: int) -> tuple[Slab, int, int]:
        """Return the slab of a pool, its row, and the number of pools of the slab."""
        part = self._parts[pool // SLAB]
        return self._slabs[pool // SLAB], pool - part.start, part.stop - part.start

    def install(self, pool: int, peak: Outlook, busy: Outlook) -> None:
        """Replace the outlooks of a pool's peak and busy demand by those of a newly fitted model."""
        slab, row, of = self._place(pool)
        slab.outlooks.install(row, peak)
        slab.outlooks.install(row + of, busy)

    def quantiles_at(self, leads: Sequence[int], levels: Sequence[float] = LEVELS) -> Band:
        """Return quantiles `leads` minutes after the newest observed one, up to a day: float32[pools, leads, levels]."""
        if not all(1 <= lead <= LONGEST_HORIZON for lead in leads):
            raise ValueError(f"forecasts reach from 1 to {LONGEST_HORIZON} minutes ahead, not {min(leads)} to {max(leads)}")
        parts = [slab.ahead(leads) for slab in self._slabs] if len(leads) else []
        peak, busy = halves(parts, (self._pools, len(leads), len(LEVELS)))
        return Band(whole_units(at_levels(peak, levels)), at_levels(busy, levels))

    def quantiles(self, horizon_minutes: int, levels: Sequence[float] = LEVELS) -> Band:
        """Return quantiles as `Forecaster.quantiles`."""
        return self.quantiles_at(range(1, horizon_minutes + 1), levels)


def halves(parts: list[Floats], shape: tuple[int, ...]) -> Band:
    """Return a band of all pools from the rows of slabs, each first peak and then busy; NaN without slabs."""
    if not parts:
        return Band(np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32))
    cut = [len(rows) // 2 for rows in parts]
    return Band(np.concatenate([rows[:at] for rows, at in zip(parts, cut, strict=True)]),
                np.concatenate([rows[at:] for rows, at in zip(parts, cut, strict=True)]))
