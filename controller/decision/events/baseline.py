"""Usual demand, with the minutes of announced events left out. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.model.event import Event
from controller.decision.events.occurrences import AFTERMATH, EventWindow, event_windows, touched
from controller.decision.selection.signals import BLOCK, BLOCKS_PER_DAY, UNKNOWN, order_statistic
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats

USUAL_DAYS = 14
"""So many days tell what is usual."""

NEIGHBOURS = 3
"""Blocks of five minutes by which a look at an earlier day is widened to either side."""

LEAST_DAYS = 2
"""Days of one kind, working days or weekends, that must be known before they alone tell what is usual."""

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class BaselineDemand:
    """Peak demand by the time of day (UTC), float32[2, 288]: working days, weekends. NaN where nothing is known."""

    peak: Floats

    def at(self, minutes: NDArray[np.int64]) -> Floats:
        """What is usual in each of `minutes`."""
        kind = weekend(minutes // MINUTES_PER_DAY).astype(np.int64)
        out: Floats = self.peak[kind, minutes % MINUTES_PER_DAY // BLOCK]
        return out


UNKNOWN_YET = BaselineDemand(np.full((2, BLOCKS_PER_DAY), np.nan, np.float32))


def weekend(days: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each day since the epoch, which was a Thursday, is a Saturday or a Sunday."""
    return (days + 3) % 7 >= SATURDAY


def baseline_demand(events: tuple[Event, ...], history: DemandSeries, midnight: int) -> BaselineDemand:
    """What is usual by the days before `midnight`: the middle of the most of every five minutes around a time of day.

    Working days and weekends apart, where enough of them are known; a time of day of which nothing is known is taken to be busy.
    """
    first = midnight - USUAL_DAYS * MINUTES_PER_DAY
    span = history.window(first, midnight)
    peak = np.where(span.known & ~touched(event_windows(events, first, midnight), first, midnight), span.peak,
                    np.float32(UNKNOWN))
    tops = np.pad(peak.reshape(-1, BLOCK).max(axis=1), NEIGHBOURS, constant_values=UNKNOWN)
    around = np.lib.stride_tricks.sliding_window_view(tops, 2 * NEIGHBOURS + 1).reshape(USUAL_DAYS, BLOCKS_PER_DAY, -1)
    known = tops[tops != UNKNOWN]
    busy = np.float32(np.quantile(known, 0.9, method="higher") if len(known) else np.nan)
    every = middle(around)
    every = np.where(np.isnan(every), busy, every)
    free = weekend(np.arange(USUAL_DAYS) + first // MINUTES_PER_DAY)
    kinds = [np.where((around[rows] != UNKNOWN).any(axis=2).sum(axis=0) >= LEAST_DAYS, middle(around[rows]), every)
             for rows in (~free, free)]
    return BaselineDemand(np.stack(kinds).astype(np.float32))


def middle(around: Floats) -> Floats:
    """The middle (of two, the higher) of what is known at each time of day of float32[days, 288, n]; NaN where nothing is."""
    flat = np.ascontiguousarray(around.transpose(1, 0, 2)).reshape(BLOCKS_PER_DAY, -1)
    return np.where((flat != UNKNOWN).any(axis=1), order_statistic(flat, 0.5), np.float32(np.nan))


Rows = tuple[Floats, Floats, Floats]


def without_event_uplift(spells: Sequence[EventWindow], usual: Callable[[EventWindow], BaselineDemand], rows: Rows,
                         first: int) -> Rows:
    """Peak, busy and invocations, float32[n] each from minute `first` on, without what events have raised.

    Rules that look back are shown no more than the usual while an event runs: what it brought is planned for by its own
    announcement, and would else be expected again right after it, and at the same time of the days to come.
    """
    peak, busy, invocations = rows
    share = np.ones(len(peak), np.float32)
    for spell in spells:
        at = slice(max(0, spell.start - first), max(0, min(len(peak), spell.end + AFTERMATH - first)))
        if spell.lowers or at.start >= at.stop:
            continue
        most = usual(spell).at(np.arange(first + at.start, first + at.stop))
        over = peak[at] > most  # false where either is unknown
        share[at] = np.where(over, np.minimum(share[at], most / np.where(over, peak[at], 1)), share[at])
    return peak * share, busy * share, invocations * share
