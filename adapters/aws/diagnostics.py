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
from adapters.aws.cloudwatch.demand_source import ALWAYS, REGION, SLOWLY, SOMETIMES
from adapters.aws.cloudwatch.metric_queries import INVOCATIONS, MOST_QUERIES, Query, request
from adapters.aws.cloudwatch.metric_reader import RATE
from adapters.aws.errors import ApiCall, NotSet
from adapters.aws.sessions import AwsSessions
from adapters.ports.demand_source import Demands
from adapters.ports.diagnostics import Check, Finding, Probe, Verdict, clock_finding
from adapters.ports.errors import AdapterError
from config.model.policy import PoolPolicy
from forecasting.demand import minute_of

USUAL_FLOOR = 100
"""Concurrency that must stay unreserved, by AWS's documentation; the limit of new accounts is lower."""

PROVISIONED = "lambda-provisioned-concurrency"


def checks(sessions: AwsSessions, pools: Sequence[PoolPolicy]) -> list[Check]:
    """Return the checks of each region of the levers of `pools`: credentials and clock, and the concurrency of the account."""
    regions: dict[str, list[PoolPolicy]] = {}
    for pool in pools:
        regions.setdefault(str(pool.lever.model_dump()["region"]), []).append(pool)
    found = []
    for region, members in regions.items():
        found.append(Check(f"credentials and clock of AWS in {region}", partial(_identity, sessions, region)))
        found.append(Check(f"concurrency of AWS in {region}", partial(_concurrency, sessions, region, members)))
    return found


def demand_checks(sessions: AwsSessions, pools: Demands) -> list[Check]:
    """Return the checks of each region of the demand of `pools`: credentials and clock, and the number of metrics."""
    regions: dict[str, set[str]] = {}
    for _, demand in pools:
        regions.setdefault(str(demand.model_dump()["region"]), set()).add(demand.resource)
    found = []
    for region, resources in regions.items():
        found.append(Check(f"credentials and clock of AWS in {region}", partial(_identity, sessions, region)))
        found.append(Check(f"metrics of AWS in {region}", partial(_metrics, region, len(resources))))
    return found


def probes(sessions: AwsSessions, pool: PoolPolicy) -> Mapping[str, Probe]:
    """Return the test of each permission of a pool, by action; permissions that only a write can test are left out."""
    settings = pool.lever.model_dump()
    region, function, alias = (str(settings[key]) for key in ("region", "function", "alias"))
    plane, connections = sessions.plane(region), sessions.connections(region)
    resource, qualified = f"Lambda alias {function}:{alias} in {region}", {"FunctionName": function, "Qualifier": alias}

    async def provisioned() -> None:
        with suppress(NotSet):
            await plane.read("get_provisioned_concurrency_config", resource, qualified, _ignored)

    async def metric() -> None:
        end = minute_of(sessions.clock.now())
        call = ApiCall("cloudwatch", "get_metric_data", f"Lambda metrics in {region}")
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
    connections, subject = sessions.connections(region), f"AWS in {region}"
    try:
        who = await connections.call(ApiCall("sts", "get_caller_identity", f"the AWS account in {region}"), {}, _caller)
        credentials = Finding("credentials", subject, Verdict.OK, who)
    except AdapterError as error:
        credentials = Finding("credentials", subject, Verdict.FAIL, str(error))
    return [credentials, clock_finding(subject, connections.date, sessions.clock.now())]


async def _concurrency(sessions: AwsSessions, region: str, pools: Sequence[PoolPolicy]) -> list[Finding]:
    """Check that the account allows the max of every pool at once. Reserved concurrency of functions is not counted."""
    subject = f"concurrency in {region}"
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


async def _metrics(region: str, aliases: int) -> list[Finding]:
    """Check the reads against Stoker's own rate limit: CloudWatch does not report the rest of its limits."""
    metrics = aliases * (len(ALWAYS) + len(SOMETIMES) / SLOWLY) + len(REGION)
    calls, most = math.ceil(metrics / MOST_QUERIES) + 1, RATE * timedelta(minutes=1).total_seconds()
    text = f"about {metrics:.0f} metrics a minute in {calls} calls"
    if calls > most:
        return [Finding("quota", f"CloudWatch in {region}", Verdict.WARN, f"{text}, above Stoker's own limit of {most:.0f}",
                        "spread the pools over several daemons")]
    return [Finding("quota", f"CloudWatch in {region}", Verdict.OK, f"{text}; AWS allows 50 calls a second or more")]


def _caller(answer: Answer) -> str:
    """Return the identity of the accepted credentials; each of the three members is optional."""
    return str(answer.get("Arn") or answer.get("UserId") or answer.get("Account") or "accepted, without an identity")


def _ignored(answer: Answer) -> None:
    """Ignore the answer: the call only tests a permission."""
