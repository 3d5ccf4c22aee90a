"""Application Auto Scaling in a region: who else scales an alias, and what of it is Stoker's own."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from adapters.aws.clients import Connections
from adapters.aws.errors import Asked
from adapters.aws.paging import all_pages
from adapters.ports.errors import PermissionDenied

SCALING = {"ServiceNamespace": "lambda", "ScalableDimension": "lambda:function:ProvisionedConcurrency"}
SWITCHES = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
ACTION = "stoker-dead-man"
"""The scheduled actions by which Stoker's own targets are known: this one, and others whose names begin so."""


def is_our_action(name: str) -> bool:
    """Whether a scheduled action is one that `adapters.aws.autoscaling.scheduled_fallback` puts."""
    return name == ACTION or name.startswith(f"{ACTION}-")


def is_ours(target: Mapping[str, Any]) -> bool:
    """Whether a target is as `adapters.aws.autoscaling.scheduled_fallback` leaves it: its policies suspended, and no least
    capacity, or, once an action of it has run, no other capacity than one.
    """
    suspended, least = target.get("SuspendedState") or {}, target.get("MinCapacity")
    return all(suspended.get(switch, False) for switch in SWITCHES[:2]) and least in (0, target.get("MaxCapacity"))


async def others(connections: Connections) -> dict[str, str]:
    """Every target in the region that may move capacity and is not ours, by resource, in words for people. In pages of 50: far
    fewer calls than one for each pool. Scheduled actions are asked for only where a target looks like ours.
    """
    targets = await _listed(connections, "describe_scalable_targets", "ScalableTargets",
                            f"scalable targets in {connections.region}")
    moving = [each for each in targets if not all((each.get("SuspendedState") or {}).get(switch, False) for switch in SWITCHES)]
    foreign = {str(each["ResourceId"]): f"Application Auto Scaling (a scalable target of {each['MinCapacity']} to "
               f"{each['MaxCapacity']})" for each in moving if not is_ours(each)}
    if len(foreign) == len(moving):
        return foreign
    try:
        actions = await _listed(connections, "describe_scheduled_actions", "ScheduledActions",
                                f"scheduled actions in {connections.region}")
    except PermissionDenied:  # needed for `dead_man` alone: nobody else's pool is to wait for it
        text = "Application Auto Scaling (a scalable target; what it runs may not be looked at: see `stoker iam`)"
        return foreign | {str(each["ResourceId"]): text for each in moving if is_ours(each)}
    resources = {str(each["ResourceId"]) for each in moving}
    return foreign | {str(each["ResourceId"]): f"Application Auto Scaling (the scheduled action {each['ScheduledActionName']})"
                      for each in actions if not is_our_action(each["ScheduledActionName"]) and each["ResourceId"] in resources}


async def _listed(connections: Connections, operation: str, key: str, resource: str) -> list[Mapping[str, Any]]:
    """The whole list. It must be in the answer: an empty one lets Stoker write, so an absent one is not taken for it."""
    ask = partial(connections.call, Asked("application-autoscaling", operation, resource))
    return await all_pages(ask, {**SCALING, "MaxResults": 50}, lambda answer: list(answer[key]))
