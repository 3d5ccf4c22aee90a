"""Period of a report, which of its minutes have known demand, and when a weekly report is due. Pure.

Bill and cold starts are stored by day (UTC), so a period starts at midnight.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.model.notify import WEEKDAYS, WeeklyReport
from forecasting.demand import instant_of, minute_of

MINUTE = timedelta(minutes=1)
SHORTEST_GAP = 15
"""Least minutes of unknown demand in a row that are named as a gap."""

LEADER_HAS_SENT = timedelta(hours=1)
"""Time after which a standby assumes that the leader has sent the report that was due."""


class Period(NamedTuple):
    """Time from `start`, a midnight, to `end`, both UTC."""

    start: datetime
    end: datetime

    @classmethod
    def before(cls, end: datetime, since: timedelta | datetime) -> "Period":
        """Return the period that starts at the midnight before `since`, an instant or a time before the end."""
        first = end - since if isinstance(since, timedelta) else since
        return cls(datetime.combine(first.astimezone(UTC).date(), time(), UTC), end.astimezone(UTC))

    @property
    def days(self) -> list[date]:
        """Days of the period, the last one up to its end."""
        first = self.start.date()
        last = (self.end - timedelta(microseconds=1)).date()
        return [first + timedelta(days=at) for at in range((last - first).days + 1)]

    @property
    def minutes(self) -> range:
        """Whole minutes of the period, since the epoch."""
        return range(minute_of(self.start), minute_of(self.end))


class Gap(NamedTuple):
    """Time without known demand."""

    start: datetime
    end: datetime

    @property
    def minutes(self) -> int:
        """Length in minutes."""
        return (self.end - self.start) // MINUTE


class Known(NamedTuple):
    """How much of a period has known demand, in minutes. `gaps`: those of at least `SHORTEST_GAP` minutes, longest first."""

    minutes: int
    known: int
    gaps: tuple[Gap, ...]


def known_of(known: NDArray[np.bool_], first_minute: int) -> Known:
    """Return how much is known: bool[minutes] from `first_minute` (since the epoch) on."""
    gaps = [Gap(instant_of(first_minute + start), instant_of(first_minute + end)) for start, end in runs(~known)
            if end - start >= SHORTEST_GAP]
    return Known(len(known), int(known.sum()), tuple(sorted(gaps, key=lambda gap: (-gap.minutes, gap.start))))


def runs(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield start and end of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def last_due(setting: WeeklyReport, now: datetime) -> datetime:
    """Return the newest instant up to `now` at which a report was due."""
    today = datetime.combine(now.astimezone(UTC).date(), time(setting.hour), UTC)
    due = today - timedelta(days=(today.weekday() - WEEKDAYS.index(setting.weekday)) % 7)
    return due if due <= now else due - timedelta(days=7)
