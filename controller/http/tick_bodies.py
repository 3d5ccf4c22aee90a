"""Response bodies of one tick: `/status`, `/v1/pools` and the facts of `/readyz`, rendered once instead of once per request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.runtime.clock import Clock
from controller.fleet.fleet import YIELD_EVERY
from controller.http.components import Components
from controller.http.compressed_body import CompressedBody
from controller.http.readiness import pool_stale_reason
from controller.http.responses import dumps, object_of
from controller.http.status_entries import pool_entry, source_entry

TOTALS = {"requested": 0, "ready": 0, "busy": 0.0, "cost_today_usd": 0.0, "cost_month_usd": 0.0}
AGES = ("data_age_seconds", "forecast_age_seconds", "capacity_age_seconds", "last_write")
STARTING: Mapping[str, Any] = {"as_of": None, "tick": None, "sources": [], "totals": {}, "limits": {}, "orphans": [],
                               "pools": []}


@dataclass(frozen=True)
class TickBodies:
    """Bodies that handlers serve until the next tick. By pool: `stale` reasons, `ages` of data, `units` requested and ready."""

    status: CompressedBody
    pools: bytes
    stale: Mapping[str, str]
    ages: Mapping[str, Mapping[str, Any]]
    units: Mapping[str, tuple[int | None, int | None]]


def starting_bodies() -> TickBodies:
    """Return the bodies before the first tick: no pools."""
    return TickBodies(CompressedBody(dumps(STARTING), "starting"), dumps({"as_of": None, "pools": []}), {}, {}, {})


async def render(components: Components, clock: Clock, interval: timedelta, tag: str) -> TickBodies:
    """Return the bodies of the current state; `tag`: ETag of the status. Yield to the event loop every `YIELD_EVERY` pools."""
    fleet, now = components.fleet, clock.now()
    fragments: list[bytes] = []
    totals: dict[str, float] = dict(TOTALS)
    stale, ages, units = {}, {}, {}
    for count, name in enumerate(fleet.reconcilers):
        if count % YIELD_EVERY == YIELD_EVERY - 1:
            await clock.sleep(0)
        entry = pool_entry(fleet, components.accounts, components.decision_log, components.forecasts, name, now)
        units[name] = entry["requested"], entry["ready"]
        ages[name] = {key: entry[key] for key in AGES}
        for key in totals:
            totals[key] += entry[key] or 0
        if (reason := pool_stale_reason(fleet, name, now)) is not None:
            stale[name] = reason
        fragments.append(json.dumps(entry, separators=(",", ":")).encode())
    as_of, pools = dumps(now), b"[" + b",".join(fragments) + b"]"
    head = {"tick": fleet.last, "totals": {"pools": len(fragments), **totals},
            "sources": [source_entry(region, interval) for region in fleet.regions], "limits": fleet.limiter.report(now),
            "orphans": fleet.orphans.shown()}
    if components.leadership is not None:
        head["lease"] = components.leadership.shown()
    status = object_of({"as_of": as_of, **{key: dumps(value) for key, value in head.items()}, "pools": pools})
    return TickBodies(CompressedBody(status, tag), object_of({"as_of": as_of, "pools": pools}), stale, ages, units)
