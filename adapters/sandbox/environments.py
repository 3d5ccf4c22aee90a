"""Execution environments of one function version that were started on demand."""

import heapq
from collections.abc import Callable


class EnvironmentPool:
    """Serves requests from idle environments, the most recently used first, and starts a new one when none is alive.

    An environment dies once it has been idle for its keep-alive. Instants and spans are in milliseconds; requests must come
    in order of their start. `keep_alive` is asked once for every environment that starts.
    """

    def __init__(self, keep_alive: Callable[[], int]) -> None:
        self._keep_alive = keep_alive
        self._idle: list[tuple[int, int, int]] = []  # (idle since, keep-alive, number), the most recently used last
        self._busy: list[tuple[int, int, int, int]] = []  # heap of (busy until, -order, keep-alive, number)
        self.started = 0
        self.taken = 0
        """The number of the environment that was acquired last; they are numbered as they start."""

    def acquire(self, start: int, end: int, order: int = 0) -> bool:
        """Hold an environment from `start` to `end`; True when it had to be started (a cold start).

        Of environments that fall idle at one instant, the one with the lowest `order` counts as used last.
        """
        self._release(start)
        cold, keep_alive, number = True, 0, 0
        while self._idle and cold:
            idle_since, keep_alive, number = self._idle.pop()
            cold = start - idle_since >= keep_alive
        if cold:
            self.started += 1
            keep_alive, number = self._keep_alive(), self.started
        heapq.heappush(self._busy, (end, -order, keep_alive, number))
        self.taken = number
        return cold

    def in_use(self, at: int) -> int:
        """How many environments serve a request at `at`."""
        self._release(at)
        return len(self._busy)

    def alive(self, at: int) -> int:
        """How many environments exist at `at`, busy or idle."""
        self._release(at)
        self._idle = [idle for idle in self._idle if at - idle[0] < idle[1]]
        return len(self._busy) + len(self._idle)

    def _release(self, at: int) -> None:
        while self._busy and self._busy[0][0] <= at:
            end, _, keep_alive, number = heapq.heappop(self._busy)
            self._idle.append((end, keep_alive, number))
