"""`/v1/pools/{name}/history?hours=`: demand and warm capacity of a pool, minute by minute up to now."""

import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from controller.demand.collector import DemandCollector
from controller.forecasts.demand_forecast import plain, stamp
from controller.http.handlers.forecast import hours_of
from controller.http.handlers.pools import at_work
from controller.http.published_state import PublishedState
from controller.http.responses import dumps, json_bytes
from controller.store.capacity_history import requested_history
from forecasting.demand import MINUTES_PER_DAY, Floats, instant_of, minute_of


async def history(board: PublishedState, request: web.Request) -> web.Response:
    """Return demand, requested and ready capacity, minute by minute up to now; null if unknown."""
    name = request.match_info["name"]
    fleet, _, _ = at_work(board, name)
    hours = hours_of(request.query.get("hours"))
    intake, now = fleet.region_of[name].collector, board.clock.now()
    end = minute_of(now) + 1
    first = end - round(hours * 60)
    peak, busy = (held(intake, table, name, first, end) for table in (intake.day.peak, intake.day.busy))
    requested, ready = board.trail.rows(name, first, end)
    if np.isnan(requested[0]):  # before this run: by what was decided then
        decided = await board.store.run(requested_history, board.store.store, name, first, end)
        requested = requested if decided is None else np.where(np.isnan(requested), decided, requested)
    body = {"pool": name, "at": now, "first": stamp(instant_of(first)), "peak": plain(peak), "busy": plain(busy),
            "requested": plain(requested), "ready": plain(ready)}
    return json_bytes(dumps(body))


def held(intake: DemandCollector, table: Floats, name: str, first: int, end: int) -> NDArray[np.float64]:
    """The minutes [first, end) of what an intake holds in memory of a pool, NaN where that is nothing."""
    out = np.full(end - first, np.nan)
    begin, stop = max(first, intake.day.first_minute), min(end, intake.day.end_minute)
    if begin < stop:
        out[begin - first : stop - first] = table[intake.row[name], np.arange(begin, stop) % MINUTES_PER_DAY]
    return out
