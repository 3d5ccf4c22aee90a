"""Scheduled actions of Application Auto Scaling that set provisioned concurrency unless the daemon postpones them.

AWS documents the following. Registering a scalable target moves capacity into its range, so Stoker registers the widest range:
from 0 to more than AWS sells. Scaling policies on the target are suspended: it only runs the actions. An action sets the range,
and capacity moves into it. After an action has run, the target keeps that range; the next `arm` of a process that has not armed
since registers the widest range again, so that the old range is not applied to capacity that was set later.
AWS does not document whether an action that has run stays listed; Stoker does not rely on it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC
from typing import Any

from adapters.aws.autoscaling.scaling_policies import ACTION, SCALING, SWITCHES, is_our_action, is_ours
from adapters.aws.clients import Answer
from adapters.aws.lambda_.control_plane import ControlPlane
from adapters.ports.errors import Conflict, NotFound
from adapters.ports.lever import ScheduledChange
from adapters.runtime.clock import Clock

WIDEST = 1_000_000
"""Above any capacity, so that registering lowers none."""


class ScheduledFallback:
    """Dead-man switch of one alias. `arm` and `disarm` raise `AdapterError`."""

    def __init__(self, plane: ControlPlane, clock: Clock, key: str, resource: str) -> None:
        self._plane, self._clock, self._resource = plane, clock, resource
        self._address = {**SCALING, "ResourceId": f"function:{key}"}
        self._armed: dict[str, ScheduledChange | None] | None = None
        """Existing actions in order of time (value None: set by another process); None when they are not known."""

    async def arm(self, changes: Sequence[ScheduledChange]) -> None:
        """Schedule `changes`: one call for each new, postponed or removed one; 3 more the first time and when an action may have
        run. See `adapters.ports.lever.SchedulesFallback`.
        """
        existing = self._armed
        if existing is None or any(each is None or self._clock.now() >= each.at for each in existing.values()):
            if (target := await self._target()) is not None and not is_ours(target):
                raise Conflict(f"{self._resource} has a scalable target that Stoker did not register: "
                               "deregister it, or remove dead_man from the policy")
            await self._register(scheduled=True)
            existing = dict.fromkeys(filter(is_our_action, await self._listed()))
        self._armed = None  # until all calls succeed
        wanted = named(changes)
        first, *later = wanted.items()
        # If interrupted, the final action exists before any action that raises capacity, and is removed after them.
        for name, change in (*later[-1:], first, *reversed(later[:-1])):
            if existing.get(name) != change:
                await self._put(name, change)
        for name in [each for each in existing if each not in wanted]:
            await self._delete(name)
        self._armed = dict(wanted)

    def forget(self) -> None:
        """Discard the known actions. See `adapters.ports.lever.SchedulesFallback`."""
        self._armed = None

    async def disarm(self) -> None:
        """Cancel Stoker's scheduled actions. The target stays registered and suspended: deregistering it could remove other
        settings. If another tool uses it, only Stoker's actions are deleted.
        """
        self._armed = None
        if (target := await self._target()) is None:
            return
        names = await self._listed()
        if names and is_ours(target) and all(map(is_our_action, names)):
            await self._register(scheduled=False)
        for name in filter(is_our_action, names):
            await self._delete(name)

    async def _register(self, scheduled: bool) -> None:
        """Register the target with the widest range; suspend policies, and scheduled actions unless `scheduled`."""
        suspended = {switch: switch != "ScheduledScalingSuspended" or not scheduled for switch in SWITCHES}
        await self._write("register_scalable_target", MinCapacity=0, MaxCapacity=WIDEST, SuspendedState=suspended)

    async def _target(self) -> Mapping[str, Any] | None:
        """Return the alias's scalable target of any owner; None if it has none."""
        targets = await self._read("describe_scalable_targets", "ScalableTargets", ResourceIds=[self._address["ResourceId"]])
        return targets[0] if targets else None

    async def _listed(self) -> list[str]:
        """Return the names of pending actions, in order of time. Stoker's actions fit on one page."""
        actions = await self._read("describe_scheduled_actions", "ScheduledActions", ResourceId=self._address["ResourceId"])
        return [str(each["ScheduledActionName"]) for each in sorted(actions, key=lambda each: str(each["Schedule"]))]

    async def _put(self, name: str, change: ScheduledChange) -> None:
        schedule = f"at({change.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S})"
        await self._write("put_scheduled_action", ScheduledActionName=name, Schedule=schedule,
                         ScalableTargetAction={"MinCapacity": change.least, "MaxCapacity": max(1, change.most)})

    async def _delete(self, name: str) -> None:
        with suppress(NotFound):
            await self._write("delete_scheduled_action", ScheduledActionName=name)

    async def _read(self, operation: str, key: str, **parameters: object) -> list[Any]:
        def listed(answer: Answer) -> list[Any]:
            return list(answer[key])  # an empty list means no actions; an absent list is an error

        return await self._plane.call_scaling(operation, self._resource, {**SCALING, **parameters}, listed, writes=False)

    async def _write(self, operation: str, **parameters: object) -> None:
        await self._plane.call_scaling(operation, self._resource, {**self._address, **parameters}, lambda _: None)


def named(changes: Sequence[ScheduledChange]) -> dict[str, ScheduledChange]:
    """Return the changes by action name: the first change, which is postponed continuously, has a fixed name; the names of the
    others contain their time of day.
    """
    return {ACTION if not at else f"{ACTION}-{change.at.astimezone(UTC):%H%M}": change for at, change in enumerate(changes)}
