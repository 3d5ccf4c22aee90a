"""Accuracy of quantile forecasts: coverage for counts, pinball loss, and the naive forecast as a baseline."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import Floats


class Coverage(NamedTuple):
    """Shares of minutes, float64[..., levels]. A level is met if `below` <= level <= `at_or_below`.

    Demand is counts with many ties, most of them at zero, so that no number has exactly the nominal share below it: the quantile
    q of a discrete distribution is *defined* by P(y < q) <= level <= P(y <= q). `missed_by`: distance of the level from that
    range.
    """

    below: NDArray[np.float64]
    at_or_below: NDArray[np.float64]
    missed_by: NDArray[np.float64]


def coverage(quantiles: Floats, demand: Floats, levels: Sequence[float]) -> Coverage:
    """Return the coverage, over the minutes (axis -2), of float[..., minutes, levels] quantiles for float[..., minutes] demand.

    Minutes where either is NaN do not count; NaN where no minute counts.
    """
    demand = np.asarray(demand)[..., None]
    known = ~(np.isnan(quantiles) | np.isnan(demand))
    count = known.sum(axis=-2).astype(np.float64)
    of = np.where(count > 0, count, np.nan)
    below, at_or_below = ((what & known).sum(axis=-2) / of for what in (demand < quantiles, demand <= quantiles))
    nominal = np.asarray(levels)
    return Coverage(below, at_or_below, np.maximum(0, np.maximum(below - nominal, nominal - at_or_below)))


def pinball(quantiles: Floats, demand: Floats, levels: Sequence[float]) -> NDArray[np.float64]:
    """Return the mean pinball loss over the minutes (axis -2), in units: float64[..., levels] (Koenker and Bassett 1978)."""
    error = np.asarray(demand, np.float64)[..., None] - quantiles
    nominal = np.asarray(levels)
    loss = np.maximum(nominal * error, (nominal - 1) * error)
    known = ~np.isnan(loss)
    count = known.sum(axis=-2).astype(np.float64)
    mean: NDArray[np.float64] = np.where(known, loss, 0).sum(axis=-2) / np.where(count > 0, count, np.nan)
    return mean


def naive_error(demand: Floats, lead: int) -> NDArray[np.float64]:
    """Return the mean absolute error of the forecast "as `lead` minutes ago" over float[..., minutes], in units.

    A mean absolute error divided by it is the mean absolute scaled error (Hyndman and Koehler 2006). At level 0.5 the pinball
    loss is half an absolute error, so twice the loss divided by it compares in the same way.
    """
    error = np.abs(np.asarray(demand[..., lead:], np.float64) - demand[..., :-lead])
    known = ~np.isnan(error)
    count = known.sum(axis=-1).astype(np.float64)
    mean: NDArray[np.float64] = np.where(known, error, 0).sum(axis=-1) / np.where(count > 0, count, np.nan)
    return mean


def scaled_error(median: Floats, demand: Floats, lead: int) -> Floats:
    """Return the mean absolute error of a median forecast divided by that of the naive one; below 1, it is better."""
    error = np.abs(np.asarray(median, np.float64) - demand)
    known = ~np.isnan(error)
    error = np.where(known, error, 0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)
    naive = naive_error(demand, lead)
    scaled: Floats = error / np.where(naive > 0, naive, np.nan)
    return scaled
