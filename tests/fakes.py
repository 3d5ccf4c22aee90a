"""Ports that behave, in memory: a provider that takes a while, and a source that publishes late."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from adapters.ports.demand_source import Part, Telemetry
from adapters.ports.errors import AdapterError
from adapters.ports.lever import Capacity, Lever, Phase, Traits
from adapters.ports.read_prices import LAMBDA, ReadPrices
from adapters.runtime.call_counter import Call
from adapters.runtime.clock import Clock, SystemClock
from adapters.simulated import SimulatedCapacity
from config.model.policy import PoolPolicy
from forecasting.demand import DemandSeries, instant_of, minute_of

Traffic = Callable[[int], float]
"""Units in flight in a minute; NaN where nothing is known."""


class Ahead(SystemClock):
    """The clock of a machine whose clock is wrong."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return super().now() + self._by


class FakeLever:
    """Capacity that is ready `lead_time` after it was asked for. `failing`: what every call raises, by method name; `hanging`:
    the methods that never return (a write is applied before it hangs); `foreign` sets it as somebody else would.
    """

    kind = "fake"

    def __init__(self, clock: Clock, lead_time: timedelta = timedelta(minutes=2), requested: int = 0) -> None:
        self.clock, self.paper = clock, SimulatedCapacity(lead_time, requested)
        self.calls: list[str] = []
        self.writes: list[int] = []
        self.failing: dict[str, AdapterError] = {}
        self.hanging: set[str] = set()
        self.facts = Traits(memory_mb=1024)
        self.owner: str | None = None
        self.others = 0
        self.failed = False
        self.in_flight = self.most_in_flight = 0

    def foreign(self, target: int) -> None:
        self.paper.request(target, self.clock.now())

    async def read(self) -> Capacity:
        await self._call("read")
        return self._capacity()

    async def traits(self) -> Traits:
        await self._call("traits")
        return self.facts

    async def write(self, target: int) -> Capacity:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if "write" not in self.failing:
                self.paper.request(target, self.clock.now())
                self.writes.append(target)
                self.failed = False
            await self._call("write")
            return self._capacity()
        finally:
            self.in_flight -= 1

    async def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.hanging:
            await asyncio.Event().wait()
        if name in self.failing:
            raise self.failing[name]

    def _capacity(self) -> Capacity:
        now = self.clock.now()
        ready = self.paper.ready(now)
        phase = Phase.FAILED if self.failed else Phase.READY if ready == self.paper.requested else Phase.IN_PROGRESS
        return Capacity(self.paper.requested, ready, phase, now, foreign_owner=self.owner, others=self.others,
                        others_by="the minimum of revision a-1")


class Decaying(FakeLever):
    """As a provider with scheduled actions; `fire_if_due` does what it was told."""

    def __init__(self, clock, requested=0):
        super().__init__(clock, requested=requested)
        self.armed = ()
        self.orders, self.disarmed, self.forgot = [], 0, 0
        self.refuses = None
        self.seconds = 0
        self.asked = asyncio.Event()

    async def arm(self, orders):
        self.asked.set()
        await self.clock.sleep(self.seconds)
        if self.refuses is not None:
            raise self.refuses
        self.armed = tuple(orders)
        self.orders.append((self.clock.now(), *orders))

    def forget(self):
        self.forgot += 1

    async def disarm(self):
        self.armed, self.disarmed = (), self.disarmed + 1

    def fire_if_due(self):
        due = [order for order in self.armed if self.clock.now() >= order.at]
        for _, most, least in due:
            if not least <= self.paper.requested <= most:
                self.foreign(min(max(self.paper.requested, least), most))
        self.armed = self.armed[len(due):]
        return bool(due)


class FakeSource:
    """Publishes each pool's traffic `delay` minutes late. `broken`: what collecting raises; `silent`: pools with no telemetry.
    `inferred`: whether its zeros are made of absent points. `quiet`: what it says of pools of which it then has no newer minute.
    """

    kind = "fake-source"

    def __init__(self, traffic: Mapping[str, Traffic], delay: int = 1, history: timedelta = timedelta(hours=2)) -> None:
        self.traffic, self.delay, self.history = dict(traffic), delay, history
        self.broken: AdapterError | None = None
        self.silent: dict[str, AdapterError | None] = {}
        self.hanging = self.inferred = False
        self.quiet: dict[str, str] = {}
        self.collections = 0

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        self.collections += 1
        if self.hanging:
            await asyncio.Event().wait()
        if self.broken is not None:
            raise self.broken
        return {name: self._of(name, since[name], until) for name in pools}

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        return pools * 0.01 * (timedelta(days=30) / interval) / 1000

    def _of(self, name: str, since: datetime, until: datetime) -> Telemetry:
        end = minute_of(until)
        first = max(minute_of(since), end - self.history // timedelta(minutes=1))
        if name in self.silent:
            return Telemetry(DemandSeries.empty(first, max(0, end - first)), alive=False, error=self.silent[name])
        if name in self.quiet:
            return Telemetry(DemandSeries.empty(first, max(0, end - first)), quiet=self.quiet[name])
        published = end - self.delay + 1
        traffic = self.traffic[name]
        units = np.array([traffic(minute) if minute < published else np.nan for minute in range(first, end)], np.float32)
        series = DemandSeries(first, units, units * np.float32(0.8), units * 10)
        return Telemetry(series, alive=True, absent=~(units > 0) if self.inferred else None)


class BilledSource(FakeSource):
    """Fake whose reads are billed as those of a Lambda alias. `asked`: the part of each pool by collection. A pool that listens
    is read while it has demand that was not read yet. Requests of a read of the peak alone are unknown, work is half of it.
    """

    def __init__(self, traffic: Mapping[str, Traffic], delay: int = 1, history: timedelta = timedelta(hours=2), *,
                 wakes: bool = True) -> None:
        super().__init__(traffic, delay, history)
        self.asked: list[dict[str, Part]] = []
        self._whole: dict[str, int] = {}
        self._read: dict[str, int] = {}
        self._prices = LAMBDA._replace(wakes=wakes)

    def prices(self, pool: str) -> ReadPrices | None:
        return self._prices

    async def collect_parts(self, parts: Mapping[str, Part], since: Mapping[str, datetime],
                            until: datetime) -> Mapping[str, Telemetry]:
        published = minute_of(until) - self.delay + 1
        stirring = {name for name, part in parts.items() if part is Part.LISTEN and self._prices.wakes
                    and any(self.traffic[name](minute) > 0 for minute in range(self._read[name], published))}
        read = {name: Part.PEAK if name in stirring else part for name, part in parts.items()
                if part is not Part.LISTEN or name in stirring}
        if read:
            self.asked.append(read)
        found = dict(await self.collect(tuple(read), since, until))
        for name, part in read.items():
            self._read[name] = published
            if part is Part.ALL:
                self._whole[name] = published
            series = found[name].series
            unread = (np.arange(series.first_minute, series.end_minute) >= self._whole[name]) & (series.peak > 0)
            busy = np.where(unread, series.peak / 2, series.busy).astype(np.float32)
            requests = np.where(unread, np.nan, series.invocations).astype(np.float32)
            found[name] = replace(found[name], series=DemandSeries(series.first_minute, series.peak, busy, requests))
        return found


class FakeLease:
    """Lease whose state a test sets; `published` holds the texts for the next leader."""

    def __init__(self, why=None):
        self.why, self.published = why, {}

    def write_blocked(self, number):
        return self.why

    def check(self, number):
        pass

    async def publish(self, number, texts):
        self.published |= texts


@dataclass
class FakeProviders:
    """Builds one fake lever per pool and the sources it is given."""

    groups: list[tuple[FakeSource, tuple[str, ...]]]
    clock: Clock
    levers: dict[str, FakeLever] = field(default_factory=dict)
    closed: bool = False

    def lever(self, pool: PoolPolicy) -> Lever:
        return self.levers.setdefault(pool.name, FakeLever(self.clock))

    def sources(self, pools: Sequence[PoolPolicy]) -> Sequence[tuple[FakeSource, tuple[str, ...]]]:
        asked = {pool.name for pool in pools}
        return [(source, tuple(name for name in names if name in asked)) for source, names in self.groups if asked & set(names)]

    def calls(self) -> Mapping[Call, int]:
        return {Call("fake", "read", "ok"): sum(lever.calls.count("read") for lever in self.levers.values())}

    async def close(self) -> None:
        self.closed = True


def steady(units: float) -> Traffic:
    return lambda minute: units


def until(end: datetime, before: float, after: float) -> Traffic:
    """`before` until an instant and `after` from it on."""
    return lambda minute: before if instant_of(minute) < end else after
