"""Base class of providers with levers that ping."""

from adapters.pinging.demand_without_pings import Pinged
from adapters.pinging.keep_alive_loop import KeepAliveLoop


class PingProvider:
    """Base class that stores the shared state and the loops of pinged pools. A provider calls `end_pings` when it closes."""

    def __init__(self) -> None:
        self._pinged: dict[str, Pinged] = {}
        self.loops: list[KeepAliveLoop] = []

    def pinged(self, pool: str) -> Pinged:
        """Return the state that lever and demand source of a pinged pool share."""
        return self._pinged.setdefault(pool, Pinged())

    def keep(self, loop: KeepAliveLoop) -> KeepAliveLoop:
        """Store `loop`, so that `end_pings` closes it, and return it."""
        self.loops.append(loop)
        return loop

    async def end_pings(self) -> None:
        """Close all loops."""
        for loop in self.loops:
            await loop.close()
