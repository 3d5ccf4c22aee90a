"""What metrics by the minute have in common, whoever publishes them. Arrays only, no I/O."""

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import instant_of

Minutes = NDArray[np.float64]
"""One value a minute, NaN where there is no point."""

Mask = NDArray[np.bool_]

SILENCE = 15
"""Minutes. A silence that is longer than this and proved is believed however suddenly it began."""

STEADY, ENOUGH = 60, 30
"""A silence is sudden if none of the `STEADY` minutes before it was silent and at least `ENOUGH` of them had a point."""

UNSETTLED = 3
"""Minutes, counted back from the present, of which a point may not be published yet."""


def sudden(there: Mask, silent: Mask, judged: int = 0) -> Mask:
    """bool[n]: minutes of silences that are more likely to be lost points than idleness, so that they prove nothing.

    `there`: the minute has a point. `silent`: it has none although telemetry was alive; what is neither is unknown. A gap of
    such minutes is sudden after `STEADY` minutes of which none was silent, unless more than `SILENCE` of its own are: metrics of
    one function are lost for minutes, and traffic that ended stays away. The last gap may go on. Gaps that end before row
    `judged` were judged earlier: what is silent in them is believed.
    """
    out = np.zeros(len(there), bool)
    edges = np.diff(np.concatenate(([1], there.astype(np.int8), [1])))
    starts, ends = np.flatnonzero(edges < 0), np.flatnonzero(edges > 0)
    points, proved = (np.concatenate(([0], np.cumsum(each))) for each in (there, silent))
    lately = points[starts] - points[np.maximum(starts - STEADY, 0)]
    candidates = (ends > judged) & (proved[ends] - proved[starts] <= SILENCE) & (lately >= ENOUGH)
    believed = silent.copy()
    for start, end in zip(starts[candidates].tolist(), ends[candidates].tolist(), strict=True):
        if not believed[max(0, start - STEADY) : start].any():
            out[start:end], believed[start:end] = True, False
    return out


def edges(there: Mask, alive: Mask) -> Mask:
    """bool[n]: the minute before and the minute after each stretch that is not `alive` and that began amid points: an outage
    begins and ends within a minute, in which some points came and others did not. What is not published yet is no outage.
    """
    out = np.zeros(len(there), bool)
    changes = np.diff(np.concatenate(([1], alive.astype(np.int8), [1])))
    starts, ends = np.flatnonzero(changes < 0), np.flatnonzero(changes > 0)
    points = np.concatenate(([0], np.cumsum(there)))
    amid = points[starts] - points[np.maximum(starts - STEADY, 0)] >= ENOUGH
    amid &= (ends < len(there)) | (ends - starts > 2 * UNSETTLED)
    out[starts[amid & (starts > 0)] - 1] = True
    out[ends[amid & (ends < len(there))]] = True
    return out


def quiet_since(where: str, newest: int | None) -> str:
    """Why nothing tells whether it is idleness that there are no points `where`, after the one of minute `newest`, for people."""
    since = "lately" if newest is None else f"since {instant_of(newest + 1):%Y-%m-%d %H:%M} UTC"
    return f"nothing has run {where} {since}, or its metrics are missing, and nothing proves which (see on_quiet_region)"


def mean_by_requests(durations: Minutes, requests: Minutes) -> float | None:
    """Mean duration of a request over all rows, by number of requests; None when none is known."""
    known = ~np.isnan(durations) & (np.nan_to_num(requests) > 0)
    if not known.any():
        return None
    return float(np.average(durations[known], weights=requests[known]))


def filled(durations: Minutes, usual: float | None) -> Minutes:
    """The last known duration before, else the first known after, else the usual one; NaN when none is known."""
    known = np.flatnonzero(~np.isnan(durations))
    if not len(known):
        return np.full(len(durations), np.nan if usual is None else usual)
    latest = np.searchsorted(known, np.arange(len(durations)), "right") - 1
    return durations[known[np.maximum(latest, 0)]]
