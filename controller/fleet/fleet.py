"""The tick over all pools: collect, choose, reconcile; no pool and no provider waits for another."""

import asyncio
import heapq
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import structlog

from adapters.runtime.clock import Clock, wait_at_most
from config.model.limits import Limits
from config.model.policy import Assume
from controller.decision.costs.keep_alive import KeepAlive, keep_alive_of
from controller.decision.planning.fleet_limits import FleetLimits
from controller.decision.planning.observation import Bound, DemandView
from controller.decision.planning.plan import Action, Plan
from controller.decision.planning.pool_state import PoolState
from controller.decision.planning.reasons import ReasonCode
from controller.demand.pool_group import PoolGroup
from controller.fleet import shutdown
from controller.fleet.immediate_steps import ImmediateSteps
from controller.fleet.orphans import Orphans
from controller.fleet.reconciler import Reconciler
from controller.fleet.tick import PlannedEntry, TickBatch, TickReport, inputs_of, urgency
from controller.leadership.leader_term import NO_LEASE, LeaderTerm
from controller.store.sqlite_file import StoreError
from controller.telemetry.tracing import span

COLLECT_SECONDS = 20.0
"""How long a tick waits for demand before it plans from what is there; the collection goes on and serves the next tick."""

STEP_SECONDS = 15.0
"""How long a tick waits for providers before it reports; slower pools go on by themselves."""

GIVE_UP_SECONDS = 900.0
"""A collection that takes longer is given up and begun anew; a first one brings a fortnight of many pools."""

CLOSE_SECONDS = 20.0
"""How long an end waits for writes under way: containers are given half a minute. What is cut off is read at the next start."""

MOST_NAMED = 20
"""So many pools are named in one log line."""

BREATH = 200
"""After so many pools the event loop takes a turn for others."""

log = structlog.get_logger("stoker.fleet")


class DecisionSink(Protocol):
    """Where plans go once they are made."""

    async def note(self, plans: Sequence[PlannedEntry]) -> None:
        """Take in plans, each with the one before it and what it was made from; what is worth it is safe on return."""


class BatchMemory(Protocol):
    """Where the states of many pools are kept at once."""

    async def save_states(self, states: Mapping[str, PoolState]) -> None:
        """All or nothing; safe on return."""


class Fleet:
    """All pools of a policy. `tick` is called once a minute and never raises for what happens outside the process."""

    def __init__(self, regions: Iterable[PoolGroup], reconcilers: Mapping[str, Reconciler], clock: Clock, memory: BatchMemory,
                 journal: DecisionSink, limits: Limits | None = None, orphans: Orphans | None = None,
                 assume: Assume | None = None) -> None:
        self.orphans, self._assume = orphans or Orphans(), assume or Assume()
        self.regions, self.reconcilers = tuple(regions), dict(reconcilers)
        self.plans: dict[str, Plan] = {}
        self.inputs: dict[str, Mapping[str, Any]] = {}
        """What each of `plans` was made from."""
        self.faults: dict[str, str] = {}
        """Pools whose last step failed through a fault of ours or of the store, with the message."""
        self.store_error: str | None = None
        """Why the last thing that had to be stored could not be; None when it was."""
        self.last: TickReport | None = None
        self.tenure: LeaderTerm = NO_LEASE  # what each active pool enters with its next step
        self._clock, self._memory, self._journal = clock, memory, journal
        self.region_of = {name: region for region in self.regions for name in region.collector.pools}
        self._warned = set[str]()
        self._collecting: dict[int, asyncio.Task[None]] = {}
        self._stepping: dict[str, asyncio.Task[None]] = {}
        self.nudges = ImmediateSteps(self._stepping, self._soon)
        if missing := self.reconcilers.keys() ^ self.region_of.keys():
            raise ValueError(f"pools without a demand source or without a lever: {', '.join(sorted(missing))}")
        self.limiter = FleetLimits(limits or Limits(), {name: at for at, region in enumerate(self.regions)
                                                        for name in region.collector.pools})
        for name, each in self.reconcilers.items():
            self.limiter.expect(name, active=each.policy.mode == "active", units=each.state.written or 0,
                                price=each.usd_per_unit_minute)

    async def tick(self) -> TickReport:
        """One pass over the fleet; each region goes at its own pace."""
        started, began = self._clock.now(), self._clock.monotonic()
        self.limiter.begin()
        self.nudges.renew()
        counts = await asyncio.gather(*(self._tick_region(at, region, started) for at, region in enumerate(self.regions)))
        await wait_at_most(self._clock, list(self._stepping.values()), STEP_SECONDS)
        written = sum(plan.action is Action.WRITE and plan.at >= started and self.reconcilers[name].policy.mode == "active"
                      for name, plan in self.plans.items())
        planned, busy = sum(count[0] for count in counts), sum(count[1] for count in counts)
        self.last = TickReport(started, self._clock.monotonic() - began, planned, written, busy)
        return self.last

    async def close(self, leave: bool = False) -> bool:
        """Let writes under way finish, and with `leave` do as each policy's `on_exit` says; give up after `CLOSE_SECONDS`.
        Whether all have ended.
        """
        self.nudges.close()
        for task in self._collecting.values():
            task.cancel()
        due = shutdown.pools_to_release(self.reconcilers) if leave else []
        left = {name: asyncio.create_task(self._leave(name, self._stepping.get(name)), name=f"leave {name}") for name in due}
        tasks = [*self._stepping.values(), *left.values()]
        await wait_at_most(self._clock, tasks, CLOSE_SECONDS)
        ended = all(task.done() for task in tasks)
        if missed := [name for name, task in left.items() if not task.done() or not shutdown.is_released(self.plans.get(name))]:
            log.error("release-failed", pools=missed[:MOST_NAMED], total=len(missed),
                      text="not left as on_exit says: `stoker release` does it, or a daemon that runs again")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._collecting.values(), return_exceptions=True)
        await self._save({each.key: each.state for each in self.reconcilers.values() if each.state != PoolState()})
        return ended

    def view(self, name: str, now: datetime) -> DemandView:
        """What is known of a pool's demand, and what is proposed for it."""
        return self.region_of[name].view(name, now)

    def keep_alive(self, name: str) -> KeepAlive:
        """How long the on-demand units of a pool stay warm after use, as far as is known now."""
        reconciler = self.reconcilers[name]
        return keep_alive_of(reconciler.policy.lever.kind, self._assume, reconciler.traits.keep_alive)

    async def _tick_region(self, at: int, region: PoolGroup, started: datetime) -> tuple[int, int]:
        """Collect for a region, then plan its pools; how many were planned and how many were busy."""
        await self._collect(at, region, started)
        free = [name for name in region.collector.pools if name not in self._stepping]
        for name in free:
            self.reconcilers[name].start_term(self.tenure)
        reading = self._whose_turn(free, region.budget.reads)
        this = TickBatch()
        with span("plan", source=region.collector.source.kind, pools=len(free)):
            for count, name in enumerate(free):
                if count % BREATH == BREATH - 1:
                    await asyncio.sleep(0)  # noqa: TID251  (a turn for HTTP, not a wait)
                if name in self._stepping:  # nudged since
                    continue
                try:
                    self._one(name, name in reading, this)
                except Exception as error:  # a fault of ours in one pool must not stop the others
                    self.faults[name] = f"{type(error).__name__}: {error}"
                    log.exception("step-failed", pool=name)
            self._carry_on(at, region, this)
        await self._save(this.states)
        await self._note(this.planned)
        return len(free), len(region.collector.pools) - len(free)

    def _whose_turn(self, names: Sequence[str], most: int) -> set[str]:
        """The pools whose capacity is read in this tick: those due, changes under way first, then the longest unread."""
        now = self._clock.now()
        due = [name for name in names if self.reconcilers[name].read_due(now)]
        if len(due) > most:
            due = heapq.nsmallest(most, due, key=lambda name: self.reconcilers[name].turn)
        return set(due)

    def _one(self, name: str, read: bool, this: TickBatch) -> None:
        """Plan at once where no call is needed; a reading becomes a task of its own, a write one when its turn comes."""
        reconciler, now = self.reconcilers[name], self._clock.now()
        view = self.view(name, now)
        if read:
            self._start(name, view, read=True)
            return
        reconciler.plan(view, now)
        if reconciler.made is not None:
            this.made.append((reconciler.made, view))

    def _carry_on(self, at: int, region: PoolGroup, this: TickBatch) -> None:
        """Plans that change something and may begin a task of their own, the most urgent first; the others are done."""
        self.limiter.open_region(at, region.budget.writes)
        if self.limiter.limits.in_usd:
            self.limiter.note_worth(region.collector.pools, region.proposer.worth())
        bounds = self.limiter.admit([made for made, _ in this.made], self._clock.now())
        writes: list[tuple[Plan, DemandView]] = []
        for made, view in this.made:
            plan, reconciler = made.plan, self.reconcilers[made.plan.pool]
            if plan.pool in bounds or reconciler.state is not made.state:  # something was told the provider since it was planned
                plan = reconciler.plan(replace(view, bounds=bounds.get(plan.pool, ())), plan.at)
            if plan.action is Action.WRITE:
                writes.append((plan, view))
                continue
            if reconciler.accept_state(plan.state):
                this.states[reconciler.key] = plan.state
            this.planned.append((plan, self.plans.get(plan.pool), inputs_of(reconciler, plan)))
        for plan, view in sorted(writes, key=urgency, reverse=True):
            self._start(plan.pool, view, read=False)

    def _gate(self, reconciler: Reconciler, plan: Plan) -> tuple[Bound, ...]:
        """What the limits leave of a plan that a step has just made; that it would delete a setting of others is logged, once."""
        told = next((reason.text for reason in plan.reasons if reason.code is ReasonCode.DELETES_SETTING), None)
        if told is not None and plan.pool not in self._warned and reconciler.policy.mode == "active":
            self._warned.add(plan.pool)
            log.warning("deletes-setting", pool=plan.pool, text=told)
        made = reconciler.made
        return () if made is None else self.limiter.admit([made], self._clock.now()).get(made.policy.name, ())

    def _soon(self, name: str) -> None:
        self.reconcilers[name].start_term(self.tenure)
        self._start(name, self.view(name, self._clock.now()), read=True)

    def _start(self, name: str, view: DemandView, read: bool) -> None:
        if name in self._stepping:  # nudged since it was planned: that step plans anew, and two would write at once
            return
        task = asyncio.create_task(self._step(name, self.reconcilers[name], view, read), name=f"step {name}")
        self._stepping[name] = task
        task.add_done_callback(lambda _: self._ended(name))

    def _ended(self, name: str) -> None:
        self._stepping.pop(name, None)
        self.nudges.ended(name)

    async def _leave(self, name: str, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        await self._done(name, self.reconcilers[name], shutdown.release_pool(self.reconcilers[name], self._clock))

    async def _step(self, name: str, reconciler: Reconciler, view: DemandView, read: bool) -> None:
        with span("step", pool=name, mode=reconciler.policy.mode, read=read):
            await self._done(name, reconciler, reconciler.step(view, read, partial(self._gate, reconciler)))

    async def _done(self, name: str, reconciler: Reconciler, step: Coroutine[Any, Any, Plan]) -> None:
        """Carry a step to its end and record it."""
        try:
            plan = await step
            if reconciler.unstored is not None:
                self._store_failed(reconciler.unstored, pool=name)
            await self._note([(plan, self.plans.get(name), inputs_of(reconciler, plan))])
            self.faults.pop(name, None)
        except StoreError as error:
            self.faults[name] = str(error)
            self._store_failed(error, pool=name)
        except Exception as error:  # as above
            self.faults[name] = f"{type(error).__name__}: {error}"
            log.exception("step-failed", pool=name)

    async def _note(self, planned: Sequence[PlannedEntry]) -> None:
        """Record first, show then: a decision that was seen is not lost."""
        try:
            await self._journal.note(planned)
        except StoreError as error:
            self._store_failed(error)
        for plan, _, inputs in planned:
            self.plans[plan.pool], self.inputs[plan.pool] = plan, inputs

    async def _save(self, states: Mapping[str, PoolState]) -> None:
        if not states:
            return
        try:
            await self._memory.save_states(states)
            self.store_error = None
        except StoreError as error:
            self._store_failed(error)
            for reconciler in self.reconcilers.values():
                if reconciler.key in states:
                    reconciler.mark_unsaved()

    async def _collect(self, at: int, region: PoolGroup, now: datetime) -> None:
        if at not in self._collecting:
            task = asyncio.create_task(self._gather(region, now), name=f"collect {at}")
            self._collecting[at] = task
            task.add_done_callback(lambda _: self._collecting.pop(at, None))
        await wait_at_most(self._clock, [self._collecting[at]], COLLECT_SECONDS)

    async def _gather(self, region: PoolGroup, now: datetime) -> None:
        kind = region.collector.source.kind
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                if await region.gather(now):
                    self.store_error = None
        except TimeoutError:
            log.error("collect-abandoned", source=kind, seconds=GIVE_UP_SECONDS)  # noqa: TRY400
        except StoreError as error:
            self._store_failed(error, source=kind)
        except Exception:  # as above: one source's fault is its own
            log.exception("collect-failed", source=kind)

    def _store_failed(self, error: StoreError, **where: str) -> None:
        self.store_error = str(error)
        log.error("store-failed", error=str(error), **where)
