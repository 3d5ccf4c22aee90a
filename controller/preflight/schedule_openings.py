"""The next windows of schedules, for display and checks. Pure."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from config.model.schedule import A_DAY, Schedule, fires, window_starts

GAPS = 9
"""Windows that are compared for the time between two: covers a week of daily and 8 months of monthly windows."""


class Opening(NamedTuple):
    """One window of a schedule, in UTC."""

    schedule: Schedule
    start: datetime
    end: datetime

    @property
    def local(self) -> tuple[datetime, datetime]:
        """Start and end as wall-clock time in the schedule's time zone."""
        zone = ZoneInfo(self.schedule.timezone)
        return self.start.astimezone(zone), self.end.astimezone(zone)


def openings(schedule: Schedule, now: datetime) -> Iterator[Opening]:
    """Yield the current and all later windows of a schedule, in order, without end."""
    now = now.astimezone(UTC)
    day = now.date()
    starts = window_starts(schedule.cron, schedule.timezone, day)
    open_now = starts[: bisect_right(starts, now)]
    last = open_now[-1] if open_now else now
    if open_now and last + schedule.duration > now:
        yield Opening(schedule, last, last + schedule.duration)
    for start in fires(schedule.cron, schedule.timezone, now):
        if start > last:  # in an hour that a clock change repeats, a past start can be listed again
            last = start
            yield Opening(schedule, start, start + schedule.duration)


def next_openings(schedule: Schedule, now: datetime, count: int) -> list[Opening]:
    """Return the current and next windows of a schedule, at most `count`."""
    return list(islice(openings(schedule, now), count))


@lru_cache(maxsize=4096)
def gaps(schedule: Schedule, now: datetime) -> tuple[timedelta, timedelta]:
    """Return the shortest and longest wall-clock time between two of the next windows. Cached: pools share schedules."""
    local = [each.local[0].replace(tzinfo=None) for each in next_openings(schedule, now, GAPS)]
    between = [after - before for before, after in pairwise(local)]
    return min(between), max(between)


def changes_within(schedules: Sequence[Schedule], start: datetime, end: datetime) -> list[datetime]:
    """Return `start`, and every instant before `end` at which a window of `schedules` starts or ends."""
    changes = {start}
    for schedule in schedules:
        day = (start - schedule.duration).date()
        while day <= end.date():
            opened = window_starts(schedule.cron, schedule.timezone, day)
            changes.update(at for begin in opened for at in (begin, begin + schedule.duration) if start < at < end)
            day += A_DAY
    return sorted(changes)
