"""How many requests of a service waited for an instance, minute by minute, from the instances that Cloud Run has started. Pure.

Cloud Monitoring publishes how many instances started in each minute (the count of `container/startup_latencies`). Where an
instance takes one request at a time, each that a raised minimum did not start was started for a request that waited. So there
were no more cold starts than instances started, and no fewer than those less the instances that were missing from the minimum.
"""

from collections.abc import Callable, Mapping

KEPT = 30
"""Minutes that are kept: the accounts settle a minute long before it is so old."""


class Starts:
    """Of one service. Minutes are since the epoch."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._started: dict[int, int] = {}

    def note(self, counts: Mapping[int, int], started: Mapping[int, int], end: int) -> None:
        """Take in the instances that existed at the end of each minute, and those that started in it. Both are published for
        every minute before `end`: one with a count of instances and without any of starts had none.
        """
        self._counts |= counts
        self._started |= {minute: started.get(minute, 0) for minute in self._counts.keys() | started.keys() if minute < end}
        self._counts, self._started = ({minute: value for minute, value in each.items() if minute >= end - KEPT}
                                       for each in (self._counts, self._started))

    def cold(self, asked: Callable[[int], int]) -> dict[int, tuple[int, int]]:
        """The least and the most cold starts of each known minute. `asked`: the most that the minimum was in a minute."""
        return {minute: (max(0, started - self._missing(minute, asked(minute))), started)
                for minute, started in self._started.items()}

    def _missing(self, minute: int, asked: int) -> int:
        """Instances that the minimum may have started: those that it lacked when the minute before ended."""
        return max(0, asked - self._counts.get(minute - 1, 0))
