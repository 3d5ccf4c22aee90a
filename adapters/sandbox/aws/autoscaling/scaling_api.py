"""API operations of Application Auto Scaling for provisioned concurrency of Lambda."""

from adapters.sandbox.aws.autoscaling.scheduled_actions import RESOURCE, check, move_into_range
from adapters.sandbox.errors import ApiError
from adapters.sandbox.operations import Operation
from adapters.sandbox.wire import Call, Json, Reply
from adapters.sandbox.world import Sandbox

DIMENSION = "lambda:function:ProvisionedConcurrency"
_PAGE = 50


def register(sandbox: Sandbox, call: Call) -> Reply:
    """Store the target, and move the provisioned concurrency into its range, as AWS does. Only given fields change."""
    resource = _resource(call.body)
    sandbox.advance()  # runs scheduled actions that are due
    stored = sandbox.scalable_targets.get(resource)
    changes = {key: call.body[key] for key in ("MinCapacity", "MaxCapacity", "SuspendedState") if key in call.body}
    if stored is None and not {"MinCapacity", "MaxCapacity"} <= changes.keys():
        raise _validation("MinCapacity and MaxCapacity are required to register a new scalable target")
    target = (stored or _blank(sandbox, resource, call)) | changes
    if target["MinCapacity"] > target["MaxCapacity"]:
        raise _validation("Maximum capacity cannot be less than minimum capacity")
    sandbox.scalable_targets[resource] = target
    _move_into_range(sandbox, target)
    return Reply({"ScalableTargetARN": target["ScalableTargetARN"]})


def describe_targets(sandbox: Sandbox, call: Call) -> Reply:
    """Return up to 50 targets per page, of one namespace and, if given, of some resources."""
    sandbox.advance()  # runs scheduled actions that are due
    wanted = call.body.get("ResourceIds")
    targets = [
        target
        for resource, target in sorted(sandbox.scalable_targets.items())
        if target["ServiceNamespace"] == call.body.get("ServiceNamespace") and (not wanted or resource in wanted)
    ]
    try:
        first = int(call.body.get("NextToken") or 0)
    except ValueError:
        raise ApiError("InvalidNextTokenException", "The next token is invalid.") from None
    size = min(int(call.body.get("MaxResults") or _PAGE), _PAGE)
    body: Json = {"ScalableTargets": targets[first : first + size]}
    return Reply(body | {"NextToken": str(first + size)} if len(targets) > first + size else body)


def deregister(sandbox: Sandbox, call: Call) -> Reply:
    """Delete the target with its policies and scheduled actions."""
    resource = _resource(call.body)
    if sandbox.scalable_targets.pop(resource, None) is None:
        raise ApiError("ObjectNotFoundException", f"No scalable target registered for resource ID: {resource}")
    sandbox.scaling_policies = [policy for policy in sandbox.scaling_policies if policy["ResourceId"] != resource]
    sandbox.scheduled_actions = [action for action in sandbox.scheduled_actions if action["ResourceId"] != resource]
    return Reply({})


def put_policy(sandbox: Sandbox, call: Call) -> Reply:
    """Store a policy. It is returned by reads and has no effect."""
    policy = _stored(sandbox, call, "PolicyName", "PolicyARN", "scalingPolicy")
    sandbox.scaling_policies = [p for p in sandbox.scaling_policies if p["PolicyARN"] != policy["PolicyARN"]] + [policy]
    return Reply({"PolicyARN": policy["PolicyARN"], "Alarms": []})


def put_scheduled_action(sandbox: Sandbox, call: Call) -> Reply:
    """Store an action. A one-time action runs at its time, see `adapters.sandbox.aws.autoscaling.scheduled_actions`."""
    check(str(call.body.get("Schedule", "")))
    action = _stored(sandbox, call, "ScheduledActionName", "ScheduledActionARN", "scheduledAction")
    arn = action["ScheduledActionARN"]
    sandbox.scheduled_actions = [a for a in sandbox.scheduled_actions if a["ScheduledActionARN"] != arn] + [action]
    return Reply({})


def delete_scheduled_action(sandbox: Sandbox, call: Call) -> Reply:
    """Delete one action; 400 if it does not exist."""
    resource, name = _resource(call.body), call.body.get("ScheduledActionName")
    others = [a for a in sandbox.scheduled_actions if (a["ResourceId"], a["ScheduledActionName"]) != (resource, name)]
    if len(others) == len(sandbox.scheduled_actions):
        raise ApiError("ObjectNotFoundException", f"No scheduled action found for resource ID: {resource}")
    sandbox.scheduled_actions = others
    return Reply({})


def describe_policies(sandbox: Sandbox, call: Call) -> Reply:
    """Return the policies, of one resource or all."""
    return Reply({"ScalingPolicies": _of(sandbox.scaling_policies, call)})


def describe_scheduled_actions(sandbox: Sandbox, call: Call) -> Reply:
    """Return the scheduled actions that have not run, of one resource or all."""
    sandbox.advance()  # runs scheduled actions that are due
    return Reply({"ScheduledActions": _of(sandbox.scheduled_actions, call)})


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("RegisterScalableTarget", register, mutating=True),
        Operation("DeregisterScalableTarget", deregister, mutating=True),
        Operation("DescribeScalableTargets", describe_targets),
        Operation("PutScalingPolicy", put_policy, mutating=True),
        Operation("DescribeScalingPolicies", describe_policies),
        Operation("PutScheduledAction", put_scheduled_action, mutating=True),
        Operation("DeleteScheduledAction", delete_scheduled_action, mutating=True),
        Operation("DescribeScheduledActions", describe_scheduled_actions),
    )
}


def _blank(sandbox: Sandbox, resource: str, call: Call) -> Json:
    return {
        "ServiceNamespace": str(call.body.get("ServiceNamespace", "")),
        "ResourceId": resource,
        "ScalableDimension": call.body["ScalableDimension"],
        "RoleARN": f"arn:aws:iam::{sandbox.settings.account}:role/aws-service-role/lambda.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency",
        "CreationTime": call.at.timestamp(),
        "SuspendedState": {
            "DynamicScalingInSuspended": False,
            "DynamicScalingOutSuspended": False,
            "ScheduledScalingSuspended": False,
        },
        "ScalableTargetARN": _arn(sandbox, f"scalable-target/{resource}"),
    }


def _move_into_range(sandbox: Sandbox, target: Json) -> None:
    match = RESOURCE.fullmatch(target["ResourceId"])
    hosted = sandbox.find(match["function"]) if match is not None else None
    if hosted is not None:
        move_into_range(hosted.function, target, sandbox.now_ms(), lambda: sandbox.preparation_ms(hosted))


def _resource(body: Json) -> str:
    if body.get("ScalableDimension") != DIMENSION or RESOURCE.fullmatch(str(body.get("ResourceId", ""))) is None:
        raise _validation(f"Unsupported service namespace, resource type or scalable dimension: {body.get('ScalableDimension')}")
    return str(body["ResourceId"])


def _stored(sandbox: Sandbox, call: Call, name: str, arn: str, kind: str) -> Json:
    resource = _resource(call.body)
    if resource not in sandbox.scalable_targets:
        raise ApiError("ObjectNotFoundException", f"No scalable target registered for resource ID: {resource}")
    generated = {arn: _arn(sandbox, f"{kind}/{resource}:{call.body.get(name, '')}"), "CreationTime": call.at.timestamp()}
    return dict(call.body) | generated


def _of(stored: list[Json], call: Call) -> list[Json]:
    wanted = call.body.get("ResourceId")
    return [item for item in stored if wanted in (None, item["ResourceId"])]


def _arn(sandbox: Sandbox, rest: str) -> str:
    return f"arn:aws:application-autoscaling:{sandbox.settings.region}:{sandbox.settings.account}:{rest}"


def _validation(message: str) -> ApiError:
    return ApiError("ValidationException", message)
