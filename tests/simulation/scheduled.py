"""A provider that also carries out scheduled actions, as Application Auto Scaling does for one alias, and the ways to it.

The switch of `adapters.aws.autoscaling.scheduled_fallback` is the real one; this stands where the wire would.
"""

import asyncio
import heapq
import random
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from adapters.aws.autoscaling.scheduled_fallback import ScheduledFallback
from adapters.ports.errors import AdapterError, NotFound, OutcomeUnknown, Throttled, Unreachable
from adapters.ports.lever import Capacity
from adapters.sandbox.aws.autoscaling.scheduled_actions import due_ms
from config.model.policy import PoolPolicy
from controller.decision.planning.dead_man.schedule import SLOT
from controller.fleet.dead_man_switch import DeadManSwitch
from controller.forecasts.refresh_rotation import CapacityForecast
from forecasting.demand import minute_of
from tests.simulation.provider import FOR_EVER, Resource
from tests.simulation.virtual import VirtualClock

Range = tuple[int, int]
ANSWER_SECONDS = 12.0
"""So long a real client waits for an answer."""


class Judge(Protocol):
    """The world that a provider is in."""

    clock: VirtualClock

    def ordered(self, resource: "Scheduled") -> None:
        """The provider was told something."""


class Scheduled(Resource):
    """`target` and `actions` are what the provider was told; `carried_out` hears of each action that runs, when it does."""

    def __init__(self, policy: PoolPolicy, clock: VirtualClock, seed: int, carried_out: Callable[..., None]) -> None:
        super().__init__(policy, clock, seed)
        self.target: dict[str, Any] | None = None
        self.actions: dict[str, dict[str, Any]] = {}
        self.well_since = 0.0
        """Since when nothing is wrong with any call about it, in seconds; never while something is."""
        self.last_carried_out: float | None = None
        self.found: int | None = None
        """What was there before a daemon first wrote, since it was last released."""
        self._carried_out = carried_out

    @property
    def ordered(self) -> list[tuple[float, Range]]:
        """What is still to be done: seconds of the clock, least and most units, in order."""
        return sorted((self.second_of(each), (each["MinCapacity"], each["MaxCapacity"])) for each in self.actions.values())

    @property
    def patience(self) -> float:
        """After so many seconds, at most, the provider goes on without a daemon."""
        assert self.policy.dead_man is not None
        return self.policy.dead_man.after.total_seconds()

    @property
    def longest(self) -> float:
        """After so many all of it is done: what is planned for half hours, and a minute for whoever looks."""
        assert self.policy.dead_man is not None
        return self.patience + (self.policy.dead_man.follow + SLOT).total_seconds() + 60

    @property
    def suspended(self) -> bool:
        return self.target is None or self.target["SuspendedState"]["ScheduledScalingSuspended"]

    def second_of(self, action: Mapping[str, Any]) -> float:
        return (due_ms(action["Schedule"]) or 0) / 1000 - self.clock.start.timestamp()

    def begin(self, kind: str, amount: float) -> None:
        super().begin(kind, amount)
        if kind != "foreign":
            self.well_since = FOR_EVER

    def end(self, kind: str) -> None:
        super().end(kind)
        if not self.active:
            self.well_since = self.clock.seconds

    async def delay(self) -> None:
        """A call about it is on its way."""
        await asyncio.sleep(self.active.get("slow") or self.dice.choice((0.0, 0.05, 0.3)))

    async def swallow(self, writes: bool) -> None:
        """Where calls get lost, this one does."""
        if {"hang", "lost"} & self.active.keys():
            await asyncio.sleep(ANSWER_SECONDS)
            raise unanswered(writes)

    def _settle(self) -> None:
        due = [name for name, each in self.actions.items() if self.second_of(each) <= self.clock.seconds]
        for name in due:
            action = self.actions.pop(name)
            if not self.suspended:
                assert self.target is not None
                self.target |= {key: action[key] for key in ("MinCapacity", "MaxCapacity")}
                units = action["MinCapacity"], action["MaxCapacity"]
                heapq.heappush(self._effects, (self.second_of(action), next(self._order), units))
        super()._settle()

    def _set(self, target: int | Range, at: float) -> None:
        if isinstance(target, int):
            super()._set(target, at)
            return
        self.last_carried_out, before, (least, most) = at, self.paper.requested, target
        after = min(max(before, least), most)
        if after != before:
            super()._set(after, at)
        self._carried_out(self, at, before, after)


def unanswered(writes: bool) -> AdapterError:
    """What a real client makes of a call without an answer."""
    return OutcomeUnknown("no answer") if writes else Unreachable("no answer")


def told_of(seed: int, name: str, now: datetime) -> CapacityForecast:
    """A plan of a pool's next hours: not known now and then, and most often as it was before."""
    dice = random.Random(f"plan {seed} {name} {minute_of(now) // 20}")  # noqa: S311
    if dice.random() < 0.1:
        return CapacityForecast(None, "not known", None)
    first = minute_of(now) // 15 * 15
    base = random.Random(f"plan {seed} {name}")  # noqa: S311
    units = [max(0, base.randint(0, 40) + (dice.randint(-4, 4) if dice.random() < 0.3 else 0)) for _ in range(24)]
    return CapacityForecast([[first + 15 * at - minute_of(now), each] for at, each in enumerate(units)], None, now)


async def put_off(men: DeadManSwitch, breach: Callable[[str, str], None]) -> None:
    """A round of orders, of which nothing may come out but what is done."""
    try:
        await men.renew()
    except Exception as error:  # noqa: BLE001 - whatever leaves it, nothing is put off any more
        breach("no fault of ours", f"putting off ended with {type(error).__name__}: {error}")


class Plane:
    """Stands where `adapters.aws.lambda_.control_plane.ControlPlane` does, for one resource."""

    def __init__(self, resource: Scheduled, world: Judge) -> None:
        self._resource, self._world = resource, world

    async def call_scaling(self, operation: str, resource: str, parameters: Mapping[str, Any], digest: Callable[[Any], Any], *,
                           writes: bool = True) -> Any:
        """See there. An answer may be lost, and what it was about done or not."""
        active = self._resource.active
        if "throttled" in active:
            raise Throttled("too many requests")
        await self._resource.delay()
        await self._resource.swallow(writes)
        answer = getattr(self, f"_{operation}")(**parameters)
        self._resource._settle()
        self._world.ordered(self._resource)
        await asyncio.sleep(self._resource.dice.choice((0.0, 0.05)))
        if "applied" in active:
            raise unanswered(writes)
        return digest(answer)

    def _register_scalable_target(self, **given: Any) -> dict[str, Any]:
        self._resource.target = dict(given)
        return {}

    def _describe_scalable_targets(self, **_: Any) -> dict[str, Any]:
        target = self._resource.target
        return {"ScalableTargets": [] if target is None else [target]}

    def _describe_scheduled_actions(self, **_: Any) -> dict[str, Any]:
        self._resource._settle()
        return {"ScheduledActions": [{"ScheduledActionName": name, **each} for name, each in self._resource.actions.items()]}

    def _put_scheduled_action(self, **given: Any) -> dict[str, Any]:
        if self._resource.target is None:
            raise NotFound("no scalable target")
        self._resource._settle()
        bounds = given["ScalableTargetAction"]
        self._resource.actions[given["ScheduledActionName"]] = {"Schedule": given["Schedule"], **bounds}
        return {}

    def _delete_scheduled_action(self, **given: Any) -> dict[str, Any]:
        self._resource._settle()
        if self._resource.actions.pop(given["ScheduledActionName"], None) is None:
            raise NotFound("no such action")
        return {}


class ArmedLever:
    """One daemon's way to a resource, and the real switch beside it."""

    kind = "simulated"

    def __init__(self, resource: Scheduled, world: Judge) -> None:
        self.resource = resource
        key = f"{resource.policy.name}:live"
        switch = ScheduledFallback(Plane(resource, world), world.clock, key, resource.policy.name)
        self.arm, self.forget, self.disarm = switch.arm, switch.forget, switch.disarm

    async def traits(self) -> object:
        return self.resource.facts

    async def read(self) -> Capacity:
        await self._travel(writes=False)
        return self.resource.look()

    async def write(self, target: int) -> Capacity:
        if self.resource.found is None:
            self.resource.found = self.resource.requested
        await self._travel(writes=True)
        self.resource.send(target, 0.0)
        if "applied" in self.resource.active:
            raise unanswered(writes=True)
        await asyncio.sleep(self.resource.dice.choice((0.0, 0.05, 0.3)))
        self.resource.taken, self.resource.taken_at = target, self.resource.clock.seconds
        return self.resource.look()

    async def _travel(self, writes: bool) -> None:
        await self.resource.delay()
        if "throttled" in self.resource.active:
            raise Throttled("too many requests")
        await self.resource.swallow(writes)
