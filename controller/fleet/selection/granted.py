"""Selected pools as `stoker iam` needs them: one for each pattern of an entry, because no provider is called. Pure."""

import re
from itertools import product

from config.model.policy import Policy, PoolPolicy
from config.model.select import Listing, Select
from controller.fleet.selection.expansion import lever_at, pool_of
from controller.fleet.selection.inventory import Resource

CLASS = re.compile(r"\[[^]]*\]")
"""Part of a pattern that IAM does not have."""


def with_patterns(policy: Policy) -> Policy:
    """Return the policy with a pool for each pattern of names and aliases of each entry and place. Resources are patterns."""
    pools = [pool for entry in policy.select for listing in entry.listings for pool in pattern_pools(entry, listing)]
    named = [pool.model_copy(update={"name": f"select-{number}"}) for number, pool in enumerate(pools)]
    return policy.model_copy(update={"pools": (*policy.pools, *named)})


def pattern_pools(entry: Select, listing: Listing) -> list[PoolPolicy]:
    """Return a pool for each pattern of names and aliases."""
    first, *others = entry.lever.resource_keys
    sample = Resource("sample", {key: str(getattr(entry.lever, key)) for key in entry.lever.resource_keys}, {})
    pool = pool_of(entry, listing, sample)
    found = []
    for values in product(entry.keys.include.name or ("*",), *((entry.keys.include.alias or ("*",)) for _ in others)):
        keys = {**listing.where, **dict(zip((first, *others), (CLASS.sub("?", each) for each in values), strict=True))}
        layers = {"lever": lever_at(entry.lever, keys), "top": entry.top and lever_at(entry.top, keys)}
        found.append(pool.model_copy(update=layers))
    return found
