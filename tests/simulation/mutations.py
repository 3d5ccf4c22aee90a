"""Planted defects: each takes one safety mechanism away, and some seed must find it. What no seed finds is not tested."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta

import numpy as np

from adapters.aws.cloudwatch import proven_minutes
from adapters.pinging.keep_alive_loop import KeepAliveLoop
from adapters.ports.errors import AdapterError
from adapters.ports.lease_store import Fence
from adapters.push import inbox
from adapters.web import demand_page
from controller.daemon import failover
from controller.decision.planning import fleet_limits, guardrails, planner
from controller.decision.planning.dead_man import action, schedule
from controller.decision.planning.observation import DataFreshness
from controller.decision.planning.plan import Action, PlanDraft
from controller.decision.planning.pool_state.state import accepted
from controller.demand import collector, pool_group
from controller.fleet import builder, dead_man_switch, decision_log, fleet, reconciler, shutdown, top_layers
from controller.leadership import leader_election, leader_term
from controller.leadership.handover import read_handover
from controller.overrides import active_overrides
from controller.store import sqlite_file, state_store
from tests.simulation.invariants import Broken
from tests.simulation.run import swapped
from tests.simulation.seeds import outcome_of

Plant = Callable[[], AbstractContextManager[None]]


def without(*names: str) -> Plant:
    """The list of guardrails with some left out."""
    rest = tuple(each for each in guardrails.GUARDRAILS if each.__name__ not in names)
    return lambda: swapped(guardrails, "GUARDRAILS", rest)


def instead(place: object, name: str, value: object) -> Plant:
    """Another function in the place of one, which must exist: else a rename would show only when it is planted."""
    getattr(place, name)
    return lambda: swapped(place, name, value)


def with_step(name: str, value: Callable = lambda state, seen: state) -> Plant:
    """Another function in the place of a step of the state."""
    if name not in {each.__name__ for each in planner.STATE_STEPS}:
        raise AttributeError(name)
    return instead(planner, "STATE_STEPS", tuple(value if each.__name__ == name else each for each in planner.STATE_STEPS))


def _blind(context):
    proposal = context.seen.demand.proposal
    units = 0 if proposal is None else planner.whole_units(proposal.target)
    return PlanDraft(context.requested if units is None else units)


def _always_fresh(self, name, now):
    _, age = SIGHT(self, name, now)
    return DataFreshness.FRESH, age


def _always_writes(draft, capacity):
    return Action.HOLD if draft.held else Action.WRITE


async def _no_intent(self, pool, target, at):
    """Forgets to note what is about to be sent."""


async def _unrecorded(self, plans):
    """Shows decisions and keeps none."""


async def _waits_for_all(clock, tasks, seconds):
    if tasks:
        await asyncio.wait(tasks)


async def _reads_nothing_anew(self, demand, read=True, limits=None, leaving=None):
    if read and self.read_due(self._clock.now()):
        await self.read()
    decision = self._plan_within(demand, limits, leaving)
    if decision.plan.action is Action.WRITE and decision.plan.target is not None:
        return await self._write(decision, decision.plan.target)
    await self._save(decision.plan.state)
    return decision


async def _forgets_errors(self):
    throttled = await READ(self)
    if self.capacity is not None:
        self.error = None
    return throttled


def _takes_any_number(value):
    return int(value)


def _one_at_a_time_no_more(self, name, view, read):
    task = asyncio.create_task(self._step(name, view, read))
    self._hidden = [*getattr(self, "_hidden", ())[-500:], task]


def _unshadowed(lever, *others, **more):
    return lever


async def _errors_are_silence(self, now):
    await COLLECT(self, now)
    self.newest[:] = int(now.timestamp() // 60) - 1


async def _lets_errors_out(self, now):
    until = now.replace(second=0, microsecond=0)
    telemetry = await self.source.collect(self.pools, dict.fromkeys(self.pools, until), until)
    if not telemetry:
        raise AdapterError("nothing")
    await COLLECT(self, now)


def _unlocked(path):
    return os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)


def _endless(overrides, kind, now):
    return next((each for each in overrides if each.kind is kind), None)


async def _nothing_recalled(self, now):
    """Orders are forgotten by a restart."""


def _taken_for_done(self, decision, error):
    self.state = accepted(self.state, decision.plan.target or 0, self._clock.now())
    return replace(decision, plan=replace(decision.plan, state=self.state))


def _unchecked(connection, path):
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _all_at_once(self, made, now):
    return {}


def _to_come_is_fresh(self, name, now):
    sight, age = SIGHT(self, name, now)
    return (DataFreshness.FRESH if age is not None and age < timedelta(0) else sight), age


async def _fence_without_store(self, pool, target, state, at):
    return None if self.guard is None else Fence(self.number or 0, lambda: self.guard.check(self.number or 0))


async def _no_fence(self, pool, target, state, at):
    """Writes whoever leads."""


async def _tells_without_number(self, pool, state):
    """Tells the provider whoever leads."""


async def _told_to_nobody(self, pool, state, now):
    return True


async def _waits_for_no_term(self):
    there = await self._store.read()
    if there is None or there.holder != self.holder:
        await self._take(there)


async def _not_called_off(reconciler, clock):
    """The provider still does later what it was told before."""


def _without_end(*given):
    orders = ORDERS(*given)
    return orders[:-1] or orders


def _late(policy, at, *others):
    return ORDERS(policy, at + timedelta(hours=1), *others)


def _whatever_it_costs(policy, at, steps, most=None, told=()):
    return ORDERS(policy, at, steps, None, told)


def _of_sums(before, after, since, until):
    was, now = (sum(each.value for each in page.values()) for page in (before, after))
    return now - was if now >= was else now


def _bridged(self, first, end, *, trusting=False):
    """The rule of before: alive is what lies between two points of the region that are at most a quarter of an hour apart."""
    points = self.first + np.flatnonzero(self._invoked)
    minutes = np.arange(first, end)
    if not len(points):
        return minutes < 0
    after, before = np.searchsorted(points, minutes, "left"), np.searchsorted(points, minutes, "right") - 1
    inside = (after < len(points)) & (before >= 0)
    return inside & (points[np.minimum(after, len(points) - 1)] - points[np.maximum(before, 0)] <= 15)


def _each_to_the_ceiling(view, base, bounds, lost_share):
    return VIEW_OF_TOP(view, base, (bounds[0], 10**6), lost_share)


def _by_the_wall_clock(self):
    return 0.0 if self.next_at is None else (self.next_at - self._clock.now()).total_seconds()


def _granted_again(self, name, mode, requested):
    if name in self._granted:
        self._budgets[mode].give_back(self._granted.pop(name)[0])


def _ended_by_silence(self, at):
    EXPIRE(self, at)
    self.silent.clear()


VIEW_OF_TOP = top_layers.view_of_top
DUE, ORDERS = dead_man_switch.action_due, dead_man_switch.scheduled_changes
SIGHT, READ, COLLECT = collector.DemandCollector.freshness, reconciler.Reconciler.read, collector.DemandCollector.collect

UNJUDGED = (guardrails.standing_by, guardrails.announced, guardrails.prewarmed)
"""No lease is simulated in most seeds, and no invariant says what an announced event or an order to prewarm must come to."""

MUTATIONS: dict[str, Plant] = {
    **{f"without {each.__name__}": without(each.__name__) for each in guardrails.GUARDRAILS
       if each not in UNJUDGED},
    "blind, yet follows": instead(planner, "draft_without_metrics", _blind),
    "old metrics pass for fresh": instead(collector.DemandCollector, "freshness", _always_fresh),
    "an outage passes for silence": instead(collector.DemandCollector, "collect", _errors_are_silence),
    "a source's error ends a collection": instead(collector.DemandCollector, "collect", _lets_errors_out),
    "writes what is there": instead(planner, "action_of", _always_writes),
    "no intent is stored": instead(builder.AsyncStore, "save_intent", _no_intent),
    "an intent is never settled": with_step("resolve_intent", lambda state, seen: replace(state, intent=None)),
    "decisions are not recorded": instead(decision_log.DecisionLog, "note", _unrecorded),
    "waits for the slowest": instead(fleet, "wait_at_most", _waits_for_all),
    "no reading before a write": instead(reconciler.Reconciler, "step", _reads_nothing_anew),
    "a failed reading is no matter": instead(reconciler.Reconciler, "read", _forgets_errors),
    "takes any number for units": instead(planner, "whole_units", _takes_any_number),
    "several steps of a pool at once": instead(fleet.Fleet, "_start", _one_at_a_time_no_more),
    "a setting that is gone passes for a value": instead(guardrails, "is_gone", lambda context: False),
    "foreign writes go unseen": with_step("detect_foreign_write"),
    "shadow is not a shadow": instead(builder, "ShadowLever", _unshadowed),
    "a start trusts what it has not read": instead(collector.DemandCollector, "has_fresh_read", lambda self, name: True),
    "impossible demand is believed": instead(collector, "possible", lambda name, item, day: item),
    "counters are summed before they are differenced": instead(demand_page, "increase", _of_sums),
    "an outage of minutes is bridged": instead(proven_minutes.RegionActivity, "proved", _bridged),
    "lost points of one pool are idleness": instead(collector, "unlikely", lambda item, before: item),
    "minutes to come pass for fresh": instead(collector.DemandCollector, "freshness", _to_come_is_fresh),
    "a clock set back lengthens holds": with_step("without_future_instants"),
    "orders do not end": instead(guardrails, "active", _endless),
    "a restart forgets orders": instead(active_overrides.ActiveOverrides, "load", _nothing_recalled),
    "a restart forgets what was done": instead(state_store.Store, "load_states", lambda self: {}),
    "no answer passes for done": instead(reconciler.Reconciler, "_unconfirmed", _taken_for_done),
    "two daemons on one store": instead(sqlite_file, "take_lock", _unlocked),
    "a damaged state_store is not looked for": instead(sqlite_file, "examine", _unchecked),
    "a quota teaches nothing": instead(reconciler, "QuotaExceeded", type("Never", (Exception,), {})),
    "all may change in one tick": instead(fleet_limits.FleetLimits, "admit", _all_at_once),
    "a pool that has changed may change again": instead(fleet_limits.FleetLimits, "_withdraw", _granted_again),
    "a silent sender counts as ended": instead(inbox.PoolInbox, "_expire", _ended_by_silence),
    "a silent sender goes on as before": instead(inbox.PoolInbox, "_expire", lambda self, at: None),
    "a leader never doubts its lease": instead(leader_election.LeaderElection, "write_blocked", lambda self, number: None),
    "writes are not told to the lease store": instead(leader_term.LeaderTerm, "fence", _fence_without_store),
    "writes carry no fencing number": instead(leader_term.LeaderTerm, "fence", _no_fence),
    "orders carry no fencing number": instead(leader_term.LeaderTerm, "fence_fallback", _tells_without_number),
    "orders of a leader are forgotten by the next": instead(
        failover, "read_handover", lambda texts: replace(read_handover(texts), fallback_states={})),
    "doubts of a leader are forgotten by the next": instead(
        leader_term.FallbackState, "of", lambda state: leader_term.FallbackState(state.scheduled_fallback,
                                                                                 state.pending_fallback)),
    "what was found for ours is not told": instead(leader_term.LeaderTerm, "publish_confirmed", _told_to_nobody),
    "a successor waits for no term": instead(leader_election.LeaderElection, "_watch", _waits_for_no_term),
    "orders are not put off": instead(
        dead_man_switch, "action_due", lambda pool, now: None if pool.state.scheduled_fallback else DUE(pool, now)),
    "orders have no end": instead(dead_man_switch, "scheduled_changes", _without_end),
    "orders come late": instead(dead_man_switch, "scheduled_changes", _late),
    "what was there before is forgotten": with_step("note_original_request"),
    "orders rise whatever that costs": instead(dead_man_switch, "scheduled_changes", _whatever_it_costs),
    "orders stand over another's number": instead(action.FallbackInputs, "is_managed", True),
    "orders are not known before they are": instead(dead_man_switch, "with_pending", lambda state, orders, now: state),
    "what was ordered before is forgotten": instead(
        dead_man_switch, "with_confirmed",
        lambda state, changes, now: replace(state, scheduled_fallback=schedule.timed(changes), pending_fallback=())),
    "orders outlive an orderly end": instead(shutdown, "cancel_fallback", _not_called_off),
    "an end leaves what is there": instead(shutdown, "pools_to_release", lambda reconcilers: []),
    "both layers to the ceiling": instead(top_layers, "view_of_top", _each_to_the_ceiling),
    "pings go on through a pause": instead(top_layers, "pauses", lambda base: ()),
    "a restart forgets pings": instead(builder, "ResumesTarget", type("Never", (), {})),
    "a leader forgets pings": instead(reconciler, "ResumesTarget", type("Never", (), {})),
    "a clock set back stops pings": instead(KeepAliveLoop, "_seconds_left", property(_by_the_wall_clock)),
    "never comes down": instead(pool_group.PoolGroup, "view", lambda self, name, now: replace(VIEW(self, name, now),
                                                                                              settled=False)),
}
EXPIRE = inbox.PoolInbox._expire
VIEW = pool_group.PoolGroup.view


@contextmanager
def planted(name: str):
    """The defect called `name`, for a while."""
    with ExitStack() as stack:
        stack.enter_context(MUTATIONS[name]())
        yield


def find(name: str, seeds: Iterable[int]) -> tuple[int | None, Broken | None]:
    """The first of `seeds` that finds the defect, and what it says; None when none does."""
    with planted(name):
        for seed in seeds:
            broken = outcome_of(seed).broken
            if broken is not None:
                return seed, broken
    return None, None


def found(job: tuple[str, Sequence[int]]) -> tuple[str, int, int | None, str, float]:
    """Look for one planted defect: its name, seeds tried, the seed that found it, what that said, and the seconds it took."""
    name, seeds = job
    began = time.monotonic()
    seed, broken = find(name, seeds)
    tried = len(seeds) if seed is None else seeds.index(seed) + 1
    return name, tried, seed, str(broken), time.monotonic() - began
