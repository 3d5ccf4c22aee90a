"""What must hold at every write and after every tick, judged from outside: by what the daemon was told, not by what it thinks."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from adapters.ports.lever import Capacity, Phase
from adapters.ports.minute_rows import SILENCE
from config.model.layers import base_name
from config.model.limits import Limits
from config.model.policy import PoolPolicy, schedule_bounds
from controller.decision.planning.guardrails import FOREIGN_WRITE_QUIET, RETRY_FAILED
from controller.decision.planning.observation import PATIENCE
from controller.decision.planning.overrides_in_force import Kind
from controller.decision.planning.plan import Action, Plan, deciding_code
from controller.decision.planning.pool_state.foreign_writes import READ_AFTER_WRITE
from controller.decision.planning.pool_state.state import state_key
from controller.decision.planning.reason_codes import ReasonCode
from controller.fleet.collecting import COLLECT_SECONDS
from controller.fleet.fleet import STEP_SECONDS, Fleet
from controller.fleet.reconciler import CALL_TIMEOUT_SECONDS, LOOK_AGAIN
from controller.store.sqlite_file import StoreDamaged
from controller.store.state_store import Store
from forecasting.demand import minute_of
from tests.simulation.orders import OrderBook
from tests.simulation.virtual import VirtualClock

if TYPE_CHECKING:
    from tests.simulation.demand import SimSource
    from tests.simulation.provider import Resource, SimLever

ON_THE_WAY = timedelta(seconds=2 * CALL_TIMEOUT_SECONDS)
"""Between the view that a write was planned from and the write lie at most two calls."""

HOLDS = {ReasonCode.FOREIGN_WRITE: FOREIGN_WRITE_QUIET, ReasonCode.ALLOCATION_FAILED: 2 * RETRY_FAILED}
HOLD_SLACK_SECONDS = 180.0
"""From the end of a hold to the plan that shows it lie a tick or two, and a slow call."""

RECENT = 5
"""Minutes up to the newest known one that are compared with what came."""

LOST = 4
"""Newest minutes that are all missing forbid a fall for certain, whatever the metric delay was measured to be."""

PROMPT_SECONDS = 5.0
"""What planning takes where nothing is slow."""


class Broken(AssertionError):
    """An invariant does not hold. `rule` says which; `pool` where, if it is about one."""

    def __init__(self, rule: str, detail: str, pool: str | None = None) -> None:
        super().__init__(f"{rule}: {pool or 'the fleet'}: {detail}")
        self.rule, self.pool, self._given = rule, pool, (rule, detail, pool)

    def __reduce__(self):
        """A worker hands it over."""
        return Broken, self._given


def bounds(policy: PoolPolicy, at: datetime) -> tuple[int, int]:
    """Floor and ceiling at an instant."""
    low, high, _ = schedule_bounds(policy.schedules, at) if policy.schedules else (None, None, None)
    ceiling = policy.max if high is None else min(policy.max, high)
    return min(max(policy.min, low or 0), ceiling), ceiling


def steady(source: "SimSource", name: str) -> bool:
    """Return whether a pool is never idle before its last request, so that lost points of its own differ from idleness."""
    traffic = np.trim_zeros(source.traffic[name], "b")
    return bool(len(traffic) and traffic.min() > 0)


def brief(silent: np.ndarray) -> np.ndarray:
    """Return which minutes are in silences of at most `SILENCE` minutes. A longer one of a pool alone counts as idleness, also
    where points were lost right before the end of its traffic.
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], silent, [False])).astype(np.int8)))
    out = np.zeros(len(silent), bool)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        out[start:end] = end - start <= SILENCE
    return out


class Witness:
    """Sees every call of every daemon of one run. Raises nothing: what is wrong is kept in `broken`, the first of it counts."""

    def __init__(self, clock: VirtualClock, limits: Limits) -> None:
        self.clock, self.limits = clock, limits
        self.orders = OrderBook(clock, self.breach)
        self.broken: Broken | None = None
        self.store: Store | None = None
        self.fleet: Fleet | None = None
        self.disk_full = False
        self.ailing = self.spoilt = False
        """Whether the store has been found damaged: a restart puts it aside."""
        self.writes = 0
        self._tick_began = 0.0
        self._strange_at = -1.0
        """When a reading last showed what the daemon had not asked for."""
        self._changed: list[tuple[str, int]] = []
        """Each change of an active pool in this tick: its name, and by how many units."""
        self.trail: list[str] = []
        """Every write and every tick's end, for the digest of a run."""
        self.holding: dict[str, tuple[ReasonCode, int | None, float]] = {}
        """Pools that are held for a while: why, what is held, and since which second."""
        self.shown: list[tuple[str, datetime, int | None]] = []
        """Writes that were reported in this life while the store was well."""

    def breach(self, rule: str, detail: str, pool: str | None = None) -> None:
        if self.broken is None:
            self.broken = Broken(rule, f"{detail} (second {self.clock.seconds:.2f})", pool)

    # -- at each call --

    def read(self, resource: "Resource", capacity: Capacity) -> None:
        """A reading was answered: from here on somebody else's change is known."""
        known, now = resource.foreign_seen, self.clock.passed()
        mine = resource.taken is None or capacity.requested == resource.taken or capacity.requested in resource.open
        unasked = resource.taken is None and not resource.open and resource.shown not in (None, capacity.requested)
        if not mine or unasked:
            self._strange_at = self.clock.seconds
        resource.shown = capacity.requested
        if mine:
            resource.foreign_seen = None
        elif resource.foreign_at is not None and (known is None or known[1] != capacity.requested):
            early = resource.taken_at is not None and now - resource.taken_at < READ_AFTER_WRITE.total_seconds()
            resource.foreign_seen = None if early or resource.tardy else (now, capacity.requested)

    def write(self, lever: "SimLever", target: int) -> None:
        """A write is about to be sent."""
        resource, now = lever.resource, self.clock.now()
        policy, seen, name = resource.policy, resource.seen, resource.policy.name
        self.trail.append(f"{self.clock.seconds:.3f} {name} {target}")
        self.writes += 1
        if policy.mode != "active":
            self.breach("shadow writes nothing", f"{target} was sent", name)
        if lever.in_flight:
            self.breach("one write in flight per pool", f"{target} was sent while another was open", name)
        if self.store is None or self.store.intents().get(state_key(policy), (None,))[0] != target:
            self.breach("an intent is stored before each write", f"{target} was sent, no such intent is stored", name)
        instants = (now, now - timedelta(seconds=60), now - ON_THE_WAY)
        if self.clock.jumped_within(ON_THE_WAY.total_seconds()):
            instants = (*instants, now - timedelta(seconds=self.clock.wrong_by))
        allowed = [bounds(policy, at) for at in instants]
        low, high = min(low for low, _ in allowed), max(high for _, high in allowed)
        least = low if resource.told_allowed is None else min(low, resource.told_allowed)
        if seen is not None and self.limits != Limits():
            least, high = min(least, seen.capacity.requested), max(high, seen.capacity.requested)  # bounds wait their turn, too
        if not least <= target <= high:
            self.breach("within floor and ceiling", f"{target} is not within {low} and {high}", name)
        if seen is None:
            self.breach("read before write", f"{target} was sent before capacity was read", name)
        else:
            self._beside(resource, seen.capacity, seen.at, target, instants)
            self._within_limits(name, seen.capacity.requested, target)
            self._ordered(resource, seen.capacity.requested, target, allowed)
            self._moved(resource, seen.capacity.requested, target, min(low for low, _ in allowed), [high for _, high in allowed])
            wish = target > max(seen.capacity.requested, bounds(policy, now)[0])  # a floor that ends is none, nor is a pin
            if wish and not self.orders.may_hold(name, Kind.PIN):
                resource.raises.append((self.clock.passed(), target))
                del resource.raises[:-200]

    def _beside(self, resource: "Resource", known: Capacity, read_at: float, target: int, instants: tuple[datetime, ...]) -> None:
        """What else is going on with the resource."""
        name, policy = resource.policy.name, resource.policy
        if self.clock.seconds - read_at > LOOK_AGAIN.total_seconds() + PROMPT_SECONDS:
            late = f"{target} was sent {self.clock.seconds - read_at:.0f} s after the last reading"
            self.breach("read before write", late, name)
        if target == known.requested and known.phase is not Phase.FAILED:
            self.breach("an unchanged target makes no call", f"{target} was sent again", name)
        if known.foreign_owner:
            self.breach("another autoscaler is left alone", f"{target} was sent", name)
        if known.blocked:
            self.breach("no write into a deployment", f"{target} was sent", name)
        if known.phase is Phase.FAILED and target and known.changed_at and self._soon(resource, known.changed_at):
            self.breach("what failed is not asked for at once", f"{target} was sent", name)
        if resource.told_allowed is not None and target > max(resource.told_allowed, known.requested):
            self.breach("no more than the quota", f"{target} was sent, {resource.told_allowed} are allowed", name)
        if resource.foreign_seen and resource.policy.on_foreign_write == "yield":
            since, units = resource.foreign_seen
            ago = self.clock.passed() - since
            gone = not units and any(bounds(policy, at)[0] for at in instants)  # no value: its floor comes back at once
            if not gone and units == known.requested == resource.requested and ago < FOREIGN_WRITE_QUIET.total_seconds() - 1e-3:
                self.breach("a foreign write is not fought", f"{target} over {units}, seen {ago:.0f} s ago", name)

    def _soon(self, resource: "Resource", failed_at: datetime) -> bool:
        """Whether it is too soon after a failure; told far ahead of our clock, it is our own writes that count."""
        now, patience = self.clock.now(), RETRY_FAILED.total_seconds()
        if failed_at > now + RETRY_FAILED:
            return resource.taken_at is not None and self.clock.passed() - resource.taken_at < patience - 1e-3
        return now < failed_at + RETRY_FAILED

    def _moved(self, resource: "Resource", requested: int, target: int, floor: int, ceilings: list[int]) -> None:
        """How far a target may move, and when it may fall."""
        policy, name = resource.policy, resource.policy.name
        if self.orders.may_hold(name, Kind.PIN):
            return
        most = max(requested + (target if policy.max_step_up is None else policy.max_step_up), floor)
        if target > most and target != bounds(policy, self.clock.now())[0]:
            self.breach("no further than a step", f"{requested} to {target}", name)
        self._afforded(resource, target)
        parts = self.limits != Limits() and target > min(ceilings)  # on its way to the ceiling
        if target >= requested or target in ceilings or parts or policy.budget_usd_per_month is not None:
            return
        self.sighted(name, name, resource.slow_until, requested, target)
        if self.limits.in_usd:
            return
        if policy.max_step_down is not None and target < requested - policy.max_step_down:
            self.breach("no further than a step", f"{requested} to {target}", name)
        step, now = resource.facts.billing_step.total_seconds(), self.clock.passed()
        if resource.raised_at is not None and now - resource.raised_at < step - 1e-3:
            self.breach("what is paid for is not given back", f"{target} was sent", name)
        since = now - policy.scale_down_delay.total_seconds() + PROMPT_SECONDS
        highest = max((units for at, units in resource.raises if at > since), default=0)
        if policy.scale_down_delay and target < min(highest, requested):
            self.breach("no fall within the delay", f"{requested} to {target}, {highest} was wanted", name)

    def _afforded(self, resource: "Resource", target: int) -> None:
        policy, now = resource.policy, self.clock.now()
        price = self.fleet.reconcilers[policy.name].usd_per_unit_minute if self.fleet else 0.0
        falls = resource.seen is not None and target < resource.seen.capacity.requested and self.limits != Limits()
        if policy.budget_usd_per_month is None or not price or falls:  # a fall within the fleet's limits is done in parts
            return
        end = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        left = max(1.0, (end - now - ON_THE_WAY).total_seconds() / 60)
        if target > policy.budget_usd_per_month / (left * price) + 1 and target > bounds(policy, now)[0]:
            self.breach("within the budget", f"{target} was sent", policy.name)

    def sighted(self, name: str, pool: str, slow_until: float, requested: int, target: int) -> None:
        """A fall of `name`, a pool or its pings, needs demand of the pool that was read in this life and is not old."""
        if self.fleet is None:
            return
        intake = self.fleet.region_of[pool].collector
        source = intake.source
        if pool not in source.told:
            self.breach("a restart alone lowers nothing", f"{requested} to {target} before demand was read", name)
        age = self.clock.now() - datetime.fromtimestamp((source.delivered.get(pool, 0) + 1) * 60, self.clock.start.tzinfo)
        jumped = self.clock.jumped_within(ON_THE_WAY.total_seconds())  # its age was looked at before
        if age > intake.metric_delay + PATIENCE + ON_THE_WAY and not jumped:
            self.breach("missing metrics lower nothing", f"{requested} to {target}, demand is {age} old", name)
        prompt = self.clock.seconds - self._tick_began < PROMPT_SECONDS and slow_until < self.clock.seconds
        settled = minute_of(self.clock.now() - intake.metric_delay) + 1
        newest = np.arange(settled - LOST, settled)
        if prompt and not jumped and source.lost(pool if steady(source, pool) else None, newest).all():
            self.breach("missing minutes lower nothing", f"{requested} to {target}, the newest {LOST} minutes are missing", name)
        if age < -PATIENCE - ON_THE_WAY and not self.spoilt and not jumped:
            self.breach("minutes to come lower nothing", f"{requested} to {target}, demand is {-age} ahead of the clock", name)

    def _ordered(self, resource: "Resource", requested: int, target: int, allowed: list[tuple[int, int]]) -> None:
        """Whether an order is obeyed, as far as money and turns leave it."""
        name, policy = resource.policy.name, resource.policy
        pin = self.orders.in_force(name, Kind.PIN)
        lawful = {min(max(pin.units or 0, low), high) for low, high in allowed} if pin else {target}
        if policy.budget_usd_per_month is not None or self.limits != Limits():
            lawful.add(target)
        if resource.told_allowed is not None:
            lawful.add(max(resource.told_allowed, requested))
        self.orders.wrote(name, target, lawful)

    def _within_limits(self, name: str, requested: int, target: int) -> None:
        """What the whole fleet may change in a tick."""
        self._changed.append((name, abs(target - requested)))
        pools, units = self.limits.pools_per_tick, self.limits.units_per_tick
        changed, moved = len({each for each, _ in self._changed}), sum(size for _, size in self._changed)
        if pools is not None and changed > pools:
            self.breach("no more than the fleet may change", f"{changed} pools in a tick, {pools} are allowed", name)
        if units is not None and moved > units:
            self.breach("no more than the fleet may change", f"{moved} units in a tick, {units} are allowed", name)
        self._affordable(name, requested, target)

    def _affordable(self, name: str, requested: int, target: int) -> None:
        """What the whole fleet may cost an hour: nobody rises above a floor beyond that."""
        fleet, limit = self.fleet, self.limits.usd_per_hour
        if fleet is None or limit is None or target <= requested:
            return
        pools = {each: reconciler for each, reconciler in fleet.reconcilers.items() if reconciler.policy.mode == "active"}
        plans = [fleet.plans.get(each) for each in pools]
        unread = any(plan is None or plan.requested is None for plan in plans)
        if unread or any(each.capacity is None or each.error is not None for each in pools.values()):
            return  # what is not known cannot be counted
        if self._strange_at >= self._tick_began:
            return  # somebody else raised one while this was on its way
        policy, now = fleet.reconcilers[name].policy, self.clock.now()
        if target <= bounds(policy, now)[0] or any(self.orders.may_hold(name, kind) for kind in (Kind.PIN, Kind.BOOST)):
            return
        cost = sum(each.usd_per_unit_minute * 60 * (target if pool == name else each.capacity.requested)
                   for pool, each in pools.items())
        if cost > limit * (1 + 1e-6):
            self.breach("within the fleet's money", f"{target} was sent, {cost:.3f} USD an hour in all", name)

    def ticking(self) -> None:
        """A tick begins."""
        self._changed.clear()
        self._tick_began = self.clock.seconds
        self.orders.expire(sure=not self.disk_full and not self.ailing)

    def damaged(self, resources: Iterable["Resource"]) -> None:
        """The store is spoilt: nothing that was in it need be known any more."""
        self.spoilt = True
        self.shown.clear()
        self.holding.clear()
        self.orders.lost()
        for resource in resources:
            resource.foreign_seen, resource.raised_at, resource.tardy = None, None, True
            resource.raises.clear()
            resource.taken_at = None

    # -- after each tick --

    def ticked(self, fleet: Fleet, resources: dict[str, "Resource"], started: datetime, sleepy: set[int],
               busy: set[str]) -> None:
        """`sleepy`: regions whose source was slow or hung during the tick; `busy`: pools whose last step had not ended."""
        last = fleet.last
        if last is None or last.seconds > COLLECT_SECONDS + STEP_SECONDS + PROMPT_SECONDS:
            self.breach("a slow pool delays no other pool", f"a tick took {last.seconds if last else 0:.0f} s")
        for number, region in enumerate(fleet.regions):
            late = started + timedelta(seconds=PROMPT_SECONDS)
            for name in region.collector.pools:
                plan = fleet.plans.get(name)
                if name in busy or name in fleet.stepping or self.disk_full or self.ailing:
                    continue
                if plan is None or plan.at < started:
                    self.breach("a slow pool delays no other pool", "a tick passed without a plan", name)
                elif number not in sleepy and plan.at > late and resources[name].slow_until < self.clock.seconds:
                    self.breach("a slow pool delays no other pool", f"planned {plan.at - started} after the tick began", name)
        self._remembered(fleet)
        self._told(fleet, resources, started)
        self._counted(fleet)

    def _remembered(self, fleet: Fleet) -> None:
        """A minute whose points are missing is not known to be idle; of who is never idle, lost points of its own are no zero."""
        for region in fleet.regions:
            day, source = region.collector.day, region.collector.source
            minutes = np.arange(max(source.base, day.first_minute), day.end_minute)
            everywhere = source.lost(None, minutes)
            for name, row in region.collector.row.items():
                traffic = source.truth(name, minutes) > 0
                lost = everywhere
                if steady(source, name):
                    lost = source.lost(name, minutes)
                    lost = lost & (everywhere | brief(lost | ~traffic))
                lost = lost & traffic
                if lost.any() and (day.window(row, int(minutes[0]), day.end_minute).peak[lost] == 0).any():
                    self.breach("a lost minute is no zero", f"{int(lost.sum())} minutes with traffic are missing", name)

    def _told(self, fleet: Fleet, resources: dict[str, "Resource"], started: datetime) -> None:
        for name, plan in fleet.plans.items():
            resource = resources[name]
            if not started <= plan.at <= self.clock.now():  # of an earlier tick, or of a clock that was set back since
                continue
            accused = deciding_code(plan) is ReasonCode.FOREIGN_WRITE and plan.state.foreign_since is not None
            if accused and resource.foreign_at is None and not resource.tardy and not self._looks_late(resource):
                self.breach("no foreign write is reported without cause", plan.text, name)
            gone = plan.state.written and not plan.requested and bounds(resource.policy, plan.at)[0]
            if gone and deciding_code(plan) is ReasonCode.FOREIGN_WRITE and resource.policy.on_foreign_write == "yield":
                self.breach("a floor that is gone is back", plan.text, name)
            self._held(plan, resource)
            if base_name(name) == name:
                self.orders.planned(plan, self._tick_began)
            if plan.action is Action.WRITE and not self.disk_full and not self.ailing:
                self.shown.append((name, plan.at, plan.target))

    def _counted(self, fleet: Fleet) -> None:
        """What is stored of the newest minutes is not more than came."""
        for region in fleet.regions:
            intake, day = region.collector, region.collector.day
            for name, row in intake.row.items():
                end = int(day.newest[row]) + 1
                known = day.window(row, end - RECENT, end).invocations
                more = np.flatnonzero(known > intake.source.made(name, end - RECENT, end) + 0.5)
                if len(more):
                    self.breach("no request is counted that was not made", f"{known[more[0]]:.0f} in one minute", name)

    def _looks_late(self, resource: "Resource") -> bool:
        """Whether the last reading followed a change soon, with the clock set in between: if it lags, that cannot be known."""
        seen, changed, jumped = resource.seen, resource.changed_seconds, self.clock.jumped_at
        soon = seen is not None and seen.at - changed < READ_AFTER_WRITE.total_seconds()
        return soon and jumped is not None and changed <= jumped <= seen.at

    def _held(self, plan: Plan, resource: "Resource") -> None:
        """What holds for a while holds no longer than that, counted from when the clock was set last."""
        name, code, now = plan.pool, deciding_code(plan), self.clock.seconds
        longest = HOLDS.get(code, resource.facts.billing_step if code is ReasonCode.BILLING_STEP else None)
        if longest is None:
            self.holding.pop(name, None)
            return
        was = self.holding.get(name)
        since = was[2] if was is not None and was[:2] == (code, plan.requested) else now
        if code is ReasonCode.BILLING_STEP and resource.raised_seconds is not None and not resource.open:
            since = resource.raised_seconds
        since = max(since, resource.changed_seconds, self.clock.jumped_at or 0.0)
        self.holding[name] = (code, plan.requested, since)
        if now - since > longest.total_seconds() + HOLD_SLACK_SECONDS:
            self.breach("no hold outlasts its time", f"{code} for {now - since:.0f} s", name)

    def reborn(self, store: Store) -> None:
        """A new life: what the one before reported must be in the store."""
        self.store, self.fleet = store, None
        if store.moved_aside is not None:
            self.orders.lost()
        try:
            rows = store.decisions(limit=100_000) if self.shown else []
        except (StoreDamaged, ValueError):  # found only now; the next life begins without it
            self.ailing = True
        if self.shown and not self.ailing and store.moved_aside is None:
            kept = {(row["pool"], row["at"], row["target"]) for row in rows}
            for name, at, target in self.shown:
                if (name, at.isoformat(), target) not in kept:
                    self.breach("no reported decision is lost", f"{target} at {at}", name)
        self.shown.clear()
        self.holding.clear()

    def settled(self, resources: dict[str, "Resource"], resting: set[str]) -> None:
        """`resting`: pools that were seen at their floor since traffic ended."""
        for name, resource in resources.items():
            if resource.policy.mode == "active" and name not in resting:
                floor = bounds(resource.policy, self.clock.now())[0]
                left = f"{resource.requested} are left, the floor is {floor}"
                self.breach("when traffic stops, capacity comes down", left, name)
