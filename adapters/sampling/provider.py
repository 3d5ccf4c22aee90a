"""Provider of pools whose numbers are sampled from servers: pools with the same connection share one source."""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, Generic, Protocol, TypeVar

from numpy.random import Generator

from adapters.pinging.pinged import PingedPools
from adapters.ports.demand_source import Demands, DemandSource
from adapters.ports.diagnostics import Check, Finding, Verdict
from adapters.ports.errors import AdapterError, Unsupported
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import Clock
from adapters.sampling.demand_source import Gauges, SampledDemand
from adapters.sampling.settings import StoreSettings

S = TypeVar("S", bound=StoreSettings)


class StoreGauges(Gauges, Protocol):
    """Reader of one server, with connections of its own."""

    calls: CallCounter

    async def close(self) -> None:
        """Close all connections."""


class SampledStores(Generic[S]):
    """See `adapters.registry.DemandProvider`. A subclass names the kind and `every`, the seconds between two samples.

    The sandbox has no stores, so a run within it is refused. `patience`: timeout of a sample in seconds.
    """

    kind: ClassVar[str]
    every: ClassVar[float]
    settings: type[S]

    def __init__(self, clock: Clock, rng: Generator, sandbox_url: str | None = None,  # noqa: ARG002  (nothing is random)
                 pinged: PingedPools | None = None, patience: float | None = None) -> None:
        if sandbox_url is not None:
            raise Unsupported("this run may connect only to its sandbox, which has no store: remove each `demand` and each of "
                              f"the `leads` of kind {self.kind}")
        self._clock, self._pinged, self._patience = clock, pinged or PingedPools(), patience or self.every * 0.8
        self._gauges: list[StoreGauges] = []
        self._sources: list[SampledDemand] = []

    def gauges(self, pools: Mapping[str, S], seconds: float) -> StoreGauges:
        """Return a reader of `pools`, which have one server, with a timeout of `seconds`."""
        raise NotImplementedError

    def sources(self, pools: Demands) -> list[tuple[DemandSource, tuple[str, ...]]]:
        """Return one source for each server."""
        pinged = self._pinged.among(pool for pool, _ in pools)
        found: list[tuple[DemandSource, tuple[str, ...]]] = []
        for members in self._servers(pools):
            source = SampledDemand(self.kind, self._opened(members), self._clock, tuple(members), self.every, pinged)
            self._sources.append(source)
            found.append((source, tuple(members)))
        return found

    def demand_checks(self, pools: Demands) -> list[Check]:
        """Return a check of each server, which reads the number of each of its pools once."""
        return [Check(f"{self.kind} of {', '.join(list(members)[:3])}", partial(checked, self._opened(members), members))
                for members in self._servers(pools)]

    def call_counters(self) -> list[CallCounter]:
        """Return the counter of each reader."""
        return [each.calls for each in self._gauges]

    async def close(self) -> None:
        """Stop sampling and close all connections."""
        for source in self._sources:
            await source.close()
        for gauges in self._gauges:
            await gauges.close()

    def _opened(self, members: Mapping[str, S]) -> StoreGauges:
        self._gauges.append(self.gauges(members, self._patience))
        return self._gauges[-1]

    def _servers(self, pools: Demands) -> list[dict[str, S]]:
        """Return the settings of the pools of each server by name."""
        servers: dict[str, dict[str, S]] = {}
        for pool, demand in pools:
            if isinstance(demand, self.settings):
                servers.setdefault(demand.connection, {})[pool.name] = demand
        return list(servers.values())


async def checked(gauges: Gauges, pools: Mapping[str, StoreSettings]) -> list[Finding]:
    """Return the findings on a server: how the password is sent, and the present number of each pool."""
    settings = next(iter(pools.values()))
    found = []
    if settings.unprotected:
        found.append(Finding("credentials", settings.place, Verdict.WARN, "the connection has a password and is not encrypted",
                             "set tls"))
    for pool, number in (await gauges.read(tuple(pools))).items():
        found.append(number_finding(pool, settings.place, number))
    return found


def number_finding(pool: str, place: str, number: float | AdapterError) -> Finding:
    """Return the finding on the present number of a pool."""
    if isinstance(number, AdapterError):
        return Finding("demand", pool, Verdict.FAIL, str(number))
    if not number:
        return Finding("demand", pool, Verdict.WARN, f"{place} has the number 0 now, as also for a wrong name",
                       "check the names in demand, unless the pool is idle")
    return Finding("demand", pool, Verdict.OK, f"{place} has the number {number:g} now")
