"""Base class of providers with levers that ping."""

from adapters.pinging.keep_alive_loop import KeepAliveLoop
from adapters.pinging.pinged import PingedPools


class PingProvider:
    """Base class that stores the loops of pinged pools. `pinged`: what their levers and demand sources share. A provider calls
    `end_pings` when it closes.
    """

    def __init__(self, pinged: PingedPools | None = None) -> None:
        self.pinged = pinged or PingedPools()
        self.loops: list[KeepAliveLoop] = []

    def keep(self, loop: KeepAliveLoop) -> KeepAliveLoop:
        """Store `loop`, so that `end_pings` closes it, and return it."""
        self.loops.append(loop)
        return loop

    async def end_pings(self) -> None:
        """Close all loops."""
        for loop in self.loops:
            await loop.close()
