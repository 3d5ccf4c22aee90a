"""What all Google Cloud pools of a process share: connections, a control plane per region, a metric reader per project."""

from collections.abc import Mapping, Sequence

from numpy.random import Generator

from adapters.gcp import diagnostics, discovery
from adapters.gcp.clients import Connections, Timeouts
from adapters.gcp.monitoring.demand_source import CloudMonitoringDemand
from adapters.gcp.monitoring.metric_reader import MetricReader, Place
from adapters.gcp.run.control_plane import RunPlane
from adapters.gcp.run.instance_counts import ProjectInstances
from adapters.ports.demand_source import DemandSource
from adapters.ports.diagnostics import Check, Dated, Probe
from adapters.ports.discovery import Survey, Where
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import Clock
from config.model.policy import PoolPolicy


class Gcp:
    """Made once by the registry. With `sandbox_grpc` (`host:port`) everything goes there and can reach nothing else."""

    def __init__(self, clock: Clock, rng: Generator, sandbox_grpc: str | None = None,  # noqa: ARG002  (nothing here is random)
                 timeouts: Timeouts | None = None) -> None:
        self.clock = clock
        self._connections = Connections(sandbox_grpc, timeouts)
        self._planes: dict[tuple[str, str], RunPlane] = {}
        self._readers: dict[str, MetricReader] = {}
        self._instances: dict[str, ProjectInstances] = {}

    @property
    def dated(self) -> Dated | None:
        """See `Connections.dated`."""
        return self._connections.dated

    def plane(self, project: str, location: str) -> RunPlane:
        """Cloud Run's control plane in a region of a project."""
        if (project, location) not in self._planes:
            self._planes[project, location] = RunPlane(self._connections, self.clock, project, location)
        return self._planes[project, location]

    def instances(self, project: str) -> ProjectInstances:
        """Instance counts of a project."""
        if project not in self._instances:
            self._instances[project] = ProjectInstances(self.reader(project), self.clock)
        return self._instances[project]

    def tallies(self) -> list[CallCounter]:
        """Calls made."""
        return [self._connections.tally]

    def sources(self, pools: Sequence[PoolPolicy]) -> list[tuple[DemandSource, tuple[str, ...]]]:
        """Cloud Monitoring, once for each project."""
        of_project: dict[str, dict[str, Place]] = {}
        trusting = {pool.name for pool in pools if pool.on_quiet_region == "trust"}
        for pool in pools:
            project, place = address(pool)
            of_project.setdefault(project, {})[pool.name] = place
        found: list[tuple[DemandSource, tuple[str, ...]]] = []
        aims = {pool.name: float(pool.lever.model_dump()["concurrency_target"]) for pool in pools}
        for project, resources in of_project.items():
            planes = {place.location: self.plane(project, place.location) for place in resources.values()}
            source = CloudMonitoringDemand(self.reader(project), self.clock, resources, planes, aims, trusting)
            found.append((source, tuple(resources)))
        return found

    def checks(self, pools: Sequence[PoolPolicy]) -> list[Check]:
        """See `adapters.registry.Provider`."""
        return diagnostics.checks(self, pools)

    def probes(self, pool: PoolPolicy) -> Mapping[str, Probe]:
        """See `adapters.registry.Provider`."""
        return diagnostics.probes(self, pool)

    async def survey(self, where: Where) -> Survey:
        """See `adapters.registry.Provider`."""
        return await discovery.survey(self, where["project"], where["location"])

    async def close(self) -> None:
        """Let go of waiting calls and of connections."""
        for plane in self._planes.values():
            plane.close()
        for reader in self._readers.values():
            reader.close()
        await self._connections.close()

    def reader(self, project: str) -> MetricReader:
        """Cloud Monitoring of a project."""
        if project not in self._readers:
            self._readers[project] = MetricReader(self._connections, self.clock, project)
        return self._readers[project]


def address(pool: PoolPolicy) -> tuple[str, Place]:
    """Project and place of a pool on Google Cloud; every Google lever's settings have these three."""
    settings = pool.lever.model_dump()
    return str(settings["project"]), Place(str(settings["location"]), str(settings["service"]))
