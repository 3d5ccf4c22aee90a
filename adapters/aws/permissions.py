"""What IAM must allow for pools on AWS: every call that the levers and the demand source here make, as an identity-based policy.

Actions that know no resource (the service authorization reference lists them so) are held to the regions in use. Reading a
function is allowed on the function and on the alias: AWS's documentation does not say for every call which of the two is looked
at when a qualifier is given.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from adapters.permissions import Permission
from config.lease import DynamoLeaseSettings, LeaseSettings
from config.policy import PoolPolicy


class Statement(NamedTuple):
    """What the calls of one statement of the policy have in common. `scope`: see `resources`."""

    scope: str
    writes: bool = False


STATEMENTS = {
    "LookAround": Statement("region"),
    "LookAtFunctions": Statement("function"),
    "LookAtWarmCapacity": Statement("alias"),
    "SetWarmCapacity": Statement("alias", writes=True),
    "DeadMan": Statement("region", writes=True),
    "Ping": Statement("alias", writes=True),
}
"""By Sid, in the order of the document."""


class Call(NamedTuple):
    """One call: its action, the Sid of the statement that allows it, and what it is good for."""

    action: str
    sid: str
    why: str


LOOK = (
    Call("cloudwatch:GetMetricData", "LookAround", "reads demand"),
    Call("application-autoscaling:DescribeScalableTargets", "LookAround", "tells who else scales the alias"),
    Call("lambda:GetAccountSettings", "LookAround", "tells how much concurrency is left"),
    Call("lambda:GetAlias", "LookAtFunctions", "tells where the alias points, and whether it shifts traffic"),
    Call("lambda:GetFunction", "LookAtFunctions", "tells memory, processor, reserved concurrency and deployments under way"),
)
CALLS = {
    "lambda-provisioned-concurrency": (
        *LOOK,
        Call("lambda:GetProvisionedConcurrencyConfig", "LookAtWarmCapacity", "tells what is requested and what is ready"),
        Call("lambda:PutProvisionedConcurrencyConfig", "SetWarmCapacity", "sets warm capacity"),
        Call("lambda:DeleteProvisionedConcurrencyConfig", "SetWarmCapacity", "gives warm capacity back"),
    ),
    "lambda-ping": (*LOOK, Call("lambda:InvokeFunction", "Ping", "pings")),
}
"""By lever kind, demand source included."""

DEAD_MAN = (
    Call("application-autoscaling:RegisterScalableTarget", "DeadMan", "lets capacity be lowered on schedule"),
    Call("application-autoscaling:PutScheduledAction", "DeadMan", "puts off what happens should the daemon die"),
    Call("application-autoscaling:DeleteScheduledAction", "DeadMan", "takes it back"),
    Call("application-autoscaling:DescribeScheduledActions", "LookAround", "tells others' scheduled actions from it"),
)
"""Of a pool with `dead_man`. The first registration also makes a service-linked role: iam:CreateServiceLinkedRole, once."""

LEASE = (
    ("dynamodb:GetItem", "tells who leads", False),
    ("dynamodb:Query", "tells what the leader has left for whoever follows", False),
    ("dynamodb:PutItem", "takes the lease, renews it, and leaves what a successor must know", True),
    ("dynamodb:ConditionCheckItem", "makes sure within a transaction that this daemon still leads", True),
)
"""Action, what it is good for, and whether it changes something; needed in shadow, too."""

ANY_ACCOUNT = "*"
LONGEST = 6144
"""Characters of a managed policy, white space not counted (IAM quotas); ten can be attached to a role, twenty on request."""


class AwsGrants:
    """See `adapters.permissions.Grants`."""

    provider = "aws"

    def __init__(self, lease: LeaseSettings | None = None) -> None:
        self._table = lease if isinstance(lease, DynamoLeaseSettings) else None

    def shared(self) -> tuple[Permission, ...]:
        """The lease's table."""
        if self._table is None:
            return ()
        return tuple(Permission(action, (table_arn(self._table, None),), why, writes) for action, why, writes in LEASE)

    def needed(self, pool: PoolPolicy) -> tuple[Permission, ...]:
        """Of one pool, in whichever account."""
        return tuple(Permission(call.action, resources(pool, STATEMENTS[call.sid].scope, None), call.why,
                                STATEMENTS[call.sid].writes) for call in calls(pool))

    def documents(self, pools: Sequence[PoolPolicy], account: str | None) -> list[dict[str, Any]]:
        """IAM policy documents, each no longer than a managed policy may be."""
        lease = [] if self._table is None else [
            {"Sid": "ShareLease", "Effect": "Allow", "Action": [action for action, _, _ in LEASE],
             "Resource": table_arn(self._table, account)}]
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
        return found

    def text(self, pools: Sequence[PoolPolicy], account: str | None) -> str:
        """The documents, as IAM takes them."""
        return "\n".join(json.dumps(each, indent=2) for each in self.documents(pools, account))


def document(pools: Sequence[PoolPolicy], account: str | None) -> dict[str, Any]:
    """One policy document for all of `pools`; a statement for each set of resources."""
    found: dict[str, dict[str, Any]] = {sid: {"Sid": sid, "Effect": "Allow", "Action": {}, "Resource": {}} for sid in STATEMENTS}
    for pool in pools:
        for call in calls(pool):
            found[call.sid]["Action"][call.action] = None
            found[call.sid]["Resource"] |= dict.fromkeys(resources(pool, STATEMENTS[call.sid].scope, account))
    regions = sorted({str(pool.lever.model_dump()["region"]) for pool in pools})
    for sid, statement in found.items():
        statement |= {"Action": list(statement["Action"]), "Resource": list(statement["Resource"])}
        if STATEMENTS[sid].scope == "region":
            statement |= {"Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": regions}}}
    return {"Version": "2012-10-17", "Statement": [statement for statement in found.values() if statement["Action"]]}


def table_arn(lease: DynamoLeaseSettings, account: str | None) -> str:
    """The lease's table."""
    return f"arn:{partition(lease.region)}:dynamodb:{lease.region}:{account or ANY_ACCOUNT}:table/{lease.table}"


def _compact(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))


def calls(pool: PoolPolicy) -> list[Call]:
    """What is called for a pool: in shadow only what looks."""
    made = (*CALLS[pool.lever.kind], *(DEAD_MAN if pool.dead_man is not None else ()))
    return [call for call in made if pool.mode == "active" or not STATEMENTS[call.sid].writes]


def resources(pool: PoolPolicy, scope: str, account: str | None) -> tuple[str, ...]:
    """What a permission of `scope` is given on."""
    if scope == "region":
        return ("*",)
    settings = pool.lever.model_dump()
    region, name = str(settings["region"]), str(settings["function"])
    function = f"arn:{partition(region)}:lambda:{region}:{account or ANY_ACCOUNT}:function:{name}"
    alias = f"{function}:{settings['alias']}"
    return (function, alias) if scope == "function" else (alias,)


def partition(region: str) -> str:
    """The first part of every ARN of a region."""
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rsplit("-", 2)[0], "aws")
