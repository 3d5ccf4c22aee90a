"""Which lever kinds there are, and what is built for each. A provider's library is imported only when a pool uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from adapters.clock import Clock
from adapters.errors import Unsupported
from adapters.findings import Check, Probe
from adapters.permissions import Grants
from adapters.survey import Survey, Where
from config.lease import LeaseSettings
from config.lever import LeverSettings
from config.policy import Policy, PoolPolicy

if TYPE_CHECKING:  # a policy is checked without waiting for NumPy
    from collections import Counter

    from numpy.random import Generator

    from adapters.lease import LeaseStore
    from adapters.protocol import DemandSource, Lever
    from adapters.tally import Call, Tally


class Provider(Protocol):
    """What the levers of one cloud share: connections, rate limits, demand sources. Made once, when its first pool is."""

    def sources(self, pools: Sequence[PoolPolicy]) -> list[tuple[DemandSource, tuple[str, ...]]]:
        """A demand source for each account and region among `pools`, with the names of the pools that it serves."""

    def checks(self, pools: Sequence[PoolPolicy]) -> list[Check]:
        """What can be looked into of the provider as a whole for `pools`: credentials, clock, quotas. Changes nothing."""

    def probes(self, pool: PoolPolicy) -> Mapping[str, Probe]:
        """How the permissions of a pool can be tried without changing anything, by action; see `adapters.permissions`."""

    def tallies(self) -> list[Tally]:
        """What counts the calls that were made."""

    async def survey(self, where: Where) -> Survey:
        """What there is at `where` that could be a pool. Changes nothing; raises `AdapterError` when it cannot be looked at."""

    async def close(self) -> None:
        """Let go of threads and connections."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Where a lever kind's parts are, as `module:name`, so that naming them imports nothing.

    `settings`: a `LeverSettings` class, in a module that needs no provider library. `provider`: called with clock, generator
    and the sandbox's URL (or None), gives a `Provider`. `lever`: called with a `PoolPolicy` and that provider, gives a `Lever`.
    `extra`: the optional dependency of the distribution that brings the library; empty when it is always there. `grpc`: the
    provider speaks gRPC, and is handed the sandbox's gRPC address in place of its URL. `grants`: a `Grants` class, in a module
    that needs no provider library; empty when the provider has no access control of its own.
    """

    settings: str
    provider: str
    lever: str
    extra: str
    grpc: bool = False
    grants: str = ""


KINDS = {
    "lambda-provisioned-concurrency": Kind(
        "adapters.aws.settings:LambdaProvisionedConcurrencySettings", "adapters.aws.provider:Aws",
        "adapters.aws.provisioned_concurrency:ProvisionedConcurrency", extra="aws",
        grants="adapters.aws.permissions:AwsGrants"),
    "cloud-run-min-instances": Kind(
        "adapters.gcp.settings:CloudRunMinInstancesSettings", "adapters.gcp.provider:Gcp",
        "adapters.gcp.cloud_run:CloudRunMinInstances", extra="gcp", grpc=True,
        grants="adapters.gcp.permissions:GcpGrants"),
    "lambda-ping": Kind(
        "adapters.aws.settings:LambdaPingSettings", "adapters.aws.provider:Aws", "adapters.aws.lambda_ping:LambdaPing",
        extra="aws", grants="adapters.aws.permissions:AwsGrants"),
    "http-ping": Kind(
        "adapters.web.settings:HttpPingSettings", "adapters.web.provider:Web", "adapters.web.http_ping:HttpPing", extra=""),
}


@dataclass(frozen=True, slots=True)
class LeaseKind:
    """Where a kind of lease store is: `store` is called with the settings and the sandbox's URL (or None). `extra`, `grants`
    as above.
    """

    store: str
    extra: str = ""
    grants: str = ""


LEASES = {
    "sqlite": LeaseKind("adapters.lease_sqlite:opened"),
    "dynamodb": LeaseKind("adapters.aws.lease_table:opened", extra="aws", grants="adapters.aws.permissions:AwsGrants"),
}
SURVEYED = {frozenset({"region"}): "lambda-provisioned-concurrency",
            frozenset({"project", "location"}): "cloud-run-min-instances"}
"""What tells where to look for pools -> the lever kind that is proposed for what is found there."""


def lever_kinds() -> dict[str, type[LeverSettings]]:
    """The settings class of every lever kind, for the policy's loader and schema."""
    return {kind: cast("type[LeverSettings]", _named(entry.settings)) for kind, entry in KINDS.items()}


def grants(policy: Policy) -> list[tuple[Grants, list[PoolPolicy]]]:
    """How each provider of the policy is told what to allow, with its pools. Pools without any access control are left out."""
    of_provider: dict[str, list[PoolPolicy]] = {}
    for pool in policy.pools:
        of_provider.setdefault(KINDS[pool.lever.kind].grants, []).append(pool)
    leased = "" if policy.lease is None else LEASES[policy.lease.kind].grants
    of_provider.setdefault(leased, [])
    return [(cast("Callable[[LeaseSettings | None], Grants]", _named(path))(policy.lease if path == leased else None), members)
            for path, members in of_provider.items() if path]


class Registry:
    """Builds levers and demand sources, and owns what they share.

    With `sandbox_url` or `sandbox_grpc` (`host:port`) every client goes to its address of the two with dummy credentials and can
    reach nothing else; a pool whose provider speaks the way that is not given is refused.
    """

    def __init__(self, clock: Clock, rng: Generator, sandbox_url: str | None = None, sandbox_grpc: str | None = None) -> None:
        self._clock, self._rng, self._sandbox_url, self._sandbox_grpc = clock, rng, sandbox_url, sandbox_grpc
        self._providers: dict[str, Provider] = {}

    def lever(self, pool: PoolPolicy) -> Lever:
        """The lever of one pool. `Unsupported` when the provider's library is not installed."""
        entry, kind, who = KINDS[pool.lever.kind], pool.lever.kind, f"pool {pool.name}"
        provider = self._provider(entry, kind, who)
        return cast("Callable[[PoolPolicy, Provider], Lever]", self._loaded(entry.lever, entry, kind, who))(pool, provider)

    def sources(self, pools: Iterable[PoolPolicy]) -> list[tuple[DemandSource, tuple[str, ...]]]:
        """Demand sources for all of `pools`, each with the names of the pools it serves: one per account and region."""
        return [found for provider, members in self._by_provider(pools) for found in provider.sources(members)]

    def checks(self, pools: Iterable[PoolPolicy]) -> list[Check]:
        """What can be looked into of each provider as a whole; see `Provider`."""
        return [check for provider, members in self._by_provider(pools) for check in provider.checks(members)]

    def probes(self, pool: PoolPolicy) -> Mapping[str, Probe]:
        """How the permissions of a pool can be tried; see `Provider`."""
        return self._provider(KINDS[pool.lever.kind], pool.lever.kind, f"pool {pool.name}").probes(pool)

    async def survey(self, where: Where) -> Survey:
        """What there is at `where`, of the provider whose levers look there; see `Provider`."""
        kind = SURVEYED[frozenset(where)]
        return await self._provider(KINDS[kind], kind, f"to look at {' '.join(where.values())}").survey(where)

    def calls(self) -> Counter[Call]:
        """How often each provider was called since the start, by operation and outcome."""
        from adapters.tally import summed

        return summed(tally for provider in self._providers.values() for tally in provider.tallies())

    def lease(self, settings: LeaseSettings) -> LeaseStore:
        """The store of the lease; whoever asks closes it. `Unsupported` when its library is not installed."""
        entry = LEASES[settings.kind]
        make = cast("Callable[[LeaseSettings, str | None], LeaseStore]",
                    _needed(entry.store, entry.extra, f"the lease of kind {settings.kind}"))
        return make(settings, self._sandbox_url)

    async def close(self) -> None:
        """Let go of every provider's threads and connections; the registry is not used afterwards."""
        providers, self._providers = self._providers, {}
        for provider in providers.values():
            await provider.close()

    def _by_provider(self, pools: Iterable[PoolPolicy]) -> list[tuple[Provider, list[PoolPolicy]]]:
        of_provider: dict[str, list[PoolPolicy]] = {}
        for pool in pools:
            of_provider.setdefault(KINDS[pool.lever.kind].provider, []).append(pool)
        return [(self._provider(KINDS[members[0].lever.kind], members[0].lever.kind, f"pool {members[0].name}"), members)
                for members in of_provider.values()]

    def _provider(self, entry: Kind, kind: str, who: str) -> Provider:
        """The provider of a lever kind. `who` wants it, for what is said when it cannot be had."""
        if entry.provider not in self._providers:
            make = cast("Callable[[Clock, Generator, str | None], Provider]", self._loaded(entry.provider, entry, kind, who))
            self._providers[entry.provider] = make(self._clock, self._rng, self._sandbox(entry, kind, who))
        return self._providers[entry.provider]

    def _sandbox(self, entry: Kind, kind: str, who: str) -> str | None:
        """Where the provider's clients must go; None: to the provider itself."""
        address = self._sandbox_grpc if entry.grpc else self._sandbox_url
        if address is None and (self._sandbox_url or self._sandbox_grpc):
            raise Unsupported(f"{who}: this run may reach nothing but its sandbox, and that does not answer for {kind}: leave it "
                              "out")
        return address

    def _loaded(self, path: str, entry: Kind, kind: str, who: str) -> object:
        return _needed(path, entry.extra, f"{who}: the lever {kind}")


def _needed(path: str, extra: str, who: str) -> object:
    """What `path` names; `Unsupported` when a library that `who` needs is not there."""
    try:
        return _named(path)
    except ModuleNotFoundError as missing:
        if missing.name is not None and missing.name.split(".")[0] == "adapters":
            raise
        remedy = f"pip install 'stoker[{extra}]'"
        raise Unsupported(f"{who} needs the library {missing.name}, which is not installed: {remedy}") from missing


def _named(path: str) -> object:
    module, name = path.split(":")
    return getattr(import_module(module), name)
