"""Peaks that are estimates, where metrics do not show the peak, and their range. Pure.

Requests that arrive independently of each other have a peak of about `L + sqrt(2 ln n) sqrt(L)`: `L` requests run on average, and
`n` requests can follow each other within the minute.

Cloud Run publishes how many requests ended and how long they took, not how many ran at once. The source estimates the peak of
each minute by this formula (`adapters.gcp.monitoring.demand_rows`).

Own pings hide the peak of users in minutes in which both arrive: metrics count them alike, so that requests and work of users are
known, and their peak is not (`adapters.pinging.own_traffic`). `HiddenPeaks` estimates it for figures and for the scores of rules:
without an estimate, all units that were warm before such a minute would count as warm after it, and a round every few minutes
would hide that they stop. No demand that capacity is proposed for contains it. The part above `L` is scaled by what the
pool had in its last minutes with a known peak, because bursts are higher than independent requests, and timers lower. With every
fourth minute hidden, cold starts without warm capacity of 38 recordings (3 days each) differ by 5 % (root mean square) from those
with all peaks, and are 1 % too low on average. The range contains 94 % of the hidden peaks (median of recordings; least 56 %).

The range of an estimate: the peak is about the maximum of `m` draws of a normal distribution around `L`, whose quantile `q` lies
`NormalDist().inv_cdf(q ** (1 / m))` deviations above `L`. `m` exceeds `n`, because requests start at any time.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import Floats

Amounts = NDArray[np.float64]

RECENT = 20
"""Minutes with requests and a known peak of which the mean scales the estimate, by exponential weights."""

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


class HiddenPeaks:
    """Recent peaks of many pools, minute by minute."""

    def __init__(self, pools: int) -> None:
        self.recent = np.stack((np.zeros(pools), np.zeros(pools), np.full(pools, np.nan)))
        """Recent parts of the peak above the average, actual ones and those of independent requests, and the peak of the last
        minute: float64[3, pools].
        """

    def advance(self, peak: Floats, busy: Floats, requests: Floats) -> tuple[Amounts, NDArray[np.bool_]]:
        """Add the next minutes, float32[pools, n] each. Return their peaks in units, estimated where a peak is unknown although
        requests and work are known, and where that is: float64[pools, n] and bool[pools, n].

        An estimate is at least the work, and at most the requests of the minute and those before it. A source that cannot
        distribute the work of long requests counts it in the minute of their start, so the latter limit has precedence.
        """
        hidden = np.isnan(peak) & ~np.isnan(busy) & ~np.isnan(requests)
        out, work, count = (values.astype(np.float64) for values in (peak, np.nan_to_num(busy), np.nan_to_num(requests)))
        turns = np.maximum(count, 1.0) / np.maximum(work, 1e-9)
        expected = np.sqrt(2 * np.maximum(np.log(turns), 1.0) * work)
        learned = ~np.isnan(peak) & (count > 0) & (work > 0)
        values = np.ascontiguousarray(np.where(learned, (out - work, expected), 0.0).transpose(2, 0, 1))
        share = np.where(np.ascontiguousarray(learned.T), 1 / RECENT, 0.0)
        least, most = np.maximum(np.ceil(work), np.minimum(count, 1.0)), count + np.ceil(work)
        due = frozenset(np.flatnonzero(hidden.any(axis=0)).tolist())
        means, change = self.recent[:2], np.empty_like(self.recent[:2])
        (actual, independent), last = means, self.recent[2]
        for at, (value, part) in enumerate(zip(values, share, strict=True)):
            if at in due:
                last = out[:, at - 1] if at else last
                scale = np.divide(actual, independent, out=np.ones_like(actual), where=independent > 0)
                estimate = np.clip(np.round(work[:, at] + scale * expected[:, at]), least[:, at], most[:, at])
                out[:, at] = np.where(hidden[:, at], np.fmin(estimate, last + count[:, at]), out[:, at])
            np.subtract(value, means, out=change)
            change *= part
            means += change
        if out.shape[1]:
            self.recent[2] = out[:, -1]
        return out, hidden
