"""Windows of the announced events of a pool. Pure; minutes are those since the epoch.

A factor multiplies *baseline* demand, which is learned from the days before without the minutes of events. Recent demand is no
base for it: while an event runs, that includes its effect already.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.model.event import Event, windows_of
from forecasting.demand import MINUTES_PER_DAY, instant_of

AFTERMATH = 10
"""Minutes after an event that count as part of it, because demand does not fall at once."""

LEARNED_BEFORE = 6 * 60
"""Minutes before the preparation of an event at which a day must be over to count in its baseline: metrics may be late."""


class EventWindow(NamedTuple):
    """Window of an event, from minute `start` to before `end`. Its capacity must be ready from minute `ready` on.

    Either `factor` or `size` is set: the expected demand.
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
        """Whether less than baseline demand is expected."""
        return self.factor is not None and self.factor < 1

    @property
    def learned_until(self) -> int:
        """Midnight before which history counts in the baseline of this window. It is fixed: later data changes nothing."""
        return (self.ready - LEARNED_BEFORE) // MINUTES_PER_DAY * MINUTES_PER_DAY


@lru_cache(maxsize=4096)
def event_windows(events: tuple[Event, ...], first: int, end: int) -> tuple[EventWindow, ...]:
    """Return the windows of events that overlap the minutes, aftermath included, by start. Cached: many pools share events."""
    windows = []
    for event in events:
        lead = -(-int(event.lead.total_seconds()) // 60)
        for window in windows_of(event, instant_of(first - AFTERMATH), instant_of(end + lead)):
            start, end_minute = int(window.start.timestamp() // 60), -int(-window.end.timestamp() // 60)
            early = 0 if event.factor is not None and event.factor < 1 else lead  # a reduction needs no preparation
            windows.append(EventWindow(start - early, start, end_minute, window.name, window.kind, event.factor, event.size))
    return tuple(sorted(windows, key=lambda window: (window.start, window.end, window.name)))


def touched(windows: Sequence[EventWindow], first: int, end: int) -> NDArray[np.bool_]:
    """Return which minutes are within a window or its aftermath: bool[end - first]."""
    out = np.zeros(end - first, bool)
    for window in windows:
        out[max(0, window.start - first) : max(0, window.end + AFTERMATH - first)] = True
    return out
