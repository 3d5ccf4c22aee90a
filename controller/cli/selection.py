"""Expansion of `select` for commands that run without a daemon: the accounts are listed now, read-only."""

from typing import TYPE_CHECKING

from controller.cli.failure import Failed

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.registry import Registry
    from config.model.policy import Policy
    from controller.fleet.selection.expansion import Expansion
    from controller.fleet.selection.inventory import Inventory


def with_selected(policy: "Policy", sandbox_url: str | None, sandbox_grpc: str | None) -> "Policy":
    """Return the policy with the pools that its `select` entries add now. Without entries no provider is called.

    Raise `Failed` if a place cannot be listed.
    """
    if not policy.select:
        return policy
    import asyncio

    from numpy.random import PCG64, Generator

    from adapters.registry import Registry
    from adapters.runtime.clock import SystemClock

    async def found() -> "tuple[Expansion, Inventory]":
        registry = Registry(SystemClock(), Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
        try:
            return await expansion_now(policy, registry)
        finally:
            await registry.close()

    expansion, inventory = asyncio.run(found())
    if inventory.errors:
        raise Failed("\n".join(failures(inventory)))
    return expansion.policy


def with_kept(policy: "Policy", state_dir: "Path") -> "Policy":
    """Return the policy with the pools of its `select` entries that the daemon knows. Raise `StoreError`."""
    from controller.fleet.selection.expansion import expanded
    from controller.fleet.selection.kept import KEY, read
    from controller.store.read_only import ReadOnlyStore
    from controller.store.state_dir import STORE_NAME

    if not policy.select:
        return policy
    with ReadOnlyStore(state_dir / STORE_NAME) as store:
        known = read(store.load_blob(KEY))
    return expanded(policy, known.inventory, known.names).policy


async def expansion_now(policy: "Policy", registry: "Registry") -> "tuple[Expansion, Inventory]":
    """Return the policy with the pools of its entries, and what was listed. Does not close the registry."""
    from controller.fleet.selection.expansion import expanded
    from controller.fleet.selection.inventory import Inventory
    from controller.fleet.selection.listing import listed

    inventory = Inventory().after(await listed(policy.select, registry))
    return expanded(policy, inventory), inventory


def failures(inventory: "Inventory") -> list[str]:
    """Return why places could not be listed, one line each."""
    return [f"select: {error}; its pools are missing here" for error in dict.fromkeys(inventory.errors.values())]
