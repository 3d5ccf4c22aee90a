"""The plans that Stoker would make now: one read-only pass over a policy."""

import asyncio
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import numpy as np

from adapters.ports.demand_source import DemandSource
from adapters.ports.errors import AdapterError, Throttled
from adapters.ports.lever import Lever, ResumesTarget
from adapters.ports.reports import is_reported
from adapters.runtime.call_counter import Call
from adapters.runtime.clock import Clock
from adapters.simulated import ShadowLever
from config.model.layers import base_name, with_layers
from config.model.policy import Policy, PoolPolicy
from controller.decision.costs.cost_model import MINUTES_A_MONTH
from controller.decision.planning.overrides_in_force import Override
from controller.decision.planning.plan import Plan
from controller.decision.planning.pool_state.state import PoolState, state_key
from controller.fleet.builder import Providers, assemble
from controller.fleet.decision_log import DecisionLog
from controller.fleet.fleet import Fleet
from controller.fleet.readings import Readings, readings_of
from controller.fleet.reconciler import Reconciler
from controller.fleet.tick import TickBatch
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store

AT_ONCE = 8
TRIES = 6
COLLECT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class PoolPreview:
    """Plan of one pool or upper layer, what the provider has and what is simulated, the monthly bill of the actual warm capacity
    now and of the target (units kept by others included), and the error of a failed read.
    """

    plan: Plan
    readings: Readings
    usd_per_month_now: float | None
    usd_per_month_then: float | None
    error: AdapterError | None

    @property
    def changes(self) -> bool:
        """Whether the target differs from the requested capacity, in shadow mode from the simulated one."""
        return self.plan.target is not None and self.plan.requested is not None and self.plan.target != self.plan.requested


class ReadOnlyProviders:
    """Providers whose levers only simulate writes, in every mode: no mutating call is sent. With `only_pings`, only levers that
    ping are simulated: reading one resumes its pings. `pinged`: the pools of levers that ping.
    """

    def __init__(self, providers: Providers, clock: Clock, policy: Policy, only_pings: bool = False) -> None:
        self._providers, self._clock, self._policy, self._only_pings = providers, clock, policy, only_pings
        self.pinged: set[str] = set()

    def lever(self, pool: PoolPolicy) -> Lever:
        """Return the lever of a pool, with simulated writes."""
        lever = self._providers.lever(pool)
        if isinstance(lever, ResumesTarget):
            self.pinged.add(pool.name)
        elif self._only_pings:
            return lever
        if pool.mode == "shadow" and not self._only_pings:  # `assemble` simulates its writes
            return lever
        return ShadowLever(lever, self._clock, self._policy.assume.lead_time)

    def sources(self, pools: Sequence[PoolPolicy]) -> Sequence[tuple[DemandSource, tuple[str, ...]]]:
        """Return the demand sources, each with the names of its pools."""
        return self._providers.sources(pools)

    def calls(self) -> Mapping[Call, int]:
        """Return the number of calls to each provider."""
        return self._providers.calls()

    async def close(self) -> None:
        """Close clients and connections."""
        await self._providers.close()


async def preview(policy: Policy, providers: Providers, clock: Clock,
                  overrides: Mapping[str, tuple[Override, ...]] | None = None,
                  simulated: Mapping[str, int] = MappingProxyType({})) -> list[PoolPreview]:
    """Collect demand of 14 days, tune the selector, read the capacity of each pool, and return the plans. Uses a temporary store.

    `overrides`, `simulated`: the overrides of a running daemon, and the units that it simulates for pools in shadow mode, by
    pool; the plans are those of the daemon then. Without them, simulated capacity starts from the actual one.
    """
    with tempfile.TemporaryDirectory(prefix="stoker-plan-") as folder:
        store = AsyncStore(Store(Path(folder) / "stoker.db"))
        try:
            await store.save_states({state_key(pool): PoolState(written=simulated[pool.name])
                                     for pool in with_layers(policy.pools) if pool.mode == "shadow" and pool.name in simulated})
            fleet = await assemble(policy, ReadOnlyProviders(providers, clock, policy), store, clock, DecisionLog(store))
            try:
                return await previews(fleet, clock, overrides or {}, simulated.keys())
            finally:
                await fleet.close()
        finally:
            await store.close()
            await providers.close()


async def previews(fleet: Fleet, clock: Clock, overrides: Mapping[str, tuple[Override, ...]],
                   simulated: Collection[str]) -> list[PoolPreview]:
    """Return the previews of all pools of a fleet that has read nothing yet; see `preview`."""
    slots = asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(collect_demand(fleet, clock),
                         *(read_capacity(each, slots, clock) for each in (*fleet.reconcilers.values(), *fleet.tops.values())))
    for region in fleet.regions:
        await region.retune(clock.now())
    for name, active in overrides.items():
        if name in fleet.reconcilers:
            fleet.reconcilers[name].overrides = active
    return plan_all(fleet, clock, simulated)


async def collect_demand(fleet: Fleet, clock: Clock) -> None:
    """Read the history of every pool group, with a timeout; after a timeout its pools report missing metrics."""
    async def one(region: int) -> None:
        try:
            async with asyncio.timeout(COLLECT_SECONDS):
                await fleet.regions[region].gather(clock.now())
        except TimeoutError:
            return
    await asyncio.gather(*(one(at) for at in range(len(fleet.regions))))


async def read_capacity(reconciler: Reconciler, slots: asyncio.Semaphore, clock: Clock) -> None:
    """Read the capacity of one pool; on throttling, wait and retry up to `TRIES` times."""
    async with slots:
        for _ in range(TRIES):
            await reconciler.read()
            if not isinstance(reconciler.error, Throttled):
                return
            wait = reconciler.error.retry_after
            await clock.sleep(1.0 if wait is None else min(10.0, wait.total_seconds()))


def plan_all(fleet: Fleet, clock: Clock, simulated: Collection[str] = ()) -> list[PoolPreview]:
    """Return the plan of each pool, within the limits of the fleet. The cost of this month is unknown here: even spending of the
    budget is assumed. `simulated`: pools in shadow mode whose simulated units are known.
    """
    now, limiter = clock.now(), fleet.limiter
    active = {name for name, each in fleet.reconcilers.items() if each.policy.mode == "active"} or set(fleet.reconcilers)
    spent = (limiter.limits.usd_per_month or 0.0) * month_gone(now) / len(active)
    for region in fleet.regions:
        limiter.note_worth(region.collector.pools, region.proposer.worth())
        limiter.note_spent(region.collector.pools, np.array([spent * (name in active) for name in region.collector.pools]))
    views = {name: fleet.view(name, now) for name in fleet.reconcilers}
    decisions = {name: each.plan(views[name], now) for name, each in fleet.reconcilers.items()}
    bounds = limiter.admit(list(decisions.values()), now)
    decisions |= {name: fleet.reconcilers[name].plan(views[name], now, each) for name, each in bounds.items()}
    tops = plan_tops(fleet, {name: decision.plan for name, decision in decisions.items()}, now)
    plans = [plan for name, decision in decisions.items() for plan in (decision.plan, tops.get(name)) if plan is not None]
    return [preview_of(fleet, plan, plan.pool in simulated) for plan in plans]


def plan_tops(fleet: Fleet, bases: Mapping[str, Plan], now: datetime) -> dict[str, Plan]:
    """Return the plans of the upper layers by pool, from the plans of their bases."""
    batch = TickBatch()
    steps = fleet.top_layers.plan(bases, bases, fleet.view, now, fleet.term, (), batch)
    plans = [plan for plan, _, _ in batch.finished]
    plans += [fleet.top_layers.by_name[name].plan(view, now).plan for name, view, _ in steps]
    return {base_name(plan.pool): plan for plan in plans}


def preview_of(fleet: Fleet, plan: Plan, is_simulated: bool = False) -> PoolPreview:
    """Return the preview of a pool or an upper layer. `is_simulated`: whether its simulated units are those of a running daemon.
    An error of demand is that of the pool, unless its demand is reported: no process but the daemon receives reports.
    """
    reconciler = fleet.reconcilers.get(plan.pool) or fleet.top_layers.by_name[plan.pool]
    price, readings = reconciler.usd_per_unit_minute * MINUTES_A_MONTH, readings_of(reconciler)
    collector = fleet.region_of[base_name(plan.pool)].collector
    error = reconciler.error or (None if is_reported(collector.source) else collector.errors.get(plan.pool))
    others = 0 if readings.actual is None else readings.actual.others
    now = None if readings.actual is None else readings.actual.requested + others
    then = None if plan.target is None else max(plan.target, now or 0) if others else plan.target
    usd_now, usd_then = (None if units is None else units * price for units in (now, then))
    return PoolPreview(plan, readings if is_simulated else Readings(readings.actual, None), usd_now, usd_then, error)


def month_gone(now: datetime) -> float:
    """Return the share of the current month (UTC) that is over."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (now - first) / ((first + timedelta(days=32)).replace(day=1) - first)
