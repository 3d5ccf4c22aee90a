"""Layers of pings: units above a base that the provider may stop at any time, and the lever that keeps them warm with the rounds
of `adapters.pinging`. What was asked for is known to the daemon alone, and gone with it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from adapters.pinging.keep_alive_loop import KeepAliveLoop
from adapters.pinging.ping_interval import IdleTimeoutEstimator
from adapters.pinging.pinged import Pinged
from adapters.pinging.results import PingResult
from adapters.ports.errors import AdapterError, Conflict, PermissionDenied, QuotaExceeded, Refused, Throttled, Unreachable
from adapters.ports.lever import Capacity, Phase, PingRounds, PingsSent, Traits
from config.model.layers import TopPolicy
from tests.simulation.provider import FOR_EVER, Resource, SimLever
from tests.simulation.virtual import VirtualClock

if TYPE_CHECKING:
    from tests.simulation.layers import LayerWitness

HOLD, INIT_SECONDS, PING_TIMEOUT = 0.075, 8.0, 60.0
LIVES = (270.0, 600.0, 1800.0)
"""Seconds after which the provider stops an idle unit."""


@dataclass(slots=True)
class Unit:
    """A unit of the provider: until when it is taken, and until when it lives if nobody uses it, in seconds."""

    name: str
    busy_until: float
    lives_until: float


class PingedUnits(Resource):
    """The truth about a layer of pings. `held`: how many the living daemon keeps; `base`: the provisioned units of the pool."""

    def __init__(self, policy: TopPolicy, clock: VirtualClock, seed: int, base: Resource) -> None:
        super().__init__(policy, clock, seed)
        self.facts, self.base = Traits(memory_mb=1024), base
        self.held = 0
        self.read_in_this_life = False
        self.pinged_at = self.held_since = 0.0
        """When the last ping was sent, and since when any unit is to be kept, in seconds."""
        self.refused_at = -FOR_EVER
        """When pings were last refused: the loop tries again after an hour."""
        self._life = self.dice.choice(LIVES)
        self._units: list[Unit] = []
        self._number = self._version = 0

    @property
    def requested(self) -> int:
        return self.held

    @property
    def generation(self) -> str:
        return str(self._version)

    def begin(self, kind: str, amount: float) -> None:
        """A fault begins. After a deployment, and where the provider stops idle units, none is left."""
        self.active[kind] = amount
        if kind in ("moved", "reclaimed"):
            self._units.clear()
            self._version += kind == "moved"

    def forget(self) -> None:
        super().forget()
        self.held, self.read_in_this_life = 0, False

    def hold(self, units: int) -> None:
        """The living daemon keeps so many from now on."""
        if not self.held:
            self.held_since = self.clock.seconds
        self.held = units

    def serve(self, count: int, hold: float) -> list[PingResult]:
        """Take `count` pings at once: the base serves them first, then units that are warm and free, then others that start."""
        now = self.clock.seconds
        self._units = [each for each in self._units if each.lives_until > now or each.busy_until > now]
        free = [each for each in self._units if each.busy_until <= now]
        below = min(count, self.base.look().ready)
        answers = [PingResult(now, now + hold + 0.01, hold, False, f"base {at}", self.generation, below=True)
                   for at in range(below)]
        for _ in range(count - below):
            cold = not free
            if cold:
                self._number += 1
                self._units.append(Unit(f"unit {self._number}", now, now))
            unit, took = self._units[-1] if cold else free.pop(), hold + (INIT_SECONDS if cold else 0.0)
            unit.busy_until, unit.lives_until = now + took, now + took + self._life
            answers.append(PingResult(now, now + took + 0.01, took, cold, unit.name, self.generation,
                                      INIT_SECONDS if cold else None, below=False))
        return answers


class SimPinger:
    """Sends pings for one daemon, as `adapters.pinging.rounds.Pinger`."""

    hold, fixed = HOLD, False

    def __init__(self, resource: PingedUnits, witness: "LayerWitness") -> None:
        self.resource, self.witness = resource, witness

    async def canary(self) -> PingResult:
        answer, = await self.burst(1, 0.001)
        if isinstance(answer, AdapterError):
            raise answer
        return answer

    async def burst(self, count: int, hold: float) -> Sequence[PingResult | AdapterError]:
        self.witness.pinged(self.resource, count)
        active, name = self.resource.active, self.resource.policy.name
        if "hang" in active:
            await asyncio.sleep(PING_TIMEOUT)
            return [Unreachable(f"{name}: no answer")] * count
        await asyncio.sleep(min(active.get("slow", 0.02), PING_TIMEOUT))
        for kind, error in (("denied", PermissionDenied), ("throttled", Throttled), ("unreachable", Unreachable)):
            if kind in active:
                return [error(f"{name}: {kind}")] * count
        answers = self.resource.serve(count, hold)
        await asyncio.sleep(max(each.occupied for each in answers) + 0.01)
        lost = Unreachable(f"{name}: no answer")
        return [lost if "lost" in active and at % 2 else each for at, each in enumerate(answers)]


class PingLever(SimLever):
    """One daemon's way to a layer of pings, as `adapters.aws.lambda_.ping_lever`: no call but a raise's reaches the provider."""

    def __init__(self, resource: PingedUnits, witness: "LayerWitness", shared: Pinged, rng: np.random.Generator) -> None:
        super().__init__(resource, witness)
        settings = resource.policy.lever
        life = IdleTimeoutEstimator(settings.pause, settings.longest_pause)
        self.keeper = KeepAliveLoop(SimPinger(resource, witness), resource.clock, rng, life, shared)

    def resume(self, target: int) -> None:
        self.keeper.target = target
        self.resource.hold(target)

    def resume_life(self, life: timedelta) -> None:
        self.keeper.idle_timeout.life.assume(life)

    def rounds(self) -> PingRounds:
        return self.keeper.rounds.measured

    def pings_sent(self) -> tuple[int, Mapping[int, PingsSent]]:
        return self.keeper.rounds.sent

    async def read(self) -> Capacity:
        await self._travel()
        self.keeper.start()
        capacity = self._capacity()
        self.resource.answered(capacity)
        self.witness.read(self.resource, capacity)
        return capacity

    async def _write(self, resource: PingedUnits, target: int) -> Capacity:
        resource.open.add(target)
        if target > self.keeper.target:
            await self._prepare(resource, target)
        self.keeper.want(target)
        resource.hold(target)
        resource.taken, resource.taken_at = target, resource.clock.passed()
        resource.open.clear()
        capacity = self._capacity()
        resource.answered(capacity)
        return capacity

    async def _prepare(self, resource: PingedUnits, target: int) -> None:
        await self._travel()
        if resource.deploying or "owner" in resource.active:
            raise Conflict(f"{resource.policy.name}: something else is changing it")
        if target > resource.active.get("quota", FOR_EVER):
            resource.told_allowed = int(resource.active["quota"])
            raise QuotaExceeded(f"{resource.policy.name}: no room", allowed=resource.told_allowed)
        await self.keeper.rounds.canary()

    def _capacity(self) -> Capacity:
        keeper, now = self.keeper, self.resource.clock.now()
        ready = keeper.ready(now)
        refused = keeper.error if isinstance(keeper.error, Refused) else None
        blocked = Conflict(f"{self.resource.policy.name}: a deployment is under way") if self.resource.deploying else refused
        return Capacity(keeper.target, ready, Phase.READY if ready >= keeper.target else Phase.IN_PROGRESS, now,
                        foreign_owner="target tracking" if "owner" in self.resource.active else None, blocked=blocked,
                        detail=keeper.detail)
