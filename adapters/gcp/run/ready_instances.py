"""How many instances of a minimum were ready, minute by minute: what was asked for and when, corrected by what was counted. Pure.

Cloud Monitoring publishes a count of instances two to three minutes late, and it counts those that users' requests have started,
too. So an instance of a raise is ready in a minute if it can have started by the middle of that minute, and was counted.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from forecasting.demand import instant_of, minute_of

KEPT = 20
"""Minutes whose counts are kept: the accounts settle a minute long before it is so old."""

RECENT = 8
"""Minutes after which a count says nothing about the present."""

MIDDLE = timedelta(seconds=30)


class Floor:
    """Of one service. `start`: how long an instance takes to start."""

    def __init__(self, start: timedelta) -> None:
        self.start = start
        self._ready: dict[int, int] = {}
        """Units of the minimum that were ready in each counted minute (minutes since the epoch), the oldest first."""
        self._asked: list[tuple[datetime, int]] = []

    def ask(self, units: int, at: datetime) -> None:
        """The minimum is `units` from `at` on; one that was set before the first call counts as started."""
        if self._asked and self._asked[-1][1] == units:
            return
        self._asked.append((at, units))
        old = [index for index, (since, _) in enumerate(self._asked) if since <= at - self.start - timedelta(minutes=KEPT)]
        del self._asked[: max(0, len(old) - 1)]

    def note(self, counts: Mapping[int, int]) -> None:
        """Take in how many instances each minute had when it ended; a minute that was counted before is corrected."""
        for minute, count in counts.items():
            self._ready[minute] = min(count, self._started(minute))
        newest = max(self._ready, default=0)
        self._ready = {minute: self._ready[minute] for minute in sorted(self._ready) if minute > newest - KEPT}

    def newest(self, now: datetime) -> int | None:
        """Units that are ready at `now` by the newest counts, of which the last may be published for some of the revisions only,
        less what has been given back since; None without a count of the last `RECENT` minutes.
        """
        recent = [minute for minute in self._ready if minute >= minute_of(now) - RECENT][-2:]
        if not recent:
            return None
        counted_at = instant_of(recent[0]) + MIDDLE
        since = [units for when, units in self._asked if when > counted_at]
        return min([max(self._ready[minute] for minute in recent), *since])

    def by_minute(self, now: datetime) -> dict[int, int]:
        """Units that were ready in each recent minute, the oldest first. A minute that is not counted yet has those that can have
        started by then, unless fewer than that were counted in the newest ones: then no more have started since. Empty where
        nothing has changed for long and all were ready.
        """
        counted = [minute for minute in self._ready if minute >= minute_of(now) - RECENT]
        if not counted or self._steady(now):
            return {}
        newest = counted[-1]
        missing = all(self._ready[minute] < self._started(minute) for minute in counted[-2:])
        most = self._ready[newest] if missing else None
        later = {minute: self._started(minute) for minute in range(newest + 1, minute_of(now) + 1)}
        return self._ready | {minute: units if most is None else min(most, units) for minute, units in later.items()}

    def most_asked(self, minute: int) -> int:
        """The most that the minimum was at any instant of `minute`."""
        begins, ends = instant_of(minute), instant_of(minute + 1)
        before = [units for when, units in self._asked if when <= begins][-1:]
        return max(before + [units for when, units in self._asked if begins < when < ends], default=0)

    def _steady(self, now: datetime) -> bool:
        """Whether the minimum has been the same for as long as counts are kept, and all of it was counted."""
        asked_at, units = self._asked[-1]
        return now - asked_at > timedelta(minutes=KEPT) and min(self._ready.values()) >= units

    def _started(self, minute: int) -> int:
        """Units that can be ready in the middle of `minute`: the fewest that were asked for from `start` before it on."""
        at = instant_of(minute) + MIDDLE
        since = [units for when, units in self._asked if when <= at - self.start][-1:] or [self._asked[0][1]]
        return min(since + [units for when, units in self._asked if at - self.start < when <= at])
