"""Warmers: requests that only keep a function warm, in bursts of one size, at one interval, with almost no work. Arrays only.

Plugins and timers that call a function every few minutes look like very regular traffic in metrics.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import DemandSeries, Floats

LONGEST = 60
"""Most minutes between two bursts."""

FEWEST, SPAN = 20, 180
"""Least number of bursts of one size, and least number of minutes between the first and the last."""

SAME_SIZE, LINKED, ON_TIME = 0.6, 0.6, 0.95
"""Least shares: bursts between idle minutes that have one size; of these, those that follow another after the interval; and of
these, those that are followed by another.
"""

BRIEF, USUAL = 1.0, 0.1
"""Seconds of work of one request of a warmer: at most, and where it cannot be separated from other requests."""

IN_USE = 0.1
"""Highest average work of a warmer as a share of its peak: its requests arrive together, and the rest of the minute is idle."""

SUM_MINUTES, EXACT = 60, 0.8
"""Minutes within which the sum of requests of a warmer that calls every minute deviates by at most one burst, and the least
share of them with 0, 1 or 2 whole bursts.
"""

Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Pattern of a warmer: `requests` at once, every `every` minutes."""

    every: int
    requests: int

    @property
    def text(self) -> str:
        """Pattern in words."""
        return f"{self.requests} request{'' if self.requests == 1 else 's'} every {self.every} min"


def found_in(series: DemandSeries) -> Rhythm | None:
    """Return the pattern of a warmer in the series, else None. Traffic that is never idle hides it."""
    counts = _counts(series)
    if np.nansum(counts) < FEWEST or len(counts) <= SPAN:
        return None
    return _with_pauses(series, counts) or _without_pause(series, counts)


def left_out(series: DemandSeries, rhythm: Rhythm, last: int | None = None) -> tuple[DemandSeries, int | None]:
    """Return `series` without the requests of a warmer, and the minute of its newest burst. `last`: the newest one so far.

    Requests and work are differences. In minutes with other requests, only bounds of the peak are known; the result is the upper
    bound.
    """
    rows = _beats(_counts(series), rhythm, None if last is None else last - series.first_minute)
    if not len(rows):
        return series, last
    peak, busy, requests = (column.copy() for column in (series.peak, series.busy, series.invocations))
    taken = np.minimum(requests[rows], _due(requests[rows], rhythm))
    each = np.divide(busy[rows], requests[rows], out=np.zeros(len(rows), np.float32), where=requests[rows] > 0)
    over = np.maximum(peak[rows] - taken, 0)
    requests[rows] -= taken
    peak[rows] = np.minimum(peak[rows], np.where(requests[rows] > 0, requests[rows] + over, over))
    left = busy[rows] - taken * np.minimum(each, np.float32(USUAL / 60))
    busy[rows] = np.where(requests[rows] > 0, np.clip(left, 0, peak[rows]), 0)
    newest = series.first_minute + int(rows[-1])
    return DemandSeries(series.first_minute, peak, busy, requests), newest if last is None else max(last, newest)


def _counts(series: DemandSeries) -> Counts:
    """Return requests per minute in whole numbers, NaN where unknown."""
    return np.where(series.known, np.round(series.invocations), np.nan).astype(np.float64)


def _bursts(counts: Counts) -> tuple[NDArray[np.int64], NDArray[np.int64], Counts]:
    """Return start, end and number of requests of the bursts between two idle minutes.

    A burst is 1 min long, or 2 min if a minute ends within it.
    """
    edges = np.diff(np.concatenate(([0], (counts > 0).astype(np.int8), [0])))
    starts, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    around, sums = np.concatenate(([np.nan], counts, [np.nan])), np.concatenate(([0.0], np.cumsum(np.nan_to_num(counts))))
    alone = (ends - starts <= 2) & (around[starts] == 0) & (around[ends + 1] == 0)
    starts, ends = starts[alone], ends[alone]
    return starts, ends, sums[ends] - sums[starts]


def _with_pauses(series: DemandSeries, counts: Counts) -> Rhythm | None:
    """Return the pattern of a warmer that calls every 2 min or less often; None without one."""
    starts, ends, sizes = _bursts(counts)
    if len(starts) < FEWEST:
        return None
    values, numbers = np.unique(sizes, return_counts=True)
    size = float(values[numbers.argmax()])
    first, stop = starts[sizes == size], ends[sizes == size]
    if len(first) < max(FEWEST, SAME_SIZE * len(starts)) or first[-1] - first[0] < SPAN:
        return None
    every = int(np.bincount(np.diff(first)).argmax())
    work = np.concatenate(([0.0], np.cumsum(np.nan_to_num(series.busy))))
    if not 2 <= every <= LONGEST or np.median(60 * (work[stop] - work[first]) / size) > BRIEF:
        return None
    if _in_use(series, np.unique(np.concatenate((first, stop - 1)))) > IN_USE:
        return None
    before, after = (_called(counts, first + shift, size) for shift in (-every, every))
    linked = before == 1
    followed = after[linked & (after >= 0)]
    if linked.sum() < max(FEWEST, LINKED * len(first)) or len(followed) < FEWEST or followed.mean() < ON_TIME:
        return None
    return Rhythm(every, int(size))


def _called(counts: Counts, at: NDArray[np.int64], size: float) -> NDArray[np.int64]:
    """Return whether `size` requests or more started within ±1 min of each of `at`: 1 or 0; -1 where unknown."""
    padded = np.concatenate((np.full(LONGEST + 2, np.nan), counts, np.full(LONGEST + 3, np.nan)))
    near = np.stack([padded[at + LONGEST + 2 + shift] for shift in (-1, 0, 1, 2)])
    called = (near[:3] + np.nan_to_num(near[1:]) >= size).any(axis=0)
    return np.where(np.isnan(near[:3]).any(axis=0), -1, called.astype(np.int64))


def _without_pause(series: DemandSeries, counts: Counts) -> Rhythm | None:
    """Return the pattern of a warmer that calls every minute; None without one."""
    some = counts[counts > 0]
    size = float(np.bincount(some.astype(np.int64)).argmax())
    strays = np.concatenate(([0.0], np.cumsum(np.where(np.isnan(counts), 1e9, counts - size))))
    calm = np.ptp(np.lib.stride_tricks.sliding_window_view(strays, SUM_MINUTES + 1), axis=1) <= size
    inside = np.convolve(calm, np.ones(SUM_MINUTES), "full") > 0.5
    if inside.sum() < SPAN:
        return None
    three = np.lib.stride_tricks.sliding_window_view(counts, 3).sum(axis=1)
    fewer = np.mean(three[~np.isnan(three)] < 2 * size)
    if fewer > 1 - ON_TIME or np.isin(counts, (0, size, 2 * size))[inside].mean() < EXACT:
        return None
    if np.median(60 * series.busy[inside] / size) > BRIEF or _in_use(series, np.flatnonzero(inside)) > IN_USE:
        return None
    return Rhythm(1, int(size))


def _in_use(series: DemandSeries, rows: NDArray[np.int64]) -> float:
    """Return average concurrency in these rows as a share of their peak concurrency."""
    return float(np.nansum(series.busy[rows])) / max(1e-9, float(np.nansum(series.peak[rows])))


def _due(requests: Floats, rhythm: Rhythm) -> Floats:
    """Return how many of the `requests` of each row are due to the warmer. If it calls every minute, some may arrive one late."""
    if rhythm.every > 1:
        return np.full(len(requests), rhythm.requests, np.float32)
    due, owed = np.empty(len(requests), np.float32), 0.0
    for at, count in enumerate(requests.tolist()):
        due[at] = min(owed + rhythm.requests, 2 * rhythm.requests)
        owed = max(0.0, due[at] - count)
    return due


def _beats(counts: Counts, rhythm: Rhythm, last: int | None) -> NDArray[np.int64]:
    """Return the rows in which the warmer called.

    They are bursts of its size between idle minutes, and rows at whole intervals after each, and before the first.
    """
    if rhythm.every == 1:
        return np.flatnonzero(~np.isnan(counts))
    starts, ends, sizes = _bursts(np.concatenate(([0.0], np.nan_to_num(counts), [0.0])))
    whole = sizes == rhythm.requests
    starts, ends = starts[whole] - 1, ends[whole] - 1
    rows = {row for start, end in zip(starts.tolist(), ends.tolist(), strict=True) for row in range(start, end)}
    anchors = sorted({*starts.tolist(), *([] if last is None else [last])})
    if not anchors:
        return np.empty(0, np.int64)
    expected = [*range(anchors[0] - rhythm.every, -1, -rhythm.every), anchors[0]]
    for at, following in zip(anchors, [*anchors[1:], len(counts) + rhythm.every], strict=True):
        expected += range(at, following - rhythm.every // 2, rhythm.every)
    rows |= {row for row in expected if 0 <= row < len(counts) and counts[row] >= rhythm.requests}
    return np.array(sorted(rows), np.int64)
