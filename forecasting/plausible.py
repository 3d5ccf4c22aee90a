"""Impossible minutes: rows whose values contradict each other. Arrays only.

They result from metrics that were joined wrongly (a missing value written as zero), and from counters of several units that were
added before their differences were taken. They count as unknown: a single one would outweigh the week around it.
"""

from collections.abc import Callable, Sequence
from math import gcd
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import DemandSeries

BUSIEST = 600.0
"""Requests per minute of one unit: Lambda allows 10 per second and environment. More is accepted only where it is usual."""

UNUSUAL = 100.0
"""Multiple of the usual requests per minute of work. A unit with many requests at once stays below it at any load."""

USUAL_OF, ENOUGH = 30, 3
"""Minutes with requests before a minute whose median is usual, and the least number of them for a check.

A real change of traffic of this size is accepted from the 15th such minute on.
"""

ENOUGH_CHANGES = 12
"""Least number of changes that determine a period."""

LEAST_WORK = 0.01
"""Least work in unit-minutes. Averages are often rounded to this."""

Rows = NDArray[np.bool_]


class Doubts(NamedTuple):
    """Rows by contradiction, bool[n] each.

    `idle`: requests or work with a peak of zero. `crowded`: average work above the peak. `flooded`: more requests than the units
    can have served.
    """

    idle: Rows
    crowded: Rows
    flooded: Rows

    @property
    def any(self) -> Rows:
        """Impossible minutes: bool[n]."""
        return self.idle | self.crowded | self.flooded


def doubts(series: DemandSeries, before: Callable[[], DemandSeries] | None = None) -> Doubts | None:
    """Return the impossible minutes of `series`, each compared with itself and earlier ones; None without any.

    `before`: returns earlier minutes; called only if they are needed.
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
    """Return those of `candidates` with more than `UNUSUAL` times the usual requests for their work.

    `parts`: all known rows, the series last.
    """
    requests, busy, peak = (np.concatenate([getattr(part, kind) for part in parts]) for kind in ("invocations", "busy", "peak"))
    with_requests = np.flatnonzero((requests > 0) & (peak > 0))
    work = np.maximum(np.where(np.isnan(busy), peak, busy)[with_requests], LEAST_WORK)
    with np.errstate(invalid="ignore"):  # infinite requests for infinite work
        rates = np.concatenate((np.full(USUAL_OF, np.nan), requests[with_requests] / work))
    at = np.searchsorted(with_requests, np.flatnonzero(candidates) + len(requests) - len(series))
    past = np.lib.stride_tricks.sliding_window_view(rates, USUAL_OF)[at]
    enough = (~np.isnan(past)).sum(axis=1) >= ENOUGH
    usual = np.nanmedian(np.where(enough[:, None], past, np.inf), axis=1)
    out = np.zeros(len(series), bool)
    out[np.flatnonzero(candidates)] = rates[at + USUAL_OF] > UNUSUAL * usual
    return out


def recorded_period(series: DemandSeries) -> int:
    """Return the minutes of the periods that a series was recorded in: 1, or more when values change only once a period.

    That holds for a recording of longer periods, whose values were repeated in each minute.
    """
    changed = np.zeros(max(0, len(series) - 1), bool)
    for column in (series.peak, series.busy, series.invocations):
        changed |= (column[1:] != column[:-1]) & ~(np.isnan(column[1:]) & np.isnan(column[:-1]))
    apart = np.diff(np.flatnonzero(changed))
    return 1 if len(apart) < ENOUGH_CHANGES else gcd(*apart.tolist())


def plausible(series: DemandSeries) -> DemandSeries:
    """Return `series` with impossible minutes set to unknown."""
    found = doubts(series)
    return series if found is None else without(series, found.any)


def without(series: DemandSeries, rows: Rows) -> DemandSeries:
    """Return `series` with `rows`, bool[n], set to unknown."""
    columns = (np.where(rows, np.float32(np.nan), column) for column in (series.peak, series.busy, series.invocations))
    return DemandSeries(series.first_minute, *columns)
