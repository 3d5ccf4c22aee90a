"""The emulated clouds of a demo: the resource of each pool, and its counters."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.runtime.clock import Clock
from adapters.sandbox.report import CONTAINER_REQUEST_USD, REQUEST_USD
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.settings import Settings
from adapters.sandbox.world import Hosted, Sandbox
from controller.decision.costs.cost_model import CostTerms
from controller.demo.lever_settings import CLOUD_RUN, LAYERS, PROVISIONED, URL, host
from controller.demo.outcome import Outcome, outcome_of
from controller.demo.scenarios import Pool, Scenario
from forecasting.demand import minute_of

if TYPE_CHECKING:  # Google's libraries are there only with the extra gcp
    from controller.demo.gcp_emulator import EmulatedGoogle

QUOTA = 1000
"""Concurrency quota of a new account; raised if the traffic needs more."""


@dataclass(frozen=True, slots=True)
class Warmth:
    """Warm capacity of one pool: peak demand in the last complete minute (None: unknown), requested units, and ready units."""

    peak: float | None
    requested: int
    ready: int


class Emulators:
    """An emulated AWS with containers, and an emulated Google Cloud if the scenario has a pool there."""

    def __init__(self, scene: Scenario, clock: Clock, seed: int) -> None:
        self._clock = clock
        quota = max(QUOTA, 2 * sum(pool.ceiling for pool in scene.pools))
        self.sandbox = Sandbox(clock, seed, Settings(concurrency=quota))
        self.google: EmulatedGoogle | None = None
        for pool in scene.pools:
            self._put(pool)
        for each in scene.metrics:
            self.sandbox.published[each.namespace, each.name, frozenset(each.dimensions.items())] = each.series

    def _put(self, pool: Pool) -> None:
        if pool.kind == CLOUD_RUN:
            from controller.demo.gcp_emulator import EmulatedGoogle

            self.google = self.google or EmulatedGoogle(self.sandbox)
            self.google.add(pool)
        elif pool.kind == URL:
            self.sandbox.add_container(host(pool.name), pool.series, memory_mb=pool.memory_mb, init_seconds=pool.init_seconds)
        else:
            self.sandbox.add_function(pool.name, pool.series, memory_mb=pool.memory_mb, init_seconds=pool.init_seconds)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[str, str | None]]:
        """Listen on the loopback interface; yield the URL, and the gRPC address or None."""
        async with SandboxServer(self.sandbox) as server:
            if self.google is None:
                yield server.url, None
                return
            async with self.google.open() as target:
                yield server.url, target

    def warmth(self, pool: Pool, pinged_units: int) -> Warmth:
        """Return the warm capacity of all layers now. `pinged_units`: units that pings keep; the emulator cannot count them."""
        now = self.sandbox.now_ms()
        if self.google is not None and pool.kind == CLOUD_RUN:
            requested, instances = self.google.capacity(pool.name)
            return Warmth(self._scenario_peak(pool), requested, min(requested, instances))
        hosted = self._hosted(pool)
        last = hosted.driver.last.peak
        peak = None if math.isnan(last) else last
        if pool.kind not in (PROVISIONED, LAYERS):
            return Warmth(peak, pinged_units, min(pinged_units, hosted.driver.alive(now)))
        capacities = hosted.function.capacities.values()
        requested, ready = sum(each.requested for each in capacities), sum(each.available for each in capacities)
        return Warmth(peak, requested + pinged_units, ready + min(pinged_units, hosted.driver.alive(now)))

    def outcome(self, pool: Pool, terms: CostTerms) -> Outcome:
        """Return the outcome of a pool so far, from the emulator's counters."""
        if self.google is not None and pool.kind == CLOUD_RUN:
            return self.google.outcome(pool)
        request_usd = CONTAINER_REQUEST_USD if pool.kind == URL else REQUEST_USD
        return outcome_of(self._hosted(pool), terms, self.sandbox.now_ms(), request_usd)

    def _hosted(self, pool: Pool) -> Hosted:
        return self.sandbox.container(host(pool.name)) if pool.kind == URL else self.sandbox.hosted(pool.name)

    def _scenario_peak(self, pool: Pool) -> float | None:
        """Return the peak demand of the last complete minute in the scenario."""
        minute = minute_of(self._clock.now()) - 1
        peak = float(pool.series.window(minute, minute + 1).peak[0])
        return None if math.isnan(peak) else peak

