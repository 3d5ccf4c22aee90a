"""Provider of the demand of pools at Prometheus servers: pools with the same connection settings share connections."""

from collections.abc import Iterator
from functools import partial

from numpy.random import Generator

from adapters.pinging.demand_without_pings import DemandWithoutPings
from adapters.pinging.pinged import PingedPools
from adapters.ports.demand_source import Demands, DemandSource
from adapters.ports.diagnostics import Check
from adapters.ports.errors import Unsupported
from adapters.prometheus import diagnostics
from adapters.prometheus.client import PrometheusClient
from adapters.prometheus.demand_source import PrometheusDemand
from adapters.prometheus.settings import PrometheusSettings
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import Clock
from config.model.credentials import Credentials


class Prometheus:
    """See `adapters.registry.DemandProvider`. The sandbox has no Prometheus, so a run within it is refused.

    `credentials`: those for servers that a cloud runs.
    """

    def __init__(self, clock: Clock, rng: Generator, sandbox_url: str | None = None,  # noqa: ARG002  (nothing here is random)
                 pinged: PingedPools | None = None, credentials: Credentials | None = None) -> None:
        if sandbox_url is not None:
            raise Unsupported("this run may connect only to its sandbox, which has no Prometheus: remove each `demand` and each "
                              "of the `leads` of kind prometheus")
        self._clock, self._pinged, self._credentials = clock, pinged or PingedPools(), credentials
        self._clients: dict[str, PrometheusClient] = {}

    def sources(self, pools: Demands) -> list[tuple[DemandSource, tuple[str, ...]]]:
        """Return one source for each server."""
        pinged = self._pinged.among(pool for pool, _ in pools)
        ledgers = {name: each.own_traffic for name, each in pinged.items()}
        found: list[tuple[DemandSource, tuple[str, ...]]] = []
        for client, members in self._servers(pools):
            source = PrometheusDemand(client, self._clock, members, ledgers)
            found.append((DemandWithoutPings(source, pinged) if pinged.keys() & members.keys() else source, tuple(members)))
        return found

    def demand_checks(self, pools: Demands) -> list[Check]:
        """Return a check of each server, and one of the queries of each pool."""
        found: list[Check] = []
        for client, members in self._servers(pools):
            some = next(iter(members))
            found.append(Check(f"Prometheus of {some}", partial(diagnostics.server, client, self._clock, members[some])))
            found += [Check(f"queries of {pool}", partial(diagnostics.queries, client, self._clock, pool, settings))
                      for pool, settings in members.items()]
        return found

    def call_counters(self) -> list[CallCounter]:
        """Return the counter of each server."""
        return [each.calls for each in self._clients.values()]

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.close()

    def _servers(self, pools: Demands) -> Iterator[tuple[PrometheusClient, dict[str, PrometheusSettings]]]:
        """Yield the client of each server with the settings of its pools by name."""
        servers: dict[str, dict[str, PrometheusSettings]] = {}
        for pool, demand in pools:
            if isinstance(demand, PrometheusSettings):
                servers.setdefault(demand.connection, {})[pool.name] = demand
        for connection, members in servers.items():
            if connection not in self._clients:
                self._clients[connection] = PrometheusClient(next(iter(members.values())), self._clock,
                                                              credentials=self._credentials)
            yield self._clients[connection], members
