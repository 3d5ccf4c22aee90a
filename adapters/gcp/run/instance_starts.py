"""Cold starts of a service by minute, from the instances that Cloud Run has started. Pure.

Cloud Monitoring publishes the number of instances that started in each minute (the count of `container/startup_latencies`). When
an instance takes one request at a time, each start that a raised minimum did not cause was caused by a request that waited. So
the number of cold starts is at most the number of started instances, and at least that number minus the instances that were
missing from the minimum.
"""

from collections.abc import Callable, Mapping

KEPT = 30
"""Minutes that are kept, more than accounting needs to settle a minute."""


class InstanceStarts:
    """Started instances of one service. Minutes are since the epoch."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._started: dict[int, int] = {}

    def add(self, counts: Mapping[int, int], started: Mapping[int, int], end: int) -> None:
        """Add the instances at the end of each minute (`counts`), and those that started in it.

        Both are published for every minute before `end`, so a minute with a count of instances and without starts had no start.
        """
        self._counts |= counts
        self._started |= {minute: started.get(minute, 0) for minute in self._counts.keys() | started.keys() if minute < end}
        self._counts, self._started = ({minute: value for minute, value in each.items() if minute >= end - KEPT}
                                       for each in (self._counts, self._started))

    def cold_starts(self, highest_minimum: Callable[[int], int]) -> dict[int, tuple[int, int]]:
        """Return known minute -> lower and upper bound of its cold starts. `highest_minimum`: minute -> highest minimum in it."""
        return {minute: (max(0, started - self._missing(minute, highest_minimum(minute))), started)
                for minute, started in self._started.items()}

    def _missing(self, minute: int, minimum: int) -> int:
        """Return the instances that the minimum can have started: those that were missing at the end of the previous minute."""
        return max(0, minimum - self._counts.get(minute - 1, 0))
