"""What is known of the resources of `select`, kept in the store for the next start and for commands without a daemon."""

import asyncio
import json
from datetime import datetime
from typing import NamedTuple

from config.model.policy import Policy
from controller.fleet.selection.expansion import expanded
from controller.fleet.selection.inventory import Inventory
from controller.store.async_store import AsyncStore

KEY = "selected-pools"
"""Key of the snapshot in the store."""


class Kept(NamedTuple):
    """Known resources, and the names of the pools that followed from them."""

    inventory: Inventory
    names: frozenset[str]


async def kept(store: AsyncStore) -> Kept:
    """Return what the store has; nothing known if another version has written it. Raise `StoreError`."""
    return read(await store.run(store.store.load_blob, KEY))


def read(body: bytes | None) -> Kept:
    """Return what a snapshot has; nothing known if another version has written it, or for None."""
    try:
        stored = json.loads(body or b"{}")
        resources = json.dumps(stored.get("resources", {})).encode()
        return Kept(Inventory.loaded(resources), frozenset(map(str, stored.get("pools", ()))))
    except (ValueError, TypeError, AttributeError):
        return Kept(Inventory(), frozenset())


async def keep(store: AsyncStore, inventory: Inventory, policy: Policy, now: datetime) -> None:
    """Store what is known. Raise `StoreError`."""
    body = json.dumps({"pools": policy.selected, "resources": json.loads(inventory.dumped())}).encode()
    await store.run(store.store.save_blob, KEY, body, now)


async def expanded_as_kept(policy: Policy, store: AsyncStore) -> Policy:
    """Return the policy with the selected pools that the store knows. Raise `StoreError`."""
    if not policy.select:
        return policy
    known = await kept(store)
    return (await asyncio.to_thread(expanded, policy, known.inventory, known.names)).policy
