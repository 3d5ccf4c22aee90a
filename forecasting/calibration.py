"""Learning from what came: offsets that keep each quantile's coverage, and the weight each forecast has earned.

Every quantile carries an offset on the root scale that climbs when demand exceeds it and sinks when demand stays below, in
proportion to the level, so that in the long run demand exceeds it as often as the level says, whatever demand does:
quantile tracking as in Angelopoulos, Candes and Tibshirani, "Conformal PID control for time series prediction" (NeurIPS 2023,
arXiv:2307.16896), after adaptive conformal inference by Gibbs and Candes (NeurIPS 2021, arXiv:2106.00672). Demand *equal*
to a quantile moves nothing: counts tie, and a quantile of counts is right when P(y < q) <= level <= P(y <= q).

Each forecast is tracked on its own, then weighed for each level by its discounted pinball loss, and the mixture is tracked again.
"""

import numpy as np
from numpy.typing import NDArray

from forecasting.buckets import BUCKET, PER_DAY
from forecasting.components import MEDIAN, NAMES
from forecasting.demand import Floats
from forecasting.protocol import LEVELS
from forecasting.scale import rooted, unrooted, whole_units

LEADS = (4, 30, 120, 360)
"""Minutes ahead at which forecasts are scored; between them offsets and losses are read off on the logarithm of the lead."""

EVERY = (1, 1, 2, 8)
"""Blocks between two scored forecasts of each lead: far ones change slowly and would fill the memory."""

SAMPLES = 3
"""Forecasts scored in a block."""

BEHIND = tuple(-(-lead // BUCKET) for lead in LEADS)
"""Blocks after which all forecasts issued in one have come true."""

GAIN = (0.02, 0.015, 0.012, 0.006)
"""How far an offset moves, in typical errors, at each lead: less where news comes late, or offsets would swing."""

LOSS_HALF_LIFE = 1.5 * PER_DAY
SHARPNESS = 8
"""Weight is the inverse loss to this power: between averaging and picking the best."""

ROUNDING = np.float32(1e-3)
"""Forecasts are kept in half precision until they come true; demand this close to one, in proportion, equals it."""

LEAST_SPREAD = 0.05
FIRST_SPREAD = 0.5
"""Typical error on the root scale: at least, and of a Poisson count, for want of better."""

LEVEL = np.asarray(LEVELS, np.float32)
STEP = (np.asarray(GAIN)[:, None, None] / np.sqrt(LEVEL * (1 - LEVEL))).astype(np.float32)
FADE = np.asarray([1 - 0.5 ** (every / LOSS_HALF_LIFE) for every in EVERY], np.float32)


def sampled_minutes(block: int) -> NDArray[np.int64]:
    """The minutes of a block whose forecasts are scored: over five blocks each of its minutes once, so no clockwork hides."""
    return block * BUCKET + block % 5 + 5 * np.arange(SAMPLES)


class Calibration:
    """Offsets and losses of rows of demand. `whole`: bool[rows, 1, 1, 1, 1], rows of counts, whose quantiles are counts."""

    def __init__(self, whole: NDArray[np.bool_]) -> None:
        rows, width = len(whole), len(NAMES) + 1
        self._whole = whole
        self.offsets = np.zeros((rows, len(LEADS), width, len(LEVELS)), np.float32)
        """Of each component and last of the mixture."""
        self.losses = np.full((rows, len(LEADS), len(NAMES), len(LEVELS)), np.nan, np.float32)
        self._spread = np.full((rows, len(LEADS)), np.nan, np.float32)
        self._pending = [np.full((behind // every + 1, rows, SAMPLES, width, len(LEVELS)), np.nan, np.float16)
                         for behind, every in zip(BEHIND, EVERY, strict=True)]

    def close(self, block: int, roots: Floats, came: Floats) -> None:
        """Close a block: issue its sampled forecasts as they stood when it began, then learn from those that have come true.

        `roots`: float32[rows, SAMPLES, LEADS, components, LEVELS] as made at `sampled_minutes(block)`; `came`: float32[rows,
        LEADS, SAMPLES], the demand that forecasts issued `BEHIND` blocks ago were about.
        """
        issued = units(roots, self.offsets[:, None], self.losses[:, None], self._whole)
        said, due = [], []
        for lead, (every, behind, pending) in enumerate(zip(EVERY, BEHIND, self._pending, strict=True)):
            if block % every == 0:
                pending[block // every % len(pending)] = issued[:, :, lead]
            if (block - behind) % every == 0:
                due.append(lead)
                said.append(pending[(block - behind) // every % len(pending)])
        self._learn(np.array(due), np.stack(said, axis=1).astype(np.float32), came[:, due])

    def _learn(self, leads: NDArray[np.int64], said: Floats, came: Floats) -> None:
        """`said`: float32[rows, leads, SAMPLES, components + 1, LEVELS] in units; `came`: float32[rows, leads, SAMPLES]."""
        came = came[..., None, None]
        above, below = came > said * (1 + ROUNDING), came < said * (1 - ROUNDING)
        apart = rooted(came) - rooted(said)
        loss = known_mean(np.where(above, LEVEL * apart, (LEVEL - 1) * apart))[:, :, :-1]
        self.losses[:, leads] = faded(self.losses[:, leads], loss, FADE[leads, None, None])
        self._spread[:, leads] = faded(self._spread[:, leads], known_mean(np.abs(apart[:, :, :, -1, MEDIAN])), FADE[leads])
        size = np.maximum(np.nan_to_num(self._spread[:, leads], nan=FIRST_SPREAD), LEAST_SPREAD)[..., None, None]
        push = (LEVEL * above - (1 - LEVEL) * below).sum(axis=2)
        self.offsets[:, leads] += STEP[leads] * size * push


def known_mean(values: Floats) -> Floats:
    """Mean over the samples (axis 2) that are known; NaN where none is."""
    known = ~np.isnan(values)
    count = known.sum(axis=2, dtype=np.float32)
    mean: Floats = np.where(count > 0, np.where(known, values, 0).sum(axis=2) / np.maximum(count, 1), np.float32(np.nan))
    return mean


def faded(before: Floats, news: Floats, fade: Floats) -> Floats:
    """A discounted mean brought up to date: it begins with the first news and stays where there is none."""
    moved = before + fade * (news - before)
    kept: Floats = np.where(np.isnan(news), before, np.where(np.isnan(before), news, moved))
    return kept


def units(roots: Floats, offsets: Floats, losses: Floats, whole: NDArray[np.bool_]) -> Floats:
    """Calibrated quantiles in units, each component's and last the mixture's: float32[..., components + 1, LEVELS].

    All arguments broadcast over the leading axes. Quantiles rise with the level; those of counts are whole.
    """
    tracked = np.maximum(roots + offsets[..., :-1, :], 0)
    worth = np.nan_to_num(losses, nan=1e3) + np.float32(1e-3)
    ratio = worth.min(axis=-2, keepdims=True) / worth
    for _ in range(SHARPNESS.bit_length() - 1):
        ratio *= ratio  # powers of two by squaring: a general power takes as long as all the rest
    unknown = np.isnan(tracked)
    weight = np.where(unknown, np.float32(0), ratio)
    total = weight.sum(axis=-2)
    mixed = (weight * np.where(unknown, np.float32(0), tracked)).sum(axis=-2) / np.where(total > 0, total, np.float32(np.nan))
    mixed = np.maximum(mixed + offsets[..., -1, :], 0)
    every = unrooted(np.maximum.accumulate(np.concatenate([tracked, mixed[..., None, :]], axis=-2), axis=-1))
    counts: Floats = np.where(whole, whole_units(every), every)
    return counts
