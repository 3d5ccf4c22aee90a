"""A whole fleet on fakes: store, sources, levers, one clock."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from config.model.policy import Assume, Policy
from controller.fleet import builder
from controller.fleet.decision_log import DecisionLog
from controller.fleet.fleet import Fleet
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from tests.builders import pool_policy
from tests.fakes import FakeLever, FakeProviders, FakeSource
from tests.patience import PATIENCE_SECONDS

STORE_CALLS = 8
"""Empty calls that wait in the queue of the store before each step of the clock: calls before them are done by then."""


@dataclass
class World:
    clock: object
    fleet: Fleet
    store: AsyncStore
    sources: list
    levers: dict
    journal: DecisionLog
    order: list

    async def tick(self, then: timedelta = timedelta(0)):
        """One tick that waits for nothing slow, then `then` passes."""
        report = await asyncio.wait_for(self.fleet.tick(), PATIENCE_SECONDS)
        if then:
            await self.clock.advance(then)
        return report

    async def minutes(self, count: int):
        """Tick once a minute."""
        for _ in range(count):
            await self.tick(timedelta(minutes=1))

    async def drive(self, task, seconds: float = PATIENCE_SECONDS, step: float = 5.0):
        """Advance the clock by `step` seconds at a time until `task` is done, each after the store has caught up."""
        async with asyncio.timeout(seconds):
            while not task.done():
                for _ in range(STORE_CALLS):
                    await self.store.run(int)
                await self.clock.advance(timedelta(seconds=step))
        return task.result()

    async def until(self, condition, seconds: float = PATIENCE_SECONDS):
        """Give other tasks turns until `condition` holds."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.001)


def policy_of(pools, assume=None) -> Policy:
    return Policy.model_construct(version=1, pools=tuple(pools), assume=assume or Assume())


@asynccontextmanager
async def world(clock, folder, *regions, budget=None, orphans=(), levers=None, sources=None, leads=MappingProxyType({}),
                signals=(), **changes):
    """`regions`: traffic by pool name, a source for each. `changes`: of every pool's policy. `leads`: by pool. `signals`: sources
    of leads, each with the names of its series.
    """
    names = [name for region in regions for name in region] + list(orphans)
    pools = [pool_policy(name=name, leads=leads.get(name, ()), **changes) for name in names]
    sources = sources or [FakeSource(region) for region in regions]
    order = []
    levers = levers or {name: FakeLever(clock) for name in names}
    for name, lever in levers.items():
        lever.writes = Noted(name, order)
    groups = [(source, tuple(region)) for source, region in zip(sources, regions, strict=True)]
    providers = FakeProviders([*groups, *signals], clock, levers)
    store = AsyncStore(Store(folder / "stoker.db"))
    try:
        journal = DecisionLog(store)
        fleet = await builder.assemble(policy_of(pools), providers, store, clock, journal)
        for region in fleet.regions:
            region.budget = budget or region.budget
        yield World(clock, fleet, store, sources, levers, journal, order)
    finally:
        if "fleet" in locals():
            for task in [*fleet.stepping.values(), *fleet.collecting.tasks]:
                task.cancel()
        await store.close()


class Noted(list):
    """A lever's writes that are noted in the order of all levers too."""

    def __init__(self, name, order):
        super().__init__()
        self.name, self.order = name, order

    def append(self, target):
        super().append(target)
        self.order.append((self.name, target))
