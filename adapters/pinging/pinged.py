"""State that the levers and the demand source of one pinged pool share."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from adapters.pinging.own_traffic import OwnTraffic
from adapters.pinging.usage_pattern import UsagePattern
from adapters.ports.lever import Capacity
from config.model.layers import TopPolicy
from config.model.policy import PoolPolicy


@dataclass(slots=True)
class Pinged:
    """Shared state of one pool. `usage` is that of its users, `own_traffic` that of its pings."""

    usage: UsagePattern = field(default_factory=UsagePattern)
    own_traffic: OwnTraffic = field(default_factory=OwnTraffic)
    unsure: range | None = None
    """Minutes that may contain pings of an earlier process; None before the first read."""
    below: int = 0
    """Ready units of the layer below the pinged ones, by the last read of its lever; 0 for a pool with one lever. The platform
    serves requests with them first.
    """
    below_requested: int = 0
    """Units that the layer below has requested: as many may have become ready since that read."""

    def note_below(self, capacity: Capacity) -> Capacity:
        """Record the capacity of the layer below, and return it."""
        self.below, self.below_requested = capacity.ready, capacity.requested
        return capacity


class PingedPools:
    """Shared states by pool. A registry has one, because the two levers of a pool may belong to different providers."""

    def __init__(self) -> None:
        self._of: dict[str, Pinged] = {}

    def of(self, pool: PoolPolicy) -> Pinged:
        """Return the state of a pool; both layers of a pool have the same."""
        return self._of.setdefault(pool.layer_of if isinstance(pool, TopPolicy) else pool.name, Pinged())

    def among(self, pools: Iterable[PoolPolicy]) -> dict[str, Pinged]:
        """Return the states of those `pools` that a lever pings."""
        return {pool.name: self.of(pool) for pool in pools if (pool.top or pool.lever).pings}
