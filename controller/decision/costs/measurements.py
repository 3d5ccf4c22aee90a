"""Measurements that replace assumptions of the policy: lead time, metric delay, and age of settled minutes. Pure."""

import math
import statistics
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from adapters.ports.lever import Traits
from controller.decision.costs.cost_model import LASTING
from controller.decision.costs.keep_alive import is_measured, near, steadied
from controller.redaction.redactor import without_secrets
from forecasting.demand import instant_of, minute_of

RECENT_RAISES = 20
"""Latest raises of a pool whose median duration is its lead time."""

ENOUGH = 3
"""Least number of measured raises: one of them may be an outlier of the provider."""

RECENT_COLLECTIONS = 60
ENOUGH_COLLECTIONS = 10

SETTLING_COLLECTIONS = 1440
"""Latest collections from which the age of settled minutes is calculated."""

UNSETTLED_SHARE = 0.001
"""Share of a pool's minutes that may still change once they count as settled."""


def median_span(seconds: Iterable[float]) -> timedelta | None:
    """Return the median of measured seconds; None with fewer than `ENOUGH`."""
    measured = list(seconds)
    return timedelta(seconds=statistics.median(measured)) if len(measured) >= ENOUGH else None


def learned(traits: Traits, before: Traits, memory_mb: int | None) -> Traits:
    """Return the traits to use after `before`, from those just read. `memory_mb` of the policy takes precedence."""
    return replace(traits, memory_mb=traits.memory_mb if memory_mb is None else memory_mb, limit=without_secrets(traits.limit),
                   keep_alive=steadied(traits.keep_alive, before.keep_alive),
                   pinged_life=near(traits.pinged_life, before.pinged_life or LASTING) or before.pinged_life)


def traits_of_layers(base: Traits, top: Traits | None) -> Traits:
    """Return the traits of a pool from those of its base, with the initialisation and the durations that only the pings of its
    top have measured. `top`: None for a pool with one lever.
    """
    if top is None:
        return base
    return replace(base, pinged_life=top.pinged_life,
                   init_seconds=top.init_seconds if base.init_seconds is None else base.init_seconds,
                   keep_alive=base.keep_alive if is_measured(base.keep_alive) or top.keep_alive is None else top.keep_alive)


def ready_after(counted: Callable[[], Mapping[int, int]] | None, target: int, sent: datetime, seen_after: float) -> float:
    """Return the seconds that a raise to `target`, sent at `sent` and read as ready `seen_after` seconds later, took.

    Where the provider counts units late (`adapters.ports.lever.CountsInstances`), it ends with the first minute from which on
    `target` units were counted.
    """
    ready = seen_after
    for minute, units in sorted(({} if counted is None else counted()).items(), reverse=True):
        if minute < minute_of(sent) or units < target:
            break
        ready = min(seen_after, (instant_of(minute + 1) - sent).total_seconds())
    return ready


class DelayMeter:
    """Metric delay of a source: minutes from the start of a minute to the tick that read its last change.

    A collection gives, for each pool, the age of the oldest minute that appeared or changed. The median over its pools is one
    measurement, and the median of the last `RECENT_COLLECTIONS` measurements is the delay. A minute that is published early and
    corrected later counts as late as its correction, so that no decision uses an incomplete minute.
    """

    def __init__(self) -> None:
        self.minutes: deque[float] = deque(maxlen=RECENT_COLLECTIONS)

    def note(self, ages_minutes: Iterable[int]) -> None:
        """Add one collection: an age for each pool with new data."""
        ages = list(ages_minutes)
        if ages:
            self.minutes.append(statistics.median(ages))

    @property
    def delay(self) -> timedelta | None:
        """Measured delay in whole minutes, rounded up, at least 1; None with fewer than `ENOUGH_COLLECTIONS`."""
        if len(self.minutes) < ENOUGH_COLLECTIONS:
            return None
        return timedelta(minutes=max(1, math.ceil(statistics.median(self.minutes))))


class SettlingMeter:
    """Age in minutes at which a minute has settled: a high quantile of the ages at which minutes still change.

    `DelayMeter` has the median of them. `longest`: minutes for which a source is read again; the result until there are enough
    collections.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._recent: deque[tuple[NDArray[np.int64], int]] = deque()
        self._changes, self._minutes = np.zeros(longest + 1, np.int64), 0

    def note(self, ages: NDArray[np.int64], pools: int) -> None:
        """Add one collection: the ages of all minutes that it changed, in minutes, and the number of pools with new data."""
        changes = np.bincount(ages[ages <= self._longest], minlength=self._longest + 1)
        self._recent.append((changes, pools))
        self._changes, self._minutes = self._changes + changes, self._minutes + pools
        if len(self._recent) > SETTLING_COLLECTIONS:
            changes, pools = self._recent.popleft()
            self._changes, self._minutes = self._changes - changes, self._minutes - pools

    @property
    def minutes(self) -> int:
        """Smallest age after which at most `UNSETTLED_SHARE` of the minutes have changed, counting one more change than seen."""
        later = self._changes[::-1].cumsum()[::-1] - self._changes
        settled = later + 1 <= UNSETTLED_SHARE * self._minutes
        return max(1, int(np.argmax(settled))) if settled.any() else self._longest
