"""The emulated clouds of a play: every pool where its lever looks for it, and what is counted there."""

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
from controller.demo.lever_settings import CLOUD_RUN, PROVISIONED, URL, host
from controller.demo.outcome import Outcome, outcome_of
from controller.demo.scenarios import Pool, Scenario
from forecasting.demand import minute_of

if TYPE_CHECKING:  # Google's libraries are there only with the extra gcp
    from controller.demo.gcp_emulator import EmulatedGoogle

QUOTA = 1000
"""Of concurrency, as a new account has it; more where the recording needs more."""


@dataclass(frozen=True, slots=True)
class Warmth:
    """Of one pool: the most work in flight in the last whole minute (None: not known), the units that are kept, and how many of
    those are ready.
    """

    peak: float | None
    requested: int
    ready: int


class Emulators:
    """An emulated AWS with whatever containers there are, and an emulated Google Cloud when a pool of the scene is there."""

    def __init__(self, scene: Scenario, clock: Clock, seed: int) -> None:
        self._clock = clock
        quota = max(QUOTA, 2 * sum(pool.ceiling for pool in scene.pools))
        self.sandbox = Sandbox(clock, seed, Settings(concurrency=quota))
        self.google: EmulatedGoogle | None = None
        for pool in scene.pools:
            self._put(pool)

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
        """Listen on the loopback interface: the URL, and the gRPC address where there is one."""
        async with SandboxServer(self.sandbox) as server:
            if self.google is None:
                yield server.url, None
                return
            async with self.google.open() as target:
                yield server.url, target

    def warmth(self, pool: Pool, asked: int) -> Warmth:
        """What is there now. Pings are kept up by Stoker alone, so of a pinged pool only Stoker knows how many are `asked`."""
        now = self.sandbox.now_ms()
        if self.google is not None and pool.kind == CLOUD_RUN:
            requested, instances = self.google.kept(pool.name)
            return Warmth(self._played(pool), requested, min(requested, instances))
        hosted = self._hosted(pool)
        last = hosted.driver.last.peak
        peak = None if math.isnan(last) else last
        if pool.kind != PROVISIONED:
            return Warmth(peak, asked, min(asked, hosted.driver.alive(now)))
        capacities = hosted.function.capacities.values()
        return Warmth(peak, sum(each.requested for each in capacities), sum(each.available for each in capacities))

    def outcome(self, pool: Pool, terms: CostTerms) -> Outcome:
        """What a pool has come to so far, as counted where it is emulated."""
        if self.google is not None and pool.kind == CLOUD_RUN:
            return self.google.outcome(pool)
        request_usd = CONTAINER_REQUEST_USD if pool.kind == URL else REQUEST_USD
        return outcome_of(self._hosted(pool), terms, self.sandbox.now_ms(), request_usd)

    def _hosted(self, pool: Pool) -> Hosted:
        return self.sandbox.container(host(pool.name)) if pool.kind == URL else self.sandbox.hosted(pool.name)

    def _played(self, pool: Pool) -> float | None:
        """The most in flight in the last whole minute, as the scene has it."""
        minute = minute_of(self._clock.now()) - 1
        peak = float(pool.series.window(minute, minute + 1).peak[0])
        return None if math.isnan(peak) else peak

