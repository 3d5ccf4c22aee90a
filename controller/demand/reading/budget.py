"""Which pools are read once a quarter of an hour only, because reading them more often is not worth its price. Pure."""

from collections.abc import Mapping
from math import isnan
from typing import NamedTuple

AGAIN = 1.5
"""A slowed pool is read more often again once it saves this many times what that costs."""


class ReadCost(NamedTuple):
    """Reading one pool, in USD per month: `usd` at its schedule, `slow_usd` once a quarter of an hour. `saving`: what its units
    have recently saved, bill and cold-start cost together; NaN while unknown. `slowed`: whether it is slowed now.
    """

    usd: float
    slow_usd: float
    saving: float
    slowed: bool = False


def slowed_pools(pools: Mapping[str, ReadCost], shared_usd: float, limit: float | None) -> dict[str, str]:
    """Return the pools to slow, with the reason as text. `shared_usd`: reads that no pool can lower. `limit`: of all reads.

    A pool is slowed if its units save less than its reads cost, and then those with the lowest saving per USD until the total is
    within the limit. A pool whose saving is unknown comes last.
    """
    found = {name: f"reading its metrics costs {each.usd:.2f} USD per month, more than the {max(0.0, each.saving):.2f} USD that "
                   "its units save (bill and cold-start cost together): read once a quarter of an hour"
             for name, each in pools.items()
             if each.usd > each.slow_usd and each.saving < each.usd * (AGAIN if each.slowed else 1.0)}
    if limit is None:
        return found
    total = shared_usd + sum(each.slow_usd if name in found else each.usd for name, each in pools.items())
    others = [(name, each) for name, each in pools.items() if name not in found and each.usd > each.slow_usd]
    for name, each in sorted(others, key=lambda one: (isnan(one[1].saving), one[1].saving / one[1].usd, one[0])):
        if total <= limit:
            break
        total -= each.usd - each.slow_usd
        found[name] = (f"metric_reads_usd_per_month {limit:g} of the limits: read once a quarter of an hour, because its units "
                       "save least per USD of reading")
    return found
