"""What of a pool's schedules and events is right and yet hardly meant: windows that change nothing, days and zones. Pure."""

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
"""Of one schedule; the first three are looked at however far ahead they are."""

Path = tuple[str | int, ...]


class Bounds(NamedTuple):
    """A pool's own floor and ceiling, and its schedules."""

    low: int
    high: int
    schedules: tuple[Schedule, ...]


def schedule_warnings(pool: PoolPolicy, now: datetime) -> Iterator[tuple[Path, str]]:
    """Each warning with the path, within the pool, of the value that it is about."""
    clocks: dict[str, tuple[Schedule | Event, ...]] = {"schedules": pool.schedules, "events": pool.events}
    for key, entries in clocks.items():
        for index, entry in enumerate(entries):
            yield from (((key, index, field), text) for field, text in of_clock(entry))
    for index, field, text in of_bounds(Bounds(pool.min, pool.max, pool.schedules), now):
        yield ("schedules", index, field), text


def of_clock(entry: Schedule | Event) -> Iterator[tuple[str, str]]:
    """What is hardly meant of the time zone and the cron expression."""
    zone = without_summer_time(entry.timezone)
    if zone is not None:
        yield "timezone", zone
    if entry.cron is None:
        return
    days = days_by_number(entry.cron)
    if days is not None:
        field, ours, aws = days
        other = f" (to AWS and Quartz, which count from 1, it is {named(aws)})" if aws else ""
        yield "cron", f"day of week {field} is {named(ours)}, as cron counts days from 0, a Sunday{other}: write the days by name"
    if either_day(entry.cron):
        yield "cron", (f"'{entry.cron}' names a day of the month and a day of the week, and fires when either fits: put * in "
                       "the place of one unless that is meant")


def named(days: str) -> str:
    """Days as `renamed` writes them, with words for the last of a month."""
    names = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
    return ",".join(f"the last {names[int(day[0])]}" if day[1:] == "L" else day for day in days.split(","))


@lru_cache(maxsize=1024)
def of_bounds(bounds: Bounds, now: datetime) -> tuple[tuple[int, str, str], ...]:
    """What of floors, ceilings and durations changes nothing: index of the schedule, key, text. Cached: pools share defaults."""
    return tuple((index, field, text) for index, schedule in enumerate(bounds.schedules)
                 for field, text in of_schedule(bounds, index, schedule, now))


def of_schedule(bounds: Bounds, index: int, schedule: Schedule, now: datetime) -> Iterator[tuple[str, str]]:
    """The same of one schedule."""
    shortest, longest = gaps(schedule, now)
    often = f"the windows last {format_duration(schedule.duration)} and open every {spans(shortest, longest)}"
    kept = "min" if schedule.min is not None else "max"
    if schedule.duration >= longest:
        yield "duration", (f"{often}, so the schedule is open at all times: give a shorter duration, or give the pool itself "
                           f"{kept}: {getattr(schedule, kept)}")
    elif schedule.duration > shortest:
        yield "duration", f"{often}, so one may open before the last is over: give a shorter duration unless that is meant"
    if schedule.min is not None:
        text = inert_floor(bounds, index, schedule, schedule.min, now)
        if text is not None:
            yield "min", text
    if schedule.max is not None:
        text = inert_ceiling(bounds, index, schedule, schedule.max, now)
        if text is not None:
            yield "max", text


def spans(shortest: timedelta, longest: timedelta) -> str:
    """The time between two windows."""
    return format_duration(longest) if shortest == longest else f"{format_duration(shortest)} to {format_duration(longest)}"


def inert_floor(bounds: Bounds, index: int, schedule: Schedule, low: int, now: datetime) -> str | None:
    """Why a schedule's `min` changes nothing, if it does not."""
    if low <= bounds.low:
        fewer = ("For fewer units at these times, give the pool "
                 f"min: {low} and the other hours a schedule with min: {bounds.low}")
        return (f"min {low} never counts: the pool's own min is {bounds.low}, and a schedule only raises the floor. "
                f"{fewer if low < bounds.low else f'For more units at these times, write a min above {low}'}")
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
    does = "changes nothing" if reached == bounds.low else f"comes to {reached} at most"
    return f"min {low} {does} {when(schedule, now)}: schedule {covered.label!r} with {bound} is open then, too"


def inert_ceiling(bounds: Bounds, index: int, schedule: Schedule, high: int, now: datetime) -> str | None:
    """Why a schedule's `max` changes nothing, if it does not."""
    if high >= bounds.high:
        more = ("For more units at these times, give the pool "
                f"max: {high} and the other hours a schedule with max: {bounds.high}")
        return (f"max {high} never counts: the pool's own max is {bounds.high}, and a schedule only lowers the ceiling. "
                f"{more if high > bounds.high else f'For fewer units at these times, write a max below {high}'}")
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
    return f"max {high} changes nothing {when(schedule, now)}: schedule {covered.label!r} with {bound} is open then, too"


def windows(schedule: Schedule, now: datetime) -> Iterator[Opening]:
    """The next windows, up to the horizon; three at the least, however far ahead. Lazy: mostly the first says enough."""
    ahead = enumerate(openings(schedule, now))
    near = takewhile(lambda each: each[0] < 3 or (each[0] < MOST_WINDOWS and each[1].start < now + HORIZON), ahead)
    return (opening for _, opening in near)


def instants(schedule: Schedule, others: Sequence[Schedule], now: datetime) -> Iterator[datetime]:
    """An instant for each state that `others` have within the next windows of a schedule."""
    for window in windows(schedule, now):
        yield from changes_within(others, window.start, window.end)


def when(schedule: Schedule, now: datetime) -> str:
    """The windows that were looked at, in words."""
    looked = list(windows(schedule, now))
    return f"in its next {len(looked)} windows (until {looked[-1].end:%Y-%m-%d})"
