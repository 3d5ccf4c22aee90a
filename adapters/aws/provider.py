"""Provider of all AWS pools: levers and demand sources share its sessions."""

from collections.abc import Mapping, Sequence

from numpy.random import Generator

from adapters.aws import diagnostics, discovery, organization
from adapters.aws.clients import Timeouts
from adapters.aws.cloudwatch.demand_source import CloudWatchDemand
from adapters.aws.cloudwatch.metric_demand import CloudWatchMetricDemand
from adapters.aws.dynamodb.item_counts import EVERY_SECONDS, ItemCounts
from adapters.aws.metric_settings import CloudWatchAlbSettings, CloudWatchMetricSettings
from adapters.aws.sessions import AwsSessions
from adapters.aws.settings import CloudWatchLambdaSettings
from adapters.aws.table_settings import DynamoQuerySettings
from adapters.pinging.demand_without_pings import DemandWithoutPings
from adapters.pinging.keep_alive_loops import PingProvider
from adapters.pinging.pinged import Pinged, PingedPools
from adapters.ports.demand_source import Demands, DemandSource
from adapters.ports.diagnostics import Check, Probe
from adapters.ports.discovery import Member, Survey, Wanted, Where
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import Clock
from adapters.sampling.demand_source import SampledDemand
from config.model.credentials import Credentials
from config.model.policy import PoolPolicy


class Aws(PingProvider):
    """AWS as one identity: the role in `credentials`, or without it the one that the AWS library finds."""

    def __init__(self, clock: Clock, rng: Generator, sandbox_url: str | None = None, timeouts: Timeouts | None = None,
                 pinged: PingedPools | None = None, credentials: Credentials | None = None) -> None:
        super().__init__(pinged)
        self.rng, self.sessions = rng, AwsSessions(clock, sandbox_url, timeouts, credentials)
        self._sampled: list[tuple[SampledDemand, ItemCounts]] = []

    def call_counters(self) -> list[CallCounter]:
        """Return the call counters of every region, with a separate one for pings."""
        return self.sessions.call_counters()

    def sources(self, pools: Demands) -> list[tuple[DemandSource, tuple[str, ...]]]:
        """Return a demand source for each kind and region, each with the names of its pools."""
        pinged = self.pinged.among(pool for pool, _ in pools)
        lambdas = [(pool, demand) for pool, demand in pools if isinstance(demand, CloudWatchLambdaSettings)]
        return self._lambda_sources(lambdas, pinged) + self._metric_sources(pools, pinged) + self._table_sources(pools, pinged)

    def _lambda_sources(self, pools: Demands, pinged: dict[str, Pinged]) -> list[tuple[DemandSource, tuple[str, ...]]]:
        of_region: dict[str, dict[str, str]] = {}
        trusting = {pool.name for pool, _ in pools if pool.on_quiet_region == "trust"}
        for pool, demand in pools:
            keys = demand.model_dump()
            of_region.setdefault(str(keys["region"]), {})[pool.name] = f"{keys['function']}:{keys['alias']}"
        return [(self._source(region, resources, pinged, trusting), tuple(resources)) for region, resources in of_region.items()]

    def _source(self, region: str, resources: dict[str, str], pinged: dict[str, Pinged], trusting: set[str]) -> DemandSource:
        ledgers = {pool: shared.own_traffic for pool, shared in pinged.items()}
        source = CloudWatchDemand(self.sessions.connections(region), self.sessions.clock, resources, trusting, ledgers)
        return DemandWithoutPings(source, pinged) if pinged.keys() & resources.keys() else source

    def _metric_sources(self, pools: Demands, pinged: dict[str, Pinged]) -> list[tuple[DemandSource, tuple[str, ...]]]:
        groups: dict[tuple[str, str], dict[str, CloudWatchMetricSettings | CloudWatchAlbSettings]] = {}
        for pool, demand in pools:
            if isinstance(demand, CloudWatchMetricSettings | CloudWatchAlbSettings):
                groups.setdefault((demand.kind, str(demand.region)), {})[pool.name] = demand
        # pings of a function do not pass through a load balancer
        direct = {pool.name for pool, demand in pools if demand.kind == "cloudwatch-alb" and "url" not in pool.lever.model_dump()}
        sources: list[tuple[DemandSource, tuple[str, ...]]] = []
        for (kind, region), members in groups.items():
            counted = {name: each for name, each in pinged.items() if name in members and name not in direct}
            source = CloudWatchMetricDemand(kind, self.sessions.connections(region), self.sessions.clock, members,
                                            {name: each.own_traffic for name, each in counted.items()})
            wrapped = DemandWithoutPings(source, counted, estimated=kind == "cloudwatch-alb") if counted else source
            sources.append((wrapped, tuple(members)))
        return sources

    def _table_sources(self, pools: Demands, pinged: dict[str, Pinged]) -> list[tuple[DemandSource, tuple[str, ...]]]:
        regions: dict[str, dict[str, DynamoQuerySettings]] = {}
        for pool, demand in pools:
            if isinstance(demand, DynamoQuerySettings):
                regions.setdefault(str(demand.region), {})[pool.name] = demand
        sources: list[tuple[DemandSource, tuple[str, ...]]] = []
        for region, members in regions.items():
            counts = ItemCounts(self.sessions.connections(region), self.sessions.clock, members)
            source = SampledDemand("dynamodb-query", counts, self.sessions.clock, tuple(members), EVERY_SECONDS, pinged)
            self._sampled.append((source, counts))
            sources.append((source, tuple(members)))
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
        return await discovery.survey(self.sessions, where["region"], wanted)

    async def members(self, region: str) -> list[Member]:
        """See `adapters.registry.OfOrganization`."""
        return await organization.members(self.sessions, region)

    async def close(self) -> None:
        """Stop all pings and samples, and close the sessions."""
        for source, counts in self._sampled:
            await source.close()
            await counts.close()
        await self.end_pings()
        await self.sessions.close()

