"""One run of the demo's emulators with active and shadow pools, and its true figures by other means than the product's.

The true figures come from the emulator: what it served, billed and was asked to write, and from a plain loop over its minutes for
the pool in shadow mode. Prices are those of AWS Lambda in us-east-1, x86, in USD (https://aws.amazon.com/lambda/pricing/).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.random import PCG64, Generator

from adapters.registry import Registry
from adapters.runtime.clock import ManualClock
from adapters.sandbox.aws.lambda_.driver import Driver
from adapters.sandbox.traffic.recorded import MINUTE_MS
from adapters.sandbox.traffic.request_plan import Event
from controller.daemon.daemon import Daemon
from controller.daemon.jobs import store_state
from controller.demo.emulators import Emulators
from controller.demo.runner import write_policy
from controller.demo.scenarios import Pool, Scenario, invented
from controller.telemetry.log_setup import configure
from forecasting.demand import minute_of
from tests.adapters.conformance.ping_stage import time_passes
from tests.patience import PATIENCE_SECONDS

ACTIVE, SHADOW = ("support-agent", "nightly-reports"), "chat"
MINUTES, SEED = 65, 11
ON_DEMAND, WARM_IDLE, WARM_BUSY = 0.0000166667, 0.0000041667, 0.0000097222
"""USD per GB-second."""

REQUEST = 0.20 / 1e6
"""USD per request."""

RATE_LIMITED = timedelta(seconds=1)
"""The first tick waits less than this for its turn at a rate limit, on the clock."""

BILLING_STEP_MINUTES = 5
KEEP_ALIVE_MINUTES = (5, 60)
"""Idle life of an on-demand environment, which AWS does not publish: the ends of the range that the product assumes."""


class Served(NamedTuple):
    """What the emulator counted for one pool up to an instant."""

    requests: float
    cold_starts: int
    cold_starts_without: int
    warm_busy_ms: float
    on_demand_busy_ms: float
    busy_without_ms: float
    billed_unit_ms: float
    ready: int


class Request(NamedTuple):
    """A request: start and end in milliseconds since the epoch, and the price of its work in USD per GB-second."""

    start: int
    end: int
    price: float


@dataclass(frozen=True)
class Run:
    """The emulator's counts by minute and pool, and the last state of each pool. `writes`: instant and units of each write, in
    order. `requests`: starts and ends of the requests of each pool, in order.
    """

    scene: Scenario
    served: dict[int, dict[str, Served]]
    peaks: dict[str, dict[int, float]]
    requests: dict[str, list[Event]]
    capacity: dict[str, tuple[int, int]]
    writes: dict[str, list[tuple[datetime, int]]]
    log: list[dict[str, Any]]
    counted: tuple[int, int]
    policy: Path
    state: Path

    def pool(self, name: str) -> Pool:
        return next(pool for pool in self.scene.pools if pool.name == name)

    def span(self, name: str) -> Served:
        """What was served in the minutes that the accounts have counted."""
        first, end = self.counted
        return Served(*(last - start for start, last in zip(self.served[first][name], self.served[end][name], strict=True)))

    def bill(self, name: str) -> tuple[float, float]:
        """What the provider charges for an active pool, with the initialisations that it counted."""
        pool, served = self.pool(name), self.span(name)
        gb = pool.memory_mb / 1024
        work = served.warm_busy_ms * WARM_BUSY + served.on_demand_busy_ms * ON_DEMAND
        usd = (gb * (served.billed_unit_ms * WARM_IDLE + work) / 1000 + served.requests * REQUEST
               + served.cold_starts * pool.init_seconds * gb * ON_DEMAND)
        extra = [self.started_more(name) * gb * price for price in (0.0, WARM_BUSY, ON_DEMAND)]
        return usd + min(extra), usd + max(extra)

    def bill_without(self, name: str) -> tuple[float, float]:
        """What the provider would charge for the same traffic without warm capacity, at either end of the idle life."""
        pool, served = self.pool(name), self.span(name)
        gb, extra = pool.memory_mb / 1024, self.started_more(name)
        work = gb * served.busy_without_ms / 1000 * ON_DEMAND + served.requests * REQUEST
        least, most = (work + starts * pool.init_seconds * gb * ON_DEMAND for starts in self.cold_starts_without(name))
        return least + min(0.0, extra) * gb * ON_DEMAND, most + max(0.0, extra) * gb * ON_DEMAND

    def started_more(self, name: str) -> float:
        """By how many seconds the work of the requests that start in the counted minutes exceeds the work done in them.

        The metrics count work in the minute in which its request starts, the provider's meter when it is done.
        """
        requests = self.simulated_requests(name, [0] * (self.counted[1] - self.counted[0]))
        started, done = (sum(seconds for seconds, _ in self.counted_work(requests, whole=whole)) for whole in (True, False))
        return started - done

    def counted_work(self, requests: list[Request], *, whole: bool) -> list[tuple[float, float]]:
        """Seconds and price of the work of the counted minutes, or of all work of the requests that start in them (`whole`)."""
        first, end = (minute * MINUTE_MS for minute in self.counted)
        if whole:
            return [((each.end - each.start) / 1000, each.price) for each in requests if first <= each.start < end]
        return [(max(0, min(each.end, end) - max(each.start, first)) / 1000, each.price) for each in requests]

    def cold_starts_without(self, name: str) -> tuple[int, int]:
        """The cold starts without warm capacity: what the emulator counted is within them."""
        first, end = self.counted
        return self.cold_starts_above(name, [0] * (end - first))

    def would_write(self) -> list[tuple[datetime, int]]:
        """Instant and units of the writes that the log announces for the pool in shadow mode."""
        return [(datetime.fromisoformat(line["at"]), line["target"]) for line in self.log
                if line.get("pool") == SHADOW and line.get("action") == "would-write"]

    def simulated_units(self) -> list[int]:
        """The units that the pool in shadow mode would have had at the end of each counted minute, without a lead time."""
        first, end = self.counted
        return [next((units for at, units in reversed(self.would_write()) if minute_of(at) <= minute), 0)
                for minute in range(first, end)]

    def simulated_bill(self) -> tuple[float, float]:
        """The bill of the pool in shadow mode, a plain sum over its requests: the least and the most, since units that are given
        back are billed to the end of their five minutes, since the metrics count work in the minute in which its request starts,
        and over the idle life.
        """
        units = self.simulated_units()
        steps = [max(units[max(0, at - BILLING_STEP_MINUTES):at + 1]) for at in range(len(units))]
        (fewest, most), price = self.simulated_cold_starts(), self.pool(SHADOW).init_seconds * ON_DEMAND
        works = [self.work_of(units, whole=whole) for whole in (False, True)]
        requests = self.span(SHADOW).requests * REQUEST
        return (60 * sum(units) * WARM_IDLE + min(works) + requests + fewest * price,
                60 * sum(steps) * WARM_IDLE + max(works) + requests + most * price)

    def work_of(self, units: list[int], *, whole: bool) -> float:
        """What the work of the pool in shadow mode costs with warm units by counted minute, of 1 GB each; see `counted_work`."""
        return sum(seconds * price for seconds, price in self.counted_work(self.simulated_requests(SHADOW, units), whole=whole))

    def simulated_requests(self, name: str, units: list[int]) -> list[Request]:
        """The requests of a pool with warm units by counted minute: one that finds none free runs on demand to its end."""
        first, end = self.counted
        running, ended = dict[int, Request](), list[Request]()
        for at, is_start, number in self.requests[name]:
            if is_start:
                minute = min(max(at // MINUTE_MS, first), end - 1) - first
                is_warm = sum(each.price == WARM_BUSY for each in running.values()) < units[minute]
                running[number] = Request(at, at, WARM_BUSY if is_warm else ON_DEMAND)
            elif number in running:
                ended.append(running.pop(number)._replace(end=at))
        last = max(self.counted[1] * MINUTE_MS, *(event.at for event in self.requests[name]))
        return ended + [each._replace(end=last) for each in running.values()]

    def actual_cold_starts(self, name: str) -> tuple[int, int]:
        """The cold starts of an active pool: what the emulator counted, and what its ready units let expect."""
        minutes, counted = range(*self.counted), self.span(name).cold_starts
        expected = self.cold_starts_above(name, [self.served[minute][name].ready for minute in minutes])
        return min(counted, *expected), max(counted, *expected)

    def simulated_cold_starts(self) -> tuple[int, int]:
        """The cold starts that the pool in shadow mode would have had."""
        return self.cold_starts_above(SHADOW, self.simulated_units())

    def cold_starts_above(self, name: str, units: list[int]) -> tuple[int, int]:
        """The least and the most cold starts with warm units by minute, over the idle life of an environment."""
        (first, end), longest = self.counted, max(KEEP_ALIVE_MINUTES)
        warm = [0] * longest + units
        above = [max(0.0, self.peaks[name][minute] - warm[at]) for at, minute in enumerate(range(first - longest, end))]
        counts = [sum(max(0.0, above[at] - max(above[at - life:at])) for at in range(longest, len(above)))
                  for life in KEEP_ALIVE_MINUTES]
        return round(min(counts)), round(max(counts))


class Jobs:
    """Scheduler of the daemon that runs nothing by itself."""

    def __init__(self) -> None:
        self.jobs: dict[str, Callable[[], Awaitable[object]]] = {}

    def every(self, name: str, interval: timedelta, job: Callable[[], Awaitable[object]]) -> None:
        self.jobs[name] = job

    def start(self) -> None: ...

    def stop(self) -> None: ...


def note_requests(driver: Driver) -> list[Event]:
    """A list to which the driver adds the starts and ends of the requests that it plays from now on."""
    noted: list[Event] = []
    step = driver._step

    def noting(event: Event) -> None:
        noted.append(event)
        step(event)

    driver._step = noting  # type: ignore[method-assign]
    return noted


class Recorder:
    """The real daemon and the demo's emulators on one manual clock, with the emulator's counts after each tick."""

    def __init__(self, folder: Path) -> None:
        scene = invented(Generator(PCG64(SEED)), timedelta(minutes=MINUTES))
        pools = tuple(replace(pool, more={"mode": "shadow"}) if pool.name == SHADOW else pool for pool in scene.pools)
        self.scene, self.folder, self.clock = replace(scene, pools=pools), folder, ManualClock(scene.start)
        self.clouds, self.policy = Emulators(self.scene, self.clock, SEED), write_policy(self.scene, folder / "policy.yaml")
        self._jobs, self._served_at = Jobs(), dict[int, dict[str, Served]]()
        self._requests = {pool.name: note_requests(self.clouds.sandbox.hosted(pool.name).driver) for pool in self.scene.pools}

    async def record(self, ask: Callable[["Recorder", str], Awaitable[None]]) -> Run:
        """Play `MINUTES`, call `ask` with the daemon's URL after the last tick, and return what the emulator counted by then."""
        stop = asyncio.Event()
        with (self.folder / "stoker.log").open("a") as stream:
            configure(self.clock, stream=stream)
            async with self.clouds.open() as (url, grpc):
                registry = Registry(self.clock, Generator(PCG64([SEED, 1])), sandbox_url=url, sandbox_grpc=grpc)
                daemon = Daemon(self.policy, registry, self.clock, self.folder, port=0, scheduler=self._jobs)
                running = asyncio.create_task(daemon.run(stop))
                try:
                    await self._play(daemon)
                    run = self._run(daemon)
                    await ask(self, daemon.url)
                finally:
                    stop.set()
                    await asyncio.wait_for(running, PATIENCE_SECONDS)
        return run

    async def _play(self, daemon: Daemon) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while daemon.runtime is None or daemon.runtime.components.fleet.last is None:
                await asyncio.sleep(0.01)
                if (due := self.clock.next_deadline) is not None and due < self.scene.start + RATE_LIMITED:
                    await self.clock.advance(max(due - self.clock.now(), timedelta(0)))
        self._note()
        for _ in range(MINUTES):
            await time_passes(self.clock, self.clouds.sandbox, (), timedelta(minutes=1))
            await self._jobs.jobs["tick"]()
            self._note()
        await store_state(daemon.runtime, daemon._settings)

    def _note(self) -> None:
        self._served_at[minute_of(self.clock.now())] = {pool.name: self._served(pool) for pool in self.scene.pools}

    def _served(self, pool: Pool) -> Served:
        sandbox = self.clouds.sandbox
        hosted, now = sandbox.hosted(pool.name), sandbox.now_ms()
        totals, meters = hosted.driver.totals, [each.meter for each in hosted.function.capacities.values()]
        billed = sum(meter.billed_unit_ms(now) - meter.prepaid_unit_ms(now) for meter in meters)
        return Served(totals.invocations, totals.cold_starts, totals.cold_starts_without, totals.warm_busy_ms,
                      totals.on_demand_busy_ms, totals.busy_without_ms, billed,
                      sum(each.available for each in hosted.function.capacities.values()))

    def _run(self, daemon: Daemon) -> Run:
        clouds, accounts = self.clouds, daemon.runtime.components.accounts
        counted = min(self._served_at), accounts.each[0].pending_from()
        minutes, names = (counted[0] - max(KEEP_ALIVE_MINUTES), counted[1]), [pool.name for pool in self.scene.pools]
        tables = {name: clouds.sandbox.hosted(name).driver.table for name in names}
        peaks = {name: dict(zip(range(*minutes), np.nan_to_num(table.window("peak", *minutes)).tolist(), strict=True))
                 for name, table in tables.items()}
        warmth = {pool.name: clouds.warmth(pool, 0) for pool in self.scene.pools}
        capacity = {name: (each.requested, each.ready) for name, each in warmth.items()}
        writes = {name: [(write.at, write.value or 0) for write in clouds.sandbox.calls.writes
                         if write.function == name and write.outcome == "accepted"] for name in names}
        log = [json.loads(line) for line in (self.folder / "stoker.log").read_text().splitlines()]
        return Run(self.scene, self._served_at, peaks, self._requests, capacity, writes, log, counted,
                   self.folder / "policy.yaml", self.folder)
