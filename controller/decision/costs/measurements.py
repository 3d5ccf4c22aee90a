"""What was measured in place of what the policy assumes: how long raises take, how late metrics are. Pure."""

import math
import statistics
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from adapters.ports.lever import Traits
from controller.decision.costs.keep_alive import steadied
from controller.redaction.redactor import without_secrets
from forecasting.demand import instant_of, minute_of

RECENT_RAISES = 20
"""A pool's lead time is the median of so many of its latest raises."""

ENOUGH = 3
"""Fewer measurements than this prove nothing yet: one of them may be a provider's bad day."""

RECENT_COLLECTIONS = 60
ENOUGH_COLLECTIONS = 10

SETTLING_COLLECTIONS = 1440
"""By how many of the last collections it is judged when minutes have settled."""

UNSETTLED_SHARE = 0.001
"""Share of a pool's minutes that may still change once they count as settled."""


def median_span(seconds: Iterable[float]) -> timedelta | None:
    """The median of measured seconds; None when there are fewer than `ENOUGH`."""
    measured = list(seconds)
    return timedelta(seconds=statistics.median(measured)) if len(measured) >= ENOUGH else None


def learned(traits: Traits, before: Traits, memory_mb: int | None) -> Traits:
    """What is taken up of `traits` that have been read, after `before`: `memory_mb` of the policy goes first."""
    return replace(traits, memory_mb=traits.memory_mb if memory_mb is None else memory_mb, limit=without_secrets(traits.limit),
                   keep_alive=steadied(traits.keep_alive, before.keep_alive))


def ready_after(counted: Callable[[], Mapping[int, int]] | None, target: int, sent: datetime, seen_after: float) -> float:
    """Seconds that a raise to `target` took, sent at `sent` and seen to be ready `seen_after` seconds later: where the provider
    counts units late (`adapters.ports.lever.CountsInstances`), to the end of the first minute from which on `target` were
    counted.
    """
    ready = seen_after
    for minute, units in sorted(({} if counted is None else counted()).items(), reverse=True):
        if minute < minute_of(sent) or units < target:
            break
        ready = min(seen_after, (instant_of(minute + 1) - sent).total_seconds())
    return ready


class DelayMeter:
    """How late a source's metrics settle, in minutes from the start of a minute to the tick that read its last change.

    A collection tells, for each pool, how old the oldest minute was that appeared or still changed; the median over its pools
    is one measurement, and the median of the last `RECENT_COLLECTIONS` of those is the delay. A minute that is published
    early and corrected later counts as late as its correction, so that no half-counted minute is decided upon.
    """

    def __init__(self) -> None:
        self.minutes: deque[float] = deque(maxlen=RECENT_COLLECTIONS)

    def note(self, ages_minutes: Iterable[int]) -> None:
        """Take in one collection: an age for each pool of which something was new."""
        ages = list(ages_minutes)
        if ages:
            self.minutes.append(statistics.median(ages))

    @property
    def delay(self) -> timedelta | None:
        """The measured delay in whole minutes, at least one, rounded up; None while too little was seen."""
        if len(self.minutes) < ENOUGH_COLLECTIONS:
            return None
        return timedelta(minutes=max(1, math.ceil(statistics.median(self.minutes))))


class SettlingMeter:
    """The age in minutes at which a minute has settled: a high quantile of the ages at which minutes still change, where
    `DelayMeter` has the median. `longest`: minutes for which a source is read again; the answer until enough was seen.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._recent: deque[tuple[NDArray[np.int64], int]] = deque()
        self._changes, self._minutes = np.zeros(longest + 1, np.int64), 0

    def note(self, ages: NDArray[np.int64], pools: int) -> None:
        """Take in one collection: the ages in minutes of all minutes that it changed, of all of `pools` pools that had news."""
        changes = np.bincount(ages[ages <= self._longest], minlength=self._longest + 1)
        self._recent.append((changes, pools))
        self._changes, self._minutes = self._changes + changes, self._minutes + pools
        if len(self._recent) > SETTLING_COLLECTIONS:
            changes, pools = self._recent.popleft()
            self._changes, self._minutes = self._changes - changes, self._minutes - pools

    @property
    def minutes(self) -> int:
        """The least age after which no more than `UNSETTLED_SHARE` of the minutes have changed, had one more done so."""
        later = self._changes[::-1].cumsum()[::-1] - self._changes
        settled = later + 1 <= UNSETTLED_SHARE * self._minutes
        return max(1, int(np.argmax(settled))) if settled.any() else self._longest
