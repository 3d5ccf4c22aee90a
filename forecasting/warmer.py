"""Requests that keep a function warm and are no demand: bursts of one size, at one interval, with hardly any work. Arrays only.

Plugins and timers that call a function every few minutes look like traffic in metrics, the most regular there is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import DemandSeries, Floats

LONGEST = 60
"""Most minutes between two bursts."""

FEWEST, SPAN = 20, 180
"""How many bursts of one size are needed, and over how many minutes."""

ALIKE, LINKED, ON_TIME = 0.6, 0.6, 0.95
"""Least share of bursts between idle minutes that have one size; of those, that follow another in the interval; and of those
again, that are followed by another.
"""

BRIEF, USUAL = 1.0, 0.1
"""Seconds of work that one request of a warmer takes: at most, and where it is not known of it alone."""

IN_USE = 0.1
"""Most work of a warmer, as a share of its peak: its requests come together, and for the rest of the minute nothing runs."""

STRETCH, EXACT = 60, 0.8
"""Minutes within which a warmer that calls every minute strays from its number of requests by one burst at most; and the least
share of them that have none, one or two whole bursts.
"""

Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """`requests` at once, every `every` minutes."""

    every: int
    requests: int

    @property
    def text(self) -> str:
        """In words, for people."""
        return f"{self.requests} request{'' if self.requests == 1 else 's'} every {self.every} min"


def found_in(series: DemandSeries) -> Rhythm | None:
    """Return the rhythm of a warmer that the series shows, else None. Traffic that is never idle hides it."""
    counts = _counts(series)
    if np.nansum(counts) < FEWEST or len(counts) <= SPAN:
        return None
    return _with_pauses(series, counts) or _without_pause(series, counts)


def left_out(series: DemandSeries, rhythm: Rhythm, last: int | None = None) -> tuple[DemandSeries, int | None]:
    """Return `series` without the requests of a warmer, and the minute of its newest burst. `last`: the newest one so far.

    Requests and work are plain differences. Of the peak only bounds are known where others were there too: the upper one counts.
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
    """Requests a minute in whole numbers, NaN where unknown."""
    return np.where(series.known, np.round(series.invocations), np.nan).astype(np.float64)


def _bursts(counts: Counts) -> tuple[NDArray[np.int64], NDArray[np.int64], Counts]:
    """Where bursts between two idle minutes begin and end, and how many requests each has. A burst is one minute long, or two
    where a minute's end falls into it.
    """
    edges = np.diff(np.concatenate(([0], (counts > 0).astype(np.int8), [0])))
    starts, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    around, sums = np.concatenate(([np.nan], counts, [np.nan])), np.concatenate(([0.0], np.cumsum(np.nan_to_num(counts))))
    alone = (ends - starts <= 2) & (around[starts] == 0) & (around[ends + 1] == 0)
    starts, ends = starts[alone], ends[alone]
    return starts, ends, sums[ends] - sums[starts]


def _with_pauses(series: DemandSeries, counts: Counts) -> Rhythm | None:
    """Of a warmer that calls every two minutes or less often."""
    starts, ends, sizes = _bursts(counts)
    if len(starts) < FEWEST:
        return None
    values, numbers = np.unique(sizes, return_counts=True)
    size = float(values[numbers.argmax()])
    begun, ended = starts[sizes == size], ends[sizes == size]
    if len(begun) < max(FEWEST, ALIKE * len(starts)) or begun[-1] - begun[0] < SPAN:
        return None
    every = int(np.bincount(np.diff(begun)).argmax())
    work = np.concatenate(([0.0], np.cumsum(np.nan_to_num(series.busy))))
    if not 2 <= every <= LONGEST or np.median(60 * (work[ended] - work[begun]) / size) > BRIEF:
        return None
    if _in_use(series, np.unique(np.concatenate((begun, ended - 1)))) > IN_USE:
        return None
    before, after = (_called(counts, begun + shift, size) for shift in (-every, every))
    linked = before == 1
    followed = after[linked & (after >= 0)]
    if linked.sum() < max(FEWEST, LINKED * len(begun)) or len(followed) < FEWEST or followed.mean() < ON_TIME:
        return None
    return Rhythm(every, int(size))


def _called(counts: Counts, at: NDArray[np.int64], size: float) -> NDArray[np.int64]:
    """Whether `size` requests or more came in a minute of `at`, give or take one minute: 1 or 0; -1 where that is not known."""
    padded = np.concatenate((np.full(LONGEST + 2, np.nan), counts, np.full(LONGEST + 3, np.nan)))
    near = np.stack([padded[at + LONGEST + 2 + shift] for shift in (-1, 0, 1, 2)])
    came = (near[:3] + np.nan_to_num(near[1:]) >= size).any(axis=0)
    return np.where(np.isnan(near[:3]).any(axis=0), -1, came.astype(np.int64))


def _without_pause(series: DemandSeries, counts: Counts) -> Rhythm | None:
    """Of a warmer that calls every minute."""
    some = counts[counts > 0]
    size = float(np.bincount(some.astype(np.int64)).argmax())
    strays = np.concatenate(([0.0], np.cumsum(np.where(np.isnan(counts), 1e9, counts - size))))
    calm = np.ptp(np.lib.stride_tricks.sliding_window_view(strays, STRETCH + 1), axis=1) <= size
    inside = np.convolve(calm, np.ones(STRETCH), "full") > 0.5
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
    """Average concurrency in these rows as a share of their peak concurrency."""
    return float(np.nansum(series.busy[rows])) / max(1e-9, float(np.nansum(series.peak[rows])))


def _due(requests: Floats, rhythm: Rhythm) -> Floats:
    """How many of the `requests` of each beat are the warmer's: every minute, those of the minute before may come late."""
    if rhythm.every > 1:
        return np.full(len(requests), rhythm.requests, np.float32)
    due, owed = np.empty(len(requests), np.float32), 0.0
    for at, came in enumerate(requests.tolist()):
        due[at] = min(owed + rhythm.requests, 2 * rhythm.requests)
        owed = max(0.0, due[at] - came)
    return due


def _beats(counts: Counts, rhythm: Rhythm, last: int | None) -> NDArray[np.int64]:
    """Rows in which the warmer called: bursts of its size between idle minutes, and from those on, or back from the first, every
    interval.
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
