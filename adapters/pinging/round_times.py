"""Time of the next round: within the safe pause, in a minute with few users, at a random second. Pure except for the random
generator.
"""

from datetime import datetime, timedelta

from numpy.random import Generator

from adapters.pinging.usage_pattern import UsagePattern
from forecasting.demand import instant_of, minute_of

EARLIEST = 0.7
"""Share of the pause after which a round may start."""

MARGIN = (5.0, 50.0)
"""Seconds of a minute between which rounds start: metrics then book a round in one minute, and jobs that start on the minute
have ended.
"""

LONGEST_WAIT = 30
"""Maximum delay of a round in minutes while users are expected, who keep the units warm."""


def next_round(last: datetime, pause: timedelta, units: int, usage: UsagePattern, rng: Generator) -> datetime:
    """Return the time of the round after the one at `last`, for `units` units.

    It is in one of the minutes within the pause with the lowest expected usage, and of these with the lowest usual usage. If all
    of them are expected to have `units` in use, it is in the first minute after the pause that is not: pings must not add to a
    peak.
    """
    windows = {minute: window for minute in range(minute_of(last + EARLIEST * pause), minute_of(last + pause) + 1)
               if (window := _window(minute, last + EARLIEST * pause, last + pause)) is not None}
    expected = {minute: (usage.expected(minute), usage.usual(minute)) for minute in windows}
    if not windows:
        return last + pause * float(rng.uniform(EARLIEST, 1.0))
    if min(expected.values())[0] >= units:
        end = minute_of(last + pause)
        minute = next((at for at in range(end, end + LONGEST_WAIT) if usage.expected(at) < units), end + LONGEST_WAIT)
        return instant_of(minute) + timedelta(seconds=float(rng.uniform(*MARGIN)))
    quiet = [minute for minute, users in expected.items() if users <= min(expected.values())]
    since, until = windows[quiet[int(rng.integers(len(quiet)))]]
    return since + (until - since) * float(rng.uniform())


def _window(minute: int, since: datetime, until: datetime) -> tuple[datetime, datetime] | None:
    """Return the part of `MARGIN` of a minute between two instants; None if it is empty."""
    start = instant_of(minute)
    since, until = max(since, start + timedelta(seconds=MARGIN[0])), min(until, start + timedelta(seconds=MARGIN[1]))
    return (since, until) if since < until else None
