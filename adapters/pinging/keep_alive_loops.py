"""What a provider of levers that ping keeps of them, for as long as it lives."""

from adapters.pinging.demand_without_pings import Pinged
from adapters.pinging.keep_alive_loop import KeepAliveLoop


class PingProvider:
    """A base of such providers, which end the pings with `end_pings`."""

    def __init__(self) -> None:
        self._pinged: dict[str, Pinged] = {}
        self._keepers: list[KeepAliveLoop] = []

    def pinged(self, pool: str) -> Pinged:
        """What lever and demand source of a pinged pool know of each other."""
        return self._pinged.setdefault(pool, Pinged())

    def keep(self, keeper: KeepAliveLoop) -> KeepAliveLoop:
        """End `keeper` when this ends."""
        self._keepers.append(keeper)
        return keeper

    async def end_pings(self) -> None:
        for keeper in self._keepers:
            await keeper.close()
