"""Baseline demand: usual demand by time of day, without the minutes of announced events. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.model.event import Event
from controller.decision.events.occurrences import AFTERMATH, EventWindow, event_windows, touched
from controller.decision.selection.signals import BLOCK, BLOCKS_PER_DAY, UNKNOWN, order_statistic
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats

BASELINE_DAYS = 14
"""Days from which baseline demand is calculated."""

NEIGHBOURS = 3
"""Blocks of 5 min before and after a time of day that count as the same time of day."""

LEAST_DAYS = 2
"""Known days of one kind, working days or weekends, from which on that kind has a baseline without the other."""

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class BaselineDemand:
    """Peak demand by time of day (UTC), float32[2, 288]: working days, weekends. NaN where unknown."""

    peak: Floats

    def at(self, minutes: NDArray[np.int64]) -> Floats:
        """Return the baseline of each of `minutes`."""
        kind = weekend(minutes // MINUTES_PER_DAY).astype(np.int64)
        out: Floats = self.peak[kind, minutes % MINUTES_PER_DAY // BLOCK]
        return out


UNKNOWN_YET = BaselineDemand(np.full((2, BLOCKS_PER_DAY), np.nan, np.float32))


def weekend(days: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether each day since the epoch, a Thursday, is a Saturday or a Sunday."""
    return (days + 3) % 7 >= SATURDAY


def baseline_demand(events: tuple[Event, ...], history: DemandSeries, midnight: int) -> BaselineDemand:
    """Return baseline demand from the days before `midnight`: the median of the 5 min maxima around each time of day.

    Working days and weekends are separate where enough of them are known. A time of day without known minutes has the P90 of all.
    """
    first = midnight - BASELINE_DAYS * MINUTES_PER_DAY
    span = history.window(first, midnight)
    peak = np.where(span.known & ~touched(event_windows(events, first, midnight), first, midnight), span.peak,
                    np.float32(UNKNOWN))
    tops = np.pad(peak.reshape(-1, BLOCK).max(axis=1), NEIGHBOURS, constant_values=UNKNOWN)
    around = np.lib.stride_tricks.sliding_window_view(tops, 2 * NEIGHBOURS + 1).reshape(BASELINE_DAYS, BLOCKS_PER_DAY, -1)
    known = tops[tops != UNKNOWN]
    busy = np.float32(np.quantile(known, 0.9, method="higher") if len(known) else np.nan)
    every = median_by_time(around)
    every = np.where(np.isnan(every), busy, every)
    free = weekend(np.arange(BASELINE_DAYS) + first // MINUTES_PER_DAY)
    kinds = [np.where((around[rows] != UNKNOWN).any(axis=2).sum(axis=0) >= LEAST_DAYS, median_by_time(around[rows]), every)
             for rows in (~free, free)]
    return BaselineDemand(np.stack(kinds).astype(np.float32))


def median_by_time(around: Floats) -> Floats:
    """Return the median (of two, the higher) of known values at each time of day of float32[days, 288, n]; NaN without any."""
    flat = np.ascontiguousarray(around.transpose(1, 0, 2)).reshape(BLOCKS_PER_DAY, -1)
    return np.where((flat != UNKNOWN).any(axis=1), order_statistic(flat, 0.5), np.float32(np.nan))


Rows = tuple[Floats, Floats, Floats]


def without_event_uplift(windows: Sequence[EventWindow], baseline: Callable[[EventWindow], BaselineDemand], rows: Rows,
                         first: int) -> Rows:
    """Return peak, busy and invocations, float32[n] each from minute `first` on, without the uplift of events.

    Candidates read at most baseline demand while an event runs. Its uplift is planned for by its announcement; otherwise
    candidates would expect it again right after the event, and at the same time on later days.
    """
    peak, busy, invocations = rows
    share = np.ones(len(peak), np.float32)
    for window in windows:
        at = slice(max(0, window.start - first), max(0, min(len(peak), window.end + AFTERMATH - first)))
        if window.lowers or at.start >= at.stop:
            continue
        most = baseline(window).at(np.arange(first + at.start, first + at.stop))
        over = peak[at] > most  # false where either is unknown
        share[at] = np.where(over, np.minimum(share[at], most / np.where(over, peak[at], 1)), share[at])
    return peak * share, busy * share, invocations * share
