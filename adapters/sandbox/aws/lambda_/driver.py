"""Driver of one function: plays its traffic through its environments, request by request, and counts cold starts."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from adapters.sandbox.aws.lambda_.counts import Pings, Served, Totals
from adapters.sandbox.aws.lambda_.environments import Lifetimes
from adapters.sandbox.aws.lambda_.functions import LambdaFunction
from adapters.sandbox.aws.lambda_.provisioned_capacity import ProvisionedCapacity
from adapters.sandbox.aws.lambda_.serving import FreeUnits, Servers, Work
from adapters.sandbox.traffic.durations import Durations, Ended
from adapters.sandbox.traffic.metrics import MinuteTable
from adapters.sandbox.traffic.recorded import MINUTE_MS, QUIET, Traffic
from adapters.sandbox.traffic.request_plan import Event, Events, RequestPlan

REQUESTS_PER_UNIT_MINUTE = 600
"""Maximum requests per minute and provisioned unit, however short they are; further requests spill over."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Maximum concurrency of a function (reserved concurrency or the rest of the account's limit): now, and for the twin, as if
    nothing were provisioned in the account.
    """

    now: Callable[[], int]
    without: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Randomness:
    """Source of random numbers. `seed` is used for the traffic and for the lifetimes of environments, which are the same for the
    function and its twin. `idle_ms`, `age_ms`: minimum and maximum of `Lifetimes`.
    """

    seed: tuple[int, ...]
    idle_ms: tuple[int, int]
    age_ms: tuple[int, int]

    def lifetimes(self) -> Callable[[], Lifetimes]:
        """Return a function that draws the lifetimes of one environment after another; the sequence is always the same."""
        rng = self.generator(1)
        return lambda: Lifetimes(*(int(rng.integers(low, high + 1)) for low, high in (self.idle_ms, self.age_ms)))

    def generator(self, purpose: int) -> np.random.Generator:
        """Return a generator for one purpose, seeded with `seed` and `purpose`."""
        return np.random.Generator(np.random.PCG64([*self.seed, purpose]))


class Driver:
    """Driver of one function. Time only advances; a reader or writer of the function's state first advances it to their instant.

    A twin plays the same traffic without warm capacity. Minutes before `counted_from` warm the environments and are not counted.
    """

    def __init__(self, function: LambdaFunction, traffic: Traffic, table: MinuteTable, first_minute: int, randomness: Randomness,
                 limits: Limits, counted_from: int | None = None) -> None:
        self.totals, self.table = Totals(), table
        self.last = QUIET
        self._function, self._limits = function, limits
        self._plan = RequestPlan(traffic, randomness.generator(2))
        init_ms = round(function.init_seconds * 1000)
        self._servers, self._twin = (Servers(randomness.lifetimes(), init_ms) for _ in range(2))
        self._durations = Durations()
        self._minute, self._counted_from = first_minute, first_minute if counted_from is None else counted_from
        self._open()

    def advance_to(self, at: int) -> None:
        """Play the traffic up to and including the instant `at` (milliseconds since the epoch)."""
        while True:
            for event in self._events.until(at):
                self._step(event)
            end = (self._minute + 1) * MINUTE_MS
            if end > at:
                self._function.settle(at)
                return
            self._function.settle(end)
            self._close()
            self._minute += 1
            self._open()

    def invoke(self, at: int, hold: int, version: str, init_ms: int = 0) -> Served:
        """Serve a request for `version` that is not part of the traffic. The driver must have advanced to `at`.

        It is in flight for `hold` milliseconds, and `init_ms` longer if it starts an environment. Metrics count it as any other
        request, as on AWS.
        """
        available = self._available()
        usable = available if version == self.serving else 0
        place = self._servers.take(at, FreeUnits(version, usable, self._limits.now() - available))
        if place is None:
            self._pings.throttled += 1
            return Served(version, throttled=True)
        self._servers.note_peak(at)
        end = at + hold + (init_ms if place.cold else 0)
        self._servers.hold(place, end)
        self._durations.note(Ended(at, end, hold), ping=True)
        warm = place.environment is None
        self.totals.pings += 1
        self.totals.ping_ms += hold
        self.totals.ping_warm_ms += hold * warm
        self.totals.ping_cold_starts += place.cold
        self._pings.served += 1
        self._pings.warm += warm
        self._pings.ms += hold
        number = place.provisioned if place.environment is None else place.environment.number
        return Served(version, place.cold, warm, environment=number, first=place.first)

    def alive(self, at: int) -> int:
        """Return the number of on-demand environments that exist at `at`."""
        return self._servers.alive(at)

    def _open(self) -> None:
        """Draw the requests of the minute. Requests that end at its start are not in flight in it."""
        start = self._minute * MINUTE_MS
        self._row, events = self._plan.of(self._minute)
        self._events, self._pings = Events(events), Pings()
        self._limit, self._limit_without = self._limits.now(), self._limits.without()
        for event in self._events.ending(start):
            self._step(event)
        for servers in (self._servers, self._twin):
            servers.note_peak(start)

    def _step(self, event: Event) -> None:
        at, is_start, request = event
        if not is_start:
            ended = self._servers.end(request, at)
            self._twin.end(request, at)
            if ended is not None and ended.began >= self._counted_from * MINUTE_MS:
                self._durations.note(ended)
            return
        self._function.settle(at)
        available = self._available()
        free = FreeUnits(self.serving, available, self._limit - available)
        self.totals.cold_starts += self._servers.begin(request, at, free)
        self.totals.cold_starts_without += self._twin.begin(request, at, FreeUnits(self._target(), 0, self._limit_without))

    def _close(self) -> None:
        """Add the played minute to the totals and to the points of metrics."""
        row, end = self._row, (self._minute + 1) * MINUTE_MS
        self.last = row
        work, twin = self._servers.close(end), self._twin.close(end)
        self.totals.cold_starts_during_pings += work.cold_during_pings
        if self._minute < self._counted_from:
            self.totals = Totals()
            return
        claimed = self._function.reserved
        if claimed is None:
            claimed = self._function.provisioned + max(0, work.peak - work.warm_peak)
        values: dict[str, float] = {"claimed": claimed}
        if not row.is_gap:
            values |= self._points(row.invocations, work)
            self._count_without(row.invocations, twin)
        self.table.put(self._minute, {"dark": 1.0} if row.is_gap else values)
        scale = 0.0 if row.is_gap else (row.invocations - work.throttles(row.invocations)) / max(1, work.started)
        for booked in self._durations.close(self._minute, scale, self._servers.oldest(end) // MINUTE_MS):
            self.table.book(booked)

    def _points(self, requests: float, work: Work) -> dict[str, float]:
        """Return the points of the minute, and add it to the totals."""
        totals, pings, available = self.totals, self._pings, self._available()
        throttles = work.throttles(requests)
        served = requests - throttles
        warm = min(math.floor(served * work.started_warm / max(1, work.started)), available * REQUESTS_PER_UNIT_MINUTE)
        totals.minutes += 1
        totals.invocations += served
        totals.throttles += throttles
        totals.warm_busy_ms += work.warm_ms
        totals.on_demand_busy_ms += work.on_demand_ms
        values: dict[str, float] = {}
        invocations, throttles = served + pings.served, throttles + pings.throttled
        if not (work.peak or invocations or throttles):
            return values
        values["peak"] = work.peak
        if invocations > 0 or throttles > 0:
            values |= {"throttles": throttles, "errors": 0.0}
        if invocations > 0:
            values["invocations"] = invocations
        capacity = self._capacity()
        if capacity is not None and capacity.exists:
            totals.spillover += served - warm
            on_warm = warm + pings.warm
            values |= {"pc_in_use": work.warm_peak, "pc_utilisation": work.warm_peak / available if available else 0.0}
            values |= {"pc_invocations": on_warm, "pc_spillover": invocations - on_warm}
        return values

    def _count_without(self, requests: float, work: Work) -> None:
        throttles = work.throttles(requests)
        self.totals.invocations_without += requests - throttles
        self.totals.throttles_without += throttles
        self.totals.busy_without_ms += work.on_demand_ms

    def _target(self) -> str:
        return self._function.version_of(self._function.alias)

    @property
    def serving(self) -> str:
        """Version that receives the traffic."""
        alias = self._function.aliases.get(self._function.alias)
        return alias.serving if alias is not None else self._function.alias

    def _capacity(self) -> ProvisionedCapacity | None:
        """Return the provisioned concurrency of the alias that receives the traffic or, without one, of its version."""
        capacities = self._function.capacities
        of_alias = capacities.get(self._function.alias)
        return of_alias if of_alias is not None and of_alias.exists else capacities.get(self.serving, of_alias)

    def _available(self) -> int:
        """Return the provisioned units that serve the traffic; they count against the function's limit, busy or not."""
        capacity = self._capacity()
        return capacity.available if capacity is not None else 0
