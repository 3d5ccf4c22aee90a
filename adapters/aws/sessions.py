"""Connections and control planes of one identity at AWS, one per region, which its pools in the region share."""

from adapters.aws.clients import Connections, Timeouts
from adapters.aws.credentials import CredentialSource
from adapters.aws.lambda_.control_plane import ControlPlane
from adapters.aws.lambda_.pings import TimedConnections
from adapters.aws.role_sessions import role_source
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import Clock
from config.model.credentials import Credentials


class AwsSessions:
    """Clients of every region in use, made on first use: with a session of the role in `credentials`, or without it with the
    credentials that the AWS library finds.

    With `sandbox_url`, all clients connect to that address only.
    """

    def __init__(self, clock: Clock, sandbox_url: str | None = None, timeouts: Timeouts | None = None,
                 credentials: Credentials | None = None) -> None:
        self.clock, self.role = clock, credentials
        self._account = None if credentials is None else credentials.account
        self._sandbox_url, self._timeouts = sandbox_url, timeouts
        self._source: CredentialSource | None = None
        self._connections: dict[str, Connections] = {}
        self._planes: dict[str, ControlPlane] = {}
        self._pings: dict[str, TimedConnections] = {}

    def place(self, region: str) -> str:
        """Return a region, and the account of the role, as display text."""
        return self.connections(region).place

    def _credentials(self, region: str) -> CredentialSource | None:
        """Return the source of the role's keys, one for all regions; None without a role."""
        if self._source is None and self.role is not None:
            self._source = role_source(self.role, region)
        return self._source

    def connections(self, region: str) -> Connections:
        """Return the clients of a region."""
        if region not in self._connections:
            self._connections[region] = Connections(region, self._sandbox_url, self._timeouts, account=self._account,
                                                    credentials=self._credentials(region))
        return self._connections[region]

    def plane(self, region: str) -> ControlPlane:
        """Return Lambda's control plane in a region."""
        if region not in self._planes:
            self._planes[region] = ControlPlane(self.connections(region), self.clock)
        return self._planes[region]

    def pings(self, region: str) -> TimedConnections:
        """Return the connections for the pings of a region: separate, so that pings delay no call of the control plane."""
        if region not in self._pings:
            self._pings[region] = TimedConnections(region, self._sandbox_url, self._timeouts, self._credentials(region),
                                                   self._account)
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
        if self._source is not None:
            self._source.close()
