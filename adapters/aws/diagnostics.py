"""Checks of `stoker doctor` at AWS: identity, clock, remaining quotas, and each permission once.

AWS has a dry run of an invocation, but none of setting or deleting provisioned concurrency.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from adapters.aws.autoscaling.scaling_policies import SCALING
from adapters.aws.clients import Answer
from adapters.aws.cloudwatch.alias_memo import ALWAYS, SLOWLY, SOMETIMES
from adapters.aws.cloudwatch.demand_source import REGION
from adapters.aws.cloudwatch.metric_queries import INVOCATIONS, MOST_QUERIES, Query, request
from adapters.aws.cloudwatch.metric_reader import RATE, MetricReader
from adapters.aws.cloudwatch.metric_rows import series_of
from adapters.aws.dynamodb.item_counts import EVERY_SECONDS, ItemCounts
from adapters.aws.errors import ApiCall, NotSet
from adapters.aws.lambda_.shared_limits import concurrency, versions
from adapters.aws.metric_settings import CloudWatchAlbSettings, CloudWatchMetricSettings
from adapters.aws.regions import other_partition, unlisted
from adapters.aws.sessions import AwsSessions
from adapters.aws.table_settings import DynamoQuerySettings
from adapters.ports.demand_source import Demands
from adapters.ports.diagnostics import (
    Check,
    Finding,
    Probe,
    Verdict,
    clock_finding,
    lease_of,
    metrics_of,
    names_of,
    refusal,
)
from adapters.ports.errors import AdapterError, PermissionDenied, Unreachable
from config.model.policy import PoolPolicy
from forecasting.demand import minute_of

LOOKED_BACK = 60
"""Minutes in which a check looks for points of a metric."""

PROVISIONED = "lambda-provisioned-concurrency"
WRONG_REGION = "correct region; for a new region of AWS, update boto3"


def checks(sessions: AwsSessions, pools: Sequence[PoolPolicy]) -> list[Check]:
    """Return the checks of the levers of `pools`: credentials; of each region, its name and the clock, the concurrency of the
    account, and that no two aliases need provisioned concurrency of one version.
    """
    regions: dict[str, list[PoolPolicy]] = {}
    for pool in pools:
        regions.setdefault(str(pool.lever.model_dump()["region"]), []).append(pool)
    found = _identities(sessions, {region: names_of(members) for region, members in regions.items()})
    for region, members in regions.items():
        place, about = sessions.place(region), names_of(members)
        based = [each for each in members if each.lever.kind == PROVISIONED]
        found.append(Check(f"concurrency of AWS in {place}", partial(concurrency, sessions, region, based), about))
        found.append(Check(f"versions in {place}", partial(versions, sessions, region, based), about))
    return found


def demand_checks(sessions: AwsSessions, pools: Demands) -> list[Check]:
    """Return the checks of each region of the demand of `pools`: credentials and clock, and the number of metrics of Lambda, or
    whether the metrics of a pool have points, or its number of items.
    """
    about: dict[str, set[str]] = {}
    resources: dict[str, set[str]] = {}
    own: list[Check] = []
    for pool, demand in pools:
        key, region = metrics_of([pool.name]), str(demand.model_dump().get("region"))
        if isinstance(demand, CloudWatchMetricSettings | CloudWatchAlbSettings):
            own.append(Check(f"metrics of {pool.name}", partial(_points, sessions, pool.name, demand), key))
        elif isinstance(demand, DynamoQuerySettings):
            own.append(Check(f"items of {pool.name}", partial(_items, sessions, pool.name, demand), key))
        elif demand.kind == "cloudwatch-lambda":
            resources.setdefault(region, set()).add(demand.resource)
        else:
            continue
        about.setdefault(region, set()).update(key)
    rates = [Check(f"metrics of AWS in {sessions.place(region)}", partial(_metrics, sessions.place(region), len(each)))
             for region, each in resources.items()]
    return _identities(sessions, {region: frozenset(keys) for region, keys in about.items()}) + rates + own


def _identities(sessions: AwsSessions, regions: Mapping[str, frozenset[str]]) -> list[Check]:
    """Return the checks on which all others depend. `regions`: region -> what is read there."""
    if not regions:
        return []
    whose = "AWS" if sessions.role is None else f"AWS as {sessions.role.role_arn}"
    everything = frozenset[str]().union(*regions.values(), lease_of("dynamodb") if sessions.role is None else ())
    first = Check(f"credentials of {whose}", partial(_credentials, sessions, next(iter(regions)), whose), everything, gates=True)
    role = None if sessions.role is None else sessions.role.role_arn
    apart = {region: text for region in regions if role is not None and (text := other_partition(region, role)) is not None}
    wrong = [Check(f"partition of AWS in {sessions.place(region)}", partial(_partition, f"AWS in {sessions.place(region)}", text),
                   regions[region], gates=True) for region, text in apart.items()]
    clocks = [Check(f"credentials and clock of AWS in {sessions.place(region)}", partial(_identity, sessions, region), about,
                    gates=True) for region, about in regions.items()]
    return [*wrong, first, *clocks]


def probes(sessions: AwsSessions, pool: PoolPolicy) -> Mapping[str, Probe]:
    """Return the test of each permission of a pool, by action; permissions that only a write can test are left out."""
    settings = pool.lever.model_dump()
    region, function, alias = (str(settings[key]) for key in ("region", "function", "alias"))
    plane, connections = sessions.plane(region), sessions.connections(region)
    resource = f"Lambda alias {function}:{alias} in {connections.place}"
    qualified = {"FunctionName": function, "Qualifier": alias}

    async def provisioned() -> None:
        with suppress(NotSet):
            await plane.read("get_provisioned_concurrency_config", resource, qualified, _ignored)

    async def metric() -> None:
        end = minute_of(sessions.clock.now())
        call = ApiCall("cloudwatch", "get_metric_data", f"Lambda metrics in {connections.place}")
        await connections.call(call, request([Query("", INVOCATIONS, end - SLOWLY, end)]), _ignored)

    return {
        "cloudwatch:GetMetricData": metric,
        "application-autoscaling:DescribeScalableTargets": lambda: plane.foreign_scaler(function, (alias,)),
        "application-autoscaling:DescribeScheduledActions": lambda: connections.call(
            ApiCall("application-autoscaling", "describe_scheduled_actions", resource),
            {**SCALING, "ResourceId": f"function:{function}:{alias}"}, _ignored),
        "lambda:GetAccountSettings": plane.account.get,
        "lambda:GetAlias": lambda: plane.read("get_alias", resource, {"FunctionName": function, "Name": alias}, _ignored),
        "lambda:GetFunction": lambda: plane.function(resource, qualified),
        "lambda:GetProvisionedConcurrencyConfig": provisioned,
        "lambda:InvokeFunction": lambda: connections.call(
            ApiCall("lambda", "invoke", resource), {**qualified, "InvocationType": "DryRun"}, _ignored),
    }


async def _partition(subject: str, text: str) -> list[Finding]:
    return [Finding("region", subject, Verdict.FAIL, text, "correct region, or name a role of that partition")]


async def _credentials(sessions: AwsSessions, region: str, subject: str) -> list[Finding]:
    """Return a finding when there are no valid credentials, for all regions at once."""
    call = ApiCall("sts", "get_caller_identity", "the AWS account")
    try:
        await sessions.connections(region).call(call, {}, _ignored)
    except PermissionDenied as error:
        return [refusal("credentials", subject, error)]
    except AdapterError:
        return []  # the check of the region reports it
    return []


async def _identity(sessions: AwsSessions, region: str) -> list[Finding]:
    connections, doubt = sessions.connections(region), unlisted(region)
    subject = f"AWS in {connections.place}"
    try:
        call = ApiCall("sts", "get_caller_identity", f"the AWS account in {connections.place}")
        credentials = Finding("credentials", subject, Verdict.OK, await connections.call(call, {}, _caller))
    except Unreachable as error:
        if doubt is not None:
            return [Finding("region", subject, Verdict.FAIL, f"{doubt}, and does not answer", WRONG_REGION)]
        credentials = refusal("credentials", subject, error)
    except AdapterError as error:
        credentials = refusal("credentials", subject, error)
    known = [] if doubt is None else [Finding("region", subject, Verdict.WARN, f"{doubt}, but it answers", WRONG_REGION)]
    return [*known, credentials, clock_finding(subject, connections.date, sessions.clock.now())]


async def _metrics(place: str, aliases: int) -> list[Finding]:
    """Check the reads against Stoker's own rate limit: CloudWatch does not report the rest of its limits."""
    metrics = aliases * (len(ALWAYS) + len(SOMETIMES) / SLOWLY) + len(REGION)
    calls, most = math.ceil(metrics / MOST_QUERIES) + 1, RATE * timedelta(minutes=1).total_seconds()
    text = f"about {metrics:.0f} metrics a minute in {calls} calls"
    if calls > most:
        return [Finding("quota", f"CloudWatch in {place}", Verdict.WARN, f"{text}, above Stoker's own limit of {most:.0f}",
                        "spread the pools over several daemons")]
    return [Finding("quota", f"CloudWatch in {place}", Verdict.OK, f"{text}; AWS allows 50 calls a second or more")]


async def _points(sessions: AwsSessions, pool: str, demand: CloudWatchMetricSettings | CloudWatchAlbSettings) -> list[Finding]:
    """Check that each metric of a pool has a point in the last hour: CloudWatch has no error for a wrong name."""
    end, series = minute_of(sessions.clock.now()), series_of(demand)
    connections = sessions.connections(str(demand.region))
    reader = MetricReader(connections, sessions.clock, f"metrics of {pool} in {connections.place}")
    queries = {role: Query(pool, each.metric, end - LOOKED_BACK, end, each.dimensions) for role, each in series.items()}
    results, failures = await reader.read(list(queries.values()))
    if failures:
        raise next(iter(failures.values()))
    empty = [f"{query.metric.name} ({role})" for role, query in queries.items()
             if not any(len(each.minutes) for each in results[query])]
    if empty:
        return [Finding("demand", pool, Verdict.WARN, f"no point within {LOOKED_BACK} min: {', '.join(empty)}",
                        "correct namespace, metric and dimensions, unless the pool was idle")]
    return [Finding("demand", pool, Verdict.OK, f"every metric has points within {LOOKED_BACK} min")]


async def _items(sessions: AwsSessions, pool: str, demand: DynamoQuerySettings) -> list[Finding]:
    """Count the items of a pool once, and return what a month of counts costs."""
    counts = ItemCounts(sessions.connections(str(demand.region)), sessions.clock, {pool: demand})
    number = (await counts.read((pool,)))[pool]
    if isinstance(number, AdapterError):
        raise number
    month = counts.usd_per_sample() * timedelta(hours=730).total_seconds() / EVERY_SECONDS
    text = f"{number:g} items now, counted with {counts.units:g} read request units; counting costs {month:.2f} USD a month"
    if not number:
        return [Finding("demand", pool, Verdict.WARN, f"{text}; a wrong value of a key also gives 0",
                        "check key_condition and values, unless the pool is idle")]
    return [Finding("demand", pool, Verdict.OK, text)]


def _caller(answer: Answer) -> str:
    """Return the identity of the accepted credentials; each of the three members is optional."""
    return str(answer.get("Arn") or answer.get("UserId") or answer.get("Account") or "accepted, without an identity")


def _ignored(answer: Answer) -> None:
    """Ignore the answer: the call only tests a permission."""
