"""Scalable targets of a region: those that scale an alias in addition to Stoker, and those that Stoker registered."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from adapters.aws.clients import Connections
from adapters.aws.errors import ApiCall
from adapters.aws.paging import all_pages
from adapters.ports.errors import PermissionDenied

SCALING = {"ServiceNamespace": "lambda", "ScalableDimension": "lambda:function:ProvisionedConcurrency"}
SWITCHES = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
ACTION = "stoker-dead-man"
"""Name of Stoker's first scheduled action, and prefix of the others."""


def is_our_action(name: str) -> bool:
    """Return whether `adapters.aws.autoscaling.scheduled_fallback` created a scheduled action."""
    return name == ACTION or name.startswith(f"{ACTION}-")


def is_ours(target: Mapping[str, Any]) -> bool:
    """Return whether `adapters.aws.autoscaling.scheduled_fallback` registered a target: its policies are suspended, and its
    minimum is 0 or, after an action has run, equal to its maximum.
    """
    suspended, least = target.get("SuspendedState") or {}, target.get("MinCapacity")
    return all(suspended.get(switch, False) for switch in SWITCHES[:2]) and least in (0, target.get("MaxCapacity"))


async def foreign_scalers(connections: Connections) -> dict[str, str]:
    """Return the owner of every target in the region that may change capacity and is not Stoker's, by resource, as display text.

    Reads pages of 50, which takes fewer calls than one for each pool. Scheduled actions are read only if a target is Stoker's.
    """
    targets = await _listed(connections, "describe_scalable_targets", "ScalableTargets",
                            f"scalable targets in {connections.place}")
    moving = [each for each in targets if not all((each.get("SuspendedState") or {}).get(switch, False) for switch in SWITCHES)]
    foreign = {str(each["ResourceId"]): f"Application Auto Scaling (a scalable target of {each['MinCapacity']} to "
               f"{each['MaxCapacity']})" for each in moving if not is_ours(each)}
    if len(foreign) == len(moving):
        return foreign
    try:
        actions = await _listed(connections, "describe_scheduled_actions", "ScheduledActions",
                                f"scheduled actions in {connections.place}")
    except PermissionDenied:  # needed only for `dead_man`: pools without it must work
        text = "Application Auto Scaling (a scalable target; its actions cannot be read: see `stoker iam`)"
        return foreign | {str(each["ResourceId"]): text for each in moving if is_ours(each)}
    resources = {str(each["ResourceId"]) for each in moving}
    return foreign | {str(each["ResourceId"]): f"Application Auto Scaling (the scheduled action {each['ScheduledActionName']})"
                      for each in actions if not is_our_action(each["ScheduledActionName"]) and each["ResourceId"] in resources}


async def _listed(connections: Connections, operation: str, key: str, resource: str) -> list[Mapping[str, Any]]:
    """Return all items. A missing list is an error: an empty one allows Stoker to write."""
    read = partial(connections.call, ApiCall("application-autoscaling", operation, resource))
    return await all_pages(read, {**SCALING, "MaxResults": 50}, lambda answer: list(answer[key]))
