"""Tick over all pools: collect demand, propose, reconcile. No pool and no provider delays another."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from adapters.runtime.clock import Clock, wait_at_most
from config.model.limits import Limits
from config.model.policy import Assume
from controller.decision.costs.keep_alive import KeepAlive, keep_alive_of
from controller.decision.planning.fleet_limits import FleetLimits
from controller.decision.planning.observation import Bound, DemandView
from controller.decision.planning.plan import Action, Plan, PlannedDecision
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import ReasonCode
from controller.demand.lead_signals import LeadSignals
from controller.demand.pool_group import PoolGroup
from controller.fleet import shutdown
from controller.fleet.collecting import Collecting
from controller.fleet.immediate_steps import ImmediateSteps
from controller.fleet.orphans import Orphans
from controller.fleet.readings import due_readings
from controller.fleet.reconciler import Reconciler
from controller.fleet.tick import BatchMemory, DecisionSink, PlannedEntry, TickBatch, TickReport, inputs_of, urgency
from controller.fleet.top_layers import TopLayers
from controller.leadership.leader_term import NO_LEASE, LeaderTerm
from controller.store.sqlite_file import StoreError
from controller.telemetry.tracing import span

STEP_SECONDS = 15.0
"""Time that a tick waits for providers before it reports; steps of slower pools continue in the background."""

CLOSE_SECONDS = 20.0
"""Time that a shutdown waits for writes in progress; containers get 30 s. The next start reads the outcome of writes cut off."""

MOST_NAMED = 20
"""Most pools named in one log line."""

YIELD_EVERY = 200
"""Pools planned before other tasks of the event loop run."""

log = structlog.get_logger("stoker.fleet")


class Fleet:
    """All pools of a policy. `tick` runs once a minute and does not raise for external failures.

    `term`: the leader's term under which active pools write. `leads`: the leading signals of the pools, if any has some.
    """

    def __init__(self, regions: Iterable[PoolGroup], reconcilers: Mapping[str, Reconciler], clock: Clock, memory: BatchMemory,
                 journal: DecisionSink, limits: Limits | None = None, orphans: Orphans | None = None,
                 assume: Assume | None = None, term: LeaderTerm = NO_LEASE, tops: Mapping[str, Reconciler] | None = None,
                 leads: LeadSignals | None = None) -> None:
        self.orphans = orphans or Orphans()
        self.reconcilers: dict[str, Reconciler] = {}
        self.plans: dict[str, Plan] = {}
        self.inputs: dict[str, Mapping[str, Any]] = {}
        """Inputs of each of `plans`."""
        self.faults: dict[str, str] = {}
        """Pools whose last step failed because of a bug or the store, with the message."""
        self.store_error: str | None = None
        """Why the last write to the store failed; None when it succeeded."""
        self.last: TickReport | None = None
        self.term, self._clock, self._memory, self._journal = term, clock, memory, journal
        self._warned, self.stepping = set[str](), dict[str, asyncio.Task[None]]()
        self.collecting = Collecting(clock, self._demand_stored, leads)
        self.immediate_steps = ImmediateSteps(self.stepping, self._step_now)
        self.limiter = FleetLimits(limits or Limits(), {})
        self.arrange(regions, reconcilers, self.limiter.limits, assume or Assume(), tops or {}, leads)

    def arrange(self, regions: Iterable[PoolGroup], reconcilers: Mapping[str, Reconciler], limits: Limits, assume: Assume,
                tops: Mapping[str, Reconciler], leads: LeadSignals | None) -> None:
        """Set the pools of the fleet, at the start and between two ticks. The limits keep what they know of pools that stay."""
        self.regions, self.assume, self.leads = tuple(regions), assume, leads
        self.region_of = {name: region for region in self.regions for name in region.pools}
        if missing := reconcilers.keys() ^ self.region_of.keys():
            raise ValueError(f"pools without a demand source or without a lever: {', '.join(sorted(missing))}")
        kept = [name for name, each in reconcilers.items() if each is self.reconcilers.get(name)]
        self.limiter.arrange(limits, {name: at for at, region in enumerate(self.regions) for name in region.pools}, kept)
        for name in reconcilers.keys() - set(kept):
            policy, state, price = reconcilers[name].policy, reconcilers[name].state, reconcilers[name].usd_per_unit_minute
            self.limiter.expect(name, active=policy.mode == "active", units=state.written or 0, price=price)
        arranged = dict(reconcilers)
        self.reconcilers.clear()  # the same object: others hold it
        self.reconcilers.update(arranged)
        self.top_layers = TopLayers(tops, self.reconcilers)
        self.tops: Mapping[str, Reconciler] = self.top_layers.by_pool
        self.layers = self.reconcilers | self.top_layers.by_name
        """Reconcilers of all layers by name."""
        for shown in (self.plans, self.inputs, self.faults):
            for name in [name for name in shown if name not in self.layers]:
                del shown[name]

    def start_term(self, term: LeaderTerm) -> None:
        """Start the term of another leader, or of this daemon. Each active pool enters it with its next step."""
        self.term = term

    async def tick(self) -> TickReport:
        """Run one pass over the fleet; the groups of pools run concurrently."""
        started, began = self._clock.now(), self._clock.monotonic()
        self.limiter.begin()
        self.immediate_steps.reset(started)
        counts = await asyncio.gather(*(self._tick_region(at, region, started) for at, region in enumerate(self.regions)))
        deadline = self._clock.monotonic() + STEP_SECONDS
        await wait_at_most(self._clock, list(self.stepping.values()), STEP_SECONDS)
        await self._plan_new_tops(deadline)
        written = sum(plan.action is Action.WRITE and plan.at >= started and plan.mode == "active"
                      for plan in self.plans.values())
        planned, busy = sum(count[0] for count in counts), sum(count[1] for count in counts)
        self.last = TickReport(started, self._clock.monotonic() - began, planned, written, busy)
        return self.last

    async def close(self, leave: bool = False) -> bool:
        """Wait up to `CLOSE_SECONDS` for writes in progress, and with `leave` for the release of pools and their top layers as
        `on_exit` says. Return whether all have finished.
        """
        self.immediate_steps.close()
        self.collecting.cancel()
        due = shutdown.pools_to_release(self.layers) if leave else []
        releases = {name: asyncio.create_task(self._release(name), name=f"leave {name}") for name in due}
        tasks = [*self.stepping.values(), *releases.values()]
        await wait_at_most(self._clock, tasks, CLOSE_SECONDS)
        finished = all(task.done() for task in tasks)
        if failed := [name for name, task in releases.items()
                      if not task.done() or not shutdown.is_released(self.plans.get(name))]:
            log.error("release-failed", mode="active", pools=failed[:MOST_NAMED], total=len(failed),
                      text="not released as on_exit says: run `stoker release`, or start a daemon again")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self.collecting.tasks, return_exceptions=True)
        await self._save({each.key: each.state for each in self.layers.values() if each.state != PoolState()})
        return finished

    def view(self, name: str, now: datetime) -> DemandView:
        """Return the demand of a pool and its proposal."""
        return self.region_of[name].view(name, now)

    def keep_alive(self, name: str) -> KeepAlive:
        """Return the keep-alive of a pool's on-demand units, as far as it is known."""
        kind = self.reconcilers[name].policy.lever.kind
        return keep_alive_of(kind, self.assume, self.top_layers.traits(name).keep_alive)

    async def _tick_region(self, at: int, region: PoolGroup, started: datetime) -> tuple[int, int]:
        """Collect the demand of a group, then plan its pools. Return how many were planned and how many were busy."""
        await self.collecting.collect(region, started)
        idle = [name for name in region.pools if name not in self.stepping]
        for name in idle:
            self.reconcilers[name].start_term(self.term)
        to_read = due_readings(self.reconcilers, idle, region.budget.reads, self._clock.now())
        batch = TickBatch()
        with span("plan", source=region.collector.source.kind, pools=len(idle)):
            for count, name in enumerate(idle):
                if count % YIELD_EVERY == YIELD_EVERY - 1:
                    await asyncio.sleep(0)  # noqa: TID251  (lets HTTP run; not a wait)
                if name in self.stepping:  # an immediate step has started
                    continue
                try:
                    self._plan(name, name in to_read, batch)
                except Exception as error:  # a bug that affects one pool must not stop the others
                    self.faults[name] = f"{type(error).__name__}: {error}"
                    log.exception("step-failed", pool=name, mode=self.reconcilers[name].policy.mode)
            self._apply_limits(at, region, batch)
            self._plan_tops(region, batch)
        await self._save(batch.states)
        await self._note(batch.finished)
        return len(idle), len(region.pools) - len(idle)

    def _plan(self, name: str, read: bool, batch: TickBatch) -> None:
        """Plan a pool at once where it needs no reading; else start its step."""
        now = self._clock.now()
        view = self.view(name, now)
        if read:
            self._start(name, view, read=True)
        else:
            batch.decisions.append(self.reconcilers[name].plan(view, now))

    def _apply_limits(self, at: int, region: PoolGroup, batch: TickBatch) -> None:
        """Apply the limits of the fleet to new plans. Start the steps of plans that write, most urgent first; finish the rest."""
        self.limiter.open_region(at, region.budget.writes)
        if self.limiter.limits.in_usd:
            self.limiter.note_worth(region.pools, region.worth())
        bounds = self.limiter.admit(batch.decisions, self._clock.now())
        writes: list[PlannedDecision] = []
        for decision in batch.decisions:
            name, reconciler = decision.plan.pool, self.reconcilers[decision.plan.pool]
            if name in bounds or reconciler.state is not decision.state:  # the fallback was renewed since
                decision = reconciler.plan(decision.seen.demand, decision.plan.at, bounds.get(name, ()))  # noqa: PLW2901
            if decision.plan.action is Action.WRITE:
                writes.append(decision)
                continue
            if reconciler.adopt(decision):
                batch.states[reconciler.key] = decision.plan.state
            batch.finished.append((decision.plan, self.plans.get(name), inputs_of(decision)))
        for decision in sorted(writes, key=urgency, reverse=True):
            self._start(decision.plan.pool, decision.seen.demand, read=False)

    def _plan_tops(self, region: PoolGroup, batch: TickBatch) -> None:
        """Plan the top layers by the newest plans of their bases."""
        if not self.top_layers.by_pool:
            return
        for name, view, read in self.top_layers.plan(region.pools, self.plans, self.view, self._clock.now(),
                                                     self.term, self.stepping, batch):
            self._start(name, view, read)

    async def _plan_new_tops(self, deadline: float) -> None:
        """Plan top layers whose base was first read after their turn, and wait for them until `deadline` (monotonic clock)."""
        new = [name for name, top in self.tops.items() if top.policy.name not in self.plans]
        if not new:
            return
        batch, now, started = TickBatch(), self._clock.now(), list[asyncio.Task[None]]()
        for name, view, read in self.top_layers.plan(new, self.plans, self.view, now, self.term, self.stepping, batch):
            self._start(name, view, read)
            started.append(self.stepping[name])
        await self._save(batch.states)
        await self._note(batch.finished)
        await wait_at_most(self._clock, started, max(0.0, deadline - self._clock.monotonic()))

    def _bounds(self, decision: PlannedDecision) -> tuple[Bound, ...]:
        """Return the fleet's bounds on a plan that a step has made. Log once that it would delete a setting of others."""
        warning = next((reason.text for reason in decision.plan.reasons if reason.code is ReasonCode.DELETES_SETTING), None)
        name = decision.plan.pool
        if warning is not None and name not in self._warned and decision.policy.mode == "active":
            self._warned.add(name)
            log.warning("deletes-setting", pool=name, mode="active", text=warning)
        return self.limiter.admit([decision], self._clock.now()).get(name, ())

    def _step_now(self, name: str) -> None:
        self.layers[name].start_term(self.term)
        self._start(name, self.top_layers.seen(name, self.plans, self.view, self._clock.now()), read=True)

    def _start(self, name: str, view: DemandView, read: bool) -> None:
        if name in self.stepping:  # an immediate step has started since the plan; two steps would write at once
            return
        task = asyncio.create_task(self._step(name, view, read), name=f"step {name}")
        self.stepping[name] = task
        task.add_done_callback(lambda _: self._ended(name))

    def _ended(self, name: str) -> None:
        self.stepping.pop(name, None)
        self.immediate_steps.ended(name)

    async def _release(self, name: str) -> None:
        if (before := self.stepping.get(name)) is not None:
            await asyncio.wait([before])
        await self._finish(name, shutdown.release_pool(self.layers[name], self._clock))

    async def _step(self, name: str, view: DemandView, read: bool) -> None:
        reconciler = self.layers[name]
        limits = self._bounds if name in self.reconcilers else self.top_layers.limit
        with span("step", pool=name, mode=reconciler.policy.mode, read=read):
            await self._finish(name, reconciler.step(view, read, limits))

    async def _finish(self, name: str, step: Coroutine[Any, Any, PlannedDecision]) -> None:
        """Await a step and record its plan."""
        try:
            decision = await step
            if (error := self.layers[name].unstored) is not None:
                self._store_failed(error, pool=name, mode=self.layers[name].policy.mode)
            await self._note([(decision.plan, self.plans.get(name), inputs_of(decision))])
            self.faults.pop(name, None)
        except StoreError as error:
            self.faults[name] = str(error)
            self._store_failed(error, pool=name, mode=self.layers[name].policy.mode)
        except Exception as error:  # as above
            self.faults[name] = f"{type(error).__name__}: {error}"
            log.exception("step-failed", pool=name, mode=self.layers[name].policy.mode)

    async def _note(self, planned: Sequence[PlannedEntry]) -> None:
        """Record plans, then display them: a crash loses no displayed decision."""
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
            for reconciler in self.layers.values():
                if reconciler.key in states:
                    reconciler.mark_unsaved()

    def _demand_stored(self, error: StoreError | None, source: str) -> None:
        self.store_error = None
        if error is not None:
            self._store_failed(error, source=source)

    def _store_failed(self, error: StoreError, **where: str) -> None:
        self.store_error = str(error)
        log.error("store-failed", error=str(error), **where)
