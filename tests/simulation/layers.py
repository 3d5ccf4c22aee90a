"""What must hold for layers of pings, at every write and ping and after every tick, judged from outside as in
`tests.simulation.invariants`.
"""

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adapters.ports.lever import Capacity
from config.model.layers import base_name
from controller.decision.planning.overrides_in_force import Kind
from controller.decision.planning.plan import Action, Plan
from controller.decision.planning.pool_state.state import state_key
from controller.decision.planning.reason_codes import ReasonCode
from controller.fleet.fleet import Fleet
from controller.fleet.reconciler import LOOK_AGAIN
from tests.simulation.invariants import ON_THE_WAY, PROMPT_SECONDS, Witness, bounds

if TYPE_CHECKING:
    from tests.simulation.pings import PingedUnits, PingLever
    from tests.simulation.provider import Resource

LATELY = ON_THE_WAY.total_seconds() + 180.0
"""What the base had within so many seconds may be what a plan of the pings counted on."""

NEXT_ROUND = 15 * 60 * 1.3
REFUSED = 3600 * 1.3
"""Seconds within which pings go on, and within which they are tried again after a refusal."""


class LayerWitness:
    """Sees every call and every ping of the layers above the bases of one run. `bases`: resources of the pools by name."""

    def __init__(self, witness: Witness, bases: Mapping[str, "Resource"]) -> None:
        self.witness, self.clock, self.bases = witness, witness.clock, bases
        self.over = False
        """Whether the daemon has stopped its pings, as it does at its end."""
        self._planned: set[str] = set()
        """Pools whose base had a plan when the tick began."""
        self._had: dict[str, deque[tuple[float, int]]] = {}
        """What each base had or was planned to have of late."""
        self._sums: dict[str, tuple[int, int]] = {}
        """By pool, the targets of both layers after the last tick where they exceeded the ceiling."""

    def read(self, resource: "PingedUnits", capacity: Capacity) -> None:
        """A reading was answered. The first of a life shows what the life before has asked for."""
        if not resource.read_in_this_life and not self.witness.spoilt:
            self._resumed(resource, capacity.requested)
        resource.read_in_this_life = True

    def _resumed(self, resource: "PingedUnits", kept: int) -> None:
        """A raise that was about to be sent may be resumed too."""
        store, taken = self.witness.store, resource.taken or 0
        intent = None if store is None else store.intents().get(state_key(resource.policy), (None,))[0]
        if kept not in {taken, max(taken, intent or 0)} | resource.open:
            self.witness.breach("a restart drops no pings", f"{kept} are kept, {taken} were asked for", resource.policy.name)

    def write(self, lever: "PingLever", target: int) -> None:
        """A write is about to be carried out."""
        resource, witness, now = lever.resource, self.witness, self.clock.now()
        policy, seen, name = resource.policy, resource.seen, resource.policy.name
        witness.trail.append(f"{self.clock.seconds:.3f} {name} {target}")
        witness.writes += 1
        if policy.mode != "active":
            witness.breach("shadow writes nothing", f"{target} was sent", name)
        if lever.in_flight:
            witness.breach("one write in flight per pool", f"{target} was sent while another was open", name)
        if witness.store is None or witness.store.intents().get(state_key(policy), (None,))[0] != target:
            witness.breach("an intent is stored before each write", f"{target} was sent, no such intent is stored", name)
        if witness.orders.in_force(base_name(name), Kind.PAUSE) is not None:
            witness.breach("an order is obeyed", f"{target} was sent while the pool is paused", name)
        if seen is None or self.clock.seconds - seen.at > LOOK_AGAIN.total_seconds() + PROMPT_SECONDS:
            witness.breach("read before write", f"{target} was sent without a new reading", name)
        else:
            self._beside(resource, seen.capacity, target)
        below = self.bases[base_name(name)]
        ceilings = [bounds(below.policy, at)[1]
                    for at in (now, now - timedelta(seconds=60), now - ON_THE_WAY, self.clock.truth())]
        had = [units for at, units in self._had.get(base_name(name), ()) if at >= self.clock.seconds - LATELY]
        least, most = min([below.requested, *had]), max([below.requested, *had])
        if target < 0 or target > max(0, max(ceilings) - least):
            witness.breach("both layers within the ceiling", f"{target} above {least}, {ceilings} are allowed", name)
        if seen is not None and target < seen.capacity.requested:
            self._falls(resource, seen.capacity.requested, target, min(ceilings) - most)

    def _falls(self, resource: "PingedUnits", requested: int, target: int, room: int) -> None:
        """`room`: what the ceiling surely leaves. Pings beyond it, and beyond the budget, are stopped also without demand."""
        policy = resource.policy
        spent = self.bases[base_name(policy.name)].policy.budget_usd_per_month is not None and target == 0
        if target < room and not spent:
            self.witness.sighted(policy.name, base_name(policy.name), resource.slow_until, requested, target)

    def _beside(self, resource: "PingedUnits", known: Capacity, target: int) -> None:
        name = resource.policy.name
        if target == known.requested:
            self.witness.breach("an unchanged target makes no call", f"{target} was sent again", name)
        if known.foreign_owner:
            self.witness.breach("another autoscaler is left alone", f"{target} was sent", name)
        if known.blocked:
            self.witness.breach("no write into a deployment", f"{target} was sent", name)
        if resource.told_allowed is not None and target > max(resource.told_allowed, known.requested):
            self.witness.breach("no more than the quota", f"{target} was sent, {resource.told_allowed} are allowed", name)

    def pinged(self, resource: "PingedUnits", count: int) -> None:
        """Pings are about to be sent."""
        name, policy = resource.policy.name, resource.policy
        resource.pinged_at = self.clock.seconds
        if "denied" in resource.active:
            resource.refused_at = self.clock.seconds
        if policy.mode != "active":
            self.witness.breach("shadow pings nothing", f"{count} pings were sent", name)
        if self.over:
            self.witness.breach("no ping outlives its daemon", f"{count} pings were sent after the end", name)

    def ticking(self, fleet: Fleet) -> None:
        """A tick begins."""
        self._planned = {name for name in fleet.tops if name in fleet.plans}
        self._note(fleet)

    def ticked(self, fleet: Fleet, tops: Mapping[str, "PingedUnits"], started: datetime, sleepy: set[int],
               busy: set[str]) -> None:
        """As `Witness.ticked`, of the tops alone."""
        self._note(fleet)
        regions = {region: number for number, region in enumerate(fleet.regions)}
        for pool, top in fleet.tops.items():
            name = top.policy.name
            resource, plan, base = tops[name], fleet.plans.get(name), fleet.plans.get(pool)
            self._going_on(resource)
            if self.witness.disk_full or self.witness.ailing:
                continue
            waits = name in busy or name in fleet.stepping
            if pool in self._planned and not waits:
                self._in_time(resource, plan, started, asleep=regions[fleet.region_of[pool]] in sleepy)
            self._within_ceiling(pool, name, (base, plan), started, busy=waits or pool in busy or pool in fleet.stepping)
            if plan is not None and started <= plan.at <= self.clock.now():
                self._ordered(pool, plan)

    def _note(self, fleet: Fleet) -> None:
        """Note what each base has and is to have."""
        for pool, top in fleet.tops.items():
            had, plan = self._had.setdefault(top.policy.layer_of, deque(maxlen=60)), fleet.plans.get(pool)
            had.append((self.clock.seconds, self.bases[pool].requested))
            if plan is not None and plan.target is not None:
                had.append((self.clock.seconds, plan.target))

    def _in_time(self, resource: "PingedUnits", plan: Plan | None, started: datetime, *, asleep: bool) -> None:
        """A layer waits for no other layer and no other pool."""
        name = resource.policy.name
        if plan is None or plan.at < started:
            self.witness.breach("a slow layer delays no other", "a tick passed without a plan", name)
        elif not asleep and plan.at > started + timedelta(seconds=PROMPT_SECONDS) and resource.slow_until < self.clock.seconds:
            self.witness.breach("a slow layer delays no other", f"planned {plan.at - started} after the tick began", name)

    def _within_ceiling(self, pool: str, name: str, plans: tuple[Plan | None, Plan | None], started: datetime, *,
                        busy: bool) -> None:
        """The sum of both targets is within the ceiling, one tick after the base has changed at the latest."""
        targets = None if busy else _followed(plans, started)
        was = self._sums.pop(name, None)
        if targets is None:
            return
        policy, now = self.bases[pool].policy, self.clock.now()
        ceiling = max(bounds(policy, at)[1] for at in (now, now - timedelta(seconds=60), started))
        if sum(targets) > max(ceiling, targets[0]):
            self._sums[name] = targets
            if was == targets:
                detail = f"{targets[0]} and {targets[1]}, {ceiling} are allowed"
                self.witness.breach("both layers within the ceiling", detail, name)

    def _ordered(self, pool: str, plan: Plan) -> None:
        """A pause holds this layer too, and no longer than it lasts."""
        paused = any(reason.code is ReasonCode.PAUSED for reason in plan.reasons)
        if paused and not self.witness.orders.may_hold_at(pool, Kind.PAUSE, plan.at):
            self.witness.breach("an order ends", plan.text, plan.pool)

    def _going_on(self, resource: "PingedUnits") -> None:
        """While units are to be kept, rounds go on."""
        now = self.clock.seconds
        patience = REFUSED if now - resource.refused_at < REFUSED else NEXT_ROUND
        if resource.held and resource.read_in_this_life and now - max(resource.pinged_at, resource.held_since) > patience:
            silent = f"{resource.held} are to be kept, the last ping was {now - resource.pinged_at:.0f} s ago"
            self.witness.breach("pings go on", silent, resource.policy.name)


def _followed(plans: tuple[Plan | None, Plan | None], started: datetime) -> tuple[int, int] | None:
    """Targets of both layers that were planned in this tick by a proposal; None where one is not."""
    targets = []
    for plan in plans:
        if plan is None or plan.at < started or plan.target is None or plan.action is Action.HOLD or \
                all(reason.code is not ReasonCode.PROPOSED for reason in plan.reasons):
            return None
        targets.append(plan.target)
    return targets[0], targets[1]
