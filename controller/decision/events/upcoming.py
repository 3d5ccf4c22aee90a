"""Upcoming windows of announced events, for users to check, and events without any. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from config.model.event import Event, Window, windows_of
from config.model.policy import Policy, PoolPolicy

HORIZONS = (timedelta(days=8), timedelta(days=62), timedelta(days=400))
"""Tried in this order until there are enough windows: a near horizon is cheap even for a frequent event."""


class UpcomingWindow(NamedTuple):
    """Upcoming window and its event."""

    window: Window
    event: Event

    @property
    def expected(self) -> str:
        """Announced demand in words."""
        event = self.event
        return f"{event.size} units" if event.size is not None else f"{event.factor:g} times the usual"

    @property
    def local(self) -> tuple[datetime, datetime]:
        """Start and end in the time zone of the event."""
        zone = ZoneInfo(self.event.timezone)
        return self.window.start.astimezone(zone), self.window.end.astimezone(zone)


def ahead_of(event: Event, now: datetime, count: int) -> list[Window]:
    """Return the next windows of an event that have not ended, at most `count`."""
    windows: list[Window] = []
    for horizon in HORIZONS:
        windows = list(windows_of(event, now, now + horizon)[:count])
        if len(windows) >= count:
            break
    return windows


def upcoming_windows(pool: PoolPolicy, now: datetime, count: int) -> list[UpcomingWindow]:
    """Return the next windows of all events of a pool by time, at most `count` of each event."""
    windows = [UpcomingWindow(window, event) for event in pool.events for window in ahead_of(event, now, count)]
    return sorted(windows, key=lambda each: each.window)


def all_events_without_windows(policy: Policy, now: datetime) -> list[str]:
    """Return the warnings of all pools, each once: pools share the events of the defaults."""
    return list(dict.fromkeys(text for pool in policy.pools for text in events_without_windows(pool, now)))


def events_without_windows(pool: PoolPolicy, now: datetime) -> Iterator[str]:
    """Yield a warning for each event without an upcoming window."""
    for event in pool.events:
        if not ahead_of(event, now, 1):
            chosen = "" if event.summary is None else f" with {event.summary!r} in its summary"
            last = windows_of(event, now - HORIZONS[-1], now)
            was = f"the last ended {last[-1].end:%Y-%m-%d %H:%M} UTC" if last else "and none in the year before"
            yield f"{event.place}: event {event.name!r} has no window{chosen} in the next {HORIZONS[-1].days} days, {was}"
