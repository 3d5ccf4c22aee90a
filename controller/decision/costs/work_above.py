"""Work that runs above the warm units of a minute. Pure.

A provisioned unit is of another kind than one on demand: a request that arrives while all provisioned units are in use runs on
demand until it ends, also after a provisioned unit has become free. With requests that arrive independently of each other, its
share of the work is Erlang's loss formula, whatever the distribution of the durations: of `busy` requests in flight on average
and `ready` units, `busy * B(busy, ready)` run above them. This exceeds `max(0, busy - ready)`, which is exact only where the
requests in flight do not vary within the minute.

Units that are warm after scale-in like any other (`CostTerms.stay_warm`) are not of another kind: the provider bills those that
are idle at each instant, so there the average decides.
"""

import numpy as np
from numpy.typing import NDArray

Amounts = NDArray[np.float64]
Numbers = NDArray[np.float64] | NDArray[np.int64]

NEGLIGIBLE = 1e-6
"""Share of work below which further units make no difference."""


def work_above(busy: Amounts, peak: Numbers, ready: Numbers, stay_warm: Amounts | bool) -> Amounts:
    """Return the average of work in flight above `ready` whole units in each minute: float64[n], in units.

    `busy`, `peak`: average and maximum of work in flight, float[n] or int[n], the peak NaN where it is unknown. The result is
    between `max(0, busy - ready)` and `busy * (peak - ready) / peak`, the mean if only the extremes 0 and `peak` occurred.
    `stay_warm`: whether the units are of the same kind as on-demand units, of each minute or of all.
    """
    least = np.maximum(busy - ready, 0.0)
    most = np.where(np.isnan(peak), busy, busy * (1 - ready / np.maximum(peak, 1e-9)))
    above = least.copy()
    rows = np.flatnonzero(~np.asarray(stay_warm, bool) & (ready > 0) & (most > least))
    above[rows] = np.clip(busy[rows] * lost_share(busy[rows], ready[rows]), least[rows], most[rows])
    return above


def lost_share(busy: Amounts, units: Numbers) -> Amounts:
    """Return the share of requests that find all units in use, by Erlang's recursion: float64[n]."""
    share, count = np.ones_like(busy), 0
    going = np.ones(len(busy), bool)
    while going.any():
        count += 1
        going = (count <= units) & (share > NEGLIGIBLE)
        offered = busy * share
        np.divide(offered, count + offered, out=share, where=going)
    return share
