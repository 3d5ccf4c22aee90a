"""Execution environments of one function version that were started on demand."""

import heapq
from collections.abc import Callable
from typing import NamedTuple


class Lives(NamedTuple):
    """Of one environment, in milliseconds: how long it survives idle, and how old it becomes however often it is used."""

    idle: int
    age: int


class Environment:
    """One environment, numbered as it started; it ends at `ends_at` or once it has been idle for its time, never at work."""

    __slots__ = ("ends_at", "idle", "idle_since", "number")

    def __init__(self, number: int, lives: Lives, started: int) -> None:
        self.number, self.idle, self.ends_at, self.idle_since = number, lives.idle, started + lives.age, started

    def alive(self, at: int) -> bool:
        """Whether it still exists at `at`, idle since `idle_since`."""
        return at - self.idle_since < self.idle and at < self.ends_at


class EnvironmentPool:
    """Serves requests from idle environments, the most recently used first, and starts a new one when none is alive.

    Instants are in milliseconds; requests must come in order of their start. `draw` is asked once for every environment that
    starts.
    """

    def __init__(self, draw: Callable[[], Lives]) -> None:
        self._draw = draw
        self._idle: list[Environment] = []  # the most recently used last
        self._ending: list[tuple[int, int, Environment]] = []  # heap of those at work until a known instant
        self.started = 0
        self._at_work = 0

    def begin(self, at: int) -> tuple[Environment, bool]:
        """Take an environment for a request that begins; True: it had to be started (a cold start)."""
        self._release(at)
        self._at_work += 1
        while self._idle:
            environment = self._idle.pop()
            if environment.alive(at):
                return environment, False
        self.started += 1
        return Environment(self.started, self._draw(), at), True

    def finish(self, environment: Environment, at: int) -> None:
        """The request of `environment` ends at `at`, now or later."""
        heapq.heappush(self._ending, (at, environment.number, environment))

    def in_use(self, at: int) -> int:
        """How many environments serve a request at `at`."""
        self._release(at)
        return self._at_work

    def alive(self, at: int) -> int:
        """How many environments exist at `at`, busy or idle."""
        self._release(at)
        self._idle = [environment for environment in self._idle if environment.alive(at)]
        return self._at_work + len(self._idle)

    def _release(self, at: int) -> None:
        while self._ending and self._ending[0][0] <= at:
            end, _, environment = heapq.heappop(self._ending)
            environment.idle_since = end
            self._idle.append(environment)
            self._at_work -= 1
