"""Construction of a fleet from a policy: levers, demand sources, stored state, and cost terms of each pool."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from adapters.ports.demand_source import DemandSource
from adapters.ports.lever import Lever, MeasuresRounds, ResumesLife, ResumesTarget, Traits
from adapters.runtime.call_counter import Call
from adapters.runtime.clock import Clock
from adapters.simulated import ShadowLever
from config.model.layers import base_name, top_policy, with_layers
from config.model.lead_policy import lead_policies
from config.model.policy import Assume, Policy, PoolPolicy
from controller.decision.costs.cost_model import CostTerms, terms_of
from controller.decision.costs.keep_alive import seen_body, seen_of
from controller.decision.costs.measurements import RECENT_RAISES, median_span, traits_of_layers
from controller.decision.costs.ping_rounds import measured
from controller.decision.planning.pool_state.state import PoolState, state_key
from controller.demand.collector import DemandCollector
from controller.demand.event_tracker import EventTracker
from controller.demand.lead_signals import LeadSignals
from controller.demand.pool_group import Budget, PoolGroup
from controller.demand.warmers import rhythm_of
from controller.fleet.fleet import Fleet
from controller.fleet.orphans import Orphans
from controller.fleet.reconciler import Reconciler
from controller.fleet.tick import DecisionSink
from controller.leadership.leader_term import NO_LEASE, LeaderTerm
from controller.store.async_store import AsyncStore

READ_EVERY = timedelta(minutes=10)
"""Interval between readings of capacity while nothing changes; a foreign write is detected within it."""

FLOOR_READ_EVERY, FLOORS_A_MINUTE = timedelta(minutes=1), 45
"""Interval for pools with a floor, which a deployment can remove, and the number of pools up to which it applies: half of the
reads of Lambda's budget. It is longer in proportion for more pools, up to `READ_EVERY`.
"""

BUDGETS: Mapping[str, Budget] = {
    # Lambda allows 15 control-plane requests a second per account and region, for all clients together: one tenth of it
    "lambda-provisioned-concurrency": Budget(reads=90, writes=45),
    "lambda-ping": Budget(reads=90, writes=45),
    # Cloud Run: 600 reads and, in small projects, only 30 writes a minute per region
    "cloud-run-min-instances": Budget(reads=200, writes=20),
}
"""Calls that one tick may start per account and region, by kind of lever."""

DEFAULT_BUDGET = Budget(reads=200, writes=100)

READ_BY = 2
"""Version of the rules that convert metrics to demand. Version 1 stored short outages as zeros."""

MEASURED = "measured"
"""Key of the snapshot of measured values by pool."""


class Providers(Protocol):
    """Factory of levers and demand sources; `adapters.registry.Registry` implements it."""

    def lever(self, pool: PoolPolicy) -> Lever:
        """Return the lever of one pool."""

    def sources(self, pools: Sequence[PoolPolicy]) -> Sequence[tuple[DemandSource, tuple[str, ...]]]:
        """Return the demand sources, each with the names of its pools."""

    def calls(self) -> Mapping[Call, int]:
        """Return the number of calls to each provider since the start."""

    async def close(self) -> None:
        """Close clients and connections."""


async def assemble(policy: Policy, providers: Providers, store: AsyncStore, clock: Clock, journal: DecisionSink,
                   term: LeaderTerm = NO_LEASE) -> Fleet:
    """Return the fleet with the state that the store holds from earlier runs. Makes no call to a provider."""
    pools = {pool.name: pool for pool in with_layers(policy.pools)}
    orphans, states = await Orphans.open(pools, providers, store, clock, partial(price_of, policy.assume))
    measured = await load_measured(store)
    raises = await store.run(lambda: {name: [raised.seconds for raised in reversed(store.store.lead_times(name, RECENT_RAISES))]
                                      for name in pools})
    reconcilers: dict[str, Reconciler] = {}
    for name, pool in pools.items():
        earlier = Earlier(states.get(state_key(pool), PoolState()), known_traits(pool, measured.get(name, {})), raises[name])
        reconcilers[name] = opened_reconciler(pool, providers.lever(pool), earlier, policy, store, clock, term)
    tops = {pool.name: reconcilers.pop(above.name) for pool in policy.pools if (above := top_policy(pool)) is not None}
    collectors = [await opened(source, [pools[name] for name in names], policy.assume, store, clock, measured)
                  for source, names in providers.sources(policy.pools)]
    leads = await open_leads(policy, providers, collectors, store, clock, measured)
    regions: list[PoolGroup] = []
    for collector in collectors:
        terms = partial(current_terms, collector, collector.pools, reconcilers, tops, policy.assume)
        snapshot = store.store.path.with_name(f"learned-{len(regions)}.npz")
        region = group_of(collector, [pools[name] for name in collector.pools], terms, store, leads, snapshot)
        await region.restore_snapshot(clock.now())
        regions.append(region)
    return Fleet(regions, reconcilers, clock, store, journal, policy.limits, orphans, policy.assume, term, tops, leads)


class Earlier(NamedTuple):
    """What is known of a pool from before: its state, traits, and the seconds of its raises, oldest first."""

    state: PoolState = PoolState()
    traits: Traits = Traits()
    raises: Sequence[float] = ()


def opened_reconciler(pool: PoolPolicy, lever: Lever, earlier: Earlier, policy: Policy, store: AsyncStore, clock: Clock,
                      term: LeaderTerm) -> Reconciler:
    """Return the reconciler of a pool of `policy` with a new lever, which continues with what is known from before."""
    state, traits, raises = earlier
    if traits.pinged_life is not None and isinstance(lever, ResumesLife):
        lever.resume_life(traits.pinged_life)
    if pool.mode == "shadow":
        lever = ShadowLever(lever, clock, median_span(raises) or policy.assume.lead_time, resumed=state.written)
    elif policy.lease is None and isinstance(lever, ResumesTarget) and (units := state.units_to_resume):
        lever.resume(units)
    return Reconciler(pool, lever, clock, store, state, read_interval(pool, len(policy.pools)), pricing(pool, policy.assume),
                      raises, traits, term=term)


def group_of(collector: DemandCollector, pools: Sequence[PoolPolicy], terms: Callable[[], Mapping[str, CostTerms]],
             store: AsyncStore, leads: LeadSignals | None, snapshot: Path | None = None) -> PoolGroup:
    """Return the group of the pools of a collector."""
    budget = budget_of({pool.lever.kind for pool in pools})
    return PoolGroup(collector, terms, budget, snapshot, EventTracker(pools, store), leads)


async def opened(source: DemandSource, pools: Sequence[PoolPolicy], assume: Assume, store: AsyncStore, clock: Clock,
                 measured: Mapping[str, Mapping[str, Any]]) -> DemandCollector:
    """Return the collector of a demand source and of `pools`, with what the store holds of them. `measured`: see
    `load_measured`.
    """
    known_of = {pool.name: measured.get(pool.name, {}) for pool in pools}
    warmers = {pool.name: rhythm for pool in pools if (rhythm := rhythm_of(pool)) is not None}
    to_reread = [pool.name for pool in pools if known_of[pool.name].get("read_by") != read_by(pool)]
    delay = assumed_delay(assume, list(known_of.values()))
    collector = DemandCollector(source, list(known_of), store, delay, warmers, to_reread)
    await collector.load(clock.now())
    return collector


async def open_leads(policy: Policy, providers: Providers, collectors: Sequence[DemandCollector], store: AsyncStore, clock: Clock,
                     measured: Mapping[str, Mapping[str, Any]]) -> LeadSignals | None:
    """Return the leading signals of the pools of `policy`, whose demand `collectors` read; None if no pool has leads."""
    leads = {pool.name: pool.leads for pool in policy.pools if pool.leads}
    if not leads:
        return None
    policies = {each.name: each for each in lead_policies(policy.pools)}
    sources = providers.sources(list(policies.values())) if policies else ()
    for collector in collectors:
        collector.reading.read_always({lead.series for each in leads.values() for lead in each} | leads.keys())
    own = [await opened(source, [policies[name] for name in names], policy.assume, store, clock, measured)
           for source, names in sources]
    return LeadSignals(leads, collectors, own, store, clock)


def read_interval(pool: PoolPolicy, pools: int) -> timedelta:
    """Return the interval between readings of a pool while nothing changes. `pools`: number of pools of the policy."""
    has_floor = pool.lever.persists and (pool.min > 0 or any(schedule.min for schedule in pool.schedules))
    return min(READ_EVERY, FLOOR_READ_EVERY * -(-pools // FLOORS_A_MINUTE)) if has_floor else READ_EVERY


def budget_of(kinds: Collection[str]) -> Budget:
    """Return the calls that a tick may start for pools with levers of `kinds` and one demand source: the smallest of theirs."""
    budgets = [BUDGETS.get(kind, DEFAULT_BUDGET) for kind in kinds]
    return Budget(min(each.reads for each in budgets), min(each.writes for each in budgets))


def read_by(pool: PoolPolicy) -> str:
    """Return the rules that convert a pool's metrics to demand; stored demand of other rules is read again."""
    rhythm = "" if (found := rhythm_of(pool)) is None else found.text
    source = "" if pool.demand is None else f"{pool.demand.kind} {pool.demand.resource}"
    account = "" if pool.account is None else f"account={pool.account}"
    return " ".join(part for part in (str(READ_BY), pool.on_quiet_region, rhythm, source, account) if part)


def pricing(pool: PoolPolicy, assume: Assume) -> Callable[[Traits], float]:
    """Return a function from traits to USD per unit-minute of the pool's warm capacity."""
    return lambda traits: terms_of(pool, assume, traits.memory_mb, traits.architecture, traits.init_seconds, traits.vcpus,
                                   traits.billing, pinged_life=traits.pinged_life).idle


def price_of(assume: Assume, pool: PoolPolicy, traits: Traits) -> float:
    """Return USD per unit-minute of a pool's warm capacity."""
    return pricing(pool, assume)(traits)


def current_terms(collector: DemandCollector, pools: Iterable[str], reconcilers: Mapping[str, Reconciler],
                  tops: Mapping[str, Reconciler], assume: Assume) -> Mapping[str, CostTerms]:
    """Return the cost terms of those `pools` of a collector: from the policy, else measured, else assumed."""
    return {name: pool_terms(reconcilers[name], assume, collector.metric_delay, tops.get(name)) for name in pools}


def pool_terms(reconciler: Reconciler, assume: Assume, metric_delay: timedelta, top: Reconciler | None = None) -> CostTerms:
    """Return the cost terms of one pool, with the measured lead time once there are enough measurements, and the present pause
    and hold of a lever that pings. `top`: reconciler of a layer of pings above.
    """
    traits = traits_of_layers(reconciler.traits, None if top is None else top.traits)
    assumed = assume.model_copy(update={"metric_delay": metric_delay, "lead_time": reconciler.lead_time or assume.lead_time,
                                        "billing_step": traits.billing_step or assume.billing_step})
    terms = terms_of(reconciler.policy, assumed, traits.memory_mb, traits.architecture, traits.init_seconds, traits.vcpus,
                     traits.billing, traits.keep_alive, traits.pinged_life)
    if terms.pings is None or not isinstance(reconciler.lever, MeasuresRounds):
        return terms
    return replace(terms, pings=measured(terms.pings, reconciler.lever.rounds()))


def minutes_of(stored: float | None) -> timedelta | None:
    """Return stored minutes as a duration; None where none are stored."""
    return timedelta(minutes=stored) if stored else None


def assumed_delay(assume: Assume, measured: Sequence[Mapping[str, Any]]) -> timedelta:
    """Return the metric delay at a start: the longest that an earlier run measured, else the policy's."""
    minutes = [known["metric_delay_minutes"] for known in measured if known.get("metric_delay_minutes")]
    return timedelta(minutes=max(minutes)) if minutes else assume.metric_delay


def known_traits(pool: PoolPolicy, known: Mapping[str, Any]) -> Traits:
    """Return the traits that an earlier run read, for use until they are read again; values in the policy take precedence."""
    return Traits(memory_mb=pool.memory_mb or known.get("memory_mb"), architecture=pool.architecture or known.get("architecture"),
                  init_seconds=known.get("init_seconds"), vcpus=known.get("vcpus"), billing=known.get("billing"),
                  keep_alive=seen_of(known.get("keep_alive")), pinged_life=minutes_of(known.get("pinged_life_minutes")))


async def load_measured(store: AsyncStore) -> dict[str, dict[str, Any]]:
    """Return the measured values of each pool from earlier runs; empty where the snapshot has another format."""
    body = await store.run(store.store.load_blob, MEASURED)
    try:
        stored = json.loads(body or b"{}")
    except ValueError:
        return {}
    return {name: known for name, known in stored.items() if isinstance(known, dict)} if isinstance(stored, dict) else {}


async def save_measured(fleet: Fleet, store: AsyncStore, now: datetime) -> None:
    """Store the measured values for the next start."""
    body: dict[str, dict[str, Any]] = {}
    for name, reconciler in (*fleet.reconcilers.items(), *fleet.top_layers.by_name.items()):
        traits = reconciler.traits
        body[name] = {"memory_mb": traits.memory_mb, "architecture": traits.architecture, "init_seconds": traits.init_seconds,
                      "vcpus": traits.vcpus, "billing": traits.billing, "keep_alive": seen_body(traits.keep_alive),
                      "pinged_life_minutes": None if traits.pinged_life is None else traits.pinged_life / timedelta(minutes=1),
                      **collected(reconciler.policy, fleet.region_of[base_name(name)].collector)}
    of_lead = {} if fleet.leads is None else {name: each for each in fleet.leads.own for name in each.pools}
    signals = lead_policies(each.policy for each in fleet.reconcilers.values())
    body |= {signal.name: collected(signal, of_lead[signal.name]) for signal in signals}
    await store.run(store.store.save_blob, MEASURED, json.dumps(body, separators=(",", ":")).encode(), now)


def collected(pool: PoolPolicy, collector: DemandCollector) -> dict[str, Any]:
    """Return the measured values of the demand of a pool or of a leading signal."""
    delay = collector.meter.delay
    return {"read_by": None if pool.name in collector.to_reread else read_by(pool),
            "metric_delay_minutes": None if delay is None else delay.total_seconds() / 60}
