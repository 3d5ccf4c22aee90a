"""The text of a scrape: pools as of the last tick, rendered once per tick in a thread; the daemon as of now."""

import asyncio
from collections.abc import Callable

from prometheus_client import CollectorRegistry, generate_latest

from controller.metrics.daemon_collector import DaemonFacts, DaemonFamilies


class Exposition:
    """The exposition in the Prometheus text format. `facts` is called at every scrape."""

    def __init__(self, facts: Callable[[], DaemonFacts]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)  # not the default one: it has the metrics of libraries
        self._registry.register(DaemonFamilies(facts))
        self._pools: Callable[[], str] | None = None
        self._text = b""
        self._rendering = asyncio.Lock()

    def renew(self, pools: Callable[[], str]) -> None:
        """Render the pools with `pools` at the next scrape, in a thread. Called after each tick."""
        self._pools = pools

    async def text(self) -> bytes:
        """Return the exposition. Pools are rendered at most once per tick, for any number of scrapes, off the event loop."""
        async with self._rendering:
            pools, self._pools = self._pools, None
            if pools is not None:
                self._text = await asyncio.to_thread(lambda: pools().encode())
        return generate_latest(self._registry) + self._text
