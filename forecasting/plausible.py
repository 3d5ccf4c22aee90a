"""Minutes that cannot have been: what they say of one thing contradicts what they say of another. Arrays only.

Such minutes come from metrics that were joined wrongly (a missing value written as zero), and from counters of several units that
were summed before they were differenced. They count as unknown: one of them would weigh more than the week around it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import DemandSeries

BUSIEST = 600.0
"""Requests a minute of one unit: ten a second is what an environment of Lambda takes. More is believed only where it is usual."""

UNUSUAL = 100.0
"""Times the usual requests for a minute of work. A unit that takes many requests at once stays below it from idle to full."""

USUAL_OF, ENOUGH = 30, 3
"""Minutes with requests, before the one that is judged, whose median is usual; and how many of them it takes to judge.
Traffic that really changes so much is believed from the fifteenth such minute on.
"""

LEAST_WORK = 0.01
"""Unit-minutes. Averages are often rounded to so much."""

Rows = NDArray[np.bool_]


class Doubts(NamedTuple):
    """bool[n] each. `idle`: requests or work, but no unit at once. `crowded`: work of more units than were ever at once.
    `flooded`: more requests than the units can have served.
    """

    idle: Rows
    crowded: Rows
    flooded: Rows

    @property
    def any(self) -> Rows:
        """bool[n]: which minutes cannot have been."""
        return self.idle | self.crowded | self.flooded


def doubts(series: DemandSeries, before: Callable[[], DemandSeries] | None = None) -> Doubts | None:
    """Return which minutes of `series` cannot have been, each judged by itself and those before it; None where all may have been.

    `before`: what is known of earlier minutes; asked for only where it matters.
    """
    peak, busy, requests = series.peak, series.busy, series.invocations
    if not ((requests > BUSIEST * peak) | (busy > peak)).any():  # the usual case, thousands of times a tick
        return None
    idle = (peak == 0) & ((requests > 0) | (busy > 0))
    crowded = (busy >= peak + 1) & ~idle
    flooded = (requests > BUSIEST * np.maximum(peak, 1)) & ~idle
    if flooded.any():
        flooded = _unusual(series, [*([] if before is None else [before()]), series], flooded)
    return Doubts(idle, crowded, flooded)


def _unusual(series: DemandSeries, parts: Sequence[DemandSeries], candidates: Rows) -> Rows:
    """Those of `candidates` that had more than `UNUSUAL` times the usual requests for their work. `parts`: all that is known, the
    series last.
    """
    requests, busy, peak = (np.concatenate([getattr(part, kind) for part in parts]) for kind in ("invocations", "busy", "peak"))
    with_requests = np.flatnonzero((requests > 0) & (peak > 0))
    work = np.maximum(np.where(np.isnan(busy), peak, busy)[with_requests], LEAST_WORK)
    with np.errstate(invalid="ignore"):  # infinite requests for infinite work
        rates = np.concatenate((np.full(USUAL_OF, np.nan), requests[with_requests] / work))
    at = np.searchsorted(with_requests, np.flatnonzero(candidates) + len(requests) - len(series))
    past = np.lib.stride_tricks.sliding_window_view(rates, USUAL_OF)[at]
    judged = (~np.isnan(past)).sum(axis=1) >= ENOUGH
    usual = np.nanmedian(np.where(judged[:, None], past, np.inf), axis=1)
    out = np.zeros(len(series), bool)
    out[np.flatnonzero(candidates)] = rates[at + USUAL_OF] > UNUSUAL * usual
    return out


def plausible(series: DemandSeries) -> DemandSeries:
    """Return `series` with the minutes unknown that cannot have been."""
    found = doubts(series)
    return series if found is None else without(series, found.any)


def without(series: DemandSeries, rows: Rows) -> DemandSeries:
    """Return `series` with `rows` unknown."""
    columns = (np.where(rows, np.float32(np.nan), column) for column in (series.peak, series.busy, series.invocations))
    return DemandSeries(series.first_minute, *columns)
