"""Response bodies of one tick: `/status`, `/v1/pools` and the facts of `/readyz`, rendered once instead of once per request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from adapters.runtime.clock import Clock
from config.model.shown import DEFAULT
from controller.accounting.figures import rounded
from controller.accounting.totals import Totals
from controller.decision.costs.kinds import KIND_OF_MODE, KINDS, Kind
from controller.fleet.fleet import YIELD_EVERY
from controller.fleet.sources import collectors_of
from controller.http.components import Components
from controller.http.compressed_body import CompressedBody
from controller.http.readiness import pool_stale_reason
from controller.http.responses import dumps, object_of
from controller.http.status_entries import pool_entry, source_entry

encoded = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
AGES = ("data_age_seconds", "forecast_age_seconds", "capacity_age_seconds", "last_write")
STARTING: Mapping[str, Any] = {"as_of": None, "tick": None, "sources": [], "totals": {},
                               "metric_reads_usd_per_month": None, "limits": {}, "policy": None, "orphans": [],
                               "display": DEFAULT.body(),
                               "pools": []}


@dataclass(frozen=True)
class TickBodies:
    """Bodies that handlers serve until the next tick. By pool: `stale` reasons, `ages` of data, and by kind `units` requested
    and ready, also of upper layers.
    """

    status: CompressedBody
    pools: bytes
    stale: Mapping[str, str]
    ages: Mapping[str, Mapping[str, Any]]
    units: Mapping[Kind, Mapping[str, tuple[int | None, int | None]]]


def starting_bodies() -> TickBodies:
    """Return the bodies before the first tick: no pools."""
    return TickBodies(CompressedBody(dumps(STARTING), "starting"), dumps({"as_of": None, "pools": []}), {}, {},
                      {kind: {} for kind in KINDS})


async def render(components: Components, clock: Clock, interval: timedelta, tag: str) -> TickBodies:
    """Return the bodies of the current state; `tag`: ETag of the status. Yield to the event loop every `YIELD_EVERY` pools."""
    fleet, now = components.fleet, clock.now()
    fragments: list[bytes] = []
    totals = {kind: Totals(kind) for kind in KINDS}
    stale, ages = {}, {}
    units: dict[Kind, dict[str, tuple[int | None, int | None]]] = {kind: {} for kind in KINDS}
    for count, name in enumerate(fleet.reconcilers):
        if count % YIELD_EVERY == YIELD_EVERY - 1:
            await clock.sleep(0)
        entry = pool_entry(fleet, components.figures, components.decision_log, components.forecasts, name, now)
        layers = {name: entry} | ({} if (top := fleet.tops.get(name)) is None else {top.policy.name: entry["pings"]})
        for layer, part in layers.items():
            for each in KINDS if entry["mode"] == "shadow" else KINDS[:1]:
                units[each][layer] = part[f"{each}_requested"], part[f"{each}_ready"]
        ages[name] = {key: entry[key] for key in AGES}
        kind = KIND_OF_MODE[entry["mode"]]
        totals[kind].add(entry)
        if components.accounts.earlier(name):
            totals["simulated" if kind == "actual" else "actual"].add_earlier(entry)
        if (reason := pool_stale_reason(fleet, name, now)) is not None:
            stale[name] = reason
        fragments.append(encoded(entry).encode())
    as_of, pools = dumps(now), b"[" + b",".join(fragments) + b"]"
    own = () if fleet.leads is None else fleet.leads.own
    sources = [source_entry(each, interval, leads=each in own) for each in collectors_of(fleet).values()]
    head = {"tick": fleet.last, "totals": {kind: each.entry() for kind, each in totals.items()}, "sources": sources,
            "metric_reads_usd_per_month": rounded(sum(each["metric_reads_usd_per_month"] or 0.0 for each in sources)),
            "limits": fleet.limiter.report(now), "policy": components.policy.body(), "orphans": fleet.orphans.shown(),
            "display": components.policy.display.body()}
    if components.leadership is not None:
        head["lease"] = components.leadership.shown()
    status = object_of({"as_of": as_of, **{key: dumps(value) for key, value in head.items()}, "pools": pools})
    return TickBodies(CompressedBody(status, tag), object_of({"as_of": as_of, "pools": pools}), stale, ages, units)
