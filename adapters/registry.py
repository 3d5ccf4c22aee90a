"""Registry of levers and demand sources. A provider's library is imported only when a pool uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, cast

from adapters.kinds import KINDS, LEASES, SOURCES, SURVEYED, Kind, SourceKind, demand_of, named
from adapters.ports.diagnostics import Check, Probe
from adapters.ports.discovery import Member, Survey, Wanted, Where
from adapters.ports.errors import Unsupported
from config.model.credentials import Credentials
from config.model.demand import DemandSettings
from config.model.lease import LeaseSettings
from config.model.policy import PoolPolicy

if TYPE_CHECKING:  # a policy is checked without waiting for NumPy and asyncio
    from collections import Counter

    from numpy.random import Generator

    from adapters.ports.demand_source import Demands, Reconciles, Sources
    from adapters.ports.lease_store import LeaseStore
    from adapters.ports.lever import Lever
    from adapters.runtime.call_counter import Call, CallCounter
    from adapters.runtime.clock import Clock


class DemandProvider(Protocol):
    """Shared parts of the demand sources at one place: connections and rate limits. Created with its first pool."""

    def sources(self, pools: Demands) -> Sources:
        """Return demand sources for `pools`, each with the names of its pools: one for each account, region or server."""

    def demand_checks(self, pools: Demands) -> list[Check]:
        """Return the checks of the demand sources of `pools`. They change nothing."""

    def call_counters(self) -> list[CallCounter]:
        """Return the counters of provider calls."""

    async def close(self) -> None:
        """Close threads and connections."""


class Provider(DemandProvider, Protocol):
    """Shared parts of the levers of one cloud, which is also a demand source."""

    def checks(self, pools: Sequence[PoolPolicy]) -> list[Check]:
        """Return the checks of the provider for the levers of `pools`: credentials, clock, quotas. They change nothing."""

    def probes(self, pool: PoolPolicy) -> Mapping[str, Probe]:
        """Return the tests of a pool's permissions by action; they change nothing. See `adapters.ports.permissions`."""

    async def survey(self, where: Where, wanted: Wanted | None = None) -> Survey:
        """Return the resources at `where` that can be pools. Read-only. Raise `AdapterError` when they cannot be read.

        Without `wanted`, those with traffic; else those that it accepts, also without traffic.
        """


class OfOrganization(Protocol):
    """Provider of a cloud whose accounts an organization can list."""

    async def members(self, region: str) -> Sequence[Member]:
        """Return the active accounts of the organization. Read-only. Raise `AdapterError`. `region`: where the calls start."""


class Registry:
    """Factory of levers and demand sources; owns what they share: one provider for each cloud or server and credentials.

    With `sandbox_url` or `sandbox_grpc` (`host:port`) every client connects only to that address, with dummy credentials; a pool
    whose provider needs the address that is not given is refused.
    """

    def __init__(self, clock: Clock, rng: Generator, sandbox_url: str | None = None, sandbox_grpc: str | None = None) -> None:
        self._clock, self._rng, self._sandbox_url, self._sandbox_grpc = clock, rng, sandbox_url, sandbox_grpc
        self._providers: dict[tuple[str, Credentials | None], DemandProvider] = {}
        from adapters.pinging.pinged import PingedPools

        self._pinged = PingedPools()

    def lever(self, pool: PoolPolicy) -> Lever:
        """Return the lever of one pool. Raise `Unsupported` when the provider's library is not installed."""
        entry, kind, who = KINDS[pool.lever.kind], pool.lever.kind, pool.title
        provider = self._provider(entry, kind, who, pool.credentials_at(pool.lever.cloud))
        make = cast("Callable[[PoolPolicy, Provider], Lever]", _needed(entry.lever, entry.extra, f"{who}: the lever {kind}"))
        return make(pool, provider)

    def sources(self, pools: Iterable[PoolPolicy]) -> Sources:
        """Return the demand sources of `pools`, each with the names of its pools; see `DemandProvider`."""
        return self._sources([(pool, demand_of(pool)) for pool in pools])

    def checks(self, pools: Iterable[PoolPolicy]) -> list[Check]:
        """Return the checks of the levers and of the demand sources of `pools`; see `Provider`. A leading signal has no lever."""
        pools = list(pools)
        levers = [pool for pool in pools if pool.lever.kind in KINDS]
        found = [check for provider, members in self._by_provider(levers) for check in provider.checks(members)]
        demands = [(pool, demand_of(pool)) for pool in pools]
        demands += [(pool, demand.hindsight) for pool, demand in demands if demand.hindsight is not None]
        found += [check for provider, members in self._by_source(demands) for check in provider.demand_checks(members)]
        by_title: dict[str, Check] = {}
        for check in found:
            same = by_title.get(check.title)
            by_title[check.title] = check if same is None else replace(same, about=same.about | check.about)
        return list(by_title.values())

    def probes(self, pool: PoolPolicy) -> Mapping[str, Probe]:
        """Return the tests of a pool's permissions; see `Provider`."""
        own = pool.credentials_at(pool.lever.cloud)
        return self._provider(KINDS[pool.lever.kind], pool.lever.kind, f"pool {pool.name}", own).probes(pool)

    async def survey(self, where: Where, credentials: Credentials | None = None, wanted: Wanted | None = None) -> Survey:
        """Return the resources at `where`, read with `credentials`, from the provider of that place; see `Provider`."""
        kind = SURVEYED[frozenset(where)]
        provider = self._provider(KINDS[kind], kind, f"to list {' '.join(where.values())}", credentials)
        seen = await provider.survey(where, wanted)
        return replace(seen, found=tuple(replace(each, credentials=credentials) for each in seen.found))

    async def members(self, region: str) -> Sequence[Member]:
        """Return the active accounts of the AWS organization of the daemon's own identity; see `OfOrganization`."""
        kind = SURVEYED[frozenset({"region"})]
        provider = self._provider(KINDS[kind], kind, "to list the organization", None)
        return await cast("OfOrganization", provider).members(region)

    def calls(self) -> Counter[Call]:
        """Return the number of calls to each provider since the start, by operation and outcome."""
        from adapters.runtime.call_counter import summed

        return summed(counter for provider in self._providers.values() for counter in provider.call_counters())

    def lease(self, settings: LeaseSettings) -> LeaseStore:
        """Return the lease store; the caller closes it. Raise `Unsupported` when its library is not installed."""
        entry = LEASES[settings.kind]
        make = cast("Callable[[LeaseSettings, str | None], LeaseStore]",
                    _needed(entry.store, entry.extra, f"the lease of kind {settings.kind}"))
        return make(settings, self._sandbox_url)

    async def close(self) -> None:
        """Close every provider's threads and connections. The registry cannot be used afterwards."""
        providers, self._providers = self._providers, {}
        for provider in providers.values():
            await provider.close()

    def _by_provider(self, pools: Iterable[PoolPolicy]) -> list[tuple[Provider, list[PoolPolicy]]]:
        of_provider: dict[tuple[str, Credentials | None], list[PoolPolicy]] = {}
        for pool in pools:
            own = pool.credentials_at(pool.lever.cloud)
            of_provider.setdefault((KINDS[pool.lever.kind].provider, own), []).append(pool)
        return [(self._provider(KINDS[members[0].lever.kind], members[0].lever.kind, f"pool {members[0].name}", own), members)
                for (_, own), members in of_provider.items()]

    def _sources(self, demands: Demands) -> Sources:
        """Return the sources of `demands`; where another source corrects one later, both as one."""
        found: Sources = []
        for provider, members in self._by_source(demands):
            if alone := [(pool, demand) for pool, demand in members if demand.hindsight is None]:
                found += provider.sources(alone)
            metrics = [(pool, demand.hindsight) for pool, demand in members if demand.hindsight is not None]
            found += cast("Reconciles", provider).with_metrics(members, self._sources(metrics)) if metrics else []
        return found

    def _by_source(self, demands: Demands) -> list[tuple[DemandProvider, Demands]]:
        of_provider: dict[tuple[str, Credentials | None], list[tuple[PoolPolicy, DemandSettings]]] = {}
        for pool, demand in demands:
            own = pool.credentials_at(demand.cloud)
            of_provider.setdefault((SOURCES[demand.kind].provider, own), []).append((pool, demand))
        return [(self._made(SOURCES[demand.kind], demand.kind, f"{pool.title}: the demand source", own), members)
                for (_, own), members in of_provider.items() for pool, demand in members[:1]]

    def _provider(self, entry: Kind, kind: str, who: str, credentials: Credentials | None) -> Provider:
        """Return the provider of a lever kind. `who`: the user of the provider, for error messages."""
        return cast("Provider", self._made(entry, kind, f"{who}: the lever", credentials))

    def _made(self, entry: Kind | SourceKind, kind: str, who: str, credentials: Credentials | None) -> DemandProvider:
        """Return the provider for `credentials`: each has connections, threads and rate limits of its own, so that one account
        that refuses or does not answer delays no other.
        """
        key = entry.provider, credentials
        if key not in self._providers:
            make = cast("Callable[..., DemandProvider]", _needed(entry.provider, entry.extra, f"{who} {kind}"))
            own = {} if credentials is None else {"credentials": credentials}
            self._providers[key] = make(self._clock, self._rng, self._sandbox(entry, kind, who), pinged=self._pinged, **own)
        return self._providers[key]

    def _sandbox(self, entry: Kind | SourceKind, kind: str, who: str) -> str | None:
        """Return the sandbox address of the provider's clients; None: the provider itself."""
        address = self._sandbox_grpc if entry.grpc else self._sandbox_url
        if address is None and (self._sandbox_url or self._sandbox_grpc):
            raise Unsupported(f"{who}: this run may connect only to its sandbox, which does not serve {kind}: remove the "
                              "pool")
        return address


def _needed(path: str, extra: str, who: str) -> object:
    """Return the object at `path`. Raise `Unsupported` when a library that `who` needs is not installed."""
    try:
        return named(path)
    except ModuleNotFoundError as missing:
        if missing.name is not None and missing.name.split(".")[0] == "adapters":
            raise
        remedy = f"install the wheel with the extra {extra}"
        raise Unsupported(f"{who} needs the library {missing.name}, which is not installed: {remedy}") from missing
