"""A statistical model of one pool: autoregression around daily and weekly harmonics, fitted by statsmodels.

Dynamic harmonic regression (Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 3rd ed., section 10.5) on
quarters of an hour, on the square-root scale. It says what the seasonal profiles cannot: smooth shapes from few days, both
seasons at once, and how the present level fades. Importing statsmodels costs about three seconds of processor time: this
module does so only when it fits, which worker processes do.
"""

import warnings
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
"""A level for each bucket, on the root scale."""

LEAST_DAYS = 2
WEEKLY_FROM_DAYS = 9
PER_WEEK = 7 * PER_DAY
DAILY_ORDER, WEEKLY_ORDER = 6, 5
LAGS = [1, 2, 4]
NEARBY = 17
"""Buckets about one, four hours of them."""

OUTLIER = 6.0
"""Median absolute deviations; what is further out than that is drawn in to it."""

BEHIND = 8
"""Buckets of the fit itself that an outlook keeps, so that the present can be compared with what was said of it."""


def fit_outlook(summary: Floats, first_bucket: int) -> Outlook | None:
    """Fit one row's buckets, float32[buckets, summary] in units from `first_bucket` on with NaN for gaps, and look on two days.

    None when less than two days are known, or half of what lies between is not, or the fit fails.
    """
    known = ~np.isnan(summary[:, -1])
    if known.sum() < LEAST_DAYS * PER_DAY:
        return None
    begin, end = (int(at) for at in np.flatnonzero(known)[[0, -1]])
    summary, known = summary[begin : end + 1], known[begin : end + 1]
    if 2 * known.sum() < len(known):
        return None
    roots = rooted(summary)
    level = without_outliers(filled(roots.mean(axis=1).astype(np.float64)))
    path = fitted_path(level)
    if path is None:
        return None
    apart = (roots - path[: len(roots), None]).reshape(-1).astype(np.float32)
    around = sample_quantiles(apart[None], LEVELS)[0]
    ahead = path[len(level) - BEHIND :].astype(np.float32)
    return Outlook(first_bucket + begin + len(level) - BEHIND, unrooted(ahead[:, None] + around))


def fitted_path(level: Path) -> Path | None:
    """The fit over its own past and `REACH - BEHIND` buckets on; None when the numbers do not allow one."""
    if np.ptp(level) < 1e-6:
        return np.full(len(level) + REACH - BEHIND, level[0])
    import pandas as pd  # type: ignore[import-untyped]
    from statsmodels.tsa.ar_model import AutoReg
    from statsmodels.tsa.deterministic import DeterministicProcess, Fourier

    terms: list[Any] = [Fourier(PER_DAY, DAILY_ORDER)]
    if len(level) >= WEEKLY_FROM_DAYS * PER_DAY:
        terms.append(Fourier(PER_WEEK, WEEKLY_ORDER))
    index = pd.RangeIndex(len(level))  # from 0: harmonics fit any phase, and statsmodels walks all the way from there
    process = DeterministicProcess(index, constant=True, additional_terms=terms, drop=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a demand that repeats itself exactly, many models are equally right: any will do
            fit = AutoReg(pd.Series(level, index), lags=LAGS, trend="n", deterministic=process).fit()
        ahead = fit.forecast(REACH - BEHIND)
        inside = np.concatenate([level[: max(LAGS)], np.asarray(fit.fittedvalues)])
    except (ValueError, np.linalg.LinAlgError):
        return None
    path = np.concatenate([inside, np.asarray(ahead)])
    most = level.max() * 1.5
    return np.clip(path, 0, most) if np.isfinite(path).all() else None


def filled(level: Path) -> Path:
    """Gaps filled from the same time on other days, moved to the level about them."""
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
    """Single spikes drawn in, so that one mad hour does not bend every day's curve.

    A spike stands out both from its time of day and from the hours about it: a quiet weekend or a lasting shift does not.
    """
    unusual = level - same_time_median(level)
    about = np.lib.stride_tricks.sliding_window_view(np.pad(unusual, NEARBY // 2, mode="edge"), NEARBY)
    apart = unusual - np.median(about, axis=1)
    reach = OUTLIER * max(float(np.median(np.abs(apart))), 0.05)
    drawn_in: Path = level - apart + np.clip(apart, -reach, reach)
    return drawn_in


def same_time_median(level: Path) -> Path:
    """For each bucket the median over all days of its time of day; NaN where none is known."""
    days = -(-len(level) // PER_DAY)
    padded = np.full(days * PER_DAY, np.nan, np.float32)
    padded[: len(level)] = level
    middle = sample_quantiles(np.ascontiguousarray(padded.reshape(days, PER_DAY).T), (0.5,))[:, 0]
    return np.tile(middle, days)[: len(level)].astype(np.float64)
