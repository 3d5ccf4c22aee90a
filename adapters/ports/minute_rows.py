"""Functions on metrics by minute, for the metrics of any provider. Arrays only, no I/O."""

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import instant_of

Minutes = NDArray[np.float64]
"""One value a minute, NaN without a point."""

Mask = NDArray[np.bool_]

SILENCE = 15
"""Minutes. A proved silence that is longer than this counts as idleness, even if it is sudden."""

STEADY, ENOUGH = 60, 30
"""A silence is sudden if none of the `STEADY` minutes before it was silent and at least `ENOUGH` of them had a point."""

UNSETTLED = 3
"""Newest minutes, whose points may not be published yet."""


def sudden(has_point: Mask, silent: Mask, judged: int = 0) -> Mask:
    """Return bool[n]: minutes of sudden silences, which are more likely lost points than idleness and therefore prove nothing.

    `has_point`: the minute has a point. `silent`: it has none although metrics were published; minutes that are neither are
    unknown. A gap between points is sudden after `STEADY` minutes of which none was silent, unless more than `SILENCE` minutes of
    the gap are silent: metrics of one function are lost for minutes, and traffic that ended stays away. The last gap may
    continue. Gaps that end before row `judged` were judged earlier: their silent minutes count as idle.
    """
    out = np.zeros(len(has_point), bool)
    changes = np.diff(np.concatenate(([1], has_point.astype(np.int8), [1])))
    starts, ends = np.flatnonzero(changes < 0), np.flatnonzero(changes > 0)
    points, proved = (np.concatenate(([0], np.cumsum(each))) for each in (has_point, silent))
    points_before = points[starts] - points[np.maximum(starts - STEADY, 0)]
    candidates = (ends > judged) & (proved[ends] - proved[starts] <= SILENCE) & (points_before >= ENOUGH)
    idle = silent.copy()
    for start, end in zip(starts[candidates].tolist(), ends[candidates].tolist(), strict=True):
        if not idle[max(0, start - STEADY) : start].any():
            out[start:end], idle[start:end] = True, False
    return out


def edges(has_point: Mask, alive: Mask) -> Mask:
    """Return bool[n]: the minutes right before and right after each outage.

    An outage is a span that is not `alive` and that follows frequent points. It starts and ends within a minute, in which some
    points were published and others were not. The newest minutes, which may not be published yet, are no outage.
    """
    out = np.zeros(len(has_point), bool)
    changes = np.diff(np.concatenate(([1], alive.astype(np.int8), [1])))
    starts, ends = np.flatnonzero(changes < 0), np.flatnonzero(changes > 0)
    points = np.concatenate(([0], np.cumsum(has_point)))
    outages = points[starts] - points[np.maximum(starts - STEADY, 0)] >= ENOUGH
    outages &= (ends < len(has_point)) | (ends - starts > 2 * UNSETTLED)
    out[starts[outages & (starts > 0)] - 1] = True
    out[ends[outages & (ends < len(has_point))]] = True
    return out


def quiet_since(where: str, newest: int | None) -> str:
    """Return display text of why missing points `where`, after that of minute `newest`, may be idleness or missing metrics."""
    since = "recently" if newest is None else f"since {instant_of(newest + 1):%Y-%m-%d %H:%M} UTC"
    return f"nothing has run {where} {since}, or its metrics are missing, which cannot be distinguished (see on_quiet_region)"


def impossible(values: Minutes) -> Mask:
    """Return bool[n]: points that are negative or infinite; a minute without a point is none."""
    out: Mask = (values < 0) | np.isinf(values)
    return out


def mean_by_requests(durations: Minutes, requests: Minutes) -> float | None:
    """Return the mean duration of a request over all rows, weighted by requests; None when no duration is known."""
    known = ~np.isnan(durations) & (np.nan_to_num(requests) > 0)
    if not known.any():
        return None
    return float(np.average(durations[known], weights=requests[known]))


def filled(durations: Minutes, usual: float | None) -> Minutes:
    """Return `durations`; unknown ones are the last known one, else the first known one, else `usual`, else NaN."""
    known = np.flatnonzero(~np.isnan(durations))
    if not len(known):
        return np.full(len(durations), np.nan if usual is None else usual)
    latest = np.searchsorted(known, np.arange(len(durations)), "right") - 1
    return durations[known[np.maximum(latest, 0)]]
