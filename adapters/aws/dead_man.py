"""A scheduled action of Application Auto Scaling that lowers provisioned concurrency when nobody puts it off any more.

What AWS documents, and what follows from it. Registering a scalable target moves capacity into its range, so the range is all
there is: from none to more than AWS sells. Scaling policies on it are suspended: the target does nothing but run the one action.
The action sets the greatest capacity alone: what is above comes down to it, what is below stays. Once it has run, the target
keeps that greatest capacity; the next `arm` opens the range again, so that it cannot be applied to what was set since.
Not documented, and not relied on: whether an action that has run stays listed.
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from adapters.aws.control_plane import ControlPlane
from adapters.aws.scaling import ACTION, SCALING, SWITCHES, is_ours
from adapters.clock import Clock
from adapters.errors import Conflict, NotFound

WIDEST = 1_000_000
"""No capacity is above it, so that no registration lowers any."""


class DeadManSwitch:
    """Of one alias. Both methods raise `AdapterError`."""

    def __init__(self, plane: ControlPlane, clock: Clock, key: str, resource: str) -> None:
        self._plane, self._clock, self._resource = plane, clock, resource
        self._address = {**SCALING, "ResourceId": f"function:{key}"}
        self._armed: datetime | None = None

    async def arm(self, at: datetime, most: int) -> None:
        """At `at`, whatever is above `most` (1 or more) comes down to it, unless this is called again before. One call, two more
        the first time and when the action may have run.
        """
        if self._armed is None or self._clock.now() >= self._armed:
            await self._found()
            await self._register(scheduled=True)
        self._armed = None
        schedule = f"at({at.astimezone(UTC):%Y-%m-%dT%H:%M:%S})"
        await self._tell("put_scheduled_action", ScheduledActionName=ACTION, Schedule=schedule,
                         ScalableTargetAction={"MaxCapacity": max(1, most)})
        self._armed = at

    async def disarm(self) -> None:
        """Nothing comes down by itself any more. The target stays, suspended: to deregister it could take along more."""
        self._armed = None
        if not await self._found():
            return
        with suppress(NotFound):
            await self._tell("delete_scheduled_action", ScheduledActionName=ACTION)
        await self._register(scheduled=False)

    async def _register(self, scheduled: bool) -> None:
        """With the widest range there is; policies are suspended, and so are scheduled actions unless `scheduled`."""
        suspended = {switch: switch != "ScheduledScalingSuspended" or not scheduled for switch in SWITCHES}
        await self._tell("register_scalable_target", MinCapacity=0, MaxCapacity=WIDEST, SuspendedState=suspended)

    async def _found(self) -> bool:
        """Whether our target is registered; `Conflict` when it is somebody else's, which is never touched."""
        def shown(answer: Any) -> list[Any]:  # noqa: ANN401  (as the library answers)
            return list(answer["ScalableTargets"])

        parameters = {**SCALING, "ResourceIds": [self._address["ResourceId"]]}
        targets = await self._plane.scale("describe_scalable_targets", self._resource, parameters, shown, writes=False)
        if targets and not is_ours(targets[0]):
            raise Conflict(f"{self._resource} has a scalable target of somebody else: dead_man leaves it alone; "
                           "deregister it, or take dead_man out of the policy")
        return bool(targets)

    async def _tell(self, operation: str, **parameters: object) -> None:
        await self._plane.scale(operation, self._resource, {**self._address, **parameters}, lambda _: None)
