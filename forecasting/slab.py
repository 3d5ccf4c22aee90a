"""Slab: weighted and calibrated forecasts of as many rows of demand as fit into a processor's cache."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecasting.buckets import BUCKET, BucketTable
from forecasting.calibration import BEHIND, LEADS, SAMPLES, Calibration, sampled_minutes, units
from forecasting.components import Components
from forecasting.demand import Floats
from forecasting.outlook import OutlookTable
from forecasting.protocol import LEVELS
from forecasting.recent import REACH

TAIL = REACH + 3 * BUCKET
"""Newest minutes stored in full: enough to forecast from any minute of an incomplete block, and to score the block before."""

ENSEMBLE = -1
"""Index of the ensemble, after the components."""


class Learned(NamedTuple):
    """Calibration at given leads: `offsets` float32[..., leads, components + 1, LEVELS], `losses` without the ensemble."""

    offsets: Floats
    losses: Floats


class Slab:
    """Rows of demand that share a clock. `whole`: bool[rows], where demand is counts (peak) rather than averages (busy)."""

    def __init__(self, whole: NDArray[np.bool_], first_minute: int) -> None:
        self._whole = whole[:, None, None, None, None]
        self.table = BucketTable(len(whole))
        self.outlooks = OutlookTable(len(whole))
        self._components = Components(self.table, self.outlooks)
        self._calibration = Calibration(self._whole)
        self._tail = np.full((len(whole), TAIL), np.nan, np.float32)
        self._end = first_minute

    def advance(self, rows: Floats, leads: tuple[int, ...]) -> Floats:
        """Add float32[rows, n], at most a day of minutes; return the forecast made after each: float32[rows, n, leads, LEVELS].

        Calibration is updated at the end of a block; a forecast uses that of the blocks that ended before it.
        """
        first, self._end = self._end, self._end + rows.shape[1]
        tail, tail_first = np.concatenate([self._tail, rows], axis=1), first - TAIL
        blocks = range(first // BUCKET, self._end // BUCKET)
        states = [self._learned(leads)] if leads else []
        if blocks:
            whole = slice(blocks[0] * BUCKET - tail_first, blocks[-1] * BUCKET + BUCKET - tail_first)
            self.table.append(tail[:, whole], blocks[0])
            at = np.concatenate([sampled_minutes(block) for block in blocks]) - tail_first
            roots = self._components.roots(tail, tail_first, at, LEADS)
            demand = tail[:, np.stack([scored_minutes(block) for block in blocks]) - tail_first]
            for which, block in enumerate(blocks):
                self._calibration.close(block, roots[:, which * SAMPLES : (which + 1) * SAMPLES], demand[:, which])
                if leads:
                    states.append(self._learned(leads))
        self._tail = tail[:, -TAIL:].copy()
        self._components.delete_before(self._end)
        if not leads:
            return np.empty((len(rows), rows.shape[1], 0, len(LEVELS)), np.float32)
        at = np.arange(rows.shape[1]) + TAIL
        ended = (tail_first + at + 1) // BUCKET - first // BUCKET
        learned = Learned(*(np.stack(parts, axis=1)[:, ended] for parts in zip(*states, strict=True)))
        roots = self._components.roots(tail, tail_first, at, leads)
        return units(roots, learned.offsets, learned.losses, self._whole)[..., ENSEMBLE, :]

    def ahead(self, leads: Sequence[int]) -> Floats:
        """Return quantiles `leads` minutes after the newest observed one: float32[rows, leads, LEVELS]."""
        roots = self._components.roots(self._tail, self._end - TAIL, np.array([TAIL - 1]), leads)[:, 0]
        offsets, losses = self._learned(leads)
        return units(roots, offsets, losses, self._whole[:, 0])[..., ENSEMBLE, :]

    def weights(self, lead: int) -> Floats:
        """Return the discounted loss of each component `lead` minutes ahead, by level: float32[rows, components, LEVELS]."""
        return self._learned((lead,)).losses[:, 0]

    def _learned(self, leads: Sequence[int]) -> Learned:
        """Return the current calibration, interpolated at any leads."""
        place = np.interp(np.log(leads), np.log(LEADS), np.arange(len(LEADS)))
        low = np.minimum(place.astype(int), len(LEADS) - 2)
        share = (place - low).astype(np.float32)[:, None, None]
        state = self._calibration
        return Learned(*(array[:, low] * (1 - share) + array[:, low + 1] * share for array in (state.offsets, state.losses)))


def scored_minutes(block: int) -> NDArray[np.int64]:
    """Return the target minutes of the forecasts that are scored at the end of a block: int64[LEADS, SAMPLES]."""
    return np.stack([sampled_minutes(block - behind) + lead for behind, lead in zip(BEHIND, LEADS, strict=True)])
