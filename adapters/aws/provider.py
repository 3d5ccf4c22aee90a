"""What all AWS pools of a process share: connections and a control plane per region, one account."""

from collections.abc import Mapping, Sequence

from numpy.random import Generator

from adapters.aws import diagnostics, discovery
from adapters.aws.clients import Connections, Timeouts
from adapters.aws.cloudwatch.demand_source import CloudWatchDemand
from adapters.aws.lambda_.control_plane import ControlPlane
from adapters.aws.lambda_.pings import TimedConnections
from adapters.aws.settings import LambdaPingSettings
from adapters.pinging.demand_without_pings import DemandWithoutPings, Pinged
from adapters.pinging.keep_alive_loops import PingProvider
from adapters.ports.demand_source import DemandSource
from adapters.ports.diagnostics import Check, Probe
from adapters.ports.discovery import Survey, Where
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import Clock
from config.model.policy import PoolPolicy


class Aws(PingProvider):
    """Made once by the registry. The account is that of the credentials that the AWS library finds in its usual places."""

    def __init__(self, clock: Clock, rng: Generator, sandbox_url: str | None = None, timeouts: Timeouts | None = None) -> None:
        super().__init__()
        self.clock, self.rng = clock, rng
        self._sandbox_url, self._timeouts = sandbox_url, timeouts
        self._connections: dict[str, Connections] = {}
        self._planes: dict[str, ControlPlane] = {}
        self._pings: dict[str, TimedConnections] = {}

    def connections(self, region: str) -> Connections:
        """The clients of a region."""
        if region not in self._connections:
            self._connections[region] = Connections(region, self._sandbox_url, self._timeouts)
        return self._connections[region]

    def plane(self, region: str) -> ControlPlane:
        """Lambda's control plane in a region."""
        if region not in self._planes:
            self._planes[region] = ControlPlane(self.connections(region), self.clock)
        return self._planes[region]

    def pings(self, region: str) -> TimedConnections:
        """What pings of a region go through: apart, so that they keep no call of the control plane waiting."""
        if region not in self._pings:
            self._pings[region] = TimedConnections(region, self._sandbox_url, self._timeouts)
        return self._pings[region]

    def tallies(self) -> list[CallCounter]:
        """Calls made, region by region, pings apart."""
        return [each.tally for each in (*self._connections.values(), *self._pings.values())]

    def sources(self, pools: Sequence[PoolPolicy]) -> list[tuple[DemandSource, tuple[str, ...]]]:
        """CloudWatch, once for each region."""
        of_region: dict[str, dict[str, str]] = {}
        trusting = {pool.name for pool in pools if pool.on_quiet_region == "trust"}
        for pool in pools:
            region, resource = _address(pool)
            of_region.setdefault(region, {})[pool.name] = resource
        pinged = {pool.name: self.pinged(pool.name) for pool in pools if isinstance(pool.lever, LambdaPingSettings)}
        return [(self._source(region, resources, pinged, trusting), tuple(resources)) for region, resources in of_region.items()]

    def _source(self, region: str, resources: dict[str, str], pinged: dict[str, Pinged], trusting: set[str]) -> DemandSource:
        ledgers = {pool: shared.ledger for pool, shared in pinged.items()}
        source = CloudWatchDemand(self.connections(region), self.clock, resources, trusting, ledgers)
        return DemandWithoutPings(source, pinged) if pinged.keys() & resources.keys() else source

    def checks(self, pools: Sequence[PoolPolicy]) -> list[Check]:
        """See `adapters.registry.Provider`."""
        return diagnostics.checks(self, pools)

    def probes(self, pool: PoolPolicy) -> Mapping[str, Probe]:
        """See `adapters.registry.Provider`."""
        return diagnostics.probes(self, pool)

    async def survey(self, where: Where) -> Survey:
        """See `adapters.registry.Provider`."""
        return await discovery.survey(self, where["region"])

    async def close(self) -> None:
        """End all pings, and let go of threads and connections."""
        await self.end_pings()
        for plane in self._planes.values():
            plane.close()
        for connections in (*self._connections.values(), *self._pings.values()):
            await connections.close()


def _address(pool: PoolPolicy) -> tuple[str, str]:
    """Region and `function:alias` of a pool on AWS; every AWS lever's settings have these three."""
    settings = pool.lever.model_dump()
    return str(settings["region"]), f"{settings['function']}:{settings['alias']}"
