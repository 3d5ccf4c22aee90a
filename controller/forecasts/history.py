"""Settled demand history that a forecast is fitted to."""

from datetime import datetime

import numpy as np

from controller.demand.collector import HISTORY_DAYS
from controller.fleet.fleet import Fleet
from controller.store.async_store import AsyncStore
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, minute_of


def settled_end(fleet: Fleet, name: str, now: datetime) -> int:
    """Return the pool's first minute (since the epoch) that is not settled; the minute of `now` when none ever was."""
    return fleet.region_of[name].collector.known_end_minute(now) or minute_of(now)


async def settled_history(store: AsyncStore, name: str, end: int) -> DemandSeries:
    """Return a pool's demand up to minute `end`, from its first known minute within `HISTORY_DAYS`; one day of unknown minutes
    when no minute is known.
    """
    series = await store.run(store.store.load_demand, name, end - HISTORY_DAYS * MINUTES_PER_DAY, end)
    known = np.flatnonzero(series.known)
    return series.window(series.first_minute + int(known[0]) if len(known) else end - MINUTES_PER_DAY, end)
