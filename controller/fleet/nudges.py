"""Steps that reports of requests in flight start between two ticks, so that a rise is planned within `EVERY_SECONDS`."""

import asyncio
from collections.abc import Callable

import structlog

from adapters.runtime.clock import Clock
from controller.decision.planning.plan import Action
from controller.fleet.fleet import Fleet

EVERY_SECONDS = 2.0
"""Time between two looks at a pool: a rise is planned at once, or when this time has passed since the last look."""

MOST_NUDGES = 30
"""Steps between two ticks that reports may start; the others of `immediate_steps.MOST_STEPS` are left to overrides."""

log = structlog.get_logger("stoker.fleet")


class Nudges:
    """Looks at pools whose reports rise. A look starts a step if the plan would raise the pool now; all limits apply to the plan.

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
        self._next[name] = self._clock.monotonic() + EVERY_SECONDS
        try:
            if self._raises(name) and self._allowed(name) and self._fleet.immediate_steps.request(name, self._on_end):
                self._steps += 1
        except Exception:  # a bug must not refuse a report: the next tick plans the pool
            log.exception("nudge-failed", pool=name, mode=self._fleet.reconcilers[name].policy.mode)

    def _raises(self, name: str) -> bool:
        """Return whether the plan of a pool would raise it now. Makes no call."""
        now = self._clock.now()
        plan = self._fleet.reconcilers[name].plan(self._fleet.view(name, now), now).plan
        return plan.action is Action.WRITE and (plan.target or 0) > (plan.requested or 0)

    def _allowed(self, name: str) -> bool:
        """Return whether reports may start another step: `max_step_up` allows one raise from tick to tick."""
        steps, reconciler = self._fleet.immediate_steps, self._fleet.reconcilers[name]
        if steps.ticks != self._tick:
            self._tick, self._steps = steps.ticks, 0
        if self._steps >= MOST_NUDGES:
            return False
        if reconciler.policy.max_step_up is None:
            return True
        raised = reconciler.wrote_at is not None and steps.since is not None and reconciler.wrote_at >= steps.since
        return not raised and not steps.running(name)
