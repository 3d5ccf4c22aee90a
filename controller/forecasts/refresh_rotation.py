"""Planned capacity of the next hours, made for one pool after another.

A worker process does the work (`controller.forecasts.worker_pool`), so that neither the tick nor the event loop waits for it. The
rotation uses at most the share `SHARE` of one core, however many pools there are. With up to about 1,500 pools, each pool is
planned once an hour.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray

from adapters.runtime.clock import Clock
from controller.decision.selection.scoring import QUARTER
from controller.fleet.fleet import Fleet
from controller.forecasts.accuracy_tracker import ForecastAccuracy
from controller.forecasts.history import settled_end, settled_history
from controller.forecasts.worker_pool import ForecastWorkers
from controller.forecasts.worker_tasks import plan_ahead
from controller.store.async_store import AsyncStore
from controller.store.sqlite_file import StoreError
from forecasting.demand import MINUTES_PER_DAY, minute_of
from forecasting.harmonic import can_fit

EVERY = timedelta(minutes=15)
"""Minimum time between two plans of one pool."""

AGAIN = timedelta(minutes=1)
"""Time until the next run for a pool whose rules have not processed history yet."""

SHARE = 0.25
"""Maximum share of one core that the rotation uses."""

IDLE_SECONDS, LEAST_SECONDS, FAILED_SECONDS = 5.0, 0.05, 60.0
"""Pause when no pool is due, minimum pause after a run, and minimum pause after a run that failed."""

log = structlog.get_logger("stoker.forecasts")


class ForecastRun(NamedTuple):
    """Result of a pool's run: `steps`, int64[steps, 2] of minute (since the epoch) and units, or the `reason` why there are none.
    `failed`: the reason is a failure.
    """

    at: datetime
    steps: NDArray[np.int64] | None
    reason: str | None = None
    failed: bool = False


class CapacityForecast(NamedTuple):
    """Planned capacity of the next hours as [minutes from now, units] pairs, or the reason why there are none. `at`: when it was
    made.
    """

    pairs: list[list[int]] | None
    reason: str | None
    at: datetime | None


class ForecastRotation:
    """Newest planned capacity of each pool, and which pool is planned next."""

    def __init__(self, fleet: Fleet, store: AsyncStore, clock: Clock, workers: ForecastWorkers) -> None:
        self._fleet, self._store, self._clock, self._workers = fleet, store, clock, workers
        self.accuracy = ForecastAccuracy(fleet.reconcilers)
        """Demand forecasts behind the plans, and their accuracy."""
        self._runs: dict[str, ForecastRun] = {}
        self._due = dict.fromkeys(fleet.reconcilers, clock.now())
        self._requested: list[str] = []

    def capacity_forecast(self, name: str, now: datetime) -> CapacityForecast:
        """Return a pool's newest planned capacity from `now` on."""
        run = self._runs.get(name)
        if run is None:
            return CapacityForecast(None, "pending", None)
        if run.steps is None:
            return CapacityForecast(None, run.reason, run.at)
        ahead = run.steps - (minute_of(now), 0)
        ahead = ahead[ahead[:, 0] > -QUARTER]  # the current quarter of an hour is shown to its end
        if not len(ahead):
            return CapacityForecast(None, "the last plan has expired, the next one is pending", run.at)
        ahead[:, 0] = np.maximum(ahead[:, 0], 0)
        pairs: list[list[int]] = ahead.tolist()
        return CapacityForecast(pairs, None, run.at)

    def follow(self, changed: Collection[str]) -> None:
        """Continue with the pools that the fleet has now. The plans of `changed` pools are made again."""
        pools, now = self._fleet.reconcilers, self._clock.now()
        self._due = {name: self._due.get(name, now) if name not in changed else now for name in pools}
        self._runs = {name: run for name, run in self._runs.items() if name in pools and name not in changed}
        self._requested = [name for name in self._requested if name in pools]
        self.accuracy.add(pools)

    def request(self, name: str) -> None:
        """Plan this pool next, because a user looks at it. A plan younger than `EVERY` stays."""
        if name not in self._requested and self._is_stale(name):
            self._requested.append(name)

    async def run(self) -> None:
        """Plan one pool after another until cancelled. The pauses between runs keep the rotation within `SHARE` of a core."""
        if not can_fit():
            log.info("forecast-without-model", text="forecasts lack the fitted model: install the wheel with the extra forecast; "
                     "decisions do not depend on it")
        while True:
            name = self._next() if self._fleet.last is not None else None
            if name is None:
                await self._clock.sleep(IDLE_SECONDS)
                continue
            start = self._clock.monotonic()
            run = await self.refresh(name)
            spent = self._clock.monotonic() - start
            await self._clock.sleep(max(FAILED_SECONDS if run.failed else LEAST_SECONDS, spent * (1 / SHARE - 1)))

    async def refresh(self, name: str) -> ForecastRun:
        """Plan a pool's next hours. A failure is logged and returned as a run without steps."""
        now = self._clock.now()
        try:
            run = await self._plan(name, now)
        except StoreError as error:
            run = ForecastRun(now, None, str(error), failed=True)
        except Exception:
            if name not in self._fleet.reconcilers:  # it has left the policy meanwhile
                return ForecastRun(now, None, "the policy has no such pool")
            log.exception("forecast-run-failed", pool=name, mode=self._fleet.reconcilers[name].policy.mode)
            run = ForecastRun(now, None, "internal error, see the daemon's log", failed=True)
        if name not in self._fleet.reconcilers:
            return run
        soon = self._fleet.region_of[name].followed_at is None
        self._runs[name], self._due[name] = run, now + (AGAIN if soon else EVERY)
        return run

    async def _plan(self, name: str, now: datetime) -> ForecastRun:
        reconciler, region = self._fleet.reconcilers[name], self._fleet.region_of[name]
        if region.followed_at is None:
            return ForecastRun(now, None, "no demand has been processed since the start")
        history = await settled_history(self._store, name, settled_end(self._fleet, name, now))
        known = int(history.known.sum())
        if known < MINUTES_PER_DAY:
            return ForecastRun(now, None, f"{known} minutes of demand are known, a plan needs {MINUTES_PER_DAY}")
        ahead = await self._workers.run(plan_ahead, history, reconciler.policy, *region.weights(name))
        if ahead is None:
            return ForecastRun(now, None, "the worker process failed, see the daemon's log", failed=True)
        if not ahead.steps:
            return ForecastRun(now, None, "too little demand is known for a forecast")
        self.accuracy.set_forecast(name, history.end_minute, ahead.levels)
        return ForecastRun(now, np.array(ahead.steps, np.int64))

    def _is_stale(self, name: str) -> bool:
        """Return whether a pool may be planned again: the last plan is older than `EVERY`, or in the future because the clock was
        set back since.
        """
        run = self._runs.get(name)
        return run is None or abs(self._clock.now() - run.at) >= EVERY

    def _next(self) -> str | None:
        """Return the pool requested last, else the one that has been due longest; None when none is due."""
        while self._requested:
            if self._is_stale(name := self._requested.pop()):
                return name
        due = min(self._due, key=self._due.__getitem__, default=None)
        wait = timedelta(0) if due is None else self._due[due] - self._clock.now()
        return due if not timedelta(0) < wait <= EVERY else None  # a longer wait means that the clock was set back
