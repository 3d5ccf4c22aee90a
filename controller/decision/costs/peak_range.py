"""Range of a peak that the demand source estimates. Pure.

Cloud Run publishes how many requests ended and how long they took, not how many ran at once. The source estimates the peak of a
minute as `L + sqrt(2 ln n) sqrt(L)` (`adapters.gcp.monitoring.demand_rows`): `L` requests run on average, and `n` requests can
follow each other within the minute. The peak is about the maximum of `m` draws of a normal distribution around `L`, whose
quantile `q` lies `NormalDist().inv_cdf(q ** (1 / m))` deviations above `L`. `m` exceeds `n`, because requests start at any time.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import Floats

Amounts = NDArray[np.float64]

LOW_END, HIGH_END = (0.05, 3.0), (0.95, 30.0)
"""Quantile, and draws for each of `n`. With these, 82 to 99 % of simulated peaks of independent arrivals are in the range (1 to
500 requests at once on average, of 0.5 to 60 s). The high end has more draws, because counts exceed a normal distribution there.
"""

LOG_TURNS = np.linspace(1.0, math.log(60_000), 64)
"""Natural logarithm of `n`: from the least the source calculates with to requests of one millisecond."""


def _shares(quantile: float, draws: float) -> Amounts:
    """Return where the quantile lies between `L` (0) and the estimated peak (1), for each of `LOG_TURNS`: float64[64]."""
    deviations = [NormalDist().inv_cdf(quantile ** (math.exp(-log) / draws)) for log in LOG_TURNS]
    return np.maximum(deviations, 0.0) / np.sqrt(2 * LOG_TURNS)


LOW_SHARES, HIGH_SHARES = _shares(*LOW_END), _shares(*HIGH_END)


def peak_range(peak: Floats | Amounts, busy: Floats | Amounts, invocations: Floats | Amounts,
               estimated: Amounts) -> tuple[Amounts, Amounts]:
    """Return the low and the high end of the peak of a minute: float64[n] each, in units, NaN where the peak is unknown.

    `peak`, `busy`, `invocations`: float[n] of demand, of pools or of minutes. `estimated`, float64[n]: 1 where the peak is an
    estimate, 0 where it is published; there both ends are the peak.
    """
    exact = peak.astype(np.float64)
    if not estimated.any():
        return exact, exact
    average = np.minimum(np.nan_to_num(busy), exact)
    requests = np.nan_to_num(invocations).astype(np.float64)
    log = np.log(np.maximum(requests, 1.0) / np.maximum(average, 1e-9))
    low, high = (np.ceil(average + (exact - average) * np.interp(log, LOG_TURNS, shares) - 1e-6)
                 for shares in (LOW_SHARES, HIGH_SHARES))
    low = np.maximum(np.minimum(low, exact), np.where(requests > 0, np.minimum(exact, 1.0), 0.0))
    high = np.maximum(exact, np.minimum(high, requests + np.ceil(average)))
    return np.where(estimated > 0, low, exact), np.where(estimated > 0, high, exact)
