"""Between the fleet and the accounts: what they begin with, and what each tick adds to them."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import numpy as np

from adapters.ports.lever import Capacity, Phase
from adapters.runtime.clock import Clock
from config.model.policy import Assume, Policy
from controller.accounting.ledger import NAMES, REHEARSAL, GroupLedger, Ledger, keep_accounts
from controller.accounting.paid_units import Change
from controller.decision.costs.cost_model import billing_step_of
from controller.fleet.builder import pool_terms
from controller.fleet.fleet import Fleet
from controller.fleet.reconciler import Reconciler
from controller.store.async_store import AsyncStore
from forecasting.demand import Floats

Scored = Callable[[Sequence[str], int, Floats], None]
"""Takes the names of pools, the first minute, and their peaks from then on: float32[pools, n]."""


async def open_accounts(fleet: Fleet, store: AsyncStore, clock: Clock) -> Ledger:
    """The accounts of each region, with the sums of today and of this month from the store."""
    now = clock.now()
    today, tomorrow = now.date(), now.date() + timedelta(days=1)
    day = await store.run(store.store.accounts, today, tomorrow)
    month = await store.run(store.store.accounts, today.replace(day=1), tomorrow)
    return Ledger([GroupLedger(region.collector.pools, day, month, now) for region in fleet.regions])


def tell_spent(fleet: Fleet, accounts: Ledger) -> None:
    """Tell the fleet's limits what the warm capacity of each pool has cost this month: unit-minutes by what one costs now. What
    others keep warm does not count: no limit can lower it.
    """
    warm, others = NAMES.index("warm_unit_minutes"), NAMES.index("others_unit_minutes")
    for region, account in zip(fleet.regions, accounts.each, strict=True):
        price = np.array([fleet.reconcilers[name].usd_per_unit_minute for name in region.collector.pools])
        fleet.limiter.note_spent(region.collector.pools, (account.month[:, warm] - account.month[:, others]) * price)


def paid_units(capacity: Capacity) -> int:
    """Units that are paid for where billing begins with the request; those that failed to allocate are not."""
    return capacity.ready if capacity.phase is Phase.FAILED else capacity.requested


def change_of(reconciler: Reconciler, assume: Assume) -> Change:
    """What is known of the last change of a pool's requested units."""
    capacity, lever = reconciler.capacity, reconciler.policy.lever
    changed_at, failed = (None, False) if capacity is None else (capacity.changed_at, capacity.phase is Phase.FAILED)
    step = reconciler.traits.billing_step or billing_step_of(lever.kind, assume)
    return Change((changed_at, reconciler.wrote_at), step, failed)


async def store_accounts(fleet: Fleet, accounts: Ledger, policy: Policy, clock: Clock, store: AsyncStore, *,
                         ended: bool) -> None:
    """Store what was added up since the last time. `ended`: the process ends, so that known minutes count though unsettled."""
    if ended:
        await account_for(fleet, accounts, policy, clock, None, ended=True)
    await keep_accounts(accounts, store)


async def account_for(fleet: Fleet, accounts: Ledger, policy: Policy, clock: Clock, score: Scored | None, *,
                      ended: bool = False) -> None:
    """Note what stands ready now, account for the minutes whose demand has settled since the last time, and pass their peaks to
    `score`, which compares them with past forecasts. `ended`: account for all minutes that are known.
    """
    now = clock.now()
    for region, account in zip(fleet.regions, accounts.each, strict=True):
        collector = region.collector
        reconcilers = [fleet.reconcilers[name] for name in collector.pools]
        seen = [(read.ready, read.others, paid_units(read)) if (read := each.capacity) else (np.nan, 0, np.nan)
                for each in reconcilers]
        ready, others, requested = np.array(seen, np.float32).reshape(len(seen), 3).T
        account.ready(ready, now, others, requested, lambda name: change_of(fleet.reconcilers[name], policy.assume))
        for each in reconcilers:
            if each.counted is not None:
                account.counted(each.policy.name, each.counted())
            if each.cold_starts is not None:
                account.bound(each.policy.name, each.cold_starts())
        first = account.pending_from()
        end = collector.known_end_minute(now) if ended else collector.settled_end_minute(now)
        if first < end:
            terms = [pool_terms(each, policy.assume, collector.metric_delay) for each in reconcilers]
            if not account.rehearsed:
                account.warm_up((await collector.rows(first - REHEARSAL, first))[0], terms)
            peak, busy, invocations = await collector.rows(first, end)
            account.settle(first, peak, busy, invocations, terms)
            if score is not None:
                score(collector.pools, first, peak)
