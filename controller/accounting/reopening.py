"""Accounts of a fleet whose policy has changed: sums of pools that stay go on, and those of other pools come from the store."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from controller.accounting.ledger import NAMES, GroupLedger, Ledger, Stored
from controller.accounting.tick_accounting import present
from controller.decision.costs.kinds import Mode
from controller.demand.pool_group import PoolGroup
from controller.fleet.fleet import Fleet
from controller.store.async_store import AsyncStore


class StoredSums(NamedTuple):
    """Sums of some pools in the store: of today, and of this month."""

    today: Stored
    month: Stored


async def stored_sums(store: AsyncStore, names: Collection[str], today: date) -> StoredSums:
    """Return the stored sums of `names`. Raise `StoreError`."""
    if not names:
        return StoredSums({}, {})
    tomorrow = today + timedelta(days=1)
    day, month = [await store.run(store.store.accounts, first, tomorrow) for first in (today, today.replace(day=1))]
    return StoredSums(*({mode: {name: sums[name] for name in names if name in sums} for mode, sums in each.items()}
                        for each in (day, month)))


def reopen(accounts: Ledger, before: Sequence[PoolGroup], fleet: Fleet, stored: StoredSums, now: datetime) -> None:
    """Continue the accounts of a fleet with other groups than `before`. All sums must have been stored, those of pools that are
    new in the fleet are in `stored`. The minutes of a pool with another group or mode that are not settled yet are not counted.
    """
    modes = {name: each.policy.mode for name, each in fleet.reconcilers.items()}
    for name, mode in accounts.modes.items():
        if modes.get(name, mode) != mode:
            accounts.switch(name, modes[name])
    opened, known = dict(zip(before, accounts.each, strict=True)), accounts.modes.keys()
    new = {name: modes[name] for region in fleet.regions if region not in opened for name in region.pools}
    groups = [opened.get(region) or opened_group(accounts, region, new, stored, now) for region in fleet.regions]
    for region, account in zip(before, accounts.each, strict=True):
        for name in account.row.keys() - set(region.pools):
            del account.row[name]
    added = {name: mode for name, mode in new.items() if name not in known}
    accounts.arrange(groups, added, stored.today, stored.month)


def opened_group(accounts: Ledger, region: PoolGroup, modes: Mapping[str, Mode], stored: StoredSums,
                 now: datetime) -> GroupLedger:
    """Return the ledger of a new group. Pools that `accounts` have continue with their sums."""
    sums = {name: [dict(zip(NAMES, each, strict=True)) for each in accounts.row(name)]
            for name in region.pools if name in accounts.modes}
    today, month = ({name: each[at] for name, each in sums.items()} for at in (0, 1))
    group = GroupLedger(region.collector.pools, present(stored.today, modes) | today, present(stored.month, modes) | month, now)
    for name in sums:
        group.ever[group.row[name]] = accounts.since_start([name])[0]
    return group
