"""A provider that behaves, or misbehaves as the faults of the minute say; and the lever through which a daemon reaches it."""

import asyncio
import heapq
import itertools
import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from adapters.pinging.pinged import Pinged
from adapters.ports.errors import Conflict, OutcomeUnknown, PermissionDenied, QuotaExceeded, Throttled, Unreachable
from adapters.ports.lever import Capacity, Phase, Traits
from adapters.simulated import SimulatedCapacity
from config.model.policy import PoolPolicy
from tests.simulation.invariants import Witness
from tests.simulation.virtual import VirtualClock

FOR_EVER = 1e6
DELETES_BELOW = 14.0
"""A change by others of a lesser amount than this deletes the setting: one in five."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the provider last told the living daemon of a pool, and when on the monotonic clock."""

    capacity: Capacity
    at: float


class Resource:
    """The truth about one pool: it outlives daemons, and what was sent takes effect whether or not its sender lives."""

    def __init__(self, policy: PoolPolicy, clock: VirtualClock, seed: int) -> None:
        self.policy, self.clock = policy, clock
        self.dice = random.Random(f"resource {seed} {policy.name}")  # noqa: S311
        self.paper = SimulatedCapacity(timedelta(seconds=self.dice.choice((5, 60, 150))), self.dice.choice((0, 0, 2)))
        step = timedelta(minutes=self.dice.choice((0, 0, 5)))
        self.facts = (Traits(memory_mb=1024, vcpus=1.0) if policy.lever.kind.startswith("cloud-run")
                      else Traits(memory_mb=1024, billing_step=step))
        self.active: dict[str, float] = {}
        """The faults of the minute, by kind."""
        self.failed_at: datetime | None = None
        self.changed_at: datetime | None = None
        self.changed_seconds = 0.0
        self.foreign_at: float | None = None
        """When somebody else last changed it, in seconds."""
        self.tardy = False
        """Whether a request ever took effect after its sender had stopped waiting."""
        self.seen: Seen | None = None
        self.told_allowed: int | None = None
        self.shown: int | None = None
        """What a reading showed last, to whichever daemon."""
        self.raises: list[tuple[float, int]] = []
        self.raised_at: float | None = None
        self.raised_seconds: float | None = None
        self.taken: int | None = None
        """What the daemon was last told to have been taken."""
        self.taken_at: float | None = None
        self.open: set[int] = set()
        """What the daemon has sent since, and may have been taken."""
        self.foreign_seen: tuple[float, int] | None = None
        self.slow_until = 0.0
        self._stuck_ready: int | None = None
        self._effects: list[tuple[float, int, int]] = []
        self._order = itertools.count()
        self._past: list[tuple[float, int]] = [(-FOR_EVER, self.paper.requested)]

    @property
    def requested(self) -> int:
        self._settle()
        return self.paper.requested

    @property
    def deploying(self) -> bool:
        """Whether a write would be refused: a new version is on its way, or has a share of the traffic."""
        return "blocked" in self.active or self.active.get("moved", 0.0) > 0.5

    def begin(self, kind: str, amount: float) -> None:
        """A fault begins."""
        self._settle()
        self.active[kind] = amount
        if kind == "foreign":
            self._set(int(amount) if amount >= DELETES_BELOW else 0, self.clock.seconds)
            self.foreign_at = self.clock.seconds
        elif kind == "failed":
            self.failed_at = self.changed_at = self.clock.truth()
        elif kind == "moved":  # to another version: as many are asked for, and none of them is ready yet
            there = self.requested
            for units in (0, there):
                self.paper.request(units, self.clock.truth())
            self.changed_at = self.clock.truth()
        elif kind == "stuck":
            self._stuck_ready = self.paper.ready(self.clock.truth())

    def end(self, kind: str) -> None:
        self.active.pop(kind, None)
        if kind == "failed":
            self.failed_at = None

    def send(self, target: int, after: float) -> None:
        """A request is on its way and takes effect in so many seconds."""
        heapq.heappush(self._effects, (self.clock.seconds + after, next(self._order), target))

    def look(self, lagging: float = 0.0) -> Capacity:
        """What a reading says, as it was `lagging` seconds ago."""
        self._settle()
        then = self.clock.seconds - lagging
        requested = next(units for at, units in reversed(self._past) if at <= then)
        ready = min(requested, self.paper.ready(self.clock.truth()))
        if self._stuck_ready is not None and "stuck" in self.active:
            ready = min(ready, self._stuck_ready)
        phase = Phase.FAILED if self.failed_at else Phase.READY if ready == requested else Phase.IN_PROGRESS
        return Capacity(
            requested, ready, phase, self.clock.now(), changed_at=self.changed_at,
            foreign_owner="target tracking" if "owner" in self.active else None,
            blocked=Conflict(f"{self.policy.name}: a deployment is under way") if self.deploying else None)

    def answered(self, capacity: Capacity) -> None:
        """The daemon learns this now."""
        self.seen = Seen(capacity, self.clock.seconds)

    def forget(self) -> None:
        """The daemon is gone, and what it knew."""
        self.seen = self.told_allowed = None

    def _settle(self) -> None:
        while self._effects and self._effects[0][0] <= self.clock.seconds:
            at, _, target = heapq.heappop(self._effects)
            self._set(target, at)

    def _set(self, target: int, at: float) -> None:
        """It took effect at second `at`, perhaps long before anybody looks."""
        then = self.clock.truth() - timedelta(seconds=self.clock.seconds - at)
        if target != self.paper.requested or self.failed_at:
            self.changed_at, self.changed_seconds = then, at
        if self.failed_at:
            self.failed_at = then  # tried again, failed again
        self.paper.request(target, then)
        self._past.append((at, target))
        del self._past[:-20]
        self._past[0] = (-FOR_EVER, self._past[0][1])


class SimLever:
    """One daemon's way to a resource. Every call is watched."""

    kind = "simulated"

    def __init__(self, resource: Resource, witness: Witness, shared: Pinged | None = None) -> None:
        """`shared`: what it shares with the lever of the pings above it."""
        self.resource, self.witness, self.shared = resource, witness, shared
        self.in_flight = 0

    async def read(self) -> Capacity:
        await self._travel()
        capacity = self.resource.look(self.resource.active.get("stale", 0.0))
        self.resource.answered(capacity)
        self.witness.read(self.resource, capacity)
        return capacity if self.shared is None else self.shared.note_below(capacity)

    async def traits(self) -> Traits:
        await self._travel()
        resource = self.resource
        allowed = int(resource.active["quota"]) if "quota" in resource.active else None
        resource.told_allowed = allowed
        return replace(resource.facts, allowed=allowed)

    async def write(self, target: int) -> Capacity:
        self.witness.write(self, target)
        self.in_flight += 1
        try:
            return await self._write(self.resource, target)
        finally:
            self.in_flight -= 1

    async def _write(self, resource: Resource, target: int) -> Capacity:
        active, name, before = resource.active, resource.policy.name, resource.requested
        resource.open.add(target)
        await self._travel(target)
        if resource.deploying or "owner" in active:
            raise Conflict(f"{name}: something else is changing it")
        if "quota" in active and target > active["quota"]:
            resource.told_allowed = int(active["quota"])
            raise QuotaExceeded(f"{name}: the account has no room", allowed=int(active["quota"]))
        if "lost" in active:
            await asyncio.sleep(1.0)
            raise OutcomeUnknown(f"{name}: no answer")
        if "applied" in active or "tardy" in active:
            resource.send(target, active.get("tardy", 0.0))
            resource.tardy = resource.tardy or "tardy" in active
            await asyncio.sleep(2.0)
            raise OutcomeUnknown(f"{name}: no answer")
        there = resource.dice.choice((0.0, 0.05, 0.4))
        resource.send(target, there)
        await asyncio.sleep(there + resource.dice.choice((0.0, 0.05, 0.3)))
        raised = target > max(resource.taken or 0, before)
        resource.taken, resource.taken_at = target, resource.clock.passed()
        resource.open.clear()
        if raised:
            resource.raised_at, resource.raised_seconds = resource.clock.passed(), resource.clock.seconds
        capacity = resource.look()
        resource.answered(capacity)
        return capacity

    async def _travel(self, target: int | None = None) -> None:
        active, name = self.resource.active, self.resource.policy.name
        if "hang" in active:
            if target is not None:
                self.resource.send(target, 1.0)  # it arrived, the answer never does
            await asyncio.sleep(FOR_EVER)
        await asyncio.sleep(active.get("slow") or self.resource.dice.choice((0.0, 0.05, 0.3)))
        if "throttled" in active and (active["throttled"] < 1 or target is None):
            raise Throttled(f"{name}: too many requests")
        if "unreachable" in active and target is None:
            raise Unreachable(f"{name}: no answer")
        if "denied" in active:
            raise PermissionDenied(f"{name}: not allowed")
