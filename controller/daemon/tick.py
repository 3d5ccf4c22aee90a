"""One tick of the daemon: the fleet, then accounts, notifications and published state."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from adapters.runtime.clock import Clock
from config.model.policy import Policy
from controller.accounting.tick_accounting import account_for, update_spent
from controller.fleet.fleet import Fleet
from controller.http.components import Components
from controller.http.published_state import PublishedState
from controller.metrics.tick_counters import Ended
from controller.notifications.missing_metrics_log import MissingMetricsLog
from controller.store.sqlite_file import StoreError
from controller.telemetry.tracing import Tracing, tick

log = structlog.get_logger("stoker.service")


class DaemonTick:
    """The tick over all components. Ticks never overlap. `on_tick` is called with the fleet after each tick."""

    def __init__(self, components: Components, published: PublishedState, policy: Policy, clock: Clock, *,
                 tracing: Tracing | None = None, on_tick: Callable[[Fleet], None] | None = None) -> None:
        self._components, self._published, self.policy, self._clock = components, published, policy, clock
        self._tracing, self._on_tick = tracing, on_tick
        self._missing_metrics = MissingMetricsLog()
        self._lock = asyncio.Lock()
        self._paused = False
        """Whether ticks wait: a change of the policy takes effect."""

    @property
    def running(self) -> bool:
        """Whether a tick is in progress."""
        return self._lock.locked() and not self._paused

    async def run(self) -> None:
        """Run a tick; skip it while another one is in progress. A fault is logged, and the next tick tries again."""
        fleet = self._components.fleet
        if self.running:  # the scheduler's own check does not cover the first tick, which it does not start
            self._published.ticks.ended[Ended.SKIPPED] += 1
            log.warning("overrun", job="tick", text="the previous tick has not ended: this tick is skipped")
        else:
            async with self._lock:
                with tick(self._tracing, pools=len(fleet.reconcilers)):
                    await self._run()
        if self._on_tick is not None:
            self._on_tick(fleet)

    async def run_next(self) -> None:
        """Run a tick now, or directly after the one in progress."""
        async with self._lock:
            pass
        await self.run()

    @asynccontextmanager
    async def between(self) -> AsyncIterator[None]:
        """Run no tick within the block, which begins when none is in progress. A tick that is due waits, and is not skipped."""
        async with self._lock:
            self._paused = True
            try:
                yield
            finally:
                self._paused = False

    async def _run(self) -> None:
        components, published = self._components, self._published
        fleet, accounts = components.fleet, components.accounts
        try:
            await self._expire_overrides()
            update_spent(fleet, accounts)
            report = await fleet.tick()
            await account_for(fleet, accounts, self.policy, self._clock, components.forecasts.rotation.accuracy.score)
            await components.notifier.note(fleet)
            published.ticks.done(report.seconds)
            self._missing_metrics.update(fleet, self._clock.now())
            await published.publish(components)
        except Exception:
            published.ticks.ended[Ended.FAILED] += 1
            log.exception("tick-failed")
            return
        if report.seconds > published.tick_every.total_seconds():
            log.warning("slow-tick", seconds=round(report.seconds, 3), pools=report.planned)

    async def _expire_overrides(self) -> None:
        try:
            await self._components.active_overrides.expire(self._clock.now())
        except StoreError as error:  # plans ignore overrides that have ended
            log.error("store-failed", error=str(error))  # noqa: TRY400
