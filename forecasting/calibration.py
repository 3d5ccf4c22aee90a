"""Calibration: offsets that hold the coverage of each quantile, and losses from which forecasts are weighted.

Every quantile has an offset on the root scale. It rises when demand exceeds the quantile and falls when demand stays below it, in
proportion to the level, so that in the long run demand exceeds it with the frequency of the level, for any demand:
quantile tracking as in Angelopoulos, Candes and Tibshirani, "Conformal PID control for time series prediction" (NeurIPS 2023,
arXiv:2307.16896), after adaptive conformal inference by Gibbs and Candes (NeurIPS 2021, arXiv:2106.00672). Demand *equal*
to a quantile changes nothing: counts tie, and a quantile of counts is correct if P(y < q) <= level <= P(y <= q).

Each component is tracked separately, then weighted for each level by its discounted pinball loss, and the ensemble is tracked
again.
"""

import numpy as np
from numpy.typing import NDArray

from forecasting.buckets import BUCKET, PER_DAY
from forecasting.components import MEDIAN, NAMES
from forecasting.demand import Floats
from forecasting.protocol import LEVELS
from forecasting.scale import rooted, unrooted, whole_units

LEADS = (4, 30, 120, 360)
"""Minutes ahead at which forecasts are scored; in between, offsets and losses are interpolated on the logarithm of the lead."""

EVERY = (1, 1, 2, 8)
"""Blocks between two scored forecasts of each lead: those far ahead change slowly and would need much memory."""

SAMPLES = 3
"""Forecasts scored per block."""

BEHIND = tuple(-(-lead // BUCKET) for lead in LEADS)
"""Blocks after which demand is known for all forecasts issued in one."""

GAIN = (0.02, 0.015, 0.012, 0.006)
"""Step of an offset at each lead, in typical errors: smaller where demand is known late, or offsets would oscillate."""

LOSS_HALF_LIFE = 1.5 * PER_DAY
SHARPNESS = 8
"""The weight is the inverse loss to this power: between a mean and the choice of the best."""

ROUNDING = np.float32(1e-3)
"""Relative difference up to which demand equals a forecast: forecasts are stored in half precision until demand is known."""

LEAST_SPREAD = 0.05
FIRST_SPREAD = 0.5
"""Typical error on the root scale: the lowest, and until it is known that of a Poisson count."""

LEVEL = np.asarray(LEVELS, np.float32)
STEP = (np.asarray(GAIN)[:, None, None] / np.sqrt(LEVEL * (1 - LEVEL))).astype(np.float32)
DISCOUNT = np.asarray([1 - 0.5 ** (every / LOSS_HALF_LIFE) for every in EVERY], np.float32)


def sampled_minutes(block: int) -> NDArray[np.int64]:
    """Return the minutes of a block whose forecasts are scored: each once in 5 blocks, so that no periodic traffic is missed."""
    return block * BUCKET + block % 5 + 5 * np.arange(SAMPLES)


class Calibration:
    """Offsets and losses of rows of demand. `whole`: bool[rows, 1, 1, 1, 1], rows of counts, whose quantiles are counts."""

    def __init__(self, whole: NDArray[np.bool_]) -> None:
        rows, width = len(whole), len(NAMES) + 1
        self._whole = whole
        self.offsets = np.zeros((rows, len(LEADS), width, len(LEVELS)), np.float32)
        """Offsets of each component, and last of the ensemble."""
        self.losses = np.full((rows, len(LEADS), len(NAMES), len(LEVELS)), np.nan, np.float32)
        self._spread = np.full((rows, len(LEADS)), np.nan, np.float32)
        self._pending = [np.full((behind // every + 1, rows, SAMPLES, width, len(LEVELS)), np.nan, np.float16)
                         for behind, every in zip(BEHIND, EVERY, strict=True)]

    def close(self, block: int, roots: Floats, demand: Floats) -> None:
        """Store the forecasts sampled in a block, calibrated as at its start, then learn from those whose demand is known.

        `roots`: float32[rows, SAMPLES, LEADS, components, LEVELS], made at `sampled_minutes(block)`. `demand`: float32[rows,
        LEADS, SAMPLES], for the forecasts issued `BEHIND` blocks ago.
        """
        issued = units(roots, self.offsets[:, None], self.losses[:, None], self._whole)
        forecast, due = [], []
        for lead, (every, behind, pending) in enumerate(zip(EVERY, BEHIND, self._pending, strict=True)):
            if block % every == 0:
                pending[block // every % len(pending)] = issued[:, :, lead]
            if (block - behind) % every == 0:
                due.append(lead)
                forecast.append(pending[(block - behind) // every % len(pending)])
        self._learn(np.array(due), np.stack(forecast, axis=1).astype(np.float32), demand[:, due])

    def _learn(self, leads: NDArray[np.int64], forecast: Floats, demand: Floats) -> None:
        """Update offsets and losses.

        `forecast`: float32[rows, leads, SAMPLES, components + 1, LEVELS] in units. `demand`: float32[rows, leads, SAMPLES].
        """
        demand = demand[..., None, None]
        above, below = demand > forecast * (1 + ROUNDING), demand < forecast * (1 - ROUNDING)
        error = rooted(demand) - rooted(forecast)
        loss = known_mean(np.where(above, LEVEL * error, (LEVEL - 1) * error))[:, :, :-1]
        self.losses[:, leads] = discounted(self.losses[:, leads], loss, DISCOUNT[leads, None, None])
        spread = known_mean(np.abs(error[:, :, :, -1, MEDIAN]))
        self._spread[:, leads] = discounted(self._spread[:, leads], spread, DISCOUNT[leads])
        size = np.maximum(np.nan_to_num(self._spread[:, leads], nan=FIRST_SPREAD), LEAST_SPREAD)[..., None, None]
        direction = (LEVEL * above - (1 - LEVEL) * below).sum(axis=2)
        self.offsets[:, leads] += STEP[leads] * size * direction


def known_mean(values: Floats) -> Floats:
    """Return the mean over the known samples (axis 2); NaN without any."""
    known = ~np.isnan(values)
    count = known.sum(axis=2, dtype=np.float32)
    mean: Floats = np.where(count > 0, np.where(known, values, 0).sum(axis=2) / np.maximum(count, 1), np.float32(np.nan))
    return mean


def discounted(before: Floats, values: Floats, share: Floats) -> Floats:
    """Return a discounted mean with new values added: the first value starts it, and NaN leaves it unchanged."""
    moved = before + share * (values - before)
    mean: Floats = np.where(np.isnan(values), before, np.where(np.isnan(before), values, moved))
    return mean


def units(roots: Floats, offsets: Floats, losses: Floats, whole: NDArray[np.bool_]) -> Floats:
    """Return calibrated quantiles in units, of each component and last of the ensemble: float32[..., components + 1, LEVELS].

    All arguments broadcast over the leading axes. Quantiles rise with the level; those of counts are whole numbers.
    """
    tracked = np.maximum(roots + offsets[..., :-1, :], 0)
    worth = np.nan_to_num(losses, nan=1e3) + np.float32(1e-3)
    ratio = worth.min(axis=-2, keepdims=True) / worth
    for _ in range(SHARPNESS.bit_length() - 1):
        ratio *= ratio  # power by squaring: a general power would take half of the run time
    unknown = np.isnan(tracked)
    weight = np.where(unknown, np.float32(0), ratio)
    total = weight.sum(axis=-2)
    mixed = (weight * np.where(unknown, np.float32(0), tracked)).sum(axis=-2) / np.where(total > 0, total, np.float32(np.nan))
    mixed = np.maximum(mixed + offsets[..., -1, :], 0)
    every = unrooted(np.maximum.accumulate(np.concatenate([tracked, mixed[..., None, :]], axis=-2), axis=-1))
    counts: Floats = np.where(whole, whole_units(every), every)
    return counts
