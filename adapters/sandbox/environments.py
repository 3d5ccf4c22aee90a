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
        self._idle: list[tuple[int, int]] = []  # (idle since, keep-alive), the most recently used last
        self._busy: list[tuple[int, int, int]] = []  # heap of (busy until, -order, keep-alive)

    def acquire(self, start: int, end: int, order: int = 0) -> bool:
        """Hold an environment from `start` to `end`; True when it had to be started (a cold start).

        Of environments that fall idle at one instant, the one with the lowest `order` counts as used last.
        """
        self._release(start)
        cold, keep_alive = True, 0
        while self._idle and cold:
            idle_since, keep_alive = self._idle.pop()
            cold = start - idle_since >= keep_alive
        if cold:
            keep_alive = self._keep_alive()
        heapq.heappush(self._busy, (end, -order, keep_alive))
        return cold

    def in_use(self, at: int) -> int:
        """How many environments serve a request at `at`."""
        self._release(at)
        return len(self._busy)

    def alive(self, at: int) -> int:
        """How many environments exist at `at`, busy or idle."""
        self._release(at)
        self._idle = [(since, keep_alive) for since, keep_alive in self._idle if at - since < keep_alive]
        return len(self._busy) + len(self._idle)

    def _release(self, at: int) -> None:
        while self._busy and self._busy[0][0] <= at:
            end, _, keep_alive = heapq.heappop(self._busy)
            self._idle.append((end, keep_alive))
