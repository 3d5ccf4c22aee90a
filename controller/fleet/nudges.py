"""Steps that reports of requests in flight start between two ticks, so that a rise is planned within `EVERY_SECONDS`."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from adapters.runtime.clock import Clock
from controller.decision.planning.plan import Action, Plan
from controller.fleet.fleet import Fleet
from controller.fleet.reconciler import Reconciler

EVERY_SECONDS = 2.0
"""Time between two looks at a pool: a rise is planned at once, or when this time has passed since the last look."""

MOST_NUDGES = 30
"""Steps between two ticks that reports may start; the others of `immediate_steps.MOST_STEPS` are left to overrides."""

log = structlog.get_logger("stoker.fleet")


class Nudges:
    """Looks at pools whose reports rise. A look starts a step if the plan would raise the pool now; all limits apply to the plan.
    The layer above a base is looked at once the base has its step, or needs none.

    `on_end`: called when such a step has ended.
    """

    def __init__(self, fleet: Fleet, clock: Clock, on_end: Callable[[], None]) -> None:
        self._fleet, self._clock, self._on_end = fleet, clock, on_end
        self._next: dict[str, float] = {}
        """Time of the next look at a pool, on the monotonic clock."""
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._tick, self._steps = -1, 0

    def rose(self, name: str) -> None:
        """Look at a pool now, or once `EVERY_SECONDS` have passed since the last look. Never raises, waits for nothing."""
        if name in self._waiting:
            return
        wait = self._next.get(name, 0.0) - self._clock.monotonic()
        if wait <= 0:
            self._look(name)
            return
        task = asyncio.create_task(self._look_later(name, wait), name=f"nudge {name}")
        self._waiting[name] = task
        task.add_done_callback(lambda _: self._waiting.pop(name, None))

    async def close(self) -> None:
        """Cancel the looks to come."""
        tasks = list(self._waiting.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_later(self, name: str, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._look(name)

    def _look(self, name: str) -> None:
        if name not in self._fleet.reconcilers:  # it has left the policy
            return
        self._next[name] = self._clock.monotonic() + EVERY_SECONDS
        with self._reporting(name):
            now = self._clock.now()
            plan = self._fleet.reconcilers[name].plan(self._fleet.view(name, now), now).plan
            if not self._start(self._fleet.reconcilers[name], plan, lambda: self._base_ended(name)):
                self._look_above(name)

    def _base_ended(self, name: str) -> None:
        """Look at the pings of a base whose step has ended: they follow its new plan."""
        self._on_end()
        if name not in self._fleet.reconcilers:
            return
        with self._reporting(name):
            self._look_above(name)

    def _look_above(self, name: str) -> None:
        """Look at the layer above a base, if there is one."""
        top, base = self._fleet.tops.get(name), self._fleet.plans.get(name)
        if top is not None and base is not None:
            plan = self._fleet.top_layers.preview(top, base, self._fleet.view, self._clock.now())
            self._start(top, plan, self._on_end)

    @contextmanager
    def _reporting(self, name: str) -> Iterator[None]:
        """Log a bug: it must not refuse a report, and the next tick plans the pool."""
        try:
            yield
        except Exception:
            log.exception("nudge-failed", pool=name, mode=self._fleet.reconcilers[name].policy.mode)

    def _start(self, layer: Reconciler, plan: Plan, on_end: Callable[[], None]) -> bool:
        """Start the step of a layer if its `plan` raises it and reports may start another. Return whether it was started."""
        raises = plan.action is Action.WRITE and (plan.target or 0) > (plan.requested or 0)
        if not raises or not self._allowed(layer) or not self._fleet.immediate_steps.request(layer.policy.name, on_end):
            return False
        self._steps += 1
        return True

    def _allowed(self, layer: Reconciler) -> bool:
        """Return whether reports may start another step: `max_step_up` allows one raise from tick to tick."""
        steps = self._fleet.immediate_steps
        if steps.ticks != self._tick:
            self._tick, self._steps = steps.ticks, 0
        if self._steps >= MOST_NUDGES:
            return False
        if layer.policy.max_step_up is None:
            return True
        raised = layer.wrote_at is not None and steps.since is not None and layer.wrote_at >= steps.since
        return not raised and not steps.running(layer.policy.name)
