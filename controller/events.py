"""When the announced events of a pool are, and what is usual when they are not. Pure; minutes are those since the epoch.

A factor is one of *usual* demand, which is learned from the days before with every event left out: while an event runs, what
came lately has its effect in it already, and must not be multiplied once more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.event import Event, windows_of
from controller.signals import BLOCK, BLOCKS_PER_DAY, UNKNOWN, order_statistic
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats, instant_of

USUAL_DAYS = 14
"""So many days tell what is usual."""

NEIGHBOURS = 3
"""Blocks of five minutes by which a look at an earlier day is widened to either side."""

LEAST_DAYS = 2
"""Days of one kind, working days or weekends, that must be known before they alone tell what is usual."""

AFTERMATH = 10
"""Minutes after an event that count as its own: people do not leave on the stroke."""

LEARNED_BEFORE = 6 * 60
"""What is usual is learned from the days that were over so long before an event is prepared for: metrics may be that late."""

SATURDAY = 5


class Spell(NamedTuple):
    """One window of an event in minutes, from `start` on and before `end`; it is prepared for from `ready` on.

    Either `factor` or `size` is what is expected of it.
    """

    ready: int
    start: int
    end: int
    name: str
    kind: str
    factor: float | None
    size: int | None

    @property
    def lowers(self) -> bool:
        """Whether less than usual is expected."""
        return self.factor is not None and self.factor < 1

    @property
    def learned_until(self) -> int:
        """The midnight before which history tells what is usual at this spell: fixed, so that whenever it is asked, and however
        much has come since, it is the same.
        """
        return (self.ready - LEARNED_BEFORE) // MINUTES_PER_DAY * MINUTES_PER_DAY


@lru_cache(maxsize=4096)
def spells_of(events: tuple[Event, ...], first: int, end: int) -> tuple[Spell, ...]:
    """The windows of a pool's events that touch the span, aftermath included, in order of their beginning. Cached: many pools
    share their events.
    """
    found = []
    for event in events:
        lead = -(-int(event.lead.total_seconds()) // 60)
        for window in windows_of(event, instant_of(first - AFTERMATH), instant_of(end + lead)):
            begin, over = int(window.start.timestamp() // 60), -int(-window.end.timestamp() // 60)
            early = 0 if event.factor is not None and event.factor < 1 else lead  # nobody is ready for quiet ahead of it
            found.append(Spell(begin - early, begin, over, window.name, window.kind, event.factor, event.size))
    return tuple(sorted(found, key=lambda spell: (spell.start, spell.end, spell.name)))


def touched(spells: Sequence[Spell], first: int, end: int) -> NDArray[np.bool_]:
    """bool[end - first]: minutes within a spell or its aftermath."""
    out = np.zeros(end - first, bool)
    for spell in spells:
        out[max(0, spell.start - first) : max(0, spell.end + AFTERMATH - first)] = True
    return out


@dataclass(frozen=True, slots=True)
class Usual:
    """Peak demand by the time of day (UTC), float32[2, 288]: working days, weekends. NaN where nothing is known."""

    peak: Floats

    def at(self, minutes: NDArray[np.int64]) -> Floats:
        """What is usual in each of `minutes`."""
        kind = weekend(minutes // MINUTES_PER_DAY).astype(np.int64)
        out: Floats = self.peak[kind, minutes % MINUTES_PER_DAY // BLOCK]
        return out


UNKNOWN_YET = Usual(np.full((2, BLOCKS_PER_DAY), np.nan, np.float32))


def weekend(days: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each day since the epoch, which was a Thursday, is a Saturday or a Sunday."""
    return (days + 3) % 7 >= SATURDAY


def usual_of(events: tuple[Event, ...], history: DemandSeries, midnight: int) -> Usual:
    """What is usual by the days before `midnight`: the middle of the most of every five minutes around a time of day.

    Working days and weekends apart, where enough of them are known; a time of day of which nothing is known is taken to be busy.
    """
    first = midnight - USUAL_DAYS * MINUTES_PER_DAY
    span = history.window(first, midnight)
    peak = np.where(span.known & ~touched(spells_of(events, first, midnight), first, midnight), span.peak, np.float32(UNKNOWN))
    tops = np.pad(peak.reshape(-1, BLOCK).max(axis=1), NEIGHBOURS, constant_values=UNKNOWN)
    around = np.lib.stride_tricks.sliding_window_view(tops, 2 * NEIGHBOURS + 1).reshape(USUAL_DAYS, BLOCKS_PER_DAY, -1)
    known = tops[tops != UNKNOWN]
    busy = np.float32(np.quantile(known, 0.9, method="higher") if len(known) else np.nan)
    every = middle(around)
    every = np.where(np.isnan(every), busy, every)
    free = weekend(np.arange(USUAL_DAYS) + first // MINUTES_PER_DAY)
    kinds = [np.where((around[rows] != UNKNOWN).any(axis=2).sum(axis=0) >= LEAST_DAYS, middle(around[rows]), every)
             for rows in (~free, free)]
    return Usual(np.stack(kinds).astype(np.float32))


def middle(around: Floats) -> Floats:
    """The middle (of two, the higher) of what is known at each time of day of float32[days, 288, n]; NaN where nothing is."""
    flat = np.ascontiguousarray(around.transpose(1, 0, 2)).reshape(BLOCKS_PER_DAY, -1)
    return np.where((flat != UNKNOWN).any(axis=1), order_statistic(flat, 0.5), np.float32(np.nan))


Rows = tuple[Floats, Floats, Floats]


def set_aside(spells: Sequence[Spell], usual: Callable[[Spell], Usual], rows: Rows, first: int) -> Rows:
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
