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
from adapters.aws.metric_settings import CloudWatchAlbSettings, CloudWatchMetricSettings
from adapters.aws.sessions import AwsSessions
from adapters.aws.table_settings import DynamoQuerySettings
from adapters.ports.demand_source import Demands
from adapters.ports.diagnostics import Check, Finding, Probe, Verdict, clock_finding
from adapters.ports.errors import AdapterError
from config.model.policy import PoolPolicy
from forecasting.demand import minute_of

USUAL_FLOOR = 100
"""Concurrency that must stay unreserved, by AWS's documentation; the limit of new accounts is lower."""

LOOKED_BACK = 60
"""Minutes in which a check looks for points of a metric."""

PROVISIONED = "lambda-provisioned-concurrency"


def checks(sessions: AwsSessions, pools: Sequence[PoolPolicy]) -> list[Check]:
    """Return the checks of each region of the levers of `pools`: credentials and clock, and the concurrency of the account."""
    regions: dict[str, list[PoolPolicy]] = {}
    for pool in pools:
        regions.setdefault(str(pool.lever.model_dump()["region"]), []).append(pool)
    found = []
    for region, members in regions.items():
        found.append(Check(f"credentials and clock of AWS in {sessions.place(region)}", partial(_identity, sessions, region)))
        found.append(Check(f"concurrency of AWS in {sessions.place(region)}", partial(_concurrency, sessions, region, members)))
    return found


def demand_checks(sessions: AwsSessions, pools: Demands) -> list[Check]:
    """Return the checks of each region of the demand of `pools`: credentials and clock, and the number of metrics of Lambda, or
    whether the metrics of a pool have points, or its number of items.
    """
    found = []
    for pool, demand in pools:
        if isinstance(demand, CloudWatchMetricSettings | CloudWatchAlbSettings):
            region = str(demand.region)
            found.append(Check(f"credentials and clock of AWS in {sessions.place(region)}", partial(_identity, sessions, region)))
            found.append(Check(f"metrics of {pool.name}", partial(_points, sessions, pool.name, demand)))
        if isinstance(demand, DynamoQuerySettings):
            region = str(demand.region)
            found.append(Check(f"credentials and clock of AWS in {sessions.place(region)}", partial(_identity, sessions, region)))
            found.append(Check(f"items of {pool.name}", partial(_items, sessions, pool.name, demand)))
    regions: dict[str, set[str]] = {}
    for _, demand in pools:
        if demand.kind != "cloudwatch-lambda":
            continue
        regions.setdefault(str(demand.model_dump()["region"]), set()).add(demand.resource)
    for region, resources in regions.items():
        found.append(Check(f"credentials and clock of AWS in {sessions.place(region)}", partial(_identity, sessions, region)))
        place = sessions.place(region)
        found.append(Check(f"metrics of AWS in {place}", partial(_metrics, place, len(resources))))
    return found


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


async def _identity(sessions: AwsSessions, region: str) -> list[Finding]:
    connections = sessions.connections(region)
    subject = f"AWS in {connections.place}"
    try:
        call = ApiCall("sts", "get_caller_identity", f"the AWS account in {connections.place}")
        who = await connections.call(call, {}, _caller)
        credentials = Finding("credentials", subject, Verdict.OK, who)
    except AdapterError as error:
        credentials = Finding("credentials", subject, Verdict.FAIL, str(error))
    return [credentials, clock_finding(subject, connections.date, sessions.clock.now())]


async def _concurrency(sessions: AwsSessions, region: str, pools: Sequence[PoolPolicy]) -> list[Finding]:
    """Check that the account allows the max of every pool at once. Reserved concurrency of functions is not counted."""
    subject = f"concurrency in {sessions.place(region)}"
    try:
        account = await sessions.plane(region).account.get()
    except AdapterError as error:
        return [Finding("quota", subject, Verdict.UNCHECKED, str(error))]
    most = sum(pool.max for pool in pools if pool.lever.kind == PROVISIONED)
    if account.unreserved is None:
        return [Finding("quota", subject, Verdict.UNCHECKED, "AWS does not report the unreserved concurrency")]
    available = account.unreserved - USUAL_FLOOR
    limit = "an unknown number" if account.limit is None else account.limit
    text = f"{limit} in the account, {account.unreserved} not reserved; the sum of the pools' max is {most}"
    if most > available:
        return [Finding("quota", subject, Verdict.WARN, f"{text}, more than the {max(0, available)} that can be provisioned",
                        "lower max, reserve concurrency for the functions, or request a higher quota L-B99A9384")]
    return [Finding("quota", subject, Verdict.OK, text)]


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
