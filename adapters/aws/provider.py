"""What all AWS pools of a process share: connections and a control plane per region, one account."""

from collections.abc import Sequence

from numpy.random import Generator

from adapters.aws.clients import Connections, Timeouts
from adapters.aws.cloudwatch import CloudWatchDemand
from adapters.aws.control_plane import ControlPlane
from adapters.clock import Clock
from adapters.protocol import DemandSource
from config.policy import PoolPolicy


class Aws:
    """Made once by the registry. The account is that of the credentials that the AWS library finds in its usual places."""

    def __init__(self, clock: Clock, rng: Generator, sandbox_url: str | None = None,  # noqa: ARG002  (nothing here is random)
                 timeouts: Timeouts | None = None) -> None:
        self.clock = clock
        self._sandbox_url, self._timeouts = sandbox_url, timeouts
        self._connections: dict[str, Connections] = {}
        self._planes: dict[str, ControlPlane] = {}

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

    def sources(self, pools: Sequence[PoolPolicy]) -> list[tuple[DemandSource, tuple[str, ...]]]:
        """CloudWatch, once for each region."""
        of_region: dict[str, dict[str, str]] = {}
        for pool in pools:
            region, resource = _address(pool)
            of_region.setdefault(region, {})[pool.name] = resource
        return [(CloudWatchDemand(self.connections(region), self.clock, resources), tuple(resources))
                for region, resources in of_region.items()]

    async def close(self) -> None:
        """Let go of threads and connections."""
        for plane in self._planes.values():
            plane.close()
        for connections in self._connections.values():
            await connections.close()


def _address(pool: PoolPolicy) -> tuple[str, str]:
    """Region and `function:alias` of a pool on AWS; every AWS lever's settings have these three."""
    settings = pool.lever.model_dump()
    return str(settings["region"]), f"{settings['function']}:{settings['alias']}"
