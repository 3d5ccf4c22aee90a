"""What metrics by the minute have in common, whoever publishes them. Arrays only, no I/O."""

import numpy as np
from numpy.typing import NDArray

Minutes = NDArray[np.float64]
"""One value a minute, NaN where there is no point."""

SILENCE = 15
"""Minutes between two points over which telemetry counts as having been alive."""


def bridged(points: NDArray[np.int64], first: int, end: int) -> NDArray[np.bool_]:
    """bool[end - first]: minutes between two of `points` (sorted minutes), themselves included, at most `SILENCE` apart."""
    minutes = np.arange(first, end)
    if not len(points):
        return np.zeros(len(minutes), bool)
    after = np.searchsorted(points, minutes, "left")
    before = np.searchsorted(points, minutes, "right") - 1
    inside = (after < len(points)) & (before >= 0)
    gap = points[np.minimum(after, len(points) - 1)] - points[np.maximum(before, 0)]
    return inside & (gap <= SILENCE)


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
