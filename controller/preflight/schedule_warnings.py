"""Warnings about valid schedules and events that are probably mistakes: windows without effect, weekdays, time zones. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

from config.model.cron import days_by_number, either_day
from config.model.duration import format_duration
from config.model.event import Event
from config.model.policy import PoolPolicy
from config.model.schedule import Schedule
from config.model.zones import without_summer_time
from controller.preflight.schedule_openings import Opening, changes_within, gaps, openings

HORIZON = timedelta(days=35)
MOST_WINDOWS = 500
"""Limit for one schedule; the first three windows are always checked, at any distance."""

Path = tuple[str | int, ...]


class Bounds(NamedTuple):
    """The floor and ceiling of a pool, and its schedules."""

    low: int
    high: int
    schedules: tuple[Schedule, ...]


def schedule_warnings(pool: PoolPolicy, now: datetime) -> Iterator[tuple[Path, str]]:
    """Yield each warning with the path of its value within the pool."""
    clocks: dict[str, tuple[Schedule | Event, ...]] = {"schedules": pool.schedules, "events": pool.events}
    for key, entries in clocks.items():
        for index, entry in enumerate(entries):
            yield from (((key, index, field), text) for field, text in of_clock(entry))
    for index, field, text in of_bounds(Bounds(pool.min, pool.max, pool.schedules), now):
        yield ("schedules", index, field), text


def of_clock(entry: Schedule | Event) -> Iterator[tuple[str, str]]:
    """Yield warnings about the time zone and the cron expression."""
    zone = without_summer_time(entry.timezone)
    if zone is not None:
        yield "timezone", zone
    if entry.cron is None:
        return
    days = days_by_number(entry.cron)
    if days is not None:
        field, ours, aws = days
        other = f" (AWS and Quartz count from 1, so there it is {named(aws)})" if aws else ""
        yield "cron", f"day of week {field} is {named(ours)}, because cron counts from 0 = Sunday{other}: write days by name"
    if either_day(entry.cron):
        yield "cron", (f"'{entry.cron}' has a day of the month and a day of the week, and fires when either matches: replace one "
                       "with * unless intended")


def named(days: str) -> str:
    """Return days as `days_by_number` gives them, with words for the last of a month."""
    names = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
    return ",".join(f"the last {names[int(day[0])]}" if day[1:] == "L" else day for day in days.split(","))


@lru_cache(maxsize=1024)
def of_bounds(bounds: Bounds, now: datetime) -> tuple[tuple[int, str, str], ...]:
    """Return floors, ceilings and durations without effect: index of the schedule, key, text. Cached: pools share defaults."""
    return tuple((index, field, text) for index, schedule in enumerate(bounds.schedules)
                 for field, text in of_schedule(bounds, index, schedule, now))


def of_schedule(bounds: Bounds, index: int, schedule: Schedule, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield the key and text of each warning about one schedule."""
    shortest, longest = gaps(schedule, now)
    often = f"windows of {format_duration(schedule.duration)} start every {spans(shortest, longest)}"
    key = "min" if schedule.min is not None else "max"
    if schedule.duration >= longest:
        yield "duration", (f"{often}, so the schedule is always active: set a shorter duration, or set {key}: "
                           f"{getattr(schedule, key)} on the pool")
    elif schedule.duration > shortest:
        yield "duration", f"{often}, so windows can overlap: set a shorter duration unless intended"
    if schedule.min is not None:
        text = inert_floor(bounds, index, schedule, schedule.min, now)
        if text is not None:
            yield "min", text
    if schedule.max is not None:
        text = inert_ceiling(bounds, index, schedule, schedule.max, now)
        if text is not None:
            yield "max", text


def spans(shortest: timedelta, longest: timedelta) -> str:
    """Return the time between two windows as text."""
    return format_duration(longest) if shortest == longest else f"{format_duration(shortest)} to {format_duration(longest)}"


def inert_floor(bounds: Bounds, index: int, schedule: Schedule, low: int, now: datetime) -> str | None:
    """Return why a schedule's `min` has no effect, or None if it has one."""
    if low <= bounds.low:
        fewer = ("For fewer units at these times, set "
                 f"min: {low} on the pool and add a schedule with min: {bounds.low} for the other hours")
        return (f"min {low} has no effect: the pool's min is {bounds.low}, and a schedule only raises the floor. "
                f"{fewer if low < bounds.low else f'For more units at these times, set a min above {low}'}")
    above = [other for place, other in enumerate(bounds.schedules)
             if other is not schedule and other.min is not None and (other.min, -place) > (low, -index)]
    below = [other for other in bounds.schedules if other.max is not None]
    covered: Schedule | None = None
    reached = bounds.low
    for at in instants(schedule, [*above, *below], now):
        cover = max((other for other in above if other.active(at)), key=lambda other: other.min or 0, default=None)
        cut = min((other for other in below if other.active(at)), key=lambda other: other.max or 0, default=None)
        floor = bounds.low if cover is None or cover.min is None else cover.min
        ceiling = bounds.high if cut is None or cut.max is None else cut.max
        if low > floor and low <= ceiling:
            return None
        covered = covered or (cut if low > floor else cover)
        reached = max(reached, min(low, ceiling) if min(low, ceiling) > floor else 0)
    if covered is None:
        return None
    bound = f"min {covered.min}" if covered in above else f"max {covered.max}"
    does = "has no effect" if reached == bounds.low else f"raises the floor to at most {reached}"
    return f"min {low} {does} {when(schedule, now)}: schedule {covered.label!r} with {bound} is active at the same time"


def inert_ceiling(bounds: Bounds, index: int, schedule: Schedule, high: int, now: datetime) -> str | None:
    """Return why a schedule's `max` has no effect, or None if it has one."""
    if high >= bounds.high:
        more = ("For more units at these times, set "
                f"max: {high} on the pool and add a schedule with max: {bounds.high} for the other hours")
        return (f"max {high} has no effect: the pool's max is {bounds.high}, and a schedule only lowers the ceiling. "
                f"{more if high > bounds.high else f'For fewer units at these times, set a max below {high}'}")
    below = [other for place, other in enumerate(bounds.schedules)
             if other is not schedule and other.max is not None and (other.max, place) < (high, index)]
    covered: Schedule | None = None
    for at in instants(schedule, below, now):
        cover = next((other for other in below if other.active(at)), None)
        if cover is None:
            return None
        covered = covered or cover
    if covered is None:
        return None
    bound = f"max {covered.max}"
    return f"max {high} has no effect {when(schedule, now)}: schedule {covered.label!r} with {bound} is active at the same time"


def windows(schedule: Schedule, now: datetime) -> Iterator[Opening]:
    """Return the next windows up to the horizon, at least three. Lazy: the first one is usually sufficient."""
    ahead = enumerate(openings(schedule, now))
    near = takewhile(lambda each: each[0] < 3 or (each[0] < MOST_WINDOWS and each[1].start < now + HORIZON), ahead)
    return (opening for _, opening in near)


def instants(schedule: Schedule, others: Sequence[Schedule], now: datetime) -> Iterator[datetime]:
    """Yield one instant for each state of `others` within the next windows of a schedule."""
    for window in windows(schedule, now):
        yield from changes_within(others, window.start, window.end)


def when(schedule: Schedule, now: datetime) -> str:
    """Return the checked windows as text."""
    checked = list(windows(schedule, now))
    return f"in its next {len(checked)} windows (until {checked[-1].end:%Y-%m-%d})"
