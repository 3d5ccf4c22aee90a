"""Forecasts of a running daemon: the planned capacity of the next hours in rotation, and demand forecasts on request."""

from adapters.runtime.clock import Clock
from controller.fleet.fleet import Fleet
from controller.forecasts.cache import ForecastCache
from controller.forecasts.refresh_rotation import ForecastRotation
from controller.forecasts.worker_pool import ForecastWorkers
from controller.store.async_store import AsyncStore


class Forecasts:
    """Rotation and cache, which share the worker processes."""

    def __init__(self, fleet: Fleet, store: AsyncStore, clock: Clock, workers: ForecastWorkers | None = None) -> None:
        self._workers = workers or ForecastWorkers()
        self.rotation = ForecastRotation(fleet, store, clock, self._workers)
        self.cache = ForecastCache(fleet, store, clock, self._workers)

    async def close(self) -> None:
        """Stop the workers; requests that wait for a forecast are refused."""
        await self._workers.close()
        await self.cache.close()
