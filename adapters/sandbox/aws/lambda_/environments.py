"""On-demand execution environments of one function version."""

import heapq
from collections.abc import Callable
from typing import NamedTuple


class Lifetimes(NamedTuple):
    """Maximum idle time and maximum age of one environment, in milliseconds."""

    idle: int
    age: int


class Environment:
    """One environment, numbered in order of start. It ends at `ends_at` or after its maximum idle time, but never while busy."""

    __slots__ = ("ends_at", "idle", "idle_since", "number")

    def __init__(self, number: int, lifetimes: Lifetimes, started: int) -> None:
        self.number, self.idle, self.ends_at, self.idle_since = number, lifetimes.idle, started + lifetimes.age, started

    def alive(self, at: int) -> bool:
        """Return whether the idle environment still exists at `at`."""
        return at - self.idle_since < self.idle and at < self.ends_at


class EnvironmentPool:
    """Pool that serves requests from idle environments, the most recently used first, and starts one if none is idle.

    AWS documents no order. This one is the hardest for pings: the unit that was used least recently is reached only while all
    others are in use, so no round can reach it while other units stay free.

    Instants are in milliseconds; requests must come in order of their start. `draw` is called once per started environment.
    """

    def __init__(self, draw: Callable[[], Lifetimes]) -> None:
        self._draw = draw
        self._idle: list[Environment] = []  # most recently used last
        self._ending: list[tuple[int, int, Environment]] = []  # heap of those busy until a known instant
        self.started = 0
        self._at_work = 0

    def begin(self, at: int) -> tuple[Environment, bool]:
        """Take an environment for a request that starts at `at`. True: the environment is new (a cold start)."""
        self._release(at)
        self._at_work += 1
        while self._idle:
            environment = self._idle.pop()
            if environment.alive(at):
                return environment, False
        self.started += 1
        return Environment(self.started, self._draw(), at), True

    def finish(self, environment: Environment, at: int) -> None:
        """Free `environment` at `at`, now or later."""
        heapq.heappush(self._ending, (at, environment.number, environment))

    def in_use(self, at: int) -> int:
        """Return the number of environments that serve a request at `at`."""
        self._release(at)
        return self._at_work

    def alive(self, at: int) -> int:
        """Return the number of environments that exist at `at`, busy or idle."""
        self._release(at)
        self._idle = [environment for environment in self._idle if environment.alive(at)]
        return self._at_work + len(self._idle)

    def _release(self, at: int) -> None:
        while self._ending and self._ending[0][0] <= at:
            end, _, environment = heapq.heappop(self._ending)
            environment.idle_since = end
            self._idle.append(environment)
            self._at_work -= 1
