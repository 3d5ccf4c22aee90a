"""The provider of Google Cloud: sessions, demand sources, diagnostics and discovery."""

from collections.abc import Mapping, Sequence

from numpy.random import Generator

from adapters.gcp import diagnostics, discovery
from adapters.gcp.clients import Timeouts
from adapters.gcp.metric_settings import CloudMonitoringMetricSettings
from adapters.gcp.monitoring.demand_source import CloudMonitoringDemand
from adapters.gcp.monitoring.metric_demand import CloudMonitoringMetricDemand
from adapters.gcp.monitoring.metric_reader import Place
from adapters.gcp.sessions import GcpSessions
from adapters.gcp.settings import CloudMonitoringSettings
from adapters.pinging.demand_without_pings import DemandWithoutPings
from adapters.pinging.pinged import Pinged, PingedPools
from adapters.ports.demand_source import Demands, DemandSource
from adapters.ports.diagnostics import Check, Probe
from adapters.ports.discovery import Survey, Wanted, Where
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import Clock
from config.model.credentials import Credentials
from config.model.policy import PoolPolicy


class Gcp:
    """Provider of the Google Cloud pools of one identity: the service account in `credentials`, or without it the daemon's own.

    With `sandbox_grpc` (`host:port`), every call goes to the sandbox and to no other address.
    """

    def __init__(self, clock: Clock, rng: Generator, sandbox_grpc: str | None = None,  # noqa: ARG002  (nothing here is random)
                 timeouts: Timeouts | None = None, pinged: PingedPools | None = None,
                 credentials: Credentials | None = None) -> None:
        self.sessions, self.pinged = GcpSessions(clock, sandbox_grpc, timeouts, credentials), pinged or PingedPools()

    def call_counters(self) -> list[CallCounter]:
        """Return the counters of calls made."""
        return [self.sessions.calls]

    def sources(self, pools: Demands) -> list[tuple[DemandSource, tuple[str, ...]]]:
        """Return a Cloud Monitoring source for each kind and project, with the names of its pools."""
        pinged = self.pinged.among(pool for pool, _ in pools)
        services = [(pool, demand) for pool, demand in pools if isinstance(demand, CloudMonitoringSettings)]
        return self._service_sources(services, pinged) + self._metric_sources(pools, pinged)

    def _service_sources(self, pools: Demands, pinged: dict[str, Pinged]) -> list[tuple[DemandSource, tuple[str, ...]]]:
        of_project: dict[str, dict[str, Place]] = {}
        trusting = {pool.name for pool, _ in pools if pool.on_quiet_region == "trust"}
        aims: dict[str, float] = {}
        for pool, demand in pools:
            keys = demand.model_dump()
            of_project.setdefault(str(keys["project"]), {})[pool.name] = Place(str(keys["location"]), str(keys["service"]))
            aims[pool.name] = float(keys["concurrency_target"])
        sources: list[tuple[DemandSource, tuple[str, ...]]] = []
        ledgers = {name: each.own_traffic for name, each in pinged.items()}
        for project, resources in of_project.items():
            planes = {place.location: self.sessions.plane(project, place.location) for place in resources.values()}
            source = CloudMonitoringDemand(self.sessions.reader(project), self.sessions.clock, resources, planes, aims, trusting,
                                           ledgers)
            layered = DemandWithoutPings(source, pinged, estimated=True) if pinged.keys() & resources.keys() else source
            sources.append((layered, tuple(resources)))
        return sources

    def _metric_sources(self, pools: Demands, pinged: dict[str, Pinged]) -> list[tuple[DemandSource, tuple[str, ...]]]:
        projects: dict[str, dict[str, CloudMonitoringMetricSettings]] = {}
        for pool, demand in pools:
            if isinstance(demand, CloudMonitoringMetricSettings):
                projects.setdefault(str(demand.project), {})[pool.name] = demand
        sources: list[tuple[DemandSource, tuple[str, ...]]] = []
        for project, members in projects.items():
            counted = {name: each for name, each in pinged.items() if name in members}
            source = CloudMonitoringMetricDemand(self.sessions.reader(project), self.sessions.clock, members,
                                                 {name: each.own_traffic for name, each in counted.items()})
            sources.append((DemandWithoutPings(source, counted) if counted else source, tuple(members)))
        return sources

    def checks(self, pools: Sequence[PoolPolicy]) -> list[Check]:
        """See `adapters.registry.Provider`."""
        return diagnostics.checks(self.sessions, pools)

    def demand_checks(self, pools: Demands) -> list[Check]:
        """See `adapters.registry.DemandProvider`."""
        return diagnostics.demand_checks(self.sessions, pools)

    def probes(self, pool: PoolPolicy) -> Mapping[str, Probe]:
        """See `adapters.registry.Provider`."""
        return diagnostics.probes(self.sessions, pool)

    async def survey(self, where: Where, wanted: Wanted | None = None) -> Survey:
        """See `adapters.registry.Provider`."""
        return await discovery.survey(self.sessions, where["project"], where["location"], wanted)

    async def close(self) -> None:
        """Cancel calls that wait for a rate limit, and close all connections."""
        await self.sessions.close()


def address(pool: PoolPolicy) -> tuple[str, Place]:
    """Return the project, and the location and service, of a pool. The settings of every Google lever have these three."""
    settings = pool.lever.model_dump()
    return str(settings["project"]), Place(str(settings["location"]), str(settings["service"]))
