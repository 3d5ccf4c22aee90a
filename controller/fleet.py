"""The tick over all pools: collect, choose, reconcile; no pool and no provider waits for another."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from adapters.clock import Clock
from controller.chooser import Chooser
from controller.intake import Intake
from controller.plan import Action, Plan, Sight
from controller.reconcile import CALL_TIMEOUT_SECONDS, Reconciler, View

COLLECT_SECONDS = 20.0
"""How long a tick waits for demand before it plans from what is there; the collection goes on and serves the next tick."""

STEP_SECONDS = 15.0
"""How long a tick waits for providers before it reports; slower pools go on by themselves."""

log = structlog.get_logger("stoker.fleet")


@dataclass(frozen=True, slots=True)
class Region:
    """Pools that share a demand source, with what chooses for them."""

    intake: Intake
    chooser: Chooser


@dataclass(frozen=True, slots=True)
class TickReport:
    """What one tick did: pools planned, writes carried out, and pools that were still busy with an earlier step."""

    started_at: datetime
    seconds: float
    planned: int
    written: int
    busy: int


class Fleet:
    """All pools of a policy. `tick` is called once a minute and never raises for what happens outside the process."""

    def __init__(self, regions: Iterable[Region], reconcilers: Mapping[str, Reconciler], clock: Clock,
                 decided: Callable[[Plan, Plan | None], Awaitable[None]]) -> None:
        self.regions, self.reconcilers = tuple(regions), dict(reconcilers)
        self.plans: dict[str, Plan] = {}
        self._clock, self._decided = clock, decided
        self._region_of = {name: region for region in self.regions for name in region.intake.pools}
        self._collecting: dict[int, asyncio.Task[None]] = {}
        self._stepping: dict[str, asyncio.Task[None]] = {}
        self._settled: set[str] = set()

    async def tick(self) -> TickReport:
        """One pass over the fleet."""
        started, began = self._clock.now(), self._clock.monotonic()
        await self._collect(started)
        planned, busy = 0, 0
        for name, reconciler in self.reconcilers.items():
            if name in self._stepping:
                busy += 1
                continue
            planned += 1
            if planned % 200 == 0:
                await asyncio.sleep(0)  # noqa: TID251  (a turn for HTTP, not a wait)
            await self._one(name, reconciler)
        await self._within(list(self._stepping.values()), STEP_SECONDS)
        written = sum(plan.action is Action.WRITE and plan.at >= started for plan in self.plans.values())
        return TickReport(started, self._clock.monotonic() - began, planned, written, busy)

    async def close(self) -> None:
        """Let writes that are under way finish, within the time a call may take; then give up on the rest."""
        tasks = [*self._stepping.values(), *self._collecting.values()]
        await self._within(tasks, CALL_TIMEOUT_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def view(self, name: str, now: datetime) -> View:
        """What is known of a pool's demand, and what is proposed for it."""
        region = self._region_of[name]
        sight, age = region.intake.sight(name, now)
        if sight is Sight.FRESH:
            self._settled.add(name)
        return View(sight, age, region.chooser.proposal(name), name in self._settled)

    async def _one(self, name: str, reconciler: Reconciler) -> None:
        """Plan at once where no call is needed; anything else becomes a task of its own."""
        now = self._clock.now()
        view = self.view(name, now)
        if not reconciler.read_due(now):
            plan = reconciler.plan(view, now)
            if plan.action is not Action.WRITE:
                await reconciler.keep(plan)
                await self._note(plan)
                return
        task = asyncio.create_task(self._step(name, reconciler, view), name=f"step {name}")
        self._stepping[name] = task
        task.add_done_callback(lambda _: self._stepping.pop(name, None))

    async def _step(self, name: str, reconciler: Reconciler, view: View) -> None:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_SECONDS * 4):
                await self._note(await reconciler.step(view))
        except Exception:  # a fault of ours in one pool must not stop the others
            log.exception("step-failed", pool=name)

    async def _note(self, plan: Plan) -> None:
        before, self.plans[plan.pool] = self.plans.get(plan.pool), plan
        await self._decided(plan, before)

    async def _collect(self, now: datetime) -> None:
        for at, region in enumerate(self.regions):
            if at not in self._collecting:
                task = asyncio.create_task(self._gather(region, now), name=f"collect {at}")
                self._collecting[at] = task
                task.add_done_callback(lambda _, at=at: self._collecting.pop(at, None))
        await self._within(list(self._collecting.values()), COLLECT_SECONDS)

    async def _gather(self, region: Region, now: datetime) -> None:
        try:
            await region.intake.collect(now)
            await region.chooser.follow(region.intake, now)
        except Exception:  # as above: one source's fault is its own
            log.exception("collect-failed", source=region.intake.source.kind)

    async def _within(self, tasks: list[asyncio.Task[None]], seconds: float) -> None:
        """Wait for `tasks`, but no longer than `seconds` of the clock's time."""
        if not tasks:
            return
        limit = asyncio.ensure_future(self._clock.sleep(seconds))
        everything = asyncio.gather(*(asyncio.shield(task) for task in tasks), return_exceptions=True)
        await asyncio.wait({limit, everything}, return_when=asyncio.FIRST_COMPLETED)
        for waiter in (limit, everything):
            waiter.cancel()
        await asyncio.gather(limit, everything, return_exceptions=True)
