"""`/v1/pools/{name}/history?hours=`: demand and warm capacity of a pool per minute, up to now."""

import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from controller.decision.costs.kinds import KIND_OF_MODE, KINDS
from controller.demand.collector import DemandCollector
from controller.forecasts.demand_forecast import plain, stamp
from controller.http.handlers.forecast import hours_of
from controller.http.published_state import PublishedState
from controller.http.responses import dumps, json_bytes
from controller.store.capacity_history import requested_history
from forecasting.demand import MINUTES_PER_DAY, Floats, instant_of, minute_of


async def history(published: PublishedState, request: web.Request) -> web.Response:
    """Return demand, requested and ready capacity, per minute, up to now; null if unknown.

    Capacity is the provider's, and in shadow mode also the simulated one. That of the pings above a base is apart.
    """
    name, components = published.pool_of(request)
    hours = hours_of(request.query.get("hours"))
    collector, now = components.fleet.region_of[name].collector, published.clock.now()
    end = minute_of(now) + 1
    first = end - round(hours * 60)
    peak, busy = (minutes_of(collector, table, name, first, end) for table in (collector.day.peak, collector.day.busy))
    mode = components.fleet.reconcilers[name].policy.mode
    body = {"pool": name, "mode": mode, "at": now, "first": stamp(instant_of(first)), "peak": plain(peak), "busy": plain(busy)}
    layers = {"": name} | ({"pinged_": published.tops[name]} if name in published.tops else {})
    for kind in KINDS if mode == "shadow" else KINDS[:1]:
        for prefix, layer in layers.items():
            requested, ready = published.trails[kind].rows(layer, first, end)
            if kind == KIND_OF_MODE[mode] and np.isnan(requested[0]):  # before this run of the daemon: from recorded decisions
                decided = await published.store.run(requested_history, published.store.store, layer, mode, first, end)
                requested = requested if decided is None else np.where(np.isnan(requested), decided, requested)
            body |= {f"{kind}_{prefix}requested": plain(requested), f"{kind}_{prefix}ready": plain(ready)}
    return json_bytes(dumps(body))


def minutes_of(collector: DemandCollector, table: Floats, name: str, first: int, end: int) -> NDArray[np.float64]:
    """Return a pool's minutes [first, end) of a table that the collector holds in memory, NaN if unknown."""
    out = np.full(end - first, np.nan)
    start, stop = max(first, collector.day.first_minute), min(end, collector.day.end_minute)
    if start < stop:
        out[start - first : stop - first] = table[collector.row[name], np.arange(start, stop) % MINUTES_PER_DAY]
    return out
