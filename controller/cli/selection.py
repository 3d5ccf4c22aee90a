"""Expansion of `select` for commands that run without a daemon: the accounts are listed now, read-only."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.registry import Registry
    from config.model.policy import Policy
    from controller.fleet.selection.expansion import Expansion
    from controller.fleet.selection.inventory import Inventory


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
