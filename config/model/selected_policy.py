"""Policies that stand for all functions that an entry of `select` may add, for their permissions: names are wildcards of IAM."""

import re
from itertools import product

from config.model.policy import Policy, PoolPolicy

GROUP = re.compile(r"\[[^]]*\]")
"""Group of characters in a pattern of an entry, for which IAM has no wildcard."""


class SelectedPolicy(PoolPolicy):
    """Policy of all functions of one place that one pattern matches. It is in no file, and no pool of a fleet."""

    marks: bool
    """Whether tags decide, which are then read."""


def selected_policies(policy: Policy) -> list[SelectedPolicy]:
    """Return a policy for each pattern of names and aliases, and each place, of the entries that select functions of AWS."""
    found: list[SelectedPolicy] = []
    of_aws = [each for each in policy.select if each.lever.cloud == "aws"]
    for entry, listing in ((each, listing) for each in of_aws for listing in each.listings):
        include = entry.keys.include
        for patterns in product(include.name or ("*",), include.alias or ("*",)):
            names = dict(zip(entry.lever.resource_keys, (GROUP.sub("?", each) for each in patterns), strict=True))
            keys = {**listing.where, **names}
            top = None if entry.top is None else entry.top.model_copy(update=keys)
            found.append(SelectedPolicy.model_construct(
                name=" ".join((listing.key, *patterns)), lever=entry.lever.model_copy(update=keys), top=top, demand=entry.demand,
                leads=entry.leads, credentials=listing.credentials, mode=entry.settings.get("mode", "shadow"), max=1,
                dead_man=entry.settings.get("dead_man"), marks=entry.needs_marks))
    return found
