"""Tables of the kinds of levers, demand sources and lease stores. Listing them imports no module of a provider."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from adapters.ports.permissions import Grants
from config.model.credentials import Credentials
from config.model.demand import DemandSettings
from config.model.kinds import Kinds
from config.model.layers import with_layers
from config.model.lead_policy import lead_policies
from config.model.lease import LeaseSettings
from config.model.lever import LeverSettings
from config.model.policy import Policy, PoolPolicy
from config.model.selected_policy import selected_policies


@dataclass(frozen=True, slots=True)
class Kind:
    """Parts of a lever kind as `module:name`, so that listing them imports nothing.

    `settings`: a `LeverSettings` class, in a module that needs no provider library. `provider`: called with clock, generator, the
    sandbox's URL (or None) and `pinged`, the `PingedPools` of all providers, gives a `Provider`. `lever`: called with a
    `PoolPolicy` and that provider, gives a `Lever`. `extra`: the optional dependency of the distribution that installs the
    library; empty when none is needed. `grpc`: the provider uses gRPC and gets the sandbox's gRPC address instead of its URL.
    `grants`: a `Grants` class, in a module that needs no provider library; empty when the provider has no access control.
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
        "adapters.aws.lambda_.provisioned_concurrency:ProvisionedConcurrency", extra="aws",
        grants="adapters.aws.permissions:AwsGrants"),
    "cloud-run-min-instances": Kind(
        "adapters.gcp.settings:CloudRunMinInstancesSettings", "adapters.gcp.provider:Gcp",
        "adapters.gcp.run.min_instances:CloudRunMinInstances", extra="gcp", grpc=True,
        grants="adapters.gcp.permissions:GcpGrants"),
    "lambda-ping": Kind(
        "adapters.aws.settings:LambdaPingSettings", "adapters.aws.provider:Aws", "adapters.aws.lambda_.ping_lever:LambdaPing",
        extra="aws", grants="adapters.aws.permissions:AwsGrants"),
    "http-ping": Kind(
        "adapters.web.settings:HttpPingSettings", "adapters.web.provider:Web", "adapters.web.http_ping:HttpPing", extra=""),
}


@dataclass(frozen=True, slots=True)
class SourceKind:
    """Parts of a demand kind. `settings`: a `DemandSettings` class. `provider`: gives a `DemandProvider`. `grants`: a class for
    each cloud that can serve it. See `Kind`.
    """

    settings: str
    provider: str
    extra: str = ""
    grpc: bool = False
    grants: tuple[str, ...] = ()


SOURCES = {
    "cloudwatch-lambda": SourceKind("adapters.aws.settings:CloudWatchLambdaSettings", "adapters.aws.provider:Aws", extra="aws",
                                    grants=("adapters.aws.permissions:AwsGrants",)),
    "cloudwatch": SourceKind("adapters.aws.metric_settings:CloudWatchMetricSettings", "adapters.aws.provider:Aws", extra="aws",
                             grants=("adapters.aws.permissions:AwsGrants",)),
    "cloudwatch-alb": SourceKind("adapters.aws.metric_settings:CloudWatchAlbSettings", "adapters.aws.provider:Aws", extra="aws",
                                 grants=("adapters.aws.permissions:AwsGrants",)),
    "dynamodb-query": SourceKind("adapters.aws.table_settings:DynamoQuerySettings", "adapters.aws.provider:Aws", extra="aws",
                                 grants=("adapters.aws.permissions:AwsGrants",)),
    "cloud-monitoring": SourceKind("adapters.gcp.settings:CloudMonitoringSettings", "adapters.gcp.provider:Gcp", extra="gcp",
                                   grpc=True, grants=("adapters.gcp.permissions:GcpGrants",)),
    "cloud-monitoring-metric": SourceKind(
        "adapters.gcp.metric_settings:CloudMonitoringMetricSettings", "adapters.gcp.provider:Gcp", extra="gcp", grpc=True,
        grants=("adapters.gcp.permissions:GcpGrants",)),
    "http-metrics": SourceKind("adapters.web.settings:HttpMetricsSettings", "adapters.web.provider:Web"),
    "prometheus": SourceKind("adapters.prometheus.settings:PrometheusSettings", "adapters.prometheus.provider:Prometheus",
                             grants=("adapters.aws.permissions:AwsGrants", "adapters.gcp.permissions:GcpGrants")),
    "redis": SourceKind("adapters.redis.settings:RedisSettings", "adapters.redis.provider:RedisStores", extra="redis"),
    "postgresql": SourceKind("adapters.postgresql.settings:PostgresqlSettings", "adapters.postgresql.provider:PostgresqlStores",
                             extra="postgresql"),
    "push": SourceKind("adapters.push.settings:PushSettings", "adapters.push.provider:Push"),
    "history-file": SourceKind("adapters.demand.settings:HistoryFileSettings", "adapters.demand.history_source:HistoryFiles"),
    "none": SourceKind("config.model.demand:NoDemandSettings", "adapters.demand.no_demand:NoDemand"),
}


@dataclass(frozen=True, slots=True)
class LeaseKind:
    """Parts of a lease store kind. `store` is called with the settings and the sandbox's URL (or None). `extra`, `grants`: see
    `Kind`.
    """

    store: str
    extra: str = ""
    grants: str = ""


LEASES = {
    "sqlite": LeaseKind("adapters.leases.sqlite:opened"),
    "dynamodb": LeaseKind("adapters.aws.dynamodb.lease_table:opened", extra="aws", grants="adapters.aws.permissions:AwsGrants"),
}
SURVEYED = {frozenset({"region"}): "lambda-provisioned-concurrency",
            frozenset({"project", "location"}): "cloud-run-min-instances"}
"""Keys of the place to search -> the lever kind that is proposed for the resources found there."""


def policy_kinds() -> Kinds:
    """Return the settings class of every kind of lever and demand source, for the policy's loader and schema."""
    return Kinds({kind: cast("type[LeverSettings]", named(entry.settings)) for kind, entry in KINDS.items()},
                 {kind: cast("type[DemandSettings]", named(source.settings)) for kind, source in SOURCES.items()})


def demand_of(pool: PoolPolicy) -> DemandSettings:
    """Return the settings of a pool's demand source: those of its policy, or else the usual ones of its lever."""
    if pool.demand is not None:
        return pool.demand
    kind = pool.lever.usual_demand
    settings = cast("type[DemandSettings]", named(SOURCES[kind].settings))
    return settings.model_construct(kind=kind).completed(pool.lever)


def grants(policy: Policy) -> list[tuple[Grants, list[PoolPolicy]]]:
    """Return the `Grants` of each identity of the policy with its pools, their layers and leading signals, each with the source
    that corrects its demand as its source, if there is one. The daemon's own identity at a provider comes first. Providers
    without access control are left out.
    """
    of_identity: dict[tuple[str, Credentials | None], list[PoolPolicy]] = {}
    pools = (*policy.pools, *selected_policies(policy))
    for pool in (*with_layers(pools), *lead_policies(pools)):
        if (metrics := demand_of(pool).hindsight) is not None:
            pool = pool.model_copy(update={"demand": metrics})  # noqa: PLW2901
        lever = KINDS.get(pool.lever.kind)
        for path in filter(None, dict.fromkeys(("" if lever is None else lever.grants, *SOURCES[demand_of(pool).kind].grants))):
            of_identity.setdefault((path, None), [])
            own = pool.credentials_at(cast("type[Grants]", named(path)).cloud)
            of_identity.setdefault((path, None if own is None else own.identity()), []).append(pool)
    leased = "" if policy.lease is None else LEASES[policy.lease.kind].grants
    of_identity |= {} if not leased or (leased, None) in of_identity else {(leased, None): []}
    found: list[tuple[Grants, list[PoolPolicy]]] = []
    for (path, own), members in of_identity.items():
        make = cast("Callable[[LeaseSettings | None, Credentials | None, Sequence[str]], Grants]", named(path))
        lease = policy.lease if path == leased and own is None else None
        assumed = () if own is not None else roles_in(other for at, other in of_identity if at == path)
        found.append((make(lease, own, assumed), members))
    return [(each, members) for each, members in found if each.shared() or any(each.needed(pool) for pool in members)]


def roles_in(credentials: Iterable[Credentials | None]) -> list[str]:
    """Return the roles of AWS in `credentials`, each once."""
    return list(dict.fromkeys(each.role_arn for each in credentials if each is not None and each.role_arn is not None))


def named(path: str) -> object:
    """Return the object at `path`, `module:name`. This imports the module, and with it the library that it needs."""
    module, name = path.split(":")
    return getattr(import_module(module), name)
