"""When the announced events of a pool are, and what is usual when they are not. Pure; minutes are those since the epoch.

A factor is one of *usual* demand, which is learned from the days before with every event left out: while an event runs, what
came lately has its effect in it already, and must not be multiplied once more.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.model.event import Event, windows_of
from forecasting.demand import MINUTES_PER_DAY, instant_of

AFTERMATH = 10
"""Minutes after an event that count as its own: people do not leave on the stroke."""

LEARNED_BEFORE = 6 * 60
"""What is usual is learned from the days that were over so long before an event is prepared for: metrics may be that late."""


class EventWindow(NamedTuple):
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
def event_windows(events: tuple[Event, ...], first: int, end: int) -> tuple[EventWindow, ...]:
    """The windows of a pool's events that touch the span, aftermath included, in order of their beginning. Cached: many pools
    share their events.
    """
    found = []
    for event in events:
        lead = -(-int(event.lead.total_seconds()) // 60)
        for window in windows_of(event, instant_of(first - AFTERMATH), instant_of(end + lead)):
            begin, over = int(window.start.timestamp() // 60), -int(-window.end.timestamp() // 60)
            early = 0 if event.factor is not None and event.factor < 1 else lead  # nobody is ready for quiet ahead of it
            found.append(EventWindow(begin - early, begin, over, window.name, window.kind, event.factor, event.size))
    return tuple(sorted(found, key=lambda spell: (spell.start, spell.end, spell.name)))


def touched(spells: Sequence[EventWindow], first: int, end: int) -> NDArray[np.bool_]:
    """bool[end - first]: minutes within a spell or its aftermath."""
    out = np.zeros(end - first, bool)
    for spell in spells:
        out[max(0, spell.start - first) : max(0, spell.end + AFTERMATH - first)] = True
    return out
