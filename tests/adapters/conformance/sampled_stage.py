"""What stages share whose source samples a number several times a minute."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

import numpy as np

from adapters.ports.errors import AdapterError
from adapters.registry import Registry
from adapters.sampling.sampled_minutes import SampledMinutes
from controller.demand.collector import DemandCollector
from tests.adapters.conformance.source_stage import POOLS, SourceStage, requests_of
from tests.patience import PATIENCE_SECONDS


class SampledStage(SourceStage):
    """One number for each pool: the peak in the first half of a minute, and half of it in the second."""

    each_minute, counts_requests, fixes = True, False, 0
    every = 20
    """Seconds between two samples, more than those of the kinds: a check then takes less time."""
    exempt: ClassVar[Mapping[str, str]] = {
        "test_late_points_are_unknown_and_then_known": "a sample is of the present, so none is late",
        "test_a_long_history_is_read_whole": "there is no history before the first sample",
        "test_a_counter_that_restarts_adds_no_demand": "a number of jobs or sessions is no counter",
    }

    def __init__(self) -> None:
        super().__init__()
        self.hidden = set[str]()
        self._lies: dict[tuple[str, int], float] = {}
        self._hanging, self._waiting, self._sources = 0, 0, []

    def number(self, pool: str) -> float:
        """Return the present number of a pool."""
        lie = self._lies.get((pool, self.now))
        peak = int(-(-requests_of(pool, np.array([self.now]))[0] // 3))
        return lie if lie is not None else peak if self.clock.now().second < 30 else peak // 2

    async def hang_if_due(self) -> None:
        """Wait forever if the next call gets no answer."""
        if self._hanging:
            self._hanging -= 1
            self._waiting += 1
            await asyncio.Event().wait()

    def collector_of(self, registry: Registry, pools: tuple[str, ...], *, elsewhere: bool = False) -> DemandCollector:
        collector = super().collector_of(registry, pools, elsewhere=elsewhere)
        source = collector.source
        source._every, source._minutes = self.every, {pool: SampledMinutes(self.every) for pool in pools}
        self._sources.append(source)
        return collector

    async def read(self, minutes: int = 0) -> Mapping[str, AdapterError]:
        for _ in range(minutes):
            for _ in range(120 // self.every):  # samples are at half of the steps
                await self.clock.advance(timedelta(seconds=self.every / 2))
                await self._sampled()
            await self.collect()
        if not minutes:
            await self.collect()
        return self.collector.errors

    async def _sampled(self) -> None:
        """Wait until every source waits for its next sample."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.clock._sleepers) < sum(source._sampling is not None for source in self._sources):  # noqa: ASYNC110
                await asyncio.sleep(0.0005)

    def hide(self, pool: str | None = None) -> None:
        self.hidden |= set(POOLS) if pool is None else {pool}

    def show(self) -> None:
        self.hidden.clear()

    def fail_for(self, pool: str) -> None:
        self.hidden.add(pool)

    def lie(self, pool: str, value: float) -> int:
        self._lies[pool, self.now] = value
        return self.now

    def hang(self, *, always: bool = False) -> None:
        self._hanging = 1000 if always else 1

    def hung(self) -> bool:
        return self._waiting > 0
