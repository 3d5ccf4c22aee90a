"""When the next round comes: within the pause that is safe, in a quiet minute, never twice at the same second. Pure but for the
generator it is handed.
"""

from datetime import datetime, timedelta

from numpy.random import Generator

from adapters.pinging.usage_pattern import UsagePattern
from forecasting.demand import instant_of, minute_of

EARLIEST = 0.7
"""Share of the pause after which a round may come."""

MARGIN = (5.0, 50.0)
"""Seconds of a minute in which rounds begin: metrics then book it in one minute, and what runs on the minute is over."""

LONGEST_WAIT = 30
"""Minutes that a round is put off for expected users; they keep the units warm meanwhile."""


def next_round(last: datetime, pause: timedelta, units: int, rhythm: UsagePattern, rng: Generator) -> datetime:
    """An instant for the round after the one at `last`, for `units` units.

    Of the minutes that the pause allows, one of those with the fewest users expected. Where even that one is expected to have
    `units` users at once, the first one after it that is not: no ping comes on top of a peak.
    """
    chances = {minute: chance for minute in range(minute_of(last + EARLIEST * pause), minute_of(last + pause) + 1)
               if (chance := _chance(minute, last + EARLIEST * pause, last + pause)) is not None}
    expected = {minute: rhythm.expected(minute) for minute in chances}
    if not chances:
        return last + pause * float(rng.uniform(EARLIEST, 1.0))
    if min(expected.values()) >= units:
        end = minute_of(last + pause)
        minute = next((at for at in range(end, end + LONGEST_WAIT) if rhythm.expected(at) < units), end + LONGEST_WAIT)
        return instant_of(minute) + timedelta(seconds=float(rng.uniform(*MARGIN)))
    quiet = [minute for minute, users in expected.items() if users <= min(expected.values())]
    since, until = chances[quiet[int(rng.integers(len(quiet)))]]
    return since + (until - since) * float(rng.uniform())


def _chance(minute: int, since: datetime, until: datetime) -> tuple[datetime, datetime] | None:
    """The part of a minute in which a round may begin that lies between two instants; None when there is none."""
    start = instant_of(minute)
    since, until = max(since, start + timedelta(seconds=MARGIN[0])), min(until, start + timedelta(seconds=MARGIN[1]))
    return (since, until) if since < until else None
