"""Warm units that pings hold, and the requests that wait because of that."""

import heapq


class HeldUnits:
    """Ends of the pings that hold a warm unit, in milliseconds; without those whose unit a request has needed."""

    def __init__(self) -> None:
        self._ends: list[int] = []

    def hold(self, until: int) -> None:
        """Add a warm unit that a ping holds until an instant."""
        heapq.heappush(self._ends, until)

    def needed(self, at: int) -> bool:
        """Return whether a request that waits for another unit at `at` needs one that a ping holds. Each serves one of them."""
        while self._ends and self._ends[0] <= at:
            heapq.heappop(self._ends)
        if not self._ends:
            return False
        heapq.heappop(self._ends)
        return True
