"""How good quantile forecasts were: coverage that is fair to counts, pinball loss, and the naive forecast to compare with."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from forecasting.demand import Floats


class Coverage(NamedTuple):
    """Shares of minutes, float64[..., levels]. `level` is met when `below` <= level <= `at_or_below`.

    Demand is counts with many ties, above all at zero, where no number has exactly the nominal share below it: the quantile q of
    a discrete distribution is *defined* by P(y < q) <= level <= P(y <= q). `missed_by` is how far the level lies outside.
    """

    below: Floats
    at_or_below: Floats
    missed_by: Floats


def coverage(said: Floats, came: Floats, levels: Sequence[float]) -> Coverage:
    """Coverage over the minutes (axis -2) of float[..., minutes, levels] quantiles against float[..., minutes] demand.

    Minutes where either is NaN do not count; NaN where none does.
    """
    came = np.asarray(came)[..., None]
    known = ~(np.isnan(said) | np.isnan(came))
    count = known.sum(axis=-2).astype(np.float64)
    of = np.where(count > 0, count, np.nan)
    below, at_or_below = ((what & known).sum(axis=-2) / of for what in (came < said, came <= said))
    nominal = np.asarray(levels)
    return Coverage(below, at_or_below, np.maximum(0, np.maximum(below - nominal, nominal - at_or_below)))


def pinball(said: Floats, came: Floats, levels: Sequence[float]) -> Floats:
    """Mean pinball loss over the minutes (axis -2), units: float64[..., levels] (Koenker and Bassett 1978)."""
    apart = np.asarray(came, np.float64)[..., None] - said
    nominal = np.asarray(levels)
    loss = np.maximum(nominal * apart, (nominal - 1) * apart)
    known = ~np.isnan(loss)
    count = known.sum(axis=-2).astype(np.float64)
    mean: Floats = np.where(known, loss, 0).sum(axis=-2) / np.where(count > 0, count, np.nan)
    return mean


def naive_error(demand: Floats, lead: int) -> Floats:
    """Mean absolute error of 'as it was `lead` minutes ago' over float[..., minutes], units: the unit of a scaled error.

    A mean absolute error over this one is the mean absolute scaled error (Hyndman and Koehler 2006); at level 0.5 the pinball
    loss is half an absolute error, so twice the loss over this one compares in the same way.
    """
    apart = np.abs(np.asarray(demand[..., lead:], np.float64) - demand[..., :-lead])
    known = ~np.isnan(apart)
    count = known.sum(axis=-1).astype(np.float64)
    mean: Floats = np.where(known, apart, 0).sum(axis=-1) / np.where(count > 0, count, np.nan)
    return mean


def scaled_error(median: Floats, came: Floats, lead: int) -> Floats:
    """Mean absolute error of a median forecast over that of the naive one on the same minutes; below 1 is better."""
    apart = np.abs(np.asarray(median, np.float64) - came)
    known = ~np.isnan(apart)
    error = np.where(known, apart, 0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)
    naive = naive_error(came, lead)
    scaled: Floats = error / np.where(naive > 0, naive, np.nan)
    return scaled
