"""What the Google Cloud pools of a process share: connections, a control plane per region, metrics per project."""

from adapters.gcp.clients import Connections, Timeouts
from adapters.gcp.monitoring.metric_reader import MetricReader
from adapters.gcp.run.control_plane import RunPlane
from adapters.gcp.run.instance_counts import ProjectInstances
from adapters.ports.diagnostics import Dated
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import Clock
from config.model.credentials import Credentials


class GcpSessions:
    """Control planes, metric readers and instance counts of one identity, each created on first use and then shared."""

    def __init__(self, clock: Clock, sandbox_grpc: str | None = None, timeouts: Timeouts | None = None,
                 credentials: Credentials | None = None) -> None:
        self.clock, self.account = clock, None if credentials is None else credentials.impersonate
        self._connections = Connections(sandbox_grpc, timeouts, self.account)
        self._planes: dict[tuple[str, str], RunPlane] = {}
        self._readers: dict[str, MetricReader] = {}
        self._instances: dict[str, ProjectInstances] = {}

    @property
    def dated(self) -> Dated | None:
        """See `Connections.dated`."""
        return self._connections.dated

    @property
    def calls(self) -> CallCounter:
        """Calls of the two APIs, by method."""
        return self._connections.calls

    def plane(self, project: str, location: str) -> RunPlane:
        """Return Cloud Run's control plane in one region of a project."""
        if (project, location) not in self._planes:
            self._planes[project, location] = RunPlane(self._connections, self.clock, project, location)
        return self._planes[project, location]

    def reader(self, project: str) -> MetricReader:
        """Return the metric reader of a project."""
        if project not in self._readers:
            self._readers[project] = MetricReader(self._connections, self.clock, project)
        return self._readers[project]

    def instances(self, project: str) -> ProjectInstances:
        """Return the instance counts of a project."""
        if project not in self._instances:
            self._instances[project] = ProjectInstances(self.reader(project), self.clock)
        return self._instances[project]

    async def close(self) -> None:
        """Cancel calls that wait for a rate limit, and close all connections."""
        for plane in self._planes.values():
            plane.close()
        for reader in self._readers.values():
            reader.close()
        await self._connections.close()
