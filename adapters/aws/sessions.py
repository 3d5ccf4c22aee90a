"""Connections and control planes of AWS, one per region, which all pools of the region share."""

from adapters.aws.clients import Connections, Timeouts
from adapters.aws.lambda_.control_plane import ControlPlane
from adapters.aws.lambda_.pings import TimedConnections
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import Clock


class AwsSessions:
    """Clients of every region in use, made on first use with the credentials that the AWS library finds.

    With `sandbox_url`, all clients connect to that address only.
    """

    def __init__(self, clock: Clock, sandbox_url: str | None = None, timeouts: Timeouts | None = None) -> None:
        self.clock = clock
        self._sandbox_url, self._timeouts = sandbox_url, timeouts
        self._connections: dict[str, Connections] = {}
        self._planes: dict[str, ControlPlane] = {}
        self._pings: dict[str, TimedConnections] = {}

    def connections(self, region: str) -> Connections:
        """Return the clients of a region."""
        if region not in self._connections:
            self._connections[region] = Connections(region, self._sandbox_url, self._timeouts)
        return self._connections[region]

    def plane(self, region: str) -> ControlPlane:
        """Return Lambda's control plane in a region."""
        if region not in self._planes:
            self._planes[region] = ControlPlane(self.connections(region), self.clock)
        return self._planes[region]

    def pings(self, region: str) -> TimedConnections:
        """Return the connections for the pings of a region: separate, so that pings delay no call of the control plane."""
        if region not in self._pings:
            self._pings[region] = TimedConnections(region, self._sandbox_url, self._timeouts)
        return self._pings[region]

    def call_counters(self) -> list[CallCounter]:
        """Return the call counters of every region, with a separate one for pings."""
        return [each.calls for each in (*self._connections.values(), *self._pings.values())]

    async def close(self) -> None:
        """Close all control planes, threads and connections."""
        for plane in self._planes.values():
            plane.close()
        for connections in (*self._connections.values(), *self._pings.values()):
            await connections.close()
