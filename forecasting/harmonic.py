"""Statistical model of one pool: autoregression around daily and weekly harmonics, fitted by statsmodels.

Dynamic harmonic regression (Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 3rd ed., section 10.5) on
quarters of an hour, on the square-root scale. Unlike the seasonal profiles it gives smooth shapes from few days, both seasons at
once, and the decay of the current level. Importing statsmodels takes about 3 s of processor time: this module imports it only to
fit a model, which worker processes do.
"""

import warnings
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.buckets import PER_DAY
from forecasting.demand import Floats
from forecasting.empirical import sample_quantiles
from forecasting.outlook import REACH, Outlook
from forecasting.protocol import LEVELS
from forecasting.scale import rooted, unrooted

Path = NDArray[np.float64]
"""Level of each bucket, on the root scale."""

LEAST_DAYS = 2
WEEKLY_FROM_DAYS = 9
PER_WEEK = 7 * PER_DAY
DAILY_ORDER, WEEKLY_ORDER = 6, 5
LAGS = [1, 2, 4]
NEARBY = 17
"""Buckets around one bucket: 4 h."""

OUTLIER = 6.0
"""Median absolute deviations to which values further from the median are limited."""

BEHIND = 8
"""Fitted buckets at the start of an outlook, with which current demand is compared."""


@cache
def can_fit() -> bool:
    """Return whether statsmodels, of the extra `forecast`, is installed. Without it forecasts have one component less."""
    return find_spec("statsmodels") is not None


def fit_outlook(summary: Floats, first_bucket: int) -> Outlook | None:
    """Fit float32[buckets, summary] of one row, in units from `first_bucket` on, NaN for gaps; return 2 days of forecast.

    None if `can_fit` is false, if less than 2 days are known, if less than half of the buckets in between are known, or if the
    fit fails.
    """
    if not can_fit():
        return None
    known = ~np.isnan(summary[:, -1])
    if known.sum() < LEAST_DAYS * PER_DAY:
        return None
    start, end = (int(at) for at in np.flatnonzero(known)[[0, -1]])
    summary, known = summary[start : end + 1], known[start : end + 1]
    if 2 * known.sum() < len(known):
        return None
    roots = rooted(summary)
    level = without_outliers(filled(roots.mean(axis=1).astype(np.float64)))
    path = fitted_path(level)
    if path is None:
        return None
    difference = (roots - path[: len(roots), None]).reshape(-1).astype(np.float32)
    around = sample_quantiles(difference[None], LEVELS)[0]
    ahead = path[len(level) - BEHIND :].astype(np.float32)
    return Outlook(first_bucket + start + len(level) - BEHIND, unrooted(ahead[:, None] + around))


def fitted_path(level: Path) -> Path | None:
    """Return the fit over its own past and `REACH - BEHIND` buckets ahead; None if it fails."""
    if np.ptp(level) < 1e-6:
        return np.full(len(level) + REACH - BEHIND, level[0])
    import pandas as pd  # type: ignore[import-untyped]
    from statsmodels.tsa.ar_model import AutoReg
    from statsmodels.tsa.deterministic import DeterministicProcess, Fourier

    terms: list[Any] = [Fourier(PER_DAY, DAILY_ORDER)]
    if len(level) >= WEEKLY_FROM_DAYS * PER_DAY:
        terms.append(Fourier(PER_WEEK, WEEKLY_ORDER))
    index = pd.RangeIndex(len(level))  # from 0: harmonics fit any phase, and statsmodels loops from 0
    process = DeterministicProcess(index, constant=True, additional_terms=terms, drop=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # exactly periodic demand has several best models, and any is right
            fit = AutoReg(pd.Series(level, index), lags=LAGS, trend="n", deterministic=process).fit()
        ahead = fit.forecast(REACH - BEHIND)
        inside = np.concatenate([level[: max(LAGS)], np.asarray(fit.fittedvalues)])
    except (ValueError, np.linalg.LinAlgError):
        return None
    path = np.concatenate([inside, np.asarray(ahead)])
    most = level.max() * 1.5
    return np.clip(path, 0, most) if np.isfinite(path).all() else None


def filled(level: Path) -> Path:
    """Return the path with gaps filled from the same time on other days, at the level around the gap."""
    unknown = np.isnan(level)
    if not unknown.any():
        return level
    middle = same_time_median(level)
    at = np.arange(len(level))
    drift = level - middle
    usable = ~np.isnan(drift)
    moved = np.interp(at, at[usable], drift[usable])
    guess = np.where(np.isnan(middle), np.nanmedian(level), middle + moved)
    return np.where(unknown, np.maximum(guess, 0), level)


def without_outliers(level: Path) -> Path:
    """Return the path with limited spikes, so that a single one does not change the curve of every day.

    A spike differs both from its time of day and from the hours around it; a quiet weekend or a lasting shift does not.
    """
    unusual = level - same_time_median(level)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(unusual, NEARBY // 2, mode="edge"), NEARBY)
    difference = unusual - np.median(around, axis=1)
    reach = OUTLIER * max(float(np.median(np.abs(difference))), 0.05)
    limited: Path = level - difference + np.clip(difference, -reach, reach)
    return limited


def same_time_median(level: Path) -> Path:
    """Return for each bucket the median of its time of day over all days; NaN without a known one."""
    days = -(-len(level) // PER_DAY)
    padded = np.full(days * PER_DAY, np.nan, np.float32)
    padded[: len(level)] = level
    middle = sample_quantiles(np.ascontiguousarray(padded.reshape(days, PER_DAY).T), (0.5,))[:, 0]
    return np.tile(middle, days)[: len(level)].astype(np.float64)
