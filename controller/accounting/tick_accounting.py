"""Connection between fleet and ledger: the initial sums, and what each tick adds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import numpy as np

from adapters.ports.lever import Capacity, MeasuresRounds, Phase
from adapters.runtime.clock import Clock
from config.model.policy import Assume, Policy
from controller.accounting.capacity_minutes import unstepped
from controller.accounting.ledger import NAMES, REHEARSAL, GroupLedger, Ledger, Stored
from controller.accounting.paid_units import Change
from controller.decision.costs.cost_model import MINUTE_SECONDS, CostTerms, TopTerms, billing_step_of, request_usd_of
from controller.decision.costs.kinds import Mode
from controller.decision.costs.ping_rounds import measured
from controller.demand.pool_group import PoolGroup
from controller.fleet.builder import pool_terms
from controller.fleet.fleet import Fleet
from controller.fleet.reconciler import Reconciler
from controller.store.async_store import AsyncStore
from forecasting.demand import Floats

ScoreForecasts = Callable[[Sequence[str], int, Floats], None]
"""Function of pool names, first minute and actual peaks from that minute on: float32[pools, n]."""


async def open_accounts(fleet: Fleet, store: AsyncStore, clock: Clock) -> Ledger:
    """Return the ledger of all pool groups, with the sums of today and of this month from the store."""
    now = clock.now()
    today, tomorrow = now.date(), now.date() + timedelta(days=1)
    day = await store.run(store.store.accounts, today, tomorrow)
    month = await store.run(store.store.accounts, today.replace(day=1), tomorrow)
    modes = {name: each.policy.mode for name, each in fleet.reconcilers.items()}
    groups = [GroupLedger(region.collector.pools, present(day, modes), present(month, modes), now) for region in fleet.regions]
    return Ledger(groups, modes, day, month)


def present(stored: Stored, modes: Mapping[str, Mode]) -> dict[str, Mapping[str, float]]:
    """Return the stored sums of each pool in its present mode."""
    return {name: stored[mode][name] for name, mode in modes.items() if name in stored.get(mode, {})}


def update_spent(fleet: Fleet, accounts: Ledger) -> None:
    """Pass the cost of each pool's warm capacity this month to the limits of the fleet: unit-minutes at the current price, and
    the pings of a layer. Pass also what these pings cost now. Capacity that others keep warm is excluded, because no limit can
    lower it.
    """
    warm, others, pings = (NAMES.index(name) for name in ("warm_unit_minutes", "others_unit_minutes", "ping_usd"))
    for region, account in zip(fleet.regions, accounts.each, strict=True):
        pools, rows = region.pools, [account.row[name] for name in region.pools]
        price = np.array([fleet.reconcilers[name].usd_per_unit_minute for name in pools])
        spent = (account.month[rows, warm] - account.month[rows, others]) * price + account.month[rows, pings]
        fleet.limiter.note_spent(pools, spent)
        fleet.limiter.note_pings(pools, np.array([hourly_pings(fleet.tops.get(name)) for name in pools]))


def hourly_pings(top: Reconciler | None) -> float:
    """Return the cost of the requested units of a layer of pings in USD per hour."""
    return 0.0 if top is None or top.capacity is None else top.capacity.requested * top.usd_per_unit_minute * 60


def paid_units(capacity: Capacity) -> int:
    """Return the billed units where billing starts with the request; units whose allocation failed are not billed."""
    return capacity.ready if capacity.phase is Phase.FAILED else capacity.requested


def pinged_units(top: Reconciler | None) -> float:
    """Return the units that a layer of pings has proved warm; 0 without a layer or a reading."""
    return 0 if top is None or top.capacity is None else top.capacity.ready


def change_of(reconciler: Reconciler, assume: Assume) -> Change:
    """Return the last change of a pool's requested units."""
    capacity, lever = reconciler.capacity, reconciler.policy.lever
    changed_at, failed = (None, False) if capacity is None else (capacity.changed_at, capacity.phase is Phase.FAILED)
    step = reconciler.traits.billing_step or billing_step_of(lever.kind, assume)
    return Change((changed_at, reconciler.wrote_at), step, failed)


def account_terms(reconciler: Reconciler, top: Reconciler | None, assume: Assume, metric_delay: timedelta) -> CostTerms:
    """Return the cost terms of a pool for its accounts: those of decisions, with the present pause and hold of a layer of pings,
    and their cost.
    """
    terms = pool_terms(reconciler, assume, metric_delay, top)
    if top is None or terms.top is None or not isinstance(top.lever, MeasuresRounds):
        return terms
    pings = measured(terms.top.pings, top.lever.rounds())
    idle = pings.usd_per_minute(terms.on_demand / MINUTE_SECONDS, terms.init_seconds, request_usd_of(top.policy.lever.kind))
    return replace(terms, top=TopTerms(idle, pings))


def change_in(fleet: Fleet, region: PoolGroup, assume: Assume, name: str) -> Change:
    """Return the last change of the requested units of a pool of a group; none of a retired one."""
    return change_of(fleet.reconcilers[name], assume) if fleet.region_of.get(name) is region else unstepped(0)


async def store_accounts(fleet: Fleet, accounts: Ledger, policy: Policy, clock: Clock, store: AsyncStore, *,
                         ended: bool) -> None:
    """Store the sums added since the last call. `ended`: the process stops, so known minutes count before they are settled."""
    if ended:
        await account_for(fleet, accounts, policy, clock, None, ended=True)
    await keep_accounts(accounts, store)


async def account_for(fleet: Fleet, accounts: Ledger, policy: Policy, clock: Clock, score: ScoreForecasts | None, *,
                      ended: bool = False) -> None:
    """Record the current capacity, count the minutes that have settled since the last call, and pass their peaks to `score`.
    `ended`: count all known minutes.
    """
    now, tops = clock.now(), fleet.tops
    for region, account in zip(fleet.regions, accounts.each, strict=True):
        collector = region.collector
        reconcilers, planned = [fleet.reconcilers[name] for name in region.pools], set(region.pools)
        readings = [(read.ready, read.others, paid_units(read)) if name in planned and (read := fleet.reconcilers[name].capacity)
                    else (np.nan, 0, np.nan) for name in collector.pools]
        ready, others, requested = np.array(readings, np.float32).reshape(len(readings), 3).T
        pinged = np.array([pinged_units(tops.get(name)) for name in collector.pools], np.float32)
        account.ready(ready, now, others, requested, pinged, partial(change_in, fleet, region, policy.assume))
        for each in reconcilers:
            if each.counted is not None:
                account.counted(each.policy.name, each.counted())
            if each.cold_starts is not None:
                account.bound(each.policy.name, each.cold_starts())
            if (pings_sent := tops.get(each.policy.name, each).pings_sent) is not None:
                account.sent(each.policy.name, *pings_sent())
        first = account.pending_from()
        end = collector.known_end_minute(now) if ended else collector.settled_end_minute(now)
        if first < end:
            terms = [account_terms(fleet.reconcilers[name], tops.get(name), policy.assume, collector.metric_delay)
                     if name in planned else region.terms(name) for name in collector.pools]
            if not account.rehearsed:
                account.warm_up(*await collector.rows(first - REHEARSAL, first), terms)
            peak, busy, invocations = await collector.rows(first, end)
            account.settle(first, peak, busy, invocations, terms)
            if score is not None:
                rows = [collector.row[name] for name in region.pools]
                score(region.pools, first, peak if len(rows) == len(peak) else peak[rows])


async def keep_accounts(accounts: Ledger, store: AsyncStore) -> None:
    """Store the sums added since the last call. After a store error they are missing in the store, but not in the status."""
    for account in accounts.each:
        for day, batch in account.take_pending().items():
            await store.run(store.store.add_accounts, day, batch, accounts.modes)
