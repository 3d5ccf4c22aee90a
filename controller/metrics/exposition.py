"""The text of a scrape: of pools as of the last tick, made once a tick in a thread; of the daemon as of now."""

import asyncio
from collections.abc import Callable

from prometheus_client import CollectorRegistry, generate_latest

from controller.metrics.daemon_collector import Daemon, DaemonFamilies


class Exposition:
    """`daemon` is told at every scrape. `renew` says how pools are told, once there are any."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self._registry = CollectorRegistry(auto_describe=False)  # of our own, so that no library's metrics slip in
        self._registry.register(DaemonFamilies(daemon))
        self._pools: Callable[[], str] | None = None
        self._text = b""
        self._making = asyncio.Lock()

    def renew(self, pools: Callable[[], str]) -> None:
        """A tick is over: the next scrape is to tell of it. `pools` makes the text, in a thread."""
        self._pools = pools

    async def text(self) -> bytes:
        """The exposition. That of pools is made at most once a tick, however many ask, and holds up nobody else."""
        async with self._making:
            pools, self._pools = self._pools, None
            if pools is not None:
                self._text = await asyncio.to_thread(lambda: pools().encode())
        return generate_latest(self._registry) + self._text
