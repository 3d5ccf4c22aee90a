"""Ready instances of a minimum by minute: the requested minimum over time, corrected by counts of instances. Pure.

Cloud Monitoring publishes a count of instances 2 to 3 min late, and the count includes instances that users' requests started.
So an instance of a raised minimum is ready in a minute if it can have started by the middle of that minute and was counted.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from forecasting.demand import instant_of, minute_of

KEPT = 20
"""Minutes whose counts are kept, more than accounting needs to settle a minute."""

RECENT = 8
"""Minutes after which a count is too old to stand for the present."""

MIDDLE = timedelta(seconds=30)


class ReadyInstances:
    """Ready instances of one service's minimum. `start`: start time of an instance."""

    def __init__(self, start: timedelta) -> None:
        self.start = start
        self._ready: dict[int, int] = {}
        """Counted minute since the epoch -> ready units of the minimum, oldest first."""
        self._minima: list[tuple[datetime, int]] = []
        """Changes of the minimum, oldest first."""

    def set_minimum(self, units: int, at: datetime) -> None:
        """Note that the minimum is `units` from `at` on. The units of the first call count as started."""
        if self._minima and self._minima[-1][1] == units:
            return
        self._minima.append((at, units))
        old = [index for index, (since, _) in enumerate(self._minima) if since <= at - self.start - timedelta(minutes=KEPT)]
        del self._minima[: max(0, len(old) - 1)]

    def add_counts(self, counts: Mapping[int, int]) -> None:
        """Add the number of instances at the end of each minute. A new count of a minute replaces the old one."""
        for minute, count in counts.items():
            self._ready[minute] = min(count, self._can_be_ready(minute))
        newest = max(self._ready, default=0)
        self._ready = {minute: self._ready[minute] for minute in sorted(self._ready) if minute > newest - KEPT}

    def newest(self, now: datetime) -> int | None:
        """Return the ready units at `now` by the newest counts; None without a count of the last `RECENT` minutes.

        The newest two counts are used, because the last one may be published for only some of the revisions. A lower minimum
        since then limits the result.
        """
        recent = [minute for minute in self._ready if minute >= minute_of(now) - RECENT][-2:]
        if not recent:
            return None
        counted_at = instant_of(recent[0]) + MIDDLE
        since = [units for when, units in self._minima if when > counted_at]
        return min([max(self._ready[minute] for minute in recent), *since])

    def by_minute(self, now: datetime) -> dict[int, int]:
        """Return recent minute -> ready units, oldest first.

        A minute without a count yet has the units that can have started by then. If both newest counts are lower than that, it
        has at most the newest count. Empty when the minimum has not changed in the last `KEPT` minutes and all units were ready.
        """
        counted = [minute for minute in self._ready if minute >= minute_of(now) - RECENT]
        if not counted or self._steady(now):
            return {}
        newest = counted[-1]
        missing = all(self._ready[minute] < self._can_be_ready(minute) for minute in counted[-2:])
        limit = self._ready[newest] if missing else None
        later = {minute: self._can_be_ready(minute) for minute in range(newest + 1, minute_of(now) + 1)}
        return self._ready | {minute: units if limit is None else min(limit, units) for minute, units in later.items()}

    def highest_minimum(self, minute: int) -> int:
        """Return the highest value of the minimum at any instant of `minute`."""
        start, end = instant_of(minute), instant_of(minute + 1)
        before = [units for when, units in self._minima if when <= start][-1:]
        return max(before + [units for when, units in self._minima if start < when < end], default=0)

    def _steady(self, now: datetime) -> bool:
        """Return whether the minimum has not changed in the last `KEPT` minutes and all of its units were counted."""
        changed_at, units = self._minima[-1]
        return now - changed_at > timedelta(minutes=KEPT) and min(self._ready.values()) >= units

    def _can_be_ready(self, minute: int) -> int:
        """Return the units that can be ready in the middle of `minute`: the lowest minimum from `start` before it on."""
        at = instant_of(minute) + MIDDLE
        since = [units for when, units in self._minima if when <= at - self.start][-1:] or [self._minima[0][1]]
        return min(since + [units for when, units in self._minima if at - self.start < when <= at])
