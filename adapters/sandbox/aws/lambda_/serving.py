"""What serves one function's requests: provisioned units first, then environments on demand, within a limit."""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.sandbox.aws.lambda_.environments import Environment, EnvironmentPool, Lives
from adapters.sandbox.traffic.durations import Ended


@dataclass(slots=True)
class Place:
    """Where a request that began at `began` is served: in an environment of `pool`, or in a provisioned unit where that is None.
    `since`: when its work began that is not counted yet.
    """

    began: int
    pool: EnvironmentPool | None = None
    environment: Environment | None = None
    cold: bool = False
    since: int = field(init=False)

    def __post_init__(self) -> None:
        self.since = self.began


@dataclass(slots=True)
class Work:
    """Of the minute being played: requests that began, on provisioned units and in all; those that were throttled; milliseconds
    of work; the most units in use at once.
    """

    begun: int = 0
    begun_warm: int = 0
    throttled: int = 0
    warm_ms: int = 0
    on_demand_ms: int = 0
    peak: int = 0
    warm_peak: int = 0

    def throttles(self, requests: float) -> float:
        """How many of the minute's requests were throttled, of which those that were played are a sample."""
        return math.floor(requests * self.throttled / max(1, self.begun + self.throttled))


@dataclass(frozen=True, slots=True)
class Room:
    """What a request finds: the version that serves it, usable provisioned units, and units on demand that it may use."""

    version: str
    provisioned: int
    on_demand: int


class Servers:
    """One copy of what serves a function. `draw`: the lives of an environment that starts, which takes `init_ms`."""

    def __init__(self, draw: Callable[[], Lives], init_ms: int) -> None:
        self.work = Work()
        self._draw, self._init_ms = draw, init_ms
        self._pools: dict[str, EnvironmentPool] = {}
        self._open: dict[int, Place] = {}
        self._warm, self._warm_ending = 0, list[int]()

    def begin(self, request: int, at: int, room: Room) -> bool:
        """A request of the traffic begins; whether that is a cold start. What finds no room is throttled and never served."""
        place = self.take(at, room)
        if place is None:
            self.work.throttled += 1
            return False
        self._open[request] = place
        self.work.begun += 1
        self.work.begun_warm += place.pool is None
        self.note_peak(at)
        return place.cold

    def end(self, request: int, at: int) -> Ended | None:
        """The work of a request is done as planned; a cold start has put it off by the initialisation. None: it was throttled."""
        place = self._open.pop(request, None)
        if place is None:
            return None
        self._count(place, at)
        left = at + (self._init_ms if place.cold else 0)
        self.leave(place, left)
        return Ended(place.began, left, at - place.began)

    def oldest(self, at: int) -> int:
        """When the oldest request in flight began; `at` where there is none."""
        return min((place.began for place in self._open.values()), default=at)

    def take(self, at: int, room: Room) -> Place | None:
        """A place for a request that begins at `at`; None where there is none."""
        if self.warm_in_use(at) < room.provisioned:
            self._warm += 1
            return Place(at)
        if self.on_demand_in_use(at) >= room.on_demand:
            return None
        pool = self._pools.setdefault(room.version, EnvironmentPool(self._draw))
        environment, cold = pool.begin(at)
        return Place(at, pool, environment, cold)

    def leave(self, place: Place, at: int) -> None:
        """The request in `place` ends at `at`, now or later."""
        if place.pool is None or place.environment is None:
            heapq.heappush(self._warm_ending, at)
        else:
            place.pool.finish(place.environment, at)

    def close(self, at: int) -> Work:
        """End a minute at `at`: its figures, and new ones begin."""
        for place in self._open.values():
            self._count(place, at)
        done, self.work = self.work, Work()
        return done

    def note_peak(self, at: int) -> None:
        """What is in use now counts for the minute's peaks."""
        warm = self.warm_in_use(at)
        self.work.warm_peak = max(self.work.warm_peak, warm)
        self.work.peak = max(self.work.peak, warm + self.on_demand_in_use(at))

    def warm_in_use(self, at: int) -> int:
        """Provisioned units at work."""
        while self._warm_ending and self._warm_ending[0] <= at:
            heapq.heappop(self._warm_ending)
            self._warm -= 1
        return self._warm

    def on_demand_in_use(self, at: int) -> int:
        """Environments at work, of whichever version."""
        return sum(pool.in_use(at) for pool in self._pools.values())

    def alive(self, at: int) -> int:
        """Environments that exist at `at`."""
        return sum(pool.alive(at) for pool in self._pools.values())

    def _count(self, place: Place, at: int) -> None:
        if place.pool is None:
            self.work.warm_ms += at - place.since
        else:
            self.work.on_demand_ms += at - place.since
        place.since = at
