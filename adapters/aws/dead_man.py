"""Scheduled actions of Application Auto Scaling that set provisioned concurrency when nobody puts them off any more.

What AWS documents, and what follows from it. Registering a scalable target moves capacity into its range, so the range is all
there is: from none to more than AWS sells. Scaling policies on it are suspended: the target does nothing but run the actions.
An action sets the range, and capacity moves into it. Once one has run, the target keeps that range; the next `arm` of a process
that has not armed since opens it again, so that it cannot be applied to what was set meanwhile.
Not documented, and not relied on: whether an action that has run stays listed.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC
from typing import Any

from adapters.aws.clients import Answer
from adapters.aws.control_plane import ControlPlane
from adapters.aws.scaling import ACTION, SCALING, SWITCHES, is_our_action, is_ours
from adapters.clock import Clock
from adapters.errors import Conflict, NotFound
from adapters.protocol import Order

WIDEST = 1_000_000
"""No capacity is above it, so that no registration lowers any."""


class DeadManSwitch:
    """Of one alias. Both methods raise `AdapterError`."""

    def __init__(self, plane: ControlPlane, clock: Clock, key: str, resource: str) -> None:
        self._plane, self._clock, self._resource = plane, clock, resource
        self._address = {**SCALING, "ResourceId": f"function:{key}"}
        self._armed: dict[str, Order | None] | None = None
        """The actions there are, in order of time, None of one whose order another process gave; None when they are not known."""

    async def arm(self, orders: Sequence[Order]) -> None:
        """See `adapters.protocol.Decays`. A call for each order that is new or put off, one for each that is left out; three more
        the first time, and when an action may have run.
        """
        there = self._armed
        if there is None or any(each is None or self._clock.now() >= each.at for each in there.values()):
            if (target := await self._target()) is not None and not is_ours(target):
                raise Conflict(f"{self._resource} has a scalable target of somebody else: dead_man leaves it alone; "
                               "deregister it, or take dead_man out of the policy")
            await self._register(scheduled=True)
            there = dict.fromkeys(filter(is_our_action, await self._listed()))
        self._armed = None  # until all of it is done
        wanted = named(orders)
        first, *later = wanted.items()
        # Cut short, the end is there before anything that rises ahead of it; and goes after all that did.
        for name, order in (*later[-1:], first, *reversed(later[:-1])):
            if there.get(name) != order:
                await self._put(name, order)
        for name in [each for each in there if each not in wanted]:
            await self._delete(name)
        self._armed = dict(wanted)

    def forget(self) -> None:
        """See `adapters.protocol.Decays`."""
        self._armed = None

    async def disarm(self) -> None:
        """Nothing of ours changes by itself any more. The target stays, suspended: to deregister it could take along more. Where
        somebody else uses it only our actions go.
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
        """With the widest range there is; policies are suspended, and so are scheduled actions unless `scheduled`."""
        suspended = {switch: switch != "ScheduledScalingSuspended" or not scheduled for switch in SWITCHES}
        await self._tell("register_scalable_target", MinCapacity=0, MaxCapacity=WIDEST, SuspendedState=suspended)

    async def _target(self) -> Mapping[str, Any] | None:
        """The alias's scalable target, if it has one, whosever it is."""
        targets = await self._ask("describe_scalable_targets", "ScalableTargets", ResourceIds=[self._address["ResourceId"]])
        return targets[0] if targets else None

    async def _listed(self) -> list[str]:
        """The names of the actions that are still to run, in order of time. There are no more of ours than a page."""
        actions = await self._ask("describe_scheduled_actions", "ScheduledActions", ResourceId=self._address["ResourceId"])
        return [str(each["ScheduledActionName"]) for each in sorted(actions, key=lambda each: str(each["Schedule"]))]

    async def _put(self, name: str, order: Order) -> None:
        schedule = f"at({order.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S})"
        await self._tell("put_scheduled_action", ScheduledActionName=name, Schedule=schedule,
                         ScalableTargetAction={"MinCapacity": order.least, "MaxCapacity": max(1, order.most)})

    async def _delete(self, name: str) -> None:
        with suppress(NotFound):
            await self._tell("delete_scheduled_action", ScheduledActionName=name)

    async def _ask(self, operation: str, key: str, **parameters: object) -> list[Any]:
        def listed(answer: Answer) -> list[Any]:
            return list(answer[key])  # an empty list says that there is nothing to take back: an absent one does not

        return await self._plane.scale(operation, self._resource, {**SCALING, **parameters}, listed, writes=False)

    async def _tell(self, operation: str, **parameters: object) -> None:
        await self._plane.scale(operation, self._resource, {**self._address, **parameters}, lambda _: None)


def named(orders: Sequence[Order]) -> dict[str, Order]:
    """Each order by the name of its action: the first, which moves on all the time, has one for good; the others, which stay at
    their time of day, are called by that.
    """
    return {ACTION if not at else f"{ACTION}-{order.at.astimezone(UTC):%H%M}": order for at, order in enumerate(orders)}
