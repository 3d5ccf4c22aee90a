"""Change of the policy of a running fleet: pools that did not change keep their reconciler and what was learned about them.

A change is prepared beside the ticks and then takes effect between two of them. Pools with another demand or other prices, and
new ones, get rows in additional groups, which learn from the stored history first; their old rows are retired. Pools whose lever
or mode changed continue from the stored state, as after a restart. All others only get their new policy.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from adapters.ports.lever import Lever
from adapters.runtime.clock import Clock, wait_at_most
from config.model.layers import base_name, top_policy, with_layers
from config.model.lever import address
from config.model.policy import Policy, PoolPolicy
from config.model.policy_diff import PolicyDiff
from controller.decision.planning.overrides_in_force import Override
from controller.decision.planning.pool_state.state import PoolState, state_key
from controller.demand.pool_group import PoolGroup
from controller.fleet.builder import (
    READ_EVERY,
    Earlier,
    Providers,
    current_terms,
    group_of,
    known_traits,
    load_measured,
    open_leads,
    opened,
    opened_reconciler,
    pricing,
    read_interval,
)
from controller.fleet.fleet import STEP_SECONDS, Fleet
from controller.fleet.reconciler import Reconciler
from controller.fleet.shutdown import cancel_fallback
from controller.leadership.leader_term import NO_LEASE, LeaderTerm
from controller.store.async_store import AsyncStore

PLAN_KEYS = frozenset({
    "on_missing_metrics", "missing_metrics_limit", "on_foreign_write", "on_exit", "dead_man", "keep_setting", "min", "max",
    "schedules", "scale_down_delay", "max_step_up", "max_step_down", "budget_usd_per_month", "prewarm",
})
"""Keys that only plans read: the pool keeps its reconciler and its row."""

DEMAND_KEYS = frozenset({"demand", "leads", "objective", "on_quiet_region", "warmer", "events"})
"""Keys that change what is learned about a pool, and not its lever."""

MODE_KEYS = frozenset({"mode"})
"""Keys that change how a pool's lever is used, and not what is learned about it."""

MOST_GROUPS = 4
"""Additional groups for each one of the start, before they are joined: each of them reads its source separately."""

LEARN_SECONDS, FIRST_READ_SECONDS = 600.0, 20.0
"""Time that a change waits until new groups have learned pools with a history, and until they have read pools without one."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Names of pools that a change concerns. `added` and `removed`. `moved`: in another group afterwards, with `added`.
    `replaced`: with another reconciler, with `added`. `changed`: with another policy, without `added`.
    """

    added: frozenset[str]
    removed: frozenset[str]
    moved: frozenset[str]
    replaced: frozenset[str]
    changed: frozenset[str]

    @property
    def any_lever(self) -> bool:
        """Whether the lever or the mode of a pool changes, or a pool comes or leaves."""
        return bool(self.replaced or self.removed)


def extent_of(diff: PolicyDiff, new: Policy, fleet: Fleet, assume_changed: bool) -> Extent:
    """Return what a difference between the policy of `fleet` and `new` concerns.

    Where leading signals or the assumptions change, every pool moves: signals refer to other pools.
    """
    keys = {name: {change.top_key for change in changes} for name, changes in diff.changed.items()}
    added, removed, every = frozenset(diff.added), frozenset(diff.removed), frozenset(pool.name for pool in new.pools)
    moved = added | {name for name, each in keys.items() if each - PLAN_KEYS - MODE_KEYS}
    replaced = added | {name for name, each in keys.items() if each - PLAN_KEYS - DEMAND_KEYS}
    leading = {pool.name for pool in (*new.pools, *(each.policy for each in fleet.reconcilers.values())) if pool.leads}
    if assume_changed or leading & (moved | removed):
        moved = every
    elif moved:
        added_groups = [region for region in fleet.regions if region.is_added]
        if len(added_groups) > MOST_GROUPS * max(1, len(fleet.regions) - len(added_groups)):
            moved |= every.intersection(name for region in added_groups for name in region.pools)
    return Extent(added, removed, moved, replaced, frozenset(keys))


class PolicyChange:
    """Change of `fleet` from the policy `old` to `new`. Call `prepare`, then `wait`, then `take` between two ticks."""

    def __init__(self, fleet: Fleet, old: Policy, new: Policy, diff: PolicyDiff, providers: Providers, store: AsyncStore,
                 clock: Clock) -> None:
        self._fleet, self.policy, self._providers, self._store, self._clock = fleet, new, providers, store, clock
        self.extent = extent_of(diff, new, fleet, old.assume != new.assume)
        self._layers = {pool.name: pool for pool in with_layers(new.pools)}
        self._levers: dict[str, Lever] = {}
        self._earlier: dict[str, Earlier] = {}
        """What is known of the layers with another reconciler, without their state."""
        self._groups: list[PoolGroup] = []
        self._leads, self._taken = fleet.leads, False

    async def prepare(self) -> None:
        """Build levers and groups, and let the groups learn. Changes nothing that the ticks use. Raise `AdapterError` for a
        lever or demand source that cannot be used, and `StoreError`.
        """
        if not self.extent.moved and not self.extent.replaced:
            return
        measured = await load_measured(self._store)
        for name, pool in self._layers.items():
            if base_name(name) in self.extent.replaced:
                self._levers[name], known = self._providers.lever(pool), self._fleet.layers.get(name)
                self._earlier[name] = earlier_of(pool, known, measured.get(name, {}))
        if self.extent.moved:
            await self._open_groups(measured)

    async def _open_groups(self, measured: Mapping[str, Mapping[str, Any]]) -> None:
        """Open groups for the pools that move, and wait until they have read and learned their demand."""
        pools = [pool for pool in self.policy.pools if pool.name in self.extent.moved]
        of_name, stand_ins = {pool.name: pool for pool in pools}, self._stand_ins()
        assume, sources = self.policy.assume, self._providers.sources(pools)
        collectors = [await opened(source, [of_name[name] for name in names], assume, self._store, self._clock, measured)
                      for source, names in sources]
        if len(pools) == len(self.policy.pools):
            self._leads = await open_leads(self.policy, self._providers, collectors, self._store, self._clock, measured)
        tops = {pool.name: stand_ins[top.name] for pool in pools if (top := top_policy(pool)) is not None}
        for collector in collectors:
            terms = partial(current_terms, collector, collector.pools, stand_ins, tops, assume)
            self._groups.append(group_of(collector, [of_name[name] for name in collector.pools], terms, self._store, self._leads))
        for group in self._groups:
            group.is_added = len(pools) < len(self.policy.pools)
        known = self.extent.moved - self.extent.added
        for group in self._groups:
            seconds = LEARN_SECONDS if known & set(group.pools) else FIRST_READ_SECONDS
            await self._fleet.collecting.collect(group, self._clock.now(), seconds)

    def _stand_ins(self) -> dict[str, Reconciler]:
        """Return reconcilers of all layers that move, of which only policy, traits and lever are used: for their cost terms."""
        found: dict[str, Reconciler] = {}
        for name, pool in self._layers.items():
            if base_name(name) in self.extent.moved:
                known = self._fleet.layers.get(name)
                lever = self._levers[name] if known is None or name in self._levers else known.lever
                earlier = self._earlier.get(name) or earlier_of(pool, known, {})
                found[name] = Reconciler(pool, lever, self._clock, self._store, earlier.state, READ_EVERY,
                                         pricing(pool, self.policy.assume), earlier.raises, earlier.traits)
        return found

    def abandon(self) -> None:
        """Stop what `prepare` has started, because the change does not take effect."""
        if not self._taken:
            self._fleet.collecting.forget(self._groups, self._fleet.leads)
            for task in () if self._leads is None or self._leads is self._fleet.leads else self._leads.tasks:
                task.cancel()

    async def wait(self) -> None:
        """Wait for steps in progress of the layers whose reconciler goes. Then cancel the scheduled fallbacks of pools that turn
        to shadow: nothing would postpone them. Both take a limited time.
        """
        await wait_at_most(self._clock, self._leaving_steps(), STEP_SECONDS)
        retreating = [each for name, each in self._fleet.layers.items() if name in self._levers
                      and (each.policy.mode, self._layers[name].mode) == ("active", "shadow")]
        await wait_at_most(self._clock, [asyncio.create_task(self._cancel(each)) for each in retreating], STEP_SECONDS)

    async def _cancel(self, each: Reconciler) -> None:
        await cancel_fallback(each, self._clock)

    async def take(self) -> list[Lever]:
        """Take effect; call between two ticks. Return the levers that are not used after that. Raise `StoreError`: nothing has
        changed then.
        """
        states: Mapping[str, PoolState] = {}
        overrides: Mapping[str, tuple[Override, ...]] = {}
        if self.extent.any_lever:
            steps = self._leaving_steps()
            for task in steps:  # cut off as by a stop: the stored intent shows that its outcome is unknown
                task.cancel()
            await asyncio.gather(*steps, return_exceptions=True)
            leaving = [each for name, each in self._fleet.layers.items() if self._leaves(name)]
            await self._store.save_states({each.key: each.state for each in leaving if each.state != PoolState()})
            overrides = await self._store.run(self._store.store.overrides.load)
            stored = await self._store.run(self._store.store.load_states)
            self._fleet.orphans.prices |= {address(each.policy.lever, each.policy.credentials):
                                           each.usd_per_unit_minute for each in leaving}
            states = await self._fleet.orphans.follow(self._layers, stored)
        levers = [each.lever for name, each in self._fleet.layers.items() if self._leaves(name)]
        self._arrange(states, overrides)
        self._taken = True
        return levers

    def _arrange(self, states: Mapping[str, PoolState], overrides: Mapping[str, tuple[Override, ...]]) -> None:
        """Exchange pools, reconcilers and groups at once: nothing else runs meanwhile."""
        fleet, assume = self._fleet, self.policy.assume
        layers = {name: self._continued(name, pool, states, overrides) for name, pool in self._layers.items()}
        before = fleet.regions
        for region in before:
            region.retire(self.extent.removed | self.extent.moved)
        regions = [*(region for region in before if region.pools), *self._groups]
        if self._leads is fleet.leads and self._leads is not None:
            self._leads.add(group.collector for group in self._groups)
        fleet.collecting.forget([region for region in before if not region.pools], self._leads)
        tops = {pool.name: layers.pop(top.name) for pool in self.policy.pools if (top := top_policy(pool)) is not None}
        fleet.arrange(regions, layers, self.policy.limits, assume, tops, self._leads)
        for region in regions:
            region.terms_now = partial(current_terms, region.collector, region.pools, fleet.reconcilers, fleet.tops, assume)

    def _continued(self, name: str, pool: PoolPolicy, states: Mapping[str, PoolState],
                   overrides: Mapping[str, tuple[Override, ...]]) -> Reconciler:
        """Return the reconciler of a layer: the same with its new policy, or another one that continues from the stored state."""
        known, price, term = self._fleet.layers.get(name), pricing(pool, self.policy.assume), self._fleet.term
        if known is not None and name not in self._levers:
            known.read_every = read_interval(pool, len(self.policy.pools))
            if base_name(name) in self.extent.changed:
                known.policy = pool
                events = self._fleet.region_of[base_name(name)].events
                if events is not None:
                    events.follow(pool)
            if base_name(name) in self.extent.moved:
                known.price, known.usd_per_unit_minute = price, price(known.traits)
            return known
        earlier = self._earlier[name]._replace(state=states.get(state_key(pool), PoolState()))
        each = opened_reconciler(pool, self._levers[name], earlier, self.policy, self._store, self._clock,
                                 term if wrote_last(term, name, earlier.state) else NO_LEASE)
        each.start_term(term)
        each.overrides = overrides.get(name, ()) if known is None else known.overrides
        if known is not None:
            each.outcomes = known.outcomes
        return each

    def _leaving_steps(self) -> list[asyncio.Task[None]]:
        return [task for name, task in self._fleet.stepping.items() if self._leaves(name)]

    def _leaves(self, name: str) -> bool:
        """Return whether the reconciler of a layer goes."""
        return base_name(name) in self.extent.replaced or base_name(name) in self.extent.removed


def wrote_last(term: LeaderTerm, name: str, state: PoolState) -> bool:
    """Return whether the stored state of a pool is newer than what the leader before left, so that it holds in this term."""
    last = term.last_writes.get(name)
    return term.number is not None and state.written_at is not None and (last is None or state.written_at >= last.at)


def earlier_of(pool: PoolPolicy, known: Reconciler | None, measured: Mapping[str, Any]) -> Earlier:
    """Return what is known of a pool apart from its state: from its reconciler if that has the same lever, else from an earlier
    run.
    """
    if known is None or known.policy.lever != pool.lever:
        return Earlier(PoolState(), known_traits(pool, measured), () if known is None else tuple(known.lead_seconds))
    traits = replace(known.traits, memory_mb=pool.memory_mb or known.traits.memory_mb,
                     architecture=pool.architecture or known.traits.architecture)
    return Earlier(PoolState(), traits, tuple(known.lead_seconds))
