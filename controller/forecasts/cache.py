"""Forecasts on request: made once per pool, minute and horizon, and cached as JSON."""

import asyncio
from collections import OrderedDict

from adapters.runtime.clock import Clock
from controller.fleet.fleet import Fleet
from controller.forecasts.history import settled_end, settled_history
from controller.forecasts.worker_pool import ForecastWorkers
from controller.forecasts.worker_tasks import forecast_body
from controller.store.async_store import AsyncStore
from controller.store.capacity_history import requested_history

CAPACITY = 32
"""Maximum number of cached forecasts."""

MOST_RUNNING = 8
"""Maximum number of forecasts in progress; more requests are refused."""

Key = tuple[str, int, float]
"""Pool, first minute (since the epoch) that is not settled, hours ahead."""


class NoForecast(Exception):
    """No forecast is available now; the message is one sentence."""


class ForecastCache:
    """Forecasts of the last requests. Requests for the same forecast share one worker call."""

    def __init__(self, fleet: Fleet, store: AsyncStore, clock: Clock, workers: ForecastWorkers) -> None:
        self._fleet, self._store, self._clock, self._workers = fleet, store, clock, workers
        self._bodies: OrderedDict[Key, bytes] = OrderedDict()
        self._running: dict[Key, asyncio.Task[bytes]] = {}

    async def body(self, name: str, hours: float) -> bytes:
        """Return a pool's forecast `hours` ahead of its newest settled minute: a JSON object. `NoForecast`, `StoreError`."""
        key = (name, settled_end(self._fleet, name, self._clock.now()), hours)
        if key in self._bodies:
            self._bodies.move_to_end(key)
            return self._bodies[key]
        if key not in self._running:
            if len(self._running) >= MOST_RUNNING:
                raise NoForecast(f"{MOST_RUNNING} forecasts are in progress: retry in a few seconds")
            self._running[key] = asyncio.create_task(self._make(key), name=f"forecast of {name}")
        return await asyncio.shield(self._running[key])

    async def close(self) -> None:
        """Wait for the forecasts in progress. Close the workers first: their calls then return nothing."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _make(self, key: Key) -> bytes:
        try:
            name, end, hours = key
            history = await settled_history(self._store, name, end)
            lead = self._fleet.region_of[name].lead_minutes(name)
            policy = self._fleet.reconcilers[name].policy
            units = await self._store.run(requested_history, self._store.store, name, policy.mode, history.first_minute, end)
            body = await self._workers.run(forecast_body, policy, history, hours, lead, units)
            if body is None:
                raise NoForecast(f"the forecast of {name} failed: retry, and see the daemon's log")
            self._bodies[key] = body
            while len(self._bodies) > CAPACITY:
                self._bodies.popitem(last=False)
            return body
        finally:
            del self._running[key]
