"""The daemon's view ahead: each pool's plan of the next hours, computed in rotation, and its forecast, computed when asked for.

Both are made in a worker process (`controller.forecasts.worker_pool`), so that neither the tick nor the loop waits for one. The
rotation takes no more than a share of one core, however many pools there are: up to some fifteen hundred, each has its turn every
hour.
"""

import asyncio
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray

from adapters.runtime.clock import Clock
from controller.decision.selection.scoring import QUARTER
from controller.demand.collector import HISTORY_DAYS
from controller.fleet.fleet import Fleet
from controller.forecasts.accuracy_tracker import ForecastAccuracy
from controller.forecasts.worker_pool import ForecastWorkers
from controller.forecasts.worker_tasks import forecast_body, plan_ahead
from controller.store.async_store import AsyncStore
from controller.store.capacity_history import requested_history
from controller.store.sqlite_file import StoreError
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, minute_of

EVERY = timedelta(minutes=15)
"""A pool's plan is not made anew more often than this."""

AGAIN = timedelta(minutes=1)
"""When to come back to a pool of which nothing can be said before its rules have followed history."""

SHARE = 0.25
"""Of one core, at most, for the rotation."""

IDLE_SECONDS, LEAST_SECONDS, FAILED_SECONDS = 5.0, 0.05, 60.0
"""Until it is asked again whose turn it is: when it is nobody's, after a turn at least, and after one that failed."""

CACHED, WAITING = 32, 8
"""Forecasts held, of a pool and a minute each; and forecasts begun at once, beyond which is refused."""

log = structlog.get_logger("stoker.forecasts")


class NoForecast(Exception):
    """A forecast cannot be had now; one sentence."""


class ForecastRun(NamedTuple):
    """What came of a pool's turn: int64[steps, 2] (minute, units), or why there is none, and whether that is a failure."""

    at: datetime
    steps: NDArray[np.int64] | None
    reason: str | None = None
    failed: bool = False


class CapacityForecast(NamedTuple):
    """The plan of the next hours as it is shown: [minutes from now, units] pairs, or why there are none; when it was made."""

    pairs: list[list[int]] | None
    reason: str | None
    at: datetime | None


class Forecasts:
    """Begun by the service once there is a fleet. `tell` and `want` cost next to nothing; `body` waits for a worker."""

    def __init__(self, fleet: Fleet, store: AsyncStore, clock: Clock, jobs: ForecastWorkers | None = None) -> None:
        self._fleet, self._store, self._clock = fleet, store, clock
        self._jobs = jobs or ForecastWorkers()
        self.accuracy = ForecastAccuracy(fleet.reconcilers)
        """What was forecast, and how good that was."""
        self._turns: dict[str, ForecastRun] = {}
        self._due = dict.fromkeys(fleet.reconcilers, clock.now())
        self._wanted: list[str] = []
        self._bodies: OrderedDict[tuple[str, int, float], bytes] = OrderedDict()
        self._begun: dict[tuple[str, int, float], asyncio.Task[bytes]] = {}

    def tell(self, name: str, now: datetime) -> CapacityForecast:
        """The plan of a pool's next hours as last made, from `now` on."""
        turn = self._turns.get(name)
        if turn is None:
            return CapacityForecast(None, "not looked at yet: pools take turns", None)
        if turn.steps is None:
            return CapacityForecast(None, turn.reason, turn.at)
        ahead = turn.steps - (minute_of(now), 0)
        ahead = ahead[ahead[:, 0] > -QUARTER]  # the quarter that has begun counts to its end
        if not len(ahead):
            return CapacityForecast(None, "what was planned is over: its turn to be looked at has not come again", turn.at)
        ahead[:, 0] = np.maximum(ahead[:, 0], 0)
        pairs: list[list[int]] = ahead.tolist()
        return CapacityForecast(pairs, None, turn.at)

    def want(self, name: str) -> None:
        """Somebody looks at this pool: it goes first."""
        if name not in self._wanted and self._old(name):
            self._wanted.append(name)

    async def rotate(self) -> None:
        """Look at one pool after the other, for ever, in the rhythm that the share of a core allows."""
        while True:
            name = self._next() if self._fleet.last is not None else None
            if name is None:
                await self._clock.sleep(IDLE_SECONDS)
                continue
            begun = self._clock.monotonic()
            turn = await self.look(name)
            spent = self._clock.monotonic() - begun
            await self._clock.sleep(max(FAILED_SECONDS if turn.failed else LEAST_SECONDS, spent * (1 / SHARE - 1)))

    async def look(self, name: str) -> ForecastRun:
        """Make a pool's plan of the next hours."""
        now = self._clock.now()
        try:
            turn = await self._look(name, now)
        except StoreError as error:
            turn = ForecastRun(now, None, str(error), failed=True)
        except Exception:  # a fault of ours: told, and the next pool has its turn
            log.exception("forecast-run-failed", pool=name)
            turn = ForecastRun(now, None, "it failed; the daemon's log says why", failed=True)
        soon = self._fleet.region_of[name].followed_at is None
        self._turns[name], self._due[name] = turn, now + (AGAIN if soon else EVERY)
        return turn

    async def body(self, name: str, hours: float) -> bytes:
        """A pool's forecast `hours` ahead as of the newest minute that is settled: a JSON object. `NoForecast`, `StoreError`."""
        key = (name, self._end(name, self._clock.now()), hours)
        if key in self._bodies:
            self._bodies.move_to_end(key)
            return self._bodies[key]
        if key not in self._begun:
            if len(self._begun) >= WAITING:
                raise NoForecast(f"{WAITING} forecasts are being made already: ask again in a few seconds")
            self._begun[key] = asyncio.create_task(self._make(key), name=f"forecast of {name}")
        return await asyncio.shield(self._begun[key])

    async def close(self) -> None:
        """End the workers; who waits for a forecast is refused."""
        await self._jobs.close()
        await asyncio.gather(*self._begun.values(), return_exceptions=True)

    def _end(self, name: str, now: datetime) -> int:
        """The first minute that is not settled, or the present one where none ever was."""
        return self._fleet.region_of[name].collector.known_end_minute(now) or minute_of(now)

    async def _history(self, name: str, end: int) -> DemandSeries:
        """From the first known minute within a fortnight on, or a day of which nothing is known."""
        demand = self._store.store.load_demand
        series = await self._store.run(demand, name, end - HISTORY_DAYS * MINUTES_PER_DAY, end)
        known = np.flatnonzero(series.known)
        return series.window(series.first_minute + int(known[0]) if len(known) else end - MINUTES_PER_DAY, end)

    async def _make(self, key: tuple[str, int, float]) -> bytes:
        try:
            name, end, hours = key
            history = await self._history(name, end)
            lead = self._fleet.region_of[name].lead_minutes(name)
            units = await self._store.run(requested_history, self._store.store, name, history.first_minute, end)
            body = await self._jobs.run(forecast_body, self._fleet.reconcilers[name].policy, history, hours, lead, units)
            if body is None:
                raise NoForecast(f"the forecast of {name} could not be made: ask again, and see the daemon's log")
            self._bodies[key] = body
            while len(self._bodies) > CACHED:
                self._bodies.popitem(last=False)
            return body
        finally:
            del self._begun[key]

    async def _look(self, name: str, now: datetime) -> ForecastRun:
        reconciler, region = self._fleet.reconcilers[name], self._fleet.region_of[name]
        if region.followed_at is None:
            return ForecastRun(now, None, "demand is not followed yet")
        history = await self._history(name, self._end(name, now))
        known = int(history.known.sum())
        if known < MINUTES_PER_DAY:
            return ForecastRun(now, None, f"{known} minutes of its demand are known: a plan needs a day")
        ahead = await self._jobs.run(plan_ahead, history, reconciler.policy, *region.weights(name))
        if ahead is None:
            return ForecastRun(now, None, "it could not be made; the daemon's log says why", failed=True)
        if not ahead.steps:
            return ForecastRun(now, None, "too little is known to forecast by")
        self.accuracy.install(name, history.end_minute, ahead.said)
        return ForecastRun(now, np.array(ahead.steps, np.int64))

    def _old(self, name: str) -> bool:
        """Whether a pool's plan may be made anew; one that is of the future, the clock being put back since, too."""
        turn = self._turns.get(name)
        return turn is None or abs(self._clock.now() - turn.at) >= EVERY

    def _next(self) -> str | None:
        """Who was asked for last, else who is due longest; None when nobody is."""
        while self._wanted:
            if self._old(name := self._wanted.pop()):
                return name
        due = min(self._due, key=self._due.__getitem__, default=None)
        wait = timedelta(0) if due is None else self._due[due] - self._clock.now()
        return due if not timedelta(0) < wait <= EVERY else None  # longer than any wait: the clock was put back
