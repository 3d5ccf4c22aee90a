"""Provider of pushed demand: one source for the pools without metrics, and one for each source of metrics."""

from numpy.random import Generator

from adapters.pinging.pinged import PingedPools
from adapters.ports.demand_source import Demands, Sources
from adapters.ports.diagnostics import Check
from adapters.push.demand_source import PushDemand
from adapters.push.hindsight import PushWithMetrics
from adapters.push.settings import PushSettings
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import Clock


class Push:
    """Provider of pushed demand. It connects to nothing: applications connect to the daemon."""

    def __init__(self, clock: Clock, rng: Generator, sandbox_url: str | None = None,  # noqa: ARG002
                 pinged: PingedPools | None = None) -> None:
        self._clock, self._pinged = clock, PingedPools() if pinged is None else pinged
        self._with_metrics: list[PushWithMetrics] = []

    def sources(self, pools: Demands) -> Sources:
        """Return one source for all `pools`."""
        return [(self._source(pools), tuple(pool.name for pool, _ in pools))]

    def with_metrics(self, pools: Demands, metrics: Sources) -> Sources:
        """Return one source for each source of `metrics`, which has read their pings; see `adapters.registry`."""
        by_name = {pool.name: (pool, demand) for pool, demand in pools}
        found: Sources = []
        for source, names in metrics:
            both = PushWithMetrics(self._source([by_name[name] for name in names], noted=True), source, self._clock)
            self._with_metrics.append(both)
            found.append((both, names))
        return found

    def demand_checks(self, pools: Demands) -> list[Check]:  # noqa: ARG002  (reports are received by a running daemon only)
        """Return no check."""
        return []

    def call_counters(self) -> list[CallCounter]:
        """Return no counter."""
        return []

    async def close(self) -> None:
        """End readings of metrics in progress."""
        for each in self._with_metrics:
            await each.close()

    def _source(self, pools: Demands, noted: bool = False) -> PushDemand:
        """Return the inboxes of `pools`. `noted`: the source of their metrics notes the users of pinged pools."""
        settings = {pool.name: demand for pool, demand in pools if isinstance(demand, PushSettings)}
        return PushDemand(settings, self._clock, {} if noted else self._pinged.among(pool for pool, _ in pools))
