"""Demand of one pool by minute, from the values of its queries. Arrays only, no I/O.

In all columns NaN is a minute without a point, and infinity a point that is not a number.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from adapters.ports.minute_rows import Mask, Minutes
from forecasting.demand import DemandSeries

NOISE = 1e-6
"""Part of a unit that is an error of calculation and needs no unit."""


class Columns(NamedTuple):
    """Values of the queries by minute, float64[n] each; None where the pool has no such query. Without `proof`, a point of
    `peak` proves its minute.
    """

    peak: Minutes
    busy: Minutes | None = None
    requests: Minutes | None = None
    proof: Minutes | None = None


def demand_of(columns: Columns, first: int) -> tuple[DemandSeries, Mask]:
    """Return the demand from minute `first` on, and bool[n]: the minutes without a point of `peak`, whose zeros are inferred.

    A minute is known if it is proven and its peak is a number of at least 0, or has no point, which counts as 0 while no request
    or work contradicts it. Busy units and requests raise a lower peak: a gauge that is sampled misses short requests.
    """
    peak, absent = columns.peak, np.isnan(columns.peak)
    none = np.full(len(peak), np.nan)
    busy, requests = (none if each is None else np.where(number(each), each, np.nan) for each in columns[1:3])
    proven = number(peak) if columns.proof is None else number(columns.proof) & (columns.proof > 0)
    quiet = absent & ~(busy > 0) & ~(requests > 0)
    known = proven & (quiet | number(peak))
    level = np.fmax(np.where(absent, 0.0, peak), busy)
    level = np.ceil(np.where(requests > 0, np.fmax(level, 1.0), level) - NOISE) + 0.0  # a minus zero becomes zero
    work = np.fmin(np.where(np.isnan(busy), level, busy), level)
    if columns.requests is not None:
        requests = np.where(np.isnan(requests) & (level == 0), 0.0, requests)
    rows = (np.where(known, each, np.nan).astype(np.float32) for each in (level, work, requests))
    return DemandSeries(first, *rows), absent


def lowest(series: Sequence[Minutes], minutes: int) -> Minutes:
    """Return the lowest value of all series by minute, float64[minutes]: 0 where one of them has a point that is not a number."""
    out = np.full(minutes, np.nan)
    for values in series:
        out = np.fmin(out, np.where(np.isinf(values), 0.0, values))
    return out


def number(values: Minutes) -> Mask:
    """Return the points that are numbers of at least 0."""
    found: Mask = np.isfinite(values) & (values >= 0)
    return found
