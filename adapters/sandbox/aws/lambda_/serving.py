"""Units that serve one function's requests: provisioned units first, then on-demand environments, within a limit."""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.sandbox.aws.lambda_.environments import Environment, EnvironmentPool, Lifetimes
from adapters.sandbox.held_units import HeldUnits
from adapters.sandbox.traffic.durations import Ended


@dataclass(slots=True)
class Place:
    """Unit that serves a request since `began`: an environment of `pool`, or the provisioned unit `provisioned` (numbered from 1)
    if that is None. `first`: a provisioned unit serves its first request. `since`: start of the work that is not counted yet.
    """

    began: int
    pool: EnvironmentPool | None = None
    environment: Environment | None = None
    cold: bool = False
    provisioned: int = 0
    first: bool = False
    since: int = field(init=False)

    def __post_init__(self) -> None:
        self.since = self.began


@dataclass(slots=True)
class Work:
    """Figures of the current minute: requests that started, in total and on provisioned units; cold starts that happened because
    pings held units; throttled requests; milliseconds of work; maximum of units in use at once.
    """

    started: int = 0
    started_warm: int = 0
    cold_during_pings: int = 0
    throttled: int = 0
    warm_ms: int = 0
    on_demand_ms: int = 0
    peak: int = 0
    warm_peak: int = 0

    def throttles(self, requests: float) -> float:
        """Return the number of throttled requests of the minute; the played requests are a sample of `requests`."""
        return math.floor(requests * self.throttled / max(1, self.started + self.throttled))


@dataclass(frozen=True, slots=True)
class FreeUnits:
    """Units that a request may use: the version that serves it, limit of provisioned units, limit of on-demand units."""

    version: str
    provisioned: int
    on_demand: int


class Servers:
    """Units of one function. `draw` returns the lifetimes of a new environment; its start takes `init_ms`."""

    def __init__(self, draw: Callable[[], Lifetimes], init_ms: int) -> None:
        self.work = Work()
        self._draw, self._init_ms = draw, init_ms
        self._pools: dict[str, EnvironmentPool] = {}
        self._open: dict[int, Place] = {}
        self._warm, self._warm_ending = 0, list[tuple[int, int]]()
        """Provisioned units in use, and as a heap the end of each use that is known, with the number of its unit."""
        self._warm_idle, self._used = list[int](), dict[str, set[int]]()
        """Numbers of provisioned units that are free, the most recently used last; and those of each version that were used."""
        self._held = HeldUnits()

    def begin(self, request: int, at: int, free: FreeUnits) -> bool:
        """Start a request of the traffic and return whether it is a cold start. Without a free unit it is throttled."""
        place = self.take(at, free)
        if place is None:
            self.work.throttled += 1
            return False
        self._open[request] = place
        self.work.started += 1
        self.work.started_warm += place.pool is None
        self.work.cold_during_pings += place.cold and self._held.needed(at)
        self.note_peak(at)
        return place.cold

    def end(self, request: int, at: int) -> Ended | None:
        """End a request at `at`, after a cold start later by the initialisation. Return its times; None if it was throttled."""
        place = self._open.pop(request, None)
        if place is None:
            return None
        self._count(place, at)
        end = at + (self._init_ms if place.cold else 0)
        self.leave(place, end)
        return Ended(place.began, end, at - place.began)

    def hold(self, place: Place, until: int) -> None:
        """Serve a ping until an instant."""
        if not place.cold:
            self._held.hold(until)
        self.leave(place, until)

    def oldest(self, at: int) -> int:
        """Return the start of the oldest request in flight; `at` without one."""
        return min((place.began for place in self._open.values()), default=at)

    def take(self, at: int, free: FreeUnits) -> Place | None:
        """Take a unit for a request that starts at `at`; None if all are in use."""
        if self.warm_in_use(at) < free.provisioned:
            return self._provisioned(at, free.version)
        if self.on_demand_in_use(at) >= free.on_demand:
            return None
        pool = self._pools.setdefault(free.version, EnvironmentPool(self._draw))
        environment, cold = pool.begin(at)
        return Place(at, pool, environment, cold)

    def _provisioned(self, at: int, version: str) -> Place:
        """Take a provisioned unit. One of them is free."""
        self._warm += 1
        number = self._warm_idle.pop() if self._warm_idle else self._warm
        used = self._used.setdefault(version, set())
        place = Place(at, provisioned=number, first=number not in used)
        used.add(number)
        return place

    def leave(self, place: Place, at: int) -> None:
        """Free the unit of a request that ends at `at`, now or later."""
        if place.pool is None or place.environment is None:
            heapq.heappush(self._warm_ending, (at, place.provisioned))
        else:
            place.pool.finish(place.environment, at)

    def close(self, at: int) -> Work:
        """Close the minute at `at` and return its figures."""
        for place in self._open.values():
            self._count(place, at)
        done, self.work = self.work, Work()
        return done

    def note_peak(self, at: int) -> None:
        """Update the peaks of the minute with the units in use at `at`."""
        warm, work = self.warm_in_use(at), self.work
        peak = warm + self.on_demand_in_use(at)
        if warm > work.warm_peak:  # `max` takes three times as long, and this is called several times per request
            work.warm_peak = warm
        if peak > work.peak:
            work.peak = peak

    def warm_in_use(self, at: int) -> int:
        """Return the number of provisioned units in use at `at`."""
        while self._warm_ending and self._warm_ending[0][0] <= at:
            self._warm_idle.append(heapq.heappop(self._warm_ending)[1])
            self._warm -= 1
        return self._warm

    def on_demand_in_use(self, at: int) -> int:
        """Return the number of environments in use at `at`, of all versions."""
        in_use = 0
        for pool in self._pools.values():
            in_use += pool.in_use(at)
        return in_use

    def alive(self, at: int) -> int:
        """Return the number of environments that exist at `at`, of all versions."""
        return sum(pool.alive(at) for pool in self._pools.values())

    def _count(self, place: Place, at: int) -> None:
        if place.pool is None:
            self.work.warm_ms += at - place.since
        else:
            self.work.on_demand_ms += at - place.since
        place.since = at
