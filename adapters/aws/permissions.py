"""IAM permissions of pools on AWS: every call of the levers and the demand source, as an identity-based policy.

Actions without a resource type (by the service authorization reference) are restricted to the regions in use. Reads of a function
are allowed on the function and on the alias: AWS does not document for every call which of the two IAM checks when a qualifier is
given.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

from adapters.aws.trust import trust_document
from adapters.ports.permissions import Permission
from config.model.credentials import Cloud, Credentials, partition_of
from config.model.lease import DynamoLeaseSettings, LeaseSettings
from config.model.policy import PoolPolicy
from config.model.selected_policy import SelectedPolicy


class Statement(NamedTuple):
    """Common properties of the calls of one policy statement. `scope`: see `resources`."""

    scope: str
    writes: bool = False


STATEMENTS = {
    "ReadMetricsAndQuotas": Statement("region"),
    "QueryPrometheus": Statement("workspace"),
    "CountItems": Statement("table"),
    "ReadFunctions": Statement("function"),
    "ReadWarmCapacity": Statement("alias"),
    "SetWarmCapacity": Statement("alias", writes=True),
    "DeadMan": Statement("region", writes=True),
    "Ping": Statement("alias", writes=True),
}
"""By Sid, in the order of the document."""


class Call(NamedTuple):
    """One call: its action, the Sid of the statement that allows it, and its purpose."""

    action: str
    sid: str
    why: str


READS = (
    Call("application-autoscaling:DescribeScalableTargets", "ReadMetricsAndQuotas", "finds other autoscalers of the alias"),
    Call("lambda:GetAccountSettings", "ReadMetricsAndQuotas", "reads the remaining account concurrency"),
    Call("lambda:GetAlias", "ReadFunctions", "reads the version and the traffic weights of the alias"),
    Call("lambda:GetFunction", "ReadFunctions", "reads memory, processor, reserved concurrency and running deployments"),
)
CALLS = {
    "lambda-provisioned-concurrency": (
        *READS,
        Call("lambda:GetProvisionedConcurrencyConfig", "ReadWarmCapacity", "reads requested and ready warm capacity"),
        Call("lambda:PutProvisionedConcurrencyConfig", "SetWarmCapacity", "sets warm capacity"),
        Call("lambda:DeleteProvisionedConcurrencyConfig", "SetWarmCapacity", "releases warm capacity"),
    ),
    "lambda-ping": (*READS, Call("lambda:InvokeFunction", "Ping", "pings")),
}
"""By lever kind."""

QUERY = Call("aps:QueryMetrics", "QueryPrometheus", "reads demand")
DEMAND_CALLS = dict.fromkeys(("cloudwatch-lambda", "cloudwatch", "cloudwatch-alb"),
                             (Call("cloudwatch:GetMetricData", "ReadMetricsAndQuotas", "reads demand"),))
DEMAND_CALLS["dynamodb-query"] = (Call("dynamodb:Query", "CountItems", "counts the items that are demand"),)
"""By kind of demand source."""

DEAD_MAN = (
    Call("application-autoscaling:RegisterScalableTarget", "DeadMan", "registers the alias for scheduled actions"),
    Call("application-autoscaling:PutScheduledAction", "DeadMan", "sets and postpones the dead-man action"),
    Call("application-autoscaling:DeleteScheduledAction", "DeadMan", "removes the dead-man action"),
    Call("application-autoscaling:DescribeScheduledActions", "ReadMetricsAndQuotas",
         "distinguishes other scheduled actions from the dead-man action"),
)
"""Calls of a pool with `dead_man`. The first registration also creates a service-linked role: iam:CreateServiceLinkedRole."""

LISTING = (
    Call("lambda:ListFunctions", "ReadMetricsAndQuotas", "lists the functions that select may add"),
    Call("lambda:ListAliases", "ReadFunctions", "lists the aliases of a function"),
)
TAGS = Call("tag:GetResources", "ReadMetricsAndQuotas", "reads the tags of functions")
"""Calls of entries of `select`, and of those whose tags decide."""

LEASE = (
    ("dynamodb:GetItem", "reads the leader", False),
    ("dynamodb:Query", "reads the handover records of the last leader", False),
    ("dynamodb:PutItem", "acquires and renews the lease, and writes handover records", True),
    ("dynamodb:ConditionCheckItem", "checks within a transaction that this daemon is still the leader", True),
)
"""Action, its purpose, and whether it writes; also needed in shadow."""

ASSUME = "sts:AssumeRole"
ANY_ACCOUNT = "*"
LONGEST = 6144
"""Maximum characters of a managed policy, without white space (IAM quotas); 10 can be attached to a role, 20 on request."""

MOST_ROLES_LENGTH = 3000
"""Maximum characters of the roles of one document, about 60, so that pools and the lease fit beside them."""


class AwsGrants:
    """See `adapters.ports.permissions.Grants`."""

    cloud: ClassVar[Cloud] = "aws"
    provider: ClassVar[str] = "aws"

    def __init__(self, lease: LeaseSettings | None = None, credentials: Credentials | None = None,
                 assumed: Sequence[str] = ()) -> None:
        self._table = lease if isinstance(lease, DynamoLeaseSettings) else None
        self._credentials, self._assumed = credentials, list(assumed)
        self.identity = "" if credentials is None else str(credentials.role_arn)

    def shared(self) -> tuple[Permission, ...]:
        """Return the permissions on the roles of pools and on the lease's table."""
        roles = (Permission(ASSUME, tuple(self._assumed), "assumes the roles of pools"),) if self._assumed else ()
        if self._table is None:
            return roles
        return (*roles, *(Permission(action, (table_arn(self._table, None),), why, writes) for action, why, writes in LEASE))

    def needed(self, pool: PoolPolicy) -> tuple[Permission, ...]:
        """Return the permissions of one pool, for any account."""
        return tuple(Permission(call.action, resources(pool, STATEMENTS[call.sid].scope, None), call.why,
                                STATEMENTS[call.sid].writes) for call in calls(pool))

    def documents(self, pools: Sequence[PoolPolicy], account: str | None) -> list[dict[str, Any]]:
        """Return IAM policy documents, each within the size limit of a managed policy."""
        account = account if self._credentials is None else self._credentials.account
        roles = assume_statements(self._assumed)
        lease = [] if self._table is None else [
            {"Sid": "ShareLease", "Effect": "Allow", "Action": [action for action, _, _ in LEASE],
             "Resource": table_arn(self._table, account)}]
        lease = roles[:1] + lease
        room = LONGEST - len(_compact(lease))
        found: list[dict[str, Any]] = []
        piece: list[PoolPolicy] = []
        for pool in pools:
            longer = document([*piece, pool], account)
            if not piece or len(_compact(longer)) > room:
                found.append(longer := document([pool], account))
                piece = []
            piece.append(pool)
            found[-1] = longer
        if lease:
            found = found or [document([], account)]
            found[0]["Statement"] += lease
        return found + [document([], account) | {"Statement": [each]} for each in roles[1:]]

    def text(self, pools: Sequence[PoolPolicy], account: str | None) -> str:
        """Return the documents as JSON for IAM."""
        return "\n".join(json.dumps(each, indent=2) for each in self.documents(pools, account))

    def trust(self, daemon: str | None) -> dict[str, Any] | None:
        """Return the trust policy of the role; None for the daemon's own identity."""
        return None if self._credentials is None else trust_document(self._credentials, daemon)

    def trust_text(self, daemon: str | None) -> str:
        """Return the trust policy as JSON for IAM."""
        return "" if (document := self.trust(daemon)) is None else json.dumps(document, indent=2)


def assume_statements(roles: Iterable[str]) -> list[dict[str, Any]]:
    """Return the statements that allow to assume `roles`, each with at most `MOST_ROLES_LENGTH` characters of ARNs."""
    found: list[dict[str, Any]] = []
    room = 0
    for role in roles:
        room -= len(role) + 3  # quotes and comma
        if room < 0:
            found.append({"Sid": "AssumeRoles", "Effect": "Allow", "Action": [ASSUME], "Resource": []})
            room = MOST_ROLES_LENGTH - len(role) - 3
        found[-1]["Resource"].append(role)
    return found


def document(pools: Sequence[PoolPolicy], account: str | None) -> dict[str, Any]:
    """Return one policy document for all `pools`, with a statement for each set of resources."""
    found: dict[str, dict[str, Any]] = {sid: {"Sid": sid, "Effect": "Allow", "Action": {}, "Resource": {}} for sid in STATEMENTS}
    for pool in pools:
        for call in calls(pool):
            found[call.sid]["Action"][call.action] = None
            found[call.sid]["Resource"] |= dict.fromkeys(resources(pool, STATEMENTS[call.sid].scope, account))
    regions = sorted({region for pool in pools for region in regions_of(pool)})
    for sid, statement in found.items():
        statement |= {"Action": list(statement["Action"]), "Resource": list(statement["Resource"])}
        if STATEMENTS[sid].scope == "region":
            statement |= {"Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": regions}}}
    return {"Version": "2012-10-17", "Statement": [statement for statement in found.values() if statement["Action"]]}


def table_arn(lease: DynamoLeaseSettings, account: str | None) -> str:
    """Return the ARN of the lease's table."""
    return f"arn:{partition_of(lease.region)}:dynamodb:{lease.region}:{account or ANY_ACCOUNT}:table/{lease.table}"


def _compact(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))


def calls(pool: PoolPolicy) -> list[Call]:
    """Return the calls for a pool; in shadow, only reads."""
    demand = pool.lever.usual_demand if pool.demand is None else pool.demand.kind
    reads = (QUERY,) if signed(pool) else DEMAND_CALLS.get(demand, ())
    listing = (*LISTING, *([TAGS] if pool.marks else [])) if isinstance(pool, SelectedPolicy) else ()
    possible = (*reads, *listing, *CALLS.get(pool.lever.kind, ()), *(DEAD_MAN if pool.dead_man is not None else ()))
    return [call for call in possible if pool.mode == "active" or not STATEMENTS[call.sid].writes]


def signed(pool: PoolPolicy) -> dict[str, Any] | None:
    """Return the settings of a demand source whose requests are signed by AWS; None for any other."""
    settings = {} if pool.demand is None else pool.demand.model_dump()
    return settings if settings.get("sigv4") else None


def regions_of(pool: PoolPolicy) -> set[str]:
    """Return the AWS regions of a pool's lever and demand source."""
    settings = [each.model_dump() for each in (pool.lever, pool.demand) if each is not None]
    return {str(each["region"]) for each in settings if "region" in each}


def resources(pool: PoolPolicy, scope: str, account: str | None) -> tuple[str, ...]:
    """Return the resources of a permission of `scope`."""
    if scope == "region":
        return ("*",)
    demand = signed(pool)
    if scope == "workspace" and demand is not None:
        region, (_, _, workspace) = demand["sigv4"]["region"], demand["url"].rstrip("/").rpartition("/")
        return (f"arn:{partition_of(region)}:aps:{region}:{account or ANY_ACCOUNT}:workspace/{workspace}",)
    if scope == "table" and pool.demand is not None:
        table = pool.demand.model_dump()
        region, name = str(table["region"]), str(table["table"])
        arn = f"arn:{partition_of(region)}:dynamodb:{region}:{account or ANY_ACCOUNT}:table/{name}"
        return (arn if table["index"] is None else f"{arn}/index/{table['index']}",)
    settings = pool.lever.model_dump()
    region, name = str(settings["region"]), str(settings["function"])
    function = f"arn:{partition_of(region)}:lambda:{region}:{account or ANY_ACCOUNT}:function:{name}"
    alias = f"{function}:{settings['alias']}"
    return (function, alias) if scope == "function" else (alias,)
