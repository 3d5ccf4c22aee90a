"""What `stoker doctor` asks of AWS: who one is, what the clock says there, what is left of quotas, and each permission once.

Putting and deleting provisioned concurrency know no dry run; an invocation does.
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
from adapters.aws.errors import Asked, NotSet
from adapters.aws.lambda_.control_plane import ControlPlane
from adapters.aws.sessions import AwsSessions
from adapters.ports.diagnostics import Check, Finding, Probe, Verdict, clock_finding
from adapters.ports.errors import AdapterError
from config.model.policy import PoolPolicy
from forecasting.demand import minute_of

USUAL_FLOOR = 100
"""What AWS's documentation says must stay unreserved; new accounts are held to less."""

PROVISIONED = "lambda-provisioned-concurrency"


def checks(sessions: AwsSessions, pools: Sequence[PoolPolicy]) -> list[Check]:
    """Of each region."""
    regions: dict[str, list[PoolPolicy]] = {}
    for pool in pools:
        regions.setdefault(str(pool.lever.model_dump()["region"]), []).append(pool)
    found = []
    for region, members in regions.items():
        found.append(Check(f"credentials and clock of AWS in {region}", partial(_identity, sessions, region)))
        found.append(Check(f"quotas of AWS in {region}", partial(_quotas, sessions, region, members)))
    return found


def probes(sessions: AwsSessions, pool: PoolPolicy) -> Mapping[str, Probe]:
    """How each permission of a pool is tried, by action; those that only a write would try are not among them."""
    settings = pool.lever.model_dump()
    region, function, alias = (str(settings[key]) for key in ("region", "function", "alias"))
    plane, connections = sessions.plane(region), sessions.connections(region)
    resource, qualified = f"Lambda alias {function}:{alias} in {region}", {"FunctionName": function, "Qualifier": alias}

    async def provisioned() -> None:
        with suppress(NotSet):
            await plane.ask("get_provisioned_concurrency_config", resource, qualified, _nothing)

    async def metric() -> None:
        end = minute_of(sessions.clock.now())
        asked = Asked("cloudwatch", "get_metric_data", f"Lambda metrics in {region}")
        await connections.call(asked, request([Query("", INVOCATIONS, end - SLOWLY, end)]), _nothing)

    return {
        "cloudwatch:GetMetricData": metric,
        "application-autoscaling:DescribeScalableTargets": lambda: plane.scaler(function, (alias,)),
        "application-autoscaling:DescribeScheduledActions": lambda: connections.call(
            Asked("application-autoscaling", "describe_scheduled_actions", resource),
            {**SCALING, "ResourceId": f"function:{function}:{alias}"}, _nothing),
        "lambda:GetAccountSettings": plane.account.get,
        "lambda:GetAlias": lambda: plane.ask("get_alias", resource, {"FunctionName": function, "Name": alias}, _nothing),
        "lambda:GetFunction": lambda: plane.function(resource, qualified),
        "lambda:GetProvisionedConcurrencyConfig": provisioned,
        "lambda:InvokeFunction": lambda: connections.call(
            Asked("lambda", "invoke", resource), {**qualified, "InvocationType": "DryRun"}, _nothing),
    }


async def _identity(sessions: AwsSessions, region: str) -> list[Finding]:
    connections, subject = sessions.connections(region), f"AWS in {region}"
    try:
        who = await connections.call(Asked("sts", "get_caller_identity", f"the AWS account in {region}"), {}, _caller)
        found = Finding("credentials", subject, Verdict.OK, who)
    except AdapterError as error:
        found = Finding("credentials", subject, Verdict.FAIL, str(error))
    return [found, clock_finding(subject, connections.date, sessions.clock.now())]


async def _quotas(sessions: AwsSessions, region: str, pools: Sequence[PoolPolicy]) -> list[Finding]:
    return [_metrics(region, len(pools)), await _concurrency(sessions.plane(region), pools)]


async def _concurrency(plane: ControlPlane, pools: Sequence[PoolPolicy]) -> Finding:
    """Whether the account could give every pool its ceiling at once; what functions have reserved for themselves is not seen."""
    subject = f"concurrency in {plane.region}"
    try:
        account = await plane.account.get()
    except AdapterError as error:
        return Finding("quota", subject, Verdict.UNCHECKED, str(error))
    most = sum(pool.max for pool in pools if pool.lever.kind == PROVISIONED)
    if account.unreserved is None:
        return Finding("quota", subject, Verdict.UNCHECKED, "AWS does not say how much concurrency is not reserved")
    left = account.unreserved - USUAL_FLOOR
    limit = "an unknown number" if account.limit is None else account.limit
    text = f"{limit} in the account, {account.unreserved} not reserved; the pools' max come to {most}"
    if most > left:
        return Finding("quota", subject, Verdict.WARN, f"{text}, more than the {max(0, left)} that can be provisioned",
                       "lower max, reserve concurrency for the functions, or have the quota L-B99A9384 raised")
    return Finding("quota", subject, Verdict.OK, text)


def _metrics(region: str, pools: int) -> Finding:
    """By our own pace: CloudWatch does not tell what is left of its limits."""
    metrics = pools * (len(ALWAYS) + len(SOMETIMES) / SLOWLY) + len(REGION)
    calls, most = math.ceil(metrics / MOST_QUERIES) + 1, RATE * timedelta(minutes=1).total_seconds()
    text = f"about {metrics:.0f} metrics a minute in {calls} calls"
    if calls > most:
        return Finding("quota", f"CloudWatch in {region}", Verdict.WARN, f"{text}, above Stoker's own limit of {most:.0f}",
                       "spread the pools over several daemons")
    return Finding("quota", f"CloudWatch in {region}", Verdict.OK, f"{text}; AWS allows 50 calls a second or more")


def _caller(answer: Answer) -> str:
    """Whose credentials were accepted; none of the three must be in the answer."""
    return str(answer.get("Arn") or answer.get("UserId") or answer.get("Account") or "accepted, without a name")


def _nothing(answer: Answer) -> None:
    """The answer does not matter, only that there is one."""
